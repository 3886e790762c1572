"""The kernels in JAX, each compiled whole by ``jit``."""

import jax
import jax.numpy as jnp

from .kernels import normal


def _run(backward, f, *args, wrt=None, dy=True):
    """`f` at `args`; with its gradients to those of `wrt`, all by default."""
    args = [jnp.asarray(a) for a in args]
    if not backward:
        compiled = jax.jit(f)
        return lambda: compiled(*args).block_until_ready()
    shape = jax.eval_shape(f, *args).shape
    dy = jnp.asarray(normal(*shape, seed=1)) if shape else jnp.float32(1)
    n = len(args) if wrt is None else wrt

    def both(dy, *args):
        y, pull = jax.vjp(lambda *leaves: f(*leaves, *args[n:]), *args[:n])
        return y, pull(dy)

    compiled = jax.jit(both)

    def run():
        return jax.block_until_ready(compiled(dy, *args))[1][0]

    return run


def matmul(_, m, n, k, form):
    a = normal(*((m, k) if form[0] == "n" else (k, m)))
    b = normal(*((k, n) if form[1] == "n" else (n, k)), seed=1)
    return _run(
        0, lambda a, b: (a if form[0] == "n" else a.T) @ (b if form[1] == "n" else b.T), a, b
    )


def unary(_, name, n, backward):
    f = {
        "relu": jax.nn.relu,
        "exp": jnp.exp,
        "log": jnp.log,
        "sigmoid": jax.nn.sigmoid,
        "tanh": jnp.tanh,
        "gelu": lambda x: jax.nn.gelu(x, approximate=False),
        "gelu, tanh": lambda x: jax.nn.gelu(x, approximate=True),
        "erf": jax.lax.erf,
    }[name]
    x = normal(n)
    return _run(backward, f, abs(x) + 1e-3 if name == "log" else x)


def add(_, shape):
    return _run(0, jnp.add, normal(256, 512), normal(*shape, seed=1))


def rows(_, name, m, n, backward):
    x, w, b = normal(m, n), 1 + 0.1 * normal(n), normal(n, seed=1)
    target = jnp.arange(m) * 7 % n

    def cross_entropy(x):
        return -jnp.take_along_axis(jax.nn.log_softmax(x), target[:, None], 1).mean()

    def normalized(x, w, b, axis):
        mean, var = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(var + 1e-5) * w + b

    def rms_norm(x, w):
        eps = jnp.finfo(x.dtype).eps
        return x * jax.lax.rsqrt(jnp.square(x).mean(1, keepdims=True) + eps) * w

    f, *args = {
        "softmax": (jax.nn.softmax, x),
        "log_softmax": (jax.nn.log_softmax, x),
        "cross_entropy": (cross_entropy, x),
        "layer_norm": (lambda x, w, b: normalized(x, w, b, 1), x, w, b),
        "batch_norm": (lambda x, w, b: normalized(x, w, b, 0), x, w, b),
        "rms_norm": (rms_norm, x, w),
    }[name]
    return _run(backward, f, *args)


def optimizer(_, name, n):
    p, g = jnp.asarray(normal(n)), jnp.asarray(normal(n, seed=1))
    if name not in ("SGD", "Adam"):
        return None
    if name == "SGD":
        update = jax.jit(lambda p, g: p - 1e-3 * g, donate_argnums=0)

        def run():
            nonlocal p
            p = update(p, g).block_until_ready()
            return p

        return run

    def adam(state, g):
        p, m, v, t = state
        t = t + 1
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        root = jnp.sqrt(1 - 0.999**t)
        return p - 1e-3 / (1 - 0.9**t) * m / (jnp.sqrt(v) / root + 1e-8), m, v, t

    update = jax.jit(adam, donate_argnums=0)
    state = (p, jnp.zeros_like(p), jnp.zeros_like(p), jnp.float32(0))

    def run():
        nonlocal state
        state = jax.block_until_ready(update(state, g))
        return state[0]

    return run


def convolution(_, batch, i, o, size, k, backward):
    pad = [(k // 2, k // 2)] * 2

    def f(x, w, b):
        return jax.lax.conv_general_dilated(x, w, (1, 1), pad) + b[:, None, None]

    x, w = normal(batch, i, size, size), normal(o, i, k, k, seed=2)
    return _run(backward, f, x, w, jnp.zeros(o))


def pool(_, name, backward):
    window = (1, 1, 2, 2)
    start, reduce = (-jnp.inf, jax.lax.max) if name == "max_pool2d" else (0.0, jax.lax.add)

    def f(x):
        y = jax.lax.reduce_window(x, start, reduce, window, window, "VALID")
        return y if name == "max_pool2d" else y / 4

    return _run(backward, f, normal(64, 16, 32, 32))


def recurrent(_, name, time, batch, inputs, hidden):
    if name != "LSTM":
        return None
    from .by_jax import lstm

    shapes = (4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,), (4 * hidden,)
    weights = [hidden**-0.5 * normal(*s, seed=2 + i) for i, s in enumerate(shapes)]

    def swap(a):
        return a.swapaxes(0, 1)

    return _run(1, lambda x, *w: swap(lstm(swap(x), *w)), normal(time, batch, inputs), *weights)


def attention(_, batch, heads, time, width, causal):
    def f(q, k, v):
        scores = q @ k.swapaxes(-1, -2) * width**-0.5
        if causal:
            scores = jnp.where(jnp.tri(time, dtype=bool), scores, -jnp.inf)
        return jax.nn.softmax(scores, -1) @ v

    return _run(1, f, *(normal(batch, heads, time, width, seed=s) for s in range(3)))
