"""Signs, sizes and steps: neg, abs, sign, clamp, floor and their kin."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *
from fastnn.ops.choose import where
from fastnn.ops.memory cimport zeros_of

cdef extern from "fastnn.h":
    enum:
        FNN_neg_forward, FNN_abs_forward, FNN_abs_backward, FNN_sign_forward
        FNN_floor_forward, FNN_ceil_forward, FNN_round_forward, FNN_trunc_forward
        FNN_clamp_forward, FNN_clamp_backward

__all__ = ["neg", "negative", "abs", "absolute", "sign", "floor", "ceil", "round", "trunc", "fix", "frac", "clamp", "clip"]


cdef inline bint whole(object x):
    return isinstance(x, Tensor) and (<Tensor>x).dtype_ > FNN_F64


# --- neg, abs, sign ---------------------------------------------------------------------------------

cdef int neg_rule(Node node, Tensor dy) except -1:
    return node.give(0, compute1(FNN_neg_forward, dy))


cdef int neg_graph(Node node, Tensor dy) except -1:
    return node.give(0, neg_slot(dy))


cdef object neg_slot(object input):
    cdef Tensor x, y
    input = as_tensor(input, b"neg: input")
    if whole(input):
        if (<Tensor>input).dtype_ == FNN_BOOL:
            raise TypeError("neg: a bool tensor has no negative; use logical_not or ~")
        return by_numpy(np.negative, input, None)
    x = floating(input, "neg")
    y = compute1(FNN_neg_forward, x)
    if tracked(x):
        record1("neg", y, x, neg_rule, neg_graph)
    return y


def neg(input):
    """-input, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; any dtype but bool, which is a TypeError.

    Returns
    -------
    Tensor

    Notes
    -----
    Has the behaviour of ``torch.neg``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.neg(fastnn.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """
    return neg_slot(input)


cdef int abs_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy * sign(node.a.detach()))


cdef object abs_slot(object input):
    input = as_tensor(input, b"abs: input")
    if whole(input):
        return by_numpy(np.abs, input, None)
    return unary("abs", FNN_abs_forward, FNN_abs_backward, False, input, abs_graph, 0, 0)


def abs(input):
    """The absolute value of each element. Its gradient at 0 is 0.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor

    Notes
    -----
    Has the behaviour of ``torch.abs``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.abs(fastnn.tensor([1.0, -2.0]))
    tensor([1., 2.])
    """
    return abs_slot(input)


# --- steps: their gradient is zero --------------------------------------------------------------------

cdef int zero_rule(Node node, Tensor dy) except -1:
    """Zero whatever dy is, NaN too; `share`, for a recorded step keeps zeros that no Call computes."""
    return node.share(0, zeros_of(dy.dtype_, dy.ndim_, dy.shape_))


cdef object step(const char *name, int id, object function, object input):
    cdef Tensor x, y
    input = as_tensor(input, name)
    if whole(input):
        return by_numpy(function, input, None) if function is not None else input.clone()
    x = floating(input, name.decode())
    y = compute1(id, x)
    if tracked(x):
        record1(name, y, x, zero_rule, zero_rule)
    return y


cdef object signs = lambda x: x if x.dtype == bool else np.sign(x)


def sign(input):
    """1, 0 or -1: the sign of each element. The gradient is 0.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype; integers stay as they are. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor

    Notes
    -----
    Has the behaviour of ``torch.sign``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sign(fastnn.tensor([3.0, 0.0, -2.0]))
    tensor([ 1.,  0., -1.])
    """
    return step("sign", FNN_sign_forward, signs, input)


def floor(input):
    """The largest whole number that is not above each element. The gradient is 0.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype; integers stay as they are. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor

    Notes
    -----
    Has the behaviour of ``torch.floor``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.floor(fastnn.tensor([1.5, -1.5]))
    tensor([ 1., -2.])
    """
    return step("floor", FNN_floor_forward, None, input)


def ceil(input):
    """The smallest whole number that is not below each element. The gradient is 0.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype; integers stay as they are. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor

    Notes
    -----
    Has the behaviour of ``torch.ceil``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ceil(fastnn.tensor([1.5, -1.5]))
    tensor([ 2., -1.])
    """
    return step("ceil", FNN_ceil_forward, None, input)


def trunc(input):
    """Each element without its fraction. The gradient is 0.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype; integers stay as they are. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor

    Notes
    -----
    Has the behaviour of ``torch.trunc``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.trunc(fastnn.tensor([1.5, -1.5]))
    tensor([ 1., -1.])
    """
    return step("trunc", FNN_trunc_forward, None, input)


def round(input, *, decimals=0):
    """Each element rounded, halves to the nearest even number. The gradient is 0.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype; integers stay as they are. TypeError if it is no tensor or array.
    decimals : int
        Digits kept after the point; negative: zeros before it. Default 0.

    Returns
    -------
    Tensor

    Notes
    -----
    Has the behaviour of ``torch.round``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.round(fastnn.tensor([0.5, 1.5, 2.26]), decimals=1)
    tensor([0.5, 1.5, 2.3])
    """
    if type(decimals) is not int:
        raise TypeError(f"round: decimals must be an int, got {type(decimals).__name__}")
    if decimals == 0 or whole(input):
        return step("round", FNN_round_forward, None, input)
    if not -308 <= decimals <= 308:
        raise ValueError(f"round: decimals must be from -308 to 308, got {decimals}")
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    x = floating(input, "round")
    if decimals > 0:
        return step("round", FNN_round_forward, None, x * scale) / scale
    return step("round", FNN_round_forward, None, x / scale) * scale


def frac(input):
    """What `trunc` takes away: input - trunc(input), element by element.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; another dtype is a TypeError.

    Returns
    -------
    Tensor

    Notes
    -----
    Has the behaviour of ``torch.frac``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.frac(fastnn.tensor([1.5, -2.25]))
    tensor([ 0.5 , -0.25])
    """
    x = float_tensor(input, "frac: input")
    return x - trunc(x)


# --- clamp ------------------------------------------------------------------------------------------

cdef int clamp_graph(Node node, Tensor dy) except -1:
    x = node.a.detach()
    return node.give(0, where((x >= node.s[0]) & (x <= node.s[1]), dy, 0.0))


def clamp(input, min=None, max=None):
    """Each element cut to [min, max]. The gradient passes inside, bounds included.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    min, max : number or Tensor, optional
        Tensors broadcast. At least one is needed. Where min > max the result is max.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If both bounds are missing.
    TypeError
        If a limit is no number or Tensor.

    Notes
    -----
    Has the behaviour of ``torch.clamp``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.clamp(fastnn.tensor([-2.0, 0.5, 3.0]), min=-1, max=1)
    tensor([-1. ,  0.5,  1. ])
    """
    if min is None and max is None:
        raise ValueError("clamp: at least one of min and max must be given")
    input = as_tensor(input, b"clamp: input")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        y = input
        if min is not None:
            y = y.maximum(min)
        return y if max is None else y.minimum(max)
    for bound, name in ((min, "min"), (max, "max")):
        if bound is not None and not is_number(bound):
            raise TypeError(f"clamp: {name} must be a number or a Tensor, got {type(bound).__name__}")
    if whole(input) and not isinstance(min, float) and not isinstance(max, float):
        low = input if min is None else by_numpy(np.maximum, input, min)
        return low if max is None else by_numpy(np.minimum, low, max)
    low = -np.inf if min is None else min
    high = np.inf if max is None else max
    return unary("clamp", FNN_clamp_forward, FNN_clamp_backward, False, input, clamp_graph, low, high)


negative, absolute, fix, clip = neg, abs, trunc, clamp
set_unary(OP_NEG, neg_slot)
set_unary(OP_ABS, abs_slot)
