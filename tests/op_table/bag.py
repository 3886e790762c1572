"""Rows of fastnn.ops.bag."""

import itertools

import numpy as np

from .row import Bad, Row, Sample, distinct, drawn, integers, normal, uniform


def bags(
    index, weight, offsets=None, mode="mean", per_sample_weights=None, include_last_offset=False,
    padding_idx=None, scale_grad_by_freq=False,
):  # fmt: skip
    L = index.shape[-1]
    if offsets is None:
        starts = np.arange(index.shape[0] + 1) * L
    else:
        starts = offsets if include_last_offset else np.append(offsets, index.size)
    flat = index.ravel()
    factors = np.ones(flat.size) if per_sample_weights is None else per_sample_weights.ravel()
    rows = []
    for first, end in itertools.pairwise(starts):
        kept = [i for i in range(first, end) if flat[i] != padding_idx]
        found = weight[flat[kept]] * factors[kept][:, None]
        if not len(kept):
            rows.append(np.zeros(weight.shape[1]))
        else:
            rows.append({"sum": found.sum, "mean": found.mean, "max": found.max}[mode](0))
    return np.stack(rows) if rows else np.zeros((0, weight.shape[1]))


def starts(*values):
    return drawn(lambda r: np.array(values))


ROWS = [
    Row(
        "embedding_bag",
        bags,
        [
            Sample(integers(4, 3, high=6), normal(6, 5)),
            Sample(integers(7, high=6), normal(6, 5), starts(0, 2, 2, 5), mode="sum"),
            Sample(integers(7, high=6), distinct(6, 5), starts(0, 2, 2, 5), mode="max"),
            Sample(integers(7, high=6), normal(6, 2), starts(0, 4, 7), include_last_offset=True),
            Sample(integers(2, 9, high=4), normal(4, 3), padding_idx=1),
            Sample(integers(3, 4, high=4), distinct(4, 3), padding_idx=2, mode="max"),
            Sample(
                integers(7, high=6),
                normal(6, 17),
                starts(0, 4, 7),
                mode="sum",
                padding_idx=0,
                per_sample_weights=normal(7),
            ),
            Sample(integers(200, 20, high=300), normal(300, 65)),
            Sample(integers(200, 20, high=300), distinct(300, 65), mode="max"),
            Sample(
                integers(2, 9, high=4), normal(4, 3), mode="sum", per_sample_weights=normal(2, 9)
            ),
        ],
        [
            Bad(ValueError, "mode must be", integers(2, 2, high=3), normal(3, 2), mode="min"),
            Bad(ValueError, "needs offsets", integers(2, high=3), normal(3, 2)),
            Bad(ValueError, "no offsets", integers(2, 2, high=3), normal(3, 2), starts(0, 1)),
            Bad(
                IndexError,
                "the first, at position 0 is 1",
                integers(2, high=3),
                normal(3, 2),
                starts(1, 2),
            ),
            Bad(
                IndexError, "must rise.* is -1", integers(4, high=3), normal(3, 2), starts(0, 2, 1)
            ),
            Bad(
                IndexError,
                "offsets at position 1 is 3",
                integers(2, high=3),
                normal(3, 2),
                starts(0, 3),
            ),
            Bad(TypeError, "offsets must be int64", integers(2, high=3), normal(3, 2), uniform(2)),
            Bad(TypeError, "input must be int64", normal(2, 2), normal(3, 2)),
            Bad(ValueError, "out of range", integers(2, 2, high=3), normal(3, 2), padding_idx=3),
            Bad(ValueError, "sparse", integers(2, 2, high=3), normal(3, 2), sparse=True),
            Bad(IndexError, "expected 0 to 2", integers(2, 2, low=3), normal(3, 2)),
        ],
    ),
    Row(
        "embedding_bag",
        bags,
        [
            Sample(integers(0, 3, high=4), normal(4, 3)),
            Sample(integers(2, 0, high=4), normal(4, 3), mode="max"),
            Sample(integers(2, 0, high=4), normal(4, 3)),
        ],
        variant="empty",
        torch=None,  # it refuses these shapes
    ),
    Row(
        "embedding_bag",
        None,
        [Sample(integers(3, 4, high=5), normal(5, 2), mode="sum", scale_grad_by_freq=True)],
        variant="by frequency",
        torch=None,  # its embedding_bag divides by other numbers than the counts; its embedding does not
        finite_differences=False,
    ),
]
