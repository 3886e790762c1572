"""Rows of fastnn.ops.loss and binary_loss."""

import numpy as np

from .row import Bad, Row, Sample, drawn, normal, uniform


def folded(losses, reduction):
    return {"mean": np.mean, "sum": np.sum, "none": lambda v: v}[reduction](losses)


def functional(name):
    """torch.<name> exists too, with other arguments."""

    def call(*args, **kwargs):
        import torch

        return getattr(torch.nn.functional, name)(*args, **kwargs)

    return call


def mse(x, t, reduction="mean"):
    return folded((x - t) ** 2, reduction)


def l1(x, t, reduction="mean"):
    return folded(np.abs(x - t), reduction)


def smooth_l1(x, t, reduction="mean", beta=1.0):
    d = np.abs(x - t)
    if beta == 0:
        return folded(d, reduction)
    return folded(np.where(d < beta, d * d / (2 * beta), d - beta / 2), reduction)


def huber(x, t, reduction="mean", delta=1.0):
    d = np.abs(x - t)
    return folded(np.where(d <= delta, d * d / 2, delta * (d - delta / 2)), reduction)


def bce(x, t, weight=1.0, reduction="mean"):
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    return folded(-(t * logs[0] + (1 - t) * logs[1]) * weight, reduction)


def bce_with_logits(x, t, weight=1.0, reduction="mean", pos_weight=1.0):
    m = 1 + (pos_weight - 1) * t
    loss = (1 - t) * x + m * (np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0))
    return folded(loss * weight, reduction)


DISTANCES = [
    Sample(normal(), normal()),
    Sample(normal(5), normal(5, grad=False)),
    Sample(normal(5, 3), normal(5, 3), reduction="sum"),
    Sample(normal(5, 3), normal(5, 3), reduction="none"),
    Sample(normal(2, 33, 2), normal(2, 33, 2)),
    Sample(normal(3, 0), normal(3, 0), reduction="sum"),
    Sample(normal(100, 1001), normal(100, 1001)),
]
BROADCAST = [
    Bad(
        ValueError,
        r"target has shape \(3,\), input has \(3, 1\); a loss does not broadcast; use input.squeeze",
        normal(3, 1),
        normal(3),
    ),
    Bad(
        ValueError,
        r"target has shape \(3, 1\), input has \(3,\); .*use target.squeeze",
        normal(3),
        normal(3, 1),
    ),
    Bad(ValueError, "reduction must be", normal(3), normal(3), reduction="avg"),
]
TARGET = {"low": 0.05, "high": 0.95}
FIXED = uniform(5, 3, **TARGET, grad=False)
EXTREMES = drawn(lambda rng: np.array([0.0, 1.0, 0.0, 1.0]), grad=False)

ROWS = [
    Row("mse_loss", mse, DISTANCES, BROADCAST),
    Row("l1_loss", l1, DISTANCES, BROADCAST),
    Row(
        "smooth_l1_loss",
        smooth_l1,
        [
            *DISTANCES,
            Sample(normal(5, 3), normal(5, 3), beta=0.3),
            Sample(normal(5), normal(5), beta=0),
        ],
        [
            *BROADCAST,
            Bad(ValueError, "beta must not be negative, got -1", normal(3), normal(3), beta=-1),
        ],
    ),
    Row(
        "huber_loss",
        huber,
        [*DISTANCES, Sample(normal(5, 3), normal(5, 3), delta=0.3)],
        [
            *BROADCAST,
            Bad(ValueError, "delta must be positive, got 0", normal(3), normal(3), delta=0),
        ],
    ),
    Row(
        "binary_cross_entropy",
        bce,
        [
            Sample(uniform(7, **TARGET), uniform(7, grad=False)),
            Sample(uniform(5, 3, **TARGET), FIXED, reduction="sum"),
            Sample(uniform(5, 3, **TARGET), FIXED, uniform(3, grad=False), reduction="none"),
            Sample(uniform(5, 3, **TARGET), uniform(5, 3, **TARGET)),
            Sample(EXTREMES, drawn(lambda rng: np.array([0.0, 1.0, 1.0, 0.0]), grad=False)),
            Sample(uniform(100, 1001, **TARGET), uniform(100, 1001, grad=False)),
        ],
        [
            *BROADCAST[:2],
            Bad(
                ValueError, "input must hold probabilities", normal(3, mean=2, std=0.1), uniform(3)
            ),
        ],
    ),
    Row(
        "binary_cross_entropy_with_logits",
        bce_with_logits,
        [
            Sample(normal(7), uniform(7, grad=False)),
            Sample(normal(5, 3, std=40), FIXED, reduction="sum"),
            Sample(normal(5, 3), FIXED, uniform(3, grad=False), reduction="none"),
            Sample(normal(5, 3), FIXED, pos_weight=uniform(3, high=4, grad=False)),
            Sample(normal(5, 3), uniform(5, 3, **TARGET)),
            Sample(normal(100, 1001), uniform(100, 1001, grad=False)),
        ],
        [*BROADCAST, Bad(ValueError, "does not broadcast", normal(3), uniform(3), normal(4))],
        torch=functional("binary_cross_entropy_with_logits"),
    ),
]
