"""The benchmarks' tasks in JAX: the whole step under jit, parameters and state donated."""

import os
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from . import nets

MODES = ("jit",)
LR, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8


def version():
    return jax.__version__


def setup(threads):
    # one thread: on one CPU and without hand-over to a pool JAX is at its best
    if threads == 1:
        jax.config.update("jax_cpu_enable_async_dispatch", False)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def normalize(x, g, b):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + 1e-5) * g + b


def batchnorm(x, g, b, stats, axes):
    """The normalized batch, and the new running mean and variance."""
    mean, var = x.mean(axes), x.var(axes)
    n = x.size // x.shape[1]
    moved = tuple(
        old + 0.1 * (new - old) for old, new in zip(stats, (mean, var * (n / (n - 1))), strict=True)
    )
    mean, scale, b = (
        v.reshape(-1, *[1] * (x.ndim - 2)) for v in (mean, jax.lax.rsqrt(var + 1e-5) * g, b)
    )
    return (x - mean) * scale + b, moved


def lstm(x, w, u, b, c):
    """All outputs (batch, time, hidden) for x (batch, time, features)."""
    inputs = (x @ w.T + (b + c)).swapaxes(0, 1)  # one product for all times, as everybody does it

    def step(state, z):
        h, c = state
        i, f, g, o = jnp.split(z + h @ u.T, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((x.shape[0], u.shape[1]), x.dtype)
    return jax.lax.scan(step, (zeros, zeros), inputs)[1].swapaxes(0, 1)


def encoder_layer(x, heads, w_in, b_in, w_out, b_out, w1, b1, w2, b2, g1, c1, g2, c2):
    """Causal, norms first, GELU: as PyTorch's TransformerEncoderLayer."""
    batch, time, width = x.shape
    qkv = (normalize(x, g1, c1) @ w_in.T + b_in).reshape(batch, time, 3, heads, width // heads)
    q, k, v = (qkv[:, :, i] for i in range(3))
    scores = jnp.einsum("blhe,bshe->bhls", q, k) * (width // heads) ** -0.5
    scores = jnp.where(jnp.tri(time, dtype=bool), scores, -jnp.inf)
    y = jnp.einsum("bhls,bshe->blhe", jax.nn.softmax(scores, -1), v).reshape(batch, time, width)
    x = x + y @ w_out.T + b_out
    hidden = jax.nn.gelu(normalize(x, g2, c2) @ w1.T + b1, approximate=False)
    return x + hidden @ w2.T + b2


def forward(layers, params, stats, x, key):
    """Outputs and new running statistics; consumes the iterators `params` and `stats`."""
    moved = []
    for kind, *args in layers:
        if kind == "linear":
            w, b = next(params), next(params)
            x = x @ w.T + b
        elif kind == "layernorm":
            x = normalize(x, next(params), next(params))
        elif kind == "batchnorm":
            x, new = batchnorm(x, next(params), next(params), next(stats), (0,))
            moved.append(new)
        elif kind == "batchnorm2d":
            x, new = batchnorm(x, next(params), next(params), next(stats), (0, 2, 3))
            moved.append(new)
        elif kind == "conv":
            _, _, _, stride, pad, bias = args
            x = jax.lax.conv_general_dilated(x, next(params), (stride,) * 2, [(pad, pad)] * 2)
            x = x + next(params)[:, None, None] if bias else x
        elif kind == "maxpool":
            step = (1, 1, args[0], args[0])
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, step, step, "VALID")
        elif kind == "avgpool":
            x = x.mean((2, 3))
        elif kind == "flatten":
            x = x.reshape(len(x), -1)
        elif kind == "block":
            inner, more = forward(args[0], params, stats, x, key)
            shortcut, rest = forward(args[1], params, stats, x, key)
            x = jax.nn.relu(inner + shortcut)
            moved += more + rest
        elif kind == "lstm":
            x = lstm(x, *(next(params) for _ in range(4)))
        elif kind == "last":
            x = x[:, -1]
        elif kind == "embedding":
            x = next(params)[x]
        elif kind == "position":
            x = x + next(params)
        elif kind == "transformer":
            x = encoder_layer(x, args[1], *(next(params) for _ in range(12)))
        elif kind == "tokens":
            x = x.reshape(-1, x.shape[-1])
        elif kind == "dropout":
            key, mine = jax.random.split(key)
            x = jnp.where(jax.random.bernoulli(mine, 1 - args[0], x.shape), x / (1 - args[0]), 0)
        elif kind == "residual":
            inner, _ = forward(args[0], params, stats, x, key)
            x = x + inner
        elif kind == "gelu":
            x = jax.nn.gelu(x, approximate=False)
        else:
            x = {"relu": jax.nn.relu, "tanh": jnp.tanh}[kind](x)
    return x, moved


def loss_of(layers, params, stats, key, x, y):
    logits, stats = forward(layers, iter(params), iter(stats), x, key)
    picked = jnp.take_along_axis(logits, y[:, None], 1)[:, 0]
    return (jax.nn.logsumexp(logits, 1) - picked).mean(), stats


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def train(layers, state, x, y):
    params, m, v, stats, count, key = state
    key, mine = jax.random.split(key)
    (loss, stats), grads = jax.value_and_grad(partial(loss_of, layers), has_aux=True)(
        params, stats, mine, x, y
    )
    count = count + 1
    m = [BETA1 * a + (1 - BETA1) * g for a, g in zip(m, grads, strict=True)]
    v = [BETA2 * a + (1 - BETA2) * g * g for a, g in zip(v, grads, strict=True)]
    rate, root = LR / (1 - BETA1**count), jnp.sqrt(1 - BETA2**count)
    params = [
        p - rate * a / (jnp.sqrt(b) / root + EPS) for p, a, b in zip(params, m, v, strict=True)
    ]
    return loss, (params, m, v, stats, count, key)


class Trainer:
    def __init__(self, net):
        self.layers = net.layers
        params = [jnp.array(w) for w in nets.weights(net)]
        zeros = [jnp.zeros_like(p) for p in params]
        sizes = [la[1] for la in nets.flat(net.layers) if la[0] in ("batchnorm", "batchnorm2d")]
        stats = [(jnp.zeros(n), jnp.ones(n)) for n in sizes]
        more = [jnp.zeros_like(p) for p in params]
        self.state = (params, zeros, more, stats, jnp.float32(0), jax.random.key(0))

    def step(self, x, y):
        loss, self.state = train(self.layers, self.state, x, y)
        return loss


def step(net, mode):
    trainer = Trainer(net)
    x, y = (jnp.array(a) for a in nets.data(net))
    if not net.training:
        params = trainer.state[0]
        run = jax.jit(lambda p, x: forward(net.layers, iter(p), iter(()), x, None)[0])
        return (lambda: run(params, x).block_until_ready()), None
    return (lambda: trainer.step(x, y)), (lambda: jax.block_until_ready(trainer.state))


def value(result):
    return float(jnp.square(result).sum()) if result.ndim else float(result)


def epoch(folder, mode):
    x, y, x_test, y_test = (jnp.array(a) for a in nets.mnist(folder))
    trainer = Trainer(nets.MNIST)
    rng = np.random.default_rng(0)
    pick = jax.jit(lambda x, y, part: (x[part], y[part]))

    def run():
        order = rng.permutation(len(x)).astype(np.int32)
        for i in range(0, len(x), nets.MNIST.batch):
            trainer.step(*pick(x, y, order[i : i + nets.MNIST.batch]))
        jax.block_until_ready(trainer.state)

    def accuracy():
        logits, _ = forward(trainer.layers, iter(trainer.state[0]), iter(()), x_test, None)
        return float((logits.argmax(1) == y_test).mean())

    return run, accuracy
