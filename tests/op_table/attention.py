"""Rows of fastnn.ops.attention."""

import numpy as np

import fastnn

from .row import Bad, Row, Sample, booleans, integers, normal


def attention(q, k, v, mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    if enable_gqa:
        k, v = (np.repeat(t, q.shape[-3] // t.shape[-3], -3) for t in (k, v))
    scores = q @ k.swapaxes(-1, -2) * (1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if scores.shape[-1] == 0:
        return scores @ v
    top = scores.max(-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total) @ v


def with_dropout(q, k, v, **kwargs):
    fastnn.manual_seed(3)
    return fastnn.scaled_dot_product_attention(q, k, v, dropout_p=0.4, **kwargs)


def qkv(*lead, L=5, S=6, E=3, EV=4):
    return normal(*lead, L, E), normal(*lead, S, E), normal(*lead, S, EV)


SUMS = {"rtol": 1e-4, "rtol64": 1e-10}

ROWS = [
    Row(
        "scaled_dot_product_attention",
        attention,
        [
            Sample(*qkv(2, 2)),
            Sample(*qkv(2), is_causal=True),
            Sample(*qkv(2, 2, L=7, S=4), is_causal=True, scale=0.3),
            Sample(*qkv(1, 2), booleans(5, 6, p=0.7)),
            Sample(*qkv(2, 2), booleans(2, 1, 5, 6, p=0.3)),
            Sample(*qkv(2, 1), normal(1, 6, grad=False)),
            Sample(*qkv(1, 2), normal(2, 5, 1)),
            Sample(*qkv()),
            Sample(*qkv(2, 1, 2), booleans(2, 1, 1, 1, 6)),
            Sample(normal(1, 4, 3, 2), normal(1, 2, 5, 2), normal(1, 2, 5, 2), enable_gqa=True),
            Sample(
                normal(2, 4, 3, 2),
                normal(1, 1, 5, 2),
                normal(1, 1, 5, 2),
                enable_gqa=True,
                is_causal=True,
            ),
            Sample(normal(2, 1, 3, 2), normal(2, 5, 2), normal(1, 1, 5, 1)),
            Sample(*qkv(1, 1, L=1, S=1, E=1, EV=1)),
            Sample(*qkv(0, 2)),
            Sample(*qkv(2, L=0)),
            Sample(*qkv(2, S=0)),
            Sample(*qkv(2, 3, L=64, S=64, E=16, EV=16), is_causal=True),
            Sample(*qkv(2, L=131, S=300, E=17, EV=33), is_causal=True),
            Sample(*qkv(1, 2, L=150, S=290, E=32, EV=16), normal(150, 290, grad=False)),
        ],
        [
            Bad(ValueError, "exclude", *qkv(), booleans(5, 6), is_causal=True),
            Bad(ValueError, "expected", normal(2, 3), normal(2, 4), normal(2, 4)),
            Bad(ValueError, "cannot be broadcast", *qkv(2), booleans(3, 5, 6)),
            Bad(ValueError, "cannot be broadcast", *qkv(2), booleans(5, 7)),
            Bad(
                ValueError,
                "must be a multiple",
                normal(3, 2, 2),
                normal(2, 2, 2),
                normal(2, 2, 2),
                enable_gqa=True,
            ),
            Bad(ValueError, "from 0 to 1", *qkv(), dropout_p=1.5),
            Bad(TypeError, "bool or floating", *qkv(), integers(5, 6)),
            Bad(ValueError, "rows, columns", normal(3), normal(3, 3), normal(3, 3)),
        ],
        **SUMS,
    ),
    Row(
        "scaled_dot_product_attention",
        None,
        [
            Sample(*qkv(2, 2)),
            Sample(*qkv(2, L=70, S=70, E=8, EV=8), is_causal=True),
            Sample(*qkv(2, L=9, S=300, E=8, EV=8)),
        ],
        call=with_dropout,
        torch=None,
        variant="dropout",
        **SUMS,
    ),
]
