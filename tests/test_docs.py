"""The pages in docs/: their programs run, their links lead somewhere, the list of gaps is current."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
if not DOCS.exists():
    pytest.skip("docs/ is not part of an installation", allow_module_level=True)


def test_the_course_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "course"}
    text = (DOCS / "course.md").read_text("utf-8")
    blocks = list(re.finditer(r"```python\n(.*?)```", text, re.S))
    assert len(blocks) > 15
    for block in blocks:
        line = text[: block.start()].count("\n") + 1
        source = "\n" * line + block.group(1)  # errors name the line of the page
        exec(compile(source, str(DOCS / "course.md"), "exec"), names)


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
    pages = [(DOCS / "missing.md").read_text("utf-8"), script.page()]
    known, now = ([s for s in p.splitlines() if script.NOT_YET not in s] for p in pages)
    assert known == now, "what fastnn has changed: run  python docs/missing.py"
