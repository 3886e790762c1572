# Masks, for the families that index.
from fastnn._engine.engine cimport Tensor

cpdef Tensor masked_fill(input, mask, value)
