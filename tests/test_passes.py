"""Plan passes: each alone keeps eager's bits and does what it is for; and what they rely on."""

import gc
import tracemalloc

import numpy as np
import pytest
from op_calls import call_fastnn, gradients, leaves, typed
from op_table import ROWS
from random_network import random_network
from recording import adam_on, batches, bits, classifier, run_both

import fastnn
from fastnn import _engine, nn, optim

PASSES = ("fold_activations", "drop_unread", "write_at_home", "add_at_once", "check_first")
PASSES += ("wait_less", "share_memory")


@pytest.fixture
def passes():
    """Switches passes; afterwards all is as before."""
    before = _engine._use_passes(PASSES)
    yield _engine._use_passes
    _engine._use_passes(before)


@pytest.fixture
def threads():
    before = fastnn.get_num_threads()
    yield fastnn.set_num_threads
    fastnn.set_num_threads(before)


def plan_of(function, *args):
    compiled = fastnn.compile(function)
    expected = compiled(*args)
    compiled(*args)
    assert bits(compiled(*args)) == bits(expected)
    (plan,) = compiled.plans()
    return plan


def names(plan):
    return [row["name"] for row in plan.table()]


class Residual(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return x + self.layer(x)


def residual_network():
    blocks = [Residual(nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8), nn.GELU())) for _ in "ab"]
    return nn.Sequential(nn.Linear(6, 8), *blocks, nn.Linear(8, 3))


def test_unknown_passes_are_refused():
    with pytest.raises(ValueError, match="expected some of"):
        _engine._use_passes(["go_faster"])


@pytest.mark.parametrize("name", [*PASSES, "none", "all"])
def test_each_pass_keeps_the_bits(name, passes):
    passes(() if name == "none" else PASSES if name == "all" else (name,))
    assert run_both(adam_on(lambda: classifier(0.5, True), 0.1), batches(8)).replayed >= 5
    assert run_both(adam_on(residual_network), batches(8)).replayed >= 5
    for seed in range(12):
        make, data = random_network(seed)
        assert run_both(make, data[:8]).replayed >= 5


FOLDED = [
    "ReLU",
    "LeakyReLU",
    "ELU",
    "SELU",
    "CELU",
    "SiLU",
    "Mish",
    "GELU",
    "Softplus",
    "LogSigmoid",
]
FOLDED += [
    "Sigmoid",
    "Tanh",
    "Softsign",
    "Hardtanh",
    "ReLU6",
    "Hardsigmoid",
    "Hardswish",
    "Hardshrink",
]
FOLDED += ["Softshrink", "Tanhshrink"]


