"""Masks: masked_fill, masked_select, and the places of what is not zero."""
from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport is_number
from fastnn.ops.slices cimport pick_rows
from fastnn.ops.expand cimport expand_to

import numpy as np

cdef extern from "fastnn.h":
    enum: FNN_masked_fill

__all__ = ["masked_fill", "masked_select", "nonzero"]


cdef Tensor mask_from(object mask, str what):
    cdef Tensor m = as_tensor(mask, "mask")
    if m.dtype_ != FNN_BOOL:
        raise TypeError(f"{what}: mask must be bool, got {dtype_name(m.dtype_)}")
    return m


cdef Tensor wide(Tensor x, Tensor other, str what):
    """x expanded to the shape that it has in common with the other."""
    cdef int64_t shape[8]
    cdef int64_t a, b
    cdef int i, ndim = max(x.ndim_, other.ndim_)
    if same_shape(x, other):
        return x
    for i in range(ndim):
        a = x.shape_[x.ndim_ - 1 - i] if i < x.ndim_ else 1
        b = other.shape_[other.ndim_ - 1 - i] if i < other.ndim_ else 1
        if a != b and a != 1 and b != 1:
            raise ValueError(f"{what}: mask and input, of shapes {shape_of(x)} and {shape_of(other)}, "
                             "cannot be broadcast together")
        shape[ndim - 1 - i] = b if a == 1 else a
    return expand_to(x, ndim, shape, what)


cdef int masked_fill_rule(Node node, Tensor dy) except -1:
    return node.give(0, masked_fill(dy, node.a, 0.0))       # records only where the graph is wanted


cpdef Tensor masked_fill(input, mask, value):
    """A number wherever the mask is set, the input elsewhere: y = value if mask else x.

    Parameters
    ----------
    input : Tensor
    mask : Tensor of bool
        Broadcast with the input.
    value : number or Tensor
        One number; a tensor of one element may require grad.

    Returns
    -------
    Tensor
        Of the input's dtype.

    Raises
    ------
    TypeError
        If the mask is not bool.
    ValueError
        If shapes cannot be broadcast, or the value has more than one element.

    Notes
    -----
    Has the behaviour of ``torch.Tensor.masked_fill``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([1.0, -2.0, 3.0])
    >>> fastnn.masked_fill(x, x < 0, 0.0)
    tensor([1., 0., 3.])
    """
    cdef Tensor x = as_tensor(input, "masked_fill: input"), y, packed, m = mask_from(mask, "masked_fill")
    cdef fnn_call c
    cdef Node node
    if isinstance(value, (Tensor, np.ndarray)):
        if as_tensor(value, "masked_fill: value").size_ != 1:
            raise ValueError(f"masked_fill: value must be one number, got shape {tuple(value.shape)}")
        if isinstance(value, Tensor) and x.dtype_ <= FNN_F64:
            from fastnn.ops.choose import where
            return where(m, value.reshape(()).to(dtype_name(x.dtype_)), x)
        value = value.item()
    if not is_number(value):
        raise TypeError(f"masked_fill: value must be a number, got {type(value).__name__}")
    m = contiguous(wide(m, x, "masked_fill"))
    x = wide(x, m, "masked_fill")
    if x.dtype_ > FNN_F64:
        from fastnn.ops.choose import where
        return where(m, from_array(np.asarray(bool(value) if x.dtype_ == FNN_BOOL else int(value)), x.dtype_, "masked_fill: value"), x)
    y = new(x.dtype_, x.ndim_, x.shape_)
    packed = contiguous(x)
    start(&c, FNN_masked_fill, x.dtype_)
    buffer(&c, y)
    buffer(&c, packed)
    buffer(&c, m)
    c.args.n[0] = x.size_
    c.args.s[0] = value
    run(&c, 1, x.size_, 0)
    if tracked(x):
        node = record1("masked_fill", y, x, masked_fill_rule, masked_fill_rule)
        save(node, m, None, None)
    return y


def masked_select(input, mask):
    """The elements where the mask is set, in one dimension.

    Parameters
    ----------
    input : Tensor
    mask : Tensor of bool
        Broadcast with the input.

    Returns
    -------
    Tensor
        As long as there are set places, in C order.

    Raises
    ------
    TypeError
        If the mask is not bool.
    ValueError
        If shapes cannot be broadcast.

    Notes
    -----
    Has the behaviour of ``torch.masked_select``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([1.0, -2.0, 3.0])
    >>> fastnn.masked_select(x, x > 0)
    tensor([1., 3.])
    """
    cdef Tensor x = as_tensor(input, "masked_select: input"), m = mask_from(mask, "masked_select")
    m = wide(m, x, "masked_select")
    x = wide(x, m, "masked_select")
    places = from_array(np.flatnonzero(to_numpy(m)), FNN_I64, "mask")
    return pick_rows(x, places, 0, x.ndim_)


def nonzero(input, *, as_tuple=False):
    """The places of all elements that are not zero, in C order.

    Parameters
    ----------
    input : Tensor
    as_tuple : bool
        One tensor of places for each dimension, fit for indexing, instead of one row for each
        place. Default False.

    Returns
    -------
    Tensor of int64, shape (places, dimensions); or tuple of Tensor

    Raises
    ------
    TypeError
        If the input is no tensor or array.

    Notes
    -----
    Has the behaviour of ``torch.nonzero``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nonzero(fastnn.tensor([0, 5, 6]))
    tensor([[1],
            [2]])
    """
    cdef Tensor x = as_tensor(input, "nonzero: input")
    if as_tuple:
        found = np.nonzero(to_numpy(x) if x.ndim_ else to_numpy(x).reshape(1))
        return tuple([from_array(a, FNN_I64, "nonzero") for a in found])
    return from_array(np.argwhere(to_numpy(x)), FNN_I64, "nonzero")


def _masked_fill_(Tensor self, mask, value):
    """`fastnn.masked_fill` in place, without broadcasting the tensor itself; returns the tensor."""
    check_inplace(self, "masked_fill_")
    cdef Tensor y = masked_fill(self, mask, value)
    if not same_shape(self, y):
        raise ValueError(f"masked_fill_: mask of shape {tuple(mask.shape)} does not fit into shape {shape_of(self)}")
    return rebase(self, y)
