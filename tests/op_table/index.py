"""Rows of the families slices, along, mask and order: reading and writing at indices."""

import numpy as np

from .row import Bad, Row, Sample, booleans, distinct, drawn, integers, normal


def index_add_reference(x, dim, index, source, *, alpha=1):
    y = np.moveaxis(x.copy(), dim, 0)
    np.add.at(y, index, alpha * np.moveaxis(source, dim, 0))
    return np.moveaxis(y, 0, dim)


def places(index, dim):
    found = list(np.indices(index.shape))
    found[dim] = index
    return tuple(found)


def scatter_reference(x, dim, index, src):
    y, src = x.copy(), np.broadcast_to(src, index.shape) if np.ndim(src) == 0 else src
    for at in np.ndindex(index.shape):
        to = list(at)
        to[dim] = index[at]
        y[tuple(to)] = src[at]
    return y


def scatter_add_reference(x, dim, index, src):
    y = x.copy()
    np.add.at(y, places(index, dim), src[tuple(slice(n) for n in index.shape)])
    return y


def permutations(*shape, dim):
    """Indices without repetition along a dimension: scatter is then differentiable."""

    def draw(rng):
        return np.argsort(rng.random(shape), dim)

    return drawn(draw)


def ordered(x, dim=-1, descending=False):
    if descending:  # equal elements stay in order, NaN is largest
        back = np.argsort(np.flip(x, dim), dim, kind="stable")
        at = x.shape[dim] - 1 - np.flip(back, dim)
    else:
        at = np.argsort(x, dim, kind="stable")
    return np.take_along_axis(x, at, dim), at


def with_nan(rng):
    x = rng.standard_normal((40, 9))
    x[3, 2] = x[3, 5] = x[30, 2] = np.nan
    return x


def topk_reference(x, k, dim=-1, largest=True):
    at = np.take(np.argsort(-x if largest else x, dim, kind="stable"), range(k), dim)
    return np.take_along_axis(x, at, dim), at


