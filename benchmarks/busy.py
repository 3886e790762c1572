"""What two busy processes beside it do to a training step: ``python benchmarks/busy.py``.

Mean microseconds of a recorded step on all threads: alone, with a busy loop in as many processes as
there are CPUs beside it, and the same on one thread. Fair shares of the CPUs alone make a step that
used all of them `1 + hogs / threads` times as long; waiting for a thread that has lost its CPU
would make it a hundred times as long.
"""

import itertools
import statistics
import subprocess
import sys
import time

import numpy as np

import fastnn
from fastnn import nn, optim

NETS = {
    "64-32-10, 32": ((64, 32, 10), 32),
    "784-128-10, 128": ((784, 128, 10), 128),
    "784-512-512-10, 128": ((784, 512, 512, 10), 128),
    "784-1024-1024-10, 1024": ((784, 1024, 1024, 10), 1024),
}
SECONDS = 2.0


def training_step(sizes, batch):
    fastnn.manual_seed(0)
    layers = [
        layer
        for fan_in, fan_out in itertools.pairwise(sizes)
        for layer in (nn.Linear(fan_in, fan_out), nn.ReLU())
    ]
    model = nn.Sequential(*layers[:-1])
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    rng = np.random.default_rng(0)
    x = fastnn.tensor(rng.standard_normal((batch, sizes[0])).astype(np.float32))
    y = fastnn.tensor(rng.integers(0, sizes[-1], batch))
    return lambda: step(x, y)


def mean_time(step, threads, seconds=SECONDS):
    """Microseconds per step, after a while for the thread policy to notice what is going on."""
    fastnn.set_num_threads(threads)
    for limit in (0.3, seconds):
        spent, begin = [], time.perf_counter()
        while time.perf_counter() - begin < limit:
            start = time.perf_counter()
            step()
            spent.append(time.perf_counter() - start)
    return 1e6 * statistics.mean(spent)


def main():
    threads = fastnn.get_num_threads()
    print(f"{'µs per step':<24}{'quiet':>10}{'busy':>10}{'ratio':>7}{'busy, 1 thread':>16}")
    for name, (sizes, batch) in NETS.items():
        step = training_step(sizes, batch)
        quiet = min(mean_time(step, threads), mean_time(step, 1))
        hogs = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(max(2, threads))
        ]
        try:
            busy, alone = mean_time(step, threads), mean_time(step, 1)
        finally:
            for hog in hogs:
                hog.kill()
                hog.wait()
        print(
            f"{name:<24}{quiet:>10.1f}{busy:>10.1f}{busy / quiet:>7.2f}{alone:>16.1f}", flush=True
        )


if __name__ == "__main__":
    main()
