"""Recorded steps: the same bits as eager, and never silently wrong."""

import threading
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim


def bits(t):
    return t.detach().numpy().tobytes()


def quietly(function, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*args)


# --- functions --------------------------------------------------------------------------------------


def test_a_function_is_recorded_twice_then_replayed():
    @fastnn.compile
    def f(x, y):
        return (x * 2 + y).tanh() * x

    rng = np.random.default_rng(0)
    for _ in range(10):
        x, y = (fastnn.tensor(rng.standard_normal((3, 5))) for _ in range(2))
        assert bits(quietly(f, x, y)) == bits(f.function(x, y))
    assert (f.recorded, f.replayed, f.eager) == (2, 8, 0)
    assert len(f.plans()) == 1
    assert f.__name__ == "f"


def test_results_are_new_each_time():
    @fastnn.compile
    def f(x):
        return x * 2, x + 1

    kept = [f(fastnn.tensor([float(i), 1.0])) for i in range(6)]
    for i, (a, b) in enumerate(kept):
        assert a.tolist() == [2 * i, 2]
        assert b.tolist() == [i + 1, 2]


def test_results_in_tuples_lists_and_dicts():
    @fastnn.compile
    def f(x, more):
        return {"double": more["a"] * 2, "pair": [x + 1, (x + 2, "text", 3)], "none": None}

    for i in range(4):
        value = f(fastnn.tensor([float(i)]), {"a": fastnn.tensor([10.0 * i])})
        assert value["double"].tolist() == [20 * i]
        assert value["pair"][0].tolist() == [i + 1]
        assert value["pair"][1][0].tolist() == [i + 2]
        assert value["pair"][1][1:] == ("text", 3)
        assert value["none"] is None
    assert f.replayed == 2


def test_results_that_are_views_of_arguments():
    @fastnn.compile
    def f(x):
        return x * 2, x[1], x.reshape(4), x

    for i in range(4):
        x = fastnn.tensor([[float(i), 1.0], [2.0, 3.0]])
        double, row, flat, same = f(x)
        assert double.tolist() == [[2 * i, 2], [4, 6]]
        assert row.tolist() == [2, 3]
        assert flat.tolist() == [i, 1, 2, 3]
        assert same.tolist() == x.tolist()
    assert f.replayed == 2


def test_numpy_arguments_arrive_as_tensors_of_any_layout():
    @fastnn.compile
    def f(a):
        return (a * 3).sum(0)

    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    for a in (base, base + 1, np.asfortranarray(base), base[::-1], base.astype(np.float64)):
        np.testing.assert_array_equal(f(a).numpy(), (a * 3).sum(0))
        np.testing.assert_array_equal(f(a).numpy(), (a * 3).sum(0))
    assert f.recorded == 4  # two dtypes


def test_shapes_dtypes_and_plain_values_have_their_own_recordings():
    @fastnn.compile
    def f(x, factor):
        return x * factor

    for _ in range(3):
        for n in (1, 2, 3):
            for factor in (2, 2.0, 3.0, True):
                y = quietly(f, fastnn.ones(n), factor)
                assert y.tolist() == [factor] * n
    assert len(f.plans()) == 12


def test_too_many_signatures_are_named_once():
    @fastnn.compile
    def f(x):
        return x * 2

    with pytest.warns(UserWarning, match="more than 16 different argument shapes") as seen:  # noqa: PT031
        for n in range(1, 40):
            assert f(fastnn.ones(n)).tolist() == [2.0] * n
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        (lambda y: y.item(), r"item\(\)"),
        (float, r"item\(\)"),
        (bool, r"item\(\)"),
        (lambda y: y.numpy(), r"numpy\(\)"),
        (repr, r"numpy\(\)"),
        (lambda y: y.tolist(), r"numpy\(\)"),
    ],
)
def test_values_that_leave_make_it_run_eagerly_with_one_warning(leave, reason):
    @fastnn.compile
    def f(x):
        y = x.sum()
        leave(y)  # this line
        return y * 2

    with pytest.warns(UserWarning, match=rf"{reason} at .*test_compile.py:\d+") as seen:  # noqa: PT031
        for i in range(5):
            assert f(fastnn.tensor([float(i), 1.0])).item() == 2 * (i + 1)
    assert len(seen) == 1
    assert f.replayed == 0
    assert f.eager == 4


