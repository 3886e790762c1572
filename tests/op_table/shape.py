"""Rows of the families shape, expand, axes and window: views."""

import numpy as np

from .row import Bad, Row, Sample, integers, normal

ROWS = [
    Row(
        "reshape",
        np.reshape,
        [
            Sample(normal(3, 4), (2, 6)),
            Sample(normal(2, 3, 4), (-1, 2)),
            Sample(normal(6), (1, 6, 1)),
            Sample(normal(), (1, 1)),
            Sample(normal(1), ()),
            Sample(normal(0, 3), (3, 0, 2)),
            Sample(integers(4, 5), (20,)),
            Sample(normal(300, 400), (400, 300)),
        ],
        errors=[
            Bad(ValueError, r"reshape: cannot make shape \(5,\) of 6 elements", normal(2, 3), (5,)),
            Bad(ValueError, "only one may be -1", normal(2, 3), (-1, -1)),
            Bad(ValueError, "must not be negative", normal(2, 3), (-2, -3)),
            Bad(TypeError, "must be an int, got float", normal(2, 3), (2.0, 3)),
            Bad(ValueError, "at most 8 dimensions", normal(1), (1,) * 9),
        ],
    ),
    Row(
        "flatten",
        lambda x, a=0, b=-1: x.reshape(x.shape[:a] + (-1,) + x.shape[x.ndim + b + 1 :]),
        [
            Sample(normal(2, 3, 4)),
            Sample(normal(2, 3, 4), 1),
            Sample(normal(2, 3, 4, 2), 1, -2),
            Sample(normal()),
        ],
        errors=[
            Bad(ValueError, "start_dim 1 comes after end_dim 0", normal(2, 3), 1, 0),
            Bad(IndexError, "dim must be from -2 to 1", normal(2, 3), 2),
        ],
    ),
    Row(
        "unflatten",
        lambda x, dim, sizes: x.reshape(x.shape[:dim] + sizes + x.shape[dim + 1 :]),
        [Sample(normal(2, 12, 3), 1, (3, 4)), Sample(normal(6), 0, (1, 6))],
        errors=[Bad(ValueError, r"sizes \(5, 2\) do not make 12", normal(12), 0, (5, 2))],
    ),
    Row(
        "squeeze",
        lambda x, dim=None: np.squeeze(x, dim),
        [
            Sample(normal(1, 3, 1)),
            Sample(normal(1, 3, 1), 0),
            Sample(normal(1, 3, 1, 4), (0, 2)),
            Sample(normal()),
            Sample(normal(1, 0)),
        ],
        errors=[Bad(IndexError, "squeeze: dim must be from -2 to 1", normal(2, 3), 2)],
    ),
    Row(
        "unsqueeze",
        np.expand_dims,
        [Sample(normal(3, 4), 0), Sample(normal(3, 4), -1), Sample(normal(), 0)],
        errors=[
            Bad(IndexError, "unsqueeze: dim must be from -3 to 2", normal(2, 3), 3),
            Bad(ValueError, "at most 8", normal(*[1] * 8), 0),
        ],
    ),
    Row(
        "broadcast_to",
        np.broadcast_to,
        [
            Sample(normal(3, 1), (3, 4)),
            Sample(normal(3), (2, 3)),
            Sample(normal(), (2, 2)),
            Sample(normal(1), (0,)),
            Sample(normal(200, 1), (200, 600)),
        ],
        errors=[
            Bad(ValueError, r"shape \(3,\) cannot be expanded to \(2, 4\)", normal(3), (2, 4)),
            Bad(ValueError, r"shape \(2, 3\) cannot be expanded to \(3,\)", normal(2, 3), (3,)),
        ],
    ),
    Row(
        "permute",
        np.transpose,
        [
            Sample(normal(2, 3, 4), (2, 0, 1)),
            Sample(normal(3), (0,)),
            Sample(normal(), ()),
            Sample(normal(70, 40, 50), (1, -1, 0)),
        ],
        errors=[
            Bad(ValueError, "permute: dims must name all 3", normal(2, 3, 4), (0, 1)),
            Bad(ValueError, "permute: dim 0 is given twice", normal(2, 3), (0, 0)),
            Bad(IndexError, "permute: dim must be from -2 to 1", normal(2, 3), (0, 2)),
        ],
    ),
    Row(
        "transpose",
        np.swapaxes,
        [Sample(normal(2, 3, 4), 0, -1), Sample(normal(300, 401), 1, 0)],
        errors=[Bad(IndexError, "transpose: dim1: dim must be", normal(2, 3), 0, 2)],
    ),
    Row(
        "t",
        np.transpose,
        [Sample(normal(2, 3)), Sample(normal(3)), Sample(normal())],
        errors=[Bad(ValueError, "t: expected at most 2 dimensions, got 3", normal(2, 3, 4))],
    ),
    Row(
        "movedim",
        np.moveaxis,
        [Sample(normal(2, 3, 4), 0, -1), Sample(normal(2, 3, 4), (0, 2), (1, 0))],
        errors=[
            Bad(ValueError, "movedim: 2 sources and 1 destinations", normal(2, 3), (0, 1), 1),
            Bad(IndexError, "movedim: source: dim must be", normal(2, 3), 2, 0),
        ],
    ),
    Row(
        "select",
        lambda x, dim, i: np.take(x, i, dim),
        [Sample(normal(3, 4), 0, 1), Sample(normal(3, 4, 2), -2, -1), Sample(normal(5), 0, 0)],
        errors=[
            Bad(IndexError, "select: index 3 is out of range for size 3", normal(3), 0, 3),
            Bad(ValueError, "select: expected at least one dimension", normal(), 0, 0),
        ],
    ),
    Row(
        "narrow",
        lambda x, dim, start, n: np.take(x, range(start, start + n), dim),
        [Sample(normal(3, 4), 1, 1, 2), Sample(normal(5), 0, 5, 0)],
        errors=[Bad(IndexError, "narrow: 3 places from 2 on", normal(4), 0, 2, 3)],
    ),
    Row(
        "split",
        lambda x, n, dim=0: np.split(
            x, range(n, x.shape[dim], n) if isinstance(n, int) else np.cumsum(n)[:-1], dim
        ),
        [
            Sample(normal(7, 2), 3),
            Sample(normal(2, 6), (1, 0, 5), 1),
            Sample(normal(4), 9),
            Sample(normal(3, 4), [2, 2], -1),
        ],
        errors=[
            Bad(ValueError, r"split: sections \[1, 2\] do not add up to 4", normal(4), (1, 2)),
            Bad(ValueError, "split: split_size must be positive", normal(4), 0),
        ],
    ),
    Row(
        "chunk",
        lambda x, n, dim=0: np.split(
            x, range(-(-x.shape[dim] // n), x.shape[dim], -(-x.shape[dim] // n)), dim
        ),
        [Sample(normal(7, 2), 3), Sample(normal(2, 8), 4, 1), Sample(normal(2), 5)],
        errors=[Bad(ValueError, "chunk: chunks must be at least 1, got 0", normal(4), 0)],
    ),
    Row(
        "unbind",
        lambda x, dim=0: [np.take(x, i, dim) for i in range(x.shape[dim])],
        [Sample(normal(3, 2)), Sample(normal(2, 3), 1)],
        errors=[Bad(IndexError, "unbind: dim must be from -1 to 0", normal(4), 1)],
    ),
    Row(
        "diagonal",
        np.diagonal,
        [
            Sample(normal(3, 4)),
            Sample(normal(3, 4), 1),
            Sample(normal(4, 3), -2),
            Sample(normal(2, 3, 4), 0, 2, 1),
            Sample(normal(2, 2), 3),
        ],
        errors=[
            Bad(ValueError, "diagonal: dim1 and dim2 are the same", normal(3, 3), 0, 1, 1),
            Bad(IndexError, "dim2: dim must be", normal(3)),
        ],
    ),
]
