# Folding a tensor along dimensions.
from fastnn._engine.engine cimport *

cdef struct Axis:
    int64_t mask            # bit i: dimension i is reduced
    int64_t outer, length, inner, block, blocks
    bint apart              # the reduced dimensions are not neighbours: they were moved to the end

cdef int64_t mask_of(Tensor x, object dim, str what) except -1
cdef int measure(Tensor x, int64_t mask, Axis *axis) except -1
cdef Tensor packed(Tensor x, const Axis *axis)                      # (outer, length, inner)
cdef Tensor unpacked(Tensor dx, Tensor like, const Axis *axis)      # back to like's shape
cdef Tensor reduced(Tensor x, int64_t mask, bint keepdim, int dtype)    # the result's shape
cdef int put_axis(fnn_call *c, const Axis *axis) except -1          # n: outer, length, inner, block
cdef int fold(int first, int second, Tensor y, Tensor x, Axis *axis, double divisor, bint root) except -1
cdef int spread(Node node, Tensor dy, int kernel, Tensor like, Tensor x, Tensor y, Tensor z, double scale) except -1
cdef object widened(object t, Tensor x, int64_t mask)               # differentiable: t expanded to x's shape
cdef Tensor shape_only(Tensor x)                                    # x's shape and dtype without its memory
cdef Tensor as_dtype(Tensor x, object dtype)
cdef object by_numpy(object function, Tensor x, object dim, bint keepdim)
