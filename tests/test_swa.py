"""Averaged weights: PyTorch's averages, places in memory, recorded steps, batch norm anew."""

import copy
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.optim.swa_utils import (
    SWALR,
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)


def make(library, dtype):
    layers = library.Sequential(library.Linear(4, 7), library.BatchNorm1d(7), library.Linear(7, 2))
    return layers.double() if dtype == "float64" else layers


def pair(torch, dtype="float64"):
    theirs = make(torch.nn, dtype)
    mine = make(nn, dtype)
    mine.load_state_dict(theirs.state_dict())
    return mine, theirs


def move_both(mine, theirs, rng, torch):
    """The same new values for parameters and buffers."""
    for p, q in zip(mine.state_dict().values(), theirs.state_dict().values(), strict=True):
        value = np.asarray(rng.standard_normal(p.shape) * 9)
        p.copy_(fastnn.tensor(value.astype(p.dtype)))
        q.copy_(torch.tensor(value.astype(p.dtype)))


RULES = {
    "default": lambda u: {},
    "ema": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.9)},
    "fast ema": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.2), "use_buffers": True},
    "single ema": lambda u: {"avg_fn": u.get_ema_avg_fn(0.7)},
    "single swa": lambda u: {"avg_fn": u.get_swa_avg_fn()},
    "swa": lambda u: {"multi_avg_fn": u.get_swa_multi_avg_fn()},
    "own": lambda u: {"avg_fn": lambda y, x, n: (y + x) / 2},
    "own of many": lambda u: {"multi_avg_fn": lambda ys, xs, n: [y.mul_(0.5) for y in ys] and None},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("in_arena", [False, True])
def test_averages_are_pytorchs(rule, dtype, in_arena):
    torch = pytest.importorskip("torch", reason="averages are compared with torch's")
    mine, theirs = pair(torch, dtype)
    a = AveragedModel(mine, **RULES[rule](optim.swa_utils))
    b = torch.optim.swa_utils.AveragedModel(theirs, **RULES[rule](torch.optim.swa_utils))
    if in_arena:
        optim.SGD(mine.parameters(), lr=0.1)  # after: the averages must follow
    rng = np.random.default_rng(0)
    for _ in range(5):
        move_both(mine, theirs, rng, torch)
        a.update_parameters(mine)
        b.update_parameters(theirs)
    assert list(a.state_dict()) == list(b.state_dict())
    for name, value in b.state_dict().items():
        found = a.state_dict()[name].numpy()
        # torch's rule of many takes 1 / (n + 1) in float32, whatever the parameters' dtype
        tolerance = 1e-5 if dtype == "float32" or rule == "swa" else 1e-12
        np.testing.assert_allclose(found, value.numpy(), rtol=tolerance, atol=tolerance)
    x = rng.standard_normal((3, 4)).astype(dtype)
    wanted = b.eval()(torch.tensor(x)).detach().numpy()
    found = a.eval()(fastnn.tensor(x)).detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_an_arena_takes_one_pass():
    model = make(nn, "float32")
    optim.SGD(model.parameters(), lr=0.1)
    average = AveragedModel(model)

    @fastnn.compile
    def step():
        average.update_parameters(model)

    for _ in range(4):
        step()
    names = [row["name"] for row in step.plans()[0].table()]
    assert names.count("average_update") == 1
    assert step.replayed == 2
    assert average.n_averaged.item() == 4
    addresses = [[p.data_ptr() for p in m.parameters()] for m in (model, average.module)]
    assert np.diff(addresses[0]).tolist() == np.diff(addresses[1]).tolist()


def trained(compiled, threads=1):
    fastnn.set_num_threads(threads)
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 500), nn.Tanh(), nn.Linear(500, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8))
    rng = np.random.default_rng(1)

    def step(x):
        optimizer.zero_grad()
        (model(x) ** 2).sum().backward()
        optimizer.step()
        average.update_parameters(model)

    run = fastnn.compile(step) if compiled else step
    for _ in range(7):
        run(fastnn.tensor(rng.standard_normal((3, 4)).astype("float32")))
    assert not compiled or run.replayed > 0
    return [p.detach().numpy().tobytes() for p in average.parameters()]


