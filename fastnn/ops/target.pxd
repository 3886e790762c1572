# What the losses have in common.
from fastnn._engine.engine cimport *

cdef enum:
    NONE, SUM, MEAN

cdef int reduction_of(object reduction, str what) except -1
cdef Tensor class_weights(object weight, Tensor x, int64_t classes, str what)
cdef Tensor labels_of(Tensor target, tuple expected, int64_t classes, int64_t ignore, str what)
cdef Tensor fold_losses(Tensor losses, Tensor counts, Tensor scale, int64_t mean)
cdef tuple same_shapes(object input, object target, str what)
cdef object reduced_loss(object losses, int reduction)
cdef int check_signs(Tensor t, str what) except -1
cdef int same_shape_as(object name, Tensor t, Tensor x, str what) except -1
