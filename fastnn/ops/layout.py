"""Tensors cut and turned under NumPy's names: tensor_split, rot90, flipud, diff."""

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
    pass


__all__ = [
    "diff",
    "fliplr",
    "flipud",
    "hsplit",
    "moveaxis",
    "ravel",
    "rot90",
    "tensor_split",
    "vsplit",
]


def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension: ``torch.ravel``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.

    Returns
    -------
    Tensor
        (size,); a view where memory allows it.

    Raises
    ------
    TypeError
        No tensor or array.

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

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    source, destination : int or tuple of int
        Dimensions, and their new places.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    IndexError
        A `dim` that the input has not.
    ValueError
        Dimensions given twice, or more of one than of the other.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.moveaxis(fastnn.ones(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    return movedim(input, source, destination)


def fliplr(input: Tensor) -> Tensor:
    """Dimension 1 in reverse order: ``torch.fliplr``.

    Parameters
    ----------
    input : Tensor
        At least 2 dimensions.

    Returns
    -------
    Tensor
        A copy with elements in the new order, of the same dtype.

    Raises
    ------
    IndexError
        Fewer dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.fliplr(fastnn.tensor([[1, 2]]))
    tensor([[2, 1]])
    """
    return as_tensor(input).flip(1)


def flipud(input: Tensor) -> Tensor:
    """Dimension 0 in reverse order: ``torch.flipud``.

    Parameters
    ----------
    input : Tensor
        Any shape.

    Returns
    -------
    Tensor
        A copy with elements in the new order, of the same dtype.

    Raises
    ------
    IndexError
        A 0-d input.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.flipud(fastnn.tensor([1, 2]))
    tensor([2, 1])
    """
    return as_tensor(input).flip(0)


def rot90(input: Tensor, k: int = 1, dims: tuple[int, int] = (0, 1)) -> Tensor:
    """Turned by 90 degrees k times, from dims[0] to dims[1]: ``torch.rot90``.

    Parameters
    ----------
    input : Tensor
        At least 2 dimensions.
    k : int
        Quarter turns; negative ones turn back. Default 1.
    dims : pair of int
        The plane. Default (0, 1).

    Returns
    -------
    Tensor
        The sizes of `dims` exchanged where k is odd; of the same dtype.

    Raises
    ------
    ValueError
        `dims` that are not two different dimensions.
    IndexError
        A dimension that the input has not.

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


_MOST_PIECES = 1 << 24  # each is a Tensor: more would take minutes and gigabytes


def tensor_split(
    input: Tensor, indices_or_sections: int | list[int] | Tensor, dim: int = 0
) -> tuple[Tensor, ...]:
    """Pieces along a dimension, as views: so many nearly equal ones, or cut in front of indices.

    Has the behaviour of ``torch.tensor_split``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    indices_or_sections : int or sequence of int
        A number of pieces, or where to cut.
    dim : int
        Default 0.

    Returns
    -------
    tuple of Tensor
        Views; the first ones are longer by one where sizes differ.

    Raises
    ------
    ValueError
        Fewer than 1 piece.
    IndexError
        A `dim` that the input has not.

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

    Parameters
    ----------
    input : Tensor
        At least 1 dimension.
    indices_or_sections : int or sequence of int
        A number of equal pieces, or where to cut.

    Returns
    -------
    tuple of Tensor
        Views, of the same dtype.

    Raises
    ------
    ValueError
        A size that the number of pieces does not divide.

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

    Parameters
    ----------
    input : Tensor
        At least 2 dimensions.
    indices_or_sections : int or sequence of int
        A number of equal pieces, or where to cut.

    Returns
    -------
    tuple of Tensor
        Views, of the same dtype.

    Raises
    ------
    ValueError
        A size that the number of pieces does not divide.

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

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    n : int
        Default 1.
    dim : int
        Default -1.
    prepend, append : Tensor, optional
        Joined to the input along `dim` first.

    Returns
    -------
    Tensor
        n elements fewer along `dim`.

    Raises
    ------
    ValueError
        A negative n, or shapes that do not fit.
    IndexError
        A `dim` that the input has not.

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
