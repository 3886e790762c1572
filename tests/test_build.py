"""What is built and shipped: the contents of the sdist, the instruction sets, the version."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zlib
from pathlib import Path

import pytest
from interpreter import python

import fastnn

TREE = Path(__file__).parent.parent
INFO = fastnn.config_info()
DEBUG = os.environ.get("FASTNN_DEBUG") == "1"  # tests/sanitize.sh builds with symbols
needs_tree = pytest.mark.skipif(not (TREE / "setup.py").exists(), reason="needs the source tree")


@needs_tree
def test_sdist(tmp_path):
    pytest.importorskip("setuptools")
    tree = tmp_path / "tree"
    skip = shutil.ignore_patterns("build", "dist", ".git", "*.so", "__pycache__", "*.egg-info")
    shutil.copytree(TREE, tree, ignore=skip, symlinks=True)
    command = [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", str(tmp_path / "dist")]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (archive,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    for pattern in ("csrc/**/*.[ch]", "fastnn/**/*.py*", "fastnn/**/*.pxi", "tests/**/*.py"):
        for path in tree.glob(pattern):
            name = path.relative_to(tree).as_posix()
            assert name in names or "__pycache__" in name, f"{name} is missing in the sdist"
    assert {"setup.py", "pyproject.toml", "LICENSE"} <= names
    unwanted = [n for n in names if n.endswith((".so", ".o", ".pyc", ".pyd"))]
    assert not unwanted


def test_installation_has_no_sources():
    folder = Path(fastnn.__file__).parent
    if (folder.parent / "setup.py").exists():
        pytest.skip("fastnn runs from its source tree")
    assert not [p for p in folder.rglob("*") if p.suffix in (".c", ".pyx", ".pxi", ".h")]


@needs_tree
def test_import_without_build(tmp_path):
    skip = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(TREE / "fastnn", tmp_path / "fastnn", ignore=skip)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport fastnn"
    done = python(code, PYTHONPATH="")
    assert done.returncode != 0
    assert "ImportError" in done.stderr
    assert "pip install" in done.stderr


def test_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", fastnn.__version__)
    assert INFO["version"] == fastnn.__version__


@pytest.mark.parametrize("isa", INFO["isas"])
def test_isa_forced(isa):
    code = "import fastnn; i = fastnn.config_info(); print(i['isa'], i['vector_bytes'])"
    done = python(code, FASTNN_ISA=isa)
    assert done.returncode == 0, done.stderr
    name, length = done.stdout.split()
    assert name == isa
    assert int(length) == {"baseline": 16, "neon": 16, "avx2": 32, "avx512": 64}[isa]


def test_isa_unknown():
    done = python("import fastnn", FASTNN_ISA="sse9")
    assert done.returncode != 0
    assert "FASTNN_ISA=sse9" in done.stderr
    assert INFO["isas"][0] in done.stderr


def test_the_wheel_is_under_5_mb():
    folder = Path(fastnn.__file__).parent
    if DEBUG or not {"baseline", "avx2", "avx512"} <= set(INFO["isas"]):
        pytest.skip("a build of another kind than the wheel's")
    tag = sysconfig.get_config_var("EXT_SUFFIX")
    shipped = [p for p in folder.rglob("*") if p.suffix in (".py", ".npz") or p.name.endswith(tag)]
    assert sum(len(zlib.compress(p.read_bytes())) for p in shipped) < 5_000_000


def test_one_core_in_the_process():
    """State of the C core exists once: the modules of fastnn.ops hold none of it."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    folder = Path(fastnn.__file__).parent
    holders = [p.name for p in folder.rglob("*.so") if b"GOMP_parallel" in p.read_bytes()]
    assert len(holders) == (1 if INFO["openmp"] else 0)


def test_show_config(capsys):
    fastnn.show_config()
    text = capsys.readouterr().out
    assert all(key in text for key in INFO)
