"""The pages in docs/: their programs run, their links lead somewhere, the list of gaps is current."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
if not DOCS.exists():
    pytest.skip("docs/ is not part of an installation", allow_module_level=True)

COURSE = (DOCS / "course.md").read_text("utf-8")
BLOCK = re.compile(
    r"```python(?: needs=(\S+))?\n(.*?)```", re.S
)  # packages that are no requirement
NEEDS = {name for block in BLOCK.finditer(COURSE) for name in (block[1] or "").split(",")} - {""}


def test_the_course_runs(tmp_path, monkeypatch):
    """Blocks whose packages are not installed are left out: test_the_course_needs says which."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "course"}
    blocks = list(BLOCK.finditer(COURSE))
    assert len(blocks) == COURSE.count("```python") > 40
    for block in blocks:
        if all(map(importlib.util.find_spec, (block[1] or "re").split(","))):
            line = COURSE[: block.start()].count("\n") + 1
            source = "\n" * line + block[2]  # errors name the line of the page
            exec(compile(source, str(DOCS / "course.md"), "exec"), names)


@pytest.mark.parametrize("package", sorted(NEEDS))
def test_the_course_needs(package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: its recipe in docs/course.md has not run")


def test_the_course_has_every_topic():
    """The rows of the project's feature list, A1 to M7."""
    rows = {"A": 5, "B": 8, "C": 6, "D": 2, "E": 4, "F": 3, "G": 5, "H": 5, "I": 6, "J": 5, "K": 1}
    rows |= {"L": 3, "M": 7}
    text = BLOCK.sub("", COURSE)
    wanted = [f"{letter}{n}" for letter, last in rows.items() for n in range(1, last + 1)]
    assert [row for row in wanted if not re.search(rf"\b{row}\b", text)] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_missing_is_current():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    version = ".".join(torch.__version__.split(".")[:2])
    if f"PyTorch {version} " not in (DOCS / "missing.md").read_text("utf-8"):
        pytest.skip(f"the page is about another PyTorch than {version}")
    spec = importlib.util.spec_from_file_location("missing", DOCS / "missing.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    known = (DOCS / "missing.md").read_text("utf-8")
    assert known.splitlines() == script.page().splitlines(), (
        "what fastnn has changed: run  python docs/missing.py"
    )
