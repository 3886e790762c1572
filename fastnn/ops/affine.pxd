# Weights and biases of the normalizations.
from fastnn._engine.engine cimport *

cdef void optional(fnn_call *c, Tensor t)
cdef Tensor parameter(object p, Tensor x, int64_t size, str what)
cdef bint any_tracked(Tensor x, Tensor w, Tensor b)
cdef tuple edges_of(Tensor x, Tensor w, Tensor b)
cdef Tensor packed_slot(Node node, int i, Tensor like, bint *onto)
