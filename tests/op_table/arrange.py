"""Rows of the families arrange, join and border: elements in new memory."""

import numpy as np

from .row import Bad, Row, Sample, drawn, integers, normal


def pad_reference(x, pad, mode="constant", value=None):
    widths = [(0, 0)] * x.ndim
    for i in range(0, len(pad), 2):
        widths[x.ndim - 1 - i // 2] = (pad[i], pad[i + 1])
    mode = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
    if mode == "constant":
        kept = tuple(
            slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, x.shape, strict=True)
        )
        widths = [(max(a, 0), max(b, 0)) for a, b in widths]
        return np.pad(x[kept], widths, constant_values=value or 0)
    return np.pad(x, widths, mode)


ROWS = [
    Row(
        "clone",
        np.copy,
        [Sample(normal(3, 4)), Sample(normal()), Sample(integers(5)), Sample(normal(300, 301))],
    ),
    Row(
        "cat",
        lambda xs, dim=0: np.concatenate(xs, dim),
        [
            Sample([normal(3, 4), normal(2, 4)]),
            Sample([normal(3, 4), normal(3, 1), normal(3, 2)], -1),
            Sample([normal(2), normal(0), normal(3)]),
            Sample([normal(200, 300), normal(200, 300)], 1),
            Sample([integers(3), integers(2)]),
        ],
        errors=[
            Bad(ValueError, "cat: tensors: expected at least one", []),
            Bad(ValueError, "cat: tensor 1 has shape", [normal(3, 4), normal(3, 5)]),
            Bad(IndexError, "cat: dim must be from -2 to 1", [normal(3, 4)], 2),
            Bad(ValueError, "0-d tensor", [normal(), normal()]),
        ],
    ),
    Row(
        "stack",
        lambda xs, dim=0: np.stack(xs, dim),
        [
            Sample([normal(3, 4), normal(3, 4)]),
            Sample([normal(3, 4), normal(3, 4), normal(3, 4)], -1),
            Sample([normal(), normal()]),
        ],
        errors=[
            Bad(ValueError, "stack: tensor 1 has shape", [normal(3), normal(4)]),
            Bad(IndexError, "stack: dim must be from -2 to 1", [normal(3)], 2),
        ],
    ),
    Row(
        "tile",
        np.tile,
        [
            Sample(normal(2, 3), (2, 2)),
            Sample(normal(2, 3), (2,)),
            Sample(normal(3), (2, 1, 2)),
            Sample(normal(), (3,)),
            Sample(normal(2), (0,)),
            Sample(normal(2, 1, 1, 1, 1, 1, 1, 2), (2, 1, 1, 1, 1, 1, 1, 3)),
        ],
        errors=[Bad(ValueError, "tile: dims must not be negative, got -1", normal(3), (-1,))],
    ),
    Row(
        "repeat_interleave",
        np.repeat,
        [
            Sample(normal(2, 3), 2),
            Sample(normal(2, 3), 2, 1),
            Sample(normal(3, 2), drawn(lambda rng: np.array([2, 0, 3])), 0),
            Sample(normal(2), 0, 0),
            Sample(normal(1, 1, 1, 1, 1, 1, 2, 2), 3, 7),
        ],
        errors=[
            Bad(ValueError, "repeats must not be negative", normal(3), -1),
            Bad(ValueError, "repeats must be 3 integers", normal(3), integers(2), 0),
        ],
    ),
    Row(
        "flip",
        np.flip,
        [
            Sample(normal(3, 4), (0,)),
            Sample(normal(2, 3, 4), (0, -1)),
            Sample(normal(0, 3), (0,)),
            Sample(normal(300, 301), (1,)),
        ],
        errors=[Bad(IndexError, "flip: dim must be from -2 to 1", normal(2, 3), (2,))],
    ),
    Row(
        "roll",
        np.roll,
        [
            Sample(normal(3, 4), 1),
            Sample(normal(3, 4), -5, 1),
            Sample(normal(3, 4), (1, 2), (0, 1)),
            Sample(normal(4), 4, 0),
            Sample(normal(0, 2), 1, 0),
        ],
        errors=[Bad(ValueError, "roll: 2 shifts and 1 dims", normal(3), (1, 2), (0,))],
    ),
    Row(
        "pad",
        pad_reference,
        [
            Sample(normal(3, 4), (1, 2)),
            Sample(normal(3, 4), (0, 1, 2, 0), "constant", 1.5),
            Sample(normal(3, 4), (-1, 2, 1, -2)),
            Sample(normal(2, 3, 4), (2, 1), "reflect"),
            Sample(normal(2, 3, 4), (2, 1), "replicate"),
            Sample(normal(2, 3, 4), (4, 1), "circular"),
            Sample(normal(2, 3, 4, 5), (2, 1, 0, 3), "reflect"),
            Sample(normal(3), (0, 0)),
            Sample(normal(0, 2), (1, 1, 1, 1)),
            Sample(normal(200, 400), (1, 2, 3, 4)),
        ],
        errors=[
            Bad(ValueError, "for at most 1 dimensions, got 4", normal(3), (1, 1, 1, 1)),
            Bad(ValueError, "got 1 numbers", normal(3), (1,)),
            Bad(ValueError, "mode must be 'constant'", normal(3), (1, 1), "mirror"),
            Bad(ValueError, "can add 0 to 2", normal(3), (3, 0), "reflect"),
            Bad(ValueError, "can add 0 to 3", normal(3), (4, 0), "circular"),
            Bad(ValueError, "take away more than dimension 0 has, 3", normal(3), (-2, -2)),
        ],
    ),
    *[
        Row(
            name,
            reference,
            [
                Sample(normal(3, 4)),
                Sample(normal(2, 4, 3), 1),
                Sample(normal(3, 3), -2),
                Sample(normal(2, 2), 5),
                Sample(normal(0, 3)),
                Sample(integers(4, 4)),
                Sample(normal(300, 301)),
            ],
            errors=[Bad(ValueError, f"{name}: expected at least 2 dimensions, got 1", normal(3))],
        )
        for name, reference in (("tril", np.tril), ("triu", np.triu))
    ],
    Row(
        "diag",
        np.diag,
        [
            Sample(normal(3)),
            Sample(normal(3), -2),
            Sample(normal(3, 4), 1),
            Sample(normal(2, 2), 4),
        ],
        errors=[Bad(ValueError, "diag: expected 1 or 2 dimensions, got 3", normal(2, 2, 2))],
    ),
    Row(
        "diag_embed",
        lambda x, k=0: np.apply_along_axis(np.diag, -1, x, k),
        [Sample(normal(2, 3)), Sample(normal(3), -1), Sample(normal(2, 2, 2), 2)],
        errors=[Bad(ValueError, "expected at least one dimension", normal())],
    ),
]
