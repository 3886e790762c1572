"""The benchmarks' own logic: a contestant that fails costs its cell of the table, not the run."""

import math
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "benchmarks").exists():
    pytest.skip("the benchmarks are not part of an installation", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks import measure, report  # noqa: E402


class Player:
    """Answers as a Contestant does, and dies at its n-th turn."""

    def __init__(self, library, dies_at=math.inf):
        self.library, self.threads, self.turns, self.dies_at = library, 1, 0, dies_at

    def ask(self, command, **arguments):
        self.turns += command == "time"
        if self.turns >= self.dies_at:
            return {"error": "killed by signal 9"}
        return {"values": [1.0], "count": 1, "seconds": 2e-6}


def test_a_contestant_that_dies_gives_an_error_in_its_cell():
    players = [(Player("fastnn"), "eager"), (Player("torch", dies_at=2), "eager")]
    results = measure.interleaved(players, ("step", {"net": "small"}), 0.01, rounds=3, scale=1e6)
    assert [r.values for r in results] == [[2.0, 2.0, 2.0], []]
    table = report.markdown([measure.Case("steps", "small", "µs", results)], [], "command")
    assert "| small, µs | 2 (1) | killed by signal 9 (1) | - |" in table


def test_a_process_that_ends_says_how():
    contestant = measure.Contestant("no_such_library", 1)
    assert contestant.ask("step", net="small", mode="eager") == {"error": "ended with code 1"}
    contestant.close()
