# Integers and bools while a step is recorded: NumPy, which eager steps use, would not be replayed.

cdef dict COMPARING = {np.equal: FNN_eq_forward, np.not_equal: FNN_ne_forward, np.less: FNN_lt_forward,
                       np.less_equal: FNN_le_forward, np.greater: FNN_gt_forward, np.greater_equal: FNN_ge_forward}
cdef dict OF_BOOLS = {np.logical_and: FNN_minimum_forward, np.bitwise_and: FNN_minimum_forward,
                      np.multiply: FNN_minimum_forward, np.logical_or: FNN_maximum_forward,
                      np.bitwise_or: FNN_maximum_forward, np.add: FNN_maximum_forward,
                      np.logical_xor: FNN_ne_forward, np.bitwise_xor: FNN_ne_forward}
cdef dict OF_INTEGERS = {np.add: FNN_add_forward, np.subtract: FNN_sub_forward, np.multiply: FNN_mul_forward,
                         np.maximum: FNN_maximum_forward, np.minimum: FNN_minimum_forward}
cdef double EXACT = 2.0 ** 53 - 1       # up to here float64 holds every integer


cdef Tensor exact(Tensor x, double limit):
    """Integers or bools as float64; larger ones than `limit` are an error, also at a replay."""
    cdef Tensor y = x if x.dtype_ == FNN_F64 else cast(x, FNN_F64)
    if x.dtype_ == FNN_F64 or x.dtype_ == FNN_I64:
        check_range(y, -limit, limit, b"a recorded step computes with integers of less than 2**53, got VALUE")
    return y


cdef object by_calls(object function, object a, object b):
    """What NumPy's function gives for integers and bools, computed in float64; None for other functions."""
    cdef double s[8]
    cdef int kernel, kind = MASK_OUT
    s[:] = [0] * 8
    given = [a] if b is None else [a, b]
    for i, x in enumerate(given):
        if is_number(x) and abs(x) <= EXACT:
            s[i] = x
        elif not isinstance(x, Tensor):
            return None
    bools = all([isinstance(x, bool) or (isinstance(x, Tensor) and (<Tensor>x).dtype_ == FNN_BOOL) for x in given])
    if b is None:
        if function not in (np.logical_not, np.invert) or not bools:
            return None
        return compute(FNN_eq_forward, MASK_OUT, exact(a, EXACT), None, None, s, None, "not")
    if function in COMPARING:
        kernel = COMPARING[function]
    elif bools and function in OF_BOOLS:
        kernel = OF_BOOLS[function]
        kind = MASK_OUT if kernel == FNN_ne_forward else REALS
    elif not bools and function in OF_INTEGERS:
        kernel, kind = OF_INTEGERS[function], REALS
    else:
        return None
    x, z = [exact(t, EXACT) if isinstance(t, Tensor) else None for t in given]
    name = function.__name__.encode()
    y = compute(kernel, kind, x, z, None, s, None, <bytes>name)
    if kind == MASK_OUT:
        return y
    like = [np.empty(0, dtype_name((<Tensor>t).dtype_)) if isinstance(t, Tensor) else t for t in given]
    dtype = function(*like).dtype
    return cast(cast(exact(y, EXACT), FNN_I64), FNN_BOOL if bools else FNN_I32 if dtype == np.int32 else FNN_I64)
