"""Calibration: how far confidence is from accuracy, and temperature scaling, which mends it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn._engine.engine import tensor
from fastnn.nn.module import Module
from fastnn.ops import log_softmax

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


__all__ = ["TemperatureScaling", "expected_calibration_error", "reliability"]


def _checked(logits, labels, what):
    x = np.asarray(as_tensor(logits).detach().numpy(), dtype=np.float64)
    t = np.asarray(as_tensor(labels).detach().numpy())
    if x.ndim != 2 or x.shape[1] < 1 or len(x) == 0:
        raise ValueError(f"{what}: logits have shape {x.shape}, expected (N, C) with rows")
    if t.dtype.kind not in "iu":
        raise TypeError(f"{what}: labels have dtype {t.dtype}, expected integers")
    if t.shape != (len(x),):
        raise ValueError(f"{what}: labels have shape {t.shape}, expected ({len(x)},)")
    bad = np.flatnonzero((t < 0) | (t >= x.shape[1]))
    if bad.size:
        raise IndexError(
            f"{what}: label at position {bad[0]} is {t[bad[0]]}, expected 0 to {x.shape[1] - 1}"
        )
    return x, t


def reliability(logits: Tensor, labels: Tensor, num_bins: int = 15) -> dict[str, np.ndarray]:
    """What a reliability diagram shows: per bin of confidence, how sure and how right the model is.

    Parameters
    ----------
    logits : Tensor
        (N, C); for probabilities, their logarithms.
    labels : Tensor
        Class numbers from 0 to C-1, (N,).
    num_bins : int
        Bins of equal width over 0 to 1. Default 15.

    Returns
    -------
    dict of ndarray
        ``confidence`` and ``accuracy`` (means, NaN for empty bins), ``count`` and ``edges``.

    Raises
    ------
    IndexError
        If a label is out of range: with its position and value.
    ValueError
        If shapes do not fit, or there are no bins.
    TypeError
        If labels are no integers.

    Notes
    -----
    Niculescu-Mizil and Caruana (2005); Guo et al. (2017), section 2.

    Examples
    --------
    >>> import fastnn
    >>> found = fastnn.nn.reliability(fastnn.tensor([[2.0, 0.0], [2.0, 0.0]]), [0, 1], num_bins=2)
    >>> found["confidence"].round(3).tolist(), found["accuracy"].tolist(), found["count"].tolist()
    ([nan, 0.881], [nan, 0.5], [0, 2])
    """
    if num_bins < 1:
        raise ValueError(f"reliability: num_bins must be at least 1, got {num_bins}")
    x, t = _checked(logits, labels, "reliability")
    p = np.exp(log_softmax(tensor(x), 1).numpy())
    sure, right = p.max(1), p.argmax(1) == t
    edges = np.linspace(0, 1, num_bins + 1)
    bins = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, num_bins - 1)  # (low, high]
    count = np.bincount(bins, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(bins, v, num_bins) / count for v in (sure, right.astype(float))]
    return {"confidence": means[0], "accuracy": means[1], "count": count, "edges": edges}


def expected_calibration_error(logits: Tensor, labels: Tensor, num_bins: int = 15) -> float:
    """The mean distance between confidence and accuracy, over bins of confidence.

    Parameters
    ----------
    logits : Tensor
        (N, C); for probabilities, their logarithms.
    labels : Tensor
        Class numbers from 0 to C-1, (N,).
    num_bins : int
        Bins of equal width over 0 to 1. Default 15.

    Returns
    -------
    float
        sum_b count_b / N abs(accuracy_b - confidence_b), from 0 to 1.

    Raises
    ------
    IndexError
        If a label is out of range: with its position and value.
    TypeError
        If labels are no integers.
    ValueError
        If shapes do not fit, or there are no bins.

    Notes
    -----
    Naeini et al. (2015); Guo et al. (2017), eq. 3.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([[2.0, 0.0], [2.0, 0.0]])
    >>> round(fastnn.nn.expected_calibration_error(x, [0, 1]), 4)
    0.3808
    """
    found = reliability(logits, labels, num_bins)
    used = found["count"] > 0
    gaps = np.abs(found["accuracy"] - found["confidence"])[used]
    return float((gaps * found["count"][used]).sum() / found["count"].sum())


class TemperatureScaling(Module):
    """Logits over one number T, fitted on validation data: calibrates, and changes no prediction.

    Attributes
    ----------
    temperature : Tensor
        T, 0-d, float64; 1 before `fit`.

    Shapes
    ------
    Logits of any shape, and the same; float32 or float64.

    Raises
    ------
    IndexError, TypeError, ValueError
        `fit` alone: labels or logits that do not fit.

    Notes
    -----
    Guo et al. (2017), section 4.2: T minimizes cross-entropy. In 1/T the cross-entropy is convex, so
    Newton's method with a bracket finds the one minimum.

    Examples
    --------
    >>> import fastnn
    >>> logits = fastnn.tensor([[8.0, 0.0], [8.0, 0.0], [0.0, 8.0], [0.0, 8.0]])
    >>> scaling = fastnn.nn.TemperatureScaling().fit(logits, [0, 0, 1, 0])
    >>> round(scaling.temperature.item(), 3)
    7.282
    >>> scaling(logits)[0]
    tensor([1.0986, 0.    ])
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("temperature", tensor(np.float64(1.0)))

    def fit(
        self, logits: Tensor, labels: Tensor, low: float = 1e-3, high: float = 1e3
    ) -> TemperatureScaling:
        """Find the temperature on data that the model was not trained on.

        Parameters
        ----------
        logits : Tensor
            (N, C).
        labels : Tensor
            Class numbers from 0 to C-1, (N,).
        low, high : float
            Limits of T: reached where the model is always right, or no better than chance.

        Returns
        -------
        TemperatureScaling
            This module.

        Raises
        ------
        IndexError
            If a label is out of range: with its position and value.
        ValueError
            If shapes do not fit, limits are not positive and in order, or a logit is not finite.
        TypeError
            If labels are no integers.
        """
        x, t = _checked(logits, labels, "TemperatureScaling")
        if not 0 < low < high:
            raise ValueError(
                f"TemperatureScaling: limits must rise from above 0, got {low}, {high}"
            )
        if not np.isfinite(x).all():
            raise ValueError("TemperatureScaling: logits must be finite")
        self.temperature.fill_(1 / _least(x, t, 1 / high, 1 / low))
        return self

    def forward(self, logits: Tensor) -> Tensor:
        """Logits over the temperature."""
        logits = as_tensor(logits)
        return logits / self.temperature.to(logits.dtype)


def _least(x, t, low, high):
    """The factor b of the logits, from low to high, with the least cross-entropy."""
    x = x - x.max(1, keepdims=True)
    right = x[np.arange(len(x)), t].mean()
    b = min(max(1.0, low), high)
    for _ in range(200):
        p = np.exp(b * x)
        p /= p.sum(1, keepdims=True)
        mean = (p * x).sum(1)
        slope, bend = mean.mean() - right, ((p * x * x).sum(1) - mean * mean).mean()
        low, high = (low, b) if slope > 0 else (b, high)
        following = b - slope / bend if bend > 0 else math.sqrt(low * high)
        if not low < following < high:
            following = math.sqrt(low * high)
        if slope == 0 or abs(following - b) <= 1e-12 * b:
            return following if slope else b
        b = following
    return b
