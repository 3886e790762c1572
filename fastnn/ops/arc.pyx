"""Inverse angles and hyperbolic functions of each element, and of pairs: atan2, hypot, copysign."""
from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *
from fastnn.ops.special cimport special

cdef extern from "fastnn.h":
    enum:
        FNN_asin_forward, FNN_acos_forward, FNN_atan_forward, FNN_sinh_forward, FNN_cosh_forward
        FNN_asinh_forward, FNN_acosh_forward, FNN_atanh_forward
        FNN_atan2_forward, FNN_hypot_forward, FNN_copysign_forward

__all__ = ["asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "atan2", "hypot", "copysign",
           "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "arctan2"]


cdef int asin_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * ((1 - x * x).rsqrt()))


def asin(input):
    """The angle whose sine is input, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.asin``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.asin(fastnn.tensor([0.0, 1.0]))
    tensor([0.    , 1.5708])
    """
    return special("asin", FNN_asin_forward, input, asin_rule, 0)


cdef int acos_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * (-(1 - x * x).rsqrt()))


def acos(input):
    """The angle whose cosine is input, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.acos``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.acos(fastnn.tensor([1.0, 0.0]))
    tensor([0.    , 1.5708])
    """
    return special("acos", FNN_acos_forward, input, acos_rule, 0)


cdef int atan_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * (1 / (x * x + 1)))


def atan(input):
    """The angle whose tangent is input, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.atan``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.atan(fastnn.tensor([0.0, 1.0]))
    tensor([0.    , 0.7854])
    """
    return special("atan", FNN_atan_forward, input, atan_rule, 0)


cdef int sinh_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * (cosh(x)))


def sinh(input):
    """The hyperbolic sine, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.sinh``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sinh(fastnn.tensor([0.0, 1.0]))
    tensor([0.    , 1.1752])
    """
    return special("sinh", FNN_sinh_forward, input, sinh_rule, 0)


cdef int cosh_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * (sinh(x)))


def cosh(input):
    """The hyperbolic cosine, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.cosh``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cosh(fastnn.tensor([0.0, 1.0]))
    tensor([1.    , 1.5431])
    """
    return special("cosh", FNN_cosh_forward, input, cosh_rule, 0)


cdef int asinh_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * ((x * x + 1).rsqrt()))


def asinh(input):
    """The number whose hyperbolic sine is input, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.asinh``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.asinh(fastnn.tensor([0.0, 1.0]))
    tensor([0.    , 0.8814])
    """
    return special("asinh", FNN_asinh_forward, input, asinh_rule, 0)


cdef int acosh_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * ((x * x - 1).rsqrt()))


def acosh(input):
    """The number whose hyperbolic cosine is input, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.acosh``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.acosh(fastnn.tensor([1.0, 2.0]))
    tensor([0.   , 1.317])
    """
    return special("acosh", FNN_acosh_forward, input, acosh_rule, 0)


cdef int atanh_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * (1 / (1 - x * x)))


def atanh(input):
    """The number whose hyperbolic tangent is input, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.atanh``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.atanh(fastnn.tensor([0.0, 0.5]))
    tensor([0.    , 0.5493])
    """
    return special("atanh", FNN_atanh_forward, input, atanh_rule, 0)

# --- two operands -------------------------------------------------------------------------------------

cdef int atan2_rule(Node node, Tensor dy) except -1:
    a, b = other_operand(node, 0), other_operand(node, 1)
    r = a * a + b * b
    if node.wants(0):
        give_to(node, 0, dy * b / r, True)
    if node.wants(1):
        give_to(node, 1, -dy * a / r, True)
    return 0


def atan2(input, other):
    """The angle of the point (other, input), from -pi to pi, element by element.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; integers become float32.

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
    Has the behaviour of ``torch.atan2``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.atan2(fastnn.tensor([1.0]), fastnn.tensor([1.0]))
    tensor([0.7854])
    """
    return checked(binary("atan2", FNN_atan2_forward, None, input, other, 1, atan2_rule, atan2_rule, 15),
                   "atan2", input, other)


cdef int hypot_rule(Node node, Tensor dy) except -1:
    a, b = other_operand(node, 0), other_operand(node, 1)
    r = hypot(a, b)
    if node.wants(0):
        give_to(node, 0, dy * (a / r), True)
    if node.wants(1):
        give_to(node, 1, dy * (b / r), True)
    return 0


def hypot(input, other):
    """The length of (input, other): sqrt(input^2 + other^2) without overflow, element by element.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; integers become float32.

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
    Has the behaviour of ``torch.hypot``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.hypot(fastnn.tensor([3.0]), fastnn.tensor([4.0]))
    tensor([5.])
    """
    return checked(binary("hypot", FNN_hypot_forward, None, input, other, 1, hypot_rule, hypot_rule, 15),
                   "hypot", input, other)


cdef int copysign_rule(Node node, Tensor dy) except -1:
    a, b = other_operand(node, 0), other_operand(node, 1)
    if node.wants(0):
        give_to(node, 0, dy * copysign(node.a * 0 + 1, b) * node.a.sign(), True)
    if node.wants(1):
        give_to(node, 1, node.b * 0, True)
    return 0


def copysign(input, other):
    """input with the sign of other, element by element.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; integers become float32.

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
    Has the behaviour of ``torch.copysign``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.copysign(fastnn.tensor([3.0]), fastnn.tensor([-1.0]))
    tensor([-3.])
    """
    return checked(binary("copysign", FNN_copysign_forward, None, input, other, 1, copysign_rule, copysign_rule, 15),
                   "copysign", input, other)


arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh
