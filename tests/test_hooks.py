"""Hooks of tensors, and gradients that stay."""

import numpy as np
import pytest

import fastnn
from fastnn import autograd


def tensor(values, grad=True):
    return fastnn.tensor(values, requires_grad=grad)


def close(actual, expected, **tolerance):
    np.testing.assert_allclose(actual.detach().numpy(), expected, **({"rtol": 1e-6} | tolerance))


def test_hooks_see_and_replace_gradients():
    x = tensor([1.0, 2.0])
    y = x * 3
    seen = []
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    y.sum().backward(retain_graph=True)
    assert seen == [[1, 1]]
    close(x.grad, [31, 31])
    handle.remove()
    handle.remove()
    x.grad = None
    y.sum().backward()
    assert len(seen) == 1
    close(x.grad, [31, 31])


def test_a_hook_runs_once_with_the_whole_gradient():
    x = tensor(2.0)
    y = x * x
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 3 + y * 4).backward()
    assert seen == [7]


def test_a_hook_of_a_leaf_runs_once_with_the_whole_gradient():
    x = tensor([1.0, 2.0])
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g.clamp(max=5))
    (x * 3 + x * x).sum().backward()
    assert seen == [[5, 7]]
    close(x.grad, [5, 5])
    assert autograd.grad((x * 3 + x * x).sum(), x)[0].tolist() == [5, 5]


def test_hooks_are_checked():
    x = tensor([1.0, 2.0])
    with pytest.raises(TypeError, match="callable"):
        x.register_hook(3)
    with pytest.raises(RuntimeError, match="does not require grad"):
        fastnn.tensor([1.0]).register_hook(print)
    x.register_hook(lambda g: "nonsense")
    with pytest.raises(TypeError, match=r"expected None or a float32 Tensor of shape \(2,\)"):
        (x * 2).sum().backward()


def test_retain_grad():
    x = tensor([1.0, 2.0])
    y = x * 3
    y.retain_grad()
    y.retain_grad()
    (y * y).sum().backward()
    close(y.grad, [6, 12])
    close(x.grad, [18, 36])
    x.retain_grad()  # harmless on a leaf
