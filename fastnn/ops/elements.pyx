"""One Call of an elementwise kernel: operands that broadcast, and constants in place of operands."""
from fastnn._engine.engine cimport *

cdef extern from "fastnn.h":
    enum: FNN_mul_forward

__all__ = []

cdef double NO_CONSTANTS[8]
NO_CONSTANTS[:] = [0] * 8


cdef inline void operand(fnn_call *c, Tensor x) noexcept:
    if x is None:
        null_buffer(c)
    else:
        buffer(c, x)


cdef inline bint dense_like(Tensor x, Tensor first):
    return x is None or x is first or (x.contiguous and same_shape(x, first))


cdef Tensor compute(int id, int kind, Tensor a, Tensor b, Tensor c, const double *s, Tensor out, const char *what):
    cdef fnn_call call
    cdef Tensor y, first = a if a is not None else b if b is not None else c
    cdef int i, k, dtype = real_dtype(kind, a, b, c)
    start(&call, id, dtype if dtype <= FNN_F64 else FNN_F32)
    if first.contiguous and dense_like(b, first) and dense_like(c, first):
        if out is not None:
            y = out
        elif kind == REALS:
            y = new_like(first)
        else:
            y = new(FNN_BOOL if kind == MASK_OUT else dtype, first.ndim_, first.shape_)
        call.args.n[0] = y.size_
        call.args.n[1] = call.args.n[2] = call.args.n[3] = 1
        for k in range(3):
            call.args.n[4 + 4 * k] = 1
            call.args.n[5 + 4 * k] = call.args.n[6 + 4 * k] = call.args.n[7 + 4 * k] = 0
    else:
        return compute_strided(id, kind, a, b, c, s, out, what, dtype)
    buffer(&call, y)
    operand(&call, a)
    operand(&call, b)
    operand(&call, c)
    for i in range(8):
        call.args.s[i] = s[i]
    run(&call, 1, 4.0 * y.size_, 0)
    return y


cdef inline int real_dtype(int kind, Tensor a, Tensor b, Tensor c):
    if kind == MASK_IN:
        a = b if b is not None else c
        return FNN_F32 if a is None else a.dtype_
    return a.dtype_ if a is not None else b.dtype_ if b is not None else c.dtype_


cdef int join_shape(Tensor x, int ndim, int64_t *shape) noexcept:
    """Broadcast x's shape into the shape so far, aligned at the end; -1 where they do not fit."""
    cdef int i, lead
    if x is None:
        return ndim
    if x.ndim_ > ndim:
        lead = x.ndim_ - ndim
        for i in range(ndim - 1, -1, -1):
            shape[i + lead] = shape[i]
        for i in range(lead):
            shape[i] = 1
        ndim = x.ndim_
    lead = ndim - x.ndim_
    for i in range(x.ndim_):
        if x.shape_[i] != shape[lead + i]:
            if shape[lead + i] == 1:
                shape[lead + i] = x.shape_[i]
            elif x.shape_[i] != 1:
                return -1
    return ndim


cdef void broadcast_strides(Tensor x, int ndim, int64_t *strides) noexcept:
    cdef int i, lead
    for i in range(ndim):
        strides[i] = 0
    if x is not None:
        lead = ndim - x.ndim_
        for i in range(x.ndim_):
            if x.shape_[i] != 1:
                strides[lead + i] = x.strides_[i]


cdef int lay_out(fnn_call *call, int ndim, const int64_t *shape, int64_t strides[3][8]) noexcept:
    """Sizes and strides of the Call, neighbouring dimensions merged; 0, or why the kernel cannot walk
    them: 1 + k, operand k must be packed along rows; -1, there are too many dimensions."""
    cdef int64_t size[8]
    cdef int64_t stride[3][8]
    cdef int d, k, m = 0
    for d in range(ndim - 1, -1, -1):
        if shape[d] == 1:
            continue
        if m and (strides[0][d] == stride[0][m - 1] * size[m - 1]
                  and strides[1][d] == stride[1][m - 1] * size[m - 1]
                  and strides[2][d] == stride[2][m - 1] * size[m - 1]):
            size[m - 1] *= shape[d]
            continue
        size[m] = shape[d]
        for k in range(3):
            stride[k][m] = strides[k][d]
        m += 1
    for d in range(m, 4):
        size[d] = 1
        for k in range(3):
            stride[k][d] = 0
    for k in range(3):
        if not 0 <= stride[k][0] <= 1:
            return 1 + k
    if m > 4:
        return -1
    for d in range(4):
        call.args.n[d] = size[d]
        for k in range(3):
            call.args.n[4 + 4 * k + d] = stride[k][d]
    return 0


cdef Tensor expanded(Tensor x, int ndim, const int64_t *shape):
    """A packed copy of x, as large as the result."""
    cdef int64_t strides[8]
    if x is None:
        return None
    broadcast_strides(x, ndim, strides)
    return contiguous(view(x, 0, ndim, shape, strides))


cdef Tensor compute_strided(int id, int kind, Tensor a, Tensor b, Tensor c, const double *s, Tensor out, const char *what,
                            int dtype):
    cdef fnn_call call
    cdef Tensor y = out
    cdef int64_t shape[8]
    cdef int64_t strides[3][8]
    cdef int ndim = 0, i, failed
    ndim = join_shape(a, ndim, shape)
    if ndim >= 0:
        ndim = join_shape(b, ndim, shape)
    if ndim >= 0:
        ndim = join_shape(c, ndim, shape)
    if ndim < 0:
        shapes = " and ".join([str(shape_of(x)) for x in (a, b, c) if x is not None])
        raise ValueError(f"{what.decode()}: shapes {shapes} do not broadcast together")
    if y is None:
        y = new(FNN_BOOL if kind == MASK_OUT else dtype, ndim, shape)
    if y.size_ == 0:
        return y
    start(&call, id, dtype if dtype <= FNN_F64 else FNN_F32)
    while True:
        broadcast_strides(a, ndim, strides[0])
        broadcast_strides(b, ndim, strides[1])
        broadcast_strides(c, ndim, strides[2])
        failed = lay_out(&call, ndim, shape, strides)
        if failed == 0:
            break
        if failed == 1:
            a = contiguous(a) if not a.contiguous else expanded(a, ndim, shape)
        elif failed == 2:
            b = contiguous(b) if not b.contiguous else expanded(b, ndim, shape)
        elif failed == 3:
            c = contiguous(c) if not c.contiguous else expanded(c, ndim, shape)
        else:
            a, b, c = expanded(a, ndim, shape), expanded(b, ndim, shape), expanded(c, ndim, shape)
    buffer(&call, y)
    operand(&call, a)
    operand(&call, b)
    operand(&call, c)
    for i in range(8):
        call.args.s[i] = s[i]
    run(&call, 1, 4.0 * y.size_, 0)
    return y


cdef Tensor compute1(int id, Tensor x):
    return compute(id, REALS, x, None, None, NO_CONSTANTS, None, "")


cdef Tensor compute2(int id, Tensor a, Tensor b):
    return compute(id, REALS, a, b, None, NO_CONSTANTS, None, "")


cdef Tensor times(Tensor x, double factor):
    cdef double s[8]
    s[:] = [0, factor, 0, 0, 0, 0, 0, 0]
    return compute(FNN_mul_forward, REALS, x, None, None, s, None, "")
