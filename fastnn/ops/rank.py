"""Statistics by rank: median, mode and their kin."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.along import gather
from fastnn.ops.argument import _dim as checked_dim
from fastnn.ops.argument import _whole as checked_int
from fastnn.ops.choose import maximum, where
from fastnn.ops.extreme import amax, amin
from fastnn.ops.logic import isnan
from fastnn.ops.order import sort

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


__all__ = [
    "aminmax",
    "kthvalue",
    "median",
    "mode",
    "msort",
    "nanmedian",
]

_kthvalue = namedtuple("kthvalue", ["values", "indices"])
_median = namedtuple("median", ["values", "indices"])
_nanmedian = namedtuple("nanmedian", ["values", "indices"])
_mode = namedtuple("mode", ["values", "indices"])
_aminmax = namedtuple("aminmax", ["min", "max"])


def _picked(x, places, dim, keepdim):
    """(values, places) along dim, one each."""
    if x.ndim == 0:
        return x.clone(), places
    values = gather(x, dim, places)
    return (values, places) if keepdim else (values.squeeze(dim), places.squeeze(dim))


def _at_rank(x, rank, dim):
    """The place of the element of this rank (an int, or a Tensor with one along dim) along dim."""
    order = sort(x.detach(), dim, stable=True).indices
    if isinstance(rank, int):
        return order.narrow(dim, rank, 1) if x.ndim else order
    return gather(order, dim, rank) if x.ndim else order


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The k-th smallest element along a dimension, and its place: ``torch.kthvalue``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    k : int
        From 1.
    dim : int
        Default -1.
    keepdim : bool
        Keep the dimension, with size 1. Default False.

    Returns
    -------
    named tuple (values, indices)
        The input's shape without `dim`; indices int64.

    Raises
    ------
    ValueError
        A k that the dimension has not.
    IndexError
        A `dim` that the input has not.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.kthvalue(fastnn.tensor([3.0, 1.0, 2.0]), 2).values
    tensor(2.)
    """
    x, k = as_tensor(input), checked_int(k, "kthvalue: k")
    dim = checked_dim(dim, x, "kthvalue")
    size = x.shape[dim] if x.ndim else 1
    if not 1 <= k <= size:
        raise ValueError(f"kthvalue: k must be from 1 to {size}, got {k}")
    return _kthvalue(*_picked(x, _at_rank(x, k - 1, dim), dim, keepdim))


def _middle(x, dim, keepdim, skip_nan, op):
    dim = checked_dim(dim, x, op)
    size = x.shape[dim] if x.ndim else 1
    if size == 0:
        raise ValueError(f"{op}: dimension {dim} has size 0")
    rank = (size - 1) // 2
    if x.ndim and x.is_floating_point():
        nans = isnan(x).sum(dim, keepdim=True)
        if skip_nan:
            rank = (maximum(size - nans - 1, 0).to(np.float64) / 2).to(np.int64)
        else:  # NaN is sorted to the end, and wins
            rank = where(nans > 0, size - nans, rank)
    return _picked(x, _at_rank(x, rank, dim), dim, keepdim)


def median(
    input: Tensor, dim: int | None = None, keepdim: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """The middle element, the lower of two: of all, or (values, indices) along a dimension.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    dim : int, optional
        Default: all elements.
    keepdim : bool
        Keep the dimension, with size 1. Default False.

    Returns
    -------
    Tensor, or a named tuple of two
        NaN wins.

    Raises
    ------
    IndexError
        If there is no such dimension.
    ValueError
        If it is empty.

    Notes
    -----
    Has the behaviour of ``torch.median``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.median(fastnn.tensor([3.0, 1.0, 2.0, 4.0]))
    tensor(2.)
    """
    x = as_tensor(input)
    if dim is None:
        return _middle(x.reshape(-1), 0, False, False, "median")[0]
    return _median(*_middle(x, dim, keepdim, False, "median"))


def nanmedian(
    input: Tensor, dim: int | None = None, keepdim: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """`median` that passes over NaN: ``torch.nanmedian``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    dim : int, optional
        Default: of all elements.
    keepdim : bool
        Keep the dimension, with size 1. Default False.

    Returns
    -------
    Tensor, or named tuple (values, indices)
        0-d, or the input's shape without `dim`.

    Raises
    ------
    IndexError
        A `dim` that the input has not.
    ValueError
        If it is empty.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nanmedian(fastnn.tensor([3.0, float("nan"), 2.0]))
    tensor(2.)
    """
    x = as_tensor(input)
    if dim is None:
        return _middle(x.reshape(-1), 0, False, True, "nanmedian")[0]
    return _nanmedian(*_middle(x, dim, keepdim, True, "nanmedian"))


def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The most frequent element along a dimension, the smallest of several, and its last place.

    Has the behaviour of ``torch.mode``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    dim : int
        Default -1.
    keepdim : bool
        Keep the dimension, with size 1. Default False.

    Returns
    -------
    named tuple (values, indices)
        The input's shape without `dim`; indices int64.

    Raises
    ------
    IndexError
        A `dim` that the input has not.
    ValueError
        A dimension of size 0.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.mode(fastnn.tensor([3, 1, 3])).values
    tensor(3)
    """
    x = as_tensor(input)
    dim = checked_dim(dim, x, "mode")
    if x.ndim == 0:
        return _mode(*_picked(x, as_tensor(np.zeros((), np.int64)), dim, keepdim))
    if x.shape[dim] == 0:
        raise ValueError(f"mode: dimension {dim} has size 0")
    rows = np.moveaxis(np.array(x.detach().numpy()), dim, -1)
    places = np.empty((*rows.shape[:-1], 1), np.int64)
    for at in np.ndindex(rows.shape[:-1]):
        values, counts = np.unique(rows[at], return_counts=True)
        places[at] = np.flatnonzero(rows[at] == values[counts.argmax()])[-1]
    return _mode(
        *_picked(x, as_tensor(np.ascontiguousarray(np.moveaxis(places, -1, dim))), dim, keepdim)
    )


def aminmax(
    input: Tensor, *, dim: int | None = None, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """The smallest and the largest element: ``torch.aminmax``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    dim : int, optional
        Default: of all elements.
    keepdim : bool
        Keep the dimension, with size 1. Default False.

    Returns
    -------
    named tuple (min, max)
        The input's shape without `dim`, or 0-d.

    Raises
    ------
    ValueError
        No elements.
    IndexError
        A `dim` that the input has not.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.aminmax(fastnn.tensor([2.0, 1.0, 3.0])).max
    tensor(3.)
    """
    return _aminmax(amin(input, dim, keepdim), amax(input, dim, keepdim))


def msort(input: Tensor) -> Tensor:
    """The input, of any dtype, sorted along its first dimension: ``torch.msort``.

    Raises TypeError where it is no tensor or array.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.msort(fastnn.tensor([3, 1, 2]))
    tensor([1, 2, 3])
    """
    return sort(input, 0).values
