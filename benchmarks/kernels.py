"""What each kernel family is measured on: the cases, their work, and how to call them in each library.

fastnn and PyTorch share their code. NumPy takes part where its users would write the operation in a
few calls; JAX runs everything under ``jit``.
"""

import importlib
from dataclasses import dataclass

import numpy as np

UNARY = ("relu", "exp", "log", "sigmoid", "tanh", "gelu", "gelu, tanh", "erf")
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)  # from L1 to memory
SQUARES = (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
LAYERS = ((64, 10), (64, 64), (784, 128), (784, 512), (512, 512), (1024, 1024))
ROWS = ((128, 10), (128, 512), (128, 1000), (1024, 1024))
IMAGES = (  # batch, channels in and out, height = width, kernel
    (1, 1, 8, 28, 5),
    (64, 1, 8, 28, 5),
    (64, 8, 16, 14, 5),
    (1, 16, 16, 32, 3),
    (16, 16, 32, 32, 3),
    (64, 16, 16, 32, 3),
    (64, 32, 32, 16, 3),
    (16, 64, 64, 16, 3),
    (8, 128, 128, 8, 3),
)


@dataclass(frozen=True)
class Kernel:
    """One line of a table.

    size: what the family's plot has as its x axis. flops, bytes: the least work there is, each array
    read or written once; 0 where it says nothing.
    """

    family: str
    name: str
    op: str
    sizes: tuple
    size: int
    flops: float = 0
    bytes: float = 0

    @property
    def line(self):
        """What it shares with the same operation at other sizes."""
        return " ".join(w for w in self.name.split() if not w[0].isdigit() and w != "x")


def _products():
    for n in SQUARES:
        yield Kernel("square", f"{n} x {n} x {n}", "matmul", (n, n, n, "nn"), n, 2 * n**3)


def _vectors():
    cases = (
        ("vector x matrix", 1, 128, 784, "nn"),
        ("vector x matrix", 1, 1024, 1024, "nn"),
        ("vector x transposed", 1, 784, 128, "nt"),
        ("vector x transposed", 1, 1024, 1024, "nt"),
        ("matrix x vector", 784, 1, 128, "nn"),
        ("matrix x vector", 1024, 1, 1024, "nn"),
        ("transposed x vector", 1024, 1, 1024, "tn"),
    )
    for name, m, n, k, form in cases:
        work = 2 * m * n * k, 4 * (m * k + k * n + m * n)
        yield Kernel("vector", f"{name} {k} x {m * n}", "matmul", (m, n, k, form), k * m * n, *work)


def _layers():
    for batch in (1, 32, 128, 1024):
        for rows, cols in LAYERS:
            for name, *sizes in (
                ("forward", batch, cols, rows, "nt"),
                ("gradient of x", batch, rows, cols, "nn"),
                ("gradient of W", cols, rows, batch, "tn"),
            ):
                label = f"{rows} to {cols}, batch {batch}: {name}"
                yield Kernel(
                    "layers", label, "matmul", tuple(sizes), batch, 2 * batch * rows * cols
                )


def _elementwise():
    for name in UNARY:
        for n in SIZES:
            yield Kernel("elementwise", f"{name}, {n:.0e}", "unary", (name, n, 0), n, 0, 8 * n)
    for name in ("relu", "sigmoid", "tanh", "gelu"):
        label = f"{name} and its gradient, 1e+05"
        yield Kernel("elementwise", label, "unary", (name, 100_000, 1), 100_000, 0, 20 * 100_000)
    for name, shape in (("row", (1, 512)), ("column", (256, 1)), ("matrix", (256, 512))):
        n = 256 * 512
        yield Kernel("elementwise", f"256 x 512 + {name}", "add", (shape,), n, 0, 8 * n)


def _rows():
    for name in ("softmax", "log_softmax", "cross_entropy", "layer_norm", "batch_norm", "rms_norm"):
        for m, n in ROWS:
            for backward in (0, 1):
                label = f"{name} {m} x {n}" + (" and its gradient" if backward else "")
                work = 4 * m * n * (5 if backward else 2)
                if name == "cross_entropy":
                    work = 4 * m * n * (2 if backward else 1)
                yield Kernel("rows", label, "rows", (name, m, n, backward), m * n, 0, work)


def _optimizers():
    floats = {"SGD": 3, "RMSprop": 5, "Adagrad": 5, "Adam": 7, "AdamW": 7}  # read or written
    for name, count in floats.items():
        for n in (10_000, 100_000, 1_000_000, 10_000_000):
            label = f"{name}, {n:.0e} parameters"
            yield Kernel("optimizers", label, "optimizer", (name, n), n, 0, 4 * count * n)


def _convolution():
    for batch, i, o, size, k in IMAGES:
        flops = 2 * batch * i * o * size * size * k * k
        label = f"{k} x {k}, {i} to {o}, {size} x {size}, batch {batch}"
        sizes = batch, i, o, size, k
        yield Kernel("convolution", label, "convolution", (*sizes, 0), flops, flops)
        yield Kernel(
            "convolution",
            label + " and its gradients",
            "convolution",
            (*sizes, 1),
            flops,
            3 * flops,
        )
    for name in ("max_pool2d", "avg_pool2d"):
        for backward in (0, 1):
            label = f"{name} 2 x 2, 16 x 32 x 32, batch 64" + (" and its gradient" * backward)
            n = 64 * 16 * 32 * 32
            work = 4 * n * 1.25 * (1 + backward)
            yield Kernel("convolution", label, "pool", (name, backward), n, 0, work)


def _sequences():
    for name, gates in (("LSTM", 4), ("GRU", 3)):
        for time, batch, inputs, hidden in ((16, 32, 32, 64), (64, 32, 128, 128), (64, 1, 64, 64)):
            flops = 2 * time * batch * gates * hidden * (inputs + hidden) * 3
            label = f"{name}, {time} steps, batch {batch}, {inputs} to {hidden}, and its gradients"
            sizes = name, time, batch, inputs, hidden
            yield Kernel("sequences", label, "recurrent", sizes, flops, flops)
    for batch, heads, time, width in ((16, 4, 64, 32), (4, 4, 512, 32)):
        for causal in (0, 1):
            flops = 14 * batch * heads * time * time * width / (1 + causal)
            label = f"attention, {batch} x {heads}, {time} of {width}" + ", causal" * causal
            sizes = batch, heads, time, width, causal
            yield Kernel(
                "sequences", label + ", and its gradients", "attention", sizes, flops, flops
            )


KERNELS = [
    kernel
    for family in (
        _products,
        _vectors,
        _layers,
        _elementwise,
        _rows,
        _optimizers,
        _convolution,
        _sequences,
    )
    for kernel in family()
]
FAMILIES = list(dict.fromkeys(kernel.family for kernel in KERNELS))


def normal(*shape, seed=0):
    """float32 normal numbers, the same for every library."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def build(library, op, sizes):
    """A function without arguments that runs the kernel once and returns its result."""
    side = importlib.import_module(
        f".kernels_{library if library in ('numpy', 'jax') else 'modules'}", __package__
    )
    make = getattr(side, op, None)
    lib = importlib.import_module(library)
    run = make and make(lib, *sizes)
    if run is None:
        raise LookupError("has no such operation")
    return run
