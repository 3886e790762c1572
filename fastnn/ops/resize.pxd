# Rows and columns of planes taken from other places.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor


cdef class Resizing:
    """The sizes n[0..8] that the kernels read, and the places and weights of rows and columns."""
    cdef int64_t n[9]
    cdef Tensor rows, row_weights, columns, column_weights
    cdef bint flat                      # x is seen as rows of its last dimension alone


# y[..., i, j] = x[..., rows[i], columns[j]]; rows None: all, as they are
cdef Tensor picked(Tensor x, object rows, object columns)
