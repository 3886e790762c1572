"""What is carried along a dimension: cumprod, cummax, cummin, logcumsumexp."""
from collections import namedtuple

from fastnn._engine.engine cimport *
from fastnn.ops.fold cimport *

import numpy as np

cdef extern from "fastnn.h":
    enum: FNN_linear_scan, FNN_extreme_scan, FNN_logcumsumexp

__all__ = ["cummax", "cummin", "cumprod", "logcumsumexp"]

_cummax = namedtuple("cummax", ["values", "indices"])
_cummin = namedtuple("cummin", ["values", "indices"])


cdef int scan_call(int kernel, Tensor y, Tensor x, Tensor z, int d, int64_t flag) except -1:
    cdef Axis axis
    cdef fnn_call c
    if not x.size_:
        return 0
    measure(x, (<int64_t>1) << d if x.ndim_ else 0, &axis)
    start(&c, kernel, x.dtype_)
    buffer(&c, y)
    buffer(&c, x)
    if z is not None:
        buffer(&c, z)
    put_axis(&c, &axis)
    c.args.n[3] = flag
    return run(&c, 1, 4.0 * x.size_ * (8 if kernel == FNN_logcumsumexp else 1), 0)


# --- the recurrence that the others' gradients are made of ----------------------------------------------

cdef Tensor linear_scan(Tensor a, Tensor b, int d, bint reverse):
    """h[i] = a[i] h[i-1] + b[i] along d; reversed: h[i] = a[i] h[i+1] + b[i]."""
    cdef Tensor pa = contiguous(a), pb = contiguous(b), h = new_like(pb)
    cdef Node node
    scan_call(FNN_linear_scan, h, pa, pb, d, reverse)
    if any_tracked(a, b, None):
        node = record2("scan", h, a, b, scan_rule, scan_rule)
        save_output(node, h, a, None)
        node.n[0], node.n[1] = d, reverse
    return h


cdef int scan_rule(Node node, Tensor dy) except -1:
    """g[i] = dy[i] + a[i+1] g[i+1]: the same, the other way; db = g, da[i] = g[i] h[i-1]."""
    cdef int d = <int>node.n[0]
    cdef bint reverse = node.n[1]
    cdef Tensor g = linear_scan(shifted(node.b, d, not reverse), dy, d, not reverse)
    if node.wants(0):
        node.give(0, g * shifted(node.output() if grad_enabled() else node.a, d, reverse))
    if node.wants(1):
        node.share(1, g)
    return 0


cdef Tensor shifted(Tensor x, int d, bint back):
    """x[i-1] in place of x[i], zero at the start; back: x[i+1], zero at the end."""
    import fastnn
    if x.ndim_ == 0:
        return x * 0
    cdef int64_t n = x.shape_[d]
    if n == 0:
        return x
    kept = x.narrow(d, 1 if back else 0, n - 1)
    zero = fastnn.zeros(shape_of(x)[:d] + (1,) + shape_of(x)[d + 1:], dtype=x.dtype)
    return fastnn.cat([kept, zero] if back else [zero, kept], d)


# --- the public functions ---------------------------------------------------------------------------------

def cumprod(input, dim, *, dtype=None):
    """The running product along a dimension: y[i] = x[0] x[1] ... x[i].

    Parameters
    ----------
    input : Tensor
        Any dtype; integers and bools are multiplied as int64.
    dim : int
        Along which dimension.
    dtype : dtype, optional
        Converts the input first.

    Returns
    -------
    Tensor
        Of the input's shape. Its gradient is right where elements are zero, too.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.cumprod``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cumprod(fastnn.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    import fastnn
    cdef Tensor x = as_dtype(as_tensor(input, "cumprod: input"), dtype)
    cdef int d = checked_dim(dim, x.ndim_, "cumprod")
    if x.dtype_ > FNN_F64:
        products = np.cumprod(to_numpy(x), axis=d if x.ndim_ else None, dtype=np.int64)
        return as_tensor(products.reshape(shape_of(x)), "result")
    if x.ndim_ == 0 or x.shape_[d] == 0:
        return x.clone()
    rest = fastnn.zeros(shape_of(x)[:d] + (x.shape_[d] - 1,) + shape_of(x)[d + 1:], dtype=x.dtype)
    return linear_scan(x, fastnn.cat([x.narrow(d, 0, 1), rest], d), d, False)


cdef object extreme(object input, object dim, bint largest, str what, object result):
    from fastnn.ops.along import gather
    cdef Tensor x = as_tensor(input, "input"), source, index
    cdef int d = checked_dim(dim, x.ndim_, what)
    source = contiguous(x if x.dtype_ <= FNN_F64 else cast(x, FNN_F64))
    index = new(FNN_I64, x.ndim_, x.shape_)
    scan_call(FNN_extreme_scan, index, source, None, d, largest)
    return result(gather(x, d, index) if x.ndim_ else x.clone(), index)


def cummax(input, dim):
    """The largest element so far along a dimension, and its place.

    Parameters
    ----------
    input : Tensor
    dim : int
        Along which dimension.

    Returns
    -------
    values : Tensor
    indices : Tensor of int64
        A named tuple of two tensors of the input's shape; of equal elements the last one's place.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.cummax``; NaN wins.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cummax(fastnn.tensor([1.0, 3.0, 2.0]), 0).values
    tensor([1., 3., 3.])
    """
    return extreme(input, dim, True, "cummax", _cummax)


def cummin(input, dim):
    """The smallest element so far along a dimension, and its place.

    Parameters
    ----------
    input : Tensor
    dim : int
        Along which dimension.

    Returns
    -------
    values : Tensor
    indices : Tensor of int64
        A named tuple of two tensors of the input's shape; of equal elements the last one's place.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.cummin``; NaN wins.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cummin(fastnn.tensor([2.0, 3.0, 1.0]), 0).indices
    tensor([0, 0, 2])
    """
    return extreme(input, dim, False, "cummin", _cummin)


cdef int logcumsumexp_rule(Node node, Tensor dy) except -1:
    """dx[i] = exp(x[i] - y[i]) r[i], r[i] = dy[i] + exp(y[i] - y[i+1]) r[i+1]: no term overflows."""
    cdef Tensor x = node.b
    cdef int d = <int>node.n[0]
    y = node.output() if grad_enabled() else node.a
    if x.ndim_ == 0:
        return node.share(0, dy)
    ratio = (y - shifted(y, d, True)).clamp(max=0).exp()
    return node.give(0, (x - y).exp() * linear_scan(ratio, dy, d, True))


def logcumsumexp(input, dim):
    """The running sum of exponentials, as a logarithm: log(exp(x[0]) + ... + exp(x[i])).

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    dim : int
        Along which dimension.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    TypeError
        If the input holds integers or bools.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.logcumsumexp``; nothing overflows.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logcumsumexp(fastnn.tensor([0.0, 0.0]), 0)
    tensor([0.    , 0.6931])
    """
    cdef Tensor x = float_tensor(input, "logcumsumexp: input"), source = contiguous(x), y = new_like(source)
    cdef int d = checked_dim(dim, x.ndim_, "logcumsumexp")
    cdef Node node
    scan_call(FNN_logcumsumexp, y, source, None, d, 0)
    if tracked(x):
        node = record1("logcumsumexp", y, x, logcumsumexp_rule, logcumsumexp_rule)
        save_output(node, y, x, None)
        node.n[0] = d
    return y
