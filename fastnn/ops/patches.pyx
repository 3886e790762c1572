"""Patches of images as columns (unfold), and columns added up to images (fold)."""
from fastnn._engine.engine cimport *
from libc.stdint cimport int64_t

import operator

cdef extern from "fastnn.h":
    enum: FNN_unfold_forward, FNN_fold_forward

__all__ = ["fold", "unfold"]


cdef class Patches:
    """Sizes of the planes and how patches lie on them: what the kernels call struct patches."""
    cdef int64_t n[13]


cdef Tensor columns_of(Patches g, Tensor x):
    """x (N, C, H, W) -> (N, C * taps, L)."""
    cdef int64_t *shape = [x.shape_[0], x.shape_[1] * g.n[5] * g.n[6], g.n[3] * g.n[4]]
    cdef Tensor y = new(x.dtype_, 3, shape), packed = contiguous(x)
    cdef fnn_call c
    if y.size_:
        put(g, &c, FNN_unfold_forward, y, packed, x.shape_[0] * x.shape_[1])
    if tracked(x):
        record1("unfold", y, x, unfold_rule, unfold_rule).extra = g
    return y


cdef Tensor planes_of(Patches g, Tensor x):
    """x (N, C * taps, L) -> (N, C, H, W)."""
    cdef int64_t *shape = [x.shape_[0], x.shape_[1] // (g.n[5] * g.n[6]), g.n[1], g.n[2]]
    cdef Tensor y = new(x.dtype_, 4, shape), packed = contiguous(x)
    cdef fnn_call c
    if y.size_:
        put(g, &c, FNN_fold_forward, y, packed, shape[0] * shape[1])
    if tracked(x):
        record1("fold", y, x, fold_rule, fold_rule).extra = g
    return y


cdef int put(Patches g, fnn_call *c, int kernel, Tensor y, Tensor x, int64_t planes) except -1:
    cdef int i
    start(c, kernel, x.dtype_)
    buffer(c, y)
    buffer(c, x)
    c.args.n[0] = planes
    for i in range(1, 13):
        c.args.n[i] = g.n[i]
    return run(c, 1, <double>planes * g.n[5] * g.n[6] * g.n[3] * g.n[4], 0)


cdef int unfold_rule(Node node, Tensor dy) except -1:
    return node.give(0, planes_of(<Patches>node.extra, dy))     # records only where the graph is wanted


cdef int fold_rule(Node node, Tensor dy) except -1:
    return node.give(0, columns_of(<Patches>node.extra, dy))


# --- checking arguments -------------------------------------------------------------------------------

cdef tuple pair(object value, int64_t least, str op, str name):
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) == 1:
        values *= 2
    try:
        values = tuple([operator.index(v) for v in values])
    except TypeError:
        raise TypeError(f"{op}: {name} must be an int or a pair of ints, got {value!r}") from None
    if len(values) != 2 or min(values) < least or max(values) > 1 << 31:
        raise ValueError(f"{op}: {name} must be 2 ints from {least} to 2**31, got {value!r}")
    return values


cdef Patches patches_on(tuple size, object kernel_size, object dilation, object padding, object stride, str op):
    cdef Patches g = Patches.__new__(Patches)
    kernel = pair(kernel_size, 1, op, "kernel_size")
    gap = pair(dilation, 1, op, "dilation")
    pad = pair(padding, 0, op, "padding")
    step = pair(stride, 1, op, "stride")
    g.n[1], g.n[2] = size
    out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in zip(size, kernel, gap, pad, step)]
    if min(out) < 1:
        raise ValueError(f"{op}: kernel {kernel} with dilation {gap} is larger than the padded input {size}")
    g.n[3], g.n[4] = out
    g.n[5], g.n[6] = kernel
    g.n[7], g.n[8] = step
    g.n[9], g.n[10] = pad
    g.n[11], g.n[12] = gap
    return g


# --- the public functions -------------------------------------------------------------------------------

def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Every patch of an image as a column: convolution is a matrix product with these.

    Parameters
    ----------
    input : Tensor
        (N, C, H, W) or (C, H, W); float32 or float64.
    kernel_size : int or pair of int
        Of a patch.
    dilation, padding, stride : int or pair of int
        Default 1, 0, 1; padding is zeros.

    Returns
    -------
    Tensor
        (N, C * kernel height * kernel width, L), L patches; or without N.

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.unfold``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.unfold(fastnn.arange(4.0).reshape(1, 2, 2), (1, 2))
    tensor([[0., 2.],
            [1., 3.]])
    """
    cdef Tensor x = float_tensor(input, b"unfold: input")
    if x.ndim_ not in (3, 4):
        raise ValueError(f"unfold: input must have 3 or 4 dimensions, got shape {shape_of(x)}")
    if min(shape_of(x)[1:] if x.ndim_ == 4 else shape_of(x)) < 1:
        raise ValueError(f"unfold: input must not be empty, got shape {shape_of(x)}")
    cdef Patches g = patches_on(shape_of(x)[x.ndim_ - 2:], kernel_size, dilation, padding, stride, "unfold")
    if x.ndim_ == 3:
        return columns_of(g, x.unsqueeze(0)).squeeze(0)
    return columns_of(g, x)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns put back as patches of an image; where patches overlap they add up.

    Parameters
    ----------
    input : Tensor
        (N, C * kernel height * kernel width, L) or without N; float32 or float64.
    output_size : int or pair of int
        H and W.
    kernel_size : int or pair of int
        Of a patch.
    dilation, padding, stride : int or pair of int
        Default 1, 0, 1.

    Returns
    -------
    Tensor
        (N, C, H, W) or (C, H, W).

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.fold``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.fold(fastnn.ones(4, 2), (2, 3), 2)
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """
    cdef Tensor x = float_tensor(input, b"fold: input")
    if x.ndim_ not in (2, 3):
        raise ValueError(f"fold: input must have 2 or 3 dimensions, got shape {shape_of(x)}")
    size = pair(output_size, 1, "fold", "output_size")
    cdef Patches g = patches_on(size, kernel_size, dilation, padding, stride, "fold")
    cdef int64_t taps = g.n[5] * g.n[6], rows = x.shape_[x.ndim_ - 2], count = x.shape_[x.ndim_ - 1]
    if rows < 1 or rows % taps:
        raise ValueError(f"fold: input has {rows} rows, expected a multiple of the {taps} elements of a patch")
    if count != g.n[3] * g.n[4]:
        raise ValueError(f"fold: input has {count} columns, expected {g.n[3]} x {g.n[4]} patches on {size}")
    if x.ndim_ == 2:
        return planes_of(g, x.unsqueeze(0)).squeeze(0)
    return planes_of(g, x)
