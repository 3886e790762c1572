"""Rows of fastnn.ops.patches."""

import numpy as np

from .row import Bad, Row, Sample, normal


def both(value):
    return value if isinstance(value, tuple) else (value, value)


def places(size, kernel, dilation, padding, stride):
    """For each tap and output, the input that meets it along one axis; -1 outside."""
    out = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    at = np.arange(kernel)[:, None] * dilation + np.arange(out) * stride - padding
    return np.where((at >= 0) & (at < size), at, -1)


def maps(size, *settings):
    """(taps, outputs) of flat places in a plane, -1 outside."""
    rows, columns = [places(n, *s) for n, s in zip(size, zip(*map(both, settings)))]
    r, c = rows[:, None, :, None], columns[None, :, None, :]
    at = np.where((r < 0) | (c < 0), -1, r * size[1] + c)
    return at.reshape(at.shape[0] * at.shape[1], -1)


def unfolded(x, kernel_size, dilation=1, padding=0, stride=1):
    at = maps(x.shape[-2:], kernel_size, dilation, padding, stride)
    flat = x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])
    y = np.where(at < 0, 0, flat[..., at])
    return y.reshape(*x.shape[:-3], x.shape[-3] * at.shape[0], at.shape[1])


def folded(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    size = both(output_size)
    at = maps(size, kernel_size, dilation, padding, stride)
    C = x.shape[-2] // at.shape[0]
    columns = x.reshape(-1, C, at.size)
    y = np.zeros((columns.shape[0], C, size[0] * size[1]))
    for i, place in enumerate(at.ravel()):
        if place >= 0:
            y[..., place] += columns[..., i]
    return y.reshape(*x.shape[:-2], C, *size)


ROWS = [
    Row(
        "unfold",
        unfolded,
        [
            Sample(normal(2, 3, 5, 4), 3),
            Sample(normal(2, 5, 6), (2, 3), (2, 1), (1, 0), (1, 2)),
            Sample(normal(1, 1, 4, 4), 2, 1, 2, 3),
            Sample(normal(0, 2, 3, 3), 2),
            Sample(normal(8, 8, 20, 20), 3, 1, 1),
        ],
        [
            Bad(ValueError, "3 or 4 dimensions", normal(4, 4), 2),
            Bad(ValueError, "larger than the padded input", normal(1, 3, 3), 4),
            Bad(ValueError, "kernel_size must be 2 ints", normal(1, 3, 3), 0),
            Bad(TypeError, "stride must be", normal(1, 3, 3), 2, stride=1.5),
        ],
    ),
    Row(
        "fold",
        folded,
        [
            Sample(normal(2, 18, 6), (4, 5), 3),
            Sample(normal(12, 20), (5, 6), (2, 3), (2, 1), (1, 0), (1, 1)),
            Sample(normal(1, 8, 9), 4, 2, 1, 1, 2),
            Sample(normal(8, 72, 100), 10, 3, 1, 1),
        ],
        [
            Bad(ValueError, "2 or 3 dimensions", normal(4), 4, 2),
            Bad(ValueError, "multiple of the 4 elements", normal(6, 9), 4, 2),
            Bad(ValueError, "3 x 3 patches", normal(4, 8), 4, 2),
        ],
    ),
]
