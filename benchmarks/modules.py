"""Every layer and loss, forward and backward, at a size that people train: fastnn against PyTorch.

The code is the same for both. What PyTorch has not is compared with what its users write instead
(`WRITTEN`).
"""

import math
from dataclasses import dataclass, field

import numpy as np

VECTORS = ((256, 512),)
TOKENS = ((32, 64, 128),)
LINES = ((32, 32, 128),)
IMAGES = ((32, 32, 28, 28),)
FIELDS = ((16, 16, 32, 32),)  # where an output is a multiple of its input
VOLUMES = ((4, 16, 8, 16, 16),)
LABELS, WORDS, BAGS = ("int", 10, 256), ("int", 5000, 32, 64), ("int", 5000, 2048)
LOGITS, PAIRS = (256, 10), ((256, 64), (256, 64))
SIGNS, BITS, ODDS = ("signs", 256), ("bits", 256, 10), ("odds", 256, 10)


def _shape(spec):
    if spec[0] == "values":
        return (len(spec[1]),)
    return spec[1 + (spec[0] in ("int", "labels")) :] if isinstance(spec[0], str) else spec


@dataclass(frozen=True)
class Module:
    """One line of the table: a constructor's name and arguments, and the inputs of a call.

    An input is a shape (normal numbers), or ("int", high, *shape), ("signs", ...), ("bits", ...),
    ("odds", ...) for probabilities, ("values", [...]).
    """

    kind: str
    args: tuple
    inputs: tuple
    options: dict = field(default_factory=dict)

    @property
    def name(self):
        given = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.options.items()]
        shapes = " and ".join(" x ".join(map(str, _shape(spec))) for spec in self.inputs)
        return f"{self.kind}({', '.join(given)}) of {shapes}"

    @property
    def random(self):
        return "ropout" in self.kind or self.kind == "RReLU"


def _row(kind, *args, on, **options):
    return Module(kind, args, on, options)


