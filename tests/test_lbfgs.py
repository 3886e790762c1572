"""LBFGS: PyTorch's trajectories with and without line search, resumption, its errors."""

import copy
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim


def rosenbrock(library, p, q):
    """A curved valley in p, a bowl in q, coupled."""
    valley = (5 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()
    return valley + (q * q).sum() * 0.5 + (q[0].sum() - 1) ** 2 * (1 + p[0] ** 2)


def problem(library):
    rng = np.random.default_rng(0)
    start = [rng.standard_normal(6), rng.standard_normal((2, 3))]
    if library is fastnn:
        return [nn.Parameter(fastnn.tensor(a)) for a in start]
    return [library.nn.Parameter(library.tensor(a)) for a in start]


def run(library, params, optimizer, steps):
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(library, *params)
        loss.backward()
        losses.append(float(loss.detach()))
        return loss

    returned = [float(optimizer.step(closure).detach()) for _ in range(steps)]
    return losses, returned


SETTINGS = [
    {"lr": 1e-3},
    {"lr": 0.002, "history_size": 3, "max_iter": 7},
    {"line_search_fn": "strong_wolfe", "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "lr": 0.3, "max_iter": 5, "history_size": 2},
    {"line_search_fn": "strong_wolfe", "lr": 50, "max_iter": 3, "max_eval": 8},
    {"line_search_fn": "strong_wolfe", "tolerance_grad": 1e-2},
    {"line_search_fn": "strong_wolfe", "tolerance_change": 1e-3},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_trajectory(settings):
    """Every evaluation in 25 steps is where PyTorch's is."""
    torch = pytest.importorskip("torch", reason="trajectories are compared with torch's")
    mine, theirs = problem(fastnn), problem(torch)
    a, b = optim.LBFGS(mine, **settings), torch.optim.LBFGS(theirs, **settings)
    (losses, returned), (wanted, wanted_returned) = (
        run(fastnn, mine, a, 25),
        run(torch, theirs, b, 25),
    )
    assert len(losses) == len(wanted)
    # each line search multiplies what rounding differs by: 1e-16 becomes 1e-8 after 100 evaluations
    np.testing.assert_allclose(losses[:60], wanted[:60], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(losses, wanted, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(returned, wanted_returned, rtol=1e-6, atol=1e-9)
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert a.state_dict()["state"][0]["func_evals"] == b.state_dict()["state"][0]["func_evals"]


def test_state_goes_to_torch_and_back():
    torch = pytest.importorskip("torch", reason="states are exchanged with torch")
    settings = {"line_search_fn": "strong_wolfe", "max_iter": 3}
    mine, theirs = problem(fastnn), problem(torch)
    a, b = optim.LBFGS(mine, **settings), torch.optim.LBFGS(theirs, **settings)
    run(fastnn, mine, a, 3)
    run(torch, theirs, b, 3)
    fresh = copy.deepcopy(mine)
    c = optim.LBFGS(fresh, lr=7)
    c.load_state_dict(b.state_dict())
    assert c.param_groups[0]["lr"] == 1
    losses = [run(fastnn, params, o, 2)[0] for params, o in ((mine, a), (fresh, c))]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    np.testing.assert_allclose(losses[0], run(torch, theirs, b, 2)[0], rtol=1e-6)
    assert set(b.state_dict()["state"][0]) - {"al"} == set(a.state_dict()["state"][0])


@pytest.mark.parametrize("way", ["pickle", "state_dict"])
def test_resumption_gives_the_same_bits(way):
    params = problem(fastnn)
    optimizer = optim.LBFGS(params, line_search_fn="strong_wolfe", max_iter=3)
    run(fastnn, params, optimizer, 3)
    if way == "pickle":
        again, other = pickle.loads(pickle.dumps((params, optimizer)))
    else:
        again = copy.deepcopy(params)
        other = optim.LBFGS(again)
        other.load_state_dict(optimizer.state_dict())
    assert run(fastnn, params, optimizer, 3) == run(fastnn, again, other, 3)


def test_float32_and_missing_gradients():
    p, q = nn.Parameter(fastnn.tensor([3.0, -4.0])), nn.Parameter(fastnn.ones(3))
    optimizer = optim.LBFGS([p, q], line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = ((p - 1) ** 4).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), 1, atol=0.05)
    assert p.dtype == np.float32
    assert q.tolist() == [1.0] * 3


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda p: optim.LBFGS([p]).step(), TypeError, "needs a closure"),
        (lambda p: optim.LBFGS([p], line_search_fn="armijo"), ValueError, "got 'armijo'"),
        (lambda p: optim.LBFGS([p], max_iter=0), ValueError, "max_iter must be at least 1"),
        (
            lambda p: optim.LBFGS([{"params": [p]}, {"params": [nn.Parameter(fastnn.ones(1))]}]),
            ValueError,
            "one parameter group",
        ),
        (
            lambda p: optim.LBFGS([p, nn.Parameter(fastnn.ones(1).double())]),
            ValueError,
            "one dtype",
        ),
        (
            lambda p: optim.LBFGS([p]).load_state_dict(
                {"state": {}, "param_groups": [{"params": [0, 1]}]}
            ),
            ValueError,
            "the state has 2 parameters",
        ),
    ],
)
def test_errors(make, error, match):
    with pytest.raises(error, match=match):
        make(nn.Parameter(fastnn.ones(2)))
