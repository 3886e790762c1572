"""Weights and biases of the normalizations: their checks, their edges, their gradients' places."""
from fastnn._engine.engine cimport *


cdef void optional(fnn_call *c, Tensor t):
    if t is None:
        null_buffer(c)
    else:
        buffer(c, t)


cdef Tensor parameter(object p, Tensor x, int64_t size, str what):
    """A weight or bias of `size` elements in x's dtype, packed; the graph is the caller's business."""
    cdef Tensor t
    if p is None:
        return None
    t = as_tensor(p, what.encode())
    if t.size_ != size:
        raise ValueError(f"{what} has shape {shape_of(t)}, expected {size} elements")
    return t if t.dtype_ == x.dtype_ else t.to(x.dtype)


cdef bint any_tracked(Tensor x, Tensor w, Tensor b):
    return tracked(x) or (w is not None and tracked(w)) or (b is not None and tracked(b))


cdef tuple edges_of(Tensor x, Tensor w, Tensor b):
    """Inputs for `record`; a missing parameter is a tensor that wants nothing."""
    cdef Tensor none = new_1d(x.dtype_, 0) if w is None or b is None else None
    return x, none if w is None else w, none if b is None else b


cdef Tensor packed_slot(Node node, int i, Tensor like, bint *onto):
    """Where the gradient of edge i may be written; packed, as the kernels want it."""
    cdef Tensor t = node.slot(i, like, onto)
    if t.contiguous:
        return t
    onto[0] = False
    return new(t.dtype_, t.ndim_, t.shape_)
