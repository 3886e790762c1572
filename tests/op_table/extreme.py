"""Rows of fastnn.ops.extreme."""

import numpy as np

from .reduce import along
from .row import Bad, Row, Sample, distinct, drawn, integers, normal


def with_index(values, indices):
    def reference(x, dim=None, keepdim=False):
        if dim is None:
            return values(x)
        if not x.ndim:
            return values(x), indices(x)
        return values(x, axis=dim, keepdims=keepdim), indices(x, axis=dim, keepdims=keepdim)

    return reference


def index_only(function):
    def reference(x, dim=None, keepdim=False):
        return function(x, axis=dim if x.ndim else None, keepdims=keepdim)

    return reference


def ties(rng):
    return np.round(rng.standard_normal((3, 5)))


def with_nan(rng):
    x = rng.standard_normal((5, 37))
    x[1, 20], x[1, 30], x[3, 0] = np.nan, np.nan, np.nan
    return x


ALONG = [
    Sample(distinct(), 0),
    Sample(distinct(5, 4), 0),
    Sample(distinct(5, 4), -1, True),
    Sample(distinct(2, 65, 33), 1),
    Sample(distinct(2, 3, 17), 1),
    Sample(distinct(0, 3), 1),
    Sample(drawn(with_nan, grad=False), 1),
    Sample(drawn(with_nan, grad=False), 0),
    Sample(drawn(ties, grad=False), 1),
    Sample(distinct(3, 40_001), 1),
    Sample(distinct(5000, 3), 0),
    Sample(integers(4, 5), 1),
    Sample(integers(4, 5, dtype=np.int32), 0, True),
]
WHOLE = [
    Sample(distinct()),
    Sample(distinct(3, 5)),
    Sample(distinct(100_001)),
    Sample(integers(4, 5)),
]
EMPTY = [
    Bad(ValueError, "dimension 1 has size 0", normal(3, 0), 1),
    Bad(ValueError, "dimension 0 has size 0", normal(0)),
    Bad(IndexError, "dim must be from -2 to 1", normal(2, 3), 2),
]
SEVERAL = [
    Sample(distinct(2, 3, 4, 3), (0, 2)),
    Sample(drawn(with_nan, grad=False), (0, 1)),
]
TIES = [Sample(drawn(ties), 1), Sample(drawn(ties), (0, 1))]

ROWS = [
    Row("max", with_index(np.max, np.argmax), ALONG + WHOLE, EMPTY),
    Row("min", with_index(np.min, np.argmin), ALONG + WHOLE, EMPTY),
    Row("amax", along(np.max), ALONG + SEVERAL, EMPTY),
    Row("amin", along(np.min), ALONG + SEVERAL, EMPTY),
    Row("amax", along(np.max), TIES, variant="ties", finite_differences=False, jumps=True),
    Row("amin", along(np.min), TIES, variant="ties", finite_differences=False, jumps=True),
    Row("argmax", index_only(np.argmax), ALONG + WHOLE, EMPTY),
    Row("argmin", index_only(np.argmin), ALONG + WHOLE, EMPTY),
]
