# Running an activation's kernels, and the gradient of those that have no parameters.
from fastnn._engine.engine cimport *

cdef object activate(const char *name, int forward, int backward, bint keep_output, object input, Rule graph,
                     double s0, double s1, double s2, bint inplace)
cdef object number(object x, str what)
