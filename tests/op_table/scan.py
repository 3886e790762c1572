"""Rows of fastnn.ops.scan."""

import numpy as np

import fastnn

from .row import Bad, Row, Sample, distinct, drawn, integers, normal


def extreme(accumulate):
    """Values and places of the largest (smallest) so far, the last of equal ones."""

    def reference(x, dim):
        if x.ndim == 0:
            return x, np.zeros((), np.int64)
        y = accumulate(x, axis=dim)
        here = (x == y) | np.isnan(x)
        steps = np.arange(x.shape[dim]).reshape(
            [-1 if d == dim % x.ndim else 1 for d in range(x.ndim)]
        )
        return y, np.maximum.accumulate(np.where(here, steps, 0), axis=dim)

    return reference


def with_zeros(rng):
    x = rng.standard_normal((4, 5))
    x[1, 2] = x[3, 2] = x[0, 0] = 0
    return x


def products(x, dim):
    return np.cumprod(x, axis=dim) if x.ndim else x


ROWS = [
    Row(
        "cumprod",
        products,
        [
            Sample(normal(3, 4), 1),
            Sample(normal(4, 3, 2), 1),
            Sample(normal(), 0),
            Sample(normal(0, 3), 0),
            Sample(drawn(with_zeros), 0),
            Sample(drawn(with_zeros), 1),
            Sample(normal(130, 9, 70), 1),
            Sample(integers(4, 3, low=-3), 0),
        ],
        [Bad(IndexError, "dim", normal(3), 1)],
    ),
    *[
        Row(
            name,
            extreme(getattr(np, full).accumulate),
            [
                Sample(distinct(3, 5), 1),
                Sample(distinct(5, 3, 2), -3),
                Sample(distinct(), 0),
                Sample(distinct(0, 2), 1),
                Sample(drawn(lambda r: np.array([1.0, 2, 2, np.nan, 3]), grad=False), 0),
                Sample(integers(9, 3), 0),
                Sample(distinct(100, 1030), 0),
            ],
            [Bad(IndexError, "dim", normal(3), 2)],
            call=lambda x, dim, name=name: tuple(getattr(fastnn, name)(x, dim)),
        )
        for name, full in (("cummax", "maximum"), ("cummin", "minimum"))
    ],
    Row(
        "logcumsumexp",
        lambda x, dim: np.logaddexp.accumulate(x, axis=dim) if x.ndim else x,
        [
            Sample(normal(3, 5), 1),
            Sample(normal(5, 3, 2, std=30), 0),
            Sample(normal(), 0),
            Sample(normal(0, 2), 1),
            Sample(normal(90, 300), 1),
        ],
        [
            Bad(IndexError, "dim", normal(3), 1),
            Bad(TypeError, "float32 or float64", integers(3), 0),
        ],
    ),
]
