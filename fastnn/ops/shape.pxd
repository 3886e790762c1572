# Arguments, memory and views, for the families that move elements.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor


cdef int64_t whole(object x, str what) except? -1                       # an int, or TypeError
cdef int sizes_from(object shape, int64_t *sizes, str what) except -1   # how many
cdef object from_varargs(tuple arguments)                               # f(2, 3) and f((2, 3))
cdef tuple dims_from(object dims, Tensor x, str what)                   # checked, not negative
cdef Tensor zeros_of(int dtype, int ndim, const int64_t *shape)
cdef int fill_with(Tensor t, object value) except -1                    # t: contiguous
cdef Tensor copy_of(Tensor x)                                           # contiguous, in new memory; no graph
cdef Tensor reshape_to(Tensor x, int ndim, const int64_t *shape, str what, bint copy)
cdef Tensor expand_to(Tensor x, int ndim, const int64_t *shape, str what)
cdef object sum_to(object dy, tuple shape)                              # undoes broadcasting