def test_a_branch_on_a_value_is_right():
    @fastnn.compile
    def f(x):
        return x * 2 if x.sum() > 0 else x * -3

    with pytest.warns(UserWarning, match="item"):
        assert [f(fastnn.tensor([v])).item() for v in (1.0, 1.0, 1.0, -1.0)] == [2, 2, 2, 3]


def test_constants_may_be_made_inside():
    table = fastnn.tensor([1.0, 2.0])

    @fastnn.compile
    def f(x):
        return x * table + fastnn.ones(2) * 3

    for i in range(4):
        assert quietly(f, fastnn.tensor([float(i), 1.0])).tolist() == [i + 3, 5]
    assert f.replayed == 2
    table[0] = 10
    assert f(fastnn.tensor([1.0, 1.0])).tolist() == [13, 5]


def test_partly_assigned_results():
    @fastnn.compile
    def f(x):
        y = fastnn.zeros(3)
        y[0] = x.sum()
        return y

    for i in range(5):
        assert f(fastnn.tensor([float(i), 1.0])).tolist() == [i + 1, 0, 0]


@pytest.mark.parametrize("kind", ["number", "array", "operation", "size"])
def test_changing_python_values_are_noticed(kind):
    calls = 0

    @fastnn.compile
    def f(x):
        nonlocal calls
        calls += 1
        if kind == "number":
            return x * float(calls)
        if kind == "array":
            return x * fastnn.tensor([float(calls)] * 2)
        if kind == "operation":
            return x * 2 if calls % 2 else x + 2
        return x.sum() * fastnn.ones(calls)

    def plain(x, n):
        calls_before = n
        if kind in ("number", "array"):
            return (x * float(calls_before)).tolist()
        if kind == "operation":
            return (x * 2 if calls_before % 2 else x + 2).tolist()
        return [x.sum().item()] * n

    with pytest.warns(UserWarning, match=r"it does something else at each call|numpy\(\)"):  # noqa: PT031
        for n in range(1, 12):
            x = fastnn.tensor([float(n), 1.0])
            assert f(x).tolist() == plain(x, n)
    assert f.replayed == 0


def test_a_function_that_reads_values_only_sometimes():
    calls = 0

    @fastnn.compile
    def f(x):
        nonlocal calls
        calls += 1
        y = x * 2
        if calls > 2:
            y.sum().item()
        return y

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for i in range(200):
            assert f(fastnn.tensor([float(i)])).item() == 2 * i
    assert len(seen) == 1
    assert f.eager > 0


def test_results_with_a_graph_are_refused():
    w = fastnn.ones(2, requires_grad=True)

    @fastnn.compile
    def f(x):
        return x * w

    with pytest.warns(UserWarning, match="still has its graph"):
        y = f(fastnn.ones(2))
    y.sum().backward()
    assert w.grad.tolist() == [1, 1]
    f(fastnn.ones(2)).sum().backward()
    with fastnn.no_grad():
        for _ in range(3):
            assert f(fastnn.ones(2)).tolist() == [1, 1]
    assert f.replayed == 1


def test_arguments_that_require_grad_are_refused():
    f = fastnn.compile(lambda x: x * 2)
    x = fastnn.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="an input requires grad"):
        f(x).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_unhashable_arguments():
    with pytest.raises(TypeError, match="hashable"):
        fastnn.compile(lambda x, s: x)(fastnn.ones(2), {1, 2})
    with pytest.raises(TypeError, match="expected a callable, got int"):
        fastnn.compile(3)


