"""Folding a tensor along dimensions: which axis that is in memory, and running the kernels."""
from fastnn._engine.engine cimport *

import numpy as np

cdef Storage nothing = new_1d(FNN_F32, 0).storage


# --- the axis -----------------------------------------------------------------------------------

cdef int64_t mask_of(Tensor x, object dim, str what) except -1:
    """The reduced dimensions as bits; None and () are all of them."""
    cdef int64_t mask = 0
    cdef int d
    if dim is None:
        return ((<int64_t>1) << x.ndim_) - 1
    if type(dim) is not tuple and type(dim) is not list:
        d = checked_dim(dim, x.ndim_, what)
        return (<int64_t>1) << d if x.ndim_ else 0
    if len(dim) == 0:
        return ((<int64_t>1) << x.ndim_) - 1
    for one in dim:
        d = checked_dim(one, x.ndim_, what)
        if mask >> d & 1:
            raise ValueError(f"{what}: dim {one} is given twice")
        mask |= (<int64_t>1) << d
    return mask if x.ndim_ else 0


cdef int measure(Tensor x, int64_t mask, Axis *axis) except -1:
    """Sizes before, of and after the reduced dimensions, and into which blocks they are cut.

    Blocks depend on the shape alone, so that the bits do too.
    """
    cdef int i, state = 0
    axis.mask = mask
    axis.outer = axis.length = axis.inner = 1
    axis.apart = False
    for i in range(x.ndim_):
        if mask >> i & 1:
            axis.length *= x.shape_[i]
            if state == 2:
                axis.apart = True
            state = 1
        elif state:
            axis.inner *= x.shape_[i]
            if x.shape_[i] != 1:
                state = 2
        else:
            axis.outer *= x.shape_[i]
    if axis.apart:
        axis.outer *= axis.inner
        axis.inner = 1
    axis.block = 16384 if axis.inner == 1 else 4096 if axis.inner < 16 else 512
    if axis.length <= 2 * axis.block:
        axis.block = axis.length if axis.length > 0 else 1
    axis.blocks = (axis.length + axis.block - 1) // axis.block if axis.length > 0 else 1
    return 0


cdef int kept_first(Tensor x, int64_t mask, int *order) noexcept:
    cdef int i, n = 0
    for i in range(x.ndim_):
        if not mask >> i & 1:
            order[n] = i
            n += 1
    for i in range(x.ndim_):
        if mask >> i & 1:
            order[n] = i
            n += 1
    return n


cdef Tensor packed(Tensor x, const Axis *axis):
    cdef int order[8]
    cdef int64_t shape[8]
    cdef int64_t strides[8]
    cdef int i
    if not axis.apart:
        return contiguous(x)
    kept_first(x, axis.mask, order)
    for i in range(x.ndim_):
        shape[i] = x.shape_[order[i]]
        strides[i] = x.strides_[order[i]]
    return contiguous(view(x, 0, x.ndim_, shape, strides))


cdef Tensor unpacked(Tensor dx, Tensor like, const Axis *axis):
    cdef int order[8]
    cdef int64_t strides[8]
    cdef int64_t step = 1
    cdef int i
    if not axis.apart:
        return dx
    kept_first(like, axis.mask, order)
    for i in range(like.ndim_ - 1, -1, -1):
        strides[order[i]] = step
        step *= like.shape_[order[i]]
    return contiguous(view(dx, 0, like.ndim_, like.shape_, strides))


cdef Tensor reduced(Tensor x, int64_t mask, bint keepdim, int dtype):
    cdef int64_t shape[8]
    cdef int i, n = 0
    for i in range(x.ndim_):
        if not mask >> i & 1:
            shape[n] = x.shape_[i]
            n += 1
        elif keepdim:
            shape[n] = 1
            n += 1
    return new(dtype, n, shape)


cdef Tensor shape_only(Tensor x):
    cdef Tensor t = Tensor.__new__(Tensor)
    cdef int64_t step = 1
    cdef int i
    t.storage = nothing
    t.dtype_ = x.dtype_
    t.ndim_ = x.ndim_
    t.size_ = x.size_
    t.contiguous = True
    for i in range(x.ndim_ - 1, -1, -1):
        t.shape_[i] = x.shape_[i]
        t.strides_[i] = step
        step *= x.shape_[i]
    return t


cdef Tensor as_dtype(Tensor x, object dtype):
    """x as another dtype, in the graph."""
    if dtype is None:
        return x
    return x.to(dtype) if tracked(x) else cast(x, dtype_code(dtype))


# --- running the kernels --------------------------------------------------------------------------

cdef int put_axis(fnn_call *c, const Axis *axis) except -1:
    c.args.n[0] = axis.outer
    c.args.n[1] = axis.length
    c.args.n[2] = axis.inner
    c.args.n[3] = axis.block
    return 0


cdef int fold(int first, int second, Tensor y, Tensor x, Axis *axis, double divisor, bint root) except -1:
    """y = x folded along the axis; where it has several blocks, `second` folds their results."""
    cdef fnn_call c
    cdef Tensor results = y
    if axis.blocks > 1:
        results = new_1d(x.dtype_, axis.outer * axis.blocks * axis.inner)
    start(&c, first, x.dtype_)
    buffer(&c, results)
    buffer(&c, x)
    put_axis(&c, axis)
    c.args.s[0] = divisor if axis.blocks == 1 else 1
    c.args.s[1] = root if axis.blocks == 1 else 0
    run(&c, 1, x.size_, 0)
    if axis.blocks > 1:
        start(&c, second, x.dtype_)
        buffer(&c, y)
        buffer(&c, results)
        put_axis(&c, axis)
        c.args.n[1] = c.args.n[3] = axis.blocks
        c.args.s[0] = divisor
        c.args.s[1] = root
        run(&c, 1, results.size_, 0)
    return 0


cdef int spread(Node node, Tensor dy, int kernel, Tensor like, Tensor x, Tensor y, Tensor z, double scale) except -1:
    """The gradient of `like`: dy, changed by the kernel, for each element that was reduced."""
    cdef Axis axis
    cdef Tensor dx
    cdef fnn_call c
    measure(like, node.n[0], &axis)
    dx = new_1d(dy.dtype_, like.size_) if axis.apart else new_like(like if like.contiguous else shape_only(like))
    dy = contiguous(dy)
    start(&c, kernel, dy.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    if x is None:
        null_buffer(&c)
    else:
        x = packed(x, &axis)
        buffer(&c, x)
    if y is None:
        null_buffer(&c)
    else:
        buffer(&c, y)
    if z is None:
        null_buffer(&c)
    else:
        buffer(&c, z)
    put_axis(&c, &axis)
    c.args.s[0] = scale
    run(&c, 1, 4.0 * dx.size_, 0)
    return node.give(0, unpacked(dx, like, &axis))


cdef object widened(object t, Tensor x, int64_t mask):
    cdef int i
    kept = [1 if mask >> i & 1 else x.shape_[i] for i in range(x.ndim_)]
    return t.reshape(tuple(kept)).expand(shape_of(x))


cdef object by_numpy(object function, Tensor x, object dim, bint keepdim):
    """Integers and bools: NumPy on the same memory."""
    if type(dim) is list or type(dim) is tuple:
        dim = tuple(dim) or None
    elif dim is not None:
        dim = int(dim)          # a bool, which is an int, but not to NumPy
    if x.ndim_ == 0:
        dim = None
    return as_tensor(np.asarray(function(to_numpy(x), axis=dim, keepdims=keepdim)), "result")
