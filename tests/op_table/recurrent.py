"""Rows of fastnn.ops.recurrent."""

import numpy as np

from .row import Bad, Row, Sample, drawn, normal


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unrolled(cell, x, states, batch_first, reverse, batch_sizes):
    """cell(x_t, *states) -> states, over all times; outputs, then the states after."""
    if batch_sizes is None:
        steps = list(x.swapaxes(0, 1) if batch_first else x)
    else:
        steps = np.split(x, np.cumsum(batch_sizes)[:-1])
    outputs = [None] * len(steps)
    for t in reversed(range(len(steps))) if reverse else range(len(steps)):
        n = len(steps[t])
        new = cell(steps[t], *(s[:n] for s in states))
        states = [np.concatenate([a, s[n:]]) for a, s in zip(new, states)]
        outputs[t] = new[0]
    if batch_sizes is not None:
        return np.concatenate(outputs), *states
    return np.stack(outputs, 1 if batch_first else 0), *states


def start(x, h, size, batch_first, batch_sizes):
    count = x.shape[0 if batch_first else 1] if batch_sizes is None else batch_sizes[0]
    return np.zeros((count, size)) if h is None else h


def rnn(
    x, h, w, u, b=0, c=0, nonlinearity="tanh", batch_first=False, reverse=False, batch_sizes=None
):
    b, c = 0 if b is None else b, 0 if c is None else c

    def cell(x, h):
        z = x @ w.T + b + h @ u.T + c
        return [np.tanh(z) if nonlinearity == "tanh" else np.maximum(z, 0)]

    h = start(x, h, u.shape[1], batch_first, batch_sizes)
    return unrolled(cell, x, [h], batch_first, reverse, batch_sizes)


