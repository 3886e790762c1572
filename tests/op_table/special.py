"""Rows of fastnn.ops.special and arc: functions of one operand, and of two."""

import math

import numpy as np

from .row import Bad, Row, Sample, drawn, integers, normal, uniform

WRONG = [Bad(TypeError, "expected", "text")]


def shapes(draw, **kwargs):
    sizes = [(), (0, 3), (3, 5), (33,), (20_001,)]
    return [Sample(draw(*size, **kwargs)) for size in sizes]


def special(rng):
    return np.concatenate([[0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, 1e30], rng.normal(size=20)])


ODD = [Sample(drawn(special, grad=False))]


def by_element(f):
    return lambda x: np.vectorize(f, otypes=[float])(x) if np.size(x) else np.zeros(np.shape(x))


def inverse_erf(y):
    """Bisection of math.erf and math.erfc."""
    low, high = 0.0, 6.0
    for _ in range(200):
        middle = (low + high) / 2
        below = math.erfc(middle) > 1 - abs(y) if abs(y) > 0.5 else math.erf(middle) < abs(y)
        low, high = (middle, high) if below else (low, middle)
    return math.copysign(middle, y)


def psi(n, x):
    """Derivatives of log gamma by recurrence up to 60 and the first terms of the asymptotic series."""
    total, sign = 0.0, (-1) ** (n + 1)
    while x < 60:
        total += sign * math.factorial(n) / x ** (n + 1)
        x += 1
    bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30]
    if n == 0:
        series = sum(b / ((2 * k + 2) * x ** (2 * k + 2)) for k, b in enumerate(bernoulli))
        return total + math.log(x) - 0.5 / x - series
    terms = math.factorial(n - 1) / x**n + math.factorial(n) / (2 * x ** (n + 1))
    terms += sum(
        b * math.factorial(2 * k + 1 + n) / (math.factorial(2 * k + 2) * x ** (2 * k + 2 + n))
        for k, b in enumerate(bernoulli)
    )
    return total + sign * terms


PAIRS = [
    Sample(normal(3, 4), normal(4)),
    Sample(normal(), normal()),
    Sample(normal(0, 3), normal(3)),
    Sample(normal(20_001), normal(20_001)),
]
BROADCAST = [
    Bad(ValueError, "broadcast", normal(3), normal(4)),
    Bad(TypeError, "expected", normal(3), "x"),
]


def torch_polygamma(n, x):
    import torch

    return torch.polygamma(n, x)


ROWS = [
    Row("asin", np.arcsin, shapes(uniform, low=-0.95, high=0.95), WRONG),
    Row("acos", np.arccos, shapes(uniform, low=-0.95, high=0.95), WRONG),
    Row("atan", np.arctan, shapes(normal) + ODD, WRONG),
    Row("sinh", np.sinh, shapes(normal), WRONG),
    Row("cosh", np.cosh, shapes(normal), WRONG),
    Row("asinh", np.arcsinh, shapes(normal) + ODD, WRONG),
    Row("acosh", np.arccosh, shapes(uniform, low=1.1, high=9), WRONG),
    Row("atanh", np.arctanh, shapes(uniform, low=-0.9, high=0.9), WRONG),
    Row("exp2", np.exp2, shapes(normal) + ODD, WRONG),
    Row("erfc", by_element(math.erfc), shapes(normal, std=2) + ODD, WRONG),
    Row("erfinv", by_element(inverse_erf), shapes(uniform, low=-0.9, high=0.9), WRONG),
    Row(
        "erfinv",
        by_element(inverse_erf),
        [
            Sample(uniform(999, low=-0.9999, high=0.9999)),
            Sample(uniform(20, low=0.99, high=0.999)),
            Sample(uniform(20, low=-0.999, high=-0.99)),
        ],
        variant="tails",
        step=2e-7,  # it is steep there
    ),
    Row("lgamma", by_element(math.lgamma), shapes(uniform, low=0.3, high=9), WRONG),
    Row(
        "digamma",
        by_element(lambda x: psi(0, x)),
        [*shapes(uniform, low=0.3, high=9), Sample(uniform(9, low=20, high=900))],
        WRONG,
        rtol=1e-4,
        rtol64=1e-10,
    ),
    Row("digamma", None, [Sample(uniform(9, low=-1.9, high=-1.1))], variant="negative"),
    Row(
        "polygamma",
        lambda n, x: by_element(lambda v: psi(n, v))(x),
        [
            Sample(0, uniform(4, low=0.5, high=3)),
            Sample(1, uniform(3, 5, low=0.3, high=9)),
            Sample(2, uniform(9, low=0.5, high=30)),
            Sample(3, uniform(9, low=0.5, high=3)),
        ],
        [Bad(ValueError, "from 0 to 100", -1, normal(3))],
        torch=torch_polygamma,
        rtol=1e-4,
        rtol64=1e-10,
    ),
    Row("atan2", np.arctan2, [*PAIRS, Sample(normal(5), 2.0)], BROADCAST, torch=None),
    Row("atan2", np.arctan2, PAIRS, variant="torch"),
    Row("hypot", np.hypot, PAIRS, BROADCAST),
    Row("copysign", np.copysign, [*PAIRS, Sample(normal(5), -2.0)], BROADCAST),
    Row(
        "logaddexp",
        np.logaddexp,
        [*PAIRS, Sample(normal(7, std=300), normal(7, std=300)), Sample(integers(3), normal(3))],
        BROADCAST,
        torch=None,
    ),
    Row("logaddexp", np.logaddexp, PAIRS, variant="torch"),
]
