"""Largest and smallest elements, where they are."""
from collections import namedtuple

from fastnn._engine.engine cimport *
from fastnn.ops.fold cimport *

import numpy as np

cdef extern from "fastnn.h":
    enum:
        FNN_amax, FNN_amin, FNN_max_position, FNN_min_position, FNN_ties_backward, FNN_pick_backward

__all__ = ["amax", "amin", "argmax", "argmin", "max", "min"]

_max = namedtuple("max", ["values", "indices"])
_min = namedtuple("min", ["values", "indices"])


cdef int check_some(Tensor x, int64_t mask, str what) except -1:
    cdef int i
    if mask == 0 and x.size_ == 0 and x.ndim_ == 0:
        raise ValueError(f"{what}: the input is empty")
    for i in range(x.ndim_):
        if mask >> i & 1 and x.shape_[i] == 0:
            raise ValueError(f"{what}: dimension {i} has size 0, expected at least one element")
    return 0


# --- values only ------------------------------------------------------------------------------------

cdef int ties_rule(Node node, Tensor dy) except -1:
    return spread(node, dy, FNN_ties_backward, node.b, node.b, node.a, None, 1)


cdef int ties_graph(Node node, Tensor dy) except -1:
    same = cast(node.b.detach() == widened(node.a, node.b, node.n[0]), dy.dtype_)
    count = same.sum(tuple([i for i in range(node.b.ndim_) if node.n[0] >> i & 1]), True)
    return node.give(0, widened(dy, node.b, node.n[0]) * (same / count))


cdef Tensor extreme(bint largest, object input, object dim, bint keepdim, str what):
    cdef Tensor x = as_tensor(input, "input")
    cdef int64_t mask = mask_of(x, dim, what)
    cdef int kernel = FNN_amax if largest else FNN_amin
    cdef Axis axis
    cdef Tensor y
    cdef Node node
    check_some(x, mask, what)
    if x.dtype_ > FNN_F64:
        return by_numpy(np.max if largest else np.min, x, dim, keepdim)
    y = reduced(x, mask, keepdim, x.dtype_)
    measure(x, mask, &axis)
    fold(kernel, kernel, y, packed(x, &axis), &axis, 1, False)
    if tracked(x):
        node = record1("amax" if largest else "amin", y, x, ties_rule, ties_graph)
        save_output(node, y, x, None)
        node.n[0] = mask
    return y


def amax(input, dim=(), keepdim=False):
    """The largest element, or the largest along dimensions; equal ones share the gradient.

    Parameters
    ----------
    input : Tensor
        Any dtype.
    dim : int or tuple of int
        Which dimensions to reduce. Default: all.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.

    Returns
    -------
    Tensor
        NaN where some element is NaN.

    Raises
    ------
    ValueError
        If there are no elements to choose from.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.amax``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.amax(fastnn.tensor([[1.0, 5.0], [3.0, 4.0]]), dim=1)
    tensor([5., 4.])
    """
    return extreme(True, input, dim, keepdim, "amax")


def amin(input, dim=(), keepdim=False):
    """The smallest element, or the smallest along dimensions; equal ones share the gradient.

    Parameters
    ----------
    input : Tensor
        Any dtype.
    dim : int or tuple of int
        Which dimensions to reduce. Default: all.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.

    Returns
    -------
    Tensor
        NaN where some element is NaN.

    Raises
    ------
    ValueError
        If there are no elements to choose from.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.amin``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.amin(fastnn.tensor([[1.0, 5.0], [3.0, 4.0]]), dim=1)
    tensor([1., 3.])
    """
    return extreme(False, input, dim, keepdim, "amin")


# --- values and where they are ----------------------------------------------------------------------

cdef int pick_rule(Node node, Tensor dy) except -1:
    return spread(node, dy, FNN_pick_backward, node.a, None, node.b, None, 1)


cdef int pick_graph(Node node, Tensor dy) except -1:
    """dx = dy where x was chosen: by an array of ones and zeros."""
    cdef int i, d = 0
    for i in range(node.a.ndim_):
        if node.n[0] >> i & 1:
            d = i
    kept = node.b.reshape(tuple([1 if i == d else node.a.shape_[i] for i in range(node.a.ndim_)]))
    numbers = as_tensor(np.arange(node.a.shape_[d] if node.a.ndim_ else 1).reshape(
        [-1 if i == d else 1 for i in range(node.a.ndim_)]), "positions")
    return node.give(0, widened(dy, node.a, node.n[0]) * cast(kept == numbers, dy.dtype_))


cdef tuple positions(bint largest, Tensor x, object dim, bint keepdim, str what):
    """(values, positions along the reduced dimension; in the flattened input if all are)."""
    cdef int64_t mask = mask_of(x, dim, what)
    cdef int kernel = FNN_max_position if largest else FNN_min_position
    cdef Tensor values, places, block_values, block_places
    cdef Axis axis
    cdef fnn_call c
    check_some(x, mask, what)
    measure(x, mask, &axis)
    values = reduced(x, mask, keepdim, x.dtype_)
    places = reduced(x, mask, keepdim, FNN_I64)
    block_values, block_places = values, places
    if axis.blocks > 1:
        block_values = new_1d(x.dtype_, axis.outer * axis.blocks * axis.inner)
        block_places = new_1d(FNN_I64, block_values.size_)
    x = packed(x, &axis)
    start(&c, kernel, x.dtype_)
    buffer(&c, block_values)
    buffer(&c, block_places)
    buffer(&c, x)
    null_buffer(&c)
    put_axis(&c, &axis)
    run(&c, 2, 2.0 * x.size_, 0)
    if axis.blocks > 1:
        start(&c, kernel, x.dtype_)
        buffer(&c, values)
        buffer(&c, places)
        buffer(&c, block_values)
        buffer(&c, block_places)
        put_axis(&c, &axis)
        c.args.n[1] = c.args.n[3] = axis.blocks
        run(&c, 2, 2.0 * block_values.size_, 0)
    return values, places


