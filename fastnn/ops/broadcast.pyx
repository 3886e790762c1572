"""What every elementwise op is made of: operands that broadcast, promotion, gradients summed back."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.expand cimport sum_to

from fastnn._engine.engine import _is_recording

cdef extern from "fastnn.h":
    enum:
        FNN_mul_forward, FNN_add_forward, FNN_sub_forward, FNN_maximum_forward, FNN_minimum_forward
        FNN_eq_forward, FNN_ne_forward, FNN_lt_forward, FNN_le_forward, FNN_gt_forward, FNN_ge_forward

__all__ = []

cdef Tensor nothing = new_1d(FNN_F32, 0)        # stands for an operand that is a number
cdef double NO_CONSTANTS[8]
NO_CONSTANTS[:] = [0] * 8


# --- one Call ---------------------------------------------------------------------------------------

cdef inline void operand(fnn_call *c, Tensor x) noexcept:
    if x is None:
        null_buffer(c)
    else:
        buffer(c, x)


cdef inline bint dense_like(Tensor x, Tensor first):
    return x is None or x is first or (x.contiguous and same_shape(x, first))


cdef Tensor compute(int id, int kind, Tensor a, Tensor b, Tensor c, const double *s, Tensor out, const char *what):
    cdef fnn_call call
    cdef Tensor y, first = a if a is not None else b if b is not None else c
    cdef int i, k, dtype = real_dtype(kind, a, b, c)
    start(&call, id, dtype)
    if first.contiguous and dense_like(b, first) and dense_like(c, first):
        if out is not None:
            y = out
        elif kind == REALS:
            y = new_like(first)
        else:
            y = new(FNN_BOOL if kind == MASK_OUT else dtype, first.ndim_, first.shape_)
        call.args.n[0] = y.size_
        call.args.n[1] = call.args.n[2] = call.args.n[3] = 1
        for k in range(3):
            call.args.n[4 + 4 * k] = 1
            call.args.n[5 + 4 * k] = call.args.n[6 + 4 * k] = call.args.n[7 + 4 * k] = 0
    else:
        return compute_strided(id, kind, a, b, c, s, out, what, dtype)
    buffer(&call, y)
    operand(&call, a)
    operand(&call, b)
    operand(&call, c)
    for i in range(8):
        call.args.s[i] = s[i]
    run(&call, 1, 4.0 * y.size_, 0)
    return y


cdef inline int real_dtype(int kind, Tensor a, Tensor b, Tensor c):
    if kind == MASK_IN:
        a = b if b is not None else c
        return FNN_F32 if a is None else a.dtype_
    return a.dtype_ if a is not None else b.dtype_ if b is not None else c.dtype_


cdef int join_shape(Tensor x, int ndim, int64_t *shape) noexcept:
    """Broadcast x's shape into the shape so far, aligned at the end; -1 where they do not fit."""
    cdef int i, lead
    if x is None:
        return ndim
    if x.ndim_ > ndim:
        lead = x.ndim_ - ndim
        for i in range(ndim - 1, -1, -1):
            shape[i + lead] = shape[i]
        for i in range(lead):
            shape[i] = 1
        ndim = x.ndim_
    lead = ndim - x.ndim_
    for i in range(x.ndim_):
        if x.shape_[i] != shape[lead + i]:
            if shape[lead + i] == 1:
                shape[lead + i] = x.shape_[i]
            elif x.shape_[i] != 1:
                return -1
    return ndim


cdef void broadcast_strides(Tensor x, int ndim, int64_t *strides) noexcept:
    cdef int i, lead
    for i in range(ndim):
        strides[i] = 0
    if x is not None:
        lead = ndim - x.ndim_
        for i in range(x.ndim_):
            if x.shape_[i] != 1:
                strides[lead + i] = x.strides_[i]


cdef int lay_out(fnn_call *call, int ndim, const int64_t *shape, int64_t strides[3][8]) noexcept:
    """Sizes and strides of the Call, neighbouring dimensions merged; 0, or why the kernel cannot walk
    them: 1 + k, operand k must be packed along rows; -1, there are too many dimensions."""
    cdef int64_t size[8]
    cdef int64_t stride[3][8]
    cdef int d, k, m = 0
    for d in range(ndim - 1, -1, -1):
        if shape[d] == 1:
            continue
        if m and (strides[0][d] == stride[0][m - 1] * size[m - 1]
                  and strides[1][d] == stride[1][m - 1] * size[m - 1]
                  and strides[2][d] == stride[2][m - 1] * size[m - 1]):
            size[m - 1] *= shape[d]
            continue
        size[m] = shape[d]
        for k in range(3):
            stride[k][m] = strides[k][d]
        m += 1
    for d in range(m, 4):
        size[d] = 1
        for k in range(3):
            stride[k][d] = 0
    for k in range(3):
        if not 0 <= stride[k][0] <= 1:
            return 1 + k
    if m > 4:
        return -1
    for d in range(4):
        call.args.n[d] = size[d]
        for k in range(3):
            call.args.n[4 + 4 * k + d] = stride[k][d]
    return 0


