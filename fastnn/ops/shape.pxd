# Views under another shape.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor

cdef Tensor reshape_to(Tensor x, int ndim, const int64_t *shape, str what, bint copy)
