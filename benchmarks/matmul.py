"""Matrix products against NumPy, PyTorch and JAX: ``python -m benchmarks.matmul [groups]``.

Each library runs in a process of its own for each number of threads, and they take turns; a figure
is the median of its turns. Transposed operands are transposed views, as training makes them:
forward x W, gradient of the input dy Wᵀ, gradient of the weight xᵀ dy.
"""

import argparse
import contextlib
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import time

from .machine import limits
from .measure import PAUSE

TURN = 0.02  # s
SQUARES = (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
LAYERS = ((64, 10), (64, 64), (128, 10), (256, 256), (784, 128), (784, 512), (512, 512))
LARGE_LAYERS = (*LAYERS, (1024, 1024), (512, 10))

# group -> (name, m, n, k, form): n a plain operand, t a transposed view
GROUPS = {
    "square": [("square", n, n, n, "nn") for n in SQUARES],
    "vector": [
        ("vector x matrix", 1, 128, 784, "nn"),
        ("vector x matrix", 1, 1024, 1024, "nn"),
        ("vector x transposed", 1, 784, 128, "nt"),
        ("matrix x vector", 784, 1, 128, "nn"),
        ("matrix x vector", 1024, 1, 1024, "nn"),
        ("transposed x vector", 1024, 1, 1024, "tn"),
    ],
    "training": [
        case
        for batch in (1, 32, 128, 1024)
        for rows, cols in LARGE_LAYERS
        for case in (
            ("forward", batch, cols, rows, "nn"),
            ("gradient of x", batch, rows, cols, "nt"),
            ("gradient of W", rows, cols, batch, "tn"),
        )
    ],
}


def product(library, dtype, m, n, k, form):
    """A function without arguments that computes the product, as this library's users write it."""
    import numpy as np

    rng = np.random.default_rng(0)
    shapes = [(m, k) if form[0] == "n" else (k, m), (k, n) if form[1] == "n" else (n, k)]
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    if library == "jax":
        import jax

        f = jax.jit(lambda x, y: (x if form[0] == "n" else x.T) @ (y if form[1] == "n" else y.T))
        x, y = jax.numpy.asarray(a), jax.numpy.asarray(b)
        return lambda: f(x, y).block_until_ready()
    if library != "numpy":
        module = importlib.import_module(library)
        a, b = module.from_numpy(a), module.from_numpy(b)
    a, b = a if form[0] == "n" else a.T, b if form[1] == "n" else b.T
    return lambda: a @ b


def work(library, threads):
    """The process of one library: reads cases and counts, answers with seconds per product."""
    if library == "torch":
        import torch

        torch.set_num_threads(threads)
    if library == "jax":
        if hasattr(os, "sched_setaffinity"):  # no option of its own holds it to fewer threads
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
        import jax

        jax.config.update("jax_enable_x64", True)
    f, key = None, None
    for line in sys.stdin:
        case, dtype, seconds = json.loads(line)
        if key != (case, dtype):
            f, key = product(library, dtype, *case[1:]), (case, dtype)
            f()
            start = time.perf_counter()
            f()
            count = max(1, min(100_000, int(seconds / (time.perf_counter() - start))))
        for _ in range(1 + count // 2):  # after a pause: wakes threads, warms caches
            f()
        start = time.perf_counter()
        for _ in range(count):
            f()
        print((time.perf_counter() - start) / count, flush=True)


class Contestant:
    """A library with a number of threads, in a process of its own."""

    def __init__(self, library, threads):
        environment = dict(os.environ)
        for name in ("OMP", "OPENBLAS", "MKL", "FASTNN"):
            environment[f"{name}_NUM_THREADS"] = str(threads)
        if library == "jax" and threads == 1:
            environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.matmul", "--worker", library, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def time(self, *request):
        """Seconds; NaN from a contestant that has died."""
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            return float(self.process.stdout.readline() or "nan")
        except BrokenPipeError:
            return math.nan

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(timeout=30)


def compare(group, libraries, threads, dtype, rounds, peak):
    """Print one line per case; returns [(case, {library: seconds})]."""
    results = []
    contestants = {name: Contestant(name, threads) for name in libraries}
    peers = "".join(f"{name:>10}" for name in libraries if name != "fastnn")
    print(f"\n{group}, {dtype}, threads: {threads}; µs, best peer's time over fastnn's")
    print(
        f"{'':<20}{'m':>5}{'n':>5}{'k':>5} {'fastnn':>10}{peers} {'ratio':>6} {'GFLOP/s':>8} {'peak':>5}"
    )
    for case in GROUPS[group]:
        turns = {name: [] for name in libraries}
        for _ in range(rounds):
            for name, contestant in contestants.items():
                time.sleep(PAUSE if threads > 1 else 0)
                turns[name].append(contestant.time(case, dtype, TURN))
        seconds = {name: statistics.median(values) for name, values in turns.items()}
        results.append((case, seconds))
        name, m, n, k, _ = case
        ours = seconds["fastnn"]
        rivals = [t for library, t in seconds.items() if library != "fastnn"]
        times = "".join(f"{1e6 * t:>10.2f}" for t in [ours, *rivals])
        alive = [t for t in rivals if not math.isnan(t)]
        ratio = f"{min(alive) / ours:>6.2f}" if alive else f"{'':>6}"
        rate = 2.0 * m * n * k / ours
        share = f"{100 * rate / peak:>4.0f}%" if peak else ""
        print(
            f"{name:<20}{m:>5}{n:>5}{k:>5} {times} {ratio} {1e-9 * rate:>8.1f} {share}", flush=True
        )
    for contestant in contestants.values():
        contestant.close()
    return results


def plot(path, series):
    """GFLOP/s over the size of square products: {label: [(n, GFLOP/s)]}."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="n", ylabel="GFLOP/s", title="n x n times n x n")
    for label, points in series.items():
        axes.plot(*zip(*points, strict=True), "o-" if "fastnn" in label else ".--", label=label)
    axes.set_xscale("log", base=2)
    axes.legend()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matmul", description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--threads", default="1,2", help="numbers of threads; default 1,2")
    parser.add_argument("--peers", default="numpy,torch,jax")
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--plot", help="file for a plot of the square products")
    args = parser.parse_args()
    if unknown := set(args.groups) - set(GROUPS):
        parser.error(f"group {min(unknown)!r}: expected some of {', '.join(GROUPS)}")
    libraries = ["fastnn", *(p for p in args.peers.split(",") if p and importlib.util.find_spec(p))]
    series = {}
    for threads in map(int, args.threads.split(",")):
        measured = limits(threads)
        peak = measured and measured["flops"] / (1 if args.dtype == "float32" else 2)
        if peak:
            print(f"multiply-add peak of {threads} threads: {1e-9 * peak:.0f} GFLOP/s")
        for group in args.groups or GROUPS:
            results = compare(group, libraries, threads, args.dtype, args.rounds, peak)
            if group == "square":
                for name in libraries:
                    series[f"{name}, {threads} threads"] = [
                        (case[1], 2e-9 * case[1] ** 3 / seconds[name]) for case, seconds in results
                    ]
    if args.plot and series:
        plot(args.plot, series)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], int(sys.argv[3]))
    else:
        main()