cdef Tensor expanded(Tensor x, int ndim, const int64_t *shape):
    """A packed copy of x, as large as the result."""
    cdef int64_t strides[8]
    if x is None:
        return None
    broadcast_strides(x, ndim, strides)
    return contiguous(view(x, 0, ndim, shape, strides))


cdef Tensor compute_strided(int id, int kind, Tensor a, Tensor b, Tensor c, const double *s, Tensor out, const char *what,
                            int dtype):
    cdef fnn_call call
    cdef Tensor y = out
    cdef int64_t shape[8]
    cdef int64_t strides[3][8]
    cdef int ndim = 0, i, failed
    ndim = join_shape(a, ndim, shape)
    if ndim >= 0:
        ndim = join_shape(b, ndim, shape)
    if ndim >= 0:
        ndim = join_shape(c, ndim, shape)
    if ndim < 0:
        shapes = " and ".join([str(shape_of(x)) for x in (a, b, c) if x is not None])
        raise ValueError(f"{what.decode()}: shapes {shapes} do not broadcast together")
    if y is None:
        y = new(FNN_BOOL if kind == MASK_OUT else dtype, ndim, shape)
    if y.size_ == 0:
        return y
    start(&call, id, dtype)
    while True:
        broadcast_strides(a, ndim, strides[0])
        broadcast_strides(b, ndim, strides[1])
        broadcast_strides(c, ndim, strides[2])
        failed = lay_out(&call, ndim, shape, strides)
        if failed == 0:
            break
        if failed == 1:
            a = contiguous(a) if not a.contiguous else expanded(a, ndim, shape)
        elif failed == 2:
            b = contiguous(b) if not b.contiguous else expanded(b, ndim, shape)
        elif failed == 3:
            c = contiguous(c) if not c.contiguous else expanded(c, ndim, shape)
        else:
            a, b, c = expanded(a, ndim, shape), expanded(b, ndim, shape), expanded(c, ndim, shape)
    buffer(&call, y)
    operand(&call, a)
    operand(&call, b)
    operand(&call, c)
    for i in range(8):
        call.args.s[i] = s[i]
    run(&call, 1, 4.0 * y.size_, 0)
    return y


cdef Tensor compute1(int id, Tensor x):
    return compute(id, REALS, x, None, None, NO_CONSTANTS, None, "")


cdef Tensor compute2(int id, Tensor a, Tensor b):
    return compute(id, REALS, a, b, None, NO_CONSTANTS, None, "")


cdef Tensor times(Tensor x, double factor):
    cdef double s[8]
    s[:] = [0, factor, 0, 0, 0, 0, 0, 0]
    return compute(FNN_mul_forward, REALS, x, None, None, s, None, "")


# --- operands -----------------------------------------------------------------------------------------

cdef bint is_number(object x):
    return type(x) is float or type(x) is int or isinstance(x, (bool, int, float, np.generic))


cdef inline int kind_of(int dtype):
    return 2 if dtype <= FNN_F64 else 0 if dtype == FNN_BOOL else 1


cdef int promoted_dtype(Tensor a, Tensor b):
    """As torch.result_type: a 0-d tensor counts only when it is of a higher kind."""
    cdef int x = a.dtype_, y = b.dtype_
    if x == y:
        return x
    if kind_of(x) != kind_of(y):
        return x if kind_of(x) > kind_of(y) else y
    if (a.ndim_ == 0) != (b.ndim_ == 0):
        return y if a.ndim_ == 0 else x
    return FNN_F64 if x <= FNN_F64 else FNN_I64


cdef Tensor to_dtype(Tensor x, int dtype):
    if x.dtype_ == dtype:
        return x
    return x.to(dtype_name(dtype)) if tracked(x) else cast(x, dtype)


cdef Tensor floating(object x, str what):
    cdef Tensor t
    if type(x) is Tensor and (<Tensor>x).dtype_ <= FNN_F64:
        return <Tensor>x
    argument = f"{what}: input".encode()
    t = as_tensor(x, argument)
    return t if t.dtype_ <= FNN_F64 else cast(t, FNN_F32)


cdef object numpy_of(object x):
    return to_numpy(x) if isinstance(x, Tensor) else x


cdef object by_numpy(object function, object a, object b):
    """Integers and bools: NumPy on the same memory; in a recorded step by Calls, where there are any."""
    if _is_recording():
        y = by_calls(function, a, b)
        if y is not None:
            return y
    with np.errstate(all="ignore"):
        y = function(numpy_of(a)) if b is None else function(numpy_of(a), numpy_of(b))
    return from_array(np.asarray(y), -1, "result")


include "integers.pxi"


