"""Rows of fastnn.ops.probability."""

import numpy as np

from .row import Bad, Row, Sample, integers, normal


def softmax(x, dim):
    axis = dim if x.ndim else None
    if x.size == 0:
        return x
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(x, dim):
    axis = dim if x.ndim else None
    if x.size == 0:
        return x
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


SAMPLES = [
    Sample(normal(), 0),
    Sample(normal(4), 0),
    Sample(normal(5, 3), 1),
    Sample(normal(5, 3), 0),
    Sample(normal(3, 0), 1),
    Sample(normal(0, 3), 1),
    Sample(normal(2, 3, 4), 1),
    Sample(normal(33, 10, std=5), -1),
    Sample(normal(17, 65, std=50), 1),
    Sample(normal(3, 33, 17), 1),
    Sample(normal(200, 1001), 1),
    Sample(normal(20, 50, 101), 1),
]
ERRORS = [
    Bad(IndexError, "dim must be from -2 to 1", normal(2, 3), 2),
    Bad(TypeError, "expected float32 or float64, got int64", integers(3), 0),
]

ROWS = [
    Row("softmax", softmax, SAMPLES, ERRORS),
    Row("log_softmax", log_softmax, SAMPLES, ERRORS),
    Row("softmin", lambda x, dim: softmax(-x, dim), SAMPLES, ERRORS),
]
