"""Small networks drawn at random: layers, losses, optimizers, clipping, dtype, batches."""

import numpy as np

import fastnn
from fastnn import nn, optim

ACTIVATIONS = ["ReLU", "Tanh", "Sigmoid", "GELU", "SiLU", "ELU", "LeakyReLU", "Softplus", "Mish"]
ACTIVATIONS += ["PReLU", "SELU", "CELU", "ReLU6", "Softsign", "Hardswish", "LogSigmoid", "RReLU"]
OPTIMIZERS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "l1_decay": 0.01}),
    ("RMSprop", {"lr": 0.005, "momentum": 0.5, "centered": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "amsgrad": True}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
    ("Lion", {"lr": 0.001}),
    *[(name, {"lr": 0.01}) for name in ("Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam")],
    *[(name, {"lr": 0.01}) for name in ("Rprop", "ASGD")],
]
# name, what the targets are, what the network ends with
LOSSES = [
    *[(name, "labels", None) for name in ("CrossEntropyLoss", "MultiMarginLoss", "FocalLoss")],
    ("WestonWatkinsLoss", "labels", None),
    ("NLLLoss", "labels", "LogSoftmax"),
    ("KLDivLoss", "odds", "LogSoftmax"),
    ("BCELoss", "odds", "Sigmoid"),
    ("BCEWithLogitsLoss", "odds", None),
    *[(name, "bits", None) for name in ("MultiLabelSoftMarginLoss", "PoissonNLLLoss")],
    *[(name, "signs", None) for name in ("SoftMarginLoss", "HingeEmbeddingLoss")],
    *[(name, "values", None) for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")],
    *[(name, "values", None) for name in ("QuantileLoss", "WingLoss", "AsymmetricHuberLoss")],
]


class Cube(fastnn.autograd.Function):
    """An operation of a user."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return 3 * x * x * dy


class Custom(nn.Module):
    """A module of a user: a residual connection, a gate, an operation with its own gradient."""

    def __init__(self, width):
        super().__init__()
        self.norm, self.layer = nn.RMSNorm(width), nn.Linear(width, width)
        self.gate = nn.Parameter(fastnn.zeros(width))

    def forward(self, x):
        h = Cube.apply(self.layer(self.norm(x)).tanh())
        gate = self.gate.sigmoid()
        return gate * x + (1 - gate) * fastnn.where(h > 0, h, 0.1 * h)


class Mean(nn.Module):
    """The mean, or the last, over time: (N, T, D) to (N, D)."""

    def __init__(self, last):
        super().__init__()
        self.last = last

    def forward(self, x):
        x = x[0] if isinstance(x, tuple) else x
        return x[:, -1] if self.last else x.mean(1)


def dense(rng, drawn):
    """(function that makes the layers, width of their output, shape of a row of x)."""
    num_in = int(rng.integers(1, 9))
    widths = [int(n) for n in rng.integers(1, 20, rng.integers(0, 4))]
    norms = rng.choice(["", "BatchNorm1d", "LayerNorm"], len(widths))
    custom = rng.random() < 0.3

    def make():
        layers, n = [], num_in
        for width, norm, (activation, p) in zip(widths, norms, drawn, strict=False):
            layers.append(nn.Linear(n, width, bias=p < 0.8))
            layers += [getattr(nn, norm)(width)] if norm else []
            layers.append(getattr(nn, activation)())
            layers += [nn.Dropout(p)] if p < 0.5 else []
            layers += [Custom(width)] if custom else []
            n = width
        return layers

    return make, widths[-1] if widths else num_in, (num_in,)


def image(rng, drawn):
    channels, size = int(rng.integers(1, 4)), int(rng.integers(5, 9))
    widths = [2 * int(n) for n in rng.integers(1, 4, rng.integers(1, 3))]
    norms = rng.choice(["", "BatchNorm2d", "GroupNorm", "InstanceNorm2d"], len(widths))
    stride, whole = int(rng.integers(1, 3)), rng.choice(["AdaptiveAvgPool2d", "AdaptiveMaxPool2d"])
    pool = rng.choice(["", "MaxPool2d", "AvgPool2d"])

    def make():
        layers, n = [], channels
        for width, norm, (activation, p) in zip(widths, norms, drawn, strict=False):
            layers.append(nn.Conv2d(n, width, 3, stride, 1, bias=p < 0.8))
            layers += (
                [nn.GroupNorm(2, width) if norm == "GroupNorm" else getattr(nn, norm)(width)]
                if norm
                else []
            )
            layers.append(getattr(nn, activation)())
            layers += [nn.Dropout2d(p)] if p < 0.3 else []
            n = width
        layers += [getattr(nn, pool)(2, 1)] if pool else []
        return [*layers, getattr(nn, whole)(1), nn.Flatten()]

    return make, widths[-1], (channels, size, size)


def sequence(rng, drawn):
    time, width = int(rng.integers(2, 7)), 2 * int(rng.integers(1, 5))
    kind = rng.choice(["RNN", "LSTM", "GRU", "TransformerEncoderLayer"])
    num_layers, two_ways = int(rng.integers(1, 3)), bool(rng.random() < 0.3)
    words, last, p = rng.random() < 0.5, bool(rng.random() < 0.5), float(rng.choice([0, 0.2]))

    def make():
        layers = [nn.Embedding(7, width)] if words else [nn.Linear(3, width)]
        if kind == "TransformerEncoderLayer":
            layers.append(nn.LearnedPositionalEncoding(width, time, batch_first=True))
            layers += [
                nn.TransformerEncoderLayer(width, 2, 8, p, batch_first=True)
                for _ in range(num_layers)
            ]
        else:
            layers.append(
                getattr(nn, kind)(
                    width, width, num_layers, batch_first=True, bidirectional=two_ways
                )
            )
        return [*layers, Mean(last)]

    wide = two_ways and kind != "TransformerEncoderLayer"
    return make, 2 * width if wide else width, (time, "words") if words else (time, 3)


def random_network(seed):
    """A function that makes the network of this number, and its batches."""
    rng = np.random.default_rng(seed)
    dtype = np.float64 if rng.random() < 0.2 else np.float32
    drawn = [(rng.choice(ACTIVATIONS), rng.random()) for _ in range(4)]
    body = (dense, dense, image, sequence)[seed % 4]
    make_body, width, shape = body(rng, drawn)
    num_out, size = int(rng.integers(2, 6)), int(rng.integers(2, 20))
    loss, targets, end = LOSSES[rng.integers(len(LOSSES))]
    optimizer, options = OPTIMIZERS[rng.integers(len(OPTIMIZERS))]
    clip = float(rng.choice([0, 0, 0.5]))
    loss_options = (0.3,) if loss == "QuantileLoss" else ()

    def make():
        layers = [*make_body(), nn.Linear(width, num_out)]
        layers += [getattr(nn, end)(*([1] if end == "LogSoftmax" else []))] if end else []
        model = nn.Sequential(*layers)
        if dtype == np.float64:
            model.double()
        made = getattr(optim, optimizer)(model.parameters(), **options)
        return model, getattr(nn, loss)(*loss_options), made, clip

    def batch():
        words = shape[-1] == "words"
        x = rng.integers(0, 7, (size, shape[0])) if words else rng.standard_normal((size, *shape))
        y = {
            "labels": lambda: rng.integers(0, num_out, size),
            "odds": lambda: rng.uniform(0.05, 0.95, (size, num_out)),
            "bits": lambda: 1.0 * (rng.random((size, num_out)) < 0.5),
            "signs": lambda: rng.choice([-1.0, 1.0], (size, num_out)),
            "values": lambda: rng.standard_normal((size, num_out)),
        }[targets]()
        return [fastnn.tensor(a if a.dtype.kind == "i" else a.astype(dtype)) for a in (x, y)]

    return make, [batch() for _ in range(20)]