ROWS = [
    Row(
        "index_select",
        lambda x, dim, i: np.take(x, i, dim),
        [
            Sample(normal(5, 4), 0, integers(7, high=5)),
            Sample(normal(2, 5, 3), 1, integers(4, high=5, dtype=np.int32)),
            Sample(normal(2, 5), -1, integers(0, high=5)),
            Sample(integers(6), 0, integers(8, high=6)),
            Sample(normal(300, 129), 0, integers(700, high=300)),
            Sample(normal(2, 9, 512), 1, integers(11, high=9)),
        ],
        errors=[
            Bad(
                IndexError,
                "index at position 1 is 3",
                normal(3),
                0,
                drawn(lambda r: np.array([0, 3])),
            ),
            Bad(
                IndexError, "is -1, expected 0 to 2", normal(3), 0, drawn(lambda r: np.array([-1]))
            ),
            Bad(TypeError, "expected int64 or int32, got float32", normal(3), 0, normal(2)),
            Bad(ValueError, "expected one dimension", normal(3), 0, integers(2, 2, high=3)),
            Bad(IndexError, "index_select: dim must be", normal(3), 1, integers(2, high=3)),
        ],
    ),
    Row(
        "index_add",
        index_add_reference,
        [
            Sample(normal(5, 4), 0, integers(7, high=5), normal(7, 4)),
            Sample(normal(2, 5, 3), 1, integers(4, high=5), normal(2, 4, 3), alpha=-2.5),
            Sample(normal(5), -1, integers(0, high=5), normal(0)),
            Sample(integers(6), 0, integers(8, high=6), integers(8)),
            Sample(normal(300, 129), 0, integers(700, high=300), normal(700, 129)),
        ],
        errors=[
            Bad(
                ValueError,
                r"source has shape \(2, 4\), expected \(3, 4\)",
                normal(5, 4),
                0,
                integers(3, high=5),
                normal(2, 4),
            ),
            Bad(
                TypeError,
                "source has dtype int64, expected float32",
                normal(5),
                0,
                integers(3, high=5),
                integers(3),
            ),
            Bad(
                IndexError,
                "index at position 0 is 5",
                normal(5),
                0,
                drawn(lambda r: np.array([5])),
                normal(1),
            ),
        ],
    ),
    Row(
        "gather",
        lambda x, dim, i: x[places(i, dim if dim >= 0 else x.ndim + dim)] if x.ndim else x,
        [
            Sample(normal(3, 4), 1, integers(3, 6, high=4)),
            Sample(normal(3, 4), 0, integers(2, 3, high=3, dtype=np.int32)),
            Sample(normal(2, 3, 4), -1, integers(2, 2, 5, high=4)),
            Sample(normal(5), 0, integers(0, high=5)),
            Sample(normal(), 0, drawn(lambda rng: np.zeros((), np.int64))),
            Sample(normal(300, 100), 1, integers(300, 200, high=100)),
        ],
        torch=lambda x, dim, i: x.gather(dim, i.long()),
        errors=[
            Bad(
                IndexError,
                "gather: index at position 1 is 4",
                normal(1, 4),
                1,
                drawn(lambda r: np.array([[0, 4]])),
            ),
            Bad(ValueError, "expected 2 dimensions", normal(3, 4), 1, integers(3, high=4)),
            Bad(ValueError, "larger than the input's", normal(3, 4), 1, integers(4, 4, high=4)),
            Bad(TypeError, "expected int64 or int32", normal(3), 0, normal(3)),
        ],
    ),
    Row(
        "scatter",
        scatter_reference,
        [
            Sample(normal(3, 4), 1, permutations(3, 4, dim=1), normal(3, 4)),
            Sample(normal(4, 3), 0, permutations(4, 2, dim=0), normal(4, 2)),
            Sample(normal(3, 4), 1, integers(3, 6, high=4), 1.5),
            Sample(normal(5), 0, integers(0, high=5), normal(0)),
            Sample(normal(300, 100), 1, permutations(300, 100, dim=1), normal(300, 100)),
        ],
        errors=[
            Bad(
                IndexError,
                "scatter: index at position 0 is 3",
                normal(3),
                0,
                drawn(lambda r: np.array([3])),
                1.0,
            ),
            Bad(ValueError, "src has shape", normal(3, 4), 1, integers(3, 4, high=4), normal(2, 4)),
            Bad(TypeError, "src has dtype", normal(3), 0, integers(2, high=3), integers(2)),
            Bad(TypeError, "expected src or value", normal(3), 0, integers(2, high=3)),
        ],
    ),
    Row(
        "scatter_add",
        scatter_add_reference,
        [
            Sample(normal(3, 4), 1, integers(3, 6, high=4), normal(3, 6)),
            Sample(normal(2, 3, 4), 0, integers(5, 2, 4, high=2), normal(5, 2, 4)),
            Sample(normal(5), 0, integers(0, high=5), normal(0)),
            Sample(integers(6), 0, integers(8, high=6), integers(8)),
            Sample(normal(50), 0, integers(90000, high=50), normal(90000)),
            Sample(normal(300, 100), 1, integers(300, 200, high=100), normal(300, 200)),
        ],
        rtol=1e-4,
        errors=[
            Bad(
                IndexError,
                "scatter_add: index at position 0 is -1",
                normal(3),
                0,
                drawn(lambda r: np.array([-1])),
                normal(1),
            ),
            Bad(ValueError, "src has shape", normal(3, 4), 1, integers(3, 4, high=4), normal(3, 3)),
        ],
    ),
    *[
        Row(
            name,
            reference,
            [
                Sample(normal(4, 3), 0, permutations(4, 2, dim=0), normal(5, 3)),
                Sample(normal(3, 4), 1, permutations(2, 4, dim=1), normal(3, 7)),
            ],
            variant="larger src",
            torch=None,  # its gradient has the index's shape, and is refused
        )
        for name, reference in (
            ("scatter", scatter_reference),
            ("scatter_add", scatter_add_reference),
        )
    ],
    Row(
        "take_along_dim",
        lambda x, i, dim=None: np.take_along_axis(x, i, dim),
        [
            Sample(normal(3, 4), integers(3, 6, high=4), 1),
            Sample(normal(3, 4), integers(1, 2, high=4), 1),
            Sample(normal(1, 4), integers(3, 2, high=4), -1),
            Sample(normal(3, 4), integers(5, high=12)),
        ],
        errors=[
            Bad(
                IndexError,
                "is 4, expected 0 to 3",
                normal(1, 4),
                drawn(lambda r: np.array([[4]])),
                1,
            ),
            Bad(ValueError, "indices must have 2 dimensions", normal(3, 4), integers(3), 1),
        ],
    ),
    Row(
        "masked_fill",
        lambda x, mask, value: np.where(mask, value, x),
        [
            Sample(normal(3, 4), booleans(3, 4), 2.5),
            Sample(normal(3, 4, grad=False), booleans(4), -np.inf),
            Sample(normal(3, 4), booleans(3, 4), normal()),
            Sample(integers(5), booleans(5), 7),
            Sample(normal(), booleans(), 1.0),
            Sample(normal(0, 3), booleans(0, 3), 1.0),
            Sample(normal(257, 511), booleans(257, 511), 1.0),
        ],
        torch=lambda x, mask, value: x.masked_fill(mask, value),
        errors=[
            Bad(TypeError, "mask must be bool, got int64", normal(3), integers(3), 1.0),
            Bad(ValueError, "cannot be broadcast together", normal(3), booleans(2), 1.0),
            Bad(ValueError, "value must be one number", normal(3), booleans(3), normal(3)),
        ],
    ),
    Row(
        "masked_select",
        lambda x, mask: np.broadcast_to(x, np.broadcast(x, mask).shape)[
            np.broadcast_to(mask, np.broadcast(x, mask).shape)
        ],
        [
            Sample(normal(3, 4), booleans(3, 4)),
            Sample(normal(3, 4), booleans(4)),
            Sample(normal(4), booleans(3, 4)),
            Sample(normal(3), booleans(3, p=0)),
            Sample(normal(300, 300), booleans(300, 300)),
        ],
        errors=[
            Bad(TypeError, "mask must be bool", normal(3), normal(3)),
            Bad(ValueError, "cannot be broadcast together", normal(3), booleans(2)),
        ],
    ),
    Row(
        "nonzero",
        lambda x, as_tuple=False: np.nonzero(x) if as_tuple else np.argwhere(x),
        [
            Sample(integers(3, 4, high=2)),
            Sample(booleans(3, 4), as_tuple=True),
            Sample(normal(3)),
            Sample(normal(0)),
        ],
    ),
    Row(
        "sort",
        ordered,
        [
            Sample(distinct(3, 5)),
            Sample(distinct(3, 5), 0),
            Sample(distinct(3, 5), -1, True),
            Sample(distinct(41)),
            Sample(distinct(0)),
            Sample(distinct(1)),
        ],
        errors=[Bad(IndexError, "sort: dim must be from -1 to 0", normal(3), 1)],
    ),
    Row(
        "argsort",
        lambda x, dim=-1, descending=False, stable=False: ordered(x, dim, descending)[1],
        [
            Sample(distinct(3, 5)),
            Sample(distinct(3, 5), 0, True),
            Sample(integers(50, high=5), -1, False, True),
            Sample(integers(50, high=5), -1, True, True),
            Sample(integers(3, 700, high=50), -1, False, True),
            Sample(integers(257, 5, high=3, dtype=np.int32), 0, True, True),
            Sample(booleans(70), -1, False, True),
            Sample(drawn(with_nan, grad=False), 0, False, True),
            Sample(drawn(with_nan, grad=False), 1, True, True),
        ],
        torch=lambda x, dim=-1, descending=False, stable=False: x.argsort(
            dim=dim, descending=descending, stable=stable
        ),
        errors=[Bad(IndexError, "argsort: dim must be from -1 to 0", normal(3), 1)],
    ),
    Row(
        "topk",
        topk_reference,
        [
            Sample(distinct(3, 5), 2),
            Sample(distinct(4, 3), 3, 0, False),
            Sample(distinct(7), 0),
            Sample(distinct(2, 40), 7, -1, True),
        ],
        errors=[
            Bad(
                ValueError,
                "topk: k must be from 0 to 3, the size of dimension -1, got 4",
                normal(3),
                4,
            ),
        ],
    ),
    Row(
        "one_hot",
        lambda x, n=-1: np.eye(n if n > 0 else x.max() + 1, dtype=np.int64)[x],
        [
            Sample(integers(6, high=4), 4),
            Sample(integers(2, 3, high=4), 5),
            Sample(integers(6, high=4)),
        ],
        errors=[
            Bad(
                IndexError,
                "class at position 1 is 3, expected 0 to 2",
                drawn(lambda r: np.array([0, 3])),
                3,
            ),
            Bad(IndexError, "is -1", drawn(lambda r: np.array([0, -1])), 3),
            Bad(TypeError, "classes must be int64 or int32, got float32", normal(3), 3),
            Bad(ValueError, "num_classes must be given for an empty tensor", integers(0)),
        ],
    ),
]
