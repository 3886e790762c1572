"""Images and sequences of another size: interpolation, and what padding by copies is made of.

Along each axis the output is a weighted sum of few inputs, by tables of places and weights. The map
and its transpose are each other's gradient.
"""
from fastnn._engine.engine cimport *
from libc.math cimport fabs, floor
from libc.stdint cimport int64_t

import numpy as np

cdef extern from "fastnn.h":
    enum: FNN_resize_forward, FNN_resize_backward

__all__ = ["interpolate"]

cdef enum:
    MOST_TAPS = 4096        # SPAN in csrc/kernels/resize.c


cdef class Resizing:
    pass


# --- the map and its transpose ----------------------------------------------------------------------

cdef int lay(Resizing r, fnn_call *c, int kernel, Tensor out, Tensor x) except -1:
    cdef int i
    start(c, kernel, x.dtype_)
    buffer(c, out)
    buffer(c, x)
    buffer(c, r.rows)
    buffer(c, r.row_weights)
    buffer(c, r.columns)
    buffer(c, r.column_weights)
    for i in range(9):
        c.args.n[i] = r.n[i]
    return 0


cdef Tensor with_planes(Resizing r, Tensor x, int64_t height, int64_t width):
    cdef int64_t shape[8]
    cdef int i
    for i in range(x.ndim_):
        shape[i] = x.shape_[i]
    shape[x.ndim_ - 1] = width
    if not r.flat:
        shape[x.ndim_ - 2] = height
    return new(x.dtype_, x.ndim_, shape)


cdef Tensor resized(Resizing r, Tensor x):
    cdef Tensor y = with_planes(r, x, r.n[3], r.n[4]), packed = contiguous(x)
    cdef fnn_call c
    if y.size_:
        lay(r, &c, FNN_resize_forward, y, packed)
        run(&c, 1, <double>y.size_ * (r.n[6] + r.n[5]), 0)
    if tracked(x):
        record1("resize", y, x, resized_rule, resized_rule).extra = r
    return y


cdef Tensor spread(Resizing r, Tensor dy):
    cdef Tensor dx = with_planes(r, dy, r.n[1], r.n[2]), packed = contiguous(dy)
    cdef fnn_call c
    if dx.size_:
        lay(r, &c, FNN_resize_backward, dx, packed)
        run(&c, 1, <double>dy.size_ * (r.n[6] + r.n[5]) + dx.size_, 0)
    if tracked(dy):
        record1("resize_backward", dx, dy, spread_rule, spread_rule).extra = r
    return dx


cdef int resized_rule(Node node, Tensor dy) except -1:
    return node.give(0, spread(<Resizing>node.extra, dy))       # records only where the graph is wanted


cdef int spread_rule(Node node, Tensor g) except -1:
    return node.give(0, resized(<Resizing>node.extra, g))


# --- tables -----------------------------------------------------------------------------------------

cdef Tensor weights_for(int dtype, int64_t size):
    cdef Tensor t = new_1d(dtype, size)
    cdef int64_t i
    for i in range(size):
        if dtype == FNN_F32:
            (<float *>t.data_)[i] = 1
        else:
            (<double *>t.data_)[i] = 1
    return t


cdef Tensor places(object values):
    """Of one tap each; None: the one row."""
    cdef Tensor t
    if values is None:
        t = new_1d(FNN_I64, 1)
        (<int64_t *>t.data_)[0] = 0
        return t
    return as_tensor(np.ascontiguousarray(values, np.int64), b"places")


cdef int longest_run(Resizing r) except -1:
    """Where columns of one tap follow each other: the kernel copies them at once."""
    cdef const int64_t *at = <const int64_t *>r.columns.data_
    cdef int64_t begin = 0, o
    r.n[7] = r.n[8] = 0
    if r.n[6] != 1:
        return 0
    for o in range(1, r.n[4] + 1):
        if o == r.n[4] or at[o] != at[o - 1] + 1:
            if o - begin > r.n[8] - r.n[7]:
                r.n[7], r.n[8] = begin, o
            begin = o
    return 0


cdef Tensor picked(Tensor x, object rows, object columns):
    cdef Resizing r = Resizing.__new__(Resizing)
    r.flat = rows is None
    r.rows, r.columns = places(rows), places(columns)
    r.n[1] = 1 if r.flat else x.shape_[x.ndim_ - 2]
    r.n[2] = x.shape_[x.ndim_ - 1]
    r.n[0] = x.size_ // (r.n[1] * r.n[2]) if x.size_ else 0
    r.n[3], r.n[4] = r.rows.size_, r.columns.size_
    r.n[5] = r.n[6] = 1
    r.row_weights, r.column_weights = weights_for(x.dtype_, r.n[3]), weights_for(x.dtype_, r.n[4])
    longest_run(r)
    return resized(r, x)


