# Options that bags of embeddings have too.
from fastnn._engine.engine cimport Tensor

cdef Tensor with_scaled_gradient(Tensor w, Tensor factor)
cdef Tensor counts(Tensor w, Tensor index)
cdef int shorten(Tensor w, Tensor index, double most, double power) except -1
