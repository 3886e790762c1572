"""Whole quotients and sums of products: floor_divide, remainder, lerp, addcmul and their kin."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_fmod_forward, FNN_remainder_forward, FNN_floor_divide_forward
        FNN_lerp_forward, FNN_addcmul_forward, FNN_addcdiv_forward

__all__ = ["floor_divide", "remainder", "fmod", "lerp", "addcmul", "addcdiv"]


def _of_integers(function, name):
    """NumPy's function, which gives 0 where an integer is divided by 0: here that is an error."""
    def divide(a, b):
        if np.size(a) and not np.all(b):
            raise ZeroDivisionError(f"{name}: other is 0 at position {np.argmin(b != 0)}, and integers cannot be divided by 0")
        return function(a, b)
    return divide


cdef object whole_floor_divide = _of_integers(np.floor_divide, "floor_divide")
cdef object whole_remainder = _of_integers(np.remainder, "remainder")
cdef object whole_fmod = _of_integers(np.fmod, "fmod")


cdef object detached(object x):
    return x.detach() if isinstance(x, Tensor) else x


cdef object floor_slot(object a, object b):
    return binary("floor_divide", FNN_floor_divide_forward, whole_floor_divide, detached(a), detached(b), 1, NULL, NULL, 0)


cdef int quotient_graph(Node node, Tensor dy) except -1:
    """y = a - b q, where q, the whole quotient, is constant between its steps."""
    if node.wants(0):
        give_to(node, 0, dy, False)
    if node.wants(1):
        a, b = detached(other_operand(node, 0)), detached(node.b)
        give_to(node, 1, -dy * (floor_slot(a, b) if node.s[2] == 1 else (a / b).trunc()), True)
    return 0


cdef object remainder_slot(object a, object b):
    return binary("remainder", FNN_remainder_forward, whole_remainder, a, b, 1, quotient_graph, quotient_graph, 4 + 8)


def floor_divide(input, other):
    """floor(input / other), element by element; integers stay integers. It has no gradient.

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
    ZeroDivisionError
        If integers are divided by 0.

    Notes
    -----
    Has the behaviour of ``torch.floor_divide``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.floor_divide(fastnn.tensor([7.0, -7.0]), 2)
    tensor([ 3., -4.])
    """
    return checked(floor_slot(input, other), "floor_divide", input, other)


def remainder(input, other):
    """input - other * floor(input / other), element by element: has the sign of other.

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
    ZeroDivisionError
        If integers are divided by 0.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Exact, however large the quotient. Has the behaviour of ``torch.remainder``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.remainder(fastnn.tensor([7.0, -7.0]), 4)
    tensor([3., 1.])
    """
    return checked(remainder_slot(input, other), "remainder", input, other)


def fmod(input, other):
    """input - other * trunc(input / other), element by element: has the sign of input.

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
    ZeroDivisionError
        If integers are divided by 0.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Exact, however large the quotient. Has the behaviour of ``torch.fmod``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.fmod(fastnn.tensor([7.0, -7.0]), 4)
    tensor([ 3., -3.])
    """
    return checked(binary("fmod", FNN_fmod_forward, whole_fmod, input, other, 0, quotient_graph, quotient_graph, 4 + 8),
                   "fmod", input, other)


# --- sums of products -------------------------------------------------------------------------------

cdef int lerp_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, dy * (1 - node.s[2]), True)
    if node.wants(1):
        give_to(node, 1, dy * node.s[2], True)
    return 0


def lerp(input, end, weight):
    """input + weight * (end - input), element by element.

    Parameters
    ----------
    input, end : Tensor
        Shapes broadcast; dtypes are promoted.
    weight : number or Tensor
        0 gives input, 1 gives end.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Notes
    -----
    Has the behaviour of ``torch.lerp``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.lerp(fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0]), 0.5)
    tensor([2., 3.])
    """
    if isinstance(weight, Tensor):
        return input + weight * (end - input)
    if not is_number(weight):
        raise TypeError(f"lerp: weight must be a number or a Tensor, got {type(weight).__name__}")
    return checked(binary("lerp", FNN_lerp_forward, None, input, end, weight, lerp_rule, lerp_rule, 0), "lerp", input, end)


cdef object with_product(str name, int id, object input, object x, object y, object value):
    """The kernel where no gradient is wanted; else the sum of products, operation by operation."""
    cdef double s[8]
    if not is_number(value):
        raise TypeError(f"{name}: value must be a number, got {type(value).__name__}")
    for t in (input, x, y):
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}: expected Tensors, got {type(t).__name__}")
    cdef Tensor a = input, b = x, c = y
    cdef bint alike = a.dtype_ == b.dtype_ and a.dtype_ == c.dtype_ and a.dtype_ <= FNN_F64
    if not alike or tracked(a) or tracked(b) or tracked(c):
        return a + (b * c if name == "addcmul" else b / c) * value
    s[:] = [0, 0, 0, 0, value, 0, 0, 0]
    return compute(id, REALS, a, b, c, s, None, name.encode())


def addcmul(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 * tensor2, element by element.

    Parameters
    ----------
    input, tensor1, tensor2 : Tensor
        Shapes broadcast; dtypes are promoted.
    value : number
        Default 1.

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
    Has the behaviour of ``torch.addcmul``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([1.0, 2.0])
    >>> fastnn.addcmul(x, x, x, value=10)
    tensor([11., 42.])
    """
    return with_product("addcmul", FNN_addcmul_forward, input, tensor1, tensor2, value)


def addcdiv(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 / tensor2, element by element.

    Parameters
    ----------
    input, tensor1, tensor2 : Tensor
        Shapes broadcast; dtypes are promoted.
    value : number
        Default 1.

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
    Has the behaviour of ``torch.addcdiv``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([1.0, 2.0])
    >>> fastnn.addcdiv(x, x, x, value=10)
    tensor([11., 12.])
    """
    return with_product("addcdiv", FNN_addcdiv_forward, input, tensor1, tensor2, value)


set_binary(OP_FLOORDIV, floor_slot)
set_binary(OP_MOD, remainder_slot)
