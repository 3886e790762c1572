# How a tensor is read as matrices, and the Call that multiplies them.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Node, Tensor


cdef struct Matrix:
    int64_t rows, cols                  # sizes
    int64_t row, col                    # steps, in elements
    int dims                            # of the batch
    int64_t size[6]
    int64_t step[6]


cdef bint readable(Matrix *m) noexcept
cdef Matrix turned(Matrix m) noexcept                   # the transpose
cdef Matrix plain(int64_t rows, int64_t cols) noexcept  # C order
cdef int multiply(Tensor c, Matrix mc, Tensor a, Matrix ma, Tensor b, Matrix mb, Tensor bias,
                  bint accumulate) except -1
cdef int add_columns(Tensor y, Tensor x, Matrix m, Tensor init) except -1
cdef Tensor gradient_for(Node node, Py_ssize_t i, int dtype, int ndim, const int64_t *shape, bint *accumulate)
cdef Tensor affine(Tensor x, Tensor w, bint transposed, Tensor bias)
