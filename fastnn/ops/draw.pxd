# Filling tensors in place with random numbers, for `random` as well.
from fastnn._engine.engine cimport Generator, Tensor

cdef Generator checked_generator(object generator, str what)
cdef int fill_uniform(Tensor x, double low, double high, Generator generator) except -1
cdef int fill_normal(Tensor x, double mean, double std, Generator generator) except -1
cdef int draw_bernoulli(Tensor x, Tensor q, double p, Generator generator) except -1
