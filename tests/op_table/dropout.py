"""Dropout: which elements are dropped is random, what then happens to them is not."""

import numpy as np
from fastnn.ops.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)

import fastnn

from .row import Bad, Row, Sample, normal


def seeded(function):
    def call(*args, **kwargs):
        fastnn.manual_seed(5)
        return function(*args, **kwargs)

    return call


def kept(function, x, p):
    """Which elements a draw keeps: the gradient tells, whatever the values are."""
    ones = fastnn.from_numpy(np.ones_like(x)).requires_grad_()
    y = seeded(function)(ones, p, training=True)
    return fastnn.autograd.grad(y, ones, fastnn.from_numpy(np.ones_like(x)))[0].numpy() != 0


def scaled(function):
    def reference(x, p=0.5, training=True):
        if not training or p == 0:
            return x
        return x * kept(function, x, p) / (1 - p if p < 1 else 1)

    return reference


def alpha_reference(x, p=0.5, training=False):
    if not training or p == 0:
        return x
    if p == 1:
        return np.zeros_like(x)
    low = -1.7580993408473766
    a = ((1 - p) * (1 + p * low**2)) ** -0.5
    return a * np.where(kept(alpha_dropout, x, p), x, low) - a * p * low


SAMPLES = [
    Sample(normal(3, 4), 0.3),
    Sample(normal(129), p=0.5),
    Sample(normal()),
    Sample(normal(0, 3)),
    Sample(normal(1, 1), 0.9),
    Sample(normal(5, 7), 1.0),
    Sample(normal(5, 7), 0.0),
    Sample(normal(5, 7), 0.4, training=False),
    Sample(normal(65, 1537), 0.2),
]
ALPHA = [
    Sample(normal(3, 4), 0.3, training=True),
    Sample(normal(129), p=0.5, training=True),
    Sample(normal(), training=True),
    Sample(normal(0, 3), training=True),
    Sample(normal(5, 7), 1.0, training=True),
    Sample(normal(5, 7), 0.0, training=True),
    Sample(normal(5, 7), 0.4),
    Sample(normal(65, 1537), 0.2, training=True),
]
ERRORS = [Bad(TypeError, "p must be a number", normal(3), "a")] + [
    Bad(ValueError, "p must be from 0 to 1", normal(3), p) for p in (-0.1, 1.1, float("nan"))
]

ROWS = [
    Row("dropout", scaled(dropout), SAMPLES, ERRORS, call=seeded(dropout), torch=None),
    Row("alpha_dropout", alpha_reference, ALPHA, ERRORS, call=seeded(alpha_dropout), torch=None),
    Row(
        "dropout1d",
        scaled(dropout1d),
        [
            Sample(normal(3, 4, 5)),
            Sample(normal(70, 6), 0.2),
            Sample(normal(0, 3, 2)),
            Sample(normal(2, 3, 0)),
        ],
        [Bad(ValueError, "2 or 3 dimensions", normal(3))],
        call=seeded(dropout1d),
        torch=None,
    ),
    Row(
        "dropout2d",
        scaled(dropout2d),
        [Sample(normal(3, 4, 2, 2)), Sample(normal(6, 5, 3), 0.2), Sample(normal(65, 8, 9, 9))],
        [Bad(ValueError, "3 or 4 dimensions", normal(3, 4))],
        call=seeded(dropout2d),
        torch=None,
    ),
    Row(
        "dropout3d",
        scaled(dropout3d),
        [Sample(normal(3, 4, 2, 2, 2)), Sample(normal(6, 5, 3, 2), 0.2)],
        [Bad(ValueError, "4 or 5 dimensions", normal(3, 4))],
        call=seeded(dropout3d),
        torch=None,
    ),
    Row(
        "feature_alpha_dropout",
        None,
        [Sample(normal(3, 4, 2), 0.3, True), Sample(normal(3, 4))],
        [Bad(ValueError, "at least 2 dimensions", normal(3), 0.5, True)],
        call=seeded(feature_alpha_dropout),
        torch=None,
    ),
]
