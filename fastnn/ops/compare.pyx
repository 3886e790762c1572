"""Comparisons, element by element: eq, ne, lt, le, gt, ge."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_eq_forward, FNN_ne_forward, FNN_lt_forward, FNN_le_forward, FNN_gt_forward, FNN_ge_forward

__all__ = ["eq", "ne", "lt", "le", "gt", "ge", "not_equal", "less", "less_equal", "greater", "greater_equal"]


cdef object compare(const char *name, int id, object function, object left, object right):
    cdef Tensor a = <Tensor>left if isinstance(left, Tensor) else None
    cdef Tensor b = <Tensor>right if isinstance(right, Tensor) else None
    cdef double s[8]
    s[:] = [0] * 8
    if not (a is not None and a.dtype_ <= FNN_F64 and (type(right) is float if b is None else a.dtype_ == b.dtype_)):
        for x in (left, right):
            if not isinstance(x, (Tensor, np.ndarray)) and not is_number(x):
                return NotImplemented
        pair = resolve(name.decode(), function, left, right)
        if type(pair) is not tuple:
            return pair
        left, right = pair
        a = (<Tensor>left).detach() if isinstance(left, Tensor) else None
        b = (<Tensor>right).detach() if isinstance(right, Tensor) else None
    if a is None:
        s[0] = left
    if b is None:
        s[1] = right
    return compute(id, MASK_OUT, a, b, None, s, None, name)


cdef object eq_slot(object a, object b):
    return compare("eq", FNN_eq_forward, np.equal, a, b)


def eq(input, other):
    """Whether input == other, element by element: a bool tensor.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; any dtypes.

    Returns
    -------
    Tensor
        bool. NaN is never equal to anything.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.eq``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.eq(fastnn.tensor([1.0, 2.0, 3.0]), 2).tolist()
    [False, True, False]
    """
    return checked(eq_slot(input, other), "eq", input, other)


cdef object ne_slot(object a, object b):
    return compare("ne", FNN_ne_forward, np.not_equal, a, b)


def ne(input, other):
    """Whether input != other, element by element: a bool tensor.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; any dtypes.

    Returns
    -------
    Tensor
        bool. NaN is different from anything.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.ne``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ne(fastnn.tensor([1.0, 2.0, 3.0]), 2).tolist()
    [True, False, True]
    """
    return checked(ne_slot(input, other), "ne", input, other)


cdef object lt_slot(object a, object b):
    return compare("lt", FNN_lt_forward, np.less, a, b)


def lt(input, other):
    """Whether input < other, element by element: a bool tensor.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; any dtypes.

    Returns
    -------
    Tensor
        bool. NaN is never less than anything.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.lt``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.lt(fastnn.tensor([1.0, 2.0, 3.0]), 2).tolist()
    [True, False, False]
    """
    return checked(lt_slot(input, other), "lt", input, other)


cdef object le_slot(object a, object b):
    return compare("le", FNN_le_forward, np.less_equal, a, b)


def le(input, other):
    """Whether input <= other, element by element: a bool tensor.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; any dtypes.

    Returns
    -------
    Tensor
        bool. NaN is never at most anything.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.le``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.le(fastnn.tensor([1.0, 2.0, 3.0]), 2).tolist()
    [True, True, False]
    """
    return checked(le_slot(input, other), "le", input, other)


cdef object gt_slot(object a, object b):
    return compare("gt", FNN_gt_forward, np.greater, a, b)


def gt(input, other):
    """Whether input > other, element by element: a bool tensor.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; any dtypes.

    Returns
    -------
    Tensor
        bool. NaN is never greater than anything.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.gt``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.gt(fastnn.tensor([1.0, 2.0, 3.0]), 2).tolist()
    [False, False, True]
    """
    return checked(gt_slot(input, other), "gt", input, other)


cdef object ge_slot(object a, object b):
    return compare("ge", FNN_ge_forward, np.greater_equal, a, b)


def ge(input, other):
    """Whether input >= other, element by element: a bool tensor.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; any dtypes.

    Returns
    -------
    Tensor
        bool. NaN is never at least anything.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.ge``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ge(fastnn.tensor([1.0, 2.0, 3.0]), 2).tolist()
    [False, True, True]
    """
    return checked(ge_slot(input, other), "ge", input, other)


not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
set_binary(OP_EQ, eq_slot)
set_binary(OP_NE, ne_slot)
set_binary(OP_LT, lt_slot)
set_binary(OP_LE, le_slot)
set_binary(OP_GT, gt_slot)
set_binary(OP_GE, ge_slot)
