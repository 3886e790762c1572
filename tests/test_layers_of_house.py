"""The floors of the house: a floor imports only floors below it (and its own rooms)."""

import ast
import re
from pathlib import Path

import pytest

import fastnn

ROOT = Path(fastnn.__file__).parent
SOURCES = Path(__file__).parent.parent / "fastnn"  # .pyx files are there, not in an installation

# from the ground up; the rooms of one entry stand side by side and may import each other
FLOORS = (
    ("version", "_engine"),
    ("autograd", "config", "cuda", "device", "dlpack", "typeinfo"),
    ("ops",),
    ("nn",),
    ("optim",),
    ("data",),
    ("metrics", "diagnostics"),
    ("training",),
    ("search", "ensemble", "serialization"),
    ("datasets", "sklearn", "distributed", "onnx", "tabular"),
    ("cli", "__main__"),
)
LEVEL = {room: level for level, floor in enumerate(FLOORS) for room in floor}
# the package's front door: everything below it may be taken from `fastnn` itself by upper floors
FRONT_DOOR = LEVEL["ops"]


def sources():
    folder = SOURCES if SOURCES.exists() else ROOT
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".pyx", ".pxd", ".pxi"):
            yield path, path.relative_to(folder)


def imports(path):
    """Names of all modules that a file imports, at its top or inside a function."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from (name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                if node.module == "fastnn":
                    yield from (f"fastnn.{name.name}" for name in node.names)
                else:
                    yield node.module
    else:
        text = re.sub(r'"""(?s:.*?)"""', "", text)
        for first, names in re.findall(
            r"^\s*from\s+([\w.]+)\s+c?import\s+(.+)$|^\s*c?import\s+[\w.]+", text, re.M
        ):
            if first == "fastnn":
                yield from (f"fastnn.{name}" for name in re.findall(r"\w+", names))
            elif first:
                yield first
        yield from re.findall(r"^\s*c?import\s+([\w.]+)", text, re.M)


FILES = [pytest.param(path, name, id=str(name)) for path, name in sources()]


@pytest.mark.parametrize(("path", "name"), FILES)
def test_imports_go_downward(path, name):
    room = name.parts[0].split(".")[0]
    if room == "__init__":
        return  # the front door of the package gathers the floors
    assert room in LEVEL, f"{name}: give this room a floor in FLOORS"
    for module in imports(path):
        parts = module.split(".")
        if parts[0] != "fastnn":
            continue
        below = LEVEL.get(parts[1], FRONT_DOOR) if len(parts) > 1 else FRONT_DOOR
        assert below <= LEVEL[room], f"{name} imports {module}, which is on a higher floor"


def test_openmp_is_in_one_place():
    csrc = SOURCES.parent / "csrc"
    if not csrc.exists():
        pytest.skip("the C sources are not part of an installation")
    users = {path.name for path in csrc.rglob("*.[ch]") if "omp" in path.read_text("utf-8").split()}
    pragmas = {
        path.name for path in csrc.rglob("*.[ch]") if "#pragma omp" in path.read_text("utf-8")
    }
    assert pragmas == {"run.c"}, users
    includes = {p.name for p in csrc.rglob("*.[ch]") if "<omp.h>" in p.read_text("utf-8")}
    assert includes == {"run.c", "threads.c"}


def test_kernels_never_allocate():
    csrc = SOURCES.parent / "csrc"
    if not csrc.exists():
        pytest.skip("the C sources are not part of an installation")
    pattern = re.compile(r"\b(malloc|calloc|realloc|alloca|free)\s*\(")
    found = [p.name for p in (csrc / "kernels").glob("*") if pattern.search(p.read_text("utf-8"))]
    assert not found
