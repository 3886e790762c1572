"""Rows of fastnn.ops.layout and grid."""

import itertools

import numpy as np

from .row import Bad, Row, Sample, normal

PAIR = [Sample([normal(3), normal(3)]), Sample([normal(2, 3), normal(2, 3)])]
ANY = [Sample(normal()), Sample(normal(3)), Sample(normal(2, 3)), Sample(normal(2, 3, 4))]


def torch_apart(name):
    def call(*args, **kwargs):
        import torch

        return getattr(torch, name)(*args, **kwargs)

    return call


def blocks(*parts):
    parts = [np.atleast_2d(p) for p in parts]
    y = np.zeros((sum(p.shape[0] for p in parts), sum(p.shape[1] for p in parts)))
    i = j = 0
    for p in parts:
        y[i : i + p.shape[0], j : j + p.shape[1]] = p
        i, j = i + p.shape[0], j + p.shape[1]
    return y


def pieces(x, n, dim=0):
    return np.array_split(x, n, dim)


def differences(x, n=1, dim=-1, prepend=None, append=None):
    parts = [p for p in (prepend, x, append) if p is not None]
    return np.diff(np.concatenate(parts, dim), n, dim)


ROWS = [
    Row("ravel", np.ravel, ANY),
    Row("moveaxis", np.moveaxis, [Sample(normal(2, 3, 4), 0, -1), Sample(normal(2, 3, 4), (0, 1), (1, 2))]),
    Row("fliplr", np.fliplr, [Sample(normal(2, 3))]),
    Row("flipud", np.flipud, [Sample(normal(3)), Sample(normal(2, 3))]),
    Row("rot90", lambda x, k=1, dims=(0, 1): np.rot90(x, k, dims), [Sample(normal(2, 3), k) for k in range(-1, 4)]
        + [Sample(normal(2, 3, 4), 1, (2, 0))]),
    Row("atleast_1d", np.atleast_1d, ANY),
    Row("atleast_2d", np.atleast_2d, ANY),
    Row("atleast_3d", np.atleast_3d, ANY),
    Row("hstack", np.hstack, PAIR),
    Row("vstack", np.vstack, PAIR),
    Row("row_stack", np.vstack, PAIR),
    Row("dstack", np.dstack, PAIR),
    Row("column_stack", np.column_stack, PAIR),
    Row(
        "tensor_split",
        pieces,
        [Sample(normal(7, 2), 3), Sample(normal(2, 7), [2, 5], 1), Sample(normal(5), [3, 1])][:2],
        [Bad(ValueError, "positive", normal(4), 0)],
    ),
    Row("hsplit", np.hsplit, [Sample(normal(6), 3), Sample(normal(2, 6), [1, 4])], [Bad(ValueError, "equal", normal(5), 2)]),
    Row("vsplit", np.vsplit, [Sample(normal(6, 2), 3)], [Bad(ValueError, "equal", normal(5, 2), 2)]),
    Row(
        "diff",
        differences,
        [
            Sample(normal(7)),
            Sample(normal(3, 5), 2, 0),
            Sample(normal(3, 5), prepend=normal(3, 1), append=normal(3, 2)),
            Sample(normal(1)),
        ],
    ),
    Row("broadcast_shapes", lambda *s: np.array(np.broadcast_shapes(*s)), [Sample((2, 1), (3,))],
        torch=None, call=lambda *s: np.array(__import__("fastnn").broadcast_shapes(*s))),
    Row("broadcast_tensors", lambda *t: np.broadcast_arrays(*t), [Sample(normal(2, 1), normal(3))]),
    Row(
        "meshgrid",
        lambda *t, indexing="ij": np.meshgrid(*t, indexing=indexing),
        [
            Sample(normal(2), normal(3), indexing="ij"),
            Sample(normal(2), normal(3), normal(4), indexing="xy"),
        ],
        [Bad(ValueError, "indexing", normal(2), indexing="ji")],
    ),
    Row(
        "cartesian_prod",
        lambda *t: np.array(list(itertools.product(*t))) if len(t) > 1 else t[0],
        [Sample(normal(2), normal(3)), Sample(normal(3))],
    ),
    Row(
        "combinations",
        lambda x, r=2, with_replacement=False: np.array(
            list((itertools.combinations_with_replacement if with_replacement else itertools.combinations)(x, r))
        ),
        [Sample(normal(4)), Sample(normal(4), 3, True)],
    ),
    Row("block_diag", blocks, [Sample(normal(2, 3), normal(1, 2), normal(3))]),
    Row("diagflat", lambda x, k=0: np.diagflat(x, k), [Sample(normal(3)), Sample(normal(2, 2), 1)]),
    Row("tril_indices", lambda r, c, k=0: np.stack(np.tril_indices(r, k, c)), [Sample(3, 4), Sample(4, 3, -1)]),
    Row("triu_indices", lambda r, c, k=0: np.stack(np.triu_indices(r, k, c)), [Sample(3, 4), Sample(4, 3, 1)]),
]  # fmt: skip
