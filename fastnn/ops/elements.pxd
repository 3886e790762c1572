# One Call of an elementwise kernel: operands that broadcast, and constants in place of operands.
from fastnn._engine.engine cimport *

cdef enum:
    REALS, MASK_OUT, MASK_IN            # as in csrc/broadcast.h: bools out; bools in as operand 0

# y = kernel(a, b, c); an operand that is None is the number s[its place]; out: None or dense, y's shape;
# y has the dtype of a (of b for MASK_IN), or is bool
cdef Tensor compute(int id, int kind, Tensor a, Tensor b, Tensor c, const double *s, Tensor out, const char *what)
cdef Tensor compute1(int id, Tensor x)
cdef Tensor compute2(int id, Tensor a, Tensor b)
cdef Tensor times(Tensor x, double factor)
