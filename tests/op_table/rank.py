"""Rows of fastnn.ops.rank."""

import numpy as np

import fastnn

from .row import Bad, Row, Sample, distinct, drawn, integers, normal


def with_nan(rng):
    x = rng.standard_normal((3, 6))
    x[0, 1] = x[2, 2] = x[2, 5] = np.nan
    return x


NAN = drawn(with_nan, grad=False)


def listed(name):
    """A named tuple's parts, or the one Tensor."""

    def call(*args, **kwargs):
        y = getattr(fastnn, name)(*args, **kwargs)
        return tuple(y) if isinstance(y, tuple) else y

    return call


def ranked(x, place, dim, keepdim):
    order = np.argsort(x, dim, kind="stable")
    index = np.take(order, [place], dim)
    values = np.take_along_axis(x, index, dim)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


def middle(x, dim=None, keepdim=False):
    if dim is None:
        return np.sort(x.ravel())[(x.size - 1) // 2]
    return ranked(x, (x.shape[dim] - 1) // 2, dim, keepdim)


def commonest(x, dim=-1, keepdim=False):
    x = np.moveaxis(x, dim, -1)
    places = np.zeros((*x.shape[:-1], 1), np.int64)
    for at in np.ndindex(x.shape[:-1]):
        counts = [(-(x[at] == v).sum(), v) for v in x[at]]
        places[at] = max(np.flatnonzero(x[at] == min(counts)[1]))
    values = np.take_along_axis(x, places, -1)
    out = [np.moveaxis(v, -1, dim) for v in (values, places)]
    return out if keepdim else [v.squeeze(dim) for v in out]


def quantiles(function):
    def reference(x, q, dim=None, keepdim=False, interpolation="linear"):
        return function(x, q, axis=dim, keepdims=keepdim, method=interpolation)

    return reference


QUANTILES = [
    Sample(distinct(9), 0.3),
    Sample(distinct(4, 7), 0.25, 1),
    Sample(distinct(4, 7), drawn(lambda r: np.array([0.1, 0.5, 1.0]), grad=False), 0, True),
    *[
        Sample(distinct(4, 7), 0.4, 1, interpolation=i)
        for i in ("lower", "higher", "nearest", "midpoint")
    ],
    Sample(NAN, 0.5, 1),
]
RANGE = [
    Bad(ValueError, "from 0 to 1", normal(3), 1.5),
    Bad(ValueError, "interpolation must be", normal(3), 0.5, interpolation="cubic"),
]


def values(name):
    """The values alone, where there are places too."""

    def call(*args):
        y = getattr(fastnn, name)(*args)
        return getattr(y, "values", y)

    return call


ROWS = [
    Row(
        "kthvalue",
        lambda x, k, dim=-1, keepdim=False: ranked(x, k - 1, dim, keepdim),
        [Sample(distinct(3, 5), 2), Sample(distinct(5, 3), 4, 0, True)],
        [Bad(ValueError, "from 1 to 3", normal(3), 4)],
        call=listed("kthvalue"),
    ),
    Row(
        "median",
        middle,
        [Sample(distinct(3, 5)), Sample(distinct(3, 6), 1), Sample(distinct(5, 3), 0, True)],
        [Bad(ValueError, "size 0", normal(0))],
        call=listed("median"),
    ),
    Row(
        "median",
        lambda x, dim: np.where(np.isnan(x).any(dim), np.nan, np.sort(x, dim)[:, 2]),
        [Sample(NAN, 1)],
        variant="with NaN",
        call=values("median"),
        torch=lambda x, dim: x.median(dim).values,
    ),
    Row(
        "nanmedian",
        lambda x, dim=None: np.array(
            [np.sort(r[~np.isnan(r)])[((~np.isnan(r)).sum() - 1) // 2] for r in x]
        ),
        [Sample(NAN, 1), Sample(distinct(3, 6), 1)],
        call=values("nanmedian"),
        torch=lambda x, dim: x.nanmedian(dim).values,
    ),
    Row(
        "mode",
        commonest,
        [Sample(integers(3, 9, high=4)), Sample(integers(9, 3, high=4), 0, True)],
        call=listed("mode"),
        torch=lambda *args: tuple(__import__("torch").mode(*args)),
    ),
    Row("quantile", quantiles(np.quantile), QUANTILES, RANGE),
    Row("nanquantile", quantiles(np.nanquantile), QUANTILES, RANGE),
    Row(
        "nansum",
        lambda x, dim=None, keepdim=False: np.nansum(x, dim, keepdims=keepdim),
        [Sample(NAN), Sample(NAN, 1, True), Sample(normal(3, 4), 0), Sample(integers(4))],
    ),
    Row(
        "nanmean",
        lambda x, dim=None, keepdim=False: np.nanmean(x, dim, keepdims=keepdim),
        [Sample(NAN), Sample(NAN, 1, True), Sample(normal(3, 4), 0)],
    ),
    Row(
        "aminmax",
        lambda x, dim=None, keepdim=False: (
            x.min(dim, keepdims=keepdim),
            x.max(dim, keepdims=keepdim),
        ),
        [Sample(distinct(3, 5)), Sample(distinct(3, 5), dim=1, keepdim=True)],
        call=listed("aminmax"),
    ),
    Row("msort", lambda x: np.sort(x, 0), [Sample(distinct(5, 3))]),
    Row(
        "count_nonzero",
        lambda x, dim=None: np.count_nonzero(x, dim),
        [Sample(integers(3, 9, high=3)), Sample(integers(3, 9, high=3), 1)],
    ),
]
