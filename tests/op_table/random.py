"""Random numbers: no reference but their distribution, which test_random.py looks at."""

import numpy as np

import fastnn
from fastnn.ops import draw, random, seeding

from .row import Bad, Row, Sample, normal, uniform


def seeded(function):
    """The same draw at every call; inputs are copied, for functions that write in place."""

    def call(*args, **kwargs):
        fastnn.manual_seed(5)
        copies = [fastnn.tensor(a.detach()) if isinstance(a, fastnn.Tensor) else a for a in args]
        return function(*copies, **kwargs)

    return call


def row(name, samples, errors=()):
    function = getattr(draw if name.endswith("_") else random, name)
    return Row(name, None, samples, errors, call=seeded(function), torch=None)


def after(change):
    """What is drawn after the generator was set in some way."""

    def call(*args):
        change(*args)
        return fastnn.rand(5)

    return call


def reseed():
    assert seeding.seed() == seeding.initial_seed()
    fastnn.manual_seed(3)


def rewind():
    fastnn.manual_seed(4)
    seeding.set_rng_state(seeding.get_rng_state())


SHAPES = [
    Sample(),
    Sample(3, 4),
    Sample((2, 5, 1)),
    Sample(0, 3),
    Sample(100003),
    Sample(70, dtype="float64"),
]
SHAPE_ERRORS = [
    Bad(ValueError, "negative", 3, -1),
    Bad(TypeError, "sizes must be an int", 2.5, 3),
    Bad(TypeError, "float32 or float64", 3, dtype="int64"),
    Bad(TypeError, "sizes must be an int", None),
    Bad(TypeError, "generator", 3, generator=7),
    Bad(ValueError, "device must be 'cpu'", 3, device="cuda"),
    Bad(ValueError, "8 dimensions", *[1] * 9),
]

ROWS = [
    row("rand", SHAPES, SHAPE_ERRORS),
    row("randn", SHAPES, SHAPE_ERRORS),
    row("rand_like", [Sample(normal(3, 4)), Sample(normal(2), dtype=np.float64)]),
    row("randn_like", [Sample(normal(3, 4)), Sample(normal())]),
    row(
        "randint",
        [
            Sample(10, (3, 4)),
            Sample(-5, 5, (100003,)),
            Sample(-(2**63), 2**63, (9,)),
            Sample(1, (0,)),
        ],
        [
            Bad(ValueError, "high must be above low", 5, 5, (2,)),
            Bad(TypeError, "size is missing", 5),
            Bad(ValueError, "int64", 0, 2**64, (2,)),
        ],
    ),
    row("randint_like", [Sample(normal(3, 4), 9, dtype="int64"), Sample(normal(3), -4, 9)]),
    row(
        "randperm",
        [Sample(n) for n in (0, 1, 33, 1000)],
        [Bad(ValueError, "negative", -1), Bad(TypeError, "n must be an int", 2.5)],
    ),
    row(
        "bernoulli",
        [Sample(uniform(3, 4)), Sample(uniform(100003)), Sample(normal(5, 2), 0.3)],
        [
            Bad(ValueError, "from 0 to 1", uniform(3, low=1.5, high=2)),
            Bad(ValueError, "p must", normal(3), 2),
        ],
    ),
    row(
        "normal",
        [Sample(1.0, 2.0, (3, 4)), Sample(normal(3, 4), 2.0), Sample(normal(4), uniform(3, 1))],
        [Bad(TypeError, "size is missing", 0.0, 1.0), Bad(ValueError, "std", 0.0, -1.0, (3,))],
    ),
    row(
        "uniform_",
        [Sample(normal(3, 4), -1, 2), Sample(normal(0)), Sample(normal(100003))],
        [
            Bad(ValueError, "low must not", normal(3), 2.0, 1.0),
            Bad(ValueError, "finite", normal(3), 0, np.inf),
        ],
    ),
    row(
        "normal_",
        [Sample(normal(3, 4), 1.0, 0.1), Sample(normal()), Sample(normal(100003))],
        [Bad(ValueError, "std must not", normal(3), 0, -1)],
    ),
    row(
        "trunc_normal_",
        [
            Sample(normal(3, 4)),
            Sample(normal(100003), 0.0, 1.0, 3.0, 9.0),
            Sample(normal(70), 1, 2, -9, 0),
        ],
        [
            Bad(ValueError, "a must be below b", normal(3), 0, 1, 2, 2),
            Bad(ValueError, "std must be positive", normal(3), 0, 0),
            Bad(ValueError, "too far", normal(3), 0, 1, 50, 51),
        ],
    ),
    row(
        "bernoulli_",
        [Sample(normal(3, 4)), Sample(normal(100003), 0.9), Sample(normal(5), 1)],
        [Bad(ValueError, "p must be from 0 to 1", normal(3), -0.1)],
    ),
    Row(
        "manual_seed",
        None,
        [Sample(0), Sample(2**64 - 1)],
        [Bad(ValueError, "seed must be", -1), Bad(TypeError, "integer", 1.5)],
        call=after(seeding.manual_seed),
        torch=None,
    ),
    Row("seed", None, [Sample()], call=after(reseed), torch=None),
    Row("initial_seed", None, [Sample()], call=after(reseed), torch=None),
    Row("get_rng_state", None, [Sample()], call=after(rewind), torch=None),
    Row("set_rng_state", None, [Sample()], call=after(rewind), torch=None),
]
