"""Counting and looking up: unique elements, histograms, sorted search. None has a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _dim as checked_dim
from fastnn.ops.argument import _named as named
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


__all__ = [
    "argwhere",
    "bincount",
    "bucketize",
    "count_nonzero",
    "histc",
    "isin",
    "searchsorted",
    "unique",
    "unique_consecutive",
]


def _array(x):
    return np.array(as_tensor(x).detach().numpy())


def _several(y, inverse, counts, return_inverse, return_counts):
    found = [as_tensor(np.ascontiguousarray(y))]
    found += [as_tensor(np.ascontiguousarray(inverse))] if return_inverse else []
    found += [as_tensor(np.ascontiguousarray(counts))] if return_counts else []
    return tuple(found) if len(found) > 1 else found[0]


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """The distinct elements, or slices along a dimension, in rising order.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    sorted : bool
        Accepted for PyTorch's sake: the result is always sorted.
    return_inverse, return_counts : bool
        Return where each element went, and how many of each there are. Default False.
    dim : int, optional
        Compare whole slices along it. Default: elements.

    Returns
    -------
    Tensor, or a tuple of up to three

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.unique``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.unique(fastnn.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    x = _array(input)
    dim = None if dim is None else checked_dim(dim, as_tensor(x), "unique")
    y, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim)
    inverse = inverse.reshape(x.shape if dim is None else -1)
    return _several(y, inverse, counts, return_inverse, return_counts)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Tensor | tuple[Tensor, ...]:
    """The input without repetitions of neighbours: ``torch.unique_consecutive``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    return_inverse : bool
        Return where each element went, too. Default False.
    return_counts : bool
        Return how many there were of each, too. Default False.
    dim : int, optional
        Compare the slices along it. Default: the flattened input.

    Returns
    -------
    Tensor, or tuple of Tensor
        (count,), then inverse and counts, int64, where asked for.

    Raises
    ------
    IndexError
        A `dim` that the input has not.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.unique_consecutive(fastnn.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    x = _array(input)
    dim = None if dim is None else checked_dim(dim, as_tensor(x), "unique_consecutive")
    rows = x.reshape(-1, 1) if dim is None else np.moveaxis(x, dim, 0).reshape(x.shape[dim], -1)
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:] != rows[:-1]).any(1)
    starts = np.flatnonzero(first)
    y = x.reshape(-1)[starts] if dim is None else np.take(x, starts, dim)
    inverse = np.cumsum(first) - 1
    inverse = inverse.reshape(x.shape) if dim is None else inverse
    counts = np.diff(np.append(starts, len(rows)))
    return _several(y, inverse, counts, return_inverse, return_counts)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each whole number from 0 occurs, or the sum of its weights: ``torch.bincount``.

    Parameters
    ----------
    input : Tensor
        (N,), integers from 0.
    weights : Tensor, optional
        (N,): sums of these instead of counts.
    minlength : int
        Least length of the result. Default 0.

    Returns
    -------
    Tensor
        (max(input) + 1 or minlength,), int64; float64 with weights.

    Raises
    ------
    ValueError
        Negative numbers, numbers that are no integers, or shapes that differ.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bincount(fastnn.tensor([1, 2, 1]))
    tensor([0, 2, 1])
    """
    x = _array(input)
    if x.ndim != 1 or x.dtype.kind not in "iu" or (x < 0).any():
        raise ValueError("bincount: input must hold integers from 0 in one dimension")
    w = None if weights is None else _array(weights)
    minlength = whole(minlength, "bincount: minlength", least=0)
    with named("bincount"):
        y = np.bincount(x, w, minlength)
    return as_tensor(y.astype(np.int64 if w is None else np.float64))


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements lie in each of `bins` equal parts from min to max (of the data, if both are 0).

    Parameters
    ----------
    input : Tensor
        Any shape, float.
    bins : int
        Default 100.
    min, max : number
        Limits; elements outside are left out. Default 0 and 0: those of the data.

    Returns
    -------
    Tensor
        (bins,), of the input's dtype, as ``torch.histc`` gives.

    Raises
    ------
    ValueError
        No bins, or max below min.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.histc(fastnn.tensor([1.0, 2.0, 2.0]), bins=2)
    tensor([1., 2.])
    """
    x, bins = _array(input).reshape(-1), whole(bins, "histc: bins", least=1)
    min, max = float(number(min, "histc: min")), float(number(max, "histc: max"))
    if min == 0 and max == 0 and x.size:
        min, max = x.min(), x.max()
    if min == max:
        min, max = min - 1, max + 1
    if not min < max or not np.isfinite([min, max]).all():
        raise ValueError(f"histc: min and max must be finite and rise, got {min} and {max}")
    with named("histc"):
        return as_tensor(np.histogram(x, bins, (min, max))[0].astype(x.dtype))


def argwhere(input: Tensor) -> Tensor:
    """The indices of the elements that are not 0, one row each: ``torch.argwhere``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.

    Returns
    -------
    Tensor
        (count, ndim), int64.

    Raises
    ------
    TypeError
        If it is no tensor or array.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.argwhere(fastnn.tensor([0, 5, 6]))
    tensor([[1],
            [2]])
    """
    return as_tensor(np.argwhere(_array(input)).astype(np.int64))


def isin(
    elements: Tensor | float,
    test_elements: Tensor | float,
    *,
    assume_unique: bool = False,
    invert: bool = False,
) -> Tensor:
    """Whether each element is among the others: a bool tensor; ``torch.isin``.

    Parameters
    ----------
    elements, test_elements : Tensor or number
        Any shapes.
    assume_unique : bool
        A promise of PyTorch's that is not needed here. Default False.
    invert : bool
        Whether each is not among them. Default False.

    Returns
    -------
    Tensor
        The shape of `elements`, bool.

    Raises
    ------
    TypeError
        If one is no tensor, array or number.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.isin(fastnn.tensor([1, 2]), fastnn.tensor([2, 3])).tolist()
    [False, True]
    """
    return as_tensor(
        np.isin(_array(elements), _array(test_elements), assume_unique=assume_unique, invert=invert)
    )


def searchsorted(
    sorted_sequence: Tensor,
    values: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
) -> Tensor:
    """Where values would be inserted into sorted sequences to keep them sorted.

    Parameters
    ----------
    sorted_sequence : Tensor
        (..., N), rising along the last dimension; or (N,) for any values.
    values : Tensor or number
        (..., M).
    out_int32 : bool
        int32 instead of int64. Default False.
    right : bool
        Behind equal elements instead of in front. Default False.
    side : {"left", "right"}, optional
        The same in words.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If shapes do not fit, or right and side contradict.

    Notes
    -----
    Has the behaviour of ``torch.searchsorted``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.searchsorted(fastnn.tensor([1.0, 3.0, 5.0]), fastnn.tensor([3.0, 4.0]))
    tensor([1, 2])
    """
    a, v = _array(sorted_sequence), _array(values)
    if side not in (None, "left", "right") or (side == "left" and right):
        raise ValueError(f"searchsorted: side {side!r} and right={right} do not fit")
    where = "right" if right or side == "right" else "left"
    if a.ndim == 1:
        y = np.searchsorted(a, v, where)
    else:
        if a.shape[:-1] != v.shape[:-1]:
            raise ValueError(
                f"searchsorted: {a.shape} and {v.shape} differ before the last dimension"
            )
        y = np.empty(v.shape, np.int64)
        for at in np.ndindex(v.shape[:-1]):
            y[at] = np.searchsorted(a[at], v[at], where)
    return as_tensor(np.asarray(y, np.int32 if out_int32 else np.int64))


def bucketize(
    input: Tensor | float, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The number of the bucket between boundaries that each element falls into: ``torch.bucketize``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    boundaries : Tensor
        (B,), rising.
    out_int32 : bool
        int32 instead of int64. Default False.
    right : bool
        An element equal to a boundary belongs to the bucket behind it. Default False.

    Returns
    -------
    Tensor
        Of the input's shape, from 0 to B.

    Raises
    ------
    ValueError
        Boundaries that are no vector.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bucketize(fastnn.tensor([2.0, 9.0]), fastnn.tensor([1.0, 3.0]))
    tensor([1, 2])
    """
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def count_nonzero(input: Tensor, dim: int | None = None) -> Tensor:
    """How many elements are not 0, of all or along dimensions: ``torch.count_nonzero``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    dim : int or tuple of int, optional
        Default: of all elements.

    Returns
    -------
    Tensor
        int64.

    Raises
    ------
    IndexError
        A `dim` that the input has not.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.count_nonzero(fastnn.tensor([2.0, 0.0, 3.0]))
    tensor(2)
    """
    return (as_tensor(input) != 0).sum(dim)
