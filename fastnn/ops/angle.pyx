"""Functions of angles: sine, cosine, tangent."""
from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_sin_forward, FNN_sin_backward, FNN_cos_forward, FNN_cos_backward, FNN_tan_forward, FNN_tan_backward

__all__ = ["sin", "cos", "tan"]


cdef int sin_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * cos(node.a))


def sin(input):
    """The sine of each element, in radians.

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
    Has the behaviour of ``torch.sin``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sin(fastnn.tensor([0.0, 1.5707964]))
    tensor([0., 1.])
    """
    return unary("sin", FNN_sin_forward, FNN_sin_backward, False, input, sin_graph, 0, 0)


cdef int cos_graph(Node node, Tensor dy) except -1:
    return node.give(0, -dy * sin(node.a))


def cos(input):
    """The cosine of each element, in radians.

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
    Has the behaviour of ``torch.cos``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cos(fastnn.tensor([0.0, 3.1415927]))
    tensor([ 1., -1.])
    """
    return unary("cos", FNN_cos_forward, FNN_cos_backward, False, input, cos_graph, 0, 0)


cdef int tan_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * (node.output().square() + 1))


def tan(input):
    """The tangent of each element, in radians.

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
    Has the behaviour of ``torch.tan``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tan(fastnn.tensor([0.0, 0.7853982]))
    tensor([0., 1.])
    """
    return unary("tan", FNN_tan_forward, FNN_tan_backward, True, input, tan_graph, 0, 0)
