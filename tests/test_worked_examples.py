"""Gradients that can be worked out by hand: neurons, small networks, losses, penalties."""

import numpy as np
import pytest

import fastnn


def tensor(values, grad=True):
    return fastnn.tensor(values, requires_grad=grad)


def close(actual, expected, **tolerance):
    np.testing.assert_allclose(actual.detach().numpy(), expected, **({"rtol": 1e-6} | tolerance))


def test_sigmoid_neuron():
    """f = 1 / (1 + e^-(w0 x0 + w1 x1 + w2)), w = (2, -3, -3), x = (-1, -2)."""
    w, x = tensor([2.0, -3.0, -3.0]), tensor([-1.0, -2.0])
    f = 1 / (1 + (-(w[0] * x[0] + w[1] * x[1] + w[2])).exp())
    f.backward()
    assert round(f.item(), 2) == 0.73
    np.testing.assert_array_equal(np.round(w.grad.numpy(), 2), np.float32([-0.20, -0.39, 0.20]))
    np.testing.assert_array_equal(np.round(x.grad.numpy(), 2), np.float32([0.39, -0.59]))


def test_network_of_three_two_one():
    """Two hidden sigmoid neurons and one output; squared error, one step of descent, rate 0.1."""
    x = fastnn.tensor([0.4, 0.2, 0.7])
    w = tensor([[0.6, 0.8, 0.6], [0.9, 0.8, 0.4]])
    b = tensor([0.5, 0.7])
    v, c = tensor([0.9, 0.9]), tensor(0.5)
    hidden = (w @ x + b).sigmoid()
    out = (v @ hidden + c).sigmoid()
    np.testing.assert_array_equal(
        np.round(hidden.detach().numpy(), 4), np.float32([0.7892, 0.8176])
    )
    assert round(out.item(), 3) == 0.875
    (0.5 * (0.8 - out) ** 2).backward()
    with fastnn.no_grad():
        c -= 0.1 * c.grad
    assert round(c.item(), 4) == 0.4992


def test_softmax_of_scores():
    p = fastnn.tensor([5.0, 2.0, -1.0, 3.0]).softmax(0)
    np.testing.assert_array_equal(np.round(p.numpy(), 3), np.float32([0.842, 0.042, 0.002, 0.114]))


def test_cross_entropy_gradient_is_p_minus_y():
    z = tensor([[5.0, 2.0, -1.0, 3.0]])
    loss = -(z.softmax(1)[0, 3].log())
    loss.backward()
    close(z.grad, z.detach().softmax(1).numpy() - np.eye(4)[3:], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("w", "l1", "l2"),
    [
        ([5.0, 0.0, -5.0], 10.0, 50.0),
        ([2.0, 1.0, 2.0], 5.0, 9.0),
        ([3.0, 0.5, 0.0], 3.5, 9.25),
        ([0.0, 5.0, 0.0], 5.0, 25.0),
    ],
)
def test_penalties_of_weights_with_the_same_output(w, l1, l2):
    """x = (3, 2, 1), y = 10: all four weights answer 10; the penalties and their slopes differ."""
    x, t = fastnn.tensor([3.0, 2.0, 1.0]), tensor(w)
    assert (t @ x).item() == 10
    penalty = t.abs().sum()
    assert penalty.item() == l1
    penalty.backward()
    close(t.grad, np.sign(w))
    t.grad = None
    penalty = (t * t).sum()
    assert penalty.item() == l2
    penalty.backward()
    close(t.grad, 2 * np.array(w))
