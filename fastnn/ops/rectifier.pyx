"""Activations with corners: ReLU and its kin, hard and shrinking ones."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.activation cimport activate, number
from fastnn.ops.activation import tanh
from fastnn.ops.broadcast cimport by_numpy
from fastnn.ops.choose import where

cdef extern from "fastnn.h":
    enum:
        FNN_relu_forward, FNN_relu_backward, FNN_leaky_relu_forward, FNN_leaky_relu_backward
        FNN_hardtanh_forward, FNN_hardtanh_backward, FNN_hardsigmoid_forward, FNN_hardsigmoid_backward
        FNN_hardswish_forward, FNN_hardswish_backward, FNN_threshold_forward, FNN_threshold_backward
        FNN_hardshrink_forward, FNN_hardshrink_backward, FNN_softshrink_forward, FNN_softshrink_backward
        FNN_tanhshrink_forward, FNN_tanhshrink_backward

__all__ = ["relu", "leaky_relu", "relu6", "hardtanh", "hardsigmoid", "hardswish", "threshold", "hardshrink",
           "softshrink", "tanhshrink"]


cdef int relu_graph(Node node, Tensor dy) except -1:
    return node.give(0, where(node.a > 0, dy, 0.0))


def relu(input, inplace=False):
    """ReLU: max(input, 0), element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers stay integers. TypeError if it is no tensor or array.
    inplace : bool
        Write the result over input (float32 or float64). Default False.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Nair and Hinton 2010. Has the behaviour of ``torch.nn.functional.relu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.relu(fastnn.tensor([1.0, -2.0]))
    tensor([1., 0.])
    """
    if not inplace and isinstance(input, Tensor) and (<Tensor>input).dtype_ > FNN_F64:
        return by_numpy(np.maximum, input, 0)
    return activate("relu", FNN_relu_forward, FNN_relu_backward, True, input, relu_graph, 0, 0, 0, inplace)


cdef int leaky_relu_graph(Node node, Tensor dy) except -1:
    return node.give(0, where(node.a > 0, dy, dy * node.s[0]))


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """Leaky ReLU: input above 0, negative_slope * input below.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.
    negative_slope : float
        Default 0.01.
    inplace : bool
        Write the result over input (float32 or float64). Default False.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Maas et al. 2013. Has the behaviour of ``torch.nn.functional.leaky_relu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.leaky_relu(fastnn.tensor([1.0, -2.0]))
    tensor([ 1.  , -0.02])
    """
    return activate("leaky_relu", FNN_leaky_relu_forward, FNN_leaky_relu_backward, False, input, leaky_relu_graph, number(negative_slope, "leaky_relu: negative_slope"), 0, 0, inplace)


cdef int hardtanh_graph(Node node, Tensor dy) except -1:
    x = node.a.detach()
    return node.give(0, where((x > node.s[0]) & (x < node.s[1]), dy, 0.0))


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """input cut to [min_val, max_val], element by element.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32.
    min_val, max_val : float
        Default -1 and 1.
    inplace : bool
        Write the result over input (float32 or float64). Default False.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If min_val is above max_val.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.hardtanh``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.hardtanh(fastnn.tensor([0.5, -2.0]))
    tensor([ 0.5, -1. ])
    """
    if number(min_val, "hardtanh: min_val") > number(max_val, "hardtanh: max_val"):
        raise ValueError(f"hardtanh: min_val must not be above max_val, got {min_val} and {max_val}")
    return activate("hardtanh", FNN_hardtanh_forward, FNN_hardtanh_backward, False, input, hardtanh_graph, min_val, max_val, 0, inplace)


def relu6(input, inplace=False):
    """ReLU6: input cut to [0, 6], element by element.

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
    Howard et al. 2017, arXiv:1704.04861. Has the behaviour of ``torch.nn.functional.relu6``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.relu6(fastnn.tensor([-1.0, 7.0]))
    tensor([0., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


cdef int hardsigmoid_graph(Node node, Tensor dy) except -1:
    x = node.a.detach()
    return node.give(0, where(x.abs() < 3, dy * (1 / 6.0), 0.0))


def hardsigmoid(input, inplace=False):
    """(input + 3) / 6 cut to [0, 1], element by element.

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
    Howard et al. 2019, arXiv:1905.02244. Has the behaviour of ``torch.nn.functional.hardsigmoid``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.hardsigmoid(fastnn.tensor([0.0, 4.0]))
    tensor([0.5, 1. ])
    """
    return activate("hardsigmoid", FNN_hardsigmoid_forward, FNN_hardsigmoid_backward, False, input, hardsigmoid_graph, 0, 0, 0, inplace)


cdef int hardswish_graph(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, where(x <= -3, 0.0, where(x < 3, dy * (x * (1 / 3.0) + 0.5), dy)))


def hardswish(input, inplace=False):
    """input * hardsigmoid(input), element by element.

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
    Howard et al. 2019, arXiv:1905.02244. Has the behaviour of ``torch.nn.functional.hardswish``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.hardswish(fastnn.tensor([1.0, 4.0]))
    tensor([0.6667, 4.    ])
    """
    return activate("hardswish", FNN_hardswish_forward, FNN_hardswish_backward, False, input, hardswish_graph, 0, 0, 0, inplace)


cdef int threshold_graph(Node node, Tensor dy) except -1:
    return node.give(0, where(node.a <= node.s[0], 0.0, dy))


def threshold(input, threshold, value, inplace=False):
    """input above threshold, value elsewhere.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.
    threshold, value : float
    inplace : bool
        Write the result over input (float32 or float64). Default False.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.threshold``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.threshold(fastnn.tensor([1.0, -2.0]), 0.5, 9.0)
    tensor([1., 9.])
    """
    return activate("threshold", FNN_threshold_forward, FNN_threshold_backward, False, input, threshold_graph, number(threshold, "threshold: threshold"), number(value, "threshold: value"), 0, inplace)


cdef int hardshrink_graph(Node node, Tensor dy) except -1:
    return node.give(0, where(node.a.detach().abs() <= node.s[0], 0.0, dy))


def hardshrink(input, lambd=0.5):
    """0 where abs(input) <= lambd, input elsewhere.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32.
    lambd : float
        Not negative. Default 0.5.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If lambd is negative.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.hardshrink``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.hardshrink(fastnn.tensor([0.3, 2.0]))
    tensor([0., 2.])
    """
    if number(lambd, "hardshrink: lambd") < 0:
        raise ValueError(f"hardshrink: lambd must not be negative, got {lambd}")
    return activate("hardshrink", FNN_hardshrink_forward, FNN_hardshrink_backward, False, input, hardshrink_graph, lambd, 0, 0, False)


cdef int softshrink_graph(Node node, Tensor dy) except -1:
    return node.give(0, where(node.a.detach().abs() <= node.s[0], 0.0, dy))


def softshrink(input, lambd=0.5):
    """input moved by lambd towards 0; 0 where abs(input) <= lambd.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32.
    lambd : float
        Not negative. Default 0.5.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If lambd is negative.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.softshrink``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.softshrink(fastnn.tensor([0.3, 2.0]))
    tensor([0. , 1.5])
    """
    if number(lambd, "softshrink: lambd") < 0:
        raise ValueError(f"softshrink: lambd must not be negative, got {lambd}")
    return activate("softshrink", FNN_softshrink_forward, FNN_softshrink_backward, False, input, softshrink_graph, lambd, 0, 0, False)


cdef int tanhshrink_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * tanh(node.a).square())


def tanhshrink(input):
    """input - tanh(input), element by element.

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
    Has the behaviour of ``torch.nn.functional.tanhshrink``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tanhshrink(fastnn.tensor([0.0, 2.0]))
    tensor([0.   , 1.036])
    """
    return activate("tanhshrink", FNN_tanhshrink_forward, FNN_tanhshrink_backward, False, input, tanhshrink_graph, 0, 0, 0, False)
