"""Rows of fastnn.ops.ranking."""

import numpy as np

from .loss import folded
from .row import Bad, Row, Sample, drawn, normal


def signs(*shape):
    return drawn(lambda rng: rng.choice([-1, 1], shape))


def functional(name):
    """torch wants targets of the input's dtype."""

    def call(*args, **kwargs):
        import torch

        x = args[0]
        args = [
            a if a.is_floating_point() else a.to(x.dtype) for a in args if torch.is_tensor(a)
        ] + [a for a in args if not torch.is_tensor(a)]
        return getattr(torch.nn.functional, name)(*args, **kwargs)

    return call


def fixed(*values):
    return drawn(lambda rng: np.array(values), grad=False)


def hinge(x, t, margin=1.0, reduction="mean"):
    return folded(np.where(t == 1, x, np.maximum(0, margin - x)), reduction)


def soft_margin(x, t, reduction="mean"):
    return folded(np.logaddexp(0, -t * x), reduction)


def ranking(x, y, t, margin=0.0, reduction="mean"):
    return folded(np.maximum(0, margin - t * (x - y)), reduction)


def cosine(x, y, t, margin=0.0, reduction="mean"):
    cos = (x * y).sum(-1) / np.sqrt(((x * x).sum(-1) + 1e-12) * ((y * y).sum(-1) + 1e-12))
    return folded(np.where(t == 1, 1 - cos, np.maximum(0, cos - margin)), reduction)


def triplet(a, b, c, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
    def distance(x, y):
        return (abs(x - y + eps) ** p).sum(-1) ** (1 / p)

    far = np.minimum(distance(a, c), distance(b, c)) if swap else distance(a, c)
    return folded(np.maximum(0, distance(a, b) - far + margin), reduction)


def city(x, y):
    return abs(x - y).sum(1)


def triplet_with(a, p, n, distance_function=None, margin=1.0, swap=False, reduction="mean"):
    order, eps = (2.0, 1e-6) if distance_function is None else (1.0, 0.0)
    return triplet(a, p, n, margin, order, eps, swap, reduction)


SHAPES = [
    Bad(ValueError, "does not broadcast", normal(3, 1), fixed(1, -1, 1)),
    Bad(ValueError, "position 1 is 0, expected 1 or -1", normal(3), fixed(1.0, 0.0, -1.0)),
    Bad(ValueError, "reduction must be", normal(3), signs(3), reduction="avg"),
]
TRIPLE = [normal(5, 3), normal(5, 3), normal(5, 3)]

ROWS = [
    Row(
        "hinge_embedding_loss",
        hinge,
        [
            Sample(normal(7), signs(7)),
            Sample(normal(5, 3), signs(5, 3), 0.4, reduction="none"),
            Sample(normal(20, 5001), signs(20, 5001), reduction="sum"),
        ],
        SHAPES,
        torch=functional("hinge_embedding_loss"),
    ),
    Row(
        "soft_margin_loss",
        soft_margin,
        [
            Sample(normal(), signs()),
            Sample(normal(5, 3), signs(5, 3), reduction="none"),
            Sample(normal(20, 5001), signs(20, 5001), reduction="sum"),
        ],
        SHAPES,
        torch=functional("soft_margin_loss"),
    ),
    Row(
        "margin_ranking_loss",
        ranking,
        [
            Sample(normal(7), normal(7), signs(7)),
            Sample(normal(7), normal(7), signs(7), 0.5, reduction="none"),
            Sample(normal(1001), normal(1001), signs(1001), reduction="sum"),
        ],
        [
            Bad(ValueError, "input2 has shape", normal(3), normal(3, 1), signs(3)),
            Bad(ValueError, "target has shape", normal(3), normal(3), signs(3, 1)),
            Bad(ValueError, "position 0 is 2", normal(3), normal(3), fixed(2.0, 1.0, 1.0)),
        ],
        torch=functional("margin_ranking_loss"),
    ),
    Row(
        "cosine_embedding_loss",
        cosine,
        [
            Sample(normal(7, 4), normal(7, 4), signs(7)),
            Sample(normal(7, 4), normal(7, 4), signs(7), 0.3, reduction="none"),
            Sample(normal(5), normal(5), signs()),
            Sample(normal(300, 65), normal(300, 65), signs(300), reduction="sum"),
        ],
        [
            Bad(ValueError, "does not broadcast", normal(3, 2), normal(3), signs(3)),
            Bad(
                ValueError,
                r"target has shape \(2,\), expected \(3,\)",
                *[normal(3, 2)] * 2,
                signs(2),
            ),
            Bad(ValueError, "position 2 is 0", *[normal(3, 2)] * 2, fixed(1, -1, 0)),
        ],
        torch=functional("cosine_embedding_loss"),
    ),
    Row(
        "triplet_margin_loss",
        triplet,
        [
            Sample(*TRIPLE),
            Sample(*TRIPLE, margin=0.5, p=3.0, swap=True, reduction="none"),
            Sample(normal(4), normal(4), normal(4), eps=0.1, reduction="sum"),
            Sample(normal(200, 65), normal(200, 65), normal(200, 65), reduction="sum"),
        ],
        [
            Bad(ValueError, r"positive has shape \(3,\)", normal(3, 2), normal(3), normal(3, 2)),
            Bad(ValueError, r"negative has shape \(3,\)", normal(3, 2), normal(3, 2), normal(3)),
            Bad(ValueError, "margin must be positive", *TRIPLE, margin=0.0),
            Bad(ValueError, "0-d", normal(), normal(), normal()),
        ],
        rtol=2e-5,
    ),
    Row(
        "triplet_margin_with_distance_loss",
        triplet_with,
        [
            Sample(*TRIPLE),
            Sample(*TRIPLE, distance_function=city, margin=2.0, swap=True, reduction="none"),
        ],
        [Bad(ValueError, "margin must be positive", *TRIPLE, margin=-1.0)],
        rtol=2e-5,
    ),
]
