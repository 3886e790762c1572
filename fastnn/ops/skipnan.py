"""Sums and means that pass over NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.choose import where
from fastnn.ops.logic import isnan

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor

__all__ = [
    "nanmean",
    "nansum",
]


def nansum(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The sum of the elements that are not NaN: ``torch.nansum``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    dim : int or tuple of int, optional
        Default: of all elements.
    keepdim : bool
        Keep the dimension, with size 1. Default False.

    Returns
    -------
    Tensor
        0 where all are NaN.

    Raises
    ------
    IndexError
        A `dim` that the input has not.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nansum(fastnn.tensor([1.0, float("nan"), 2.0]))
    tensor(3.)
    """
    x = as_tensor(input)
    return (
        where(isnan(x), 0.0, x).sum(dim, keepdim) if x.is_floating_point() else x.sum(dim, keepdim)
    )


def nanmean(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The mean of the elements that are not NaN: ``torch.nanmean``.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32.
    dim : int or tuple of int, optional
        Default: of all elements.
    keepdim : bool
        Keep the dimension, with size 1. Default False.

    Returns
    -------
    Tensor
        NaN where all are NaN.

    Raises
    ------
    IndexError
        A `dim` that the input has not.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nanmean(fastnn.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5)
    """
    x = as_tensor(input)
    known = (x.detach() == x.detach()).to(x.dtype)
    return nansum(x, dim, keepdim) / known.sum(dim, keepdim)
