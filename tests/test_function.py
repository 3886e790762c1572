"""`autograd.Function`: operations that users write."""

import gc
import weakref

import numpy as np
import pytest

import fastnn
from fastnn import autograd


def tensor(values, grad=True):
    return fastnn.tensor(values, requires_grad=grad)


def close(actual, expected, **tolerance):
    np.testing.assert_allclose(actual.detach().numpy(), expected, **({"rtol": 1e-6} | tolerance))


class Exp(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        return dy * y


class SplitTwo(autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        ctx.needed = ctx.needs_input_grad
        return x * factor, x + factor

    @staticmethod
    def backward(ctx, da, db):
        return da * ctx.factor + db, None


def test_function_with_a_saved_output_of_any_order():
    x = tensor(np.array([0.5, 1.0]))
    y = Exp.apply(x).sum()
    for _ in range(3):
        (dx,) = autograd.grad(y, x, create_graph=True)
        close(dx, np.exp([0.5, 1.0]), rtol=1e-12)
        y = dx.sum()


def test_function_with_a_saved_output_leaves_no_cycle():
    gc.disable()
    try:
        y = Exp.apply(tensor([1.0, 2.0]))
        alive = weakref.ref(y)
        del y
        assert alive() is None
    finally:
        gc.enable()


def test_function_of_several_outputs():
    x = tensor([1.0, 2.0])
    a, b = SplitTwo.apply(x, 3.0)
    (a * 2 + b).sum().backward()
    close(x.grad, [7, 7])
    x.grad = None
    a, b = SplitTwo.apply(x, 3.0)
    b.sum().backward()  # a's gradient arrives as zeros
    close(x.grad, [1, 1])


def test_function_with_none_and_no_grad():
    class First(autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            assert ctx.needs_input_grad == (True, False)
            return x * w

        @staticmethod
        def backward(ctx, dy):
            return dy * 5, dy

    x, w = tensor([1.0]), fastnn.tensor([2.0])
    First.apply(x, w).backward()
    close(x.grad, [5])
    assert w.grad is None

    class Nothing(First):
        @staticmethod
        def backward(ctx, dy):
            return None, None

    x.grad = None
    Nothing.apply(x, w).backward()
    assert x.grad is None
    with fastnn.no_grad():
        assert not First.apply(x, w).requires_grad


def test_function_returning_its_argument():
    class Same(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, dy):
            return dy * 2

    x = tensor([1.0])
    y = Same.apply(x)
    assert y is not x
    y.backward()
    close(x.grad, [2])


@pytest.mark.parametrize(
    ("result", "error", "match"),
    [
        (lambda dy: (dy, dy), RuntimeError, r"Bad.backward: expected 1 gradients.*got 2"),
        (lambda dy: 3.0, TypeError, "gradient 0 must be a Tensor or None, got float"),
        (lambda dy: fastnn.ones(5), RuntimeError, r"shape \(2,\) .* got \(5,\)"),
    ],
)
def test_function_backward_is_checked(result, error, match):
    class Bad(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, dy):
            return result(dy)

    with pytest.raises(error, match=match):
        Bad.apply(tensor([1.0, 2.0])).sum().backward()


def test_function_forward_is_checked():
    class Bad(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3)

    with pytest.raises(TypeError, match="save_for_backward: expected Tensors"):
        Bad.apply(tensor([1.0]))

    class Worse(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 3

    with pytest.raises(TypeError, match=r"Worse.forward: expected Tensors"):
        Worse.apply(tensor([1.0]))
    with pytest.raises(TypeError, match="define forward"):
        autograd.Function.apply(tensor([1.0]))
