"""Rows of fastnn.ops.put."""

import numpy as np

from .row import Bad, Row, Sample, booleans, distinct, drawn, integers, normal


def places(*values):
    return drawn(lambda r: np.array(values))


def filled(x, dim, index, value):
    y = np.moveaxis(x.copy(), dim, 0)
    y[index] = value
    return np.moveaxis(y, 0, dim)


def copied(x, dim, index, source):
    y = np.moveaxis(x.copy(), dim, 0)
    y[index] = np.moveaxis(source, dim, 0)
    return np.moveaxis(y, 0, dim)


def written(x, indices, values, accumulate=False):
    y = x.copy()
    if accumulate:
        np.add.at(y, tuple(indices), values)
    else:
        y[tuple(indices)] = values
    return y


def masked(x, mask, source):
    y = np.broadcast_to(x, np.broadcast_shapes(x.shape, mask.shape)).copy()
    mask = np.broadcast_to(mask, y.shape)
    y[mask] = source.ravel()[: mask.sum()]
    return y


def reduced(x, dim, index, src, reduce, include_self=True):
    lists = {at: [x[at]] if include_self else [] for at in np.ndindex(x.shape)}
    for at in np.ndindex(index.shape):
        to = list(at)
        to[dim] = index[at]
        lists[tuple(to)].append(src[at])
    f = {"sum": sum, "mean": np.mean, "amax": max, "amin": min}[reduce]
    return np.array([f(lists[at]) if lists[at] else x[at] for at in np.ndindex(x.shape)]).reshape(
        x.shape
    )


def in_torch(x, indices, values, accumulate=False):
    return x.index_put(tuple(indices), values, accumulate)


ROWS = [
    Row("take", np.take, [Sample(normal(3, 4), integers(2, 5, high=12))]),
    Row(
        "index_fill",
        filled,
        [Sample(normal(3, 4), 1, places(0, 2), 1.5), Sample(integers(5), 0, places(1), 3)],
        [Bad(IndexError, "expected 0 to 2", normal(3), 0, places(3), 1.0)],
    ),
    Row("index_copy", copied, [Sample(normal(3, 4), 1, places(2, 0), normal(3, 2))]),
    Row(
        "index_put",
        written,
        [
            Sample(normal(3, 4), [places(0, 2), places(1, 3)], normal(2)),
            Sample(normal(3, 4), [places(0, 2, 0)], normal(3, 4), True),
            Sample(normal(5), [places(0, 0, 1)], normal(), True),
        ],
        torch=in_torch,
    ),
    Row(
        "masked_scatter",
        masked,
        [
            Sample(normal(3, 5), booleans(3, 5), normal(15)),
            Sample(normal(3, 5), booleans(5), normal(15)),
        ],
        [Bad(ValueError, "source has 1", normal(30), booleans(30), normal(1))],
    ),
    Row(
        "scatter_reduce",
        reduced,
        [
            Sample(
                distinct(3, 4), 1, integers(3, 6, high=4), distinct(3, 6), reduce, include_self=own
            )
            for reduce in ("sum", "mean", "amax", "amin")
            for own in (True, False)
        ],
        [Bad(ValueError, "reduce must be", normal(3), 0, integers(3, high=3), normal(3), "prod")],
    ),
]
