# Functions of one element whose gradient is an expression of other operations.
from fastnn._engine.engine cimport Rule


cdef object special(const char *name, int id, object input, Rule rule, double n)