cdef object extreme_along(bint largest, object input, object dim, bint keepdim, str what):
    cdef Tensor x = as_tensor(input, "input")
    cdef Tensor values, places
    cdef Node node
    if dim is None:
        return extreme(largest, x, None, keepdim, what)
    if isinstance(dim, Tensor):
        import fastnn
        return fastnn.maximum(x, dim) if largest else fastnn.minimum(x, dim)
    d = checked_dim(dim, x.ndim_, what)
    result = _max if largest else _min
    if x.dtype_ > FNN_F64:
        check_some(x, mask_of(x, dim, what), what)
        place = places_by_numpy(largest, x, d, True)
        value = np.take_along_axis(to_numpy(x), place, d) if x.ndim_ else to_numpy(x).copy()
        if not keepdim and x.ndim_:
            place, value = place.squeeze(d), value.squeeze(d)
        return result(as_tensor(value, "values"), as_tensor(place, "indices"))
    values, places = positions(largest, x, d, keepdim, what)
    if tracked(x):
        node = record1("max" if largest else "min", values, x, pick_rule, pick_graph)
        save(node, shape_only(x), places, None)
        node.n[0] = mask_of(x, d, what)
    return result(values, places)


cdef object places_by_numpy(bint largest, Tensor x, object dim, bint keepdim):
    return np.asarray((np.argmax if largest else np.argmin)(
        to_numpy(x), axis=dim if x.ndim_ else None, keepdims=keepdim))


def max(input, dim=None, keepdim=False):
    """The largest element; along a dimension, with its index; or the larger of two tensors.

    Parameters
    ----------
    input : Tensor
        Any dtype.
    dim : int or Tensor, optional
        The dimension to reduce. Default: all, for the value alone, whose gradient equal elements
        share. A Tensor: as `maximum`.
    keepdim : bool
        Keep the reduced dimension, with size 1. Default False.

    Returns
    -------
    Tensor or (values, indices)
        A named tuple if `dim` is an int. The first of equal elements has the index, and the
        gradient; NaN counts as largest.

    Raises
    ------
    ValueError
        If there are no elements to choose from.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.max``.

    Examples
    --------
    >>> import fastnn
    >>> values, indices = fastnn.max(fastnn.tensor([[1.0, 5.0], [3.0, 4.0]]), 1)
    >>> indices
    tensor([1, 1])
    """
    return extreme_along(True, input, dim, keepdim, "max")


def min(input, dim=None, keepdim=False):
    """The smallest element; along a dimension, with its index; or the smaller of two tensors.

    Parameters
    ----------
    input : Tensor
        Any dtype.
    dim : int or Tensor, optional
        The dimension to reduce. Default: all, for the value alone, whose gradient equal elements
        share. A Tensor: as `minimum`.
    keepdim : bool
        Keep the reduced dimension, with size 1. Default False.

    Returns
    -------
    Tensor or (values, indices)
        A named tuple if `dim` is an int. The first of equal elements has the index, and the
        gradient; NaN counts as smallest.

    Raises
    ------
    ValueError
        If there are no elements to choose from.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.min``.

    Examples
    --------
    >>> import fastnn
    >>> values, indices = fastnn.min(fastnn.tensor([[1.0, 5.0], [3.0, 4.0]]), 1)
    >>> indices
    tensor([0, 0])
    """
    return extreme_along(False, input, dim, keepdim, "min")


cdef Tensor place_of(bint largest, object input, object dim, bint keepdim, str what):
    cdef Tensor x = as_tensor(input, "input")
    if dim is not None:
        dim = checked_dim(dim, x.ndim_, what)
    if x.dtype_ <= FNN_F64:
        return positions(largest, x, dim, keepdim, what)[1]
    check_some(x, mask_of(x, dim, what), what)
    return as_tensor(places_by_numpy(largest, x, dim, keepdim), "indices")


def argmax(input, dim=None, keepdim=False):
    """The index of the largest element, or of the largest along a dimension.

    Parameters
    ----------
    input : Tensor
        Any dtype.
    dim : int, optional
        The dimension to reduce. Default: all; the index then counts the elements in C order.
    keepdim : bool
        Keep the reduced dimension, with size 1. Default False.

    Returns
    -------
    Tensor
        int64; of equal elements the first; NaN counts as largest.

    Raises
    ------
    ValueError
        If there are no elements to choose from.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.argmax``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.argmax(fastnn.tensor([[1.0, 5.0], [3.0, 4.0]]), dim=0)
    tensor([1, 0])
    """
    return place_of(True, input, dim, keepdim, "argmax")


def argmin(input, dim=None, keepdim=False):
    """The index of the smallest element, or of the smallest along a dimension.

    Parameters
    ----------
    input : Tensor
        Any dtype.
    dim : int, optional
        The dimension to reduce. Default: all; the index then counts the elements in C order.
    keepdim : bool
        Keep the reduced dimension, with size 1. Default False.

    Returns
    -------
    Tensor
        int64; of equal elements the first; NaN counts as smallest.

    Raises
    ------
    ValueError
        If there are no elements to choose from.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.argmin``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.argmin(fastnn.tensor([[1.0, 5.0], [3.0, 4.0]]), dim=0)
    tensor([0, 1])
    """
    return place_of(False, input, dim, keepdim, "argmin")
