"""Quantiles, between elements in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.along import gather
from fastnn.ops.argument import _dim as checked_dim
from fastnn.ops.choose import maximum, where
from fastnn.ops.logic import isnan
from fastnn.ops.order import sort

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor

__all__ = ["nanquantile", "quantile"]


def _quantile(x, q, dim, keepdim, interpolation, skip_nan, what):
    if interpolation not in ("linear", "lower", "higher", "nearest", "midpoint"):
        raise ValueError(
            f"{what}: interpolation must be 'linear', 'lower', 'higher', 'nearest' or 'midpoint', "
            f"got {interpolation!r}"
        )
    if not x.is_floating_point():
        raise TypeError(f"{what}: input must be float32 or float64, got {x.dtype}")
    number = isinstance(q, (int, float))  # a Tensor is looked at: a recorded step ends there
    points = np.asarray(q, np.float64) if number else as_tensor(q, np.float64).detach().numpy()
    if points.ndim > 1 or not ((points >= 0) & (points <= 1)).all():
        raise ValueError(
            f"{what}: q must hold numbers from 0 to 1 in at most one dimension, got {q}"
        )
    whole = dim is None
    dim = 0 if whole else checked_dim(dim, x, what)
    if whole:
        kept, x, dim = (1,) * x.ndim, x.reshape(-1), 0
    elif x.ndim == 0:
        kept, x, dim = (), x.reshape(1), 0
    else:
        kept = None
    if x.shape[dim] == 0:
        raise ValueError(f"{what}: there are no elements")
    ordered = sort(x, dim).values
    ordered = ordered.movedim(dim, -1)
    size = ordered.shape[-1]
    nans = isnan(ordered).sum(-1, keepdim=True).to(np.float64)
    last = maximum(size - nans - 1, 0.0) if skip_nan else nans * 0 + (size - 1)
    rank = last * as_tensor(points.reshape(-1))
    if not skip_nan:
        rank = where(nans > 0, size - 1.0, rank)
    low, high = rank.floor(), rank.ceil()
    weight = rank - low if interpolation == "linear" else (high > low) * 0.5
    if interpolation in ("lower", "higher", "nearest"):
        low = high = {"lower": low, "higher": high, "nearest": rank.round()}[interpolation]
    below = gather(ordered, -1, low.to(np.int64))
    above = gather(ordered, -1, high.to(np.int64))
    y = below + (above - below) * weight.to(ordered.dtype)
    y = y.movedim(-1, 0)  # (points, ...)
    if whole or kept == ():
        y = y.reshape(-1, *kept) if keepdim else y.reshape(-1)
    elif keepdim:
        y = y.unsqueeze(dim + 1 if dim >= 0 else dim)
    return y.squeeze(0) if points.ndim == 0 else y


def quantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The values below which the share q of the elements lies.

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    q : float or Tensor
        From 0 to 1; a vector gives one result for each, in a new first dimension.
    dim : int, optional
        Default: all elements.
    keepdim : bool
        Keep the dimension, with size 1. Default False.
    interpolation : {"linear", "lower", "higher", "nearest", "midpoint"}
        Between two elements. Default "linear".

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If q is out of range.

    Notes
    -----
    Has the behaviour of ``torch.quantile``; NaN where there is a NaN.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.quantile(fastnn.tensor([0.0, 1.0, 2.0, 3.0]), 0.5)
    tensor(1.5)
    """
    return _quantile(as_tensor(input), q, dim, keepdim, interpolation, False, "quantile")


def nanquantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """`quantile` that passes over NaN: ``torch.nanquantile``.

    Parameters
    ----------
    input : Tensor
        Any shape, float.
    q : float or Tensor
        Fractions from 0 to 1, 0-d or (Q,).
    dim : int, optional
        Default: of all elements.
    keepdim : bool
        Keep the dimension, with size 1. Default False.
    interpolation : {"linear", "lower", "higher", "nearest", "midpoint"}
        Between neighbours. Default "linear".

    Returns
    -------
    Tensor
        As `quantile`; NaN where all are NaN.

    Raises
    ------
    ValueError
        Fractions outside [0, 1], or another `interpolation`.
    IndexError
        A `dim` that the input has not.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nanquantile(fastnn.tensor([0.0, 1.0, float("nan")]), 0.5)
    tensor(0.5)
    """
    return _quantile(as_tensor(input), q, dim, keepdim, interpolation, True, "nanquantile")
