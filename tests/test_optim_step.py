"""What optimizers do beside PyTorch's: clipping in the step, skipped steps, L1 decay, Lion."""

import copy
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

NAMES = [
    *("SGD", "Adagrad", "RMSprop", "Adam", "AdamW", "Adadelta"),
    *("Adamax", "NAdam", "RAdam", "Rprop", "Lion", "ASGD"),
]
EACH = pytest.mark.parametrize("name", NAMES)


def parameters(dtype="float64", shapes=((5, 3), (7,), (1,))):
    rng = np.random.default_rng(0)
    return [nn.Parameter(fastnn.tensor(rng.standard_normal(s).astype(dtype))) for s in shapes]


def give(params, rng, factor=1.0, missing=()):
    for i, p in enumerate(params):
        g = factor * rng.standard_normal(p.shape)
        p.grad = None if i in missing else fastnn.tensor(g.astype(p.dtype))


def values(params):
    return [p.detach().numpy().copy() for p in params]


def assert_close(a, b, rtol=1e-12):
    for x, y in zip(values(a), values(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


@EACH
def test_clip_norm_is_clip_grad_norm_(name):
    a, b = parameters(), parameters()
    first, second = (getattr(optim, name)(p, lr=0.1) for p in (a, b))
    for step in range(6):
        missing = {1} if step == 2 else ()
        for params in (a, b):
            give(params, np.random.default_rng(step), 1 + step, missing)
        if step != 4:
            found = first.clip_norm(2.5).item()
            assert found == pytest.approx(nn.utils.clip_grad_norm_(b, 2.5).item(), rel=1e-12)
        before = [None if p.grad is None else p.grad.tolist() for p in a]
        first.step()
        second.step()
        assert before == [None if p.grad is None else p.grad.tolist() for p in a]
    assert_close(a, b)


@EACH
def test_bad_steps_are_skipped_whole(name):
    a, b = parameters("float32"), parameters("float32")
    first = getattr(optim, name)([{"params": a[:2]}, {"params": a[2]}], lr=0.1)
    second = getattr(optim, name)(b, lr=0.1)
    first.skip_nonfinite = True

    @fastnn.compile
    def step(*gs):
        first.zero_grad()
        sum((p * g).sum() for p, g in zip(a, gs, strict=True)).backward()
        first.step()

    for i in range(14):
        bad = i in (0, 3, 4, 7)
        give(b, np.random.default_rng(i))
        gs = [fastnn.tensor(p.grad) for p in b]
        if bad:
            gs[i % 3].numpy().flat[0] = np.nan if i % 2 else np.inf
        step(*gs)
        if not bad:
            second.step()
        assert all(np.array_equal(x, y) for x, y in zip(values(a), values(b), strict=True))
    assert step.replayed > 8
    assert first.skipped_steps == 4
    assert second.skipped_steps == 0
    assert first.first_nonfinite_step is None
    mine, theirs = first.state_dict()["state"], second.state_dict()["state"]
    if "step" in mine.get(0, {}):
        assert mine[0]["step"].item() == theirs[0]["step"].item() == 10


def test_skipping_with_clipping():
    (p,) = parameters("float32", [(4,)])
    optimizer = optim.Adam([p])
    optimizer.skip_nonfinite = True
    before = p.tolist()
    p.grad = fastnn.tensor([1.0, float("nan"), 1.0, 1.0])
    assert np.isnan(optimizer.clip_norm(1.0).item())
    optimizer.step()
    assert p.tolist() == before
    p.grad = fastnn.ones(4)
    assert optimizer.clip_norm(1.0).item() == 2.0
    optimizer.step()
    assert p.tolist() != before
    assert optimizer.skipped_steps == 1
    assert copy.deepcopy(optimizer).skip_nonfinite
    with pytest.raises(ValueError, match="max_norm must be at least 0"):
        optimizer.clip_norm(-1)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "Rprop"])
def test_l1_decay_is_the_gradient_of_the_penalty(name):
    """Where penalties are decoupled, sign(p) lr l1 is taken from the weight, before the step."""
    a, b = parameters(), parameters()
    plain = {} if name != "AdamW" else {"weight_decay": 0}
    first = getattr(optim, name)(a, lr=0.1, l1_decay=0.3, **plain)
    second = getattr(optim, name)(b, lr=0.1, **plain)
    rng = np.random.default_rng(1)
    a[0].data[0, 0] = b[0].data[0, 0] = 0.0
    for _ in range(3):
        give(a, rng)
        for p, q in zip(a, b, strict=True):
            sign = q.detach().sign()
            if name in ("AdamW", "Lion"):
                q.grad = fastnn.tensor(p.grad)
                q.data.sub_(0.03 * sign)
            else:
                q.grad = p.grad + 0.3 * sign
        first.step()
        second.step()
    assert_close(a, b)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-6), ("float64", 1e-13)])
