# What ops make of their arguments.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor

cdef int64_t whole(object x, str what) except? -1                       # an int, or TypeError
cdef double real(object x, str what) except? -1                         # a number, or TypeError
cdef object number(object value, str what)                              # as it is, or TypeError
cdef tuple listed(object x)                                             # f(2) and f((2, 3))
cdef int sizes_from(object shape, int64_t *sizes, str what) except -1   # how many
cdef object from_varargs(tuple arguments)                               # f(2, 3) and f((2, 3))
cdef tuple dims_from(object dims, Tensor x, str what)                   # checked, not negative
cdef list ints_per_dim(object value, int dims, int64_t least, str op, str argument)
cdef int dtype_of_number(object value, str what) except -1              # bool, int64 or float32