ACTIVATIONS = [
    *(
        _row(kind, on=VECTORS)
        for kind in [
            "ReLU",
            "ReLU6",
            "LeakyReLU",
            "PReLU",
            "RReLU",
            "ELU",
            "SELU",
            "CELU",
            "GELU",
            "SiLU",
            "Swish",
            "Mish",
            "Sigmoid",
            "Tanh",
            "LogSigmoid",
            "Softplus",
            "Softsign",
            "Hardtanh",
            "Hardswish",
            "Hardsigmoid",
            "Hardshrink",
            "Softshrink",
            "Tanhshrink",
            "GLU",
        ]
    ),
    _row("GELU", approximate="tanh", on=VECTORS),
    _row("GELU", approximate="sigmoid", on=VECTORS),
    _row("PReLU", 32, on=IMAGES),
    _row("Threshold", 0.1, 0.0, on=VECTORS),
    *(_row(kind, 1, on=VECTORS) for kind in ("Softmax", "LogSoftmax", "Softmin")),
    _row("Softmax2d", on=IMAGES),
]
LINEAR = [
    _row("Linear", 512, 256, on=VECTORS),
    _row("Bilinear", 64, 64, 32, on=PAIRS),
    _row("Embedding", 5000, 128, on=(WORDS,)),
    _row("Embedding", 5000, 128, padding_idx=0, on=(WORDS,)),
    *(_row("EmbeddingBag", 5000, 128, mode=m, on=(WORDS,)) for m in ("mean", "sum", "max")),
    *(
        _row("EmbeddingBag", 5000, 128, mode=m, on=(BAGS, ("values", range(0, 2048, 16))))
        for m in ("mean", "sum", "max")
    ),
    _row("EmbeddingBag", 5000, 128, padding_idx=0, on=(WORDS,)),
    _row("CosineSimilarity", on=PAIRS),
    _row("PairwiseDistance", on=PAIRS),
]
NORMS = [
    _row("BatchNorm1d", 512, on=VECTORS),
    _row("BatchNorm2d", 32, on=IMAGES),
    _row("BatchNorm3d", 16, on=VOLUMES),
    _row("InstanceNorm1d", 32, on=LINES),
    _row("InstanceNorm2d", 32, affine=True, on=IMAGES),
    _row("LayerNorm", 128, on=TOKENS),
    _row("RMSNorm", 128, on=TOKENS),
    _row("GroupNorm", 8, 32, on=IMAGES),
    _row("LocalResponseNorm", 5, on=IMAGES),
]
DROPOUT = [
    _row("Dropout", 0.5, on=VECTORS),
    _row("AlphaDropout", 0.5, on=VECTORS),
    _row("FeatureAlphaDropout", 0.5, on=IMAGES),
    _row("Dropout1d", 0.5, on=LINES),
    _row("Dropout2d", 0.5, on=IMAGES),
    _row("Dropout3d", 0.5, on=VOLUMES),
]
CONVOLUTIONS = [
    _row("Conv1d", 32, 64, 5, on=LINES),
    _row("Conv2d", 32, 32, 3, padding=1, on=IMAGES),
    _row("Conv2d", 32, 64, 3, stride=2, padding=1, on=IMAGES),
    _row("Conv2d", 32, 32, 3, padding=1, groups=32, on=IMAGES),
    _row("Conv2d", 32, 32, 3, padding=2, dilation=2, on=IMAGES),
    _row("Conv2d", 16, 16, 3, padding=1, padding_mode="reflect", on=FIELDS),
    _row("ConvTranspose1d", 32, 16, 4, stride=2, padding=1, on=LINES),
    _row("ConvTranspose2d", 32, 16, 4, stride=2, padding=1, on=IMAGES),
    _row("Unfold", 3, on=FIELDS),
    _row("Fold", (32, 32), 3, padding=1, on=((16, 72, 1024),)),
]
POOLING = [
    _row("MaxPool1d", 2, on=LINES),
    _row("MaxPool2d", 2, on=IMAGES),
    _row("MaxPool2d", 3, stride=2, padding=1, on=IMAGES),
    _row("AvgPool1d", 2, on=LINES),
    _row("AvgPool2d", 2, on=IMAGES),
    _row("LPPool1d", 2, 2, on=LINES),
    _row("LPPool2d", 2, 2, on=IMAGES),
    _row("AdaptiveAvgPool1d", 1, on=LINES),
    _row("AdaptiveAvgPool2d", 1, on=IMAGES),
    _row("AdaptiveAvgPool2d", 7, on=IMAGES),
    _row("AdaptiveMaxPool1d", 4, on=LINES),
    _row("AdaptiveMaxPool2d", 7, on=IMAGES),
    _row("Upsample", scale_factor=2, on=FIELDS),
    _row("Upsample", scale_factor=2, mode="bilinear", on=FIELDS),
    _row("Upsample", scale_factor=2, mode="bicubic", on=FIELDS),
    _row("Upsample", scale_factor=2, mode="linear", on=LINES),
    _row("PixelShuffle", 2, on=IMAGES),
    _row("PixelUnshuffle", 2, on=IMAGES),
    _row("ChannelShuffle", 4, on=IMAGES),
]
PADDING = [
    *(_row(f"{kind}Pad1d", 2, on=LINES) for kind in ("Zero", "Reflection", "Replication", "Circular")),
    *(_row(f"{kind}Pad2d", 2, on=FIELDS) for kind in ("Zero", "Reflection", "Replication", "Circular")),
    *(_row(f"{kind}Pad3d", 1, on=VOLUMES) for kind in ("Zero", "Reflection", "Replication", "Circular")),
    *(_row(f"ConstantPad{d}d", 1, 0.5, on=on) for d, on in ((1, LINES), (2, FIELDS), (3, VOLUMES))),
]  # fmt: skip
SEQUENCES = [
    *(_row(kind, 64, 64, on=((32, 32, 64),)) for kind in ("RNN", "LSTM", "GRU")),
    _row("LSTM", 64, 64, 2, bidirectional=True, batch_first=True, on=((32, 32, 64),)),
    *(_row(f"{kind}Cell", 64, 64, on=((32, 64),)) for kind in ("RNN", "LSTM", "GRU")),
    _row("MultiheadAttention", 128, 4, batch_first=True, on=TOKENS * 3),
    _row("TransformerEncoderLayer", 128, 4, 512, 0.0, batch_first=True, on=TOKENS),
    _row("TransformerDecoderLayer", 128, 4, 512, 0.0, batch_first=True, on=TOKENS * 2),
    _row("grid_sample", on=(FIELDS[0], (16, 32, 32, 2))),
]
LOSSES = [
    *(
        _row(kind, on=PAIRS)
        for kind in [
            "MSELoss",
            "L1Loss",
            "SmoothL1Loss",
            "HuberLoss",
            "AsymmetricHuberLoss",
            "WingLoss",
        ]
    ),
    _row("QuantileLoss", 0.9, on=PAIRS),
    _row("CrossEntropyLoss", on=(LOGITS, LABELS)),
    _row("CrossEntropyLoss", label_smoothing=0.1, on=(LOGITS, LABELS)),
    _row("CrossEntropyLoss", on=(LOGITS, ODDS)),
    _row("NLLLoss", on=(LOGITS, LABELS)),
    _row("BCELoss", on=(ODDS, BITS)),
    _row("BCEWithLogitsLoss", on=(LOGITS, BITS)),
    _row("KLDivLoss", reduction="batchmean", on=(LOGITS, ODDS)),
    _row("PoissonNLLLoss", on=(LOGITS, BITS)),
    _row("GaussianNLLLoss", on=(LOGITS, LOGITS, ODDS)),
    _row("FocalLoss", on=(LOGITS, LABELS)),
    _row("SquaredEMDLoss", on=(LOGITS, LABELS)),
    _row("DistillationLoss", 4.0, 0.9, on=(LOGITS, LOGITS, LABELS)),
    _row("MultiMarginLoss", on=(LOGITS, LABELS)),
    _row("WestonWatkinsLoss", on=(LOGITS, LABELS)),
    _row("MultiLabelMarginLoss", on=(LOGITS, ("int", 10, 256, 10))),
    _row("MultiLabelSoftMarginLoss", on=(LOGITS, BITS)),
    _row("SoftMarginLoss", on=((256,), SIGNS)),
    _row("HingeEmbeddingLoss", on=((256,), SIGNS)),
    _row("MarginRankingLoss", on=((256,), (256,), SIGNS)),
    _row("CosineEmbeddingLoss", on=(*PAIRS, SIGNS)),
    _row("TripletMarginLoss", on=(*PAIRS, (256, 64))),
    _row("TripletMarginWithDistanceLoss", on=(*PAIRS, (256, 64))),
    _row(
        "CTCLoss",
        on=((50, 16, 20), ("labels", 20, 16, 20), ("values", [50] * 16), ("values", [20] * 16)),
    ),
]
MODULES = [
    *ACTIVATIONS, *LINEAR, *NORMS, *DROPOUT, *CONVOLUTIONS, *POOLING, *PADDING, *SEQUENCES, *LOSSES,
]  # fmt: skip
BY_NAME = {module.name: module for module in MODULES}


