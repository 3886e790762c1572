"""Every layer against PyTorch's: its state goes over through a safetensors file and back; outputs,
gradients and buffers agree in training and evaluation, in both dtypes and for odd layouts."""

import copy
import itertools
import re

import numpy as np
import pytest
from layer_table import LAYERS

import fastnn
from fastnn import nn

torch = pytest.importorskip("torch", reason="compares with PyTorch")
safetensors_torch = pytest.importorskip("safetensors.torch", reason="moves states by file")
from safetensors.numpy import load_file, save_file  # noqa: E402

DTYPES = [
    pytest.param(np.float32, 1e-4, id="f32"),
    pytest.param(np.float64, 1e-9, id="f64"),
]


def draw(rng, spec, dtype, strided=False):
    """An array, stored with its first and last axis exchanged if `strided`."""
    if spec[0] == "int":
        return rng.integers(0, spec[2], spec[1])
    x = rng.standard_normal(spec).astype(dtype)
    if strided and x.ndim > 1:
        x = np.ascontiguousarray(x.swapaxes(0, -1)).swapaxes(0, -1)
    return x


def flat(value):
    return [t for v in value for t in flat(v)] if isinstance(value, (tuple, list)) else [value]


def run(library, layer, arrays, weights):
    """(outputs, gradients of inputs, gradients of parameters by name)."""
    inputs = [library.as_tensor(a) for a in arrays]
    for a, x in zip(arrays, inputs, strict=True):
        if a.dtype.kind == "f":
            x.requires_grad_()
    outputs = flat(layer(*inputs))
    for p in layer.parameters():
        p.grad = None
    total = None
    for y, w in zip(outputs, weights(outputs), strict=True):
        if y.requires_grad:
            term = (y * library.as_tensor(w)).sum()
            total = term if total is None else total + term
    if total is not None:
        total.backward()

    def array(t):
        return None if t is None else np.array(t.detach().numpy())

    return (
        [array(y) for y in outputs],
        [array(x.grad) for x in inputs],
        {name: array(p.grad) for name, p in layer.named_parameters()},
    )


def weights(outputs):
    draws = np.random.default_rng(9)
    dtype = str(outputs[0].dtype).removeprefix("torch.")
    return [draws.standard_normal(tuple(y.shape)).astype(dtype) for y in outputs]


def assert_close(mine, theirs, rtol, what):
    assert (mine is None) == (theirs is None), f"{what}: one of the two is missing"
    if mine is None:
        return
    assert mine.shape == theirs.shape, what
    assert mine.dtype == theirs.dtype, what
    size = max(1.0, np.abs(theirs).max(initial=0)) if theirs.dtype.kind == "f" else 0
    np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=rtol / 10 * size, err_msg=what)


def assert_same_run(mine, theirs, arrays, rtol, what):
    """Outputs, gradients of inputs and parameters, and buffers afterwards."""
    y2, dx2, dw2 = run(torch, theirs, arrays, weights)
    y, dx, dw = run(fastnn, mine, arrays, weights)
    for group, a, b in (("output", y, y2), ("gradient of input", dx, dx2)):
        assert len(a) == len(b)
        for i, (u, v) in enumerate(zip(a, b, strict=True)):
            assert_close(u, v, rtol, f"{what}: {group} {i}")
    assert list(dw) == list(dw2)
    for name in dw:
        assert_close(dw[name], dw2[name], rtol, f"{what}: gradient of {name}")
    for (name, u), (_, v) in zip(mine.named_buffers(), theirs.named_buffers(), strict=True):
        assert_close(np.array(u.numpy()), v.numpy(), rtol, f"{what}: buffer {name}")


def to_file(path, state):
    arrays = {k: np.array(v.detach().numpy(), order="C") for k, v in state.items()}
    save_file(arrays, path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("dtype", "rtol"), DTYPES)
