"""linear, and the products of vectors, matrices and batches."""

import numpy as np

from .row import Bad, Row, Sample, integers, normal


def linear(x, w, b=None):
    return x @ w.T + (0 if b is None else b)


def addmm(c, a, b, beta=1, alpha=1):
    return alpha * (a @ b) + (beta * c if beta else 0)


def bilinear(x, z, w, b=None):
    return np.einsum("...i,oij,...j->...o", x, w, z) + (0 if b is None else b)


MATRICES = [
    Sample(normal(3, 4), normal(4, 5)),
    Sample(normal(1, 1), normal(1, 1)),
    Sample(normal(17, 1), normal(1, 33)),
    Sample(normal(0, 4), normal(4, 5)),
    Sample(normal(3, 0), normal(0, 5)),
    Sample(normal(3, 4), normal(4, 0)),
    Sample(normal(31, 65), normal(65, 10)),
    Sample(normal(33, 300), normal(300, 70)),
    Sample(normal(1, 300), normal(300, 257)),
    Sample(normal(300, 257), normal(257, 1)),
]
VECTORS = [
    Sample(normal(3), normal(3)),
    Sample(normal(0), normal(0)),
    Sample(normal(1000), normal(1000)),
]
SUMS = {"rtol": 1e-4, "rtol64": 1e-10}  # of hundreds of terms that partly cancel

ROWS = [
    Row(
        "linear",
        linear,
        [
            Sample(normal(3, 4), normal(5, 4), normal(5)),
            Sample(normal(3, 4), normal(5, 4)),
            Sample(normal(4), normal(5, 4), normal(5)),
            Sample(normal(2, 3, 4), normal(2, 4), normal(2)),
            Sample(normal(2, 0, 4), normal(5, 4), normal(5)),
            Sample(normal(3, 0), normal(5, 0), normal(5)),
            Sample(normal(32, 784), normal(10, 784), normal(10)),
            Sample(normal(129, 127), normal(257, 127), normal(257)),
        ],
        errors=[
            Bad(ValueError, "x has 3 features, weight expects 4", normal(2, 3), normal(5, 4)),
            Bad(ValueError, r"bias must have shape \(5,\)", normal(2, 4), normal(5, 4), normal(4)),
            Bad(ValueError, r"weight must have shape \(out, in\)", normal(4), normal(4)),
            Bad(ValueError, "0-d", normal(), normal(5, 4)),
            Bad(TypeError, "float32 or float64", integers(3, 4), normal(5, 4)),
        ],
        **SUMS,
    ),
    Row(
        "bilinear",
        bilinear,
        [
            Sample(normal(3, 4), normal(3, 5), normal(2, 4, 5), normal(2)),
            Sample(normal(2, 3, 4), normal(2, 3, 5), normal(6, 4, 5)),
            Sample(normal(0, 4), normal(0, 5), normal(2, 4, 5), normal(2)),
            Sample(normal(60, 33), normal(60, 31), normal(10, 33, 31), normal(10)),
        ],
        errors=[
            Bad(ValueError, "weight expects", normal(3, 4), normal(3, 4), normal(2, 4, 5)),
            Bad(ValueError, "same dimensions", normal(3, 4), normal(2, 5), normal(2, 4, 5)),
        ],
        **SUMS,
    ),
    Row(
        "matmul",
        np.matmul,
        [
            *MATRICES,
            *VECTORS,
            Sample(normal(4), normal(4, 5)),
            Sample(normal(3, 4), normal(4)),
            Sample(normal(2, 3, 4), normal(4, 5)),
            Sample(normal(2, 3, 4), normal(4)),
            Sample(normal(4), normal(2, 4, 5)),
            Sample(normal(3, 4), normal(2, 4, 5)),
            Sample(normal(2, 1, 3, 4), normal(3, 4, 2)),
            Sample(normal(0, 3, 4), normal(4, 2)),
            Sample(normal(2, 3, 0), normal(2, 0, 4)),
            Sample(normal(8, 40, 33), normal(8, 33, 50)),
            Sample(integers(3, 4), integers(4, 5)),
        ],
        errors=[
            Bad(ValueError, "input has 4 columns, other has 3 rows", normal(2, 4), normal(3, 5)),
            Bad(ValueError, "cannot be broadcast", normal(2, 3, 4), normal(3, 4, 5)),
            Bad(ValueError, "at least one dimension", normal(), normal(3)),
            Bad(TypeError, "one dtype", normal(2, 3), integers(3, 4)),
        ],
        **SUMS,
    ),
    Row(
        "mm",
        np.matmul,
        MATRICES,
        errors=[Bad(ValueError, "2 dimensions", normal(3), normal(3, 2))],
        **SUMS,
    ),
    Row(
        "bmm",
        np.matmul,
        [
            Sample(normal(2, 3, 4), normal(2, 4, 5)),
            Sample(normal(0, 3, 4), normal(0, 4, 5)),
            Sample(normal(16, 33, 64), normal(16, 64, 31)),
        ],
        errors=[
            Bad(ValueError, "batch of 2, mat2 of 3", normal(2, 3, 4), normal(3, 4, 5)),
            Bad(ValueError, "3 dimensions", normal(3, 4), normal(3, 4, 5)),
        ],
        **SUMS,
    ),
    Row(
        "mv",
        np.matmul,
        [
            Sample(normal(3, 4), normal(4)),
            Sample(normal(0, 4), normal(4)),
            Sample(normal(301, 317), normal(317)),
        ],
        errors=[Bad(ValueError, "1 dimension,", normal(3, 4), normal(4, 1))],
        **SUMS,
    ),
    Row(
        "dot",
        np.dot,
        VECTORS,
        errors=[Bad(ValueError, "input has 3 columns, other has 4 rows", normal(3), normal(4))],
        **SUMS,
    ),
    Row(
        "outer",
        np.outer,
        [
            Sample(normal(3), normal(4)),
            Sample(normal(0), normal(4)),
            Sample(normal(300), normal(310)),
        ],
        errors=[Bad(ValueError, "1 dimension,", normal(3, 1), normal(4))],
    ),
    Row(
        "addmm",
        addmm,
        [
            Sample(normal(5), normal(3, 4), normal(4, 5)),
            Sample(normal(3, 5), normal(3, 4), normal(4, 5)),
            Sample(normal(3, 1), normal(3, 4), normal(4, 5), beta=0.5, alpha=2),
            Sample(normal(5), normal(3, 4), normal(4, 5), beta=0, alpha=-1),
            Sample(normal(), normal(0, 4), normal(4, 5)),
            Sample(normal(100), normal(120, 64), normal(64, 100)),
        ],
        errors=[
            Bad(ValueError, "does not broadcast", normal(4), normal(3, 4), normal(4, 5)),
            Bad(ValueError, "does not broadcast", normal(1, 3, 5), normal(3, 4), normal(4, 5)),
            Bad(TypeError, "one dtype", integers(5), normal(3, 4), normal(4, 5)),
        ],
        **SUMS,
    ),
]
