"""The layers and settings that are compared with PyTorch's: by test_interchange.py.

A row is (name, args, kwargs, inputs): an input is a shape (normal numbers), or ("int", shape, high).
Rows marked `random` draw in training, and are compared in evaluation alone.
"""

from dataclasses import dataclass, field


@dataclass
class Layer:
    name: str
    args: tuple = ()
    inputs: tuple = ()  # one tuple of inputs for each call
    kwargs: dict = field(default_factory=dict)
    random: bool = False
    rtol: float = 0  # where PyTorch itself is less exact

    @property
    def id(self):
        given = [str(a) for a in self.args] + [f"{k}={v}" for k, v in self.kwargs.items()]
        return f"{self.name}({','.join(given)})".replace(" ", "")


def row(name, *args, on, random=False, rtol=0, **kwargs):
    """`on`: shapes, each a call with one input; or tuples of inputs."""
    calls = [c if isinstance(c[0], (tuple, list, str)) and c[0] != "int" else (c,) for c in on]
    return Layer(name, args, tuple(calls), kwargs, random, rtol)


ANY = [(3, 4), (4,), (2, 3, 4), (0, 4), (1, 1)]
PLANES = [(2, 4, 6, 5), (4, 6, 5), (1, 4, 6, 6), (0, 4, 6, 5)]
LINES = [(2, 4, 7), (4, 7), (0, 4, 7)]
VOLUMES = [(2, 4, 3, 4, 3), (4, 3, 4, 3)]

