"""Rows of fastnn.ops.activation, exponential, rectifier and gate."""

import math

import numpy as np

from .row import Bad, Row, Sample, drawn, integers, normal, uniform

erf = np.vectorize(math.erf, otypes=[float])


def off_corners(*shape):
    """Away from the corners of all piecewise activations."""

    def draw(rng):
        x = 2.5 * rng.standard_normal(shape)
        for corner in (-3, -1, -0.5, 0, 0.5, 1, 3, 6):
            x = np.where(np.abs(x - corner) < 0.02, x + 0.05, x)
        return x

    return drawn(draw)


SIZES = [(), (1,), (0, 3), (15,), (65,), (2, 3, 11), (317, 331)]
POINTS = [Sample(off_corners(*size)) for size in SIZES]
FAR = [Sample(uniform(70, low=-90, high=90, grad=False))]
WRONG = [Bad(TypeError, "expected", "text"), Bad(TypeError, "expected", None)]


def with_options(*args, **kwargs):
    return [Sample(off_corners(*size), *args, **kwargs) for size in [(3, 5), (100_003,)]]


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def softplus(x, beta=1.0, threshold=20.0):
    z = beta * x
    return np.where(z > threshold, x, (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))) / beta)


def elu(x, alpha=1.0, scale=1.0, inside=1.0):
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) * inside))


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    if approximate == "sigmoid":
        return x * sigmoid(1.702 * x)
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def along_channels(x, w):
    w = np.asarray(w, float).reshape(-1)
    return w[0] if w.size == 1 else w.reshape((-1,) + (1,) * (x.ndim - 2))


def prelu(x, w):
    return np.where(x > 0, x, x * along_channels(x, w))


def swish(x, beta=1.0):
    return x * sigmoid(along_channels(x, beta) * x)


def glu(x, dim=-1):
    a, b = np.split(x, 2, dim)
    return a * sigmoid(b)


def clip(x, min_val=-1.0, max_val=1.0):
    return np.clip(x, min_val, max_val)


PER_CHANNEL = [
    Sample(off_corners(4, 3), uniform(3, low=0.1)),
    Sample(off_corners(2, 3, 5), uniform(3, low=0.1)),
    Sample(off_corners(2, 3, 2, 7), uniform(1, low=0.1)),
    Sample(off_corners(9), uniform(1, low=0.1)),
    Sample(off_corners(40, 33, 80), uniform(33, low=0.1)),
]
ROWS = [
    Row("sigmoid", sigmoid, POINTS + FAR, errors=WRONG, rtol=2e-6),
    Row("tanh", np.tanh, POINTS + FAR, errors=WRONG, rtol=2e-6),
    Row("silu", lambda x: x * sigmoid(x), POINTS + FAR, errors=WRONG),
    Row("mish", lambda x: x * np.tanh(softplus(x)), POINTS + FAR),
    Row(
        "gelu",
        gelu,
        POINTS + FAR,
        errors=[Bad(ValueError, "approximate", normal(3), "erf"), *WRONG],
    ),
    Row("gelu", gelu, [Sample(off_corners(*s), approximate="tanh") for s in SIZES], variant="tanh"),
    Row(
        "gelu",
        gelu,
        [Sample(off_corners(*s), approximate="sigmoid") for s in SIZES],
        variant="sigmoid",
        torch=None,
    ),
    Row(
        "softplus",
        softplus,
        POINTS + FAR + with_options(2.0, 3.0),
        errors=[
            Bad(ValueError, "beta", normal(3), 0),
            Bad(TypeError, "threshold", normal(3), 1, "2"),
        ],
    ),
    Row("logsigmoid", lambda x: -softplus(-x, threshold=np.inf), POINTS + FAR),
    Row("softsign", lambda x: x / (1 + np.abs(x)), POINTS + FAR),
    Row(
        "elu",
        elu,
        POINTS + FAR + with_options(0.7),
        errors=[Bad(TypeError, "alpha", normal(3), "1")],
    ),
    Row("selu", lambda x: elu(x, 1.6732632423543772, 1.0507009873554805), POINTS + FAR),
    Row(
        "celu",
        lambda x, alpha=1.0: elu(x, alpha, 1.0, 1 / alpha),
        POINTS + FAR + with_options(0.7),
        errors=[Bad(ValueError, "alpha", normal(3), 0)],
        torch_rtol64=1e-6,  # torch takes 1 / alpha in float32
    ),
    Row(
        "relu",
        lambda x: np.maximum(x, 0),
        POINTS + FAR + [Sample(integers(9, low=-5))],
        errors=WRONG,
    ),
    Row("leaky_relu", lambda x, s=0.01: np.where(x > 0, x, s * x), POINTS + with_options(0.3)),
    Row("relu6", lambda x: np.clip(x, 0, 6), POINTS),
    Row(
        "hardtanh",
        clip,
        POINTS + with_options(-0.5, 3.0),
        errors=[Bad(ValueError, "min_val", normal(3), 1.0, -1.0)],
    ),
    Row("hardsigmoid", lambda x: np.clip(x + 3, 0, 6) / 6, POINTS + FAR, torch_rtol64=1e-6),
    Row("hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6, POINTS + FAR),
    Row(
        "threshold",
        lambda x, t, v: np.where(x > t, x, v),
        with_options(0.5, -2.0),
        errors=[Bad(TypeError, "value", normal(3), 0.5, None)],
    ),
    Row(
        "hardshrink",
        lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, 0),
        POINTS + with_options(1.0),
        errors=[Bad(ValueError, "lambd", normal(3), -1.0)],
    ),
    Row(
        "softshrink",
        lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
        POINTS + with_options(1.0),
        errors=[Bad(ValueError, "lambd", normal(3), -1.0)],
    ),
    Row("tanhshrink", lambda x: x - np.tanh(x), POINTS),
    Row(
        "prelu",
        prelu,
        PER_CHANNEL,
        errors=[
            Bad(ValueError, "3 channels", normal(2, 3), normal(4)),
            Bad(ValueError, "0-d or 1-d", normal(2, 3), normal(3, 1)),
        ],
    ),
    Row(
        "swish",
        swish,
        PER_CHANNEL + [Sample(off_corners(5, 7), 1.5), Sample(off_corners(5, 7))],
        errors=[Bad(ValueError, "3 channels", normal(2, 3), normal(4))],
        torch=None,
    ),
    Row(
        "glu",
        glu,
        [
            Sample(normal(6)),
            Sample(normal(3, 8), 1),
            Sample(normal(4, 3, 5), 0),
            Sample(normal(2, 34, 3), 1),
            Sample(normal(0, 4)),
            Sample(normal(130, 1030)),
        ],
        errors=[
            Bad(ValueError, "even", normal(3, 5)),
            Bad(ValueError, "dimension", normal()),
        ],
    ),
]
