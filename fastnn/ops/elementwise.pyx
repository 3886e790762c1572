"""Arithmetic of two tensors, with broadcasting: add, sub, mul, div, pow and their kin."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_add_forward, FNN_sub_forward, FNN_mul_forward, FNN_div_forward, FNN_pow_forward
        FNN_add_scaled, FNN_div_backward, FNN_pow_backward, FNN_pow_exponent_backward

__all__ = ["add", "sub", "subtract", "rsub", "mul", "multiply", "div", "divide", "true_divide", "pow"]


cdef Tensor with_operands(Node node, int id, Tensor dy, bint swap):
    """The kernel `id` of dy and both operands (as saved, or numbers)."""
    cdef double s[8]
    if swap:
        s[:] = [0, node.s[1], node.s[0], 0, node.s[2], 0, 0, 0]
        return compute(id, REALS, dy, node.b, node.a, s, None, "")
    s[:] = [0, node.s[0], node.s[1], 0, node.s[2], 0, 0, 0]
    return compute(id, REALS, dy, node.a, node.b, s, None, "")


cdef Tensor with_operand(Node node, int id, Tensor dy, int i):
    """The kernel `id` of dy and operand i."""
    cdef double s[8]
    s[:] = [0, node.s[i], 0, 0, node.s[2], 0, 0, 0]
    return compute(id, REALS, dy, node.a if i == 0 else node.b, None, s, None, "")


# --- add and sub ------------------------------------------------------------------------------------

cdef int add_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, dy, False)
    if node.wants(1):
        if node.s[2] == 1:
            give_to(node, 1, dy, False)
        else:
            give_to(node, 1, times(dy, node.s[2]), True)
    return 0


cdef int add_graph(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, dy, False)
    if node.wants(1):
        give_to(node, 1, dy * node.s[2], True)
    return 0


cdef int sub_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, dy, False)
    if node.wants(1):
        give_to(node, 1, times(dy, -1), True)
    return 0


cdef int sub_graph(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, dy, False)
    if node.wants(1):
        give_to(node, 1, -dy, True)
    return 0


cdef object add_slot(object a, object b):
    return binary("add", FNN_add_forward, np.add, a, b, 1, add_rule, add_graph, 0)


cdef object sub_slot(object a, object b):
    return binary("sub", FNN_sub_forward, np.subtract, a, b, 1, sub_rule, sub_graph, 0)


def add(input, other, *, alpha=1):
    """input + alpha * other, element by element.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast. Python numbers never change a floating point dtype.
    alpha : number
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
    Has the behaviour of ``torch.add``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.add(fastnn.tensor([1.0, 2.0]), fastnn.tensor([10.0, 20.0]), alpha=2)
    tensor([21., 42.])
    """
    if not is_number(alpha):
        raise TypeError(f"add: alpha must be a number, got {type(alpha).__name__}")
    if alpha == 1:
        return checked(add_slot(input, other), "add", input, other)
    function = lambda a, b: a + alpha * b
    return checked(binary("add", FNN_add_scaled, function, input, other, alpha, add_rule, add_graph, 0), "add", input, other)


def sub(input, other, *, alpha=1):
    """input - alpha * other, element by element.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; dtypes are promoted.
    alpha : number
        Default 1.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If both are bool.

    Notes
    -----
    Has the behaviour of ``torch.sub``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sub(fastnn.tensor([1.0, 2.0]), 0.5)
    tensor([0.5, 1.5])
    """
    if not is_number(alpha):
        raise TypeError(f"sub: alpha must be a number, got {type(alpha).__name__}")
    if alpha == 1:
        return checked(sub_slot(input, other), "sub", input, other)
    function = lambda a, b: a - alpha * b
    return checked(binary("sub", FNN_add_scaled, function, input, other, -alpha, add_rule, add_graph, 0), "sub", input, other)


def rsub(input, other):
    """other - input, element by element; ``torch.rsub``. Shapes broadcast, dtypes are promoted.

    Raises as `sub`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.rsub(fastnn.tensor([1.0, 2.0]), 3)
    tensor([2., 1.])
    """
    return checked(sub_slot(other, input), "rsub", other, input)


# --- mul and div ------------------------------------------------------------------------------------

cdef int mul_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, with_operand(node, FNN_mul_forward, dy, 1), True)
    if node.wants(1):
        give_to(node, 1, with_operand(node, FNN_mul_forward, dy, 0), True)
    return 0


cdef int mul_graph(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, dy * other_operand(node, 1), True)
    if node.wants(1):
        give_to(node, 1, dy * other_operand(node, 0), True)
    return 0


cdef int div_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, with_operand(node, FNN_div_forward, dy, 1), True)
    if node.wants(1):
        give_to(node, 1, with_operands(node, FNN_div_backward, dy, False), True)
    return 0


cdef int div_graph(Node node, Tensor dy) except -1:
    a, b = other_operand(node, 0), other_operand(node, 1)
    if node.wants(0):
        give_to(node, 0, dy / b, True)
    if node.wants(1):
        give_to(node, 1, -dy / b * (a / b), True)
    return 0


cdef object mul_slot(object a, object b):
    return binary("mul", FNN_mul_forward, np.multiply, a, b, 1, mul_rule, mul_graph, 2 + 4)


cdef object div_slot(object a, object b):
    return binary("div", FNN_div_forward, None, a, b, 1, div_rule, div_graph, 2 + 4 + 8)


def mul(input, other):
    """input * other, element by element.

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
    Has the behaviour of ``torch.mul``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.mul(fastnn.tensor([1.0, 2.0]), fastnn.tensor([[3.0], [4.0]]))
    tensor([[3., 6.],
            [4., 8.]])
    """
    return checked(mul_slot(input, other), "mul", input, other)


def div(input, other, *, rounding_mode=None):
    """input / other, element by element; integers give float32.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; dtypes are promoted.
    rounding_mode : {None, "trunc", "floor"}
        Round the quotient towards zero or down; integers then stay integers. Default None.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    ZeroDivisionError
        If integers are divided by 0 and rounded.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.div``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.div(fastnn.tensor([1.0, 3.0]), 2)
    tensor([0.5, 1.5])
    """
    if rounding_mode is None:
        return checked(div_slot(input, other), "div", input, other)
    if not isinstance(rounding_mode, str):
        raise TypeError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {type(rounding_mode).__name__}")
    if rounding_mode == "floor":
        return input.floor_divide(other) if isinstance(input, Tensor) else other.__rfloordiv__(input)
    if rounding_mode != "trunc":
        raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
    if all(type(x) is int or (isinstance(x, Tensor) and (<Tensor>x).dtype_ > FNN_F64) for x in (input, other)):
        return (input - as_tensor(input, b"div: input").fmod(other)).floor_divide(other)     # exact
    return checked(div_slot(input, other), "div", input, other).trunc()


# --- pow --------------------------------------------------------------------------------------------

cdef int pow_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, with_operands(node, FNN_pow_backward, dy, False), True)
    if node.wants(1):
        give_to(node, 1, with_operands(node, FNN_pow_exponent_backward, dy, False), True)
    return 0


cdef int pow_graph(Node node, Tensor dy) except -1:
    a, b = other_operand(node, 0), other_operand(node, 1)
    if node.wants(0):
        if node.n[1]:
            give_to(node, 0, dy * 0 if b == 0 else dy * (b * a ** (b - 1)), True)
        else:
            give_to(node, 0, dy * (b * a ** (b - 1)), True)
    if node.wants(1):
        log = np.log(a) if node.n[0] else a.log()
        give_to(node, 1, dy * (a ** b) * log, True)
    return 0


cdef object pow_slot(object a, object b):
    if type(b) is float or type(b) is int:
        if b == 2:
            return a.square()
        if b == 0.5:
            return a.sqrt()
        if b == 1:
            return mul_slot(a, 1)
        if b == -1 and (type(a) is not Tensor or (<Tensor>a).dtype_ <= FNN_F64):
            return a.reciprocal()
    return binary("pow", FNN_pow_forward, _integer_power, a, b, 1, pow_rule, pow_graph, 15)


def _integer_power(a, b):
    """NumPy's power, for whole exponents that are not negative."""
    if np.any(np.asarray(b) < 0):
        raise ValueError("pow: integers to negative powers need a floating point tensor; convert it with .float()")
    return np.power(a, b)


def pow(input, exponent):
    """input to the power of exponent, element by element.

    Parameters
    ----------
    input, exponent : Tensor or number
        Shapes broadcast; dtypes are promoted.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the shapes do not broadcast, or an integer has a negative exponent.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.pow``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.pow(fastnn.tensor([1.0, 2.0, 3.0]), 3)
    tensor([ 1.,  8., 27.])
    """
    return checked(pow_slot(input, exponent), "pow", input, exponent)


subtract, multiply, divide, true_divide = sub, mul, div, div
set_binary(OP_ADD, add_slot)
set_binary(OP_SUB, sub_slot)
set_binary(OP_MUL, mul_slot)
set_binary(OP_TRUEDIV, div_slot)
set_binary(OP_POW, pow_slot)
