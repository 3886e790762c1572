"""The graph and its walk: what PyTorch's users rely on."""

import contextlib
import threading

import numpy as np
import pytest

import fastnn
from fastnn import autograd


def tensor(values, grad=True):
    return fastnn.tensor(values, requires_grad=grad)


def close(actual, expected, **tolerance):
    np.testing.assert_allclose(actual.detach().numpy(), expected, **({"rtol": 1e-6} | tolerance))


# --- gradients ---------------------------------------------------------------------------------


def test_gradients_add_up_at_forks():
    x = tensor(3.0)
    y = x * x
    (y * y + y + x).backward()  # x^4 + x^2 + x
    assert x.grad.item() == 4 * 27 + 6 + 1


def test_gradients_add_up_over_calls():
    x = tensor([1.0, 2.0])
    for k in range(1, 4):
        (x * 3).sum().backward()
        close(x.grad, [3.0 * k, 3.0 * k])
    x.grad = None
    (x * 3).sum().backward()
    close(x.grad, [3, 3])


def test_the_same_tensor_twice_in_one_operation():
    x = tensor([2.0, 5.0])
    (x + x).sum().backward()
    close(x.grad, [2, 2])
    x.grad = None
    (x * x).sum().backward()
    close(x.grad, [4, 10])


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3, 4), (4,)),
        ((3, 4), (3, 1)),
        ((4,), (3, 4)),
        ((2, 1, 4), (3, 1)),
        ((), (2, 3)),
        ((1,), ()),
    ],
)
def test_broadcasting_is_undone(a, b):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(a), rng.standard_normal(b)
    tx, ty = tensor(x), tensor(y)
    out = tx * ty
    dy = rng.standard_normal(out.shape)
    out.backward(fastnn.tensor(dy))

    def undone(g, shape):
        g = g.sum(axis=tuple(range(g.ndim - len(shape))))
        axes = tuple(i for i, n in enumerate(shape) if n == 1)
        return g.sum(axis=axes, keepdims=True) if axes else g

    close(tx.grad, undone(dy * y, a), rtol=1e-12)
    close(ty.grad, undone(dy * x, b), rtol=1e-12)


def test_backward_with_a_gradient():
    x = tensor([1.0, 2.0, 3.0])
    (x * x).backward(fastnn.tensor([1.0, 0.5, 0.0]))
    close(x.grad, [2, 2, 0])


def test_backward_leaves_the_given_gradient_alone():
    x, dy = tensor([1.0, 2.0]), fastnn.tensor([1.0, 1.0])
    y = x + 0
    (y + y).backward(dy)
    (y2 := x + 0).backward(dy)
    x.grad += 1
    assert y2.shape == (2,)
    close(dy, [1, 1])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda x: (x * 2).backward(), r"shape \(3,\)"),
        (
            lambda x: (x * 2).backward(fastnn.ones(2)),
            r"expected a gradient of shape \(3,\).*\(2,\)",
        ),
        (lambda x: x.detach().sum().backward(), "no graph"),
        (lambda x: autograd.backward([x.sum(), x.sum()], [None]), "2 outputs and 1 gradients"),
    ],
)
def test_backward_says_what_is_wrong(call, match):
    with pytest.raises((RuntimeError, ValueError), match=match):
        call(tensor([1.0, 2.0, 3.0]))


def test_backward_of_several_outputs():
    x = tensor([1.0, 2.0])
    autograd.backward([(x * 2).sum(), x * x], [None, fastnn.tensor([1.0, 1.0])])
    close(x.grad, [4, 6])


def test_backward_for_chosen_inputs():
    x, w = tensor([1.0, 2.0]), tensor([3.0, 4.0])
    (x * w).sum().backward(inputs=[w])
    assert x.grad is None
    close(w.grad, [1, 2])
    y = x * w
    seen = []
    w.register_hook(lambda g: seen.append(g.tolist()))
    (y * y).sum().backward(inputs=[y, w])
    close(y.grad, [6, 16])
    close(w.grad, [7, 34])
    assert seen == [[6, 32]]


