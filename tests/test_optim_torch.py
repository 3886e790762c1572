"""Optimizers and gradient clipping beside PyTorch's: trajectories, groups, state."""

import copy
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

torch = pytest.importorskip("torch", reason="trajectories are compared with torch's")

SHAPES = [(5, 3), (5,), (130, 7), (1,), (), (0, 4)]
SETTINGS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adagrad", {}),
    (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.2, "weight_decay": 0.1},
    ),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.5, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.9, "alpha": 0.9, "eps": 1e-3, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.99), "weight_decay": 0.1, "amsgrad": True}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.3, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.1, "betas": (0.8, 0.99), "weight_decay": 0.1, "momentum_decay": 0.3}),
    ("NAdam", {"weight_decay": 0.3, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1, "maximize": True}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.3, 2.0), "step_sizes": (0.05, 0.5), "maximize": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.3, "lambd": 0.1, "alpha": 0.5, "t0": 5, "weight_decay": 0.1}),
]
EACH_SETTING = pytest.mark.parametrize(
    ("name", "settings"), SETTINGS, ids=[f"{n}-{i}" for i, (n, _) in enumerate(SETTINGS)]
)


def pair(dtype="float64", shapes=SHAPES):
    """The same parameters here and in torch; the first is stored transposed."""
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal(s).astype(dtype) for s in shapes]
    first = fastnn.from_numpy(np.asfortranarray(arrays[0]))
    mine = [nn.Parameter(first), *[nn.Parameter(fastnn.tensor(a)) for a in arrays[1:]]]
    return mine, [torch.nn.Parameter(torch.tensor(a)) for a in arrays]


def give_gradients(mine, theirs, rng, missing=()):
    for i, (p, q) in enumerate(zip(mine, theirs, strict=True)):
        g = rng.standard_normal(p.shape).astype(p.dtype)
        p.grad = None if i in missing else fastnn.tensor(g)
        q.grad = None if i in missing else torch.tensor(g)


def assert_same(mine, theirs, rtol=1e-12):
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(
            p.detach().numpy(), q.detach().numpy(), rtol=rtol, atol=rtol, strict=True
        )


