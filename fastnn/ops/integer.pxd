# Integers and bools, element by element: by a kernel where there is one, else by NumPy.
from fastnn._engine.engine cimport *

cdef bint is_number(object x)
cdef object by_numpy(object function, object a, object b)       # `function`: NumPy's; b None: of a alone
cdef Tensor choose_integers(Tensor mask, Tensor a, object x, Tensor b, object y, int dtype)
cdef int sum_integers(Tensor y, Tensor x, int64_t outer, int64_t length, int64_t inner) except -1
