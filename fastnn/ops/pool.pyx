"""Pooling in one and two dimensions: maximum, mean, p-norm; windows of a fixed size or adaptive."""
from fastnn._engine.engine cimport *
from libc.stdint cimport int64_t

cdef extern from "fastnn.h":
    enum:
        FNN_max_pool_forward, FNN_max_pool_backward, FNN_avg_pool_forward, FNN_avg_pool_backward

__all__ = ["max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "lp_pool1d", "lp_pool2d",
           "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d"]


cdef class Windows:
    """Sizes of the planes and how windows lie on them: what the kernels call struct pool."""
    cdef int64_t n[15]
    cdef double taps

    cdef Tensor outputs(self, Tensor x, int dtype):
        cdef int64_t shape[8]
        cdef int i
        for i in range(x.ndim_ - 2):
            shape[i] = x.shape_[i]
        shape[x.ndim_ - 2], shape[x.ndim_ - 1] = self.n[3], self.n[4]
        return new(dtype, x.ndim_, shape)

    cdef Tensor inputs(self, Tensor y):
        cdef int64_t shape[8]
        cdef int i
        for i in range(y.ndim_ - 2):
            shape[i] = y.shape_[i]
        shape[y.ndim_ - 2], shape[y.ndim_ - 1] = self.n[1], self.n[2]
        return new(y.dtype_, y.ndim_, shape)

    cdef void put(self, fnn_call *c):
        cdef int i
        for i in range(15):
            c.args.n[i] = self.n[i]


# --- maximum -----------------------------------------------------------------------------------------

cdef tuple max_pool(Windows w, Tensor x):
    """(y, index) of x (..., ih, iw)."""
    cdef Tensor y = w.outputs(x, x.dtype_), index = w.outputs(x, FNN_I64)
    cdef Tensor px = contiguous(x)
    cdef fnn_call c
    cdef Node node
    start(&c, FNN_max_pool_forward, x.dtype_)
    buffer(&c, y)
    buffer(&c, index)
    buffer(&c, px)
    w.put(&c)
    run(&c, 2, 2.0 * y.size_ * w.taps, 0)
    if tracked(x):
        node = record1("max_pool", y, x, max_pool_rule, max_pool_graph)
        save(node, index, None, None)
        node.extra = w
    return y, index


