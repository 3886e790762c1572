"""Look-up of rows."""

import numpy as np

from .row import Bad, Row, Sample, drawn, integers, normal


def in_torch(*args, **kwargs):
    import torch

    return torch.nn.functional.embedding(*args, **kwargs)


def reference(index, weight, padding_idx=None):
    return weight[index]


ROWS = [
    Row(
        "embedding",
        reference,
        [
            Sample(integers(4, high=5), normal(5, 3)),
            Sample(integers(2, 3, high=7, dtype=np.int32), normal(7, 17)),
            Sample(integers(high=4), normal(4, 1)),
            Sample(integers(0, high=4), normal(4, 2)),
            Sample(integers(3, high=4), normal(4, 0)),
            Sample(integers(64, 40, high=50), normal(50, 65)),
        ],
        [
            Bad(
                IndexError,
                "position 2 is 5, expected 0 to 4",
                drawn(lambda r: np.array([0, 1, 5])),
                normal(5, 3),
            ),
            Bad(IndexError, "-1", drawn(lambda r: np.array([-1])), normal(5, 3)),
            Bad(TypeError, "int64 or int32", normal(3), normal(5, 3)),
            Bad(ValueError, "2-d", integers(3, high=4), normal(5)),
            Bad(ValueError, "padding_idx", integers(3, high=4), normal(5, 2), padding_idx=5),
        ],
        torch=in_torch,
    ),
    Row(
        "embedding",
        reference,
        [Sample(integers(40, high=5), normal(5, 3), padding_idx=-1)],
        torch=in_torch,
        variant="padding",
        finite_differences=False,  # the padding row moves the output, and gets no gradient
    ),
    Row(
        "embedding",
        lambda index, weight, **_: weight[index],
        [Sample(integers(40, high=5), normal(5, 3), scale_grad_by_freq=True)],
        [Bad(ValueError, "sparse", integers(3, high=5), normal(5, 3), sparse=True)],
        variant="by frequency",
        finite_differences=False,
    ),
]
