# The door to attention's Calls, for scaled_dot_product_attention.
from fastnn._engine.engine cimport Tensor


cdef Tensor steady(Tensor mask, int dtype)
cdef object composed(object q, object k, object v, object mask, bint causal, object factor, double p, double scale)
cdef Tensor attention(Tensor query, Tensor key, Tensor value, Tensor mask, bint causal, double p, double scale)
