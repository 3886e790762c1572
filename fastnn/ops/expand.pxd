# Broadcasting and its gradient.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor

cdef Tensor expand_to(Tensor x, int ndim, const int64_t *shape, str what)
cdef object sum_to(object dy, tuple shape)                              # undoes broadcasting
