"""Rows of fastnn.ops.reduce and cumulative."""

import numpy as np

from .row import Bad, Row, Sample, booleans, drawn, integers, normal, uniform


def axes(dim):
    return None if dim is None or dim == () else tuple(dim) if isinstance(dim, list) else dim


def along(function):
    def reference(x, dim=None, keepdim=False, dtype=None):
        x = x if dtype is None else x.astype(dtype)
        return function(x, axis=axes(dim) if x.ndim else None, keepdims=keepdim)

    return reference


def logsumexp(x, dim, keepdim=False):
    top = x.max(axis=axes(dim) if x.ndim else None, keepdims=True)
    sums = np.exp(x - top).sum(axis=axes(dim) if x.ndim else None, keepdims=True)
    y = np.log(sums) + top
    return y if keepdim or not x.ndim else y.squeeze(axes(dim))


SHAPES = [
    Sample(normal()),
    Sample(normal(1)),
    Sample(normal(7)),
    Sample(normal(3, 0)),
    Sample(normal(5, 4), 0),
    Sample(normal(5, 4), -1, True),
    Sample(normal(2, 3, 4, 3), (0, 2)),
    Sample(normal(2, 3, 4, 3), (1, 3), True),
    Sample(normal(2, 3, 4), (1, 2)),
    Sample(normal(0, 3), 1),
    Sample(normal(3, 0), 1),
    Sample(normal(33, 17), 0),
    Sample(normal(2, 65, 33), 1),
    Sample(normal(300, 3), 0),
    Sample(normal(100_001)),
    Sample(normal(3, 40_000), 1),
    Sample(normal(10_000, 5), 0),
    Sample(normal(2000, 67), 0),
]
INTEGERS = [
    Sample(integers(4, 5)),
    Sample(integers(4, 5, dtype=np.int32), 1),
    Sample(booleans(6, 3), 0),
    Sample(integers(3, 200, 5, low=-9), 1, True),
    Sample(booleans(4, 3, 5), (0, 2)),
]
ERRORS = [
    Bad(IndexError, "dim must be from -2 to 1", normal(2, 3), 2),
    Bad(ValueError, "given twice", normal(2, 3), (0, 0)),
]
NO_INTEGERS = Bad(TypeError, "expected float32 or float64, got int64", integers(3))

ROWS = [
    Row("sum", along(np.sum), SHAPES + INTEGERS, ERRORS),
    Row(
        "mean",
        along(lambda x, **k: np.mean(x, **k) if x.size else np.sum(x, **k) * np.nan),
        [s for s in SHAPES if s not in (SHAPES[3], SHAPES[10])]
        + [Sample(integers(4, 5), dtype=np.float64)],
        [*ERRORS, NO_INTEGERS],
        torch=None,
    ),
    Row(
        "prod",
        along(np.prod),
        [
            Sample(uniform(low=0.5, high=2)),
            Sample(uniform(5, 4, low=0.5, high=2), 0),
            Sample(drawn(lambda rng: np.array([[1.5, 0, 2], [0, 0, 3], [1, -2, 3]])), 1),
            Sample(normal(3, 0), 1),
            Sample(integers(3, 4, high=5), 1, True),
        ],
        [Bad(IndexError, "dim must be", normal(2, 3), 2)],
    ),
    # Relative errors of n roundings, each up to 2^-24, walk at random: sqrt(n) 2^-24 = 1.2e-5 from
    # the exact product, in any order (over 300 draws fastnn's and NumPy's differ from it with
    # standard deviation 5.3e-6, largest 1.7e-5, and no bias). Factors this far from 1 on purpose:
    # between 0.999 and 1.001 float32's unequal steps above and below 1 round the short partial
    # products downward (-8e-6; by halves, as a tree, -3.4e-5).
    Row(
        "prod",
        along(np.prod),
        [
            Sample(drawn(lambda rng: np.exp(rng.uniform(-0.1, 0.1, (40_000, 3)))), 0),
            Sample(drawn(lambda rng: np.exp(rng.uniform(-0.1, 0.1, (90, 3)))), 0),
        ],
        rtol=2 * 40_000**0.5 * 2**-24,
        variant="long",
    ),
    Row(
        "any",
        along(np.any),
        [
            Sample(booleans(4, 3), 1),
            Sample(booleans(4, 3, p=0.1)),
            Sample(drawn(lambda rng: rng.integers(0, 2, (5, 3)).astype(float)), 0),
            Sample(drawn(lambda rng: np.zeros((2, 3)))),
            Sample(normal(0, 3)),
            Sample(normal(2, 20_000), 1, True),
        ],
        ERRORS[:1],
    ),
    Row(
        "all",
        along(np.all),
        [
            Sample(booleans(4, 3), 1),
            Sample(drawn(lambda rng: rng.integers(0, 2, (5, 3)).astype(float)), 0),
            Sample(normal(2, 3)),
            Sample(normal(0, 3)),
            Sample(normal(2, 40_000), 1, True),
        ],
        ERRORS[:1],
    ),
    Row(
        "logsumexp",
        logsumexp,
        [
            Sample(normal(), 0),
            Sample(normal(5, 4), 0),
            Sample(normal(5, 40, std=100), 1, True),
            Sample(normal(2, 3, 4, 3), (0, 2)),
            Sample(normal(17, 33), 1),
            Sample(normal(3, 50, 33), 1),
            Sample(normal(100, 1001), 1),
        ],
        [
            Bad(IndexError, "dim must be", normal(2, 3), 2),
            Bad(TypeError, "str", "three", 0),
        ],
    ),
    Row(
        "cumsum",
        lambda x, dim: np.cumsum(x, dim if x.ndim else None).reshape(x.shape),
        [
            Sample(normal(), 0),
            Sample(normal(7), 0),
            Sample(normal(5, 4), 0),
            Sample(normal(2, 3, 40), -1),
            Sample(normal(2, 33, 3), 1),
            Sample(normal(0, 3), 0),
            Sample(normal(3, 40_000), 1),
            Sample(integers(4, 5), 1),
            Sample(booleans(9), 0),
        ],
        [Bad(IndexError, "dim must be", normal(2, 3), 2)],
    ),
]