@pytest.mark.parametrize("row", [pytest.param(r, id=r.id) for r in LAYERS])
def test_as_torch(row, dtype, rtol, tmp_path):
    rng = np.random.default_rng(5)
    rtol = max(rtol, row.rtol)
    theirs = getattr(torch.nn, row.name)(*row.args, **row.kwargs).to(torch_dtype(dtype))
    mine = getattr(nn, row.name)(*row.args, **row.kwargs).to(dtype)
    for p in theirs.parameters():  # weights of ones and zeros hide what is exchanged
        p.data += 0.3 * torch.rand_like(p)

    to_file(tmp_path / "theirs.safetensors", theirs.state_dict())
    mine.load_state_dict(load_file(tmp_path / "theirs.safetensors"))
    assert list(mine.state_dict()) == list(theirs.state_dict()), "names in the state_dict"

    for training in (False,) if row.random else (True, False):
        mine.train(training)
        theirs.train(training)
        for specs, strided in itertools.product(row.inputs, (False, True)):
            arrays = [draw(rng, s, dtype, strided) for s in specs]
            what = f"{row.id} on {specs}, {'training' if training else 'evaluation'}"
            assert_same_run(mine, theirs, arrays, rtol, what)

    to_file(tmp_path / "mine.safetensors", mine.state_dict())
    back = safetensors_torch.load_file(tmp_path / "mine.safetensors")
    again = getattr(torch.nn, row.name)(*row.args, **row.kwargs).to(torch_dtype(dtype))
    again.load_state_dict(back)
    for name, u in again.state_dict().items():
        v = mine.state_dict()[name].detach().numpy()
        np.testing.assert_array_equal(u.numpy(), v, err_msg=f"state {name}")


def torch_dtype(dtype):
    return torch.float32 if dtype == np.float32 else torch.float64


def resized(specs):
    """The call's inputs with each axis in turn of length 0, and of length 1, in all that share it."""
    shapes = [s[1] if s[0] == "int" else s for s in specs]
    for axis, length in itertools.product(range(len(shapes[0])), (0, 1)):
        size = shapes[0][axis]
        if size != length:
            found = [
                tuple(length if i == axis and n == size else n for i, n in enumerate(shape))
                for shape in shapes
            ]
            yield [("int", n, *s[2:]) if s[0] == "int" else n for s, n in zip(specs, found)]


NOT_AS_TORCH = {
    r"BatchNorm\dd\S* on \[\(\d, 0": "no channels where there should be 4: refused, PyTorch looks away",
    r"BatchNorm1d\(4,affine=False,track_running_stats=False\) on \[\(5, 1": "the same",
    r"GroupNorm\S* on \[\(\d, 0": "the same",
    r"GroupNorm\S* on \[\(2, 4, 0": "PyTorch's gradient of the weight is NaN, ours 0",
    r"MaxPool2d\(\(3,2\).*dilation.* on \[\(2, 4, 6, 1": "refused: a window falls beside the image",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", [pytest.param(r, id=r.id) for r in LAYERS])
def test_lengths_0_and_1(row):
    """Wherever PyTorch takes such a shape, the result is its own."""
    rng = np.random.default_rng(6)
    theirs = getattr(torch.nn, row.name)(*row.args, **row.kwargs).double()
    mine = getattr(nn, row.name)(*row.args, **row.kwargs).double()
    mine.load_state_dict({k: np.array(v.numpy()) for k, v in theirs.state_dict().items()})
    for training in (False,) if row.random else (True, False):
        mine.train(training)
        theirs.train(training)
        for specs in resized(row.inputs[0]):
            arrays = [draw(rng, s, np.float64) for s in specs]
            try:
                run(torch, copy.deepcopy(theirs), arrays, weights)
            except (RuntimeError, ValueError, IndexError, AssertionError):
                continue
            what = f"{row.id} on {specs}, {'training' if training else 'evaluation'}"
            if any(re.search(pattern, what) for pattern in NOT_AS_TORCH):
                continue
            assert_same_run(mine, theirs, arrays, max(1e-9, row.rtol), what)
