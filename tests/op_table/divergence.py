"""Rows of fastnn.ops.divergence."""

import numpy as np

from .likelihood import errors, labels, probabilities
from .loss import BROADCAST, folded
from .probability import log_softmax
from .row import Bad, Row, Sample, drawn, integers, normal, uniform


def kl(x, t, reduction="mean", log_target=False):
    if log_target:
        loss = np.exp(t) * (t - x)
    else:
        loss = np.where(t == 0, 0, t * np.log(np.where(t == 0, 1, t))) - t * x
    return loss.sum() / len(x) if reduction == "batchmean" else folded(loss, reduction)


def focal(x, t, gamma=2.0, weight=None, ignore_index=-100, reduction="mean"):
    used = t != ignore_index
    safe = np.where(used, t, 0)
    logs = np.take_along_axis(log_softmax(x, 1), safe[:, None], 1)[:, 0]
    losses = -((1 - np.exp(logs)) ** gamma) * logs * used
    losses = losses if weight is None else losses * weight[safe]
    return losses.sum() / used.sum() if reduction == "mean" else folded(losses, reduction)


def squared_emd(x, t, reduction="mean"):
    q = t if t.dtype.kind == "f" else (t[:, None] == np.arange(x.shape[1])) * 1.0
    gap = np.cumsum(np.exp(log_softmax(x, 1)) - q, 1)
    return folded((gap**2).sum(1), reduction)


def distillation(x, teacher, temperature=4.0, reduction="mean"):
    p, q = log_softmax(x / temperature, 1), log_softmax(teacher / temperature, 1)
    return folded(temperature**2 * (np.exp(q) * (q - p)).sum(1), reduction)


def zeros_among(*shape):
    return drawn(lambda rng: np.where(rng.random(shape) < 0.3, 0, rng.random(shape)), grad=False)


ROWS = [
    Row(
        "kl_div",
        kl,
        [
            Sample(normal(), uniform(low=0.1)),
            Sample(normal(5, 3), zeros_among(5, 3), reduction="none"),
            Sample(normal(5, 3), uniform(5, 3, low=0.1), reduction="batchmean"),
            Sample(normal(5, 3), normal(5, 3), log_target=True, reduction="sum"),
            Sample(normal(5, 3), normal(5, 3, grad=False), log_target=True, reduction="batchmean"),
            Sample(normal(20, 5001), uniform(20, 5001, grad=False), reduction="sum"),
        ],
        [
            *BROADCAST,
            Bad(ValueError, "'batchmean' needs rows", normal(), normal(), reduction="batchmean"),
        ],
    ),
    Row(
        "focal_loss",
        focal,
        [
            Sample(normal(7, 5), labels(7)),
            Sample(normal(7, 5), integers(7, high=5), 0.5, reduction="none"),
            Sample(normal(7, 5), labels(7, ignored=2), 0, ignore_index=2),
            Sample(
                normal(7, 5), labels(7), 3, uniform(5, low=0.5, high=2, grad=False), reduction="sum"
            ),
            Sample(normal(300, 401), integers(300, high=401)),
        ],
        [
            *[
                e
                for e in errors("cross_entropy")
                if e.error is not TypeError and "weight" not in e.match
            ],
            Bad(TypeError, "expected integers", normal(3, 5), normal(3)),
            Bad(
                ValueError, "weight has shape", normal(3, 5), integers(3, high=5), weight=normal(4)
            ),
            Bad(ValueError, "gamma must not be negative", normal(3, 5), integers(3, high=5), -1),
        ],
        torch=None,
        rtol=2e-5,
    ),
    Row(
        "squared_emd_loss",
        squared_emd,
        [
            Sample(normal(7, 5), integers(7, high=5)),
            Sample(normal(7, 5), probabilities(7, 5), reduction="none"),
            Sample(normal(7, 5), integers(7, high=5, dtype=np.int32), reduction="sum"),
            Sample(normal(200, 101), integers(200, high=101)),
        ],
        [
            Bad(ValueError, r"expected \(N, C\)", normal(5), integers(high=5)),
            Bad(ValueError, "does not broadcast", normal(3, 5), uniform(3, 4)),
            Bad(
                IndexError,
                "label at position 0 is 7, expected 0 to 4",
                normal(1, 5),
                integers(1, low=7, high=8),
            ),
        ],
        torch=None,
        rtol=5e-5,
    ),
    Row(
        "distillation_loss",
        distillation,
        [
            Sample(normal(7, 5), normal(7, 5, grad=False)),
            Sample(normal(7, 5, std=9), normal(7, 5, std=9, grad=False), 2.0, reduction="none"),
            Sample(normal(200, 101), normal(200, 101, grad=False), 1.0, reduction="sum"),
        ],
        [
            Bad(ValueError, "temperature must be positive", normal(3, 5), normal(3, 5), 0),
            Bad(ValueError, "does not broadcast", normal(3, 5), normal(3, 4)),
            Bad(ValueError, r"expected \(N, C\)", normal(5), normal(5)),
        ],
        torch=None,
        rtol=1e-4,
    ),
]
