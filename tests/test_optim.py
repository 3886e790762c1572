"""Optimizers: PyTorch's trajectories, arenas, groups, state; gradient clipping."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from fastnn._engine.engine import compile

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


def network():
    fastnn.manual_seed(3)
    model = nn.Sequential()
    for name, shape in (("a", (4, 3)), ("b", (3, 3)), ("c", (3, 2))):
        layer = nn.Module()
        layer.weight = nn.Parameter(fastnn.randn(*shape))
        layer.forward = lambda x, layer=layer: (x @ layer.weight).tanh()
        setattr(model, name, layer)
    return model


def train(model, optimizer, steps):
    x = fastnn.from_numpy(np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(x) * model(x)).sum()
        loss.backward()
        optimizer.step()
    return [p.detach().numpy().copy() for p in model.parameters()]


def test_backward_writes_into_the_arena():
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    train(model, optimizer, 1)
    addresses = sorted(p.grad.data_ptr() for p in model.parameters())
    train(model, optimizer, 2)
    assert sorted(p.grad.data_ptr() for p in model.parameters()) == addresses
    assert np.diff(addresses).tolist() == [64, 64]


def test_resume_gives_the_same_bits():
    model = network()
    optimizer = optim.Adam(model.named_parameters(), lr=0.05)
    train(model, optimizer, 4)
    weights, state = copy.deepcopy(model.state_dict()), optimizer.state_dict()
    wanted = train(model, optimizer, 5)
    again = network()
    again.load_state_dict(weights)
    other = optim.Adam(again.named_parameters(), lr=1.0)
    other.load_state_dict(state)
    for a, b in zip(train(again, other, 5), wanted, strict=True):
        assert (a == b).all()


def test_state_by_name_survives_another_order():
    model = network()
    optimizer = optim.Adam(model.named_parameters())
    train(model, optimizer, 2)
    names = dict(model.named_parameters())
    turned = [(n, names[n]) for n in reversed(names)]
    other = optim.Adam([(n, copy.deepcopy(p)) for n, p in turned])
    other.load_state_dict(optimizer.state_dict())
    mine, theirs = optimizer.state_dict()["state"], other.state_dict()["state"]
    assert (mine[0]["exp_avg"].numpy() == theirs[2]["exp_avg"].numpy()).all()
    with pytest.raises(ValueError, match=r"(?s)x is not in the state.*a.weight is not in the opt"):
        optim.Adam([("x", nn.Parameter(fastnn.rand(2)))]).load_state_dict(optimizer.state_dict())


def test_loading_lists_every_mismatch():
    a, b = (
        optim.Adam([nn.Parameter(fastnn.rand(n)), nn.Parameter(fastnn.rand(n))]) for n in (2, 3)
    )
    for group in a.param_groups:
        for p in group["params"]:
            p.grad = fastnn.rand(2)
    a.step()
    with pytest.raises(ValueError, match=r"(?s)parameter 0: exp_avg has shape \(2,\).*parameter 1"):
        b.load_state_dict(a.state_dict())


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


def test_mixed_dtypes_in_one_group():
    p, q = nn.Parameter(fastnn.ones(3)), nn.Parameter(fastnn.ones(3, dtype="float64"))
    optimizer = optim.SGD([p, q], lr=0.5)
    p.grad, q.grad = fastnn.ones(3), fastnn.ones(3, dtype="float64")
    optimizer.step()
    assert p.tolist() == q.tolist() == [0.5] * 3


def test_tied_frozen_and_assigned_parameters():
    p, frozen = nn.Parameter(fastnn.ones(3)), nn.Parameter(fastnn.ones(2), requires_grad=False)
    model = nn.Module()
    model.a = model.b = p
    model.frozen = frozen
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    (model.a * 2 + model.b).sum().backward()
    optimizer.step()
    assert p.tolist() == [-2.0] * 3
    assert frozen.tolist() == [1.0] * 2
    p.data = fastnn.zeros(3)
    optimizer.step()
    assert p.tolist() == [-3.0] * 3
    model.load_state_dict({"a": np.full(3, 7.0), "b": np.full(3, 7.0), "frozen": np.zeros(2)})
    optimizer.step()
    assert p.tolist() == [4.0] * 3


def test_a_gradient_that_somebody_keeps_is_not_written_over():
    p = nn.Parameter(fastnn.ones(3))
    optimizer = optim.SGD([p], lr=1.0)
    (p * 2).sum().backward()
    kept = p.grad
    optimizer.step()
    optimizer.zero_grad()
    (p * 5).sum().backward()
    optimizer.step()
    assert kept.tolist() == [2.0] * 3
    assert p.grad.tolist() == [5.0] * 3
    assert p.tolist() == [-6.0] * 3


def test_gradients_add_up_over_several_backwards():
    p = nn.Parameter(fastnn.ones(3))
    optimizer = optim.SGD([p], lr=1.0)
    for _ in range(3):
        (p * 2).sum().backward()
    optimizer.step()
    assert p.tolist() == [-5.0] * 3
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0] * 3
    optimizer.zero_grad()
    assert p.grad is None
    optimizer.step()
    assert p.tolist() == [-5.0] * 3


def test_a_second_optimizer_takes_over():
    p = nn.Parameter(fastnn.ones(3))
    first = optim.SGD([p], lr=1.0)
    second = optim.Adam([p], lr=1.0)
    for optimizer in (first, second, first):
        p.grad = fastnn.ones(3)
        optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), -2.0, rtol=1e-6)


def test_a_model_changed_afterwards_is_reported():
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model.double()
    for p in model.parameters():
        p.grad = fastnn.zeros_like(p)
    with pytest.raises(RuntimeError, match="make the optimizer again"):
        optimizer.step()


def test_nonfinite_gradients_are_noticed():
    p, q = nn.Parameter(fastnn.ones(1000)), nn.Parameter(fastnn.ones(3))
    optimizer = optim.Adam([p, q])
    for bad in (0.0, 0.0, np.nan, np.inf):
        p.grad, q.grad = fastnn.ones(1000), fastnn.ones(3)
        q.grad.numpy()[1] = bad
        optimizer.step()
        if bad == 0.0:
            assert optimizer.first_nonfinite_step is None
    assert optimizer.first_nonfinite_step == 3


def test_threads_do_not_matter():
    results = []
    for threads in (1, 2, 3):
        fastnn.set_num_threads(threads)
        fastnn.manual_seed(0)
        p = nn.Parameter(fastnn.randn(300_001))
        optimizer = optim.Adam([p])
        for _ in range(2):
            p.grad = fastnn.randn(300_001)
            norm = nn.utils.clip_grad_norm_([p], 0.5)
            optimizer.step()
        results.append((p.detach().numpy().tobytes(), norm.item()))
    assert results[0] == results[1] == results[2]


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


def test_an_optimizer_dies_without_the_collector():
    gc.disable()
    try:
        p = nn.Parameter(fastnn.ones(3))
        optimizer = optim.Adam([p])
        p.grad = fastnn.ones(3)
        optimizer.step()
        gone = weakref.ref(p)
        del p, optimizer
        assert gone() is None
    finally:
        gc.enable()


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


def test_closure():
    p = nn.Parameter(fastnn.ones(1))
    optimizer = optim.SGD([p], lr=1.0)

    def closure():
        loss = (p * 3).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 3.0
    assert p.item() == -2.0


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda p: optim.SGD([], lr=1), ValueError, "empty parameter list"),
        (lambda p: optim.SGD(p, lr=1), TypeError, "single Tensor"),
        (lambda p: optim.SGD(5), TypeError, "iterable of Tensors or dicts, got 5"),
        (lambda p: optim.Adam([p], betas=0.9), TypeError, "betas must be two numbers"),
        (lambda p: optim.SGD([1.0], lr=1), TypeError, "expected Tensors, got float"),
        (lambda p: optim.SGD([p, p], lr=1), ValueError, "twice"),
        (lambda p: optim.SGD([p * 2], lr=1), ValueError, "leaf"),
        (lambda p: optim.SGD([p, nn.Parameter(p.detach())], lr=1), ValueError, "same memory"),
        (lambda p: optim.SGD([fastnn.randint(3, (2,))], lr=1), TypeError, "float32 or float64"),
        (lambda p: optim.SGD([p], lr=-1), ValueError, "lr must be at least 0, got -1"),
        (lambda p: optim.SGD([p], lr="x"), TypeError, "lr must be a number"),
        (lambda p: optim.SGD([p], nesterov=True), ValueError, "nesterov"),
        (lambda p: optim.SGD([{"params": [p], "lrr": 1}]), ValueError, "no hyperparameter lrr"),
        (lambda p: optim.Adam([p], betas=(1.0, 0.9)), ValueError, r"betas\[0\]"),
        (lambda p: optim.Adam([p], eps=float("nan")), ValueError, "eps"),
        (lambda p: optim.Adam([p]).load_state_dict({}), ValueError, "param_groups"),
    ],
)
def test_errors(make, error, match):
    with pytest.raises(error, match=match):
        make(nn.Parameter(fastnn.ones(3)))


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "RMSprop", "Adam", "AdamW"])
def test_recorded_steps_give_the_same_bits(name):
    """Forward, backward, clipping, step and a schedule: eager, and recorded."""
    rng = np.random.default_rng(0)
    batches = [fastnn.tensor(rng.standard_normal((8, 4)).astype(np.float32)) for _ in range(12)]
    results = []
    for wrap in (lambda f: f, compile):
        model = network()
        optimizer = getattr(optim, name)(model.parameters(), lr=0.05)
        schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)

        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            y = fastnn.dropout(model(x), 0.3)
            loss = (y * y).sum()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            return loss, norm

        run, seen = wrap(step), []
        fastnn.manual_seed(1)
        for x in batches:
            seen += [t.item() for t in run(x)]
            schedule.step()
        results.append((seen, [p.detach().numpy().tobytes() for p in model.parameters()]))
    assert results[0] == results[1]
    assert run.plans()[0].replays > 5