cdef object resolve(str name, object function, object left, object right):
    """Both operands with one dtype: (left, right), Tensors or numbers, float32 or float64; or the
    result itself, where NumPy computes it because no operand has a fraction."""
    cdef Tensor a, b
    cdef int dtype
    if is_number(left) or is_number(right):
        x, number = (right, left) if is_number(left) else (left, right)
        a = as_tensor(x, name.encode())
        if isinstance(number, np.generic):
            number = number.item()
        if a.dtype_ > FNN_F64:
            if function is not None and not isinstance(number, float):
                return by_numpy(function, a if x is left else number, a if x is right else number)
            a = cast(a, FNN_F32)
        return (a, number) if x is left else (number, a)
    a = as_tensor(left, name.encode())
    b = as_tensor(right, name.encode())
    dtype = promoted_dtype(a, b)
    if dtype > FNN_F64:
        if function is not None:
            return by_numpy(function, cast(a, dtype), cast(b, dtype))
        dtype = FNN_F32
    return to_dtype(a, dtype), to_dtype(b, dtype)


# --- one operand ----------------------------------------------------------------------------------------

cdef int unary_rule(Node node, Tensor dy) except -1:
    """The kernel n[0] of dy and what was saved."""
    cdef double s[8]
    s[:] = [0, 0, 0, 0, node.s[0], node.s[1], 0, 0]
    return node.give(0, compute(<int>node.n[0], REALS, dy, node.a, None, s, None, ""))


cdef object unary(const char *name, int id, int backward, bint keep_output, object input, Rule graph,
                  double first, double second):
    cdef Tensor y, x = floating(input, name.decode()) if type(input) is not Tensor or (<Tensor>input).dtype_ > FNN_F64 else input
    cdef Node node
    cdef double s[8]
    s[:] = [0, 0, 0, 0, first, second, 0, 0]
    y = compute(id, REALS, x, None, None, s, None, "")
    if tracked(x):
        node = record1(name, y, x, unary_rule, graph)
        node.n[0] = backward
        node.s[0] = first
        node.s[1] = second
        if keep_output:
            save_output(node, y, None, None)
        else:
            save(node, x, None, None)
    return y


# --- two operands ---------------------------------------------------------------------------------------

cdef object binary(const char *name, int id, object function, object left, object right, double alpha,
                   Rule rule, Rule graph, int keep):
    """`function`: NumPy's, for integers; None: they become float32. keep: what is saved, the sum of
    1 and 2 (a and b, for a's gradient), 4 and 8 (a and b, for b's)."""
    cdef Tensor y, a = None, b = None
    cdef Node node
    cdef int wanted
    cdef double s[8]
    s[:] = [0, 0, 0, 0, alpha, 0, 0, 0]
    if isinstance(left, Tensor):
        a = <Tensor>left
    if isinstance(right, Tensor):
        b = <Tensor>right
    if not (a is not None and a.dtype_ <= FNN_F64 and (type(right) is float if b is None else a.dtype_ == b.dtype_)):
        if a is None and not is_number(left) and not isinstance(left, np.ndarray):
            return NotImplemented
        if b is None and not is_number(right) and not isinstance(right, np.ndarray):
            return NotImplemented
        pair = resolve(name.decode(), function, left, right)
        if type(pair) is not tuple:
            return pair
        left, right = pair
        a = <Tensor>left if isinstance(left, Tensor) else None
        b = <Tensor>right if isinstance(right, Tensor) else None
    if a is None:
        s[0] = left
    if b is None:
        s[1] = right
    y = compute(id, REALS, a, b, None, s, None, name)
    if grad_enabled() and ((a is not None and a.wants_grad) or (b is not None and b.wants_grad)):
        node = record2(name, y, nothing if a is None else a, nothing if b is None else b, rule, graph)
        node.s[0] = s[0]
        node.s[1] = s[1]
        node.s[2] = alpha
        if keep:
            wanted = (keep & 3 if node.wants(0) else 0) | (keep >> 2 if node.wants(1) else 0)
            save(node, a if wanted & 1 else None, b if wanted & 2 else None, None)
        node.n[0] = a is None
        node.n[1] = b is None
        if (a is not None and not same_shape(a, y)) or (b is not None and not same_shape(b, y)):
            node.extra = (None if a is None else shape_of(a), None if b is None else shape_of(b))
    return y


cdef object checked(object y, str name, object left, object right):
    """For the public functions: an operand of a strange type is an error at once."""
    if y is NotImplemented:
        bad = right if isinstance(left, (Tensor, np.ndarray)) or is_number(left) else left
        raise TypeError(f"{name}: expected Tensors, arrays or numbers, got {type(bad).__name__}")
    return y


cdef int give_to(Node node, int i, Tensor g, bint fresh) except -1:
    """The gradient of operand i: g, summed where the operand was broadcast."""
    cdef Tensor total = g
    if node.extra is not None:
        total = sum_to(g, (<tuple>node.extra)[i])
        fresh = fresh or total.storage is not g.storage
    if fresh:
        return node.give(i, total)
    return node.share(i, total)


cdef object other_operand(Node node, int i):
    if node.n[i]:
        return node.s[i]
    return node.a if i == 0 else node.b
