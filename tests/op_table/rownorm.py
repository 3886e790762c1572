"""Rows of fastnn.ops.rownorm."""

import numpy as np

from .row import Bad, Row, Sample, normal


def layer_norm(x, shape, weight=1.0, bias=0.0, eps=1e-5):
    axes = tuple(range(-len(np.atleast_1d(shape)), 0))
    center = x - x.mean(axis=axes, keepdims=True)
    weight, bias = 1.0 if weight is None else weight, 0.0 if bias is None else bias
    return center / np.sqrt((center**2).mean(axis=axes, keepdims=True) + eps) * weight + bias


def rms_norm(x, shape, weight=1.0, eps=1e-5):
    axes = tuple(range(-len(np.atleast_1d(shape)), 0))
    return x / np.sqrt((x**2).mean(axis=axes, keepdims=True) + eps) * weight


def group_norm(x, groups, weight=None, bias=None, eps=1e-5):
    y = layer_norm(x.reshape(len(x), groups, -1), (1,), eps=eps).reshape(x.shape)
    per_channel = (-1,) + (1,) * (x.ndim - 2)
    y = y if weight is None else y * weight.reshape(per_channel)
    return y if bias is None else y + bias.reshape(per_channel)


ROWS = [
    Row(
        "layer_norm",
        layer_norm,
        [
            Sample(normal(5, 4), (4,), normal(4), normal(4)),
            Sample(normal(3, 2, 5), (2, 5), normal(2, 5), normal(2, 5)),
            Sample(normal(7), (7,)),
            Sample(normal(3, 17), (17,), normal(17)),
            Sample(normal(3, 5), (5,), None, normal(5), 1e-2),
            Sample(normal(0, 5), (5,), normal(5), normal(5)),
            Sample(normal(67, 33), (33,), normal(33), normal(33)),
            Sample(normal(200, 515), (515,), normal(515), normal(515)),
        ],
        [
            Bad(
                ValueError,
                r"input has shape \(3, 5\), expected it to end with \(4,\)",
                normal(3, 5),
                4,
            ),
            Bad(ValueError, r"weight has shape \(4,\), expected 5", normal(3, 5), 5, normal(4)),
        ],
    ),
    Row(
        "layer_norm",
        layer_norm,
        [Sample(normal(5, 300, mean=1e4), (300,), normal(300), normal(300))],
        variant="far",
        most=200_000,
        rtol=5e-3,
        rtol64=1e-8,
        torch_rtol=5e-2,
        torch_rtol64=1e-7,
    ),
    Row(
        "rms_norm",
        rms_norm,
        [
            Sample(normal(5, 4), (4,), normal(4), 1e-5),
            Sample(normal(3, 2, 5), (2, 5), normal(2, 5), 1e-5),
            Sample(normal(3, 17), (17,), eps=1e-3),
            Sample(normal(200, 515), (515,), normal(515), 1e-6),
        ],
        [Bad(ValueError, "expected it to end with", normal(3, 5), 4)],
    ),
    Row(
        "group_norm",
        group_norm,
        [
            Sample(normal(3, 4), 2, normal(4), normal(4)),
            Sample(normal(2, 6, 5), 3, normal(6), normal(6)),
            Sample(normal(2, 4, 3, 2), 1),
            Sample(normal(2, 4, 17), 4, normal(4)),
            Sample(normal(2, 4, 3), 2, normal(4), normal(4), 0.1),
            Sample(normal(8, 16, 900), 4, normal(16), normal(16)),
        ],
        [Bad(ValueError, "4 channels cannot be cut into 3 groups", normal(3, 4), 3)],
    ),
    Row(
        "group_norm",
        group_norm,
        [Sample(normal(2, 4, 3), 2, None, normal(4))],
        variant="bias alone",
        torch=None,  # it fails
    ),
    Row(
        "group_norm",
        lambda x, *_: x,
        [
            Sample(normal(0, 4, 3), 2, normal(4), normal(4)),
            Sample(normal(2, 4, 0), 2, normal(4), normal(4)),
        ],
        variant="empty",
        torch=None,  # its weight's gradient is NaN, ours is 0
    ),
]
