"""Softmax and its logarithm along a dimension."""
import warnings

from fastnn._engine.engine cimport *
from fastnn.ops.fold cimport *

cdef extern from "fastnn.h":
    enum: FNN_softmax_forward, FNN_softmax_backward, FNN_log_softmax_forward, FNN_log_softmax_backward

__all__ = ["log_softmax", "softmax", "softmin"]


cdef int along(int kernel, Tensor y, Tensor x, Tensor z, int d, double work) except -1:
    """Run a kernel over (outer, C, inner) buffers y, x and z, if there is one."""
    cdef Axis axis
    cdef fnn_call c
    measure(x, (<int64_t>1) << d if x.ndim_ else 0, &axis)
    start(&c, kernel, x.dtype_)
    buffer(&c, y)
    buffer(&c, x)
    if z is not None:
        buffer(&c, z)
    put_axis(&c, &axis)
    return run(&c, 1, work * x.size_, 0)


cdef int softmax_rule(Node node, Tensor dy) except -1:
    cdef Tensor dx = new_like(node.a)
    along(FNN_softmax_backward, dx, contiguous(dy), node.a, <int>node.n[0], 4)
    return node.give(0, dx)


cdef int softmax_graph(Node node, Tensor dy) except -1:
    y = node.output()
    return node.give(0, y * (dy - (dy * y).sum(node.n[0], True)))


cdef int log_softmax_rule(Node node, Tensor dy) except -1:
    cdef Tensor dx = new_like(node.a)
    along(FNN_log_softmax_backward, dx, contiguous(dy), node.a, <int>node.n[0], 20)
    return node.give(0, dx)


cdef int log_softmax_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy - node.output().exp() * dy.sum(node.n[0], True))


cdef int chosen_dim(object dim, int ndim, str what) except -1:
    if dim is None:
        dim = 0 if ndim in (0, 1, 3) else 1
        warnings.warn(f"{what}: say which dimension; without dim= it is {dim} for {ndim} dimensions", stacklevel=2)
    return checked_dim(dim, ndim, what)


def softmax(input, dim=None, dtype=None):
    """exp(x_i) / sum_j exp(x_j) along a dimension: numbers from 0 to 1 that sum to 1.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    dim : int, optional
        Along which dimension. Without it there is a warning, and PyTorch's old choice: the first of
        0, 1 or 3 dimensions, else the second.
    dtype : dtype, optional
        Converts the input first.

    Returns
    -------
    Tensor
        Of the input's shape. No overflow, however large x is.

    Raises
    ------
    TypeError
        If the input holds integers or bools.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.softmax``. A cross-entropy wants logits, not these.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.softmax(fastnn.tensor([5.0, 2.0, -1.0, 3.0]), 0)
    tensor([0.842 , 0.0419, 0.0021, 0.114 ])
    """
    cdef Tensor x = float_tensor(as_dtype(as_tensor(input, "softmax: input"), dtype), "softmax: input")
    cdef int d = chosen_dim(dim, x.ndim_, "softmax")
    cdef Tensor source = contiguous(x), y = new_like(source)
    cdef Node node
    along(FNN_softmax_forward, y, source, None, d, 20)
    if tracked(x):
        node = record1("softmax", y, x, softmax_rule, softmax_graph)
        save_output(node, y, None, None)
        node.n[0] = d
    return y


def log_softmax(input, dim=None, dtype=None):
    """log(softmax(x)) = x_i - log(sum_j exp(x_j)) along a dimension.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    dim : int, optional
        Along which dimension. Without it there is a warning, and PyTorch's old choice: the first of
        0, 1 or 3 dimensions, else the second.
    dtype : dtype, optional
        Converts the input first.

    Returns
    -------
    Tensor
        Of the input's shape; exact where ``log(softmax(x))`` would underflow.

    Raises
    ------
    TypeError
        If the input holds integers or bools.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.log_softmax``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.log_softmax(fastnn.tensor([0.0, 0.0]), 0)
    tensor([-0.6931, -0.6931])
    """
    cdef Tensor x = float_tensor(as_dtype(as_tensor(input, "log_softmax: input"), dtype), "log_softmax: input")
    cdef int d = chosen_dim(dim, x.ndim_, "log_softmax")
    cdef Tensor source = contiguous(x), y = new_like(source)
    cdef Node node
    along(FNN_log_softmax_forward, y, source, None, d, 20)
    if tracked(x):
        node = record1("log_softmax", y, x, log_softmax_rule, log_softmax_graph)
        save_output(node, y, None, None)
        node.n[0] = d
    return y


def softmin(input, dim=None, dtype=None):
    """softmax(-x): the smallest element gets the largest share.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    dim : int, optional
        Along which dimension. Without it there is a warning, and PyTorch's old choice: the first of
        0, 1 or 3 dimensions, else the second.
    dtype : dtype, optional
        Converts the input first.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If the input holds integers or bools.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.softmin``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.softmin(fastnn.tensor([0.0, 0.0]), 0)
    tensor([0.5, 0.5])
    """
    cdef Tensor x = float_tensor(as_dtype(as_tensor(input, "softmin: input"), dtype), "softmin: input")
    return softmax(-x, chosen_dim(dim, x.ndim_, "softmin"))
