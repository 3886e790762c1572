"""New tensors of numbers in a row: arange, linspace."""
import math

import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport dtype_of_number, whole

__all__ = ["arange", "linspace"]


def arange(start, end=None, step=1, *, dtype=None, requires_grad=False, device=None):
    """Numbers from start (included) to end (excluded): start + i * step.

    Parameters
    ----------
    start, end, step : number
        ``arange(end)`` starts at 0; the step may be negative. Default step 1.
    dtype : dtype, optional
        Default: int64 if all three are ints, else float32.
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor
        One dimension, ceil((end - start) / step) elements.

    Raises
    ------
    ValueError
        If the step is zero, leads away from end, or the numbers are not finite.
    TypeError
        If one is no number.

    Notes
    -----
    Has the behaviour of ``torch.arange``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.arange(1, 7, 2)
    tensor([1, 3, 5])
    """
    on_cpu(device, "arange")
    if end is None:
        start, end = 0, start
    codes = [dtype_of_number(v, "arange: start, end and step") for v in (start, end, step)]
    if step == 0 or not all(math.isfinite(v) for v in (start, end, step)):
        raise ValueError(f"arange: step must not be zero and all numbers finite, got {start}, {end}, {step}")
    if (end - start) * step < 0:
        raise ValueError(f"arange: step {step} does not lead from {start} to {end}")
    cdef int code = (FNN_F32 if FNN_F32 in codes else FNN_I64) if dtype is None else dtype_code(dtype)
    whole_numbers = FNN_F32 not in codes
    count = -((start - end) // step) if whole_numbers else math.ceil((end - start) / step)
    if count > 2 ** 46:
        raise MemoryError("arange: more than 2**46 elements")
    if whole_numbers and max(abs(start), abs(end), abs(step)) >= 1 << 63:
        raise ValueError(f"arange: expected ints of at most 64 bits, got {start}, {end}, {step}")
    places = np.arange(count, dtype=np.int64 if whole_numbers else np.float64)
    cdef Tensor t = from_array(start + places * step, code, "arange")
    if requires_grad:
        t.requires_grad = True
    return t


def linspace(start, end, steps, *, dtype=None, requires_grad=False, device=None):
    """Numbers at equal distances from start to end, both included.

    Parameters
    ----------
    start, end : number
    steps : int
        How many.
    dtype : dtype, optional
        Default float32.
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor
        Shape (steps,).

    Raises
    ------
    ValueError
        If steps is negative.

    Notes
    -----
    Has the behaviour of ``torch.linspace``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.linspace(0, 1, 3)
    tensor([0. , 0.5, 1. ])
    """
    on_cpu(device, "linspace")
    dtype_of_number(start, "linspace: start")
    dtype_of_number(end, "linspace: end")
    if whole(steps, "linspace: steps") < 0:
        raise ValueError(f"linspace: steps must not be negative, got {steps}")
    cdef int code = FNN_F32 if dtype is None else dtype_code(dtype)
    cdef Tensor t = from_array(np.linspace(float(start), float(end), steps), code, "linspace")
    if requires_grad:
        t.requires_grad = True
    return t
