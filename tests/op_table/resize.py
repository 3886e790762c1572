"""Rows of fastnn.ops.resize."""

import math

import numpy as np

from .row import Bad, Row, Sample, normal


def keys(t, a):
    """Keys' cubic convolution kernel."""
    t = abs(t)
    if t < 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def line(size, out, factor, mode, align, antialias):
    """The matrix (out, size) of one axis."""
    scale = size / out if factor is None else 1 / factor
    if align:
        scale = (size - 1) / (out - 1) if out > 1 else 0
    m = np.zeros((out, size))
    for o in range(out):
        centre = scale * o if align else scale * (o + 0.5) - 0.5
        if mode == "nearest":
            m[o, min(math.floor(o * scale), size - 1)] = 1
        elif mode == "nearest-exact":
            m[o, min(math.floor((o + 0.5) * scale), size - 1)] = 1
        elif mode == "area":
            first, end = o * size // out, -(-(o + 1) * size // out)
            m[o, first:end] = 1 / (end - first)
        elif antialias:
            wide = max(scale, 1)
            tent = [
                keys((i - centre) / wide, -0.5)
                if mode == "bicubic"
                else max(0, 1 - abs(i - centre) / wide)
                for i in range(size)
            ]
            m[o] = np.array(tent) / sum(tent)
        else:
            centre = max(centre, 0) if mode != "bicubic" else centre
            for i in range(math.floor(centre) - 1, math.floor(centre) + 3):
                t = i - centre
                w = keys(t, -0.75) if mode == "bicubic" else max(0, 1 - abs(t))
                m[o, min(max(i, 0), size - 1)] += w
    return m


def reference(
    x, size=None, scale_factor=None, mode="nearest", align_corners=None,
    recompute_scale_factor=None, antialias=False,
):  # fmt: skip
    dims = x.ndim - 2

    def each(value):
        return value if isinstance(value, tuple) else (value,) * dims

    factors = each(scale_factor)
    sizes = each(size)
    if size is None:
        sizes = [math.floor(n * f) for n, f in zip(x.shape[2:], factors)]
    if recompute_scale_factor:
        factors = (None,) * dims
    for d in range(dims):
        m = line(x.shape[2 + d], sizes[d], factors[d], mode, align_corners, antialias)
        x = np.moveaxis(np.moveaxis(x, 2 + d, -1) @ m.T, -1, 2 + d)
    return x


ROWS = [
    Row(
        "interpolate",
        reference,
        [
            Sample(normal(2, 3, 5), 7),
            Sample(normal(2, 1, 5), scale_factor=2.5),
            Sample(normal(2, 2, 4, 3), scale_factor=2),
            Sample(normal(2, 2, 4, 3), (3, 5), mode="nearest-exact"),
            Sample(normal(2, 1, 6), 4, mode="linear"),
            Sample(normal(1, 2, 5), scale_factor=2.3, mode="linear"),
            Sample(normal(1, 2, 3, 4), scale_factor=2, mode="bilinear"),
            Sample(normal(1, 2, 3, 4), (5, 2), mode="bilinear", align_corners=True),
            Sample(normal(1, 1, 1, 3), (2, 1), mode="bilinear"),
            Sample(normal(0, 1, 2, 3), (2, 4), mode="bilinear"),
            Sample(normal(1, 2, 4, 5), (7, 3), mode="bicubic"),
            Sample(normal(1, 1, 3, 3), scale_factor=2.0, mode="bicubic", align_corners=True),
            Sample(normal(1, 2, 7, 6), (3, 4), mode="area"),
            Sample(normal(1, 1, 9, 8), (4, 3), mode="bilinear", antialias=True),
            Sample(normal(1, 1, 9, 8), (4, 11), mode="bicubic", antialias=True),
            Sample(
                normal(1, 1, 5, 5), scale_factor=1.7, mode="bilinear", recompute_scale_factor=True
            ),
            Sample(normal(2, 8, 40, 50), scale_factor=2, mode="bilinear"),
        ],
        [
            Bad(ValueError, "mode must be one of", normal(1, 1, 4), 5, mode="cubic"),
            Bad(ValueError, "takes 4-d input", normal(1, 1, 4), 5, mode="bilinear"),
            Bad(ValueError, "takes 3-d or 4-d", normal(1, 1, 4, 4, 4), 5),
            Bad(ValueError, "one of size and scale_factor", normal(1, 1, 4)),
            Bad(ValueError, "no align_corners", normal(1, 1, 4), 5, align_corners=True),
            Bad(ValueError, "no antialias", normal(1, 1, 4), 5, mode="linear", antialias=True),
            Bad(ValueError, "2 dimensions of space", normal(1, 1, 4, 4), (2, 2, 2)),
            Bad(ValueError, "positive", normal(1, 1, 4, 4), scale_factor=0),
            Bad(ValueError, "must not be empty", normal(1, 1, 0), 3),
        ],
        torch_rtol64=1e-6,  # its scale factors are single precision numbers
    ),
    Row(
        "interpolate",
        reference,
        [Sample(normal(1, 1, 3, 5000), (2, 5100), mode="bilinear")],
        variant="wide",
        most=200_000,
        torch=None,  # its coordinates are single precision numbers: 1e-3 apart here
    ),
]
