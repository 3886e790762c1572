"""Operations that write their result over their first operand: add_, mul_, fill_, exp_ and their kin.

They are methods of Tensor. A leaf that requires grad is refused; a tensor inside the graph takes the
place of the result, and whoever saved its old values for a gradient learns that they have changed.
"""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *
from fastnn.ops.memory cimport zeros_of
from fastnn.ops import elementwise, compound, power, rounding

cdef extern from "fastnn.h":
    enum:
        FNN_add_forward, FNN_sub_forward, FNN_mul_forward, FNN_div_forward, FNN_add_scaled
        FNN_copy_forward

__all__ = []


cdef Tensor written(Tensor x, object result, str name):
    """x with the values, and the place in the graph, of what was computed out of place."""
    cdef Tensor y = result
    if not same_shape(x, y):
        raise ValueError(f"{name}: the result has shape {shape_of(y)}, which does not fit into {shape_of(x)}")
    if y.dtype_ != x.dtype_:
        if kind(y.dtype_) > kind(x.dtype_):
            raise TypeError(f"{name}: a result of {dtype_name(y.dtype_)} cannot be kept in {dtype_name(x.dtype_)}")
        y = to_dtype(y, x.dtype_)
    return rebase(x, y)


cdef int kind(int dtype):
    return 2 if dtype <= FNN_F64 else 0 if dtype == FNN_BOOL else 1


cdef bint covers(Tensor x, Tensor b):
    """Whether b broadcasts to x's shape."""
    cdef int i, lead = x.ndim_ - b.ndim_
    if lead < 0:
        return False
    for i in range(b.ndim_):
        if b.shape_[i] != 1 and b.shape_[i] != x.shape_[lead + i]:
            return False
    return True


cdef object in_place(str name, int id, object function, object left, object right, double alpha):
    """x = kernel(x, right) straight into x's memory where nothing is recorded, else by `function`."""
    cdef Tensor x, b = None
    cdef double s[8]
    if not isinstance(left, Tensor):
        return NotImplemented
    x = <Tensor>left
    if isinstance(right, Tensor):
        b = <Tensor>right
    elif not is_number(right) and not isinstance(right, np.ndarray):
        return NotImplemented
    check_inplace(x, name)
    if (x.contiguous and x.dtype_ <= FNN_F64 and not tracked(x)
            and (type(right) is float or type(right) is int if b is None
                 else b.dtype_ == x.dtype_ and covers(x, b) and not tracked(b))):
        s[:] = [0, 0, 0, 0, alpha, 0, 0, 0]
        if b is None:
            s[1] = right
        elif b.storage is x.storage and not (b.data_ == x.data_ and b.contiguous and b.size_ == x.size_):
            b = copied(b)
        compute(id, REALS, x, b, None, s, x, b"")
        bump(x)
        return x
    return written(x, function(x, right), name)


cdef Tensor copied(Tensor b):
    cdef Tensor y = new_like(b)
    copy_into(y, b)
    return y


cdef object iadd_slot(object a, object b):
    return in_place("add_", FNN_add_forward, elementwise.add, a, b, 1)


cdef object isub_slot(object a, object b):
    return in_place("sub_", FNN_sub_forward, elementwise.sub, a, b, 1)


cdef object imul_slot(object a, object b):
    return in_place("mul_", FNN_mul_forward, elementwise.mul, a, b, 1)


cdef object idiv_slot(object a, object b):
    return in_place("div_", FNN_div_forward, elementwise.div, a, b, 1)


cdef object ipow_slot(object a, object b):
    check_inplace(a, "pow_")
    return written(a, elementwise.pow(a, b), "pow_")


def _add_(self, other, *, alpha=1):
    """self += alpha * other, in place: see `fastnn.add`."""
    if alpha == 1:
        return checked(iadd_slot(self, other), "add_", self, other)
    function = lambda x, b: elementwise.add(x, b, alpha=alpha)
    return checked(in_place("add_", FNN_add_scaled, function, self, other, alpha), "add_", self, other)


