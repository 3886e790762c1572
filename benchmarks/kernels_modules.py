"""The kernels in fastnn and in PyTorch, eager: one code for both."""

import numpy as np

from .kernels import normal


def _forward(lib, f):
    def run():
        with lib.no_grad():
            return f()

    return run


def _with_gradients(f, leaves, dy):
    """Forward and backward from fresh gradients, the loss's gradient given."""

    def run():
        for leaf in leaves:
            leaf.grad = None
        f().backward(dy)
        return leaves[0].grad

    return run


def _run(lib, backward, f, *leaves):
    if not backward:
        return _forward(lib, f)
    for leaf in leaves:
        leaf.requires_grad_()
    y = f()
    dy = None if y.ndim == 0 else lib.from_numpy(normal(*y.shape, seed=1))
    return _with_gradients(f, leaves, dy)


def matmul(lib, m, n, k, form):
    a = lib.from_numpy(normal(*((m, k) if form[0] == "n" else (k, m))))
    b = lib.from_numpy(normal(*((k, n) if form[1] == "n" else (n, k)), seed=1))
    a, b = a if form[0] == "n" else a.T, b if form[1] == "n" else b.T
    return lambda: a @ b


def unary(lib, name, n, backward):
    x = lib.from_numpy(normal(n))
    if name == "log":
        x = x.abs() + 1e-3
    functional = lib.nn.functional
    f = {
        "gelu": functional.gelu,
        "gelu, tanh": lambda x: functional.gelu(x, approximate="tanh"),
    }.get(name) or getattr(lib, name)
    return _run(lib, backward, lambda: f(x), x)


def add(lib, shape):
    x, y = lib.from_numpy(normal(256, 512)), lib.from_numpy(normal(*shape, seed=1))
    return lambda: x + y


def rows(lib, name, m, n, backward):
    functional = lib.nn.functional
    x = lib.from_numpy(normal(m, n))
    w, b = lib.from_numpy(1 + 0.1 * normal(n)), lib.from_numpy(normal(n, seed=1))
    target = lib.from_numpy(np.arange(m) * 7 % n)
    mean, var = lib.zeros(n), lib.ones(n)
    f, *leaves = {
        "softmax": (lambda: functional.softmax(x, 1), x),
        "log_softmax": (lambda: functional.log_softmax(x, 1), x),
        "cross_entropy": (lambda: functional.cross_entropy(x, target), x),
        "layer_norm": (lambda: functional.layer_norm(x, (n,), w, b), x, w, b),
        "batch_norm": (lambda: functional.batch_norm(x, mean, var, w, b, training=True), x, w, b),
        "rms_norm": (lambda: functional.rms_norm(x, (n,), w), x, w),
    }[name]
    return _run(lib, backward, f, *leaves)


def optimizer(lib, name, n):
    p = lib.nn.Parameter(lib.from_numpy(normal(n)))
    p.grad = lib.from_numpy(normal(n, seed=1))
    # PyTorch's fastest form: fused where it has one for the CPU, else one call for all tensors
    best = {"fused": True} if name in ("SGD", "Adagrad", "Adam", "AdamW") else {"foreach": True}
    best = best if lib.__name__ == "torch" else {}
    step = getattr(lib.optim, name)([p], lr=1e-3, **best).step

    def run():
        step()
        return p

    return run


def convolution(lib, batch, i, o, size, k, backward):
    x, w = lib.from_numpy(normal(batch, i, size, size)), lib.from_numpy(normal(o, i, k, k, seed=2))
    b = lib.zeros(o)
    f = lib.nn.functional.conv2d
    return _run(lib, backward, lambda: f(x, w, b, padding=k // 2), x, w, b)


def pool(lib, name, backward):
    x = lib.from_numpy(normal(64, 16, 32, 32))
    f = getattr(lib.nn.functional, name)
    return _run(lib, backward, lambda: f(x, 2), x)


def recurrent(lib, name, time, batch, inputs, hidden):
    layer = getattr(lib.nn, name)(inputs, hidden)
    with lib.no_grad():
        for i, p in enumerate(layer.parameters()):
            p.copy_(lib.from_numpy(hidden**-0.5 * normal(*p.shape, seed=2 + i)))
    x = lib.from_numpy(normal(time, batch, inputs))
    return _run(lib, True, lambda: layer(x)[0], x, *layer.parameters())


def attention(lib, batch, heads, time, width, causal):
    q, k, v = (lib.from_numpy(normal(batch, heads, time, width, seed=s)) for s in range(3))
    f = lib.nn.functional.scaled_dot_product_attention
    return _run(lib, True, lambda: f(q, k, v, is_causal=bool(causal)), q, k, v)