def _asymmetric_huber(torch, x, y, low=1.0, high=1.0):
    e = x - y
    delta = torch.where(e < 0, low, high)
    return torch.where(e.abs() < delta, 0.5 * e * e, delta * (e.abs() - 0.5 * delta)).mean()


def _wing(torch, x, y, w=10.0, epsilon=2.0):
    e = (x - y).abs()
    c = w - w * math.log1p(w / epsilon)
    return torch.where(e < w, w * torch.log1p(e / epsilon), e - c).mean()


def _squared_emd(torch, x, y):
    truth = torch.nn.functional.one_hot(y, x.shape[1]).to(x.dtype)
    return (x.softmax(1).cumsum(1) - truth.cumsum(1)).square().sum(1).mean()


def _focal(torch, x, y):
    nll = torch.nn.functional.cross_entropy(x, y, reduction="none")
    return ((1 - (-nll).exp()) ** 2 * nll).mean()


def _weston_watkins(torch, x, y):
    right = x.gather(1, y[:, None])
    return ((x - right + 1).clamp(min=0).sum(1) - 1).mean()


def _distillation(torch, x, teacher, y, t, alpha):
    f = torch.nn.functional
    soft = f.kl_div(f.log_softmax(x / t, 1), f.softmax(teacher / t, 1), reduction="batchmean")
    return alpha * t * t * soft + (1 - alpha) * f.cross_entropy(x, y)


