"""Other dtypes: to, float, double, long, int, bool."""
from fastnn._engine.engine cimport *

__all__ = []


cdef int convert_rule(Node node, Tensor dy) except -1:
    return node.give(0, converted(dy, <int>node.n[0]))  # records only where the graph is wanted


cdef Tensor converted(Tensor x, int dtype):
    cdef Tensor y
    cdef Node node
    if x.dtype_ == dtype:
        return x
    y = cast(x, dtype)
    if tracked(x) and dtype <= FNN_F64:
        node = record1("to", y, x, convert_rule, convert_rule)
        node.n[0] = x.dtype_
    return y


cdef tuple DEVICES = ("cpu", "cuda", "mps", "xpu", "meta")     # strings that are no dtype


def _to(Tensor self, device=None, dtype=None, non_blocking=False, copy=False):
    """The tensor with another dtype, of the same shape; gradients are converted back.

    Parameters
    ----------
    device : "cpu", dtype or Tensor, optional
        The device, which is where all tensors are; or, in its place, the dtype, or a tensor that has it.
    dtype : dtype, optional
        float32, float64, int64, int32 or bool.
    non_blocking : bool
        Changes nothing: there is one device.
    copy : bool
        Copy even if the dtype is the same. Default False.

    Returns
    -------
    Tensor
        Itself if there is nothing to do. Floating point to integer cuts off; to bool gives != 0.

    Raises
    ------
    TypeError
        If it is no such dtype.

    Notes
    -----
    Has the behaviour of ``torch.Tensor.to``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tensor([1.5, -2.5]).to(fastnn.int64)
    tensor([ 1, -2])
    """
    cdef Tensor y = self
    if isinstance(device, Tensor):
        y = converted(self, (<Tensor>device).dtype_)
    elif device is not None and not (isinstance(device, str) and device.split(":")[0] in DEVICES):
        device, dtype = None, device
    else:
        on_cpu(device, "to")
    if dtype is not None:
        y = converted(self, dtype_code(dtype, "to: dtype"))
    return self.clone() if copy and y is self else y


def _type_as(Tensor self, Tensor other):
    """The tensor with other's dtype; see `Tensor.to`."""
    return converted(self, other.dtype_)


def _float(Tensor self):
    """The tensor as float32; see `Tensor.to`."""
    return converted(self, FNN_F32)


def _double(Tensor self):
    """The tensor as float64; see `Tensor.to`."""
    return converted(self, FNN_F64)


def _long(Tensor self):
    """The tensor as int64; see `Tensor.to`."""
    return converted(self, FNN_I64)


def _int(Tensor self):
    """The tensor as int32; see `Tensor.to`."""
    return converted(self, FNN_I32)


def _bool(Tensor self):
    """The tensor as bool: true where it is not zero; see `Tensor.to`."""
    return converted(self, FNN_BOOL)


def _cpu(Tensor self):
    """The tensor itself: all tensors are in the CPU's memory."""
    return self
