"""Tensors joined under NumPy's names: hstack, vstack and their kin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _several as several
from fastnn.ops.join import cat

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "column_stack",
    "dstack",
    "hstack",
    "row_stack",
    "vstack",
]


def _all(tensors, op):
    tensors = [as_tensor(t) for t in several(tensors, f"{op}: tensors")]
    if not tensors:
        raise ValueError(f"{op}: expected at least one tensor")
    return tensors


def _given(tensors):
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors


def atleast_1d(*tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
    """With at least 1 dimension; several tensors give a tuple: ``torch.atleast_1d``.

    `tensors` of any dtypes; TypeError where one is no tensor or array.

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

    `tensors` of any dtypes; TypeError where one is no tensor or array.

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

    `tensors` of any dtypes; TypeError where one is no tensor or array.

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

    Parameters
    ----------
    tensors : sequence of Tensor
        Equal shapes but for the dimension along which they are joined; dtypes are promoted.

    Returns
    -------
    Tensor
        Their common dtype.

    Raises
    ------
    ValueError
        No tensors, or shapes that do not fit.

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

    Parameters
    ----------
    tensors : sequence of Tensor
        Equal shapes but for the dimension along which they are joined; dtypes are promoted.

    Returns
    -------
    Tensor
        At least 2 dimensions.

    Raises
    ------
    ValueError
        No tensors, or shapes that do not fit.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.vstack([fastnn.tensor([1]), fastnn.tensor([2])]).shape
    (2, 1)
    """
    return cat([atleast_2d(t) for t in _all(tensors, "vstack")], 0)


def row_stack(tensors: Iterable[Tensor]) -> Tensor:
    """`vstack` under its other name: ``torch.row_stack``.

    Parameters
    ----------
    tensors : sequence of Tensor
        Equal shapes but for the dimension along which they are joined; dtypes are promoted.

    Returns
    -------
    Tensor
        At least 2 dimensions.

    Raises
    ------
    ValueError
        No tensors, or shapes that do not fit.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.row_stack([fastnn.tensor([1]), fastnn.tensor([2])]).shape
    (2, 1)
    """
    return vstack(tensors)


def dstack(tensors: Iterable[Tensor]) -> Tensor:
    """Joined along dimension 2: ``torch.dstack``.

    Parameters
    ----------
    tensors : sequence of Tensor
        Equal shapes but for the dimension along which they are joined; dtypes are promoted.

    Returns
    -------
    Tensor
        At least 3 dimensions.

    Raises
    ------
    ValueError
        No tensors, or shapes that do not fit.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.dstack([fastnn.tensor([1]), fastnn.tensor([2])]).shape
    (1, 1, 2)
    """
    return cat([atleast_3d(t) for t in _all(tensors, "dstack")], 2)


def column_stack(tensors: Iterable[Tensor]) -> Tensor:
    """Joined along dimension 1, vectors as columns: ``torch.column_stack``.

    Parameters
    ----------
    tensors : sequence of Tensor
        Equal shapes but for the dimension along which they are joined; dtypes are promoted.

    Returns
    -------
    Tensor
        (rows, columns of all, ...).

    Raises
    ------
    ValueError
        No tensors, or shapes that do not fit.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.column_stack([fastnn.tensor([1]), fastnn.tensor([2])]).shape
    (1, 2)
    """
    tensors = _all(tensors, "column_stack")
    return cat([t.reshape(-1, 1) if t.ndim < 2 else t for t in tensors], 1)