cdef double cubic(double t, double a):
    """Keys' convolution kernel (1981) at distance t."""
    t = fabs(t)
    if t < 1:
        return ((a + 2) * t - (a + 3)) * t * t + 1
    return (((t - 5) * t + 8) * t - 4) * a if t < 2 else 0


cdef struct Taps:
    int64_t count               # per output
    double scale                # inputs per output
    double reach                # of the antialiasing filter, in inputs


cdef Taps taps_of(str mode, int64_t size, int64_t out, object factor, bint align, bint antialias):
    cdef Taps t
    if align:
        t.scale = (size - 1.0) / (out - 1) if out > 1 else 0
    else:
        t.scale = 1.0 / factor if factor is not None else <double>size / out
    t.count = 1 if mode.startswith("nearest") else 2 if mode.endswith("linear") else 4
    t.reach = 0
    if antialias:
        t.reach = (1 if mode == "bilinear" else 2) * max(t.scale, 1.0)
        t.count = min(<int64_t>(2 * t.reach) + 2, size)
    return t


cdef tuple table(Taps t, str mode, int64_t size, int64_t out, bint align, int dtype):
    """(places (out, taps), weights (out, taps)) as Tensors."""
    cdef Tensor at = new_1d(FNN_I64, out * t.count), weights = new_1d(dtype, out * t.count)
    cdef int64_t *place = <int64_t *>at.data_
    cdef double w[4]
    cdef double x, total
    cdef int64_t o, k, first, end
    cdef float scale = t.scale          # nearest neighbours are chosen in single precision, as PyTorch's
    cdef bint linear = mode.endswith("linear"), exact = mode == "nearest-exact", cubic_ = mode == "bicubic"
    for o in range(out):
        if t.reach:
            x = t.scale * (o + 0.5)
            first = max(<int64_t>(x - t.reach + 0.5), 0)
            end = min(<int64_t>(x + t.reach + 0.5), size)
            total = 0
            for k in range(first, end):
                total += filtered(k - x + 0.5, t.scale, cubic_)
            for k in range(t.count):
                place[o * t.count + k] = min(first + k, end - 1)
                put(weights, o * t.count + k, filtered(first + k - x + 0.5, t.scale, cubic_) / total if first + k < end else 0)
            continue
        if linear or cubic_:
            x = t.scale * o if align else t.scale * (o + 0.5) - 0.5
            if linear and x < 0:
                x = 0
            first = <int64_t>floor(x)
            if linear:
                first = min(first, size - 1)
                w[1] = min(max(x - first, 0.0), 1.0)
                w[0] = 1 - w[1]
            else:
                x -= first
                for k in range(4):
                    w[k] = cubic(x + 1 - k, -0.75)
                first -= 1
        else:
            first = <int64_t>floor(scale * <float>(o + 0.5)) if exact else <int64_t>floor(scale * <float>o)
            w[0] = 1
        for k in range(t.count):
            place[o * t.count + k] = min(max(first + k, 0), size - 1)
            put(weights, o * t.count + k, w[k])
    return at, weights


cdef inline double filtered(double distance, double scale, bint cubic_):
    distance = distance / scale if scale >= 1 else distance
    return cubic(distance, -0.5) if cubic_ else max(1 - fabs(distance), 0.0)


cdef inline void put(Tensor t, int64_t i, double value):
    if t.dtype_ == FNN_F32:
        (<float *>t.data_)[i] = <float>value
    else:
        (<double *>t.data_)[i] = value


# --- the public function ------------------------------------------------------------------------------

DIMS = {"nearest": (3, 4), "nearest-exact": (3, 4), "area": (3, 4), "linear": (3,), "bilinear": (4,), "bicubic": (4,)}


