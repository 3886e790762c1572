"""Compiled functions: the same bits as eager, and never silently wrong."""

import threading
import warnings

import numpy as np
import pytest
from recording import bits, quietly

import fastnn


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
