"""Rows of fastnn.ops.count."""

import numpy as np

from .row import Bad, Row, Sample, drawn, integers, normal


def rising(*shape):
    return drawn(lambda rng: np.sort(rng.standard_normal(shape), -1), grad=False)


def runs(rng):
    return np.repeat(rng.integers(0, 3, 12), rng.integers(1, 4, 12))


def found(x, return_inverse=False, return_counts=False, dim=None, **_):
    y, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim)
    inverse = inverse.reshape(x.shape if dim is None else -1)
    return [y] + [inverse] * return_inverse + [counts] * return_counts


def neighbours(x, return_inverse=False, return_counts=False):
    starts = [i for i in range(len(x)) if i == 0 or x[i] != x[i - 1]]
    inverse = np.cumsum([i in starts for i in range(len(x))]) - 1
    counts = np.diff([*starts, len(x)])
    return [x[starts]] + [inverse] * return_inverse + [counts] * return_counts


def by_row(a, v, right=False):
    side = "right" if right else "left"
    if a.ndim == 1:
        return np.searchsorted(a, v, side)
    return np.stack([np.searchsorted(x, y, side) for x, y in zip(a, v)])


ROWS = [
    Row(
        "unique",
        found,
        [
            Sample(integers(3, 9, high=5)),
            Sample(integers(30, high=5), return_inverse=True, return_counts=True),
            Sample(integers(20, 2, high=2), return_counts=True, dim=0),
            Sample(normal(17, grad=False)),
        ],
    ),
    Row(
        "unique_consecutive",
        neighbours,
        [Sample(drawn(runs)), Sample(drawn(runs), return_inverse=True, return_counts=True)],
    ),
    Row(
        "bincount",
        lambda x, weights=None, minlength=0: np.bincount(x, weights, minlength),
        [Sample(integers(30, high=6)), Sample(integers(30, high=6), minlength=9)],
        [Bad(ValueError, "integers from 0", integers(5, low=-3, high=-1))],
    ),
    Row("histc", lambda x, bins, low=0, high=0: np.histogram(x, bins, (low, high) if low or high else None)[0].astype(float),
        [Sample(normal(30, grad=False), 5), Sample(normal(30, grad=False), 4, -1, 1)],
        [Bad(ValueError, "rise", normal(3), 4, 2, 1)],
    ),
    Row("argwhere", lambda x: np.argwhere(x), [Sample(integers(3, 7, high=2)), Sample(integers(0))]),
    Row("isin", lambda a, b: np.isin(a, b), [Sample(integers(3, 9), integers(4))]),
    Row(
        "searchsorted",
        by_row,
        [
            Sample(rising(9), normal(3, 5, grad=False)),
            Sample(rising(3, 9), normal(3, 5, grad=False), right=True),
        ],
        [Bad(ValueError, "differ before", rising(3, 9), normal(2, 5))],
    ),
    Row(
        "bucketize",
        lambda x, b, right=False: np.searchsorted(b, x, "right" if right else "left"),
        [Sample(normal(3, 5, grad=False), rising(9)), Sample(integers(9), integers(1), right=True)],
    ),
]  # fmt: skip
