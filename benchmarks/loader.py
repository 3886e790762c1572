"""The loader against PyTorch's, on arrays in memory: ``python -m benchmarks.loader [--rounds N]``.

Passes over shuffled rows and labels, microseconds per batch. Each library runs in a process of its
own and they take turns; a turn's first pass is not counted, because the others have emptied the
caches; a figure is the median of its turns. The limit is the memory's: copying the same rows in their
order, batch by batch, with NumPy in as many threads as there are CPUs, as a share of fastnn's time.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

# name, rows, shape of a row, batch size
CASES = (
    ("20 features, batch 32", 20_000, (20,), 32),
    ("20 features, batch 256", 20_000, (20,), 256),
    ("64 features, batch 32", 20_000, (64,), 32),
    ("784 features, batch 32", 10_000, (784,), 32),
    ("784 features, batch 128", 10_000, (784,), 128),
    ("3 x 32 x 32, batch 64", 4_000, (3, 32, 32), 64),
)
PASSES = 3  # of a turn


def loader(library, rows, shape, batch_size):
    """A shuffling loader over random rows and labels, as this library's users write it."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.random((rows, *shape), dtype=np.float32)
    y = rng.integers(0, 10, rows)
    if library == "copy":
        return InOrder(x, batch_size)
    if library == "fastnn":
        from fastnn.data import DataLoader, TensorDataset

        return DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    dataset = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    return DataLoader(dataset, batch_size=batch_size, shuffle=True)


class InOrder:
    """Copies the rows as they lie, in a share for each CPU: what no loader that copies can beat."""

    def __init__(self, x, batch_size):
        self.x, self.rows = x, batch_size
        self.pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
        workers = self.pool._max_workers
        cuts = [len(self) * i // workers * batch_size for i in range(workers + 1)]
        self.shares = [x[i:j] for i, j in itertools.pairwise(cuts)]

    def __len__(self):
        return len(self.x) // self.rows

    def __iter__(self):
        list(self.pool.map(self.copy, self.shares))
        return iter(())

    def copy(self, share):
        batch = share[: self.rows].copy()
        for i in range(0, len(share), self.rows):
            batch[:] = share[i : i + self.rows]


def work(library):
    """Answer one turn per line of standard input: the case's number."""
    loaders = {}
    for line in sys.stdin:
        case = int(line)
        if case not in loaders:
            loaders = {case: loader(library, *CASES[case][1:])}
        passes(loaders[case], 1)
        seconds = passes(loaders[case], PASSES)
        print(json.dumps(1e6 * seconds / PASSES / len(loaders[case])), flush=True)


def passes(batches, number):
    """Seconds that going through all batches takes, so many times."""
    began = time.perf_counter()
    for _ in range(number):
        for _ in batches:
            pass
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker)
        return
    workers = {
        name: subprocess.Popen(
            [sys.executable, "-m", "benchmarks.loader", "--worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("fastnn", "torch", "copy")
    }
    print(f"{'shuffled, µs per batch':<26}{'fastnn':>10}{'torch':>10}{'times':>8}{'limit':>8}")
    for number, (name, *_) in enumerate(CASES):
        turns = {library: [] for library in workers}
        for _ in range(args.rounds):
            for library, process in workers.items():
                process.stdin.write(f"{number}\n")
                process.stdin.flush()
                turns[library].append(json.loads(process.stdout.readline()))
        ratio = statistics.median(
            t / f for t, f in zip(turns["torch"], turns["fastnn"], strict=True)
        )
        medians = {library: statistics.median(values) for library, values in turns.items()}
        limit = medians["copy"] / medians["fastnn"]
        print(
            f"{name:<26}{medians['fastnn']:>10.1f}{medians['torch']:>10.1f}{ratio:>8.1f}{limit:>8.0%}",
            flush=True,
        )
    for process in workers.values():
        process.stdin.close()
        process.wait(timeout=30)


if __name__ == "__main__":
    main()
