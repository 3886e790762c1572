"""The networks that are timed, in a form that the adapter of every library reads.

A layer is a tuple: ("linear", in, out), ("relu",), ("tanh",), ("gelu",), ("batchnorm", n),
("layernorm", n), ("dropout", p), ("residual", layers). Of sequences, (batch, time, features):
("lstm", in, hidden), ("last",): the last time alone, ("embedding", vocabulary, n), ("position", n, time),
("transformer", n, heads): an encoder layer, causal, norms first, 4 n wide inside, GELU, ("tokens",):
(batch, time, n) as (batch time, n). Of images, (batch, channels, height, width):
("conv", in, out, kernel, stride, padding, bias), ("batchnorm2d", n), ("maxpool", n), ("avgpool",):
the mean of each channel, ("flatten",), ("block", layers, shortcut): ReLU of the sum of both.
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Net:
    """A network, its batch size, and whether it is trained (Adam, cross-entropy) or only run."""

    name: str
    layers: tuple
    batch: int
    training: bool = True
    time: int = 1  # steps of a sequence
    image: tuple = ()  # channels, height, width

    @property
    def num_features(self):
        return next(layer[1] for layer in flat(self.layers) if layer[0] in ("linear", "lstm"))

    @property
    def num_classes(self):
        return [layer[2] for layer in flat(self.layers) if layer[0] == "linear"][-1]

    def without_dropout(self):
        """The same with masks that differ between libraries switched off: to compare losses."""
        return replace(self, layers=tuple(la for la in self.layers if la[0] != "dropout"))

    def flops(self):
        """Floating-point operations of the matrix products of one step."""
        if self.image:
            sizes = list(_image_products(self.layers, self.image[1]))
            return 2 * self.batch * (3 * sum(sizes) - sizes[0])
        rows, products, first = self.batch * self.time, 0, 0
        for kind, *sizes in flat(self.layers):
            if kind == "linear":
                one = rows * sizes[0] * sizes[1]
            elif kind == "lstm":
                one = rows * 4 * sizes[1] * (sizes[0] + sizes[1])
                first = first or rows * 4 * sizes[1] * sizes[0]
            elif kind == "transformer":
                one = rows * (12 * sizes[0] ** 2 + 2 * sizes[0] * self.time)
            else:
                rows = self.batch if kind == "last" else rows
                first = first or (1 if kind == "embedding" else 0)
                continue
            products += one
            first = first or one
        # backward: the weights' gradient, and the input's except at the first layer
        return 6 * products - 2 * first if self.training else 2 * products


def flat(layers):
    for layer in layers:
        if layer[0] in ("residual", "block"):
            for inner in layer[1:]:
                yield from flat(inner)
        else:
            yield layer


def _image_products(layers, size):
    """Multiplications of each product for one image of size x size."""
    for kind, *args in layers:
        if kind == "conv":
            size = (size + 2 * args[4] - args[2]) // args[3] + 1
            yield size**2 * args[0] * args[1] * args[2] ** 2
        elif kind == "block":
            yield from _image_products(args[0], size)
            yield from _image_products(args[1], size)
            size = (size - 1) // args[0][0][4] + 1
        elif kind == "maxpool":
            size //= args[0]
        elif kind == "linear":
            yield args[0] * args[1]


def mlp(*widths, batch, activation="relu", between=(), training=True, note=""):
    """Linear layers with an activation in between; `between`: more layers, "n" stands for the width."""
    layers = []
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        layers.append(("linear", a, b))
        if i < len(widths) - 2:
            before = [("batchnorm", b)] if "batchnorm" in between else []
            after = [("dropout", 0.5)] if "dropout" in between else []
            layers += [*before, (activation,), *after]
    name = "-".join(map(str, widths)) + (f" {note}" if note else "") + f", batch {batch}"
    return Net(name, tuple(layers), batch, training)


def residual(depth, width, num_classes, batch):
    """`depth` times x + GELU(Linear(LayerNorm(x))), then a linear classifier."""
    block = ("residual", (("layernorm", width), ("linear", width, width), ("gelu",)))
    name = f"{depth} x residual {width} LayerNorm GELU, batch {batch}"
    return Net(name, (block,) * depth + (("linear", width, num_classes),), batch)


def lstm(features, hidden, num_classes, batch, time):
    """An LSTM that reads sequences, and a linear classifier of its last state."""
    layers = (("lstm", features, hidden), ("last",), ("linear", hidden, num_classes))
    return Net(f"LSTM {time} x {hidden}, batch {batch}", layers, batch, time=time)


def transformer(depth, width, heads, vocabulary, batch, time):
    """A language model: tokens and places, causal layers, a norm, scores of the next token."""
    layers = (
        ("embedding", vocabulary, width),
        ("position", width, time),
        *[("transformer", width, heads)] * depth,
        ("layernorm", width),
        ("tokens",),
        ("linear", width, vocabulary),
    )
    return Net(
        f"transformer {depth} x {width}, context {time}, batch {batch}", layers, batch, time=time
    )


def lenet(batch):
    """As LeNet-5: two convolutions with ReLU and pooling, three linear layers, 28 x 28 images."""
    layers = (
        *[("conv", 1, 6, 5, 1, 2, True), ("relu",), ("maxpool", 2)],
        *[("conv", 6, 16, 5, 1, 0, True), ("relu",), ("maxpool", 2), ("flatten",)],
        *[("linear", 400, 120), ("relu",), ("linear", 120, 84), ("relu",), ("linear", 84, 10)],
    )
    return Net(f"LeNet-5 28 x 28, batch {batch}", layers, batch, image=(1, 28, 28))


def resnet(batch, widths=(16, 32, 64)):
    """A residual network of 3 x 3 convolutions with BatchNorm2d, one block per width (He et al. 2015)."""

    def conv(a, b, kernel, stride):
        return ("conv", a, b, kernel, stride, kernel // 2, False), ("batchnorm2d", b)

    layers, a = [*conv(3, widths[0], 3, 1), ("relu",)], widths[0]
    for b in widths:
        stride = 1 if a == b else 2
        inner = (*conv(a, b, 3, stride), ("relu",), *conv(b, b, 3, 1))
        layers.append(("block", inner, () if a == b else conv(a, b, 1, stride)))
        a = b
    layers += [("avgpool",), ("flatten",), ("linear", a, 10)]
    name = f"ResNet-{2 + 2 * len(widths)} 32 x 32 BatchNorm2d, batch {batch}"
    return Net(name, tuple(layers), batch, image=(3, 32, 32))


STEPS = (
    mlp(64, 32, 10, batch=32),
    mlp(17, 64, 64, 6, batch=64, activation="tanh", note="tanh"),
    mlp(64, 64, 64, 10, batch=32),
    mlp(784, 128, 10, batch=1),
    mlp(784, 128, 10, batch=32),
    mlp(784, 128, 10, batch=128),
    mlp(784, 512, 512, 10, batch=128),
    mlp(784, 1024, 1024, 10, batch=1024),
    mlp(784, 256, 128, 10, batch=64, between=("batchnorm", "dropout"), note="BatchNorm Dropout"),
    residual(20, 256, 10, batch=256),
    mlp(784, 256, 10, batch=1, training=False, note="inference"),
    lenet(64),
    resnet(64),
    lstm(128, 128, 10, batch=32, time=64),
    transformer(4, 128, 4, 65, batch=16, time=64),
)
WIDTHS = tuple(
    mlp(64, n, n, 10, batch=32)
    for n in (8, 16, 24, 32, 40, 45, 46, 48, 64, 96, 128, 192, 256, 384, 512)
)
MNIST = mlp(784, 512, 256, 10, batch=128)
NETS = {net.name: net for net in (*STEPS, *WIDTHS, MNIST)}


def weights(net, seed=0):
    """Initial parameters, one list in the order of the layers: the same for every library."""
    rng = np.random.default_rng(seed)
    found = []

    def affine(outputs, inputs):
        bound = 1 / np.sqrt(inputs)
        found.append(rng.uniform(-bound, bound, (outputs, inputs)))
        found.append(rng.uniform(-bound, bound, outputs))

    def norm(size):
        found.append(rng.uniform(0.5, 1.5, size))
        found.append(rng.uniform(-0.5, 0.5, size))

    for layer in flat(net.layers):
        if layer[0] == "linear":
            affine(layer[2], layer[1])
        elif layer[0] == "conv":
            _, inputs, outputs, kernel, _, _, bias = layer
            bound = 1 / np.sqrt(inputs * kernel**2)
            found.append(rng.uniform(-bound, bound, (outputs, inputs, kernel, kernel)))
            found += [rng.uniform(-bound, bound, outputs)] if bias else []
        elif layer[0] in ("batchnorm", "layernorm", "batchnorm2d"):
            norm(layer[1])
        elif layer[0] == "embedding":
            found.append(rng.standard_normal(layer[1:]))
        elif layer[0] == "position":
            found.append(0.02 * rng.standard_normal((layer[2], layer[1])))
        elif layer[0] == "lstm":
            shapes = (4 * layer[2], layer[1]), (4 * layer[2], layer[2]), 4 * layer[2], 4 * layer[2]
            found += [rng.uniform(-1, 1, shape) / np.sqrt(layer[2]) for shape in shapes]
        elif layer[0] == "transformer":  # in the order of TransformerEncoderLayer's parameters
            n = layer[1]
            for outputs, inputs in ((3 * n, n), (n, n), (4 * n, n), (n, 4 * n)):
                affine(outputs, inputs)
            norm(n)
            norm(n)
    return [w.astype(np.float32) for w in found]


def data(net, seed=1):
    """One batch: x (batch, [time,] features) float32, or tokens (batch, time) int64; y int64, one for
    each row that the last layer sees."""
    rng = np.random.default_rng(seed)
    if net.layers[0][0] == "embedding":
        tokens = rng.integers(0, net.num_classes, (net.batch, net.time + 1))
        return tokens[:, :-1].copy(), tokens[:, 1:].reshape(-1).copy()
    if net.image:
        x = rng.standard_normal((net.batch, *net.image)).astype(np.float32)
        return x, rng.integers(0, net.num_classes, net.batch)
    if net.time > 1:
        x = rng.standard_normal((net.batch, net.time, net.num_features)).astype(np.float32)
        return x, rng.integers(0, net.num_classes, net.batch)
    x = rng.standard_normal((net.batch, net.num_features)).astype(np.float32)
    return x, rng.integers(0, net.num_classes, net.batch)


def mnist(folder):
    """(x, y, x_test, y_test) from the four IDX files, gzipped or not; x scaled to mean 0, std 1."""
    import gzip
    from pathlib import Path

    arrays = []
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        path = Path(folder) / f"{name}-ubyte"
        if path.exists():
            raw = path.read_bytes()
        else:
            raw = gzip.decompress(path.with_name(path.name + ".gz").read_bytes())
        values = np.frombuffer(raw, np.uint8, offset=16 if "images" in name else 8)
        if "images" in name:
            arrays.append((values.reshape(-1, 784).astype(np.float32) / 255 - 0.1307) / 0.3081)
        else:
            arrays.append(values.astype(np.int64))
    return [np.ascontiguousarray(a, a.dtype if a.dtype == np.int64 else np.float32) for a in arrays]
