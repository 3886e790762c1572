"""Rows of fastnn.ops.moment."""

import numpy as np

from .reduce import axes
from .row import Bad, Row, Sample, integers, normal


def moments(root, both=False):
    def reference(x, dim=None, unbiased=None, keepdim=False, correction=None):
        less = correction if correction is not None else 0 if unbiased is False else 1
        axis = axes(dim)
        count = x.size if axis is None else np.prod([x.shape[a] for a in np.atleast_1d(axis)])
        center = x.mean(axis=axis, keepdims=True)
        y = ((x - center) ** 2).sum(axis=axis, keepdims=True) / (count - less)
        y = np.sqrt(y) if root else y
        if not keepdim:
            y, center = y.squeeze(axis), center.squeeze(axis)
        return (y, center) if both else y

    return reference


SAMPLES = [
    Sample(normal(7)),
    Sample(normal(5, 4), 0),
    Sample(normal(5, 4), 1, keepdim=True),
    Sample(normal(5, 4), 1, correction=0),
    Sample(normal(5, 4), 1, unbiased=False),
    Sample(normal(2, 3, 4, 3), (0, 2)),
    Sample(normal(3, 33, 17), 1),
    Sample(normal(0, 3), 1),
    Sample(normal(100_001)),
    Sample(normal(5000, 67), 0),
]
ERRORS = [
    Bad(TypeError, "expected float32 or float64", integers(4)),
    Bad(IndexError, "dim must be", normal(2, 3), 2),
    Bad(ValueError, "not both", normal(2, 3), 1, unbiased=True, correction=0),
]
FAR = [Sample(normal(50, 33, mean=1e4), 0), Sample(normal(3, 2000, mean=1e4), 1)]


def norm(x, p="fro", dim=None, keepdim=False):
    power = 2.0 if p == "fro" else p
    options = {"axis": axes(dim), "keepdims": keepdim}
    if np.isinf(power):
        return (np.max if power > 0 else np.min)(np.abs(x), **options)
    if power == 0:
        return (x != 0).sum(**options).astype(float)
    return (np.abs(x) ** power).sum(**options) ** (1 / power)


ROWS = [
    Row("var", moments(False), SAMPLES, ERRORS),
    Row("std", moments(True), SAMPLES, ERRORS),
    Row(
        "var",
        moments(False),
        FAR,
        variant="far",
        most=6000,
        rtol=1e-4,
        torch_rtol=1e-2,
        torch_rtol64=1e-8,
    ),
    Row(
        "std",
        moments(True),
        FAR,
        variant="far",
        most=6000,
        rtol=1e-4,
        torch_rtol=1e-2,
        torch_rtol64=1e-8,
    ),
    Row("var_mean", moments(False, True), SAMPLES, ERRORS),
    Row("std_mean", moments(True, True), SAMPLES, ERRORS),
    Row(
        "norm",
        norm,
        [
            Sample(normal(7)),
            Sample(normal(5, 4), 2, 1),
            Sample(normal(5, 4), 1, 0),
            Sample(normal(5, 4), 3, 1, True),
            Sample(normal(5, 4), float("inf"), 1),
            Sample(normal(5, 4), -float("inf")),
            Sample(normal(5, 4, grad=False), 0, 1),
            Sample(normal(2, 3, 4), "fro", (0, 2)),
            Sample(normal(100_001)),
        ],
        [
            Bad(ValueError, "p must be a number or 'fro', got 'nuc'", normal(3, 3), "nuc"),
            Bad(TypeError, "expected float32 or float64", integers(4)),
        ],
        torch_rtol=1e-3,
    ),
]
