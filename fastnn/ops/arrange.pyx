"""Elements copied, repeated or turned round, in new memory: clone, tile, flip, roll."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport dims_from, from_varargs, listed, sizes_from, whole
from fastnn.ops.expand cimport expand_to
from fastnn.ops.memory cimport copy_of
from fastnn.ops.shape cimport reshape_to
from fastnn.ops.window cimport Window, cut, piece, real_dim, whole_window
from fastnn.ops.join import cat

__all__ = ["clone", "flip", "repeat_interleave", "roll", "tile"]


# --- copies ---------------------------------------------------------------------------------------

cdef int clone_rule(Node node, Tensor dy) except -1:
    return node.share(0, dy)


def clone(input):
    """A copy in memory of its own; gradients pass through.

    Parameters
    ----------
    input : Tensor

    Returns
    -------
    Tensor
        Of the same shape and dtype; the order of the dimensions in memory is kept where there are
        no gaps.

    Raises
    ------
    TypeError
        If the input is no tensor or array.

    Notes
    -----
    Has the behaviour of ``torch.clone``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([1.0, 2.0])
    >>> y = fastnn.clone(x)
    >>> y[0] = 5.0
    >>> x
    tensor([1., 2.])
    """
    cdef Tensor x = as_tensor(input, "clone: input")
    cdef Tensor y = new_strided_like(x)
    copy_into(y, x)
    if tracked(x):
        record1("clone", y, x, clone_rule, clone_rule)
    return y


def _contiguous(Tensor self):
    """The tensor itself if its elements lie in C order without gaps, else a copy that does so."""
    if self.contiguous:
        return self
    cdef Tensor y = copy_of(self)
    if tracked(self):
        record1("contiguous", y, self, clone_rule, clone_rule)
    return y


# --- repeating ------------------------------------------------------------------------------------

cdef Tensor repeated(Tensor x, int dim, int64_t times, bint each, str what):
    """The dimension `times` as long: every element (each), or the whole, repeated."""
    cdef int64_t shape[9]
    cdef int64_t sizes[8]
    cdef int i, at = dim + each
    if times > 0 and x.shape_[dim] > (<int64_t>1 << 46) // times:
        raise MemoryError(f"{what}: more than 2**46 elements")
    for i in range(x.ndim_ + 1):
        shape[i] = times if i == at else x.shape_[i - (i > at)]
    for i in range(x.ndim_):
        sizes[i] = x.shape_[i] * (times if i == dim else 1)
    if x.ndim_ == 8:                                    # no room for one more: piece by piece
        if each:
            return cat([piece(x, dim, i // times, 1) for i in range(sizes[dim])], dim)
        return cat([x] * times, dim) if times else piece(x, dim, 0, 0)
    cdef int64_t one[9]
    for i in range(x.ndim_ + 1):
        one[i] = 1 if i == at else shape[i]
    cdef Tensor wide = reshape_to(x, x.ndim_ + 1, one, "repeat", True)
    return reshape_to(expand_to(wide, x.ndim_ + 1, shape, "repeat"), x.ndim_, sizes, "repeat", True)


def tile(input, dims):
    """Repeat the whole tensor along each dimension.

    Parameters
    ----------
    input : Tensor
    dims : tuple of int
        How often; lengths are made equal by ones in front, of the shape or of `dims`.

    Returns
    -------
    Tensor
        A copy, of the same dtype.

    Raises
    ------
    ValueError
        If a number is negative.

    Notes
    -----
    Has the behaviour of ``torch.tile``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tile(fastnn.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2])
    """
    cdef Tensor x = as_tensor(input, "tile: input")
    cdef int64_t times[8]
    cdef int64_t shape[8]
    cdef int i, k, n = sizes_from(dims, times, "tile")
    cdef int ndim = max(n, x.ndim_)
    for i in range(n):
        if times[i] < 0:
            raise ValueError(f"tile: dims must not be negative, got {times[i]}")
    for i in range(ndim):
        shape[i] = x.shape_[i - (ndim - x.ndim_)] if i >= ndim - x.ndim_ else 1
    cdef Tensor y = reshape_to(x, ndim, shape, "tile", True)
    for i in range(n):
        k = ndim - n + i
        if times[i] != 1:
            y = repeated(y, k, times[i], False, "tile")
    return clone(y) if y.storage is x.storage else y


def _repeat(Tensor self, *sizes):
    """Repeat the tensor along each dimension, `sizes` times: ``torch.Tensor.repeat``.

    As `fastnn.tile`, but ValueError where there are fewer numbers than dimensions.
    """
    sizes = tuple(from_varargs(sizes))
    if len(sizes) < self.ndim_:
        raise ValueError(f"repeat: expected at least {self.ndim_} sizes, one for each dimension, got {len(sizes)}")
    return tile(self, sizes)


def _tile(self, *dims):
    """Repeat the tensor along each dimension; see `fastnn.tile`."""
    return tile(self, from_varargs(dims))


def repeat_interleave(input, repeats, dim=None):
    """Repeat every element along a dimension.

    Parameters
    ----------
    input : Tensor
    repeats : int or Tensor of int64
        How often; a tensor has one number for each place.
    dim : int, optional
        Default: the flattened input.

    Returns
    -------
    Tensor
        A copy, of the same dtype.

    Raises
    ------
    ValueError
        If a number is negative, or there are not as many as places.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.repeat_interleave``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.repeat_interleave(fastnn.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    cdef Tensor x = as_tensor(input, "repeat_interleave: input")
    cdef int64_t flat = x.size_
    if dim is None:
        x = reshape_to(x, 1, &flat, "repeat_interleave", True)
        dim = 0
    cdef int d = real_dim(x, dim, "repeat_interleave")
    if isinstance(repeats, int):
        if repeats < 0:
            raise ValueError(f"repeat_interleave: repeats must not be negative, got {repeats}")
        return repeated(x, d, whole(repeats, "repeat_interleave: repeats"), True, "repeat_interleave")
    counts = to_numpy(as_tensor(repeats, "repeat_interleave: repeats"))
    if counts.dtype.kind != "i" or counts.ndim > 1 or counts.size not in (1, x.shape_[d]) or (counts < 0).any():
        raise ValueError(f"repeat_interleave: repeats must be {x.shape_[d]} integers, none negative, "
                         f"got {counts.dtype} of shape {counts.shape}")
    from fastnn.ops.slices import index_select
    return index_select(x, d, np.repeat(np.arange(x.shape_[d]), counts))


# --- turning --------------------------------------------------------------------------------------

cdef int flip_rule(Node node, Tensor dy) except -1:
    return node.give(0, flipped(dy, node.extra))        # records only where the graph is wanted


cdef Tensor flipped(Tensor x, tuple dims):
    cdef Window w = whole_window(x)
    cdef int d
    for d in dims:
        if x.shape_[d] > 0:
            w.start[d] = x.shape_[d] - 1
            w.step[d] = -1
    cdef Tensor y = copy_of(cut(x, w))
    if tracked(x):
        record1("flip", y, x, flip_rule, flip_rule).extra = dims
    return y


def flip(input, dims):
    """Reverse the order along dimensions.

    Parameters
    ----------
    input : Tensor
    dims : int or tuple of int

    Returns
    -------
    Tensor
        A copy, of the same dtype.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.flip``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.flip(fastnn.tensor([1, 2, 3]), (0,))
    tensor([3, 2, 1])
    """
    cdef Tensor x = as_tensor(input, "flip: input")
    return flipped(x, dims_from(dims, x, "flip") if x.ndim_ else ())


def _flip(self, *dims):
    """Reverse the order along dimensions; see `fastnn.flip`."""
    return flip(self, from_varargs(dims))


def roll(input, shifts, dims=None):
    """Move elements along dimensions; those that leave at one end come in at the other.

    Parameters
    ----------
    input : Tensor
    shifts : int or tuple of int
        Towards higher places if positive.
    dims : int or tuple of int, optional
        As many as shifts. Default: the flattened input.

    Returns
    -------
    Tensor
        A copy, of the same dtype.

    Raises
    ------
    ValueError
        If their numbers differ.

    Notes
    -----
    Has the behaviour of ``torch.roll``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.roll(fastnn.tensor([1, 2, 3, 4]), 1)
    tensor([4, 1, 2, 3])
    """
    cdef Tensor x = as_tensor(input, "roll: input")
    cdef int64_t flat = x.size_, shift
    cdef int d
    shifts = listed(shifts)
    if dims is None:
        if len(shifts) != 1:
            raise ValueError(f"roll: {len(shifts)} shifts need dims")
        moved = roll(reshape_to(x, 1, &flat, "roll", True), shifts, 0)
        return reshape_to(moved, x.ndim_, x.shape_, "roll", True)
    places = listed(dims)
    if len(shifts) != len(places):
        raise ValueError(f"roll: {len(shifts)} shifts and {len(places)} dims")
    cdef Tensor y = x
    for by, dim in zip(shifts, places):
        d = real_dim(x, dim, "roll")
        if x.shape_[d] == 0:
            continue
        shift = whole(by, "roll: shifts") % x.shape_[d]
        shift += x.shape_[d] if shift < 0 else 0
        if shift:
            y = cat((piece(y, d, x.shape_[d] - shift, shift), piece(y, d, 0, x.shape_[d] - shift)), d)
    return clone(y) if y is x else y
