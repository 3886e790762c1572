"""Rows of fastnn.ops.distance."""

import numpy as np

from .row import Bad, Row, Sample, distinct, normal


def length(x, p, axis=-1, keepdims=False):
    if p == np.inf:
        return np.abs(x).max(axis, keepdims=keepdims)
    return (np.abs(x) ** p).sum(axis, keepdims=keepdims) ** (1 / p)


def cosine(a, b, dim=1, eps=1e-8):
    a, b = np.broadcast_arrays(a, b)
    lengths = np.maximum(length(a, 2, dim), eps) * np.maximum(length(b, 2, dim), eps)
    return (a * b).sum(dim) / lengths


def every_pair(x, p=2.0):
    rows, columns = np.triu_indices(len(x), 1)
    return length(x[rows] - x[columns], p)


ROWS = [
    Row(
        "normalize",
        lambda x, p=2.0, dim=1, eps=1e-12: x / np.maximum(length(x, p, dim, True), eps),
        [
            Sample(normal(3, 4)),
            Sample(normal(3, 4, 2), 1.0, -1),
            Sample(normal(5), 3, 0),
            Sample(normal(200, 300), dim=0),
        ],
        [Bad(IndexError, "dim", normal(3))],
    ),
    Row(
        "cosine_similarity",
        cosine,
        [
            Sample(normal(3, 4), normal(3, 4)),
            Sample(normal(3, 4, 2), normal(4, 1), dim=-1),
            Sample(normal(5), normal(5), dim=0),
            Sample(normal(0, 3), normal(0, 3)),
            Sample(normal(300, 200), normal(300, 200)),
        ],
        [Bad(ValueError, "broadcast", normal(3, 4), normal(3, 5))],
    ),
    Row(
        "pairwise_distance",
        lambda a, b, p=2.0, eps=1e-6, keepdim=False: length(a - b + eps, p, -1, keepdim),
        [
            Sample(normal(3, 4), normal(3, 4)),
            Sample(normal(3, 4), normal(4), 1.0, keepdim=True),
            Sample(normal(5), normal(5), 3.0),
        ],
        [Bad(ValueError, "broadcast", normal(3, 4), normal(3, 5))],
    ),
    Row(
        "dist",
        lambda a, b, p=2: length((a - b).ravel(), p),
        [Sample(normal(3, 4), normal(4)), Sample(distinct(7), distinct(7), 1)],
    ),
    Row(
        "cdist",
        lambda a, b, p=2.0: length(a[..., :, None, :] - b[..., None, :, :], p),
        [
            Sample(normal(4, 3), normal(5, 3)),
            Sample(normal(2, 4, 3), normal(5, 3), 1.0),
            Sample(distinct(4, 3), distinct(2, 3), np.inf),
        ],
        [Bad(ValueError, "expected", normal(4, 3), normal(4, 2))],
    ),
    Row(
        "pdist",
        every_pair,
        [Sample(normal(5, 3)), Sample(normal(4, 2), 1.0), Sample(normal(1, 2))],
        [Bad(ValueError, "2-d", normal(4))],
    ),
]
