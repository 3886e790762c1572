"""Rows of fastnn.ops.number."""

import numpy as np

from .row import Bad, Row, Sample, booleans, drawn, integers, normal, uniform


def odd(rng):
    values = [0.0, -0.0, np.inf, -np.inf, np.nan]
    return np.concatenate([values, rng.standard_normal(20)])


def sparse(rng):
    x = rng.standard_normal((4, 5))
    x[1, 2] = x[2, 0] = 0
    return x


ODD = Sample(drawn(odd, grad=False))
ONE = [Sample(normal(3, 5)), Sample(normal()), Sample(normal(0, 2))]
BITS = [Sample(integers(3, 4), integers(4)), Sample(booleans(17), booleans(17))]


def in_torch(name):
    """torch's functions take tensors only."""

    def call(*args):
        import torch

        return getattr(torch, name)(*args)

    return call


ROWS = [
    Row(
        "nan_to_num",
        lambda x, nan=0.0, posinf=None, neginf=None: np.nan_to_num(
            x, nan=nan, posinf=posinf, neginf=neginf
        ),
        [*ONE, Sample(drawn(odd, grad=False), 1.0, 2.0, 3.0), Sample(integers(4))],
    ),
    Row("nan_to_num", None, [ODD], variant="limits of the dtype"),
    Row(
        "xlogy",
        lambda x, y: np.where(x == 0, 0.0, x * np.log(np.where(x == 0, 1.0, y))),
        [
            Sample(normal(3, 4), uniform(3, 4, low=0.1)),
            Sample(drawn(sparse, grad=False), uniform(5, low=0.1)),
        ],
        [Bad(ValueError, "broadcast", normal(3), normal(4))],
    ),
    Row(
        "logit",
        lambda x, eps=None: np.log(
            (x if eps is None else np.clip(x, eps, 1 - eps))
            / (1 - (x if eps is None else np.clip(x, eps, 1 - eps)))
        ),
        [Sample(uniform(3, 5, low=0.1, high=0.9)), Sample(uniform(40), 0.2)],
        [
            Bad(ValueError, "logit: eps must be from 0 to below 0.5, got 2", uniform(3), 2),
            Bad(ValueError, "eps must be", uniform(3), -0.1),
            Bad(ValueError, "eps must be", uniform(3), float("nan")),
        ],
        torch=in_torch("logit"),
    ),
    Row("sinc", np.sinc, ONE),
    Row("deg2rad", np.deg2rad, ONE),
    Row("rad2deg", np.rad2deg, ONE),
    Row("sgn", np.sign, ONE, torch=None),  # its gradient is a tensor that NumPy refuses
    Row("positive", np.positive, ONE),
    Row("signbit", np.signbit, [*ONE, ODD]),
    Row("isposinf", np.isposinf, [*ONE, ODD]),
    Row("isneginf", np.isneginf, [*ONE, ODD]),
    Row("heaviside", np.heaviside, [Sample(drawn(sparse, grad=False), normal(5, grad=False))]),
    Row(
        "fmax",
        np.fmax,
        [Sample(normal(3, 4), normal(4)), Sample(drawn(odd, grad=False), normal(grad=False))],
    ),
    Row(
        "fmin",
        np.fmin,
        [Sample(normal(3, 4), normal(4)), Sample(drawn(odd, grad=False), normal(grad=False))],
    ),
    Row("clamp_min", np.maximum, [Sample(normal(3, 4), 0.1)]),
    Row("clamp_max", np.minimum, [Sample(normal(3, 4), 0.1)]),
    Row(
        "float_power",
        lambda x, y: np.float_power(x, y),
        [Sample(integers(3, 4, low=1), 0.5), Sample(integers(5, low=1), integers(5, high=3))],
    ),
    Row("ldexp", lambda x, n: x * 2.0**n, [Sample(normal(3, 4), integers(4, low=-3))]),
    Row("logaddexp2", np.logaddexp2, [Sample(normal(3, 4), normal(4))]),
    *[
        Row(
            f"bitwise_{name}",
            getattr(np, f"bitwise_{name}"),
            BITS,
            [Bad(TypeError, "integer", normal(3), integers(3))],
        )
        for name in ("and", "or", "xor")
    ],
    Row("bitwise_not", np.bitwise_not, [Sample(integers(5)), Sample(booleans(5))]),
]
