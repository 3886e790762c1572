"""What a recorded step promises beside its time: ``python -m benchmarks.recorded [--out FOLDER]``.

Two Python threads that replay two plans at one thread each, against one alone; and step time over
batch, depth and width, beside PyTorch's, with the largest jump between neighbouring sizes.
"""

import argparse
import statistics
import threading
import time
from pathlib import Path

import numpy as np

import fastnn

from . import by_modules, nets


def replayer(net):
    """A function that replays the recorded step of a network."""
    model = by_modules.model_of(fastnn, net)
    adam = fastnn.optim.Adam(model.parameters(), lr=1e-3)
    step = fastnn.compile_step(model, fastnn.nn.CrossEntropyLoss(), adam)
    x, y = (fastnn.from_numpy(a) for a in nets.data(net))
    for _ in range(4):
        step(x, y)
    return lambda: step(x, y)


def seconds(run, count):
    begin = time.perf_counter()
    for _ in range(count):
        run()
    return time.perf_counter() - begin


def together(net, rounds=9, target=0.1):
    """Median time of two threads with a plan each, over that of one thread with one."""
    before = fastnn.get_num_threads()
    fastnn.set_num_threads(1)
    first, second = replayer(net), replayer(net)
    count = max(3, round(target / seconds(first, 3) * 3))
    ratios = []
    for _ in range(rounds):
        alone = seconds(first, count)
        team = [threading.Thread(target=seconds, args=(run, count)) for run in (first, second)]
        begin = time.perf_counter()
        for t in team:
            t.start()
        for t in team:
            t.join()
        ratios.append((time.perf_counter() - begin) / alone)
    fastnn.set_num_threads(before)
    return statistics.median(ratios)


def growth():
    """name -> (size, Net) pairs: each family doubles or grows one size."""
    return {
        "batch": [
            (n, nets.mlp(64, 64, 64, 10, batch=n)) for n in (1, 2, 4, 8, 16, 32, 64, 128, 256)
        ],
        "depth": [
            (n, nets.mlp(64, *[64] * n, 10, batch=32)) for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
        ],
        "width": [(net.layers[0][2], net) for net in nets.WIDTHS],
    }


def torch_step(net):
    import torch

    model = by_modules.model_of(torch, net)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    step = by_modules.trainer(torch, model, adam)
    x, y = (torch.from_numpy(a) for a in nets.data(net))
    return lambda: step(x, y)


def median_time(run, rounds=7):
    for _ in range(5):
        run()
    count = max(2, round(0.005 / seconds(run, 1)))
    return statistics.median(seconds(run, count) / count for _ in range(rounds))


def jump(sizes, times, power):
    """How much faster than size^power the time grows between neighbours, at most."""
    steps = zip(sizes, sizes[1:], times, times[1:], strict=False)
    return max(t1 / t0 / (s1 / s0) ** power for s0, s1, t0, t1 in steps)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recorded", description=__doc__)
    parser.add_argument("--out", default="benchmark-results", help="folder for growth.png")
    args = parser.parse_args()
    print("two threads with a plan each, over one alone (at most 1.2):")
    for net in (nets.STEPS[4], nets.STEPS[5], nets.STEPS[8]):
        print(f"  {net.name}: {together(net):.2f}", flush=True)
    contestants = {"fastnn": replayer}
    try:
        import torch

        contestants["torch"] = torch_step
        torch.set_num_threads(fastnn.get_num_threads())
    except ImportError:
        print("torch is not installed: fastnn alone")
    found = {}
    for family, members in growth().items():
        sizes = [size for size, _ in members]
        power = 2 if family == "width" else 1
        for name, make in contestants.items():
            times = [median_time(make(net)) for _, net in members]
            found[family, name] = sizes, times
            text = ", ".join(f"{s}: {1e6 * t:.3g}" for s, t in zip(sizes, times, strict=True))
            print(f"{family}, {name}, µs: {text}")
            print(
                f"  largest growth against size^{power}: {jump(sizes, times, power):.2f}",
                flush=True,
            )
    plot(Path(args.out), found)


def plot(folder, found):
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("matplotlib is not installed: no plot")
        return
    folder.mkdir(parents=True, exist_ok=True)
    families = list(dict.fromkeys(family for family, _ in found))
    figure, axes = plt.subplots(1, len(families), figsize=(4 * len(families), 3.5), squeeze=False)
    for ax, family in zip(axes[0], families, strict=True):
        for (other, name), (sizes, times) in found.items():
            if other == family:
                ax.loglog(sizes, 1e6 * np.array(times), "o-", label=name)
        ax.set_xlabel(family)
        ax.set_ylabel("step, µs")
        ax.legend()
    figure.tight_layout()
    figure.savefig(folder / "growth.png", dpi=120)
    print(f"written to {folder / 'growth.png'}")


if __name__ == "__main__":
    main()
