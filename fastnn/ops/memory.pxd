# Memory that is filled or copied, outside the graph.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor

cdef Tensor zeros_of(int dtype, int ndim, const int64_t *shape)
cdef int fill_with(Tensor t, object value) except -1                    # t: contiguous
cdef Tensor copy_of(Tensor x)                                           # contiguous, in new memory
