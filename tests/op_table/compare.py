"""Rows of fastnn.ops.compare, choose and logic: comparisons, choices, questions."""

import numpy as np

from .row import Bad, Row, Sample, booleans, distinct, drawn, integers, normal


def with_nan(rng):
    x = np.round(rng.standard_normal((3, 5)))
    x[1, 2], x[2, 3], x[0, 0] = np.nan, np.inf, -np.inf
    return x


def torch_pair(name, a, b):
    """torch.maximum takes tensors only."""
    import torch

    return getattr(torch, name)(a, b if torch.is_tensor(b) else torch.tensor(b, dtype=a.dtype))


ODD = drawn(with_nan, grad=False)
PAIRS = [
    Sample(normal(3, 4), normal(4)),
    Sample(normal(3, 1), normal(1, 65)),
    Sample(normal(), normal()),
    Sample(normal(0, 3), normal(3)),
    Sample(normal(33), 0.25),
    Sample(normal(257, 401), normal(401)),
    Sample(ODD, 1.0),
    Sample(ODD, drawn(with_nan, grad=False)),
    Sample(integers(5, 3), integers(3)),
    Sample(integers(17), 4),
    Sample(integers(301, 257), integers(257)),
    Sample(integers(3, 1, 5, low=-3, dtype=np.int32), integers(4, 1, dtype=np.int32)),
    Sample(booleans(5, 3), booleans(3)),
    Sample(booleans(17), 1),
    Sample(normal(5), integers(5)),
]
BROADCAST = [
    Bad(ValueError, "broadcast", normal(3), normal(4)),
    Bad(TypeError, "expected", normal(3), "x"),
]
LOGIC = [
    Sample(booleans(3, 5), booleans(5)),
    Sample(integers(33, high=2), integers(33, high=2)),
    Sample(ODD, booleans(5)),
]
COMPARISONS = [
    Row(name, getattr(np, full), PAIRS, errors=BROADCAST)
    for name, full in {
        "eq": "equal",
        "ne": "not_equal",
        "lt": "less",
        "le": "less_equal",
        "gt": "greater",
        "ge": "greater_equal",
    }.items()
]
ROWS = [
    *COMPARISONS,
    *[
        Row(
            name,
            getattr(np, name),
            [
                Sample(distinct(3, 4), distinct(4)),
                Sample(distinct(5, 1), distinct(1, 7)),
                Sample(distinct(), distinct()),
                Sample(distinct(17), 0.125),
                Sample(distinct(100_001), distinct(100_001)),
                Sample(ODD, drawn(with_nan, grad=False)),
                Sample(integers(5), integers(5)),
            ],
            errors=BROADCAST,
            torch=lambda a, b, name=name: torch_pair(name, a, b),
        )
        for name in ("maximum", "minimum")
    ],
    Row(
        "where",
        np.where,
        [
            Sample(booleans(3, 4), normal(3, 4), normal(4)),
            Sample(booleans(4), normal(3, 1), 2.0),
            Sample(booleans(), -1.0, normal(3)),
            Sample(booleans(0, 3), normal(3), normal(3)),
            Sample(booleans(257, 401), normal(257, 401), normal(401)),
            Sample(booleans(5), integers(5), integers(5)),
            Sample(booleans(3, 1), integers(3, 4, dtype=np.int32), integers(4, dtype=np.int32)),
            Sample(booleans(300, 5), integers(300, 5), 7),
            Sample(booleans(5), 1, 0),
            Sample(booleans(5), True, booleans(5)),
            Sample(booleans(3, 5), ODD, 0.0),
        ],
        errors=[
            Bad(TypeError, "condition must be bool", normal(3), normal(3), normal(3)),
            Bad(ValueError, "broadcast", booleans(3), normal(4), normal(4)),
        ],
    ),
    Row("isnan", np.isnan, [Sample(ODD), Sample(normal()), Sample(integers(5))]),
    Row("isinf", np.isinf, [Sample(ODD), Sample(normal())]),
    Row("isfinite", np.isfinite, [Sample(ODD), Sample(normal(0, 3))]),
    Row(
        "isclose",
        np.isclose,
        [Sample(ODD, ODD), Sample(normal(5), normal(5)), Sample(booleans(5), booleans(5))],
        [Bad(ValueError, "isclose: .*broadcast", booleans(3), booleans(2))],
    ),
    Row("allclose", np.allclose, [Sample(normal(5), normal(5)), Sample(integers(3), integers(3))]),
    Row("equal", np.array_equal, [Sample(normal(5), normal(5)), Sample(integers(3), integers(3))]),
    Row("logical_and", np.logical_and, LOGIC),
    Row("logical_or", np.logical_or, LOGIC),
    Row("logical_xor", np.logical_xor, LOGIC),
    Row("logical_not", np.logical_not, [Sample(booleans(3, 5)), Sample(ODD)]),
]
