"""Rows of fastnn.ops.likelihood."""

import numpy as np

from .probability import log_softmax
from .row import Bad, Row, Sample, booleans, drawn, integers, normal, uniform


def folded(losses, counts, reduction, soft=False):
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    return losses.mean() if soft else losses.sum() / counts.sum()


def as_rows(x):
    """(N, C, d...) as (rows, C), and the labels' shape."""
    if x.ndim == 1:
        return x[None], ()
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]), x.shape[:1] + x.shape[2:]


def reference(log):
    def loss(x, t, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        soft = t.dtype.kind == "f"
        x, shape = as_rows(x)
        x, classes = log(x), x.shape[1]
        weight = np.ones(classes) if weight is None else weight
        if soft:
            q, used, counts = as_rows(t)[0], np.ones(len(x), bool), None
        else:
            t = t.reshape(-1)
            used = t != ignore_index
            q = (np.where(used, t, 0)[:, None] == np.arange(classes)) * 1.0
            counts = weight[np.where(used, t, 0)] * used
        q = q * (1 - label_smoothing) + label_smoothing / classes
        losses = -(q * weight * x).sum(1) * used
        losses = losses.reshape(shape) if reduction == "none" else losses
        return folded(losses, counts, reduction, soft)

    return loss


def labels(*shape, classes=5, ignored=-100):
    def draw(rng):
        t = rng.integers(0, classes, shape)
        t.flat[1::7] = ignored
        return t

    return drawn(draw)


def probabilities(*shape):
    def draw(rng):
        p = rng.random(shape)
        return p / p.sum(1, keepdims=True)

    return drawn(draw)


COMMON = [
    Sample(normal(7, 5), labels(7)),
    Sample(normal(7, 5), labels(7), reduction="sum"),
    Sample(normal(7, 5), labels(7), reduction="none"),
    Sample(normal(7, 5), labels(7), uniform(5, low=0.5, high=2, grad=False)),
    Sample(normal(7, 5), labels(7, ignored=2), ignore_index=2),
    Sample(normal(5), integers(high=5)),
    Sample(normal(5), integers(high=5), reduction="none"),
    Sample(normal(3, 5, 4), labels(3, 4), reduction="none"),
    Sample(normal(3, 5, 2, 2), labels(3, 2, 2), uniform(5, low=0.5, high=2, grad=False)),
    Sample(normal(33, 17), integers(33, high=17)),
    Sample(normal(300, 401), integers(300, high=401)),
]
NARROW = [Sample(normal(7, 5), integers(7, high=5, dtype=np.int32))]
SMOOTH = [
    Sample(normal(7, 5), labels(7), label_smoothing=0.1),
    Sample(
        normal(7, 5),
        labels(7),
        uniform(5, low=0.5, high=2, grad=False),
        label_smoothing=0.2,
        reduction="sum",
    ),
    Sample(normal(7, 5), probabilities(7, 5)),
    Sample(normal(3, 5, 4), probabilities(3, 5, 4), reduction="none", label_smoothing=0.1),
    Sample(
        normal(7, 5),
        probabilities(7, 5),
        uniform(5, low=0.5, high=2, grad=False),
    ),
    Sample(normal(200, 100, std=20), integers(200, high=100), label_smoothing=0.1),
]


def fixed(*values):
    return drawn(lambda rng: np.array(values))


def errors(name):
    return [
        Bad(
            IndexError,
            f"{name}: label at position 2 is 5, expected 0 to 4",
            normal(3, 5),
            fixed(0, 4, 5),
        ),
        Bad(
            IndexError,
            f"{name}: label at position 0 is -1, expected 0 to 4",
            normal(2, 5),
            fixed(-1, 4),
        ),
        Bad(TypeError, "target has dtype float32, expected integers", normal(3, 5), normal(3)),
        Bad(TypeError, "target has dtype bool, expected integers", normal(3, 5), booleans(3)),
        Bad(
            ValueError,
            r"target has shape \(3, 1\), expected \(3,\); use target.squeeze",
            normal(3, 5),
            integers(3, 1),
        ),
        Bad(
            ValueError,
            r"weight has shape \(4,\), expected \(5,\)",
            normal(3, 5),
            integers(3, high=5),
            normal(4),
        ),
        Bad(ValueError, "reduction must be", normal(3, 5), integers(3, high=5), reduction="avg"),
        Bad(TypeError, "expected float32 or float64", integers(3, 5), integers(3, high=5)),
    ]


ROWS = [
    Row(
        "cross_entropy",
        reference(lambda x: log_softmax(x, 1)),
        COMMON + SMOOTH,
        errors("cross_entropy"),
    ),
    Row(
        "cross_entropy", reference(lambda x: log_softmax(x, 1)), NARROW, torch=None, variant="int32"
    ),
    Row("nll_loss", reference(lambda x: x), COMMON, errors("nll_loss")),
    Row("nll_loss", reference(lambda x: x), NARROW, torch=None, variant="int32"),
]
