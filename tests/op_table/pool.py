"""Rows of fastnn.ops.pool and adaptive_pool."""

import math

import numpy as np

from .row import Bad, Row, Sample, distinct, normal, uniform


def pool(reduce, dims, adaptive=False):
    """Windows by their definition; reduce(values, size of the window with its padding)."""

    def reference(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **options):
        def both(value):
            return list(value) if isinstance(value, (tuple, list)) else [value] * dims

        sizes = x.shape[-dims:]
        kernel, pad, gap = both(kernel_size), both(padding), both(dilation)
        step = both(kernel_size if stride is None else stride)
        windows = []
        for d in range(dims):
            n, found = sizes[d], []
            if adaptive:
                out = n if kernel[d] is None else kernel[d]
                for o in range(out):
                    index = list(range(o * n // out, -(-(o + 1) * n // out)))
                    found.append((index, len(index)))
            else:
                span = n + 2 * pad[d] - gap[d] * (kernel[d] - 1) - 1
                out = (-(-span // step[d]) if ceil_mode else span // step[d]) + 1
                if ceil_mode and (out - 1) * step[d] >= n + pad[d]:
                    out -= 1
                for o in range(out):
                    index = [o * step[d] - pad[d] + k * gap[d] for k in range(kernel[d])]
                    found.append(
                        ([i for i in index if 0 <= i < n], sum(i < n + pad[d] for i in index))
                    )
            windows.append(found)
        if dims == 1:
            columns = [reduce(x[..., i], size, **options) for i, size in windows[0]]
            return np.stack(columns, -1)
        rows = []
        for i, m in windows[0]:
            row = [reduce(flat(x[..., i, :][..., j]), m * n, **options) for j, n in windows[1]]
            rows.append(np.stack(row, -1))
        return np.stack(rows, -2)

    return reference


def flat(window):
    return window.reshape(*window.shape[:-2], math.prod(window.shape[-2:]))


def largest(values, size):
    return values.max(-1)


def mean(values, size, count_include_pad=True, divisor_override=None):
    return values.sum(-1) / (divisor_override or (size if count_include_pad else values.shape[-1]))


def averaged(dims):
    """The average's arguments have no dilation between padding and ceil_mode."""
    base = pool(mean, dims)

    def reference(x, kernel_size, stride=None, padding=0, ceil_mode=False, **options):
        return base(x, kernel_size, stride, padding, 1, ceil_mode, **options)

    return reference


def p_norm(dims):
    def reference(x, norm_type, kernel_size, stride=None, ceil_mode=False):
        base = pool(lambda values, size: (values**norm_type).sum(-1) ** (1 / norm_type), dims)
        return base(x, kernel_size, stride, 0, 1, ceil_mode)

    return reference


def torch_adaptive_max_pool1d(x, size):
    from torch.nn.functional import adaptive_max_pool1d  # torch's own returns the indices too

    return adaptive_max_pool1d(x, size)


ERRORS = [
    Bad(ValueError, "padding must be at most half", normal(1, 4, 4), 2, 1, 2),
    Bad(ValueError, "larger than the input", normal(1, 4, 4), 5),
    Bad(ValueError, "3 or 4 dimensions", normal(4, 4), 2),
    Bad(ValueError, "kernel_size must be", normal(1, 4, 4), 0),
    Bad(TypeError, "stride must be", normal(1, 4, 4), 2, 1.5),
]

ROWS = [
    Row(
        "max_pool2d",
        pool(largest, 2),
        [
            Sample(distinct(2, 3, 6, 6), 2),
            Sample(distinct(2, 7, 6), (3, 2), 2, (1, 0)),
            Sample(distinct(1, 1, 7, 8), 3, 2, 1, 2, True),
            Sample(distinct(0, 2, 4, 4), 2),
            Sample(distinct(16, 8, 24, 24), 2),
            Sample(distinct(2, 5, 43), 3, 2, 1),
            Sample(distinct(1, 5, 37), (2, 3), 1, (0, 1), (1, 2)),
            Sample(distinct(1, 6, 75), 3),
        ],
        [
            *ERRORS,
            Bad(ValueError, "falls beside the input", normal(1, 2, 6, 1), (3, 2), 1, 1, (1, 2)),
        ],
    ),
    Row(
        "max_pool1d",
        pool(largest, 1),
        [Sample(distinct(2, 3, 9), 3, 2, 1), Sample(distinct(3, 8), 2)],
        [Bad(ValueError, "2 or 3 dimensions", normal(4), 2)],
    ),
    Row(
        "avg_pool2d",
        averaged(2),
        [
            Sample(normal(2, 3, 6, 6), 2),
            Sample(normal(2, 7, 6), (3, 2), 2, (1, 0), True),
            Sample(normal(2, 7, 6), 3, 2, 1, count_include_pad=False),
            Sample(normal(1, 1, 6, 6), 2, divisor_override=3),
            Sample(normal(16, 8, 24, 24), 3, 1, 1),
            Sample(normal(2, 4, 43), (2, 3), 2, 1),
            Sample(normal(1, 4, 39), 2, None, 0, True),
            Sample(normal(1, 6, 58), 3),
        ],
        ERRORS,
    ),
    Row("avg_pool1d", averaged(1), [Sample(normal(2, 3, 9), 3, 2, 1), Sample(normal(3, 8), 2)]),
    Row(
        "lp_pool2d",
        p_norm(2),
        [Sample(uniform(2, 3, 6, 6, low=0.1), 2, 2), Sample(uniform(1, 5, 5, low=0.1), 3.0, 3, 2)],
        [Bad(ValueError, "norm_type must be positive", normal(1, 4, 4), 0, 2)],
        rtol=1e-4,
    ),
    Row("lp_pool1d", p_norm(1), [Sample(uniform(2, 3, 9, low=0.1), 2, 3)], rtol=1e-4),
    Row(
        "adaptive_avg_pool2d",
        pool(mean, 2, adaptive=True),
        [
            Sample(normal(2, 3, 7, 6), (3, 4)),
            Sample(normal(3, 7, 6), 1),
            Sample(normal(1, 7, 6), (None, 2)),
            Sample(normal(1, 2, 3), 5),
        ],
        [Bad(ValueError, "output_size must be", normal(1, 4, 4), 0)],
    ),
    Row("adaptive_avg_pool1d", pool(mean, 1, adaptive=True), [Sample(normal(2, 3, 7), 3)]),
    Row(
        "adaptive_max_pool2d",
        pool(largest, 2, adaptive=True),
        [Sample(distinct(2, 3, 7, 6), (3, 4)), Sample(distinct(3, 7, 6), 1)],
    ),
    Row(
        "adaptive_max_pool1d",
        pool(largest, 1, adaptive=True),
        [Sample(distinct(2, 3, 7), 3)],
        torch=torch_adaptive_max_pool1d,
    ),
]