def test_recorded_steps_and_threads_give_the_same_bits():
    assert trained(False) == trained(True) == trained(True, 3)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_and_saved_states_go_on(duplicate):
    model = make(nn, "float32")
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    average.update_parameters(model)
    other = duplicate(average)
    loaded = AveragedModel(make(nn, "float32"), multi_avg_fn=get_ema_multi_avg_fn(0.5))
    loaded.load_state_dict(average.state_dict())
    for p in model.parameters():
        p.data.fill_(3.0)
    for one in (average, other, loaded):
        one.update_parameters(model)
        assert one.n_averaged.item() == 2
        for p, q in zip(one.parameters(), average.parameters(), strict=True):
            assert p.tolist() == q.tolist()


def test_update_bn():
    torch = pytest.importorskip("torch", reason="statistics are compared with torch's")
    mine, theirs = pair(torch)
    rng = np.random.default_rng(3)
    batches = [rng.standard_normal((n, 4)) + 5 for n in (6, 6, 3)]
    mine.eval()
    theirs.eval()
    update_bn([(fastnn.tensor(b), None) for b in batches], mine)
    torch.optim.swa_utils.update_bn([torch.tensor(b) for b in batches], theirs)
    assert not mine.training
    assert not mine[1].training
    assert mine[1].momentum == 0.1
    for name, value in theirs.state_dict().items():
        found = mine.state_dict()[name]
        assert found.dtype == value.numpy().dtype
        np.testing.assert_allclose(found.numpy(), value.numpy(), rtol=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        {"swa_lr": 0.05},
        {"swa_lr": [0.5, 0.01], "anneal_epochs": 20, "anneal_strategy": "linear"},
        {"swa_lr": 0.3, "anneal_epochs": 0},
        {"swa_lr": 0.3, "anneal_epochs": 1, "anneal_strategy": "linear"},
    ],
)
def test_swalr_after_another_schedule(settings):
    torch = pytest.importorskip("torch", reason="sequences are compared with torch's")
    sides = []
    for library, zeros, utils in (
        (optim, lambda: nn.Parameter(fastnn.zeros(1)), optim.swa_utils),
        (torch.optim, lambda: torch.nn.Parameter(torch.zeros(1)), torch.optim.swa_utils),
    ):
        optimizer = library.SGD([{"params": [zeros()]}, {"params": [zeros()], "lr": 0.7}], lr=0.1)
        first = library.lr_scheduler.ExponentialLR(optimizer, 0.9)
        sides.append((optimizer, first, utils.SWALR(optimizer, **settings)))
    for epoch in range(100):
        for optimizer, first, second in sides:
            optimizer.step()
            (second if epoch > 10 else first).step()
        rates = [[g["lr"] for g in optimizer.param_groups] for optimizer, _, _ in sides]
        np.testing.assert_allclose(rates[0], rates[1], rtol=1e-9, atol=1e-15)


def test_errors():
    model = make(nn, "float32")
    with pytest.raises(ValueError, match="not both"):
        AveragedModel(model, avg_fn=get_swa_avg_fn(), multi_avg_fn=get_swa_multi_avg_fn())
    with pytest.raises(ValueError, match="device must be None or 'cpu'"):
        AveragedModel(model, "cuda")
    with pytest.raises(TypeError, match="expected a Module, got list"):
        AveragedModel([model])
    with pytest.raises(ValueError, match="after changing the model"):
        AveragedModel(model).update_parameters(nn.Linear(4, 7))
    with pytest.raises(ValueError, match=r"from 0 to 1, got 1.5"):
        get_ema_avg_fn(1.5)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for settings, match in [
        ({"anneal_strategy": "sin"}, "'cos' or 'linear'"),
        ({"anneal_epochs": -1}, "at least 0"),
        ({"swa_lr": [1, 2]}, "expected 1 values"),
    ]:
        with pytest.raises(ValueError, match=match):
            SWALR(optimizer, **{"swa_lr": 0.1, **settings})
