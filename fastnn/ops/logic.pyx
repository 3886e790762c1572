"""Questions and logic: isnan, isclose, logical_and and their kin; all give bools."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real
from fastnn.ops.argument import _named
from fastnn.ops.broadcast cimport *
from fastnn.ops.compare import eq, lt, ne

__all__ = ["isnan", "isinf", "isfinite", "isclose", "allclose", "equal",
           "logical_and", "logical_or", "logical_xor", "logical_not"]


# --- questions --------------------------------------------------------------------------------------

def isnan(input):
    """Whether each element is NaN: a bool tensor; ``torch.isnan``.

    Any dtype. Raises TypeError where `input` is no tensor or array.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.isnan(fastnn.tensor([1.0, float("nan")])).tolist()
    [False, True]
    """
    x = as_tensor(input, b"isnan: input").detach()
    return ne(x, x)


def isinf(input):
    """Whether each element is infinite: a bool tensor; ``torch.isinf``.

    Any dtype. Raises TypeError where `input` is no tensor or array.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.isinf(fastnn.tensor([1.0, float("-inf")])).tolist()
    [False, True]
    """
    return eq(as_tensor(input, b"isinf: input").detach().abs(), float("inf"))


def isfinite(input):
    """Whether each element is neither infinite nor NaN: a bool tensor; ``torch.isfinite``.

    Any dtype. Raises TypeError where `input` is no tensor or array.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.isfinite(fastnn.tensor([1.0, float("nan"), float("inf")])).tolist()
    [True, False, False]
    """
    return lt(as_tensor(input, b"isfinite: input").detach().abs(), float("inf"))


def isclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether abs(input - other) <= atol + rtol * abs(other), element by element; ``torch.isclose``.

    Parameters
    ----------
    input, other : Tensor
        Shapes broadcast; any dtypes.
    rtol, atol : float
        Default 1e-5 and 1e-8.
    equal_nan : bool
        Whether NaN is close to NaN. Default False.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If a tolerance is no number, or an input no tensor or array of numbers.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.isclose(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.000001, 2.1])).tolist()
    [True, False]
    """
    rtol, atol = real(rtol, "isclose: rtol"), real(atol, "isclose: atol")
    a, b = as_tensor(input, b"isclose: input"), as_tensor(other, b"isclose: other")
    with _named("isclose"):
        return by_numpy(lambda a, b: np.isclose(a, b, rtol, atol, equal_nan), a, b)


def allclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether all elements are close: a bool; see `isclose`. ``torch.allclose``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.allclose(fastnn.tensor([1.0]), fastnn.tensor([1.000001]))
    True
    """
    return bool(np.all(isclose(input, other, rtol, atol, equal_nan).numpy()))


def equal(input, other):
    """Whether two tensors have the same shape and the same elements: a bool; ``torch.equal``.

    Any dtypes. Raises TypeError where one is no tensor, array or number.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.equal(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 2.0]))
    True
    """
    a, b = as_tensor(input, b"equal: input"), as_tensor(other, b"equal: other")
    return a.shape == b.shape and bool(np.all(eq(a, b).numpy()))


# --- logic ------------------------------------------------------------------------------------------

cdef Tensor truth(object x, const char *what):
    """Tensors, arrays and numbers as bools."""
    cdef Tensor t = as_tensor(x, what)
    return t if t.dtype_ == FNN_BOOL else ne(t, 0)


def logical_and(input, other):
    """Whether both are not 0, element by element: a bool tensor; ``torch.logical_and``.

    Any dtypes. Raises ValueError where the shapes do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logical_and(fastnn.tensor([True, True]), fastnn.tensor([True, False])).tolist()
    [True, False]
    """
    return by_numpy(np.logical_and, truth(input, b"logical_and: input"), truth(other, b"logical_and: other"))


def logical_or(input, other):
    """Whether at least one is not 0, element by element: a bool tensor; ``torch.logical_or``.

    Any dtypes. Raises ValueError where the shapes do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logical_or(fastnn.tensor([True, True]), fastnn.tensor([True, False])).tolist()
    [True, True]
    """
    return by_numpy(np.logical_or, truth(input, b"logical_or: input"), truth(other, b"logical_or: other"))


def logical_xor(input, other):
    """Whether exactly one is not 0, element by element: a bool tensor; ``torch.logical_xor``.

    Any dtypes. Raises ValueError where the shapes do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logical_xor(fastnn.tensor([True, True]), fastnn.tensor([True, False])).tolist()
    [False, True]
    """
    return by_numpy(np.logical_xor, truth(input, b"logical_xor: input"), truth(other, b"logical_xor: other"))


def logical_not(input):
    """Whether each element is 0: a bool tensor; ``torch.logical_not``.

    Any dtype. Raises TypeError where `input` is no tensor or array.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logical_not(fastnn.tensor([True, False])).tolist()
    [False, True]
    """
    return by_numpy(np.logical_not, truth(input, b"logical_not: input"), None)


cdef object bitwise(str symbol, object function, object a, object b):
    for x in (a, b):
        if isinstance(x, float) or (isinstance(x, Tensor) and (<Tensor>x).dtype_ <= FNN_F64):
            raise TypeError(f"{symbol}: expected bool or integer tensors, got a floating point one; compare first")
        if x is not None and not isinstance(x, (Tensor, np.ndarray)) and not is_number(x):
            return NotImplemented
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        dtype = promoted_dtype(a, b)
        a, b = cast(a, dtype), cast(b, dtype)
    return by_numpy(function, a, b)


cdef object and_slot(object a, object b):
    return bitwise("&", np.bitwise_and, a, b)


cdef object or_slot(object a, object b):
    return bitwise("|", np.bitwise_or, a, b)


cdef object xor_slot(object a, object b):
    return bitwise("^", np.bitwise_xor, a, b)


cdef object invert_slot(object a):
    return bitwise("~", np.invert, a, None)


set_binary(OP_AND, and_slot)
set_binary(OP_OR, or_slot)
set_binary(OP_XOR, xor_slot)
set_unary(OP_INVERT, invert_slot)