@pytest.mark.parametrize("activation", FOLDED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_fold_into_products(activation, dtype, passes):
    for shape in ((1, 9, 7), (5, 3, 1), (33, 40, 70), (70, 300, 65)):
        n, k, m = shape
        layer, act = nn.Linear(k, m), getattr(nn, activation)()
        x = np.random.default_rng(n).standard_normal((n, k)) * 3
        x[0, 0] = np.inf
        x = fastnn.tensor(x.astype(dtype))
        layer = layer.double() if dtype == "float64" else layer
        model = nn.Sequential(layer, act)
        with fastnn.no_grad():
            passes(("fold_activations",))
            assert names(plan_of(model, x)) == ["matmul"]
            passes(())
            assert len(plan_of(model, x)) == 2


@pytest.mark.parametrize("activation", FOLDED)
def test_activations_fold_into_convolutions(activation, passes, threads):
    layers = {  # a frame; panels of patches; 1 x 1; depthwise; transposed
        (2, 3, 19, 21): nn.Conv2d(3, 5, 3, padding=1),
        (3, 4, 3, 3): nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
        (2, 5, 4, 9): nn.Conv2d(5, 17, 1),
        (2, 4, 9, 7): nn.Conv2d(4, 4, 3, groups=4),
        (1, 3, 5, 6): nn.ConvTranspose2d(3, 2, 3),
    }
    for shape, layer in layers.items():
        x = np.random.default_rng(1).standard_normal(shape).astype("float32") * 3
        model, x = nn.Sequential(layer, getattr(nn, activation)()), fastnn.tensor(x)
        for n in (1, 2):
            threads(n)
            with fastnn.no_grad():
                passes(("fold_activations",))
                (name,) = [name for name in names(plan_of(model, x)) if name != "strided_copy"]
                assert name == "conv_forward"


def test_activations_that_backward_reads_are_folded_and_others_not(passes):
    counts = {}
    for activation in ("Tanh", "GELU"):
        model = nn.Sequential(nn.Linear(4, 4), getattr(nn, activation)(), nn.Linear(4, 2))
        sgd = optim.SGD(model.parameters(), lr=0.1)
        step = fastnn.compile_step(model, nn.MSELoss(), sgd)
        for _ in range(4):
            step(fastnn.ones(3, 4), fastnn.ones(3, 2))
        counts[activation] = names(step.plans()[0])
    assert "tanh_forward" not in counts["Tanh"]
    assert "tanh_backward" in counts["Tanh"]
    assert "gelu_forward" in counts["GELU"]  # backward asks for its input


def test_a_sum_that_is_seen_is_not_folded(passes):
    w = fastnn.ones(3, 3)

    def f(x):
        total = x @ w
        return total.relu() + total

    assert "relu_forward" in names(plan_of(f, fastnn.ones(2, 3) - 2))


def test_what_nobody_reads_is_not_computed(passes):
    def f(x):
        (x * 3).exp().sum()  # for nothing
        fastnn.rand(3)  # moves the generator: stays
        return x + 1

    passes(("drop_unread",))
    assert names(plan_of(f, fastnn.ones(2))) == ["random_uniform", "add_forward"]


def test_no_gradient_of_the_input(passes):
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    for _ in range(4):
        step(fastnn.ones(2, 5), fastnn.tensor([0, 1]))
    products = [row for row in step.plans()[0].table() if row["name"] == "matmul"]
    assert len(products) == 5  # two forward, two for weights, one for the hidden layer


def test_copies_are_saved(passes):
    def f(x):
        return (x * 2).clone()

    passes(("write_at_home",))
    assert names(plan_of(f, fastnn.ones(3))) == ["mul_forward"]

    def g(x):
        y = x * 2
        z = y.clone()
        return z * y  # y is read again: the copy is not the last to look

    assert "strided_copy" in names(plan_of(g, fastnn.ones(3)))


def test_copy_and_add_become_one(passes):
    w = fastnn.ones(4, requires_grad=True)

    def f(x):
        w.grad = None
        y = w * x
        (y.exp() + y).sum().backward()
        return w.grad

    passes(())
    before = names(plan_of(f, fastnn.ones(4)))
    passes(("add_at_once",))
    after = names(plan_of(f, fastnn.ones(4)))
    assert before.count("strided_copy") - after.count("strided_copy") == 1
    assert before.count("accumulate") - after.count("accumulate") == 1


def test_checks_run_first(passes):
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    for x, y in batches(4):
        step(x, y)
    assert names(step.plans()[0])[0] == "index_check"


def test_memory_is_shared_by_values_that_do_not_meet(passes):
    def f(x):
        for _ in range(20):
            x = x.tanh() * 2
        return x

    x = fastnn.ones(1000)
    sizes = {}
    for chosen in ((), ("share_memory",)):
        passes(chosen)
        sizes[chosen] = plan_of(f, x).workspace_bytes
    assert sizes[()] == 39 * 4000
    assert sizes[("share_memory",)] == 2 * 4000


def wide_network():
    model = nn.Sequential(nn.Linear(60, 90), nn.BatchNorm1d(90), nn.ReLU(), nn.Dropout(0.2))
    return nn.Sequential(
        model, nn.Linear(90, 80), nn.Tanh(), Residual(nn.Linear(80, 80)), nn.Linear(80, 10)
    )


def wide_steps(count=6, compiled=True):
    fastnn.manual_seed(1)
    model = wide_network()
    adam = optim.Adam(model.parameters(), lr=0.01)
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), adam, clip_norm=1.0)
    rng = np.random.default_rng(0)
    trace = []
    for _ in range(count):
        x = rng.standard_normal((70, 60)).astype(np.float32)
        trace.append(bits(step(x, rng.integers(0, 10, 70))))
    return trace, [bits(p) for p in model.parameters()], step