def _swish(torch, x):
    return x * torch.sigmoid(x)


def _quantile(torch, x, y, q):
    return torch.maximum(q * (y - x), (q - 1) * (y - x)).mean()


WRITTEN = {
    "AsymmetricHuberLoss": _asymmetric_huber,
    "WingLoss": _wing,
    "SquaredEMDLoss": _squared_emd,
    "FocalLoss": _focal,
    "WestonWatkinsLoss": _weston_watkins,
    "DistillationLoss": _distillation,
    "Swish": _swish,
    "QuantileLoss": _quantile,
}


def draw(spec, seed):
    rng, shape = np.random.default_rng(seed), _shape(spec)
    kind = spec[0] if isinstance(spec[0], str) else "normal"
    if kind == "values":
        return np.array(spec[1])
    if kind in ("int", "labels"):
        return rng.integers(kind == "labels", spec[1], shape)
    made = {
        "normal": lambda: rng.standard_normal(shape),
        "odds": lambda: _to_odds(rng.uniform(0.05, 0.95, shape)),
        "bits": lambda: rng.random(shape) < 0.5,
        "signs": lambda: rng.choice([-1.0, 1.0], shape),
    }
    return made[kind]().astype(np.float32)


def _to_odds(p):
    return p / p.sum(-1, keepdims=True)


def _make(lib, module):
    """The layer as a function, and its parameters, the same in both libraries."""
    kind, options = module.kind, dict(module.options)
    if kind == "grid_sample":
        return lambda x, grid: lib.nn.functional.grid_sample(x, grid, align_corners=False), []
    if lib.__name__ == "torch" and kind in WRITTEN and not hasattr(lib.nn, kind):
        return lambda *x: WRITTEN[kind](lib, *x, *module.args), []
    if lib.__name__ == "torch" and options.get("approximate") == "sigmoid":
        return lambda x: x * lib.sigmoid(1.702 * x), []
    layer = getattr(lib.nn, kind)(*module.args, **options)
    with lib.no_grad():
        for i, p in enumerate(layer.parameters()):
            if p.ndim > 1:  # biases, slopes and scales start alike
                scale = math.prod(p.shape[1:]) ** -0.5 if "Embedding" not in kind else 1
                p.copy_(lib.from_numpy(scale * draw(tuple(p.shape), 50 + i)))
            elif "ias" in dict(enumerate(n for n, _ in layer.named_parameters()))[i]:
                p.zero_()
    return layer, list(layer.parameters())


def build(lib, name):
    """(step, inputs, whether its result can be compared): step(*inputs) is forward and backward, and
    returns the first gradient."""
    module = BY_NAME[name]
    call, parameters = _make(lib, module)
    inputs = [lib.as_tensor(draw(spec, seed)) for seed, spec in enumerate(module.inputs)]
    with lib.no_grad():
        y = call(*inputs)
    y = y[0] if isinstance(y, tuple) else y
    if y.ndim:
        inputs.append(lib.from_numpy(draw(tuple(y.shape), 99)))
    wants = [x.is_floating_point() for x in inputs[: len(module.inputs)]]
    if module.kind.endswith("Loss") and not module.kind.startswith(("Cosine", "Triplet")):
        wants[1:] = [False] * (len(wants) - 1)  # targets

    def step(*inputs):
        for p in parameters:
            p.grad = None
        xs = [x.detach() for x in inputs[: len(wants)]]
        for x, want in zip(xs, wants, strict=True):
            x.requires_grad = want
        y = call(*xs)
        y = y[0] if isinstance(y, tuple) else y
        y.backward(*inputs[len(wants) :])
        return xs[0].grad if wants[0] else parameters[0].grad

    return step, inputs, not module.random
