"""Rows of fastnn.ops.noise: seeded, so that each call draws the same."""

import numpy as np

import fastnn
from fastnn.ops import noise

from .row import Bad, Row, Sample, normal, uniform


def seeded(function):
    def call(*args, **kwargs):
        fastnn.manual_seed(5)
        return function(*args, **kwargs)

    return call


ROWS = [
    Row(
        "rrelu",
        lambda x, lower=1 / 8, upper=1 / 3: np.where(x > 0, x, x * (lower + upper) / 2),
        [Sample(normal(3, 4)), Sample(normal(33), 0.1, 0.2)],
        [Bad(ValueError, "at most upper", normal(3), 0.5, 0.1)],
    ),
    Row(
        "rrelu",
        None,
        [Sample(normal(3, 5), training=True), Sample(normal(), 0.1, 0.1, training=True)],
        call=seeded(noise.rrelu),
        torch=None,
        variant="training",
    ),
    Row(
        "gumbel_softmax",
        None,
        [Sample(normal(3, 5)), Sample(normal(3, 5), 0.5, dim=0)],
        [Bad(ValueError, "tau must be positive", normal(3), 0)],
        call=seeded(noise.gumbel_softmax),
        torch=None,
    ),
    Row(
        "multinomial",
        None,
        [
            Sample(uniform(6, grad=False), 4),
            Sample(uniform(3, 6, grad=False), 9, replacement=True),
        ],
        [
            Bad(ValueError, "not negative", normal(9), 2),
            Bad(ValueError, "replacement=True", uniform(3), 4),
            Bad(ValueError, "1-d or 2-d", uniform(), 1),
        ],
        call=seeded(noise.multinomial),
        torch=None,
    ),
]