def test_threads_wait_only_where_they_must(passes, threads):
    """Between meetings every thread may be far ahead of every other: all orders give the same bits."""
    threads(3)
    passes(())
    expected = wide_steps()[:2]
    passes(PASSES)
    rows = wide_steps()[2].plans()[0].table()
    assert sum(row["waits"] for row in rows) < 0.8 * len(rows)
    for skew in (1, 2, 3, -2, -3):
        before = _engine._skew_threads(skew)
        try:
            assert wide_steps()[:2] == expected, f"skew {skew}"
        finally:
            _engine._skew_threads(before)


def test_meetings_left_out_at_random_are_noticed(passes, threads):
    """The test above would see a meeting that is missing."""
    threads(2)
    expected = wide_steps()[:2]
    _engine._skew_threads(-100)  # nobody ever waits
    try:
        assert wide_steps()[:2] != expected
    finally:
        _engine._skew_threads(0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_team_gives_the_same_bits(count, threads):
    threads(1)
    expected = wide_steps(30)[:2]
    threads(count)
    assert wide_steps(30)[:2] == expected


# --- what passes rely on ------------------------------------------------------------------------------


def watched(function):
    before = _engine._watch_calls(True)
    try:
        function()
    finally:
        _engine._watch_calls(before)


@pytest.mark.parametrize("quarter", range(4))
def test_ops_write_their_outputs_and_nothing_else(quarter):
    def run(row, sample):
        tensors = leaves(sample, typed(sample.arrays(), np.float32))
        return gradients(call_fastnn(row, sample, tensors), tensors)

    def all_rows():
        for row in ROWS[quarter::4]:
            for sample in row.samples[:3]:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr("warnings.warn", lambda *args, **kwargs: None)
                    fastnn.compile(lambda r=row, s=sample: run(r, s))()

    watched(all_rows)


def test_steps_write_their_outputs_and_nothing_else():
    def steps():
        for seed in range(40):
            make, data = random_network(seed)
            model, loss_fn, optimizer, clip = make()
            step = fastnn.compile_step(model, loss_fn, optimizer, clip_norm=clip or None)
            for x, y in data[:3]:
                step(x, y)

    watched(steps)


def test_watching_sees_a_write(monkeypatch):
    x = fastnn.ones(3)

    def f():
        y = x[1:] * 2
        return y

    watched(lambda: fastnn.compile(f)())  # fine
    assert x.tolist() == [1, 1, 1]


def test_replays_ask_for_no_memory():
    model = classifier(0.5, True)
    step = fastnn.compile_step(
        model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), clip_norm=1.0
    )
    ((x, y),) = batches(1)
    for _ in range(3):
        step(x, y)
    gc.collect()
    tracemalloc.start()
    step(x, y)
    blocks, storages = _engine._num_blocks()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(50):
        step(x, y)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert _engine._num_blocks() == (blocks, storages + 50)  # one for each loss, out of the cache
    assert after - before < 500
    assert peak - before < 5_000
    assert step.replayed == 51


def test_memory_of_a_deep_network_is_not_the_sum_of_its_values():
    model = nn.Sequential(*[layer for _ in range(12) for layer in (nn.Linear(32, 32), nn.Tanh())])
    step = fastnn.compile_step(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    x = fastnn.ones(64, 32)
    for _ in range(4):
        step(x, x)
    (plan,) = step.plans()
    value = 64 * 32 * 4
    assert plan.workspace_bytes < 18 * value  # 12 outputs that backward reads, a few gradients


def test_percent_of_the_machines_limits():
    model = nn.Sequential(nn.Linear(30, 40), nn.Tanh(), nn.Linear(40, 5))
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    for _ in range(3):
        step(fastnn.ones(9, 30), fastnn.zeros(9, dtype=fastnn.int64))
    (plan,) = step.plans()
    plain, full = plan.summary(2), plan.summary(2, limits=True)
    assert "of limit" not in plain
    assert "9x30, 30x40" in plain
    assert "of limit" in full
    assert "inf" not in full
    assert all(row["flops"] >= 0 and row["bytes"] > 0 for row in plan.table())
