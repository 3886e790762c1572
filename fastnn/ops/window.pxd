# Rectangular cuts, and their inverse.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor


cdef class Window:
    """A rectangular cut through a tensor: where each input dimension starts, how far it steps, and
    to which output dimension it belongs (-1: none). Two that share one output make a diagonal."""
    cdef int in_ndim, ndim
    cdef int64_t in_shape[8]
    cdef int64_t start[8]
    cdef int64_t step[8]
    cdef int axis[8]
    cdef int64_t shape[8]


cdef Window whole_window(Tensor x)
cdef Tensor cut(Tensor x, Window w)                                     # no graph
cdef Tensor take(Tensor x, Window w)                                    # a view
cdef Tensor place(Tensor x, Window w, object value)                     # x in a sea of value
cdef int drop(Window w, int dim, int64_t index) noexcept
cdef Window diagonal_window(Window w, int a, int b, int64_t k)
cdef Tensor piece(Tensor x, int dim, int64_t start, int64_t length)     # narrow
cdef int64_t place_of(object index, int64_t size, str what) except -1   # an index, not negative
cdef int real_dim(Tensor x, object dim, str what) except -1             # refuses 0-d tensors
