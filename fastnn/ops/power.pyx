"""Functions of each element: powers, logarithms, roots, the error function."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_exp_forward, FNN_mul_forward, FNN_expm1_forward
        FNN_expm1_backward, FNN_log_forward, FNN_log_backward
        FNN_log2_forward, FNN_log10_forward, FNN_log1p_forward
        FNN_log1p_backward, FNN_sqrt_forward, FNN_sqrt_backward
        FNN_rsqrt_forward, FNN_rsqrt_backward, FNN_square_forward
        FNN_square_backward, FNN_reciprocal_forward, FNN_reciprocal_backward
        FNN_erf_forward, FNN_erf_backward

__all__ = ["exp", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square", "reciprocal", "erf"]


cdef int exp_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * node.output())


def exp(input):
    """e to the power of each element.

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
    At most 1 ulp from exact. Has the behaviour of ``torch.exp``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.exp(fastnn.tensor([0.0, 1.0]))
    tensor([1.    , 2.7183])
    """
    return unary("exp", FNN_exp_forward, FNN_mul_forward, True, input, exp_graph, 0, 0)


cdef int expm1_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * (node.output() + 1))


def expm1(input):
    """exp(input) - 1, exact near 0 too.

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
    Has the behaviour of ``torch.expm1``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.expm1(fastnn.tensor([0.0, 1e-6]))
    tensor([0.e+00, 1.e-06])
    """
    return unary("expm1", FNN_expm1_forward, FNN_expm1_backward, True, input, expm1_graph, 0, 0)


cdef int log_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy / node.a)


def log(input):
    """The natural logarithm of each element.

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
    At most 1 ulp from exact; -inf at 0, NaN below. Has the behaviour of ``torch.log``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.log(fastnn.tensor([1.0, 10.0]))
    tensor([0.    , 2.3026])
    """
    return unary("log", FNN_log_forward, FNN_log_backward, False, input, log_graph, 1, 0)


cdef int log2_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy / (node.a * 0.69314718055994530942))


def log2(input):
    """The logarithm to base 2 of each element.

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
    Has the behaviour of ``torch.log2``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.log2(fastnn.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """
    return unary("log2", FNN_log2_forward, FNN_log_backward, False, input, log2_graph, 0.69314718055994530942, 0)


cdef int log10_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy / (node.a * 2.30258509299404568402))


def log10(input):
    """The logarithm to base 10 of each element.

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
    Has the behaviour of ``torch.log10``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.log10(fastnn.tensor([1.0, 100.0]))
    tensor([0., 2.])
    """
    return unary("log10", FNN_log10_forward, FNN_log_backward, False, input, log10_graph, 2.30258509299404568402, 0)


cdef int log1p_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy / (node.a + 1))


def log1p(input):
    """log(1 + input), exact near 0 too.

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
    Has the behaviour of ``torch.log1p``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.log1p(fastnn.tensor([0.0, 1e-6]))
    tensor([0.e+00, 1.e-06])
    """
    return unary("log1p", FNN_log1p_forward, FNN_log1p_backward, False, input, log1p_graph, 0, 0)


cdef int sqrt_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy / (node.output() * 2))


def sqrt(input):
    """The square root of each element; NaN below 0.

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
    Has the behaviour of ``torch.sqrt``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sqrt(fastnn.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return unary("sqrt", FNN_sqrt_forward, FNN_sqrt_backward, True, input, sqrt_graph, 0, 0)


cdef int rsqrt_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * node.output() ** 3 * -0.5)


def rsqrt(input):
    """1 / sqrt(input), element by element.

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
    Has the behaviour of ``torch.rsqrt``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.rsqrt(fastnn.tensor([4.0, 16.0]))
    tensor([0.5 , 0.25])
    """
    return unary("rsqrt", FNN_rsqrt_forward, FNN_rsqrt_backward, True, input, rsqrt_graph, 0, 0)


cdef int square_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * (node.a * 2))


def square(input):
    """input * input, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.square``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.square(fastnn.tensor([2.0, -3.0]))
    tensor([4., 9.])
    """
    if isinstance(input, Tensor) and (<Tensor>input).dtype_ > FNN_F64:
        return by_numpy(np.square, input, None)
    return unary("square", FNN_square_forward, FNN_square_backward, False, input, square_graph, 0, 0)


cdef int reciprocal_graph(Node node, Tensor dy) except -1:
    return node.give(0, -dy * node.output().square())


def reciprocal(input):
    """1 / input, element by element.

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
    Has the behaviour of ``torch.reciprocal``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.reciprocal(fastnn.tensor([2.0, -4.0]))
    tensor([ 0.5 , -0.25])
    """
    return unary("reciprocal", FNN_reciprocal_forward, FNN_reciprocal_backward, True, input, reciprocal_graph, 0, 0)


cdef int erf_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * (node.a.square() * -1).exp() * 1.1283791670955125739)


def erf(input):
    """The error function, 2 / sqrt(pi) * integral of exp(-t^2) from 0 to input.

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
    At most 2 ulp from exact. Has the behaviour of ``torch.erf``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.erf(fastnn.tensor([0.0, 1.0]))
    tensor([0.    , 0.8427])
    """
    return unary("erf", FNN_erf_forward, FNN_erf_backward, False, input, erf_graph, 0, 0)
