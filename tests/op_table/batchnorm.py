"""Rows of fastnn.ops.batchnorm."""

import numpy as np

from .loss import functional
from .row import Bad, Row, Sample, normal, uniform


def spread(per_channel, x):
    return per_channel.reshape((-1,) + (1,) * (x.ndim - 2))


def affine(y, weight, bias):
    y = y if weight is None else y * spread(weight, y)
    return y if bias is None else y + spread(bias, y)


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if training:
        axes = (0, *range(2, x.ndim))
        mean, var = x.mean(axis=axes), x.var(axis=axes)
    return affine((x - spread(mean, x)) / np.sqrt(spread(var, x) + eps), weight, bias)


def instance_norm(x, mean=None, var=None, weight=None, bias=None):
    axes = tuple(range(2, x.ndim))
    center = x - x.mean(axis=axes, keepdims=True)
    return affine(center / np.sqrt(x.var(axis=axes, keepdims=True) + 1e-5), weight, bias)


def still(n):
    """Running statistics, which evaluation leaves alone."""
    return normal(n, grad=False), uniform(n, low=0.5, high=2, grad=False)


ROWS = [
    Row(
        "batch_norm",
        batch_norm,
        [
            Sample(normal(5, 4), None, None, normal(4), normal(4), True),
            Sample(normal(5, 4), None, None, None, None, True),
            Sample(normal(3, 4, 5), None, None, normal(4), normal(4), True),
            Sample(normal(2, 3, 4, 2), None, None, normal(3), normal(3), True),
            Sample(normal(33, 17), None, None, normal(17), None, True),
            Sample(normal(5, 4), *still(4), normal(4), normal(4)),
            Sample(normal(3, 4, 5), *still(4), normal(4), normal(4)),
            Sample(normal(2, 40, 0), *still(40), normal(40), normal(40)),
            Sample(normal(300, 515), None, None, normal(515), normal(515), True),
            Sample(normal(65, 253), None, None, normal(253), normal(253), True),  # by rows
            Sample(normal(70, 240), *still(240), normal(240), normal(240)),
            Sample(normal(20, 33, 151), None, None, normal(33), normal(33), True),
        ],
        [
            Bad(
                ValueError,
                "more than one value per channel",
                normal(1, 4),
                None,
                None,
                training=True,
            ),
            Bad(ValueError, r"expected \(N, C\)", normal(4), None, None, training=True),
            Bad(ValueError, "running_mean and running_var are needed", normal(3, 4), None, None),
            Bad(ValueError, r"running_mean has shape \(3,\)", normal(3, 4), normal(3), normal(3)),
        ],
        rtol=3e-5,
        torch=functional("batch_norm"),
    ),
    Row(
        "batch_norm",
        batch_norm,
        [
            Sample(normal(100, 33, mean=1e4), None, None, normal(33), normal(33), True),
            Sample(normal(100, 170, mean=1e4), None, None, normal(170), normal(170), True),
        ],
        variant="far",
        most=200_000,
        rtol=1e-2,
        rtol64=1e-8,
        torch_rtol=1e-1,
        torch_rtol64=1e-7,
        torch=functional("batch_norm"),
    ),
    Row(
        "instance_norm",
        instance_norm,
        [
            Sample(normal(3, 4, 5)),
            Sample(normal(2, 3, 4, 2), None, None, normal(3), normal(3)),
            Sample(normal(8, 16, 900), None, None, normal(16), normal(16)),
        ],
        [Bad(ValueError, "more than one value per channel", normal(2, 3, 1))],
        rtol=3e-5,
        torch=functional("instance_norm"),
    ),
]