def test_exceptions_pass_through_and_do_no_harm():
    fail = True

    @fastnn.compile
    def f(x):
        y = x * 2
        if fail:
            raise KeyError("mine")
        return y

    for _ in range(3):
        with pytest.raises(KeyError, match="mine"):
            f(fastnn.ones(1))
    fail = False
    for i in range(4):
        assert f(fastnn.tensor([float(i)])).item() == 2 * i
    assert f.replayed == 2


def test_compiled_functions_nest():
    inner = fastnn.compile(lambda x: x * 2)
    outer = fastnn.compile(lambda x: inner(x) + 1)
    for i in range(4):
        assert outer(fastnn.tensor([float(i)])).item() == 2 * i + 1
    assert outer.replayed == 2


def test_methods():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

        @fastnn.compile
        def apply(self, x):
            return x * self.factor

    two, three = Scale(2.0), Scale(3.0)
    for i in range(4):
        assert two.apply(fastnn.tensor([float(i)])).item() == 2 * i
        assert three.apply(fastnn.tensor([float(i)])).item() == 3 * i


def test_arguments_written_in_place():
    @fastnn.compile
    def f(x):
        x *= 2
        return x + 1

    for i in range(4):
        x = fastnn.tensor([float(i)])
        assert f(x).item() == 2 * i + 1
        assert x.item() == 2 * i


def test_random_numbers_are_fresh_and_those_of_eager():
    def f(x):
        return x + fastnn.rand(4)

    x = fastnn.zeros(4)
    fastnn.manual_seed(3)
    eager = [bits(f(x)) for _ in range(6)]
    fastnn.manual_seed(3)
    g = fastnn.compile(f)
    assert [bits(g(x)) for _ in range(6)] == eager
    assert g.replayed == 4
    assert len(set(eager)) == 6


def test_threads_replaying_their_own_plans():
    def work(seed, out):
        rng = np.random.default_rng(seed)
        f = fastnn.compile(lambda x: (x @ x).tanh().sum(0))
        x = fastnn.tensor(rng.standard_normal((40, 40)).astype(np.float32))
        for _ in range(50):
            out.append(bits(f(x)))

    results = [[] for _ in range(4)]
    team = [threading.Thread(target=work, args=(i, r)) for i, r in enumerate(results)]
    for t in team:
        t.start()
    for t in team:
        t.join()
    for r in results:
        assert len(r) == 50
        assert len(set(r)) == 1


def test_another_number_of_threads():
    f = fastnn.compile(lambda x: (x @ x).sum())
    x = fastnn.ones(64, 64)
    for n in (1, 2, 1, 3):
        fastnn.set_num_threads(n)
        assert {f(x).item() for _ in range(4)} == {64.0**3}


# --- training steps -----------------------------------------------------------------------------------


def make_step(model, loss_fn, optimizer, clip=None):
    def step(x, y):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss

    return step


def state_of(model):
    return [bits(t) for t in (*model.parameters(), *model.buffers())]


def run_both(make, batches, each=None):
    """Train two equal models, eager and recorded; the same bits in losses, parameters, buffers."""
    seen = []
    for compiled in (False, True):
        fastnn.manual_seed(11)
        model, loss_fn, optimizer, clip = make()
        step = make_step(model, loss_fn, optimizer, clip)
        step = fastnn.compile(step) if compiled else step
        trace = []
        for i, (x, y) in enumerate(batches):
            if each is not None:
                each(i, model, optimizer)
            loss = step(x, y)
            trace.append((bits(loss), state_of(model)))
        seen.append(trace)
    for i, (eager, recorded) in enumerate(zip(*seen, strict=True)):
        assert eager[0] == recorded[0], f"loss of step {i}"
        assert eager[1] == recorded[1], f"parameters or buffers after step {i}"
    return step


def classifier(dropout=0.0, norm=False):
    layers = [nn.Linear(6, 8)]
    if norm:
        layers.append(nn.BatchNorm1d(8))
    layers += [nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3)]
    return nn.Sequential(*layers)


def batches(count, size=16, seed=0):
    rng = np.random.default_rng(seed)
    return [
        (
            fastnn.tensor(rng.standard_normal((size, 6)).astype(np.float32)),
            fastnn.tensor(rng.integers(0, 3, size)),
        )
        for _ in range(count)
    ]


