"""Sums, products and counts over dimensions."""
from fastnn._engine.engine cimport *
from fastnn.ops.fold cimport *
from fastnn.ops.integer cimport sum_integers

import numpy as np

cdef extern from "fastnn.h":
    enum:
        FNN_sum, FNN_sum_backward, FNN_prod, FNN_prod_backward, FNN_any, FNN_all, FNN_amax, FNN_amin
        FNN_logsumexp, FNN_logsumexp_backward

__all__ = ["all", "any", "logsumexp", "mean", "prod", "sum"]


# --- sum and mean ---------------------------------------------------------------------------------

cdef int sum_rule(Node node, Tensor dy) except -1:
    return spread(node, dy, FNN_sum_backward, node.a, None, None, None, node.s[0])


cdef int sum_graph(Node node, Tensor dy) except -1:
    return node.share(0, widened(dy * node.s[0] if node.s[0] != 1 else dy, node.a, node.n[0]))


cdef Tensor sum_over(Tensor x, int64_t mask, bint keepdim, bint average):
    cdef Axis axis
    cdef Tensor y = reduced(x, mask, keepdim, x.dtype_)
    cdef Node node
    measure(x, mask, &axis)
    fold(FNN_sum, FNN_sum, y, packed(x, &axis), &axis, axis.length if average else 1, False)
    if tracked(x):
        node = record1("mean" if average else "sum", y, x, sum_rule, sum_graph)
        save(node, shape_only(x), None, None)
        node.n[0] = mask
        node.s[0] = 1.0 / axis.length if average and axis.length else 1
    return y


def sum(input, dim=None, keepdim=False, *, dtype=None):
    """The sum of all elements, or along dimensions.

    Parameters
    ----------
    input : Tensor
        Any dtype; integers and bools are summed as int64.
    dim : int or tuple of int, optional
        Which dimensions to reduce. Default: all.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.
    dtype : dtype, optional
        Converts the input first.

    Returns
    -------
    Tensor
        Blocks of fixed size are added up in a fixed order: the same bits for any number of threads.

    Raises
    ------
    IndexError
        If there is no such dimension.
    ValueError
        If a dimension is given twice.

    Notes
    -----
    Has the behaviour of ``torch.sum``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sum(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([4., 6.])
    """
    cdef Tensor x = as_dtype(as_tensor(input, "sum: input"), dtype)
    cdef int64_t mask = mask_of(x, dim, "sum")
    cdef Axis axis
    cdef Tensor y
    if x.dtype_ > FNN_F64:
        measure(x, mask, &axis)
        y = reduced(x, mask, keepdim, FNN_I64)
        sum_integers(y, packed(x, &axis), axis.outer, axis.length, axis.inner)
        return y
    return sum_over(x, mask, keepdim, False)


def mean(input, dim=None, keepdim=False, *, dtype=None):
    """The mean of all elements, or along dimensions: their sum divided by their number.

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    dim : int or tuple of int, optional
        Which dimensions to reduce. Default: all.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.
    dtype : dtype, optional
        Converts the input first.

    Returns
    -------
    Tensor
        NaN where there is nothing to average.

    Raises
    ------
    TypeError
        If the input holds integers or bools.
    IndexError
        If there is no such dimension.
    ValueError
        If a dimension is given twice.

    Notes
    -----
    Has the behaviour of ``torch.mean``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.mean(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
    tensor([1.5, 3.5])
    """
    cdef Tensor x = float_tensor(as_dtype(as_tensor(input, "mean: input"), dtype), "mean: input")
    return sum_over(x, mask_of(x, dim, "mean"), keepdim, True)


# --- prod -------------------------------------------------------------------------------------------

cdef int prod_rule(Node node, Tensor dy) except -1:
    return spread(node, dy, FNN_prod_backward, node.a, node.a, None, None, 1)


cdef int prod_graph(Node node, Tensor dy) except -1:
    """dx = dy times the product of the others: rows of x with one element after the other set to 1."""
    import fastnn
    cdef Axis axis
    cdef Tensor x = node.a
    measure(x, node.n[0], &axis)
    order = [i for i in range(x.ndim_) if not node.n[0] >> i & 1]
    order += [i for i in range(x.ndim_) if node.n[0] >> i & 1]
    rows = x.permute(tuple(order)).reshape((-1 if x.size_ else 0, 1, axis.length))
    diagonal = as_tensor(np.eye(axis.length, dtype=bool), "mask")
    others = fastnn.where(diagonal, 1.0, rows.expand((rows.shape[0], axis.length, axis.length)))
    shape = tuple([x.shape_[i] for i in order])
    back = tuple([order.index(i) for i in range(x.ndim_)])
    return node.give(0, prod(others, -1).reshape(shape).permute(back) * widened(dy, x, node.n[0]))


