"""Whole training steps, compiled: parameters, buffers and losses have the bits of eager ones."""

import warnings

import pytest
from recording import adam_on, batches, bits, classifier, make_step, run_both, state_of

import fastnn
from fastnn import nn, optim


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


HOOKS = {
    "parameter": lambda m: m[0].weight.register_hook(lambda g: g * 2),
    "forward": lambda m: m[0].register_forward_hook(lambda m, x, y: y * 2),
    "forward, before": lambda m: m[2].register_forward_pre_hook(lambda m, x: (x[0] * 2,)),
    "backward": lambda m: m[0].register_full_backward_hook(lambda m, dx, dy: None),
}


@pytest.mark.parametrize("add", HOOKS.values(), ids=list(HOOKS))
def test_hooks_that_are_removed_let_a_step_be_recorded_again(add):
    handles = []

    def change(i, model, optimizer):
        if i in (4, 10):
            handles.append(add(model))
        if i in (8, 14):
            handles.pop().remove()

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        step = run_both(adam_on(classifier), batches(20), change)
    assert 1 <= len(warned) <= 2  # one for each text: a gradient's names its hook
    assert all("hook" in str(w.message) for w in warned)
    assert step.eager == 6
    assert step.replayed >= 5


def test_a_step_that_adds_and_removes_its_own_hooks_is_not_recorded_at_each_call():
    model = nn.Linear(3, 2)

    @fastnn.compile
    def step(x):
        with model.register_forward_hook(lambda m, x, y: y * 2):
            return model(x).detach()

    with pytest.warns(UserWarning, match="hook of Linear.*Python at each call"):
        step(fastnn.ones(4, 3))
    for _ in range(5):
        step(fastnn.ones(4, 3))
    assert (step.recorded, step.eager) == (1, 5)


def test_integers_by_zero_raise_at_each_call():
    @fastnn.compile
    def step(x, y):
        return x % y

    x, y = fastnn.tensor([5, 7]), fastnn.tensor([2, 0])
    with pytest.warns(UserWarning, match="numpy"):
        assert step(x, x - 3).tolist() == [1, 3]
    for _ in range(4):
        with pytest.raises(ZeroDivisionError, match="remainder: other is 0 at position 1"):
            step(x, y)


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
    rows = plan.summary().splitlines()
    assert [r.split()[0] for r in rows[1:-2]] == [row["name"] for row in plan.table()]
    assert "6x8 relu" in rows[2]
    assert not any("inf" in r or "nan" in r for r in rows)
    (check,) = (r for r in rows if r.startswith("index_check"))
    assert check.split()[-2:] == ["-", "-"]  # a few nanoseconds have no rate
    names = [row["name"] for row in plan.table()]
    dot, update = plan.to_dot(), names.index("adam_update")
    assert dot.startswith("digraph")
    makers = [i for i in range(update) if f"  c{i} -> c{update} " in dot]
    assert [names[i] for i in makers].count("matmul") == 2  # the gradients of both weights
    assert dot.count("x0 -> ") == 2  # the batch: the first product, and its weight's gradient
    assert state_of(model) == before
    assert len(plan) > 5
