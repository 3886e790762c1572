# Permuted views.
from fastnn._engine.engine cimport Tensor

cdef Tensor permute_to(Tensor x, const int *order)      # y's dimension i is x's dimension order[i]
cdef Tensor swapped(Tensor x, int a, int b)
