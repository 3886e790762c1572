"""Rows of fastnn.ops.regression."""

import math

import numpy as np

from .loss import BROADCAST, folded
from .row import Bad, Row, Sample, drawn, integers, normal, uniform


def quantile(x, t, q=0.5, reduction="mean"):
    return folded(np.maximum(q * (t - x), (q - 1) * (t - x)), reduction)


def asymmetric_huber(x, t, delta_low=1.0, delta_high=1.0, reduction="mean"):
    d = x - t
    k = np.where(d < 0, delta_low, delta_high)
    return folded(np.where(abs(d) <= k, d * d / 2, k * (abs(d) - k / 2)), reduction)


def wing(x, t, width=10.0, curvature=2.0, reduction="mean"):
    d = abs(x - t)
    joint = width - width * math.log(1 + width / curvature)
    return folded(np.where(d < width, width * np.log1p(d / curvature), d - joint), reduction)


def poisson(x, t, log_input=True, full=False, eps=1e-8, reduction="mean"):
    loss = np.exp(x) - t * x if log_input else x - t * np.log(x + eps)
    if full:
        safe = np.where(t > 1, t, 2.0)
        stirling = safe * np.log(safe) - safe + 0.5 * np.log(2 * np.pi * safe)
        loss = loss + np.where(t > 1, stirling, 0.0)
    return folded(loss, reduction)


def gaussian(x, t, var, full=False, eps=1e-6, reduction="mean"):
    var = np.maximum(var if np.ndim(var) in (0, x.ndim) else var[..., None], eps)
    return folded((np.log(var) + (x - t) ** 2 / var + full * np.log(2 * np.pi)) / 2, reduction)


def samples(first, second):
    """A pair of settings, over reductions, dimensions and sizes."""
    return [
        Sample(normal(), normal(), **first),
        Sample(normal(5, 3), normal(5, 3), reduction="none", **second),
        Sample(normal(2, 33), normal(2, 33, grad=False), reduction="sum", **first),
        Sample(normal(3, 0), normal(3, 0), reduction="sum", **first),
        Sample(normal(20, 5001), normal(20, 5001), **second),
    ]


COUNTS = drawn(lambda rng: rng.poisson(3, (5, 3)).astype(float), grad=False)

ROWS = [
    Row(
        "quantile_loss",
        quantile,
        samples({}, {"q": 0.9}),
        [
            *BROADCAST,
            Bad(ValueError, "q must be between 0 and 1, got 1", normal(3), normal(3), q=1),
        ],
        torch=None,
    ),
    Row(
        "asymmetric_huber_loss",
        asymmetric_huber,
        samples({}, {"delta_low": 0.3, "delta_high": 1.5}),
        [
            *BROADCAST,
            Bad(ValueError, "delta_low must be positive, got 0", normal(3), normal(3), 0),
            Bad(ValueError, "delta_high must be positive, got -1", normal(3), normal(3), 1, -1),
        ],
        torch=None,
    ),
    Row(
        "wing_loss",
        wing,
        samples({}, {"width": 0.7, "curvature": 0.3}),
        [
            *BROADCAST,
            Bad(ValueError, "width must be positive, got 0", normal(3), normal(3), 0),
            Bad(ValueError, "curvature must be positive, got 0", normal(3), normal(3), 1, 0),
        ],
        torch=None,
    ),
    Row(
        "poisson_nll_loss",
        poisson,
        [
            Sample(normal(), uniform()),
            Sample(normal(5, 3), COUNTS, full=True, reduction="none"),
            Sample(normal(5, 3), uniform(5, 3, high=4), full=True, reduction="sum"),
            Sample(uniform(5, 3, low=0.1), COUNTS, log_input=False, full=True, eps=1e-3),
            Sample(uniform(9, low=0.1), uniform(9, high=4), log_input=False, reduction="sum"),
            Sample(normal(20, 5001), uniform(20, 5001, high=5, grad=False)),
        ],
        BROADCAST,
    ),
    Row(
        "gaussian_nll_loss",
        gaussian,
        [
            Sample(normal(5, 3), normal(5, 3), uniform(5, 3, low=0.1)),
            Sample(normal(5, 3), normal(5, 3), uniform(5, 1, low=0.1), full=True, reduction="none"),
            Sample(normal(5, 3), normal(5, 3), uniform(5, low=0.1), reduction="sum"),
            Sample(normal(5), normal(5, grad=False), uniform(5, low=0.1, grad=False), eps=0.5),
            Sample(normal(20, 501), normal(20, 501), 2.0),
        ],
        [
            Bad(ValueError, "does not broadcast", normal(3, 1), normal(3), uniform(3)),
            Bad(ValueError, r"var has shape \(4,\), expected", normal(3), normal(3), uniform(4)),
            Bad(ValueError, "negative", normal(3), normal(3), uniform(3, low=-2, high=-1)),
            Bad(ValueError, "eps must be positive", normal(3), normal(3), uniform(3), eps=0),
            Bad(TypeError, "expected float32 or float64", integers(3), normal(3), uniform(3)),
        ],
    ),
]