def _sub_(self, other, *, alpha=1):
    """self -= alpha * other, in place: see `fastnn.sub`."""
    if alpha == 1:
        return checked(isub_slot(self, other), "sub_", self, other)
    return _add_(self, other, alpha=-alpha)


def _mul_(self, other):
    """self *= other, in place: see `fastnn.mul`."""
    return checked(imul_slot(self, other), "mul_", self, other)


def _div_(self, other):
    """self /= other, in place: see `fastnn.div`."""
    return checked(idiv_slot(self, other), "div_", self, other)


def _pow_(self, exponent):
    """self **= exponent, in place: see `fastnn.pow`."""
    return ipow_slot(self, exponent)


def _fill_(Tensor self, value):
    """Every element becomes `value`, a number or a 0-d tensor (else TypeError, ValueError); in place."""
    cdef double s[8]
    cdef Tensor y
    if isinstance(value, Tensor):
        if (<Tensor>value).size_ != 1:
            raise ValueError(f"fill_: expected a number or a tensor of one element, got shape {shape_of(value)}")
        value = value.item()
    if not is_number(value):
        raise TypeError(f"fill_: value must be a number, got {type(value).__name__}")
    check_inplace(self, "fill_")
    if self.dtype_ > FNN_F64:
        to_numpy(self)[...] = value
        bump(self)
        return self
    s[:] = [value, 0, 0, 0, 0, 0, 0, 0]
    if self.contiguous and not tracked(self):
        fill_dense(self, s)
        bump(self)
        return self
    y = new_like(self)
    fill_dense(y, s)
    if tracked(self):
        record1("fill_", y, self, fill_rule, fill_rule)
    return rebase(self, y)


cdef int fill_rule(Node node, Tensor dy) except -1:
    """The old values are gone: zero, where dy is NaN too."""
    return node.share(0, zeros_of(dy.dtype_, dy.ndim_, dy.shape_))


cdef int fill_dense(Tensor y, const double *s) except -1:
    cdef fnn_call c
    cdef int i
    start(&c, FNN_copy_forward, y.dtype_)
    buffer(&c, y)
    null_buffer(&c)
    c.args.n[0] = y.size_
    c.args.n[1] = c.args.n[2] = c.args.n[3] = 1
    for i in range(8):
        c.args.s[i] = s[i]
    return run(&c, 1, y.size_, 0)


def _zero_(self):
    """Every element becomes 0, in place."""
    return _fill_(self, 0)


def _clamp_(self, min=None, max=None):
    """Each element cut to [min, max], in place: see `fastnn.clamp`."""
    check_inplace(self, "clamp_")
    return written(self, rounding.clamp(self, min, max), "clamp_")


def _lerp_(self, end, weight):
    """self += weight * (end - self), in place: see `fastnn.lerp`."""
    check_inplace(self, "lerp_")
    return written(self, compound.lerp(self, end, weight), "lerp_")


def _addcmul_(self, tensor1, tensor2, *, value=1):
    """self += value * tensor1 * tensor2, in place: see `fastnn.addcmul`."""
    check_inplace(self, "addcmul_")
    return written(self, compound.addcmul(self, tensor1, tensor2, value=value), "addcmul_")


def _addcdiv_(self, tensor1, tensor2, *, value=1):
    """self += value * tensor1 / tensor2, in place: see `fastnn.addcdiv`."""
    check_inplace(self, "addcdiv_")
    return written(self, compound.addcdiv(self, tensor1, tensor2, value=value), "addcdiv_")


def _in_place_form(function):
    """The method that writes function(self) over self."""
    name = function.__name__ + "_"

    def method(Tensor self):
        check_inplace(self, name)
        return written(self, function(self), name)

    method.__name__ = name
    method.__doc__ = f"`fastnn.{function.__name__}`, in place."
    return method


set_binary(OP_IADD, iadd_slot)
set_binary(OP_ISUB, isub_slot)
set_binary(OP_IMUL, imul_slot)
set_binary(OP_ITRUEDIV, idiv_slot)
set_binary(OP_IPOW, ipow_slot)
