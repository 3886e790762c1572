# Windows on planes, and what is done with them.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor, fnn_call


cdef class Windows:
    """Sizes of the planes and how windows lie on them: what the kernels call struct pool."""
    cdef int64_t n[15]
    cdef double taps

    cdef Tensor outputs(self, Tensor x, int dtype)
    cdef Tensor inputs(self, Tensor y)
    cdef void put(self, fnn_call *c)


cdef Tensor prepare(object x, int dims, str op)             # (..., ih, iw), also in one dimension
cdef Windows fixed(Tensor x, object kernel, object stride, object padding, object dilation, bint ceil_mode,
                   int dims, str op, bint count_pad=*, int64_t divisor=*)
cdef Windows adaptive(Tensor x, object output_size, int dims, str op)
cdef Tensor avg_pool(Windows w, Tensor x)
cdef object max_result(Windows w, Tensor x, int dims, bint return_indices)
cdef object finish(object y, int dims)                      # without the dimension that prepare added
