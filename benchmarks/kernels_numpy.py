"""The kernels in NumPy, where it has them or a few calls make them."""

from .kernels import normal


def matmul(np, m, n, k, form):
    a = normal(*((m, k) if form[0] == "n" else (k, m)))
    b = normal(*((k, n) if form[1] == "n" else (n, k)), seed=1)
    a, b = a if form[0] == "n" else a.T, b if form[1] == "n" else b.T
    return lambda: a @ b


def unary(np, name, n, backward):
    x = normal(n)
    if name == "log":
        x = np.abs(x) + np.float32(1e-3)
    forward = {
        "relu": lambda: np.maximum(x, 0),
        "exp": lambda: np.exp(x),
        "log": lambda: np.log(x),
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "tanh": lambda: np.tanh(x),
    }
    return None if backward else forward.get(name)


def add(np, shape):
    x, y = normal(256, 512), normal(*shape, seed=1)
    return lambda: x + y


def rows(np, name, m, n, backward):
    x = normal(m, n)
    if name != "softmax" or backward:
        return None

    def softmax():
        e = np.exp(x - x.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    return softmax


def optimizer(np, name, n):
    p, g = normal(n), normal(n, seed=1)
    if name == "SGD":

        def run():
            nonlocal p
            p -= np.float32(1e-3) * g
            return p

        return run
    return None
