"""Rows of fastnn.ops.ctc."""

import itertools

import numpy as np

import fastnn

from .probability import log_softmax
from .row import Bad, Row, Sample, drawn, integers, normal


def probability(p, labels, blank):
    """Of saying `labels` in the steps of p (T, C): the sum over all paths, one by one."""
    total = 0.0
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        said = [c for c, _ in itertools.groupby(path) if c != blank]
        if said == list(labels):
            total += np.prod(p[range(len(p)), path]) if path else 1.0
    return total


def forward(p, labels, blank):
    """The same by Graves et al. (2006), eq. 6: for more steps than can be enumerated."""
    places = [blank] + [c for label in labels for c in (label, blank)]
    alpha = np.zeros(len(places))
    alpha[:2] = p[0, places[:2]]
    for row in p[1:]:
        before = alpha.copy()
        for s, c in enumerate(places):
            total = before[s] + (before[s - 1] if s > 0 else 0)
            if s > 1 and c != blank and c != places[s - 2]:
                total += before[s - 2]
            alpha[s] = total * row[c]
    return alpha[-1] + (alpha[-2] if len(alpha) > 1 else 0)


def reference(x, targets, steps, counts, blank=0, reduction="mean", zero_infinity=False):
    single = x.ndim == 2
    x = x[:, None] if single else x
    p = np.exp(log_softmax(x, 2))
    steps, counts = np.atleast_1d(steps), np.atleast_1d(counts)
    rows = [targets] if single else targets
    if not single and targets.ndim == 1:
        rows = np.split(targets, np.cumsum(counts)[:-1])
    losses = []
    for i, (T, S) in enumerate(zip(steps, counts)):
        way = probability if p.shape[2] ** int(T) <= 300 else forward
        with np.errstate(divide="ignore"):
            losses.append(-np.log(way(p[:T, i], rows[i][:S], blank)))
    losses = np.array(losses)
    if zero_infinity:
        losses[np.isinf(losses)] = 0
    if reduction == "mean":
        return (losses / np.maximum(counts, 1)).mean()
    return losses.sum() if reduction == "sum" else losses.reshape(()) if single else losses


def given(*values):
    return drawn(lambda rng: np.array(values))


def behind_log_softmax(library):
    """The gradient at log_probs is what log_softmax expects: checked through it."""

    def call(x, *args, **kwargs):
        functions = library.nn.functional
        return functions.ctc_loss(functions.log_softmax(x, -1), *args, **kwargs)

    return call


def in_torch(*args, **kwargs):
    import torch

    return behind_log_softmax(torch)(*args, **kwargs)


STEPS = [
    Sample(normal(5, 2, 3), integers(2, 2, low=1, high=3), given(5, 4), given(2, 1)),
    Sample(normal(4, 3, 4), integers(3, 2, low=0, high=3), given(4, 4, 3), given(2, 0, 2),
           blank=3, reduction="none"),
    Sample(normal(6, 3, 5), given(1, 1, 2, 4, 3), given(6, 5, 6), given(2, 1, 2), reduction="sum"),
    Sample(normal(4, 3), given(1, 1), given(4), given(2), reduction="none"),
    Sample(normal(3, 3, 4), given([1, 1, 1], [1, 2, 3], [2, 2, -1]), given(3, 3, 3), given(3, 3, 2),
           zero_infinity=True, reduction="none"),
    Sample(normal(1, 1, 1), given([0]), given(1), given(0)),
    Sample(normal(7, 2, 33), given(np.arange(1, 4), np.arange(4, 7)), [7, 6], (3, 2)),
    Sample(normal(40, 25, 20), integers(25, 12, low=1, high=20), integers(25, low=26, high=41),
           integers(25, low=0, high=13)),
]  # fmt: skip
X, LABELS = normal(5, 2, 3), integers(2, 2, low=1, high=3)
ROWS = [
    Row(
        "ctc_loss",
        reference,
        STEPS,
        errors=[
            Bad(IndexError, "target at position 1 is 3", X, given([1, 3], [1, 1]), [5, 5], [2, 2]),
            Bad(IndexError, "input_lengths at position 0 is 6", X, LABELS, [6, 5], [2, 2]),
            Bad(IndexError, "target_lengths at position 1 is 3", X, LABELS, [5, 5], [2, 3]),
            Bad(ValueError, "blank must be from 0 to 2", X, LABELS, [5, 5], [2, 2], blank=3),
            Bad(ValueError, "input_lengths has shape", X, LABELS, [5], [2, 2]),
            Bad(ValueError, "targets has shape", X, integers(3, 2), [5, 5], [2, 2]),
            Bad(ValueError, "sum up to 3", X, given(1, 2), [5, 5], [1, 2]),
            Bad(ValueError, "expected .T, N, C.", normal(4), LABELS, [5, 5], [2, 2]),
            Bad(TypeError, "expected integers", X, normal(2, 2), [5, 5], [2, 2]),
            Bad(TypeError, "input_lengths must be integers", X, LABELS, [5.0, 5.0], [2, 2]),
            Bad(ValueError, "reduction must be", X, LABELS, [5, 5], [2, 2], reduction="max"),
        ],
        call=behind_log_softmax(fastnn),
        torch=in_torch,
    )
]
