"""Optimizers: their arena, state, tied and frozen parameters, errors, recorded steps."""

import copy
import gc
import weakref

import numpy as np
import pytest
from fastnn._engine.engine import compile

import fastnn
from fastnn import nn, optim


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
