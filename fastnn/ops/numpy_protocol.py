"""Tensors in NumPy's functions: an operator is the Tensor's, all else computes with arrays."""

import numpy as np

from fastnn._engine.engine import Tensor

# ufunc: the method of a Tensor on its left side, and that of one on its right
_OPERATORS = {
    np.add: ("__add__", "__radd__"),
    np.subtract: ("__sub__", "__rsub__"),
    np.multiply: ("__mul__", "__rmul__"),
    np.true_divide: ("__truediv__", "__rtruediv__"),
    np.floor_divide: ("__floordiv__", "__rfloordiv__"),
    np.remainder: ("__mod__", "__rmod__"),
    np.power: ("__pow__", "__rpow__"),
    np.matmul: ("__matmul__", "__rmatmul__"),
    np.bitwise_and: ("__and__", "__rand__"),
    np.bitwise_or: ("__or__", "__ror__"),
    np.bitwise_xor: ("__xor__", "__rxor__"),
    np.less: ("__lt__", "__gt__"),
    np.less_equal: ("__le__", "__ge__"),
    np.equal: ("__eq__", "__eq__"),
    np.not_equal: ("__ne__", "__ne__"),
    np.greater: ("__gt__", "__lt__"),
    np.greater_equal: ("__ge__", "__le__"),
}


def _array_ufunc(self, ufunc, method, *inputs, **options):
    """``array + tensor`` is a Tensor with its graph; ``np.exp(tensor)`` is an array."""
    if method == "__call__" and not options and ufunc in _OPERATORS:
        left, right = _OPERATORS[ufunc]
        a, b = inputs
        return getattr(a, left)(b) if isinstance(a, Tensor) else getattr(b, right)(a)
    return getattr(ufunc, method)(*_arrays(inputs), **_arrays(options))


def _array_function(self, function, types, arguments, options):
    """``np.mean(tensor)``, ``np.stack([tensor, tensor])``: as of their arrays."""
    return function(*_arrays(arguments), **_arrays(options))


def _arrays(value):
    """The Tensors in an argument as arrays that share their memory."""
    if isinstance(value, Tensor):
        return value.numpy()
    if type(value) in (tuple, list):
        return type(value)(map(_arrays, value))
    if type(value) is dict:
        return {name: _arrays(v) for name, v in value.items()}
    return value
