"""`autograd.grad`: gradients asked for, of gradients too."""

import numpy as np
import pytest

import fastnn
from fastnn import autograd


def tensor(values, grad=True):
    return fastnn.tensor(values, requires_grad=grad)


def close(actual, expected, **tolerance):
    np.testing.assert_allclose(actual.detach().numpy(), expected, **({"rtol": 1e-6} | tolerance))


def test_grad_leaves_dot_grad_alone():
    x, w = tensor([1.0, 2.0]), tensor([3.0, 4.0])
    dx, dw = autograd.grad((x * w).sum(), [x, w])
    close(dx, [3, 4])
    close(dw, [1, 2])
    assert x.grad is None
    assert w.grad is None


def test_grad_of_inputs_that_are_no_leaves():
    x = tensor([1.0, 2.0])
    y = x * x
    z = (y * y).sum()
    (dy,) = autograd.grad(z, y, retain_graph=True)
    close(dy, [2, 8])
    dx, dy = autograd.grad(z, (x, y))
    close(dx, [4, 32])
    close(dy, [2, 8])


def test_grad_of_an_output_by_itself():
    x = tensor([1.0, 2.0])
    y = x * x
    (d,) = autograd.grad(y, y, fastnn.ones(2))
    close(d, [1, 1])


def test_grad_of_unused_inputs():
    x, w = tensor([1.0]), tensor([2.0])
    with pytest.raises(RuntimeError, match="input 1; allow_unused=True"):
        autograd.grad((x * 2).sum(), [x, w])
    dx, dw = autograd.grad((x * 2).sum(), [x, w], allow_unused=True)
    close(dx, [2])
    assert dw is None
    with pytest.raises(RuntimeError, match="input 0 does not require grad"):
        autograd.grad((x * 2).sum(), fastnn.tensor([1.0]))


def test_grad_outputs():
    x = tensor([1.0, 2.0])
    (dx,) = autograd.grad([x * x, x * 3], x, [fastnn.tensor([1.0, 0.0]), fastnn.ones(2)])
    close(dx, [5, 3])
    with pytest.raises(ValueError, match="1 outputs and 2 grad_outputs"):
        autograd.grad(x * x, x, [fastnn.ones(2), fastnn.ones(2)])


def test_gradients_of_gradients():
    x = tensor(3.0)
    y = x**4
    for expected in (108, 108, 72, 24):
        (y,) = autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(expected)


def test_a_gradient_penalty_trains():
    x, w = fastnn.tensor([1.0, 2.0]).requires_grad_(), tensor([3.0, 4.0])
    (dx,) = autograd.grad((x * x * w).sum(), x, create_graph=True)  # 2 x w
    (dx * dx).sum().backward()  # 4 x^2 w^2, by w: 8 x^2 w
    close(w.grad, [24, 128])
    close(x.grad, [72, 256])  # by x: 8 x w^2


def test_hessian_vector_product():
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    x, v = tensor(np.array([1.0, -1.0])), fastnn.tensor(np.array([0.5, 2.0]))
    (dx,) = autograd.grad(0.5 * (x @ (fastnn.tensor(a) @ x)), x, create_graph=True)
    (hv,) = autograd.grad(dx, x, v)
    close(hv, a @ [0.5, 2.0], rtol=1e-12)


def test_only_what_leads_to_the_inputs_is_computed():
    """As in PyTorch: neither the hooks of other leaves are called nor their gradients computed."""
    x, w = fastnn.ones(3, requires_grad=True), fastnn.ones(3, requires_grad=True)
    asked, hidden = [], []
    x.register_hook(asked.append)
    w.register_hook(hidden.append)
    inner = w * 2
    inner.register_hook(hidden.append)
    y = (x * inner).sum() + inner.sum()
    (dx,) = fastnn.autograd.grad(y, x, retain_graph=True)
    assert dx.tolist() == [2, 2, 2]
    y.backward(inputs=[x], retain_graph=True)
    assert x.grad.tolist() == [2, 2, 2]
    assert len(asked) == 2
    assert hidden == []
    assert w.grad is None
    (dinner,) = fastnn.autograd.grad(y, inner, retain_graph=True)
    assert dinner.tolist() == [2, 2, 2]
    assert len(hidden) == 1  # of `inner` itself
    (dw,) = fastnn.autograd.grad(y, w)
    assert dw.tolist() == [4, 4, 4]


class Counted(fastnn.autograd.Function):
    backwards = 0

    @staticmethod
    def forward(ctx, x):
        return x * 3

    @staticmethod
    def backward(ctx, dy):
        Counted.backwards += 1
        return dy * 3


def test_a_branch_that_leads_elsewhere_is_not_walked():
    x, w = fastnn.ones(2, requires_grad=True), fastnn.ones(2, requires_grad=True)
    y = (x * 2 + Counted.apply(w)).sum()
    Counted.backwards = 0
    fastnn.autograd.grad(y, x, retain_graph=True)
    assert Counted.backwards == 0
    fastnn.autograd.grad(y, w)
    assert Counted.backwards == 1
