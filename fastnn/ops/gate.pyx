"""Activations with learned parameters, and gates: PReLU, Swish, GLU."""
from fastnn._engine.engine cimport *
from fastnn.ops.activation cimport activate
from fastnn.ops.activation import sigmoid
from fastnn.ops.join import cat
from fastnn.ops.broadcast cimport *
from fastnn.ops.choose import where

cdef extern from "fastnn.h":
    enum:
        FNN_prelu_forward, FNN_prelu_backward, FNN_prelu_slope_backward
        FNN_swish_forward, FNN_swish_backward, FNN_swish_beta_backward
        FNN_silu_forward, FNN_silu_backward, FNN_glu_forward, FNN_glu_backward

__all__ = ["prelu", "swish", "glu"]


cdef object along_channels(Tensor x, object w, str what):
    """A parameter of one number, or of one per channel (dimension 1), shaped to broadcast with x."""
    cdef Tensor t = float_tensor(w, what.encode())
    cdef int64_t channels = x.shape_[1] if x.ndim_ > 1 else 1
    if t.ndim_ > 1:
        raise ValueError(f"{what} must be 0-d or 1-d, got shape {shape_of(t)}")
    if t.size_ != 1 and (x.ndim_ < 2 or t.size_ != channels):
        raise ValueError(f"{what} has {t.size_} elements, expected 1 or the {channels} channels of input, "
                         f"whose shape is {shape_of(x)}")
    if t.size_ == 1:
        return t.reshape(())
    return t.reshape((channels,) + (1,) * (x.ndim_ - 2))


cdef Tensor three(int id, Tensor dy, Tensor x, Tensor w):
    cdef double s[8]
    s[:] = [0] * 8
    return compute(id, REALS, dy, x, w, s, None, "")


cdef int prelu_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, three(FNN_prelu_backward, dy, node.a, node.b), True)
    if node.wants(1):
        give_to(node, 1, compute2(FNN_prelu_slope_backward, dy, node.a), True)
    return 0


cdef int prelu_graph(Node node, Tensor dy) except -1:
    x, w = node.a, node.b
    if node.wants(0):
        give_to(node, 0, where(x > 0, dy, dy * w), True)
    if node.wants(1):
        give_to(node, 1, where(x > 0, 0.0, dy * x), True)
    return 0


def prelu(input, weight):
    """PReLU: input above 0, weight * input below; weight is learned.

    Parameters
    ----------
    input : Tensor
        (N, C, ...) or any shape; integers become float32.
    weight : Tensor
        One number, or (C,).

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If weight has neither 1 nor C elements.

    Notes
    -----
    He et al. 2015, arXiv:1502.01852. Has the behaviour of ``torch.nn.functional.prelu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.prelu(fastnn.tensor([1.0, -2.0]), fastnn.tensor([0.25]))
    tensor([ 1. , -0.5])
    """
    x = floating(input, "prelu")
    w = along_channels(x, weight, "prelu: weight")
    return binary("prelu", FNN_prelu_forward, None, x, w, 1, prelu_rule, prelu_graph, 15)


cdef int swish_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        give_to(node, 0, three(FNN_swish_backward, dy, node.a, node.b), True)
    if node.wants(1):
        give_to(node, 1, three(FNN_swish_beta_backward, dy, node.a, node.b), True)
    return 0


cdef int swish_graph(Node node, Tensor dy) except -1:
    x, beta = node.a, node.b
    q = sigmoid(x * beta)
    if node.wants(0):
        give_to(node, 0, dy * (q * (x * beta * (1 - q) + 1)), True)
    if node.wants(1):
        give_to(node, 1, dy * (x * x * (q * (1 - q))), True)
    return 0


cdef int fixed_swish_graph(Node node, Tensor dy) except -1:
    z = node.a * node.s[0]
    q = sigmoid(z)
    return node.give(0, dy * (q * (z * (1 - q) + 1)))


def swish(input, beta=1.0):
    """Swish: input * sigmoid(beta * input); beta may be learned. Large beta gives ReLU.

    Parameters
    ----------
    input : Tensor
        (N, C, ...) or any shape.
    beta : float or Tensor
        One number, or (C,). Default 1, which is SiLU.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If beta has neither 1 nor C elements.

    Notes
    -----
    Ramachandran et al. 2017, arXiv:1710.05941.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.swish(fastnn.tensor([1.0, -2.0]), beta=1.0)
    tensor([ 0.7311, -0.2384])
    """
    if is_number(beta):
        return activate("swish", FNN_silu_forward, FNN_silu_backward, False, input, fixed_swish_graph, beta, 0, 0, False)
    x = floating(input, "swish")
    return binary("swish", FNN_swish_forward, None, x, along_channels(x, beta, "swish: beta"), 1, swish_rule, swish_graph, 15)


# --- GLU ----------------------------------------------------------------------------------------------

cdef int glu_rule(Node node, Tensor dy) except -1:
    cdef Tensor x = contiguous(node.a)
    cdef Tensor dx = new_like(x)
    cdef fnn_call c
    dy = contiguous(dy)
    start(&c, FNN_glu_backward, dy.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    buffer(&c, x)
    c.args.n[0] = node.n[1]
    c.args.n[1] = dy.size_ // node.n[1] if node.n[1] else 0
    run(&c, 1, 20.0 * x.size_, 0)
    return node.give(0, dx)


cdef int glu_graph(Node node, Tensor dy) except -1:
    dim = node.n[0]
    half = node.a.shape[dim] // 2
    a, b = node.a.narrow(dim, 0, half), node.a.narrow(dim, half, half)
    q = sigmoid(b)
    return node.give(0, cat([dy * q, dy * a * (q * (1 - q))], dim))


def glu(input, dim=-1):
    """GLU: the first half of input times the sigmoid of its second half.

    Parameters
    ----------
    input : Tensor
        Of even size along `dim`; integers become float32.
    dim : int
        Default -1.

    Returns
    -------
    Tensor
        Half as large along `dim`.

    Raises
    ------
    ValueError
        If the size along dim is odd.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Dauphin et al. 2016, arXiv:1612.08083. Has the behaviour of ``torch.nn.functional.glu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.glu(fastnn.tensor([1.0, 2.0, 0.0, 2.0]))
    tensor([0.5   , 1.7616])
    """
    cdef Tensor x = floating(input, "glu"), y, a, b
    cdef Node node
    cdef int64_t sizes[8]
    cdef int i, d
    if x.ndim_ == 0:
        raise ValueError("glu: input must have at least one dimension")
    d = checked_dim(dim, x.ndim_, "glu")
    if x.shape_[d] % 2:
        raise ValueError(f"glu: dimension {dim} has size {x.shape_[d]}, expected an even size")
    for i in range(x.ndim_):
        sizes[i] = x.shape_[i]
    sizes[d] //= 2
    a = view(x, 0, x.ndim_, sizes, x.strides_)
    b = view(x, sizes[d] * x.strides_[d], x.ndim_, sizes, x.strides_)
    y = compute2(FNN_glu_forward, a, b)
    if tracked(x):
        node = record1("glu", y, x, glu_rule, glu_graph)
        node.n[0] = d
        node.n[1] = 1
        for i in range(d):
            node.n[1] *= x.shape_[i]
        save(node, x, None, None)
    return y