def lstm(x, h, c, w, u, b=0, d=0, r=None, batch_first=False, reverse=False, batch_sizes=None):
    b, d = 0 if b is None else b, 0 if d is None else d

    def cell(x, h, c):
        i, f, g, o = np.split(x @ w.T + b + h @ u.T + d, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return [h if r is None else h @ r.T, c]

    h = start(x, h, u.shape[1], batch_first, batch_sizes)
    c = start(x, c, len(u) // 4, batch_first, batch_sizes)
    return unrolled(cell, x, [h, c], batch_first, reverse, batch_sizes)


def gru(x, h, w, u, b=0, d=0, batch_first=False, reverse=False, batch_sizes=None):
    b, d = 0 if b is None else b, 0 if d is None else d

    def cell(x, h):
        (ar, az, an), (br, bz, bn) = np.split(x @ w.T + b, 3, 1), np.split(h @ u.T + d, 3, 1)
        z, n = sigmoid(az + bz), np.tanh(an + sigmoid(ar + br) * bn)
        return [(1 - z) * n + z * h]

    h = start(x, h, u.shape[1], batch_first, batch_sizes)
    return unrolled(cell, x, [h], batch_first, reverse, batch_sizes)


def by_torch(name, states):
    """torch's function of whole stacks of layers, asked for one layer and one direction."""

    def run(x, *args, nonlinearity="tanh", batch_first=False, reverse=False, batch_sizes=None):
        import torch

        given = list(args[:states])
        weights = [w for w in args[states:] if w is not None]
        size = weights[1].shape[1], weights[1].shape[0] // 4
        count = x.shape[0 if batch_first else 1] if batch_sizes is None else int(batch_sizes[0])
        hidden = [
            (torch.zeros(count, n, dtype=x.dtype) if s is None else s).unsqueeze(0)
            for s, n in zip(given, size)
        ]
        if reverse:
            if batch_sizes is not None:
                return packed_backwards(x, hidden, weights, batch_sizes)
            x = x.flip(1 if batch_first else 0)
        function = getattr(torch, f"rnn_{nonlinearity}" if name == "rnn" else name)
        hx = hidden if name == "lstm" else hidden[0]
        biased = len(weights) >= 4
        if batch_sizes is not None:
            y, *after = function(
                x, torch.as_tensor(batch_sizes), hx, weights, biased, 1, 0.0, False, False
            )
        else:
            y, *after = function(x, hx, weights, biased, 1, 0.0, False, False, batch_first)
        if reverse:
            y = y.flip(1 if batch_first else 0)
        return [y, *(s.squeeze(0) for s in after)]

    def packed_backwards(x, hidden, weights, batch_sizes):
        """The second direction of a bidirectional layer."""
        import torch

        twice = [torch.cat([s, s]) for s in hidden]
        function = torch.lstm if name == "lstm" else torch.gru
        hx = twice if name == "lstm" else twice[0]
        frozen = [w.detach() for w in weights]
        y, *after = function(
            x, torch.as_tensor(batch_sizes), hx, frozen + weights, True, 1, 0.0, False, True
        )
        size = y.shape[1] // 2
        return [y[:, size:], *(s[1] for s in after)]

    return run


def sizes(*counts):
    return np.array(counts)


class Counts:
    """batch_sizes, as a tensor that wants no gradient."""

    def __new__(cls, *counts):
        return drawn(lambda rng: np.array(counts, np.int64), grad=False)


SUMS = {"rtol": 1e-4, "rtol64": 1e-10}

ROWS = [
    Row(
        "rnn_layer",
        rnn,
        [
            Sample(normal(3, 2, 4), None, normal(5, 4), normal(5, 5)),
            Sample(
                normal(2, 3, 4),
                normal(2, 5),
                normal(5, 4),
                normal(5, 5),
                normal(5),
                normal(5),
                batch_first=True,
                reverse=True,
            ),
            Sample(
                normal(4, 2, 3),
                normal(2, 3),
                normal(3, 3),
                normal(3, 3),
                normal(3),
                normal(3),
                nonlinearity="relu",
            ),
            Sample(
                normal(6, 3), normal(3, 2), normal(2, 3), normal(2, 2), batch_sizes=Counts(3, 2, 1)
            ),
            Sample(normal(1, 0, 3), normal(0, 2), normal(2, 3), normal(2, 2)),
            Sample(normal(1, 1, 1), normal(1, 1), normal(1, 1), normal(1, 1), normal(1), normal(1)),
        ],
        [
            Bad(ValueError, "at least one step", normal(0, 2, 3), None, normal(2, 3), normal(2, 2)),
            Bad(
                ValueError,
                "'tanh' or 'relu'",
                normal(1, 2, 3),
                None,
                normal(2, 3),
                normal(2, 2),
                nonlinearity="gelu",
            ),
            Bad(
                ValueError,
                "hx must have",
                normal(1, 2, 3),
                normal(3, 2),
                normal(2, 3),
                normal(2, 2),
            ),
            Bad(
                ValueError,
                "batch_sizes must fall",
                normal(3, 3),
                None,
                normal(2, 3),
                normal(2, 2),
                batch_sizes=Counts(1, 2),
            ),
        ],
        torch=by_torch("rnn", 1),
        **SUMS,
    ),
    Row(
        "lstm_layer",
        lstm,
        [
            Sample(normal(3, 2, 4), None, None, normal(12, 4), normal(12, 3)),
            Sample(
                normal(2, 3, 4),
                normal(2, 3),
                normal(2, 3),
                normal(12, 4),
                normal(12, 3),
                normal(12),
                normal(12),
                batch_first=True,
                reverse=True,
            ),
            Sample(
                normal(3, 2, 3),
                normal(2, 2),
                normal(2, 4),
                normal(16, 3),
                normal(16, 2),
                normal(16),
                normal(16),
                normal(2, 4),
            ),
            Sample(
                normal(6, 3),
                normal(3, 2),
                normal(3, 2),
                normal(8, 3),
                normal(8, 2),
                normal(8),
                normal(8),
                batch_sizes=Counts(3, 2, 1),
                reverse=True,
            ),
            Sample(
                normal(6, 3),
                normal(3, 2),
                normal(3, 2),
                normal(8, 3),
                normal(8, 2),
                normal(8),
                normal(8),
                batch_sizes=Counts(3, 3),
            ),
            Sample(normal(2, 0, 3), None, None, normal(8, 3), normal(8, 2)),
            Sample(normal(1, 1, 1), None, None, normal(4, 1), normal(4, 1), normal(4), normal(4)),
            Sample(
                normal(5, 67, 33),
                normal(67, 17, std=0.1),
                normal(67, 35),
                normal(140, 33, std=0.2),
                normal(140, 17, std=0.2),
                normal(140),
                normal(140),
                normal(17, 35, std=0.2),
            ),
            Sample(
                normal(20, 35, 40),
                normal(35, 70),
                normal(35, 70),
                normal(280, 40, std=0.1),
                normal(280, 70, std=0.1),
                normal(280),
                normal(280),
            ),
        ],
        [
            Bad(
                ValueError,
                "input has 3 features, w_ih expects 4",
                normal(2, 2, 3),
                None,
                None,
                normal(8, 4),
                normal(8, 2),
            ),
            Bad(
                ValueError,
                r"w_ih must have shape \(4 \* hidden",
                normal(2, 2, 3),
                None,
                None,
                normal(7, 3),
                normal(8, 2),
            ),
            Bad(
                ValueError,
                r"w_hh must have shape \(8, 2\)",
                normal(2, 2, 3),
                None,
                None,
                normal(8, 3),
                normal(8, 3),
            ),
            Bad(
                ValueError,
                r"\(time, batch, input\)",
                normal(2, 3),
                None,
                None,
                normal(8, 3),
                normal(8, 2),
            ),
        ],
        torch=by_torch("lstm", 2),
        **SUMS,
    ),
    Row(
        "gru_layer",
        gru,
        [
            Sample(normal(3, 2, 4), None, normal(9, 4), normal(9, 3)),
            Sample(
                normal(2, 3, 4),
                normal(2, 3),
                normal(9, 4),
                normal(9, 3),
                normal(9),
                normal(9),
                batch_first=True,
                reverse=True,
            ),
            Sample(
                normal(6, 3),
                normal(3, 2),
                normal(6, 3),
                normal(6, 2),
                normal(6),
                normal(6),
                batch_sizes=Counts(3, 2, 1),
                reverse=True,
            ),
            Sample(normal(2, 0, 3), None, normal(6, 3), normal(6, 2)),
            Sample(normal(1, 1, 1), None, normal(3, 1), normal(3, 1), normal(3), normal(3)),
            Sample(
                normal(20, 35, 40),
                normal(35, 70),
                normal(210, 40, std=0.1),
                normal(210, 70, std=0.1),
                normal(210),
                normal(210),
            ),
        ],
        [
            Bad(
                ValueError,
                "b_hh must have shape",
                normal(2, 2, 3),
                None,
                normal(6, 3),
                normal(6, 2),
                None,
                normal(5),
            )
        ],
        torch=by_torch("gru", 1),
        **SUMS,
    ),
]