def adam_on(make_model, clip=None):
    def make():
        model = make_model()
        return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), clip

    return make


def test_dropout_masks_and_running_statistics():
    step = run_both(adam_on(lambda: classifier(0.5, True)), batches(20))
    assert step.replayed > 10


def test_clipping():
    assert run_both(adam_on(classifier, 0.1), batches(10)).replayed > 5


def test_later_comparisons_with_eager_agree():
    step = run_both(adam_on(lambda: classifier(0.5, True), 0.1), batches(100))
    assert (step.recorded, step.replayed) == (4, 96)  # the first made Adam's state


def test_learning_rate_schedules_take_effect():
    def slower(i, model, optimizer):
        optimizer.param_groups[0]["lr"] = 0.01 / (1 + i)

    assert run_both(adam_on(classifier), batches(12), slower).replayed > 5


def test_train_and_eval():
    def switch(i, model, optimizer):
        model.train(i % 8 < 4)

    run_both(adam_on(lambda: classifier(0.5, True)), batches(24), switch)


def test_frozen_parameters():
    def freeze(i, model, optimizer):
        model[0].requires_grad_(i < 5 or i > 12)

    run_both(adam_on(classifier), batches(20), freeze)


def test_replaced_modules_and_loaded_weights():
    def change(i, model, optimizer):
        if i == 6:
            model[1] = nn.Tanh()
        if i == 12:
            model.load_state_dict({k: v * 0.5 for k, v in model.state_dict().items()})
        if i == 15:
            with fastnn.no_grad():
                model[0].weight.mul_(2)

    run_both(adam_on(classifier), batches(20), change)


def test_hooks_added_later():
    def change(i, model, optimizer):
        if i == 6:
            model[0].weight.register_hook(lambda g: g * 2)

    run_both(adam_on(classifier), batches(12), change)


def test_partial_batches():
    several = batches(6) + batches(1, 5) + batches(6, seed=2) + batches(4, 5, seed=3)
    assert run_both(adam_on(classifier), several).replayed > 8


@pytest.mark.filterwarnings("ignore:compile")  # first and second call of a pair differ
def test_gradients_accumulated_outside():
    def two(step, optimizer):
        def run(x, y):
            optimizer.zero_grad()
            step(x, y)
            step(x * 2, y)
            optimizer.step()

        return run

    seen = []
    for compiled in (False, True):
        fastnn.manual_seed(5)
        model = classifier()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def add(x, y, model=model):
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            return loss

        run = two(fastnn.compile(add) if compiled else add, optimizer)
        trace = []
        for x, y in batches(15):
            run(x, y)
            trace.append(state_of(model))
        seen.append(trace)
    assert seen[0] == seen[1]


def test_gradients_as_results():
    w = fastnn.tensor([1.0, 2.0], requires_grad=True)

    @fastnn.compile
    def f(x):
        w.grad = None
        (w * x).sum().backward()
        return w.grad

    kept = []
    for i in range(6):
        kept.append(f(fastnn.tensor([float(i), 1.0])))
        assert w.grad.tolist() == [i, 1]
    assert [g.tolist() for g in kept] == [[i, 1] for i in range(6)]


def test_labels_out_of_range_in_a_replay():
    model = classifier()
    step = fastnn.compile(
        make_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    )
    good = batches(5)
    for x, y in good:
        step(x, y)
    before = state_of(model)
    x, y = good[0]
    bad = y.clone()
    bad[7] = 3
    with pytest.raises(IndexError, match=r"position 7 is 3, expected 0 to 2"):
        step(x, bad)
    assert state_of(model) == before
    replayed = step.replayed
    step(x, y)
    step(x, y)
    assert step.replayed > replayed
    assert state_of(model) != before


def test_inference():
    model = classifier(0.5, True).eval()
    fast = fastnn.compile(model)
    with fastnn.no_grad():
        for x, _ in batches(6):
            assert bits(fast(x)) == bits(model(x))
    assert fast.replayed == 4


