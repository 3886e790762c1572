"""What a value or a dtype is, for scripts that ask; and the constants of mathematics."""

from math import e, inf, nan, pi

from numpy import finfo, iinfo

from fastnn._engine.engine import Tensor, float32

__all__ = [
    "e",
    "finfo",
    "get_default_dtype",
    "iinfo",
    "inf",
    "is_floating_point",
    "is_tensor",
    "nan",
    "numel",
    "pi",
]


def is_tensor(obj):
    """Whether obj is a Tensor: ``torch.is_tensor``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.is_tensor(fastnn.ones(2)), fastnn.is_tensor([1.0, 1.0])
    (True, False)
    """
    return isinstance(obj, Tensor)


def is_floating_point(input):
    """Whether the Tensor's dtype is float32 or float64: ``torch.is_floating_point``.

    TypeError if `input` is no Tensor.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.is_floating_point(fastnn.arange(3))
    False
    """
    return _checked(input, "is_floating_point").is_floating_point()


def numel(input):
    """Number of elements of a Tensor, an int: ``torch.numel``. TypeError if `input` is none.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.numel(fastnn.zeros(2, 3))
    6
    """
    return _checked(input, "numel").numel()


def get_default_dtype():
    """float32, in which new tensors of fractions are made: ``torch.get_default_dtype``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.get_default_dtype() == fastnn.tensor(0.5).dtype
    True
    """
    return float32


def _checked(input, name):
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}: input must be a Tensor, got {type(input).__name__}")
    return input
