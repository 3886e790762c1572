"""Calling a row of the op table on fastnn, torch or NumPy: values and gradients as plain arrays."""

import importlib
import pkgutil

import numpy as np

import fastnn
import fastnn.ops
from fastnn import autograd

try:
    import torch
except ImportError:
    torch = None


def registered_ops():
    """name -> function of every public op that a family in fastnn.ops defines."""
    ops = {}
    for info in pkgutil.iter_modules(fastnn.ops.__path__):
        if info.name.startswith("_") or info.name.startswith("methods"):
            continue
        module = importlib.import_module(f"fastnn.ops.{info.name}")
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__
            if own and not isinstance(value, type) and value.__name__ == name and name[0] != "_":
                assert name not in ops, f"two families define {name}"
                ops[name] = value
    return ops


OPS = registered_ops()


def flat(result):
    """The results of a call as a list."""
    return list(result) if isinstance(result, (tuple, list)) else [result]


def numpy(value):
    """A fastnn or torch tensor, or None, as an array that nothing else writes to."""
    if torch is not None and isinstance(value, torch.Tensor):
        return value.detach().numpy().copy()
    if isinstance(value, fastnn.Tensor):
        return np.array(value.detach().numpy())
    return np.array(value)


def call_fastnn(row, sample, tensors):
    args, kwargs = sample.arguments(tensors)
    return flat((row.call or OPS[row.name])(*args, **kwargs))


def call_torch(row, sample, tensors):
    function = row.torch
    if function == "same name":
        functional = torch.nn.functional
        function = getattr(functional, row.name, None) or getattr(torch, row.name)
    args, kwargs = sample.arguments(tensors)
    return flat(function(*args, **kwargs))


def call_reference(row, sample, arrays):
    args, kwargs = sample.arguments([a.astype(float) if a.dtype.kind == "f" else a for a in arrays])
    return flat(row.reference(*args, **kwargs))


def typed(arrays, dtype):
    """Floating point arrays as dtype; indices and masks as they are."""
    return [np.array(a, dtype=dtype) if a.dtype.kind == "f" else a.copy() for a in arrays]


def leaves(sample, arrays, library=fastnn):
    """Tensors with the arrays' strides, where they can be; those that want gradients say so."""
    tensors = [library.as_tensor(a) for a in arrays]
    for spec, array, tensor in zip(sample.specs(), arrays, tensors, strict=True):
        if spec.grad and array.dtype.kind == "f":
            tensor.requires_grad_()
    return tensors


def weights(outputs, layout=None):
    """Seeded random gradients for the outputs, so that no error cancels in a plain sum."""
    rng = np.random.default_rng(7)
    arrays = [rng.standard_normal(tuple(y.shape)).astype(numpy(y).dtype) for y in outputs]
    return arrays if layout is None else [layout(a) for a in arrays]


def gradients(outputs, inputs, dys=None, library=fastnn, create_graph=False):
    """Gradients at those inputs that want one, as tensors; zeros where an input is not used."""
    grad = autograd.grad if library is fastnn else torch.autograd.grad
    outputs = [y for y in outputs if isinstance(y, library.Tensor) and y.requires_grad]
    inputs = [x for x in inputs if isinstance(x, library.Tensor) and x.requires_grad]
    if not outputs or not inputs:
        return []
    if dys is None:
        dys = [library.from_numpy(w) for w in weights(outputs)]
    found = grad(outputs, inputs, dys, create_graph=create_graph, allow_unused=True)
    return [library.zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True)]


def evaluate(row, sample, arrays, library=fastnn):
    """(values, gradients) of one call, as arrays."""
    tensors = leaves(sample, arrays, library)
    outputs = (call_fastnn if library is fastnn else call_torch)(row, sample, tensors)
    return [numpy(y) for y in outputs], [
        numpy(g) for g in gradients(outputs, tensors, None, library)
    ]


def assert_close(got, expected, rtol, what=""):
    """Shapes equal, and values within rtol of each, or a tenth of that of the largest."""
    assert len(got) == len(expected), f"{what}: {len(got)} results, expected {len(expected)}"
    for i, (g, e) in enumerate(zip(got, expected, strict=True)):
        e = np.asarray(e)
        assert g.shape == e.shape, f"{what} {i}: shape {g.shape}, expected {e.shape}"
        if e.dtype.kind in "biu":
            np.testing.assert_array_equal(g, e, err_msg=f"{what} {i}")
        else:
            finite = np.abs(e[np.isfinite(e)])
            atol = rtol / 10 * max(1.0, finite.max() if finite.size else 0.0)
            np.testing.assert_allclose(g, e, rtol=rtol, atol=atol, err_msg=f"{what} {i}")