def test_the_graph_is_freed_by_backward_unless_retained():
    x = tensor([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    close(x.grad, [4, 8])
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_backward_into_a_freed_part_of_the_graph():
    x = tensor([1.0, 2.0])
    shared = x * x
    a, b = shared.sum(), (shared * 2).sum()
    a.backward()
    with pytest.raises(RuntimeError, match=r"freed.*retain_graph=True"):
        b.backward()


def test_a_failed_backward_leaves_nothing_pending():
    class Breaks(autograd.Function):
        broken = True

        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, dy):
            if Breaks.broken:
                raise ZeroDivisionError("on purpose")
            return dy

    x = tensor([1.0, 2.0])
    y = Breaks.apply(x * 2) + x * 3
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            y.sum().backward(retain_graph=True)
    Breaks.broken = False
    x.grad = None
    y.sum().backward()
    close(x.grad, [5, 5])


# --- grad mode, leaves -------------------------------------------------------------------------


def test_no_grad_and_enable_grad_as_contexts_and_decorators():
    x = tensor([1.0])
    with fastnn.no_grad():
        assert not fastnn.is_grad_enabled()
        assert not (x * 2).requires_grad
        with fastnn.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert fastnn.is_grad_enabled()

    @fastnn.no_grad()
    def plain(a):
        """Text."""
        return a * 2

    @fastnn.no_grad
    def bare(a):
        return a * 2

    @fastnn.enable_grad()
    def graded(a):
        return a * 2

    assert not plain(x).requires_grad
    assert not bare(x).requires_grad
    assert plain.__name__ == "plain"
    assert plain.__doc__ == "Text."
    with fastnn.no_grad():
        assert graded(x).requires_grad
    with fastnn.inference_mode():
        assert not (x * 2).requires_grad
    with fastnn.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_set_grad_enabled_as_a_function():
    try:
        fastnn.set_grad_enabled(False)
        assert not fastnn.is_grad_enabled()
    finally:
        fastnn.set_grad_enabled(True)
    assert fastnn.is_grad_enabled()


def test_grad_mode_survives_exceptions_and_belongs_to_a_thread():
    with contextlib.suppress(KeyError), fastnn.no_grad():
        raise KeyError
    assert fastnn.is_grad_enabled()
    seen = []
    with fastnn.no_grad():
        t = threading.Thread(target=lambda: seen.append(fastnn.is_grad_enabled()))
        t.start()
        t.join()
    assert seen == [True]


def test_one_no_grad_object_may_be_entered_twice():
    guard = fastnn.no_grad()
    with guard:
        with guard:
            pass
        assert not fastnn.is_grad_enabled()
    assert fastnn.is_grad_enabled()


def test_a_mode_object_left_too_often_or_entered_without_end_says_so():
    guard = fastnn.no_grad()
    with pytest.raises(RuntimeError, match="no_grad: left without being entered"):
        guard.__exit__(None, None, None)
    for _ in range(64):
        guard.__enter__()
    with pytest.raises(RuntimeError, match="entered 64 times"):
        guard.__enter__()
    for _ in range(64):
        guard.__exit__(None, None, None)
    assert fastnn.is_grad_enabled()


def test_leaves_and_what_is_none():
    x = tensor([1.0])
    y = x * 2
    assert x.is_leaf
    assert x.grad_fn is None
    assert not y.is_leaf
    assert y.grad_fn.name() == "mul"
    assert y.requires_grad
    y.sum().backward()
    assert y.grad is None
    z = fastnn.tensor([1.0]) * 2
    assert z.is_leaf
    assert not z.requires_grad


def test_detach_shares_memory_and_leaves_the_graph():
    x = tensor([1.0, 2.0])
    y = x * 2
    d = y.detach()
    assert d.is_leaf
    assert not d.requires_grad
    d[0] = 7
    assert y[0].item() == 7
    (y.detach() * x).sum().backward()
    close(x.grad, [7, 4])


def test_detach_in_place():
    x = tensor([1.0])
    y = (x * 2).detach_()
    assert y.is_leaf
    assert not y.requires_grad


def test_requires_grad_():
    x = fastnn.tensor([1.0, 2.0])
    assert x.requires_grad_() is x
    assert x.requires_grad
    assert not x.requires_grad_(False).requires_grad
    y = tensor([1.0]) * 2
    with pytest.raises(RuntimeError, match="leaf"):
        y.requires_grad_(False)
    with pytest.raises(TypeError, match="int64"):
        fastnn.tensor([1, 2]).requires_grad_()
    with pytest.raises(TypeError, match="int64"):
        fastnn.tensor([1, 2], requires_grad=True)


def test_a_leaf_that_wants_no_gradient_gets_none():
    x, w = fastnn.tensor([1.0, 2.0]), tensor([3.0, 4.0])
    (x * w).sum().backward()
    assert x.grad is None
    close(w.grad, [1, 2])


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        ([1.0, 2.0], TypeError, "expected a Tensor or None, got list"),
        (fastnn.tensor([1.0]), ValueError, r"expected shape \(2,\)"),
        (fastnn.tensor([1.0, 2.0], dtype=fastnn.float64), ValueError, "float64"),
    ],
)
def test_setting_grad_is_checked(value, error, match):
    with pytest.raises(error, match=match):
        tensor([1.0, 2.0]).grad = value


# --- in place ----------------------------------------------------------------------------------


def test_in_place_changes_of_leaves_are_refused():
    x = tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="leaf"):
        x += 1
    with pytest.raises(RuntimeError, match="leaf"):
        x[0] = 1
    with fastnn.no_grad():
        x += 1
    x.data[0] = 9
    close(x, [9, 3])


def test_in_place_changes_inside_the_graph():
    x = tensor([1.0, 2.0])
    y = x * 2
    y += 3
    y *= 4
    y[0] = 5
    (y * x).sum().backward()  # 5 x and 4 (2x + 3) x
    close(x.grad, [5, 44])


def test_a_saved_value_that_was_overwritten_is_noticed():
    x = tensor([1.0, 2.0])
    y = x * 2
    z = y * y
    with fastnn.no_grad():
        y += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        z.sum().backward()


def test_a_saved_view_of_overwritten_memory_is_noticed():
    x = tensor([1.0, 2.0])
    y = x * 2
    z = (y * y).sum()
    y.detach()[0] = 5
    with pytest.raises(RuntimeError, match="'mul'"):
        z.backward()