ACTIVATIONS = [
    *[
        row(name, on=ANY)
        for name in (
            "ReLU",
            "ReLU6",
            "Sigmoid",
            "Tanh",
            "ELU",
            "SELU",
            "CELU",
            "SiLU",
            "Mish",
            "Softplus",
            "Softsign",
            "Hardtanh",
            "Hardswish",
            "LogSigmoid",
            "Hardshrink",
            "Softshrink",
            "Tanhshrink",
            "LeakyReLU",
            "GELU",
            "Identity",
        )
    ],
    row("Hardsigmoid", on=ANY, rtol=1e-6),  # its 1/6 is a single precision number
    row("LeakyReLU", 0.2, on=ANY),
    row("ELU", 0.5, on=ANY),
    row("CELU", 2.0, on=ANY),
    row("Hardtanh", -0.5, 2.0, on=ANY),
    row("Softplus", 2.0, 1.0, on=ANY),
    row("Hardshrink", 0.3, on=ANY),
    row("Softshrink", 0.3, on=ANY),
    row("Threshold", 0.1, -2.0, on=ANY),
    row("GELU", approximate="tanh", on=ANY),
    row("PReLU", on=ANY),
    row("PReLU", 4, init=0.1, on=[(3, 4), (2, 4, 3), (2, 4, 3, 2)]),
    row("RReLU", 0.1, 0.3, on=ANY, random=True),
    row("GLU", on=[(3, 4), (2, 6)]),
    row("GLU", 1, on=[(3, 4, 2)]),
    row("Softmax", -1, on=ANY),
    row("Softmax", 0, on=[(3, 4)]),
    row("LogSoftmax", 1, on=[(3, 4), (2, 3, 4)]),
    row("Softmin", 1, on=[(3, 4)]),
    row("Softmax2d", on=[(2, 3, 4, 2), (3, 4, 2)]),
]
LINEAR = [
    row("Linear", 4, 3, on=ANY[:4]),
    row("Linear", 4, 1, bias=False, on=ANY[:4]),
    row("Bilinear", 4, 3, 5, on=[((2, 4), (2, 3)), ((4,), (3,)), ((2, 3, 4), (2, 3, 3))]),
    row("Bilinear", 4, 3, 5, bias=False, on=[((2, 4), (2, 3))]),
    row("Embedding", 7, 3, on=[(("int", (2, 5), 7),), (("int", (4,), 7),), (("int", (0,), 7),)]),
    row("Embedding", 7, 3, padding_idx=2, on=[(("int", (2, 5), 7),)]),
    row("Embedding", 7, 3, max_norm=1.0, on=[(("int", (2, 3), 7),)]),
    row("Embedding", 7, 3, scale_grad_by_freq=True, on=[(("int", (2, 9), 7),)]),
    row("EmbeddingBag", 7, 3, on=[(("int", (2, 5), 7),)]),
    row("EmbeddingBag", 7, 3, mode="sum", padding_idx=1, on=[(("int", (3, 5), 7),)]),
    row("EmbeddingBag", 7, 3, mode="max", on=[(("int", (3, 5), 7),)]),
    row("Flatten", on=[(2, 3, 4), (0, 3)]),
    row("Unflatten", 1, (2, 2), on=[(3, 4)]),
]
NORMS = [
    row("BatchNorm1d", 4, on=[(5, 4), (5, 4, 3), (2, 4, 1)]),
    row("BatchNorm1d", 4, momentum=None, on=[(5, 4)]),
    row("BatchNorm1d", 4, bias=False, on=[(5, 4)]),
    row("BatchNorm1d", 4, affine=False, track_running_stats=False, on=[(5, 4, 3)]),
    row("BatchNorm2d", 4, on=PLANES[:1] + PLANES[2:3]),
    row("BatchNorm2d", 4, eps=0.1, momentum=0.5, affine=False, on=PLANES[:1]),
    row("BatchNorm3d", 4, on=VOLUMES[:1]),
    row("InstanceNorm1d", 4, on=LINES[:2]),
    row("InstanceNorm1d", 4, affine=True, track_running_stats=True, on=LINES[:2]),
    row("InstanceNorm2d", 4, on=PLANES[:3]),
    row("InstanceNorm2d", 4, affine=True, track_running_stats=True, momentum=0.3, on=PLANES[:2]),
    row("InstanceNorm3d", 4, affine=True, on=VOLUMES),
    row("LayerNorm", 4, on=[(3, 4), (2, 3, 4), (4,), (0, 4)]),
    row("LayerNorm", (3, 4), eps=0.1, bias=False, on=[(2, 3, 4)]),
    row("LayerNorm", 4, elementwise_affine=False, on=[(3, 4)]),
    row("RMSNorm", 4, on=[(3, 4), (4,)]),
    row("RMSNorm", (3, 4), eps=0.1, elementwise_affine=False, on=[(2, 3, 4)]),
    row("GroupNorm", 2, 8, on=[(3, 8), (2, 8, 5), (2, 8, 3, 2), (0, 8, 2)]),
    row("GroupNorm", 4, 4, affine=False, on=[(2, 4, 5)]),
    row("GroupNorm", 2, 4, bias=False, on=[(2, 4, 5)]),
    row("LocalResponseNorm", 3, 0.5, 0.6, 2.0, on=[(2, 5, 3), (2, 5, 3, 2)]),
]
DROPOUT = [
    row(name, 0.3, on=on, random=True)
    for name, on in (
        ("Dropout", ANY),
        ("AlphaDropout", ANY),
        ("FeatureAlphaDropout", [(3, 4)]),
        ("Dropout1d", LINES[:2]),
        ("Dropout2d", PLANES[:1]),
        ("Dropout3d", VOLUMES),
    )
]
CONVOLUTIONS = [
    row("Conv1d", 4, 6, 3, on=LINES),
    row("Conv1d", 4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False, on=LINES[:2]),
    row("Conv1d", 4, 2, 4, padding="same", padding_mode="reflect", on=LINES[:2]),
    row("Conv2d", 4, 6, 3, on=PLANES),
    row("Conv2d", 4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), on=PLANES[:2]),
    row("Conv2d", 4, 4, 3, padding=1, groups=4, on=PLANES[:2]),
    row("Conv2d", 4, 2, 1, on=PLANES[:2]),
    row("Conv2d", 4, 2, 3, padding="valid", bias=False, on=PLANES[:1]),
    row("Conv2d", 4, 2, 3, padding=2, padding_mode="circular", on=PLANES[:2]),
    row("Conv2d", 4, 2, 3, padding=1, padding_mode="replicate", on=PLANES[:2]),
    row("Conv2d", 4, 2, 3, padding=(1, 2), padding_mode="reflect", on=PLANES[:2]),
    row("ConvTranspose1d", 4, 6, 3, on=LINES[:2]),
    row("ConvTranspose1d", 4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, on=LINES[:2]),
    row("ConvTranspose2d", 4, 6, 3, on=PLANES[:2]),
    row(
        "ConvTranspose2d", 4, 2, (2, 3), stride=2, padding=1, dilation=2, bias=False, on=PLANES[:2]
    ),
    row("Unfold", 3, on=PLANES[:2]),
    row("Unfold", (2, 3), dilation=2, padding=1, stride=2, on=PLANES[:2]),
    row("Fold", (4, 5), (2, 3), padding=1, on=[(2, 12, 25), (12, 25)]),
]
POOLING = [
    row("MaxPool1d", 2, on=LINES[:2]),
    row("MaxPool1d", 3, stride=2, padding=1, ceil_mode=True, on=LINES[:2]),
    row("MaxPool2d", 2, on=PLANES),
    row("MaxPool2d", (3, 2), stride=1, padding=1, dilation=(1, 2), on=PLANES[:2]),
    row("AvgPool1d", 3, padding=1, count_include_pad=False, on=LINES[:2]),
    row("AvgPool2d", 2, on=PLANES),
    row("AvgPool2d", 3, stride=2, padding=1, ceil_mode=True, divisor_override=5, on=PLANES[:2]),
    row("LPPool1d", 2, 3, on=LINES[:2]),
    row("LPPool2d", 2, 2, ceil_mode=True, on=PLANES[:2]),
    row("AdaptiveAvgPool1d", 3, on=LINES[:2]),
    row("AdaptiveAvgPool2d", (None, 2), on=PLANES[:2]),
    row("AdaptiveMaxPool1d", 3, on=LINES[:2]),
    row("AdaptiveMaxPool2d", 3, on=PLANES[:2]),
    row("Upsample", scale_factor=2, on=[(2, 3, 4), (2, 3, 4, 5)]),
    row("Upsample", size=(5, 7), mode="bilinear", on=PLANES[:1]),
    row("Upsample", scale_factor=1.5, mode="bicubic", align_corners=True, on=PLANES[:1]),
    row("Upsample", size=9, mode="linear", on=LINES[:1]),
    row("UpsamplingNearest2d", scale_factor=2, on=PLANES[:1]),
    row("UpsamplingBilinear2d", size=(3, 9), on=PLANES[:1]),
    row("PixelShuffle", 2, on=PLANES[:2]),
    row("PixelUnshuffle", 2, on=[(2, 3, 4, 6), (3, 4, 6)]),
    row("ChannelShuffle", 2, on=PLANES[:1]),
    row("MaxUnpool1d", 6, on=[((2, 4, 1), ("int", (2, 4, 1), 6))]),
    row("MaxUnpool2d", 4, on=[((2, 3, 1, 1), ("int", (2, 3, 1, 1), 16))]),
]
PADDING = [
    row(f"{kind}Pad{d}d", amounts, *value, on=on)
    for kind, value in (("Zero", ()), ("Constant", (1.5,)), ("Reflection", ()), ("Replication", ()), ("Circular", ()))
    for d, amounts, on in (
        (1, 2, LINES[:2]),
        (1, (1, 3), LINES[:2]),
        (2, 2, PLANES[:2]),
        (2, (1, 0, 2, 3), PLANES[:2]),
        (3, (1, 1, 0, 2, 2, 1), VOLUMES),
    )
]  # fmt: skip
COMPARING = [
    row("CosineSimilarity", on=[((3, 4), (3, 4)), ((2, 3, 4), (2, 3, 4))]),
    row("CosineSimilarity", dim=0, eps=1e-3, on=[((4,), (4,))]),
    row("PairwiseDistance", on=[((3, 4), (3, 4)), ((4,), (4,))]),
    row("PairwiseDistance", p=1.0, keepdim=True, on=[((3, 4), (3, 4))]),
]
SEQUENCES = [
    row("RNN", 4, 5, num_layers=2, nonlinearity="relu", bidirectional=True, on=[(3, 2, 4), (3, 4)]),
    row("LSTM", 4, 5, num_layers=2, batch_first=True, on=[(2, 3, 4), (3, 4)]),
    row("GRU", 4, 5, bias=False, on=[(3, 2, 4)]),
    *[row(f"{kind}Cell", 4, 5, on=[(2, 4), (4,)]) for kind in ("RNN", "LSTM", "GRU")],
    row("MultiheadAttention", 4, 2, batch_first=True, on=[((2, 3, 4), (2, 5, 4), (2, 5, 4))]),
    row("TransformerEncoderLayer", 4, 2, 8, 0.0, batch_first=True, on=[(2, 3, 4)]),
    row("TransformerDecoderLayer", 4, 2, 8, 0.0, on=[((3, 2, 4), (5, 2, 4)), ((3, 4), (5, 4))]),
    row(
        "TransformerEncoderLayer",
        4,
        2,
        8,
        0.0,
        activation="gelu",
        norm_first=True,
        on=[(2, 3, 4), (3, 4)],
    ),
    row(
        "TransformerDecoderLayer",
        4,
        2,
        8,
        0.0,
        bias=False,
        batch_first=True,
        on=[((3, 2, 4), (3, 5, 4))],
    ),
    row("Transformer", 4, 2, 1, 2, 8, 0.0, on=[((5, 2, 4), (3, 2, 4)), ((5, 4), (3, 4))]),
    row(
        "Transformer",
        4,
        2,
        2,
        1,
        8,
        0.0,
        batch_first=True,
        norm_first=True,
        on=[((2, 5, 4), (2, 3, 4))],
    ),
    row("MultiheadAttention", 4, 2, kdim=3, vdim=5, on=[((3, 2, 4), (5, 2, 3), (5, 2, 5))]),
    row("MultiheadAttention", 4, 2, bias=False, add_bias_kv=True, on=[((3, 4), (5, 4), (5, 4))]),
]

LAYERS = [
    *ACTIVATIONS,
    *LINEAR,
    *NORMS,
    *DROPOUT,
    *CONVOLUTIONS,
    *POOLING,
    *PADDING,
    *COMPARING,
    *SEQUENCES,
]
