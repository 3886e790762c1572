"""The README's programs run as they stand there."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_scripts_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a model is saved
    script, loop = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.S)
    assert len(script.splitlines()) < 20
    names = {}
    exec(script, names)
    assert "test_accuracy" in capsys.readouterr().out
    assert names["trainer"].test(names["load_digits"]("test"))["test_accuracy"] > 0.95
    exec(loop, names)


def test_the_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", README.read_text("utf-8")):
        assert (README.parent / target).exists(), target
