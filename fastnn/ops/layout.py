"""Tensors joined, cut and turned under NumPy's names: hstack, tensor_split, flipud, meshgrid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Tensor
from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _dim as checked_dim
from fastnn.ops.argument import _several as several
from fastnn.ops.argument import _whole as whole
from fastnn.ops.axes import movedim
from fastnn.ops.join import cat
from fastnn.ops.window import narrow

if TYPE_CHECKING:
    from collections.abc import Iterable


__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "column_stack",
    "diff",
    "dstack",
    "fliplr",
    "flipud",
    "hsplit",
    "hstack",
    "moveaxis",
    "ravel",
    "rot90",
    "row_stack",
    "tensor_split",
    "vsplit",
    "vstack",
]


def _all(tensors, op):
    tensors = [as_tensor(t) for t in several(tensors, f"{op}: tensors")]
    if not tensors:
        raise ValueError(f"{op}: expected at least one tensor")
    return tensors


def _given(tensors):
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors


def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension: ``torch.ravel``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ravel(fastnn.ones(2, 2)).shape
    (4,)
    """
    return as_tensor(input).reshape(-1)


def moveaxis(
    input: Tensor, source: int | tuple[int, ...], destination: int | tuple[int, ...]
) -> Tensor:
    """`movedim` under NumPy's name: ``torch.moveaxis``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.moveaxis(fastnn.ones(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    return movedim(input, source, destination)


def fliplr(input: Tensor) -> Tensor:
    """Dimension 1 in reverse order: ``torch.fliplr``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.fliplr(fastnn.tensor([[1, 2]]))
    tensor([[2, 1]])
    """
    return as_tensor(input).flip(1)


def flipud(input: Tensor) -> Tensor:
    """Dimension 0 in reverse order: ``torch.flipud``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.flipud(fastnn.tensor([1, 2]))
    tensor([2, 1])
    """
    return as_tensor(input).flip(0)


def rot90(input: Tensor, k: int = 1, dims: tuple[int, int] = (0, 1)) -> Tensor:
    """Turned by 90 degrees k times, from dims[0] to dims[1]: ``torch.rot90``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.rot90(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    x = as_tensor(input)
    plane = [checked_dim(d, x, "rot90") for d in several(dims, "rot90: dims")]
    if len(set(plane)) != 2 or len(plane) != 2:
        raise ValueError(f"rot90: dims must be two different dimensions, got {dims!r}")
    a, b = plane
    k = whole(k, "rot90: k") % 4
    if k == 2:
        return x.flip((a, b))
    if k == 0:
        return x.clone()
    return x.flip(b).transpose(a, b) if k == 1 else x.transpose(a, b).flip(b)


def atleast_1d(*tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
    """With at least 1 dimension; several tensors give a tuple: ``torch.atleast_1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.atleast_1d(fastnn.tensor(1.0)).shape
    (1,)
    """
    tensors = _given(tensors)
    if len(tensors) != 1:
        return tuple(atleast_1d(t) for t in tensors)
    x = as_tensor(tensors[0])
    return x.reshape(1) if x.ndim == 0 else x


def atleast_2d(*tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
    """With at least 2 dimensions; several tensors give a tuple: ``torch.atleast_2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.atleast_2d(fastnn.tensor(1.0)).shape
    (1, 1)
    """
    tensors = _given(tensors)
    if len(tensors) != 1:
        return tuple(atleast_2d(t) for t in tensors)
    x = as_tensor(tensors[0])
    return x.reshape(1, 1) if x.ndim == 0 else x.unsqueeze(0) if x.ndim == 1 else x


def atleast_3d(*tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
    """With at least 3 dimensions; several tensors give a tuple: ``torch.atleast_3d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.atleast_3d(fastnn.tensor(1.0)).shape
    (1, 1, 1)
    """
    tensors = _given(tensors)
    if len(tensors) != 1:
        return tuple(atleast_3d(t) for t in tensors)
    x = as_tensor(tensors[0])
    if x.ndim < 2:
        return x.reshape(1, -1, 1)
    return x.unsqueeze(-1) if x.ndim == 2 else x


def hstack(tensors: Iterable[Tensor]) -> Tensor:
    """Joined along dimension 1, vectors along 0: ``torch.hstack``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.hstack([fastnn.tensor([1]), fastnn.tensor([2])])
    tensor([1, 2])
    """
    tensors = [atleast_1d(t) for t in _all(tensors, "hstack")]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Iterable[Tensor]) -> Tensor:
    """Joined along dimension 0, vectors as rows: ``torch.vstack``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.vstack([fastnn.tensor([1]), fastnn.tensor([2])]).shape
    (2, 1)
    """
    return cat([atleast_2d(t) for t in _all(tensors, "vstack")], 0)


def row_stack(tensors: Iterable[Tensor]) -> Tensor:
    """`vstack` under its other name: ``torch.row_stack``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.row_stack([fastnn.tensor([1]), fastnn.tensor([2])]).shape
    (2, 1)
    """
    return vstack(tensors)


def dstack(tensors: Iterable[Tensor]) -> Tensor:
    """Joined along dimension 2: ``torch.dstack``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.dstack([fastnn.tensor([1]), fastnn.tensor([2])]).shape
    (1, 1, 2)
    """
    return cat([atleast_3d(t) for t in _all(tensors, "dstack")], 2)


def column_stack(tensors: Iterable[Tensor]) -> Tensor:
    """Joined along dimension 1, vectors as columns: ``torch.column_stack``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.column_stack([fastnn.tensor([1]), fastnn.tensor([2])]).shape
    (1, 2)
    """
    tensors = _all(tensors, "column_stack")
    return cat([t.reshape(-1, 1) if t.ndim < 2 else t for t in tensors], 1)


_MOST_PIECES = 1 << 24  # each is a Tensor: more would take minutes and gigabytes


def tensor_split(
    input: Tensor, indices_or_sections: int | list[int] | Tensor, dim: int = 0
) -> tuple[Tensor, ...]:
    """Pieces along a dimension, as views: so many nearly equal ones, or cut in front of indices.

    Has the behaviour of ``torch.tensor_split``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tensor_split(fastnn.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    return _pieces(as_tensor(input), indices_or_sections, dim, "tensor_split")


def _pieces(x, indices_or_sections, dim, op):
    dim = checked_dim(dim, x, op)
    if x.ndim == 0:
        raise ValueError(f"{op}: input has no dimensions that could be cut")
    size, what = x.shape[dim], f"{op}: indices_or_sections"
    if isinstance(indices_or_sections, (Tensor, np.ndarray)):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, (tuple, list)):
        cuts = [slice(None, whole(i, what)).indices(size)[1] for i in indices_or_sections]
    else:
        n = whole(indices_or_sections, what, least=1)
        if op != "tensor_split" and size % n:
            raise ValueError(f"{op}: {size} elements cannot be cut into {n} equal parts")
        if n > _MOST_PIECES:
            raise MemoryError(f"{op}: {n} sections; at most {_MOST_PIECES}")
        cuts = [size // n * i + min(size % n, i) for i in range(1, n)]
    ends, starts = [*cuts, size], [0, *cuts]
    return tuple(narrow(x, dim, a, max(b - a, 0)) for a, b in zip(starts, ends, strict=True))


def hsplit(input: Tensor, indices_or_sections: int | list[int] | Tensor) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 1, vectors along 0; sections must be equal: ``torch.hsplit``.

    Examples
    --------
    >>> import fastnn
    >>> len(fastnn.hsplit(fastnn.ones(4, 4), 2))
    2
    """
    x = as_tensor(input)
    return _pieces(x, indices_or_sections, 1 if x.ndim > 1 else 0, "hsplit")


def vsplit(input: Tensor, indices_or_sections: int | list[int] | Tensor) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 0; sections must be equal: ``torch.vsplit``.

    Examples
    --------
    >>> import fastnn
    >>> len(fastnn.vsplit(fastnn.ones(4, 4), 2))
    2
    """
    return _pieces(as_tensor(input), indices_or_sections, 0, "vsplit")


def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """Differences of neighbours, n times over: ``torch.diff``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.diff(fastnn.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    x, n = as_tensor(input), whole(n, "diff: n", least=0)
    dim = checked_dim(dim, x, "diff")
    if x.ndim == 0:
        raise ValueError("diff: input has no dimensions")
    parts = [as_tensor(p) for p in (prepend, x, append) if p is not None]
    x = cat(parts, dim) if len(parts) > 1 else x
    for _ in range(min(n, x.shape[dim] + 1)):  # then nothing is left
        size = x.shape[dim]
        x = narrow(x, dim, min(1, size), max(size - 1, 0)) - narrow(x, dim, 0, max(size - 1, 0))
    return x
