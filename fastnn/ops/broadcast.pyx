"""What every elementwise op is made of: promotion of its operands, gradients summed back."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.elements cimport *
from fastnn.ops.expand cimport sum_to
from fastnn.ops.integer cimport by_numpy, is_number

__all__ = []

cdef Tensor nothing = new_1d(FNN_F32, 0)        # stands for an operand that is a number


# --- operands -----------------------------------------------------------------------------------------

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


cdef object by_numpy_named(str name, object function, object a, object b):
    try:
        return by_numpy(function, a, b)
    except (TypeError, ValueError) as error:
        if str(error).startswith(f"{name}: "):
            raise
        raise type(error)(f"{name}: {error}") from None


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
                return by_numpy_named(name, function, a if x is left else number, a if x is right else number)
            a = cast(a, FNN_F32)
        return (a, number) if x is left else (number, a)
    a = as_tensor(left, name.encode())
    b = as_tensor(right, name.encode())
    dtype = promoted_dtype(a, b)
    if dtype > FNN_F64:
        if function is not None:
            return by_numpy_named(name, function, cast(a, dtype), cast(b, dtype))
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
    if any_tracked(a, b, None):
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
