"""Rows of fastnn.ops.image."""

import numpy as np

from .row import Bad, Row, Sample, drawn, integers, normal


def shuffled(x, r):
    *lead, C, H, W = x.shape
    y = np.zeros((*lead, C // (r * r), H * r, W * r))
    for i in range(r):
        for j in range(r):
            y[..., i::r, j::r] = x[..., i * r + j :: r * r, :, :]
    return y


def unshuffled(x, r):
    *lead, C, H, W = x.shape
    y = np.zeros((*lead, C * r * r, H // r, W // r))
    for i in range(r):
        for j in range(r):
            y[..., i * r + j :: r * r, :, :] = x[..., i::r, j::r]
    return y


def dealt(x, groups):
    C = x.shape[1]
    return x[:, np.arange(C).reshape(groups, -1).T.ravel()]


def responses(x, size, alpha=1e-4, beta=0.75, k=1.0):
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        first, end = c - size // 2, c + (size - 1) // 2 + 1
        y[:, c] = (x[:, max(first, 0) : end] ** 2).sum(1) / size
    return x / (k + alpha * y) ** beta


def unpooled(x, index, kernel, stride=None, padding=0, output_size=None):
    dims = min(x.ndim - 1, 2)  # (C, L), (C, H, W) and (N, C, H, W) are tested
    stride = kernel if stride is None else stride
    sizes = [(n - 1) * stride - 2 * padding + kernel for n in x.shape[-dims:]]
    sizes = list(output_size)[-dims:] if output_size else sizes
    lead = x.shape[:-dims]
    y = np.zeros((int(np.prod(lead)), int(np.prod(sizes))))
    for row, places, values in zip(y, index.reshape(len(y), -1), x.reshape(len(y), -1)):
        row[places] = values
    return y.reshape(*lead, *sizes)


def apart(*shape, step):
    """Indices that do not meet: in each plane one of every `step` places."""
    dims = 2 if len(shape) > 2 else 1
    count = int(np.prod(shape[-dims:]))

    def draw(rng):
        return (np.arange(count) * step + rng.integers(0, step, (*shape[:-dims], count))).reshape(
            shape
        )

    return drawn(draw)


ROWS = [
    Row(
        "pixel_shuffle",
        shuffled,
        [
            Sample(normal(2, 8, 3, 2), 2),
            Sample(normal(9, 2, 2), 3),
            Sample(normal(2, 3, 4, 16, 20), 2),
        ],
        [
            Bad(ValueError, "no multiple of 2 x 2", normal(3, 2, 2), 2),
            Bad(ValueError, "at least 3", normal(4, 2), 2),
            Bad(TypeError, "must be an int", normal(4, 2, 2), 2.0),
        ],
    ),
    Row("pixel_shuffle", shuffled, [Sample(normal(0, 4, 2, 2), 2)], variant="empty", torch=None),
    Row(
        "pixel_unshuffle",
        unshuffled,
        [Sample(normal(2, 2, 6, 4), 2), Sample(normal(1, 6, 3), 3)],
        [Bad(ValueError, "no multiples of 2", normal(1, 3, 2), 2)],
    ),
    Row(
        "channel_shuffle",
        dealt,
        [Sample(normal(2, 6, 3), 3), Sample(normal(1, 4, 2, 2), 2)],
        [Bad(ValueError, "cut into 4 groups", normal(1, 6, 2), 4)],
    ),
    Row(
        "local_response_norm",
        responses,
        [
            Sample(normal(2, 5, 3), 3),
            Sample(normal(2, 4, 2, 3), 2, 0.5, 0.6, 2.0),
            Sample(normal(1, 3, 2, 2, 2), 5, 1.0),
            Sample(normal(0, 3, 2), 2),
        ],
        [
            Bad(ValueError, "at least 3", normal(3, 2), 2),
            Bad(ValueError, "positive", normal(1, 3, 2), 0),
        ],
    ),
    Row(
        "max_unpool2d",
        unpooled,
        [
            Sample(normal(2, 3, 2, 3), apart(2, 3, 2, 3, step=4), 2),
            Sample(normal(1, 2, 2), apart(1, 2, 2, step=2), 2, 1),
            Sample(normal(1, 1, 2, 2), apart(1, 1, 2, 2, step=6), 2, output_size=(5, 5)),
        ],
        [
            Bad(ValueError, "indices have shape", normal(1, 2, 2), integers(1, 2, 3), 2),
            Bad(
                ValueError,
                "a stride or more",
                normal(1, 2, 2),
                integers(1, 2, 2),
                2,
                output_size=(9, 4),
            ),
            Bad(ValueError, "3 dimensions", normal(2, 2), integers(2, 2), 2),
        ],
    ),
    Row(
        "max_unpool1d",
        unpooled,
        [Sample(normal(2, 3), apart(2, 3, step=2), 2)],
        [Bad(ValueError, "indices have shape", normal(1, 2), integers(1, 3), 2)],
    ),
]
