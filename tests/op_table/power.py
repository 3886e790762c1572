"""Rows of fastnn.ops.power, angle and rounding: functions of one operand."""

import math

import numpy as np

from .row import Bad, Row, Sample, booleans, drawn, integers, normal, uniform


def shapes(draw, **kwargs):
    """One element, none, 2^k +- 1, several dimensions, and enough for threads."""
    sizes = [(), (1,), (0, 3), (17,), (3, 5), (2, 3, 11), (100_001,)]
    return [Sample(draw(*size, **kwargs)) for size in sizes]


def anywhere(**kwargs):
    return shapes(normal, **kwargs)


def positive(low=0.2, high=4.0):
    return shapes(uniform, low=low, high=high)


def off_steps(*shape):
    """Away from whole numbers and halves, where steps and kinks are."""
    return drawn(
        lambda rng: (
            rng.integers(-4, 4, shape)
            + rng.choice([0.3, 0.7], shape)
            + rng.uniform(-0.1, 0.1, shape)
        )
    )


def special(rng):
    values = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 1e30, -1e30]
    return np.concatenate([values, rng.standard_normal(20)])


ODD = [Sample(drawn(special, grad=False))]
WRONG = [Bad(TypeError, "expected", "text"), Bad(TypeError, "expected", None)]
erf = np.vectorize(math.erf, otypes=[float])

ROWS = [
    Row("exp", np.exp, anywhere(std=3) + ODD, errors=WRONG, rtol=2e-6),
    Row("exp", np.exp, [Sample(integers(5))], variant="integers", rtol64=1e-6),
    Row("expm1", np.expm1, anywhere() + ODD, errors=WRONG, rtol=2e-6),
    Row("log", np.log, positive() + ODD, errors=WRONG, rtol=2e-6),
    Row("log2", np.log2, positive() + ODD, rtol=2e-6),
    Row("log10", np.log10, positive() + ODD, rtol=2e-6),
    Row("log1p", np.log1p, positive(-0.7) + ODD, rtol=2e-6),
    Row("sqrt", np.sqrt, positive() + ODD, errors=WRONG, rtol=2e-6),
    Row("rsqrt", lambda x: 1 / np.sqrt(x), positive() + ODD, rtol=2e-6),
    Row("square", np.square, anywhere() + [Sample(integers(5))], rtol=2e-6),
    Row("reciprocal", lambda x: 1 / x, positive() + ODD, rtol=2e-6),
    Row("sin", np.sin, anywhere(std=9) + [Sample(uniform(33, low=-1e6, high=1e6, grad=False))]),
    Row("cos", np.cos, anywhere(std=9) + [Sample(uniform(33, low=-1e6, high=1e6, grad=False))]),
    Row("tan", np.tan, shapes(uniform, low=-1.2, high=1.2)),
    Row("erf", erf, anywhere() + ODD, rtol=2e-6),
    Row(
        "neg",
        np.negative,
        anywhere() + ODD + [Sample(integers(5))],
        errors=[Bad(TypeError, "bool", booleans(3))],
    ),
    Row("abs", np.abs, anywhere() + ODD + [Sample(integers(5, low=-9))]),
    Row(
        "sign",
        lambda x: np.where(np.isnan(x), 0, np.sign(x)),
        shapes(off_steps) + ODD + [Sample(integers(5, low=-9))],
    ),
    Row("floor", np.floor, shapes(off_steps) + ODD + [Sample(integers(5))]),
    Row("ceil", np.ceil, shapes(off_steps) + ODD),
    Row("trunc", np.trunc, shapes(off_steps) + ODD),
    Row("frac", lambda x: x - np.trunc(x), shapes(off_steps)),
    Row(
        "round",
        lambda x, decimals=0: np.round(x, decimals),
        [
            *shapes(off_steps),
            *ODD,
            Sample(off_steps(9), decimals=1),
            Sample(normal(9, std=99, grad=False), decimals=-1),
        ],
        errors=[Bad(TypeError, "decimals", normal(3), decimals=0.5)],
    ),
    Row(
        "clamp",
        lambda x, min=None, max=None: np.clip(x, min, max),
        [
            Sample(off_steps(3, 5), -1.0, 2),
            Sample(off_steps(17), min=0),
            Sample(off_steps(100_001), max=0.5),
            Sample(off_steps(), -1, 1),
            Sample(drawn(special, grad=False), -1, 1),
            Sample(integers(7), 2, 5),
            Sample(normal(3, 4), normal(4, mean=-2, std=0.1), normal(3, 1, mean=2, std=0.1)),
        ],
        errors=[
            Bad(ValueError, "at least one", normal(3)),
            Bad(TypeError, "min", normal(3), "0"),
        ],
    ),
]