cdef tuple new_sizes(tuple old, object size, object scale_factor):
    """(sizes, factors): the new sizes, and for each the factor that was asked for, or None."""
    cdef int64_t dims = len(old)
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give one of size and scale_factor")
    given = size if size is not None else scale_factor
    values = list(given) if isinstance(given, (tuple, list)) else [given] * dims
    if len(values) != dims:
        raise ValueError(f"interpolate: the input has {dims} dimensions of space, got {given!r}")
    if size is not None:
        for v in values:
            if not isinstance(v, (int, np.integer)) or not 1 <= v <= 1 << 31:
                raise ValueError(f"interpolate: size must be positive ints, got {size!r}")
        return [int(v) for v in values], [None] * dims
    for v in values:
        if not isinstance(v, (int, float, np.number)) or not 0 < v < 1e9:
            raise ValueError(f"interpolate: scale_factor must be positive numbers, got {scale_factor!r}")
    sizes = [int(floor(<double>n * <double>v)) for n, v in zip(old, values)]
    if min(sizes) < 1:
        raise ValueError(f"interpolate: scale_factor {scale_factor!r} leaves nothing of shape {old}")
    return sizes, values


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None,
                recompute_scale_factor=None, antialias=False):
    """Sequences or images enlarged or made smaller.

    Parameters
    ----------
    input : Tensor
        (N, C, L) or (N, C, H, W); float32 or float64.
    size : int or tuple of int, optional
        The new L, or H and W.
    scale_factor : float or tuple of float, optional
        Instead of `size`: how many times as large, rounded down.
    mode : str
        "nearest" (default), "nearest-exact", "linear" (sequences), "bilinear", "bicubic" (images) or
        "area" (the mean of what a pixel covers).
    align_corners : bool, optional
        For the linear and cubic modes: the corners' centres stay where they are. Default False.
    recompute_scale_factor : bool, optional
        Take the factor from the rounded sizes instead of `scale_factor`. Default False.
    antialias : bool
        For "bilinear" and "bicubic": average over all pixels that a smaller image's pixel covers.
        Default False.

    Returns
    -------
    Tensor
        (N, C, L') or (N, C, H', W').

    Raises
    ------
    ValueError
        If mode and dimensions do not fit, or an option does not exist for the mode.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.interpolate``, in one and two dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.interpolate(fastnn.tensor([[[1.0, 3.0]]]), size=4, mode="linear")
    tensor([[[1. , 1.5, 2.5, 3. ]]])
    """
    cdef Tensor x = float_tensor(input, b"interpolate: input")
    cdef Resizing r
    cdef Taps taps
    cdef bint align = bool(align_corners)
    if mode not in tuple(DIMS):
        raise ValueError(f"interpolate: mode must be one of {list(DIMS)}, got {mode!r}")
    if x.ndim_ not in DIMS[mode]:
        expected = " or ".join([f"{n}-d" for n in DIMS[mode]])
        raise ValueError(f"interpolate: mode {mode!r} takes {expected} input, got shape {shape_of(x)}")
    if align_corners is not None and mode in ("nearest", "nearest-exact", "area"):
        raise ValueError(f"interpolate: mode {mode!r} has no align_corners")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: mode {mode!r} has no antialias")
    if recompute_scale_factor and size is not None:
        raise ValueError("interpolate: recompute_scale_factor goes with scale_factor, not with size")
    old = shape_of(x)[2:]
    if min(shape_of(x)[1:]) < 1:
        raise ValueError(f"interpolate: input must not be empty, got shape {shape_of(x)}")
    new_, factors = new_sizes(old, size, scale_factor)
    if recompute_scale_factor:
        factors = [None] * len(factors)
    if mode == "area":
        from fastnn.ops.adaptive_pool import adaptive_avg_pool1d, adaptive_avg_pool2d
        return adaptive_avg_pool1d(x, new_[0]) if x.ndim_ == 3 else adaptive_avg_pool2d(x, new_)
    r = Resizing.__new__(Resizing)
    r.flat = x.ndim_ == 3
    r.n[1] = 1 if r.flat else old[0]
    r.n[2] = old[len(old) - 1]
    r.n[0] = x.size_ // (r.n[1] * r.n[2])
    r.n[3] = 1 if r.flat else new_[0]
    r.n[4] = new_[len(new_) - 1]
    r.n[5] = 1
    if r.flat:
        r.rows, r.row_weights = places(None), weights_for(x.dtype_, 1)
    else:
        taps = taps_of(mode, r.n[1], r.n[3], factors[0], align, antialias)
        r.n[5] = taps.count
        r.rows, r.row_weights = table(taps, mode, r.n[1], r.n[3], align, x.dtype_)
    taps = taps_of(mode, r.n[2], r.n[4], factors[len(factors) - 1], align, antialias)
    if taps.count > MOST_TAPS:
        raise ValueError(f"interpolate: antialias averages at most {MOST_TAPS} columns, asked for {taps.count}")
    r.n[6] = taps.count
    r.columns, r.column_weights = table(taps, mode, r.n[2], r.n[4], align, x.dtype_)
    longest_run(r)
    return resized(r, x)
