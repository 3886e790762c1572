"""Hooks of modules, forward and backward."""

import numpy as np
import pytest
from networks import Scale

import fastnn
from fastnn import nn


def test_hooks():
    layer, x = Scale(), fastnn.ones(2)
    double = layer.register_forward_pre_hook(lambda m, args: args[0] * 2)
    add = layer.register_forward_hook(lambda m, args, y: y + args[0])
    assert layer(x).tolist() == [4.0, 4.0]
    double.remove()
    assert layer(x).tolist() == [2.0, 2.0]
    add.remove()
    add.remove()
    calls = []
    with layer.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": 5.0}), with_kwargs=True
    ):
        layer.register_forward_hook(
            lambda m, args, kwargs, y: calls.append(kwargs), with_kwargs=True
        )
        layer.register_forward_hook(lambda m, a, y: calls.append("first"), prepend=True)
        assert layer(x, factor=1.0).tolist() == [5.0, 5.0]
    assert calls == ["first", {"factor": 5.0}]
    assert layer(x).tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="callable"):
        layer.register_forward_hook(3)


@pytest.mark.filterwarnings("ignore:Full backward hook")
def test_backward_hooks():
    """What torch's full backward hooks see and change: gradients of inputs and outputs."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    found = []
    for library in (fastnn, torch):
        layer = library.nn.Linear(3, 2)
        layer.load_state_dict(
            {
                "weight": library.as_tensor(np.arange(6, dtype=np.float32).reshape(2, 3)),
                "bias": library.zeros(2),
            }
        )
        seen = []

        def before(module, dy, seen=seen):
            seen.append([g.detach().numpy().copy() for g in dy])
            return (dy[0] * 2,)

        def after(module, dx, dy, seen=seen):
            seen.append([None if g is None else g.detach().numpy().copy() for g in (*dx, *dy)])
            return (dx[0] + 1,) if dx[0] is not None else None

        handles = [
            layer.register_full_backward_pre_hook(before),
            layer.register_full_backward_hook(after),
        ]
        x = library.ones(4, 3)
        x.requires_grad_()
        layer(x).sum().backward()
        layer(
            x.detach()
        ).sum().backward()  # no gradient wanted by the input: hooks run all the same
        for handle in handles:
            handle.remove()
        layer(x).sum().backward()
        found.append((seen, x.grad.numpy().copy(), layer.weight.grad.numpy().copy()))
    (mine, *mine_grads), (theirs, *their_grads) = found
    assert len(mine) == len(theirs) == 4
    for a, b in zip(mine, theirs, strict=True):
        for u, v in zip(a, b, strict=True):
            assert (u is None) == (v is None)
            np.testing.assert_array_equal(u, v)
    for u, v in zip(mine_grads, their_grads, strict=True):
        np.testing.assert_array_equal(u, v)
    layer = nn.Linear(1, 1)
    layer.register_full_backward_hook(lambda m, dx, dy: (dx[0], dx[0]))
    total = layer(fastnn.ones(1, 1, requires_grad=True)).sum()
    with pytest.raises(RuntimeError, match="returned 2 gradients, expected 1"):
        total.backward()