cdef int max_pool_rule(Node node, Tensor dy) except -1:
    cdef Windows w = <Windows>node.extra
    cdef Tensor dx = w.inputs(dy)
    cdef fnn_call c
    dy = contiguous(dy)
    start(&c, FNN_max_pool_backward, dy.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    buffer(&c, node.a)
    c.args.n[0], c.args.n[1], c.args.n[2] = w.n[0], w.n[1] * w.n[2], w.n[3] * w.n[4]
    run(&c, 1, dx.size_ + 2.0 * dy.size_, 0)
    return node.give(0, dx)


cdef int max_pool_graph(Node node, Tensor dy) except -1:
    from fastnn.ops.creation import zeros
    cdef Windows w = <Windows>node.extra
    flat = zeros(w.n[0], w.n[1] * w.n[2], dtype=dy.dtype).scatter_add(
        1, node.a.reshape(w.n[0], w.n[3] * w.n[4]), dy.reshape(w.n[0], w.n[3] * w.n[4]))
    return node.give(0, flat.reshape(shape_of(dy)[:dy.ndim_ - 2] + (w.n[1], w.n[2])))


# --- mean: the map and its transpose are each other's gradient --------------------------------------------

cdef Tensor avg_pool(Windows w, Tensor x):
    cdef Tensor y = w.outputs(x, x.dtype_), px = contiguous(x)
    cdef fnn_call c
    cdef Node node
    start(&c, FNN_avg_pool_forward, x.dtype_)
    buffer(&c, y)
    buffer(&c, px)
    w.put(&c)
    run(&c, 1, y.size_ * w.taps, 0)
    if tracked(x):
        node = record1("avg_pool", y, x, avg_pool_rule, avg_pool_rule)
        node.extra = w
    return y


cdef Tensor avg_spread(Windows w, Tensor dy):
    cdef Tensor dx = w.inputs(dy), py = contiguous(dy)
    cdef fnn_call c
    cdef Node node
    start(&c, FNN_avg_pool_backward, dy.dtype_)
    buffer(&c, dx)
    buffer(&c, py)
    w.put(&c)
    run(&c, 1, dy.size_ * w.taps, 0)
    if tracked(dy):
        node = record1("avg_spread", dx, dy, avg_spread_rule, avg_spread_rule)
        node.extra = w
    return dx


cdef int avg_pool_rule(Node node, Tensor dy) except -1:
    return node.give(0, avg_spread(<Windows>node.extra, dy))


cdef int avg_spread_rule(Node node, Tensor g) except -1:
    return node.give(0, avg_pool(<Windows>node.extra, g))


# --- checking arguments ---------------------------------------------------------------------------------

cdef list sizes(object value, int dims, int64_t least, str op, str argument):
    import operator
    values = list(value) if isinstance(value, (tuple, list)) else [value] * dims
    if len(values) == 1:
        values *= dims
    try:
        values = [operator.index(v) for v in values]
    except TypeError:
        raise TypeError(f"{op}: {argument} must be an int or {dims} ints, got {value!r}") from None
    if len(values) != dims or min(values) < least or max(values) > 1 << 31:
        raise ValueError(f"{op}: {argument} must be {dims} ints from {least} to 2**31, got {value!r}")
    return values


cdef Tensor prepare(object x, int dims, str op):
    cdef Tensor input = float_tensor(x, b"input")
    if input.ndim_ != dims + 2 and input.ndim_ != dims + 1:
        raise ValueError(f"{op}: input must have {dims + 1} or {dims + 2} dimensions, got shape {shape_of(input)}")
    if min(shape_of(input)[1:]) < 1:
        raise ValueError(f"{op}: input must not be empty, got shape {shape_of(input)}")
    return input.unsqueeze(-2) if dims == 1 else input


cdef Windows windows_of(Tensor x, list out, list kernel, list stride, list pad, list dilation, bint count_pad, int64_t divisor):
    """From one or two numbers each; kernel 0: adaptive."""
    cdef Windows w = Windows.__new__(Windows)
    ih, iw = x.shape_[x.ndim_ - 2], x.shape_[x.ndim_ - 1]
    one = len(out) == 1
    adaptive = kernel[0] == 0
    w.n[0] = x.size_ // (ih * iw) if x.size_ else 0
    w.n[1], w.n[2] = ih, iw
    w.n[3], w.n[4] = ([1] + out) if one else out
    w.n[5], w.n[6] = ([0 if adaptive else 1] + kernel) if one else kernel
    w.n[7], w.n[8] = ([1] + stride) if one else stride
    w.n[9], w.n[10] = ([0] + pad) if one else pad
    w.n[11], w.n[12] = ([1] + dilation) if one else dilation
    w.n[13], w.n[14] = count_pad, divisor
    w.taps = float(ih) * iw / (w.n[3] * w.n[4]) if adaptive else float(w.n[5]) * w.n[6]
    return w


cdef Windows fixed(Tensor x, object kernel, object stride, object padding, object dilation, bint ceil_mode,
                   int dims, str op, bint count_pad=False, int64_t divisor=0):
    kernel = sizes(kernel, dims, 1, op, "kernel_size")
    stride = kernel if stride is None else sizes(stride, dims, 1, op, "stride")
    pad = sizes(padding, dims, 0, op, "padding")
    dilation = sizes(dilation, dims, 1, op, "dilation")
    out = []
    for n, k, s, p, d in zip(shape_of(x)[x.ndim_ - dims:], kernel, stride, pad, dilation):
        if 2 * p > k:
            raise ValueError(f"{op}: padding must be at most half of the kernel size, got {p} and {k}")
        span = n + 2 * p - d * (k - 1) - 1
        size = (-(-span // s) if ceil_mode else span // s) + 1 if span >= 0 else 0
        if ceil_mode and size > 0 and (size - 1) * s >= n + p:      # the last window would lie in the padding
            size -= 1
        if size < 1:
            raise ValueError(f"{op}: kernel {tuple(kernel)} is larger than the input {shape_of(x)[x.ndim_ - dims:]}")
        out.append(size)
    return windows_of(x, out, kernel, stride, pad, dilation, count_pad, divisor)


cdef Windows adaptive(Tensor x, object output_size, int dims, str op):
    values = list(output_size) if isinstance(output_size, (tuple, list)) else [output_size] * dims
    if len(values) == 1:
        values *= dims
    values = [n if v is None else v for v, n in zip(values, shape_of(x)[x.ndim_ - dims:])] if len(values) == dims else values
    out = sizes(values, dims, 1, op, "output_size")
    return windows_of(x, out, [0] * dims, [1] * dims, [0] * dims, [1] * dims, False, 0)


cdef object finish(object y, int dims):
    return y.squeeze(-2) if dims == 1 else y


cdef object max_result(Windows w, Tensor x, int dims, bint return_indices):
    y, index = max_pool(w, x)
    return (finish(y, dims), finish(index, dims)) if return_indices else finish(y, dims)


# --- the public functions ----------------------------------------------------------------------------------

def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest value of each window of an image.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    kernel_size, stride, padding, dilation : int or pair of int
        Stride None (the default) is the kernel size; padding counts as minus infinity and is at most half of
        the kernel.
    ceil_mode : bool
        Keep windows that reach over the border. Default False.
    return_indices : bool
        Return the place of each maximum in its plane too, int64. Default False.

    Returns
    -------
    Tensor or (Tensor, Tensor)
        Shape (N, C, H', W').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.max_pool2d``; NaN wins.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.max_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 2)
    tensor([[[3.]]])
    """
    cdef Tensor x = prepare(input, 2, "max_pool2d")
    return max_result(fixed(x, kernel_size, stride, padding, dilation, ceil_mode, 2, "max_pool2d"), x, 2, return_indices)


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest value of each window of a sequence: `max_pool2d` in one dimension.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `max_pool2d`.

    Returns
    -------
    Tensor or (Tensor, Tensor)
        Shape (N, C, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.max_pool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.max_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    cdef Tensor x = prepare(input, 1, "max_pool1d")
    return max_result(fixed(x, kernel_size, stride, padding, dilation, ceil_mode, 1, "max_pool1d"), x, 1, return_indices)


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """The mean of each window of an image.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    kernel_size, stride, padding, ceil_mode
        As in `max_pool2d`; padding is zeros.
    count_include_pad : bool
        Count the padding in the divisor. Default True.
    divisor_override : int, optional
        Divide by this instead of the window's size.

    Returns
    -------
    Tensor
        Shape (N, C, H', W').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.avg_pool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.avg_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 2)
    tensor([[[1.5]]])
    """
    cdef Tensor x = prepare(input, 2, "avg_pool2d")
    divisor = 0 if divisor_override is None else sizes(divisor_override, 1, 1, "avg_pool2d", "divisor_override")[0]
    return avg_pool(fixed(x, kernel_size, stride, padding, 1, ceil_mode, 2, "avg_pool2d", count_include_pad, divisor), x)


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window of a sequence: `avg_pool2d` in one dimension.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    kernel_size, stride, padding, ceil_mode, count_include_pad
        As in `avg_pool2d`.

    Returns
    -------
    Tensor
        Shape (N, C, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.avg_pool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.avg_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    cdef Tensor x = prepare(input, 1, "avg_pool1d")
    return finish(avg_pool(fixed(x, kernel_size, stride, padding, 1, ceil_mode, 1, "avg_pool1d", count_include_pad), x), 1)


cdef object norm_pool(object input, double norm_type, object kernel_size, object stride, bint ceil_mode, int dims, str op):
    cdef Windows w
    if not norm_type > 0:
        raise ValueError(f"{op}: norm_type must be positive, got {norm_type}")
    cdef Tensor x = prepare(input, dims, op) ** norm_type
    kernel = sizes(kernel_size, dims, 1, op, "kernel_size")
    w = fixed(x, kernel, stride, 0, 1, ceil_mode, dims, op, True, 1)
    return finish((avg_pool(w, x).clamp(min=0)) ** (1 / norm_type), dims)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window of an image, (sum of x**p) ** (1/p).

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    norm_type : float
        p, positive.
    kernel_size, stride, ceil_mode
        As in `max_pool2d`.

    Returns
    -------
    Tensor
        Shape (N, C, H', W').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.lp_pool2d`` for windows inside of the image.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.lp_pool2d(fastnn.tensor([[[3.0, 4.0]]]), 2, (1, 2))
    tensor([[[5.]]])
    """
    return norm_pool(input, norm_type, kernel_size, stride, ceil_mode, 2, "lp_pool2d")


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window of a sequence: `lp_pool2d` in one dimension.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    norm_type, kernel_size, stride, ceil_mode
        As in `lp_pool2d`.

    Returns
    -------
    Tensor
        Shape (N, C, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.lp_pool1d`` for windows inside of the sequence.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.lp_pool1d(fastnn.tensor([[3.0, 4.0]]), 2, 2)
    tensor([[5.]])
    """
    return norm_pool(input, norm_type, kernel_size, stride, ceil_mode, 1, "lp_pool1d")


def adaptive_avg_pool2d(input, output_size):
    """Means of as many windows as the output is to have, spread evenly over the image.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    output_size : int or pair of int or None
        H' and W'; None keeps the input's size.

    Returns
    -------
    Tensor
        Shape (N, C, H', W').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.adaptive_avg_pool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.adaptive_avg_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 1)
    tensor([[[1.5]]])
    """
    cdef Tensor x = prepare(input, 2, "adaptive_avg_pool2d")
    return avg_pool(adaptive(x, output_size, 2, "adaptive_avg_pool2d"), x)


def adaptive_avg_pool1d(input, output_size):
    """Means of as many windows as the output is to have: `adaptive_avg_pool2d` for sequences.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    output_size : int
        L'.

    Returns
    -------
    Tensor
        Shape (N, C, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.adaptive_avg_pool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.adaptive_avg_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    cdef Tensor x = prepare(input, 1, "adaptive_avg_pool1d")
    return finish(avg_pool(adaptive(x, output_size, 1, "adaptive_avg_pool1d"), x), 1)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """Maxima of as many windows as the output is to have, spread evenly over the image.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    output_size : int or pair of int or None
        H' and W'; None keeps the input's size.
    return_indices : bool
        As in `max_pool2d`.

    Returns
    -------
    Tensor or (Tensor, Tensor)
        Shape (N, C, H', W').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.adaptive_max_pool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.adaptive_max_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 1)
    tensor([[[3.]]])
    """
    cdef Tensor x = prepare(input, 2, "adaptive_max_pool2d")
    return max_result(adaptive(x, output_size, 2, "adaptive_max_pool2d"), x, 2, return_indices)


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """Maxima of as many windows as the output is to have: `adaptive_max_pool2d` for sequences.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    output_size : int
        L'.
    return_indices : bool
        As in `max_pool2d`.

    Returns
    -------
    Tensor or (Tensor, Tensor)
        Shape (N, C, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.adaptive_max_pool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.adaptive_max_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    cdef Tensor x = prepare(input, 1, "adaptive_max_pool1d")
    return max_result(adaptive(x, output_size, 1, "adaptive_max_pool1d"), x, 1, return_indices)
