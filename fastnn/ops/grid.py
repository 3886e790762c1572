"""Grids, choices and blocks: meshgrid, cartesian_prod, block_diag."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _named as named
from fastnn.ops.argument import _several as several
from fastnn.ops.argument import _whole as whole
from fastnn.ops.border import diag, pad
from fastnn.ops.join import cat, stack
from fastnn.ops.stacks import atleast_2d

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


__all__ = [
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "combinations",
    "diagflat",
    "meshgrid",
    "tril_indices",
    "triu_indices",
]


def _given(tensors):
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all broadcast to: ``torch.broadcast_shapes``.

    `shapes` are tuples of int; ValueError where they do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    return _together([_shape(s) for s in shapes], "broadcast_shapes")


def _shape(sizes):
    sizes = sizes if hasattr(sizes, "__iter__") else (sizes,)
    return tuple(whole(s, "broadcast_shapes: sizes", least=0) for s in several(sizes, "shapes"))


def _together(shapes, op):
    """The shape that all broadcast to."""
    n = max(map(len, shapes), default=0)
    result = [1] * n
    for shape in shapes:
        for d, size in enumerate(shape, n - len(shape)):
            if size != 1 and result[d] not in (1, size):
                given = ", ".join(map(str, shapes))
                raise ValueError(f"{op}: the shapes {given} do not broadcast together")
            result[d] = size if result[d] == 1 else result[d]
    return tuple(result)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All with the shape they broadcast to, as views: ``torch.broadcast_tensors``.

    `tensors` of any dtypes; ValueError where they do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.broadcast_tensors(fastnn.ones(2, 1), fastnn.ones(3))[1].shape
    (2, 3)
    """
    tensors = [as_tensor(t) for t in _given(tensors)]
    shape = _together([tuple(t.shape) for t in tensors], "broadcast_tensors")
    return tuple(t.expand(shape) for t in tensors)


def meshgrid(*tensors: Tensor, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid, one tensor for each axis; "xy" swaps the first two: ``torch.meshgrid``.

    Parameters
    ----------
    *tensors : Tensor
        (N,) each, or 0-d, of one dtype.
    indexing : {"ij", "xy"}
        Default "ij".

    Returns
    -------
    tuple of Tensor
        Each of all their lengths as shape.

    Raises
    ------
    ValueError
        More dimensions than 1, or another `indexing`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.meshgrid(fastnn.arange(2), fastnn.arange(3))[0].shape
    (2, 3)
    """
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    tensors = [as_tensor(t) for t in _given(tensors)]
    for t in tensors:
        if t.ndim > 1:
            raise ValueError(f"meshgrid: expected vectors, got shape {tuple(t.shape)}")
    swap = indexing == "xy" and len(tensors) > 1
    axes = [1, 0, *range(2, len(tensors))] if swap else range(len(tensors))
    sizes = [1] * len(tensors)
    for t, axis in zip(tensors, axes, strict=True):
        sizes[axis] = t.numel()
    found = []
    for t, axis in zip(tensors, axes, strict=True):
        shape = [1] * len(tensors)
        shape[axis] = t.numel()
        found.append(t.reshape(*shape).expand(tuple(sizes)))
    return tuple(found)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Every choice of one element of each vector, as rows: ``torch.cartesian_prod``.

    `tensors` are 1-d (else ValueError); dtypes are promoted.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cartesian_prod(fastnn.arange(2), fastnn.arange(2)).shape
    (4, 2)
    """
    tensors = [as_tensor(t) for t in _given(tensors)]
    if len(tensors) == 1:
        return tensors[0]
    return stack([t.reshape(-1) for t in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Every choice of r elements of a vector, as rows: ``torch.combinations``.

    Parameters
    ----------
    input : Tensor
        (N,), any dtype.
    r : int
        Elements of each choice. Default 2.
    with_replacement : bool
        An element may be chosen again. Default False.

    Returns
    -------
    Tensor
        (choices, r).

    Raises
    ------
    ValueError
        An input that is no vector, or a negative r.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.combinations(fastnn.tensor([1, 2, 3])).tolist()
    [[1, 2], [1, 3], [2, 3]]
    """
    x = as_tensor(input)
    r = whole(r, "combinations: r", least=0)
    if x.ndim != 1:
        raise ValueError(f"combinations: expected a vector, got shape {tuple(x.shape)}")
    if r == 0:
        return x[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(x.shape[0]), r)), np.int64).reshape(-1, r)
    return x[rows]


def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices along the diagonal of a larger one, zeros elsewhere: ``torch.block_diag``.

    `tensors` have at most 2 dimensions (else ValueError); dtypes are promoted.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.block_diag(fastnn.tensor([[1]]), fastnn.tensor([[2]]))
    tensor([[1, 0],
            [0, 2]])
    """
    blocks = [atleast_2d(as_tensor(t)) for t in tensors]
    for b in blocks:
        if b.ndim > 2:
            raise ValueError(f"block_diag: expected at most 2 dimensions, got shape {b.shape}")
    width, left, rows = sum(b.shape[1] for b in blocks), 0, []
    for b in blocks:
        rows.append(pad(b, (left, width - left - b.shape[1])))
        left += b.shape[1]
    return cat(rows, 0)


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with all elements on its diagonal: ``torch.diagflat``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    offset : int
        Which diagonal: above the main one if positive. Default 0.

    Returns
    -------
    Tensor
        (n, n), n = size + |offset|.

    Raises
    ------
    TypeError
        An offset that is no int.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.diagflat(fastnn.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag(as_tensor(input).reshape(-1), offset)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike = np.int64) -> Tensor:
    """Rows and columns of the lower triangle, (2, count): ``torch.tril_indices``.

    Parameters
    ----------
    row, col : int
        The matrix's sizes.
    offset : int
        The last diagonal taken. Default 0.
    dtype : {int64, int32}
        Default int64.

    Returns
    -------
    Tensor
        (2, count).

    Raises
    ------
    ValueError
        Negative sizes.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tril_indices(2, 2).tolist()
    [[0, 1, 1], [0, 0, 1]]
    """
    return _triangle(np.tril_indices, "tril_indices", row, col, offset, dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike = np.int64) -> Tensor:
    """Rows and columns of the upper triangle, (2, count): ``torch.triu_indices``.

    Parameters
    ----------
    row, col : int
        The matrix's sizes.
    offset : int
        The first diagonal taken. Default 0.
    dtype : {int64, int32}
        Default int64.

    Returns
    -------
    Tensor
        (2, count).

    Raises
    ------
    ValueError
        Negative sizes.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.triu_indices(2, 2).tolist()
    [[0, 0, 1], [0, 1, 1]]
    """
    return _triangle(np.triu_indices, "triu_indices", row, col, offset, dtype)


def _triangle(function, op, row, col, offset, dtype):
    row, col = whole(row, f"{op}: row", least=0), whole(col, f"{op}: col", least=0)
    offset = min(max(whole(offset, f"{op}: offset"), -row), col)  # beyond it nothing changes
    with named(op):
        return as_tensor(np.stack(function(row, offset, col)), dtype)
