# Losses of single elements, for other families of losses as well.
from fastnn._engine.engine cimport Tensor

cdef Tensor factors(object weight, Tensor x, str what)
cdef object sign_of(Tensor x)
cdef int set_slope(int kernel, object function) except -1   # its derivative, differentiable
cdef Tensor element_loss(int forward, int backward, Tensor x, Tensor t, int reduction, double k, Tensor w, Tensor pos,
                         double m=*)
