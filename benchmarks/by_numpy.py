"""The benchmarks' tasks written by hand in NumPy: what everybody has, and the reference."""

import numpy as np

from . import nets

LR, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8
MODES = ("by hand",)


def version():
    return np.__version__


class Linear:
    def __init__(self, arena):
        (self.w, self.dw), (self.b, self.db) = arena.take(), arena.take()

    def forward(self, x):
        self.x = x
        y = x @ self.w.T
        y += self.b
        return y

    def backward(self, dy, first=False):
        np.matmul(dy.T, self.x, out=self.dw)
        np.sum(dy, axis=0, out=self.db)
        return None if first else dy @ self.w


class ReLU:
    def forward(self, x):
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dy, first=False):
        return dy * (self.y > 0)


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy, first=False):
        return dy * (1 - self.y * self.y)


class GELU:
    """Exact; erf by Abramowitz and Stegun 7.1.26 (NumPy has none), absolute error 1.5e-7."""

    def forward(self, x):
        a = np.abs(x) * np.float32(0.70710678)
        t = 1 / (1 + np.float32(0.3275911) * a)
        p = np.float32(1.061405429)
        for c in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            p = p * t + np.float32(c)
        self.bell = np.exp(-a * a)
        erf = np.copysign(1 - p * t * self.bell, x)
        self.phi = 0.5 * (1 + erf)
        self.x = x
        return x * self.phi

    def backward(self, dy, first=False):
        return dy * (self.phi + self.x * self.bell * np.float32(0.39894228))


class LayerNorm:
    def __init__(self, arena):
        (self.g, self.dg), (self.b, self.db) = arena.take(), arena.take()

    axis = 1

    def forward(self, x):
        z = x - x.mean(self.axis, keepdims=True)
        self.scale = 1 / np.sqrt((z * z).mean(self.axis, keepdims=True) + np.float32(1e-5))
        z *= self.scale
        self.z = z
        return z * self.g + self.b

    def backward(self, dy, first=False):
        np.sum(dy * self.z, axis=0, out=self.dg)
        np.sum(dy, axis=0, out=self.db)
        dz = dy * self.g
        dz -= dz.mean(self.axis, keepdims=True) + self.z * (dz * self.z).mean(
            self.axis, keepdims=True
        )
        dz *= self.scale
        return dz


class BatchNorm(LayerNorm):
    axis = 0

    def __init__(self, arena):
        super().__init__(arena)
        self.mean, self.var = np.zeros_like(self.g), np.ones_like(self.g)

    def forward(self, x):
        n = len(x)
        self.mean += np.float32(0.1) * (x.mean(0) - self.mean)
        self.var += np.float32(0.1) * (x.var(0) * np.float32(n / (n - 1)) - self.var)
        return super().forward(x)


class Dropout:
    def __init__(self, p, rng):
        self.p, self.rng = p, rng

    def forward(self, x):
        self.mask = (self.rng.random(x.shape, np.float32) >= self.p) * np.float32(1 / (1 - self.p))
        return x * self.mask

    def backward(self, dy, first=False):
        return dy * self.mask


class Chain:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy, first=False):
        for i in range(len(self.layers) - 1, -1, -1):
            dy = self.layers[i].backward(dy, first and i == 0)
        return dy


class Residual(Chain):
    def forward(self, x):
        return x + super().forward(x)

    def backward(self, dy, first=False):
        return dy + super().backward(dy)


class Arena:
    """All parameters in one flat array, their gradients in another: Adam is a few array operations."""

    def __init__(self, arrays):
        self.p = np.concatenate([a.ravel() for a in arrays])
        self.g, self.m, self.v = (np.zeros_like(self.p) for _ in range(3))
        self.shapes = [a.shape for a in arrays]
        self.taken = self.steps = 0

    def take(self):
        shape = self.shapes.pop(0)
        part = slice(self.taken, self.taken + int(np.prod(shape)))
        self.taken = part.stop
        return self.p[part].reshape(shape), self.g[part].reshape(shape)

    def adam(self):
        self.steps += 1
        g, m, v = self.g, self.m, self.v
        m *= np.float32(BETA1)
        m += np.float32(1 - BETA1) * g
        v *= np.float32(BETA2)
        v += np.float32(1 - BETA2) * (g * g)
        root = np.sqrt(v)
        root *= np.float32(1 / np.sqrt(1 - BETA2**self.steps))
        root += np.float32(EPS)
        np.divide(m, root, out=root)
        root *= np.float32(LR / (1 - BETA1**self.steps))
        self.p -= root


def build(layers, arena, rng):
    simple = {"relu": ReLU, "tanh": Tanh, "gelu": GELU}
    with_weights = {"linear": Linear, "layernorm": LayerNorm, "batchnorm": BatchNorm}
    made = []
    for kind, *args in layers:
        if kind == "residual":
            made.append(Residual(build(args[0], arena, rng).layers))
        elif kind == "dropout":
            made.append(Dropout(args[0], rng))
        elif kind in with_weights:
            made.append(with_weights[kind](arena))
        elif kind in simple:
            made.append(simple[kind]())
        else:
            raise ValueError(f"nobody has written {kind} by hand in NumPy here")
    return Chain(made)


class Trainer:
    """The network, and its training step on any batch."""

    def __init__(self, net):
        self.arena = Arena(nets.weights(net))
        self.model = build(net.layers, self.arena, np.random.default_rng(0))

    def step(self, x, y):
        z = self.model.forward(x)
        z -= z.max(1, keepdims=True)
        p = np.exp(z)
        total = p.sum(1, keepdims=True)
        rows = np.arange(len(y))
        loss = (np.log(total[:, 0]) - z[rows, y]).mean()
        p /= total
        p[rows, y] -= 1
        p *= np.float32(1 / len(y))
        self.model.backward(p, first=True)
        self.arena.adam()
        return loss


def step(net, mode):
    """(one training step, None): the step returns its loss."""
    trainer = Trainer(net)
    x, y = nets.data(net)
    if not net.training:
        return (lambda: trainer.model.forward(x)), None
    return (lambda: trainer.step(x, y)), None


def value(result):
    """A loss, or the outputs' sum of squares, as a float."""
    return float(np.square(result).sum()) if np.ndim(result) else float(result)


def epoch(folder, mode):
    """(one epoch over MNIST, test accuracy)."""
    x, y, x_test, y_test = nets.mnist(folder)
    trainer = Trainer(nets.MNIST)
    rng = np.random.default_rng(0)

    def run():
        order = rng.permutation(len(x))
        for i in range(0, len(x), nets.MNIST.batch):
            part = order[i : i + nets.MNIST.batch]
            trainer.step(x[part], y[part])

    return run, lambda: float((trainer.model.forward(x_test).argmax(1) == y_test).mean())
