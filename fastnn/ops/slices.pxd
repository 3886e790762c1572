# Reading rows at indices, and adding rows at indices: each other's gradient.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor

cdef extern from *:
    int64_t NOTHING "INT64_MIN"                         # no index is to be ignored

cdef Tensor indices(object index, const char *what)                     # contiguous int64 or int32
cdef Tensor pick_rows(Tensor x, Tensor index, int dim, int span)        # index in place of dims [dim, dim + span)
cdef Tensor spread_rows(Tensor dy, Tensor index, tuple shape, int dim, int span)    # zeros of shape, rows added
cdef int add_rows(Tensor y, Tensor x, Tensor index, int dim, int span, double alpha) except -1
cdef int put_rows(Tensor y, Tensor x, Tensor index, int dim, int span) except -1
cdef int index_bytes(Tensor index) noexcept
cdef int item_bytes(Tensor x) noexcept
cdef int same_type(Tensor x, Tensor other, str what) except -1
