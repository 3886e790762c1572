"""Activations with an exponential tail: softplus, Mish, logsigmoid, ELU, SELU, CELU."""
from fastnn._engine.engine cimport *
from fastnn.ops.activation cimport activate, number
from fastnn.ops.activation import sigmoid, tanh
from fastnn.ops.choose import where

cdef extern from "fastnn.h":
    enum:
        FNN_softplus_forward, FNN_softplus_backward, FNN_logsigmoid_forward, FNN_logsigmoid_backward
        FNN_mish_forward, FNN_mish_backward, FNN_elu_forward, FNN_elu_backward

__all__ = ["softplus", "mish", "logsigmoid", "elu", "selu", "celu"]


cdef int softplus_graph(Node node, Tensor dy) except -1:
    z = node.a * node.s[0]
    return node.give(0, where(z > node.s[1], dy, dy * sigmoid(z)))


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + exp(beta * input)) / beta, and input itself where beta * input > threshold.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32.
    beta, threshold : float
        Default 1 and 20.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If beta is 0.
    TypeError
        If beta or threshold is no number.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.softplus``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.softplus(fastnn.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.    ])
    """
    if number(beta, "softplus: beta") == 0:
        raise ValueError("softplus: beta must not be 0")
    return activate("softplus", FNN_softplus_forward, FNN_softplus_backward, False, input, softplus_graph,
                    beta, number(threshold, "softplus: threshold"), 1.0 / beta, False)


cdef int mish_graph(Node node, Tensor dy) except -1:
    x = node.a
    t = tanh(softplus(x))
    return node.give(0, dy * (t + x * sigmoid(x) * (1 - t * t)))


def mish(input, inplace=False):
    """Mish: input * tanh(log(1 + exp(input))), element by element.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.
    inplace : bool
        Write the result over input (float32 or float64). Default False.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Misra 2019, arXiv:1908.08681. Has the behaviour of ``torch.nn.functional.mish``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.mish(fastnn.tensor([0.0, 2.0]))
    tensor([0.   , 1.944])
    """
    return activate("mish", FNN_mish_forward, FNN_mish_backward, False, input, mish_graph, 0, 0, 0, inplace)


cdef int logsigmoid_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * sigmoid(-node.a))


def logsigmoid(input):
    """log(1 / (1 + exp(-input))), element by element, exact for large negative input too.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.logsigmoid``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logsigmoid(fastnn.tensor([0.0, -30.0]))
    tensor([ -0.6931, -30.    ])
    """
    return activate("logsigmoid", FNN_logsigmoid_forward, FNN_logsigmoid_backward, False, input, logsigmoid_graph, 0, 0, 0, False)


cdef int elu_graph(Node node, Tensor dy) except -1:
    x = node.a
    low = (x * node.s[2]).clamp(max=0).exp() * (node.s[0] * node.s[2])
    return node.give(0, where(x > 0, dy * node.s[1], dy * low))


def elu(input, alpha=1.0, inplace=False):
    """ELU: input above 0, alpha * (exp(input) - 1) below.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.
    alpha : float
        Default 1.
    inplace : bool
        Write the result over input (float32 or float64). Default False.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Clevert et al. 2015, arXiv:1511.07289. Has the behaviour of ``torch.nn.functional.elu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.elu(fastnn.tensor([1.0, -1.0]))
    tensor([ 1.    , -0.6321])
    """
    return activate("elu", FNN_elu_forward, FNN_elu_backward, False, input, elu_graph, number(alpha, "elu: alpha"), 1, 1, inplace)


def selu(input, inplace=False):
    """SELU: scale * ELU(input, alpha), with the constants that keep mean 0 and variance 1.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.
    inplace : bool
        Write the result over input (float32 or float64). Default False.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Klambauer et al. 2017, arXiv:1706.02515. Has the behaviour of ``torch.nn.functional.selu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.selu(fastnn.tensor([1.0, -1.0]))
    tensor([ 1.0507, -1.1113])
    """
    return activate("elu", FNN_elu_forward, FNN_elu_backward, False, input, elu_graph, 1.6732632423543772848 * 1.0507009873554804934, 1.0507009873554804934, 1, inplace)


def celu(input, alpha=1.0, inplace=False):
    """CELU: max(0, input) + min(0, alpha * (exp(input / alpha) - 1)).

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32.
    alpha : float
        Above 0. Default 1.
    inplace : bool
        Write the result over input (float32 or float64). Default False.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If alpha is not above 0.

    Notes
    -----
    Barron 2017, arXiv:1704.07483. Has the behaviour of ``torch.nn.functional.celu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.celu(fastnn.tensor([1.0, -1.0]), alpha=2.0)
    tensor([ 1.    , -0.7869])
    """
    if number(alpha, "celu: alpha") <= 0:
        raise ValueError(f"celu: alpha must be above 0, got {alpha}")
    return activate("elu", FNN_elu_forward, FNN_elu_backward, False, input, elu_graph, alpha, 1, 1.0 / alpha, inplace)
