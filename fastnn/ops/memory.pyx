"""Memory that is filled or copied, outside the graph."""
from fastnn._engine.engine cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_fill


cdef int fill_with(Tensor t, object value) except -1:
    cdef fnn_call c
    start(&c, FNN_fill, FNN_F32)
    buffer(&c, t)
    c.args.n[0] = t.size_
    c.args.n[1] = t.dtype_
    c.args.n[2] = value if t.dtype_ > FNN_F64 else 0
    c.args.s[0] = value
    run(&c, 1, t.size_, 0)
    return bump(t)


cdef Tensor zeros_of(int dtype, int ndim, const int64_t *shape):
    cdef Tensor t = new(dtype, ndim, shape)
    fill_with(t, 0)
    return t


cdef Tensor copy_of(Tensor x):
    cdef Tensor y = new(x.dtype_, x.ndim_, x.shape_)
    copy_into(y, x)
    return y