def test_replays_keep_no_memory():
    model = classifier(0.5, True)
    step = fastnn.compile(
        make_step(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01))
    )
    ((x, y),) = batches(1)
    for _ in range(20):
        step(x, y)
    before = fastnn.memory_stats()["allocated"]
    for _ in range(1_000):
        step(x, y)
    assert fastnn.memory_stats()["allocated"] == before


def test_a_plan_shows_itself():
    model = classifier()
    step = fastnn.compile(
        make_step(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01))
    )
    for x, y in batches(3):
        step(x, y)
    (plan,) = step.plans()
    before = state_of(model)
    assert "adam" in plan.summary().lower()
    assert plan.to_dot().startswith("digraph")
    assert state_of(model) == before
    assert len(plan) > 5


# --- any network --------------------------------------------------------------------------------------

ACTIVATIONS = [
    "ReLU",
    "Tanh",
    "Sigmoid",
    "GELU",
    "SiLU",
    "ELU",
    "LeakyReLU",
    "Softplus",
    "Mish",
    "PReLU",
]
OPTIMIZERS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adagrad", {"lr": 0.05}),
    ("RMSprop", {"lr": 0.005, "momentum": 0.5, "centered": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "amsgrad": True}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
]
LOSSES = ["CrossEntropyLoss", "NLLLoss", "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"]
LOSSES += ["BCELoss", "BCEWithLogitsLoss"]


def random_network(seed):
    """A function that makes the network of this number, and its batches."""
    rng = np.random.default_rng(seed)
    dtype = np.float64 if rng.random() < 0.2 else np.float32
    num_in, num_out = int(rng.integers(1, 9)), int(rng.integers(1, 6))
    widths = [int(n) for n in rng.integers(1, 20, rng.integers(0, 4))]
    choices = [
        (rng.choice(ACTIVATIONS), rng.choice(["", "BatchNorm1d", "LayerNorm"]), rng.random())
        for _ in widths
    ]
    loss, (optimizer, options) = rng.choice(LOSSES), OPTIMIZERS[rng.integers(len(OPTIMIZERS))]
    embedding, clip = rng.random() < 0.2, float(rng.choice([0, 0, 0.5]))
    size = int(rng.integers(2, 20))

    def make():
        layers = []
        if embedding:
            layers += [nn.Embedding(7, num_in)]
        n = num_in
        for width, (activation, norm, p) in zip(widths, choices, strict=True):
            layers.append(nn.Linear(n, width, bias=p < 0.8))
            layers += [getattr(nn, norm)(width)] if norm else []
            layers.append(getattr(nn, activation)())
            layers += [nn.Dropout(p)] if p < 0.5 else []
            n = width
        layers.append(nn.Linear(n, num_out))
        layers += [nn.LogSoftmax(1)] if loss == "NLLLoss" else []
        layers += [nn.Sigmoid()] if loss == "BCELoss" else []
        model = nn.Sequential(*layers)
        if dtype == np.float64:
            model.double()
        made = getattr(optim, optimizer)(model.parameters(), **options)
        return model, getattr(nn, loss)(), made, clip

    def batch():
        x = rng.integers(0, 7, size) if embedding else rng.standard_normal((size, num_in))
        if loss in ("CrossEntropyLoss", "NLLLoss"):
            y = rng.integers(0, num_out, size)
        elif loss.startswith("BCE"):
            y = rng.random((size, num_out))
        else:
            y = rng.standard_normal((size, num_out))
        return [fastnn.tensor(a if a.dtype.kind == "i" else a.astype(dtype)) for a in (x, y)]

    return make, [batch() for _ in range(20)]


@pytest.mark.parametrize("block", range(10))
def test_two_hundred_random_networks(block):
    for seed in range(20 * block, 20 * block + 20):
        make, data = random_network(seed)
        step = run_both(make, data)
        assert step.replayed >= 17, f"network {seed}: replayed {step.replayed} of 20"