@pytest.mark.parametrize(
    "settings", [{}, {"lr": 0.1, "betas": (0.5, 0.8), "weight_decay": 0.2, "maximize": True}]
)
def test_lion(settings, dtype, rtol):
    """Chen et al. (2023), algorithm 2, in NumPy."""
    (p,) = parameters(dtype, [(6, 5)])
    optimizer = optim.Lion([p], **settings)
    group = optimizer.param_groups[0]
    x, m = values([p])[0].astype("float64"), 0.0
    rng = np.random.default_rng(2)
    for _ in range(25):
        g = rng.standard_normal((6, 5)).astype(dtype)
        p.grad = fastnn.tensor(g)
        optimizer.step()
        g = -g if group["maximize"] else g
        b1, b2 = group["betas"]
        x -= group["lr"] * (np.sign(b1 * m + (1 - b1) * g) + group["weight_decay"] * x)
        m = b2 * m + (1 - b2) * g
        np.testing.assert_allclose(p.detach().numpy(), x, rtol=rtol, atol=rtol)
    state = optimizer.state_dict()["state"][0]
    np.testing.assert_allclose(state["exp_avg"].numpy(), m, rtol=10 * rtol, atol=rtol)


@EACH
def test_recorded_steps_threads_and_resumption_give_the_same_bits(name):
    results = []
    for compiled, threads in ((False, 1), (True, 1), (True, 3)):
        fastnn.set_num_threads(threads)
        params = parameters("float32", [(300, 40), (7,)])
        optimizer = getattr(optim, name)(params, lr=0.1)
        x = fastnn.tensor(np.random.default_rng(1).standard_normal((5, 300)).astype("float32"))

        def step(x, params=params, optimizer=optimizer):
            optimizer.zero_grad()
            ((x @ params[0]) ** 2).mean().backward(inputs=[params[0]])
            (params[1] ** 2).sum().backward()
            optimizer.clip_norm(0.5)
            optimizer.step()

        run = fastnn.compile(step) if compiled else step
        for i in range(8):
            run(x * (1 + i))
        if not compiled:  # resumed from a pickle half-way
            twin = pickle.loads(pickle.dumps((params, optimizer)))
            for i in range(2):
                step(x * (9 + i), *twin)
        for i in range(2):
            run(x * (9 + i))
        assert not compiled or run.replayed > 6
        results.append([v.tobytes() for v in values(params)])
        if not compiled:
            results.append([v.tobytes() for v in values(twin[0])])
    assert results[0] == results[1] == results[2] == results[3]


@EACH
def test_pytorchs_switches(name):
    (p,) = parameters(shapes=[(2,)])
    make = getattr(optim, name)
    make([p], foreach=True, fused=True, capturable=False, differentiable=False)
    for settings in ({"fused": False}, {"foreach": False}, {"capturable": True}):
        with pytest.raises(ValueError, match=f"{name}: .* is not supported"):
            make([p], **settings)
    with pytest.raises(TypeError, match=f"{name} got an unexpected keyword argument 'momentun'"):
        make([p], momentun=0.9)


@pytest.mark.parametrize(
    ("name", "settings", "error", "match"),
    [
        ("Adadelta", {"rho": 1.5}, ValueError, "rho must be from 0 to 1, got 1.5"),
        ("Adamax", {"betas": (0.9, 1.0)}, ValueError, r"betas\[1\] must be at least 0 and below 1"),
        ("NAdam", {"momentum_decay": -1}, ValueError, "momentum_decay must be at least 0"),
        ("RAdam", {"eps": -1}, ValueError, "eps must be at least 0"),
        ("Rprop", {"etas": (1.5, 0.5)}, ValueError, "etas must be below and above 1"),
        ("Rprop", {"step_sizes": 3}, TypeError, "step_sizes must be two numbers, got 3"),
        ("Lion", {"lr": "fast"}, TypeError, "lr must be a number, got 'fast'"),
        ("ASGD", {"lr": -1}, ValueError, "lr must be at least 0"),
        ("SGD", {"l1_decay": -1}, ValueError, "l1_decay must be at least 0"),
    ],
)
def test_errors(name, settings, error, match):
    with pytest.raises(error, match=match):
        getattr(optim, name)(parameters(), **settings)


@pytest.mark.parametrize(
    "make", [optim.Adam, optim.AdamW, optim.NAdam, optim.RMSprop, optim.Lion, optim.SGD]
)
def test_state_never_rests_on_denormals(make):
    """A mean of zeros would decay to a denormal that rounds to itself, and slow every step down."""
    p = nn.Parameter(fastnn.ones(8))
    more = {"momentum": 0.9} if make in (optim.SGD, optim.RMSprop) else {}
    o = make([p], lr=1e-3, **more)
    p.grad = fastnn.full((8,), 1e-30)
    o.step()
    p.grad = fastnn.zeros(8)
    for _ in range(400):
        o.step()
    for value in o.state[p].values():
        a = np.abs(np.asarray(value))
        assert a.size == 1 or not ((a > 0) & (a < np.finfo(np.float32).tiny)).any()
