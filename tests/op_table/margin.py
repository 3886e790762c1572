"""Rows of fastnn.ops.margin."""

import numpy as np

from .likelihood import errors
from .loss import BROADCAST, folded
from .row import Bad, Row, Sample, drawn, integers, normal, uniform


def multi_margin(divide):
    def loss(x, t, p=1, margin=1.0, weight=None, reduction="mean"):
        x, t = np.atleast_2d(x), np.atleast_1d(t)
        rows, classes = np.arange(len(x)), x.shape[1]
        z = np.maximum(0, margin - x[rows, t][:, None] + x) ** p
        z[rows, t] = 0
        losses = z.sum(1) * (1 if weight is None else weight[t]) / (classes if divide else 1)
        return folded(losses, reduction) if reduction != "none" or len(x) > 1 else losses.sum()

    return loss


def weston_watkins(x, t, margin=1.0, weight=None, reduction="mean"):
    return multi_margin(False)(x, t, 1, margin, weight, reduction)


def multilabel_margin(x, t, reduction="mean"):
    losses = []
    for row, labels in zip(np.atleast_2d(x), np.atleast_2d(t), strict=True):
        wanted = list(labels[: np.argmax(labels < 0) if (labels < 0).any() else len(labels)])
        others = [c for c in range(len(row)) if c not in wanted]
        losses.append(sum(max(0, 1 - row[j] + row[c]) for j in wanted for c in others) / len(row))
    return losses[0] if x.ndim == 1 and reduction == "none" else folded(np.array(losses), reduction)


def multilabel_soft_margin(x, t, weight=None, reduction="mean"):
    losses = t * np.log1p(np.exp(-x)) + (1 - t) * np.log1p(np.exp(x))
    losses = losses if weight is None else losses * weight
    return folded(losses.mean(-1), reduction)


def some_labels(n, classes):
    """Each row: some labels, -1, and more numbers that do not count."""

    def draw(rng):
        t = np.stack([rng.permutation(classes) for _ in range(n)])
        t[np.arange(n), rng.integers(0, classes, n)] = -1
        return t

    return drawn(draw)


def fixed(*values):
    return drawn(lambda rng: np.array(values))


def labels_errors(name):
    """Those of cross-entropy; a weight is passed by name here."""
    wrong = Bad(
        ValueError, r"weight has shape", normal(3, 5), integers(3, high=5), weight=normal(4)
    )
    return [*(e for e in errors(name) if "weight" not in e.match), wrong]


WEIGHT = uniform(5, low=0.5, high=2, grad=False)
ZERO_ONE = drawn(lambda rng: rng.integers(0, 2, (3, 5)).astype(float), grad=False)

ROWS = [
    Row(
        "multi_margin_loss",
        multi_margin(True),
        [
            Sample(normal(7, 5), integers(7, high=5)),
            Sample(normal(7, 5), integers(7, high=5), 2, 0.5, WEIGHT, reduction="sum"),
            Sample(normal(7, 5), integers(7, high=5), weight=WEIGHT, reduction="none"),
            Sample(normal(5), integers(high=5), p=2, reduction="none"),
            Sample(normal(1, 5), integers(1, high=5), p=2),
            Sample(normal(300, 401), integers(300, high=401)),
        ],
        [
            *labels_errors("multi_margin_loss"),
            Bad(ValueError, "p must be 1 or 2, got 3", normal(3, 5), integers(3, high=5), 3),
            Bad(ValueError, r"expected \(N, C\) or \(C,\)", normal(3, 0), integers(3)),
        ],
    ),
    Row(
        "weston_watkins_loss",
        weston_watkins,
        [
            Sample(normal(7, 5), integers(7, high=5)),
            Sample(normal(7, 5), integers(7, high=5), 0.3, WEIGHT, reduction="none"),
            Sample(normal(33, 17), integers(33, high=17, dtype=np.int32), reduction="sum"),
        ],
        labels_errors("weston_watkins_loss"),
        torch=None,
    ),
    Row(
        "multilabel_margin_loss",
        multilabel_margin,
        [
            Sample(normal(7, 5), some_labels(7, 5)),
            Sample(normal(7, 5), some_labels(7, 5), reduction="none"),
            Sample(normal(5), fixed(3, 0, -1, 2, 1), reduction="none"),
            Sample(normal(40, 17), some_labels(40, 17), reduction="sum"),
        ],
        [
            Bad(ValueError, "does not broadcast", normal(3, 5), integers(3, 4, high=5)),
            Bad(TypeError, "use multilabel_soft_margin_loss", normal(3, 5), normal(3, 5)),
            Bad(
                IndexError, "label at position 1 is 3, expected -1 to 2", normal(3), fixed(1, 3, 0)
            ),
            Bad(IndexError, "label at position 0 is -2", normal(3), fixed(-2, 0, 0)),
        ],
    ),
    Row(
        "multilabel_soft_margin_loss",
        multilabel_soft_margin,
        [
            Sample(normal(3, 5), ZERO_ONE),
            Sample(normal(3, 5), ZERO_ONE, WEIGHT, reduction="none"),
            Sample(normal(7, 5), uniform(7, 5), reduction="sum"),
        ],
        [*BROADCAST, Bad(ValueError, "0-d", normal(), uniform())],
    ),
]