def prod(input, dim=None, keepdim=False, *, dtype=None):
    """The product of all elements, or along dimensions.

    Parameters
    ----------
    input : Tensor
        Any dtype; integers and bools are multiplied as int64.
    dim : int or tuple of int, optional
        Which dimensions to reduce. Default: all.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.
    dtype : dtype, optional
        Converts the input first.

    Returns
    -------
    Tensor
        Its gradient is right where elements are zero, too.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.prod``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.prod(fastnn.tensor([2.0, 3.0, 4.0]))
    tensor(24.)
    """
    cdef Tensor x = as_dtype(as_tensor(input, "prod: input"), dtype)
    cdef int64_t mask = mask_of(x, dim, "prod")
    cdef Tensor y
    cdef Node node
    cdef Axis axis
    if x.dtype_ > FNN_F64:
        return by_numpy(np.prod, x, dim, keepdim)
    y = reduced(x, mask, keepdim, x.dtype_)
    measure(x, mask, &axis)
    fold(FNN_prod, FNN_prod, y, packed(x, &axis), &axis, 1, False)
    if tracked(x):
        node = record1("prod", y, x, prod_rule, prod_graph)
        save(node, x, None, None)
        node.n[0] = mask
    return y


# --- any, all ---------------------------------------------------------------------------------------

cdef Tensor truth(object function, int kernel, int second, Tensor x, object dim, bint keepdim, str what):
    cdef int64_t mask = mask_of(x, dim, what)
    cdef Tensor y
    cdef Axis axis
    if x.dtype_ > FNN_F64:
        return by_numpy(function, x, dim, keepdim)
    y = reduced(x, mask, keepdim, x.dtype_)
    measure(x, mask, &axis)
    fold(kernel, second, y, packed(x, &axis), &axis, 1, False)
    return cast(y, FNN_BOOL)


def any(input, dim=None, keepdim=False):
    """Whether some element is not zero.

    Parameters
    ----------
    input : Tensor
        Any dtype; NaN is not zero.
    dim : int or tuple of int, optional
        Which dimensions to reduce. Default: all.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.

    Returns
    -------
    Tensor
        Of dtype bool; False where there is nothing.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.any``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.any(fastnn.tensor([[0.0, 1.0], [0.0, 0.0]]), dim=1)
    tensor([ True, False])
    """
    return truth(np.any, FNN_any, FNN_amax, as_tensor(input, "any: input"), dim, keepdim, "any")


def all(input, dim=None, keepdim=False):
    """Whether no element is zero.

    Parameters
    ----------
    input : Tensor
        Any dtype; NaN is not zero.
    dim : int or tuple of int, optional
        Which dimensions to reduce. Default: all.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.

    Returns
    -------
    Tensor
        Of dtype bool; True where there is nothing.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.all``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.all(fastnn.tensor([[0.0, 1.0], [2.0, 3.0]]), dim=1)
    tensor([False,  True])
    """
    return truth(np.all, FNN_all, FNN_amin, as_tensor(input, "all: input"), dim, keepdim, "all")


# --- logsumexp ----------------------------------------------------------------------------------------

cdef int logsumexp_rule(Node node, Tensor dy) except -1:
    return spread(node, dy, FNN_logsumexp_backward, node.b, node.b, node.a, None, 1)


cdef int logsumexp_graph(Node node, Tensor dy) except -1:
    weight = (node.b - widened(node.output(), node.b, node.n[0])).exp()
    return node.give(0, widened(dy, node.b, node.n[0]) * weight)


def logsumexp(input, dim=None, keepdim=False):
    """The smooth maximum log(sum(exp(x))), computed without overflow.

    Parameters
    ----------
    input : Tensor
        float32 or float64; integers and bools become float32.
    dim : int or tuple of int, optional
        Which dimensions to reduce. Default: all.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.

    Returns
    -------
    Tensor
        -inf where there is nothing to add.

    Raises
    ------
    TypeError
        If the input is no tensor or array.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.logsumexp``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logsumexp(fastnn.tensor([0.0, 0.0]), 0)
    tensor(0.6931)
    """
    cdef Tensor x = as_tensor(input, "logsumexp: input")
    if x.dtype_ > FNN_F64:
        x = cast(x, FNN_F32)
    cdef int64_t mask = mask_of(x, dim, "logsumexp")
    cdef Tensor source, y = reduced(x, mask, keepdim, x.dtype_)
    cdef Axis axis
    cdef fnn_call c
    cdef Node node
    measure(x, mask, &axis)
    source = packed(x, &axis)
    start(&c, FNN_logsumexp, x.dtype_)
    buffer(&c, y)
    buffer(&c, source)
    put_axis(&c, &axis)
    run(&c, 1, 20.0 * x.size_, 0)
    if tracked(x):
        node = record1("logsumexp", y, x, logsumexp_rule, logsumexp_graph)
        save_output(node, y, x, None)
        node.n[0] = mask
    return y
