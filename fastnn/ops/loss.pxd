# Losses of single elements, for `binary_loss` as well.
from fastnn._engine.engine cimport Tensor

cdef Tensor factors(object weight, Tensor x, str what)
cdef Tensor element_loss(int forward, int backward, Tensor x, Tensor t, int reduction, double k, Tensor w, Tensor pos)
