"""Rows of fastnn.ops.elementwise and compound: arithmetic of two and three operands."""

import numpy as np

from .row import Bad, Row, Sample, booleans, drawn, integers, normal, uniform


def away_from_zero(*shape):
    """For divisors and logarithms: 0.5 to 2, of either sign."""
    return drawn(lambda rng: rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape))


def positive(*shape):
    return uniform(*shape, low=0.3, high=2.5)


def layouts(other):
    """Every way in which two operands meet: alike, broadcast, numbers, odd sizes."""
    return [
        Sample(normal(), other()),
        Sample(normal(3, 4), other(3, 4)),
        Sample(normal(3, 4), other(4)),
        Sample(normal(3, 1), other(1, 5)),
        Sample(normal(5), other(2, 1, 5)),
        Sample(normal(2, 3, 1, 2), other(3, 2, 1)),
        Sample(normal(2, 1, 3, 1, 2, 3), other(2, 1, 3, 1, 3)),
        Sample(normal(0, 3), other(3)),
        Sample(normal(3), 2.0),
        Sample(normal(2, 17), 3),
        Sample(normal(7, 33), other(7, 1)),
        Sample(normal(257, 401), other(401)),
        Sample(normal(100_001), other()),
    ]


BROADCAST = [
    Bad(ValueError, "broadcast", normal(3), normal(4)),
    Bad(ValueError, r"\(2, 3\) and \(3, 2\)", normal(2, 3), normal(3, 2)),
    Bad(TypeError, "str", normal(3), "three"),
    Bad(TypeError, "NoneType", normal(3), None),
]


def by_zero(name):
    """Integers divided by 0, which have no infinity."""
    return [
        Bad(ZeroDivisionError, f"{name}: other is 0 at position 0", integers(3), 0),
        Bad(ZeroDivisionError, name, integers(3), integers(2, 3, high=1)),
    ]


# quotients that rounding takes to the next whole number, or that have none
NEARLY_WHOLE = [
    drawn(lambda rng: np.array([-3.24, -4, 0.84, 4.4, 1e9, 5.5, -3, 3, np.inf, -0.0]), grad=False),
    drawn(
        lambda rng: np.array([-0.36, 0.04, 0.07, -0.11, 0.3, np.inf, np.inf, 0, 2, 3]), grad=False
    ),
]

WHOLE = [
    Sample(integers(3, 4), integers(4, low=1)),
    Sample(integers(5, dtype=np.int32), 3),
    Sample(normal(5), integers(5, low=1)),
]


def power(a, b):
    return np.power(np.asarray(a, float), b)


ROWS = [
    Row("add", lambda a, b: a + b, layouts(normal) + WHOLE, errors=BROADCAST),
    Row(
        "add",
        lambda a, b, alpha: a + alpha * b,
        [Sample(normal(3, 4), normal(4), alpha=-0.5), Sample(integers(3), integers(3), alpha=2)],
        errors=[Bad(TypeError, "alpha", normal(3), normal(3), alpha="2")],
        variant="alpha",
    ),
    Row(
        "sub",
        lambda a, b: a - b,
        layouts(normal) + WHOLE,
        errors=[*BROADCAST, Bad(TypeError, "sub: .*bool", booleans(3), True)],
    ),
    Row(
        "sub",
        lambda a, b, alpha: a - alpha * b,
        [Sample(normal(3, 4), normal(4), alpha=3)],
        variant="alpha",
    ),
    Row(
        "rsub",
        lambda a, b: b - a,
        [Sample(normal(3, 4), normal(4)), Sample(normal(5), 1.0)],
        errors=[Bad(TypeError, "sub: .*bool", booleans(3), booleans(3))],
    ),
    Row("mul", lambda a, b: a * b, layouts(normal) + WHOLE, errors=BROADCAST),
    Row("div", lambda a, b: a / b, layouts(away_from_zero), errors=BROADCAST),
    Row("div", lambda a, b: a / b, WHOLE, variant="integers", rtol64=1e-6),
    Row(
        "div",
        lambda a, b, rounding_mode: {"floor": np.floor, "trunc": np.trunc}[rounding_mode](a / b),
        [
            Sample(normal(3, 4, std=9, grad=False), normal(4, grad=False), rounding_mode="floor"),
            Sample(normal(3, 4, std=9, grad=False), normal(4, grad=False), rounding_mode="trunc"),
            Sample(integers(5, low=-9), 4, rounding_mode="trunc"),
        ],
        errors=[
            Bad(ValueError, "rounding_mode", normal(3), 2.0, rounding_mode="up"),
            Bad(ZeroDivisionError, "by 0", integers(3), 0, rounding_mode="floor"),
            Bad(ZeroDivisionError, "by 0", integers(3), 0, rounding_mode="trunc"),
        ],
        variant="rounding",
    ),
    Row(
        "pow",
        power,
        [
            Sample(positive(3, 4), normal(4)),
            Sample(positive(3, 1), normal(1, 5)),
            Sample(positive(), normal()),
            Sample(positive(65, 1603), normal(1603)),
            *[Sample(normal(9), p) for p in (2, 3, 2.0, 1, 0)],
            *[Sample(positive(9), p) for p in (0.5, -0.5, -1, -2, 2.7)],
            Sample(integers(5), 3),
        ],
        errors=[
            *BROADCAST,
            Bad(ValueError, "negative powers", integers(5, low=1), integers(5, low=-3, high=-1)),
        ],
        rtol=2e-5,
    ),
    Row(
        "floor_divide",
        np.errstate(all="ignore")(np.floor_divide),
        [
            Sample(normal(3, 4, std=9, grad=False), uniform(4, low=1, grad=False)),
            Sample(integers(5), 3),
            Sample(*NEARLY_WHOLE),
        ],
        errors=by_zero("floor_divide"),
    ),
    Row(
        "remainder",
        np.remainder,
        [
            Sample(normal(3, 4, std=5), away_from_zero(4)),
            Sample(normal(100_001, std=5), 1.75),
            Sample(integers(5, low=-9), 4),
            Sample(integers(0), 0),
        ],
        errors=BROADCAST + by_zero("remainder"),
    ),
    Row(
        "fmod",
        np.fmod,
        [Sample(normal(3, 4, std=5), away_from_zero(4)), Sample(normal(33, std=5), 1.75)],
        errors=BROADCAST + by_zero("fmod"),
    ),
    Row(
        "lerp",
        lambda a, b, w: a + w * (b - a),
        [Sample(normal(3, 4), normal(4), 0.3), Sample(normal(17), normal(17), normal(17))],
        errors=[Bad(ValueError, "broadcast", normal(3), normal(4), 0.5)],
    ),
    Row(
        "addcmul",
        lambda x, a, b, value=1: x + value * a * b,
        [
            Sample(normal(3, 4), normal(4), normal(3, 1)),
            Sample(
                normal(3, 4, grad=False), normal(4, grad=False), normal(3, 1, grad=False), value=0.5
            ),
        ],
        errors=[Bad(TypeError, "value", normal(3), normal(3), normal(3), value="2")],
    ),
    Row(
        "addcdiv",
        lambda x, a, b, value=1: x + value * a / b,
        [
            Sample(normal(3, 4), normal(4), away_from_zero(3, 1)),
            Sample(
                normal(70_003, grad=False), normal(70_003, grad=False), positive(70_003), value=-2
            ),
        ],
        errors=[Bad(TypeError, "expected Tensors", normal(3), 2.0, normal(3))],
    ),
]
