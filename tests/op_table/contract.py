"""Rows of fastnn.ops.contract and matrix."""

import numpy as np

from .row import Bad, Row, Sample, booleans, normal

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("ij,j", (2, 3), (3,)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("ij->ji", (2, 3)),
    ("ijk->k", (2, 3, 4)),
    ("i,j->ij", (2,), (3,)),
    ("...ij,...jk->...ik", (2, 3, 4), (4, 2)),
    ("bhid,bhjd->bhij", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("ijk,jil->kl", (2, 3, 4), (3, 2, 5)),
]


def added(product):
    return lambda x, a, b, beta=1, alpha=1: beta * x + alpha * product(a, b)


ROWS = [
    Row(
        "einsum",
        lambda equation, *operands: np.einsum(equation, *operands),
        [Sample(equation, *[normal(*s) for s in shapes]) for equation, *shapes in EQUATIONS],
        [
            Bad(ValueError, "for 2 operands, got 1", "ij,jk", normal(2, 3)),
            Bad(ValueError, "for 2 dimensions", "ij", normal(3)),
            Bad(ValueError, "stands for sizes", "ij,jk", normal(2, 3), normal(2, 3)),
            Bad(ValueError, "distinct", "ij->ii", normal(2, 2)),
        ],
    ),
    Row(
        "tensordot",
        lambda a, b, dims=2: np.tensordot(a, b, dims),
        [
            Sample(normal(2, 3, 4), normal(3, 4, 5)),
            Sample(normal(2, 3), normal(4, 5), 0),
            Sample(normal(2, 3, 4), normal(4, 2), ([0, 2], [1, 0])),
        ],
        [Bad(ValueError, "differ in size", normal(2, 3), normal(2, 3), 1)],
    ),
    Row("kron", np.kron, [Sample(normal(2, 3), normal(3, 2)), Sample(normal(2), normal(2, 2, 3))]),
    Row("inner", np.inner, [Sample(normal(3), normal(3)), Sample(normal(2, 3), normal(4, 3))]),
    Row("vdot", np.vdot, [Sample(normal(3), normal(3))]),
    Row("trace", np.trace, [Sample(normal(3, 4))], [Bad(ValueError, "matrix", normal(3))]),
    Row(
        "baddbmm",
        added(np.matmul),
        [
            Sample(normal(2, 3, 5), normal(2, 3, 4), normal(2, 4, 5)),
            Sample(normal(5), normal(2, 3, 4), normal(2, 4, 5), beta=0.5, alpha=2),
        ],
        [Bad(ValueError, "broadcast", normal(7), normal(2, 3, 4), normal(2, 4, 5))],
    ),
    Row(
        "addbmm",
        added(lambda a, b: np.matmul(a, b).sum(0)),
        [Sample(normal(3, 5), normal(2, 3, 4), normal(2, 4, 5), beta=0.5)],
    ),
    Row("addmv", added(np.matmul), [Sample(normal(3), normal(3, 4), normal(4), alpha=2)]),
    Row("addr", added(np.outer), [Sample(normal(3, 4), normal(3), normal(4), alpha=2)]),
    Row(
        "matrix_power",
        np.linalg.matrix_power,
        [Sample(normal(3, 3), n) for n in (1, 2, 5)] + [Sample(normal(2, 3, 3), 3)],
        [Bad(ValueError, "square", normal(2, 3), 2), Bad(ValueError, "negative", normal(2, 2), -1)],
    ),
    Row(
        "matrix_power",
        np.linalg.matrix_power,
        [Sample(normal(2, 3, 3), 0)],
        variant="of nothing",
        torch=None,  # gives zeros where there is no gradient
    ),
    Row(
        "cross",
        lambda a, b, dim=-1: np.cross(a, b, axis=dim),
        [Sample(normal(4, 3), normal(4, 3)), Sample(normal(3, 2), normal(3, 2), dim=0)],
        [
            Bad(ValueError, "size 3", normal(2), normal(2)),
            Bad(TypeError, "cross: .*bool", booleans(3), booleans(3)),
        ],
    ),
]
