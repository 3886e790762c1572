"""Choices between elements: maximum, minimum, where."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *
from fastnn.ops.integer cimport choose_integers
from fastnn.ops.compare import eq, gt, lt

cdef extern from "fastnn.h":
    enum:
        FNN_maximum_forward, FNN_minimum_forward, FNN_maximum_backward, FNN_where_forward

__all__ = ["maximum", "minimum", "where"]


cdef Tensor share_of(Node node, Tensor dy, bint swap):
    """The part of dy that the first of (a, b), or of (b, a), gets as the larger."""
    cdef double s[8]
    if swap:
        s[:] = [0, node.s[1], node.s[0], 0, 0, 0, 0, 0]
        return compute(FNN_maximum_backward, REALS, dy, node.b, node.a, s, None, "")
    s[:] = [0, node.s[0], node.s[1], 0, 0, 0, 0, 0]
    return compute(FNN_maximum_backward, REALS, dy, node.a, node.b, s, None, "")


cdef int maximum_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, share_of(node, dy, False), True)
    if node.wants(1):
        give_to(node, 1, share_of(node, dy, True), True)
    return 0


cdef int minimum_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, share_of(node, dy, True), True)
    if node.wants(1):
        give_to(node, 1, share_of(node, dy, False), True)
    return 0


cdef int choice_graph(Node node, Tensor dy, bint larger) except -1:
    a, b = other_operand(node, 0), other_operand(node, 1)
    first = gt(a, b) if larger else lt(a, b)
    tie = where(eq(a, b), dy * 0.5, 0.0)
    if node.wants(0):
        give_to(node, 0, where(first, dy, tie), True)
    if node.wants(1):
        give_to(node, 1, where(first, 0.0, where(eq(a, b), tie, dy)), True)
    return 0


cdef int maximum_graph(Node node, Tensor dy) except -1:
    return choice_graph(node, dy, True)


cdef int minimum_graph(Node node, Tensor dy) except -1:
    return choice_graph(node, dy, False)


def maximum(input, other):
    """The larger of input and other, element by element; NaN where either is.

    Where they are equal, each gets half of the gradient.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; dtypes are promoted.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.maximum``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.maximum(fastnn.tensor([1.0, 5.0]), fastnn.tensor([3.0, 2.0]))
    tensor([3., 5.])
    """
    return checked(binary("maximum", FNN_maximum_forward, np.maximum, input, other, 1, maximum_rule, maximum_graph, 15),
                   "maximum", input, other)


def minimum(input, other):
    """The smaller of input and other, element by element; NaN where either is.

    Where they are equal, each gets half of the gradient.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; dtypes are promoted.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.minimum``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.minimum(fastnn.tensor([1.0, 5.0]), fastnn.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """
    return checked(binary("minimum", FNN_minimum_forward, np.minimum, input, other, 1, minimum_rule, minimum_graph, 15),
                   "minimum", input, other)


cdef int where_rule(Node node, Tensor dy) except -1:
    cdef double s[8]
    s[:] = [0] * 8
    if node.wants(0):
        give_to(node, 0, compute(FNN_where_forward, MASK_IN, node.a, dy, None, s, None, ""), True)
    if node.wants(1):
        give_to(node, 1, compute(FNN_where_forward, MASK_IN, node.a, None, dy, s, None, ""), True)
    return 0


cdef int where_graph(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, where(node.a, dy, 0.0), True)
    if node.wants(1):
        give_to(node, 1, where(node.a, 0.0, dy), True)
    return 0


cdef bint whole(object x):
    """Nothing but integers or bools."""
    if isinstance(x, Tensor):
        return (<Tensor>x).dtype_ > FNN_F64
    return isinstance(x, (int, np.integer, np.bool_))


cdef Tensor where_whole(Tensor mask, object x, object y):
    cdef Tensor a = None if is_number(x) else as_tensor(x, b"where: input")
    cdef Tensor b = None if is_number(y) else as_tensor(y, b"where: other")
    cdef Tensor tensor
    cdef int dtype
    if a is not None and b is not None:
        dtype = promoted_dtype(a, b)
    else:
        number = y if b is None else x
        dtype = FNN_BOOL if isinstance(number, (bool, np.bool_)) else FNN_I64
        tensor = b if a is None else a
        if tensor is not None and not (tensor.dtype_ == FNN_BOOL and dtype == FNN_I64):
            dtype = tensor.dtype_
        if a is None and (b is None or abs(x) >= 1 << 31):
            a = from_array(np.asarray(x), dtype, "where: input")
        if b is None and abs(y) >= 1 << 31:
            b = from_array(np.asarray(y), dtype, "where: other")
    a, b = None if a is None else cast(a, dtype), None if b is None else cast(b, dtype)
    return choose_integers(mask, a, x, b, y, dtype)


def where(condition, input=None, other=None):
    """input where condition is true, other elsewhere.

    Parameters
    ----------
    condition : Tensor
        bool.
    input, other : Tensor or number
        Broadcast with condition. Without them the result is the tuple of indices where condition
        is true.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If condition is not bool.
    ValueError
        If the shapes do not broadcast.

    Notes
    -----
    Has the behaviour of ``torch.where``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([1.0, -2.0])
    >>> fastnn.where(x > 0, x, 0.0)
    tensor([1., 0.])
    """
    cdef Tensor y, a = None, b = None, mask = as_tensor(condition, b"where: condition")
    cdef Node node
    cdef double s[8]
    s[:] = [0] * 8
    if mask.dtype_ != FNN_BOOL:
        raise TypeError(f"where: condition must be bool, got {dtype_name(mask.dtype_)}")
    if input is None and other is None:
        return mask.nonzero(as_tuple=True)
    if not is_number(input):
        input = as_tensor(input, b"where: input")
    if not is_number(other):
        other = as_tensor(other, b"where: other")
    if whole(input) and whole(other):
        return where_whole(mask, input, other)
    if not (is_number(input) and is_number(other)):
        input, other = resolve("where", None, input, other)
    if isinstance(input, Tensor):
        a = <Tensor>input
    else:
        s[1] = input
    if isinstance(other, Tensor):
        b = <Tensor>other
    else:
        s[2] = other
    y = compute(FNN_where_forward, MASK_IN, mask, a, b, s, None, "where")
    if any_tracked(a, b, None):
        node = record2("where", y, a if a is not None else mask, b if b is not None else mask, where_rule, where_graph)
        save(node, mask, None, None)
        if (a is not None and not same_shape(a, y)) or (b is not None and not same_shape(b, y)):
            node.extra = (None if a is None else shape_of(a), None if b is None else shape_of(b))
    return y
