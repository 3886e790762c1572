"""The benchmarks' own logic: a contestant that fails costs its cell of the table, not the run."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "benchmarks").exists():
    pytest.skip("the benchmarks are not part of an installation", allow_module_level=True)
sys.path.insert(0, str(ROOT))

import fastnn  # noqa: E402
from benchmarks import measure, modules, report  # noqa: E402
from fastnn import nn  # noqa: E402


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


def test_every_layer_and_loss_is_measured():
    made_of_others = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"}
    made_of_others |= {"Sequential", "Transformer", "TransformerEncoder", "TransformerDecoder"}
    no_work = {"Identity", "Flatten", "Unflatten"}
    the_same = {  # one kernel with another, or an addition and a division
        "UpsamplingNearest2d", "UpsamplingBilinear2d", "InstanceNorm3d", "MaxUnpool1d", "MaxUnpool2d",
        "LearnedPositionalEncoding", "SinusoidalPositionalEncoding", "TemperatureScaling",
    }  # fmt: skip
    names = {n for n, c in vars(nn).items() if isinstance(c, type) and issubclass(c, nn.Module)}
    names = {n for n in names if not n.startswith("Lazy")} - made_of_others - no_work - the_same
    assert names - {module.kind for module in modules.MODULES} == set()


@pytest.mark.parametrize("kind", list(modules.WRITTEN))
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-4), ("float64", 1e-9)])
def test_what_pytorch_has_not_is_what_its_users_write(kind, dtype, rtol):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    module = next(m for m in modules.MODULES if m.kind == kind)
    arrays = [modules.draw(spec, seed) for seed, spec in enumerate(module.inputs)]
    arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays]
    results = []
    for library in (fastnn, torch):
        xs = [library.as_tensor(a) for a in arrays]
        xs[0].requires_grad_()
        if library is torch:
            y = modules.WRITTEN[kind](torch, *xs, *module.args)
        else:
            y = getattr(nn, kind)(*module.args).to(dtype)(*xs)
        (y * y).sum().backward()
        results.append([y.detach().numpy(), xs[0].grad.numpy()])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=rtol / 10 * abs(theirs).max())


def test_the_floor_is_no_peer():
    players = [(Player("fastnn"), "eager"), (Player("torch"), "eager"), (Player("floor"), "C")]
    results = measure.interleaved(players, ("small_op", {"name": "relu"}), 0.01, rounds=3)
    results[2].values = [1e-6] * 3
    case = measure.Case("overhead", "relu", "s", results)
    assert [r.library for r in case.peers()] == ["torch"]
    table = report.markdown([case], [], "command")
    assert "| relu, s | 2e-06 (1) | 2e-06 (1) | 1e-06 (1) | **1** | 50% |" in table
