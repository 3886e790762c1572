"""Integers and bools, element by element: by a kernel where there is one, else by NumPy."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.elements cimport *

cdef extern from "fastnn.h":
    enum: FNN_integer_binary, FNN_integer_where, FNN_integer_sum

__all__ = []

cdef enum: EQ, NE, LT, LE, GT, GE, AND, OR, XOR, ADD, SUB, MUL, MAX, MIN        # as in csrc/kernels/integer.c

cdef dict OPERATIONS = {
    np.equal: EQ, np.not_equal: NE, np.less: LT, np.less_equal: LE, np.greater: GT, np.greater_equal: GE,
    np.bitwise_and: AND, np.bitwise_or: OR, np.bitwise_xor: XOR, np.logical_and: AND, np.logical_or: OR,
    np.logical_xor: XOR, np.add: ADD, np.subtract: SUB, np.multiply: MUL, np.maximum: MAX, np.minimum: MIN,
}
cdef int64_t BYTES[5]
BYTES[:] = [4, 8, 8, 4, 1]      # by dtype


cdef bint is_number(object x):
    return type(x) is float or type(x) is int or isinstance(x, (bool, int, float, np.generic))


cdef object numpy_of(object x):
    return to_numpy(x) if isinstance(x, Tensor) else x


cdef object by_numpy(object function, object a, object b):
    y = of_one(function, a) if b is None else of_two(function, a, b)
    if y is not None:
        return y
    with np.errstate(all="ignore"):
        y = function(numpy_of(a)) if b is None else function(numpy_of(a), numpy_of(b))
    return from_array(np.asarray(y), -1, "result")


cdef object of_one(object function, object x):
    cdef bint truth
    if not isinstance(x, Tensor) or (<Tensor>x).dtype_ <= FNN_F64:
        return None
    truth = (<Tensor>x).dtype_ == FNN_BOOL
    if function is np.invert or (function is np.logical_not and truth):
        return of_two(np.bitwise_xor, x, True if truth else -1)
    if truth:
        return None
    if function is np.negative:
        return of_two(np.subtract, 0, x)
    if function is np.square:
        return of_two(np.multiply, x, x)
    if function is np.abs:
        return of_two(np.maximum, x, of_two(np.subtract, 0, x))
    return None


cdef bint fits(object number, int dtype):
    """A whole number that the kernel can be given as a double, and that `dtype` can hold."""
    if isinstance(number, bool):
        return True
    return isinstance(number, int) and abs(number) < (1 << 31 if dtype == FNN_I32 else 1 << 53)


cdef object of_two(object function, object left, object right):
    """None: there is no kernel for these operands."""
    cdef Tensor a = <Tensor>left if isinstance(left, Tensor) else None
    cdef Tensor b = <Tensor>right if isinstance(right, Tensor) else None
    cdef Tensor one = a if a is not None else b
    cdef double s[8]
    cdef int op
    found = OPERATIONS.get(function)
    if found is None or one is None or one.dtype_ <= FNN_F64:
        return None
    op = found
    if a is not None and b is not None:
        if a.dtype_ != b.dtype_:
            return None
    elif not fits(right if b is None else left, one.dtype_):
        return None
    elif one.dtype_ == FNN_BOOL and op > GE and not isinstance(right if b is None else left, bool):
        return None
    if one.dtype_ == FNN_BOOL and op == SUB:
        return None
    if one.dtype_ == FNN_BOOL and op == ADD:
        op = OR
    s[0] = left if a is None else 0
    s[1] = right if b is None else 0
    s[2] = s[3] = 0
    s[4] = op
    s[5] = s[6] = BYTES[one.dtype_]
    s[7] = BYTES[FNN_BOOL if op <= GE else one.dtype_]
    return compute(FNN_integer_binary, MASK_OUT if op <= GE else REALS, a, b, None, s, None, function.__name__.encode())


cdef Tensor choose_integers(Tensor mask, Tensor a, object x, Tensor b, object y, int dtype):
    """Where mask a, or the number x if a is None; else b or y. At least one is a Tensor; both are of dtype."""
    cdef double s[8]
    s[:] = [0, x if a is None else 0, y if b is None else 0, 0, 0, BYTES[dtype], BYTES[dtype], BYTES[dtype]]
    return compute(FNN_integer_where, MASK_IN, mask, a, b, s, None, "where")


cdef int sum_integers(Tensor y, Tensor x, int64_t outer, int64_t length, int64_t inner) except -1:
    """y (outer, inner), int64, of x (outer, length, inner)."""
    cdef fnn_call c
    start(&c, FNN_integer_sum, FNN_F32)
    buffer(&c, y)
    buffer(&c, x)
    c.args.n[0] = outer
    c.args.n[1] = length
    c.args.n[2] = inner
    c.args.n[3] = BYTES[x.dtype_]
    return run(&c, 1, x.size_, 0)