@pytest.fixture
def torch_counts_in_float64():
    """torch keeps scalars of NAdam and ASGD in its default dtype, even for float64 parameters."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("torch_counts_in_float64")
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-5), ("float64", 1e-12)])
@EACH_SETTING
def test_trajectory(name, settings, dtype, rtol):
    mine, theirs = pair(dtype)
    a, b = getattr(optim, name)(mine, **settings), getattr(torch.optim, name)(theirs, **settings)
    rng = np.random.default_rng(2)
    for step in range(25):
        give_gradients(mine, theirs, rng, missing={1, 2} if step % 3 == 1 else ())
        a.step()
        b.step()
    assert_same(mine, theirs, rtol)
    assert mine[0].stride() == (1, 5), "the layout in memory must stay"


@pytest.mark.usefixtures("torch_counts_in_float64")
@EACH_SETTING
def test_state_goes_to_torch_and_back(name, settings):
    mine, theirs = pair()
    a, b = getattr(optim, name)(mine, **settings), getattr(torch.optim, name)(theirs, **settings)
    rng = np.random.default_rng(3)
    for _ in range(3):
        give_gradients(mine, theirs, rng)
        a.step()
        b.step()
    fresh = copy.deepcopy(mine)
    c = getattr(optim, name)(fresh, lr=123.0)
    c.load_state_dict(b.state_dict())
    saved = a.state_dict()
    state = {
        i: {k: torch.from_numpy(np.array(v.numpy())) for k, v in entry.items()}
        for i, entry in saved["state"].items()
    }
    groups = [{**t, **f} for t, f in zip(b.state_dict()["param_groups"], saved["param_groups"])]
    theirs_again = [torch.nn.Parameter(p.detach().clone()) for p in theirs]
    d = getattr(torch.optim, name)(theirs_again, lr=123.0)
    d.load_state_dict({"state": state, "param_groups": groups})
    for _ in range(3):
        give_gradients(mine, theirs, rng)
        for p, q, r, s in zip(mine, fresh, theirs, theirs_again, strict=True):
            q.grad, s.grad = fastnn.tensor(p.grad), r.grad.clone()
        for optimizer in (a, b, c, d):
            optimizer.step()
    for other in (fresh, theirs, theirs_again):
        assert_same(mine, other)


def test_groups_and_schedules_act_at_once():
    mine, theirs = pair()
    groups = [slice(0, 2), slice(2, 5)]
    a = optim.SGD(
        [{"params": mine[s], "lr": 0.1 * (i + 1)} for i, s in enumerate(groups)], momentum=0.5
    )
    b = torch.optim.SGD(
        [{"params": theirs[s], "lr": 0.1 * (i + 1)} for i, s in enumerate(groups)], momentum=0.5
    )
    a.add_param_group({"params": mine[5], "weight_decay": 0.3})
    b.add_param_group({"params": theirs[5], "weight_decay": 0.3})
    rng = np.random.default_rng(5)
    for step in range(6):
        for optimizer in (a, b):
            optimizer.param_groups[1]["lr"] = 0.1 / (step + 1)
            optimizer.param_groups[0].update(momentum=0.9, nesterov=step > 2)
        give_gradients(mine, theirs, rng)
        a.step()
        b.step()
    assert_same(mine, theirs)
    with pytest.raises(ValueError, match="lr must be at least 0, got -1"):
        a.param_groups[0]["lr"] = -1
    assert a.param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.5, float("inf")])
@pytest.mark.parametrize("in_arena", [False, True])
def test_clip_grad_norm(norm_type, in_arena):
    mine, theirs = pair("float32", [(50, 3), (5,), (130, 70), (1,), ()])
    if in_arena:
        optim.SGD(mine, lr=0.1)
    for max_norm in (1e9, 0.7):
        give_gradients(mine, theirs, np.random.default_rng(1), missing={3})
        if in_arena:
            for p in mine:
                if p.grad is not None:
                    p.grad, g = None, p.grad
                    (p * g).sum().backward()
        assert float(nn.utils.get_grad_norm(mine, norm_type)) > 0
        a = nn.utils.clip_grad_norm_(mine, max_norm, norm_type)
        b = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
        np.testing.assert_allclose(a.item(), b.item(), rtol=1e-5)
        for p, q in zip(mine, theirs, strict=True):
            if q.grad is not None:
                np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5)


def test_clip_grad_value_and_nonfinite_norms():
    mine, theirs = pair()
    give_gradients(mine, theirs, np.random.default_rng(1))
    nn.utils.clip_grad_value_(mine, 0.3)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    assert_same([p.grad for p in mine], [q.grad for q in theirs])
    mine[1].grad.numpy()[2] = np.nan
    with pytest.raises(RuntimeError, match="gradient norm is nan"):
        nn.utils.clip_grad_norm_(mine, 1.0, error_if_nonfinite=True)
    assert np.isnan(nn.utils.clip_grad_norm_(mine, 1.0).item())
    assert np.isnan(mine[0].grad.numpy()).all()
    with pytest.raises(ValueError, match="max_norm"):
        nn.utils.clip_grad_norm_(mine, -1.0)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_and_pickles(duplicate):
    """A model and its optimizer, copied together, train on exactly as the first pair does."""
    p = nn.Parameter(fastnn.randn(5))
    optimizer = optim.Adam([("p", p)], lr=0.1)
    p.grad = fastnn.randn(5)
    optimizer.step()
    q, other = duplicate((p, optimizer))
    assert other.param_groups[0]["params"][0] is q
    for x, o in ((p, optimizer), (q, other)):
        x.grad = fastnn.full((5,), 0.25)
        o.step()
        o.param_groups[0]["lr"] = 0.5
        o.step()
    assert p.tolist() == q.tolist()
    assert p.data_ptr() != q.data_ptr()
