"""Arguments of ops: whole numbers, sizes, dimensions, checked before anything runs."""
import contextlib
import operator

import numpy as np

from cpython.number cimport PyNumber_Index

from fastnn._engine.engine cimport *


cdef int64_t whole(object x, str what) except? -1:
    try:
        return x if type(x) is int else PyNumber_Index(x)
    except TypeError:
        raise TypeError(f"{what} must be an int, got {type(x).__name__}") from None
    except OverflowError:
        raise ValueError(f"{what} must be an int of at most 64 bits, got {x}") from None


cdef double real(object x, str what) except? -1:
    try:
        if not isinstance(x, (str, bytes)):
            return float(x)
    except (TypeError, ValueError, OverflowError):
        pass
    raise TypeError(f"{what} must be a number, got {x!r:.40}")


cdef object number(object value, str what):
    """The value as it is, a number that can be compared."""
    try:
        if not isinstance(value, (str, bytes)):
            float(value)
            return value
    except (TypeError, ValueError, OverflowError):
        pass
    raise TypeError(f"{what} must be a number, got {value!r:.40}")


cdef tuple listed(object x):
    """The elements of a sequence; anything else, a 0-d array too, as the only one."""
    if type(x) is tuple:
        return x
    try:
        return tuple(x)
    except TypeError:
        return (x,)


cdef int sizes_from(object shape, int64_t *sizes, str what) except -1:
    cdef int n = 0
    shape = listed(shape)
    if len(<tuple>shape) > 8:
        raise ValueError(f"{what}: tensors have at most 8 dimensions, got {len(<tuple>shape)}")
    for size in <tuple>shape:
        sizes[n] = whole(size, f"{what}: sizes")
        n += 1
    return n


cdef object from_varargs(tuple arguments):
    if len(arguments) == 1 and hasattr(arguments[0], "__iter__"):
        return arguments[0]
    return arguments


cdef tuple dims_from(object dims, Tensor x, str what):
    found = []
    for dim in listed(dims):
        d = checked_dim(dim, x.ndim_, what)
        if d in found:
            raise ValueError(f"{what}: dim {dim} is given twice")
        found.append(d)
    return tuple(found)


cdef list ints_per_dim(object value, int dims, int64_t least, str op, str argument):
    """An int, or one for each of `dims` dimensions, each from `least` to 2**31."""
    values = list(value) if isinstance(value, (tuple, list)) else [value] * dims
    if len(values) == 1:
        values *= dims
    try:
        values = [operator.index(v) for v in values]
    except TypeError:
        raise TypeError(f"{op}: {argument} must be an int or {dims} ints, got {value!r}") from None
    if len(values) != dims or min(values) < least or max(values) > 1 << 31:
        raise ValueError(f"{op}: {argument} must be {dims} ints from {least} to 2**31, got {value!r}")
    return values


cdef int dtype_of_number(object value, str what) except -1:
    if isinstance(value, (bool, np.bool_)):
        return FNN_BOOL
    if isinstance(value, (int, np.integer)):
        return FNN_I64
    if isinstance(value, (float, np.floating)):
        return FNN_F32
    raise TypeError(f"{what} must be a number, got {type(value).__name__}")


# --- for ops and layers that are written in Python --------------------------------------------------


def _ints_per_dim(value, dims, least, op, argument):
    """`ints_per_dim`."""
    return ints_per_dim(value, dims, least, op, argument)


def _dim(dim, Tensor x, what):
    """The dimension of x, not negative."""
    return checked_dim(dim, x.ndim_, what)


def _whole(value, what, least=None):
    """The value as an int, not below `least`."""
    try:
        found = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an int, got {value!r:.40}") from None
    if not -(1 << 63) <= found < 1 << 63:
        raise ValueError(f"{what} must be an int of at most 64 bits, got {found}")
    if least is not None and found < least:
        wanted = "positive" if least == 1 else f"at least {least}"
        raise ValueError(f"{what} must be {wanted}, got {found}")
    return found


def _number(value, what):
    """`number`."""
    return number(value, what)


def _several(values, what):
    """The values as they are; they can be iterated over."""
    if not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0 or isinstance(values, type):
        raise TypeError(f"{what}: expected a sequence, got {values!r:.40}")
    return values


@contextlib.contextmanager
def _named(op):
    """Errors of what an op is made of begin with the op's own name."""
    try:
        yield
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        kind = ValueError if isinstance(error, OverflowError) else type(error)
        if kind not in (TypeError, ValueError, IndexError):  # NumPy's own need other arguments
            kind = next(k for k in (TypeError, ValueError, IndexError) if issubclass(kind, k))
        raise kind(f"{op}: {error}") from None
