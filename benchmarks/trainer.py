"""What the Trainer costs: ``python -m benchmarks.trainer [--rounds N]``.

Microseconds per batch of an epoch, over the same loader: a bare loop around one recorded step, the
Trainer, the Trainer with accuracy and with its progress bar, all taking turns. A figure is the median
of its turns.
"""

import argparse
import contextlib
import os
import statistics
import time

CASES = (((64, 32, 10), 32, 600), ((784, 128, 10), 128, 200))


def parts(sizes, batch_size, batches):
    import numpy as np

    import fastnn
    from fastnn import data, nn, optim

    rng = np.random.default_rng(0)
    x = rng.random((batch_size * batches, sizes[0]), dtype=np.float32)
    y = rng.integers(0, 10, len(x))
    fastnn.manual_seed(0)
    layers = (nn.Linear(*sizes[:2]), nn.ReLU(), nn.Linear(*sizes[1:]))
    model = nn.Sequential(*layers)
    loader = data.DataLoader(data.TensorDataset(x, y), batch_size, shuffle=True, seed=0)
    return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), loader


def bare(sizes, batch_size, batches):
    """A loop by hand around the recorded step, which adds the losses up."""
    import fastnn

    model, loss_of, optimizer, loader = parts(sizes, batch_size, batches)
    step = fastnn.compile_step(model, loss_of, optimizer)

    def epoch():
        total = 0.0
        began = time.perf_counter()
        for x, y in loader:
            total += step(x, y).item()
        return time.perf_counter() - began

    return epoch


def trained(sizes, batch_size, batches, **options):
    """Epochs of the Trainer, one at each call."""
    from fastnn.training import Trainer

    model, loss_of, optimizer, loader = parts(sizes, batch_size, batches)
    trainer = Trainer(model, loss_of, optimizer, **options)
    trainer.fit(loader, epochs=1)

    def epoch():
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            return min(trainer.fit(loader, epochs=3)["seconds"])

    return epoch


def overhead(rounds):
    for case in CASES:
        sizes, batch_size, batches = case
        contestants = {
            "bare": bare(*case),
            "Trainer": trained(*case, progress=False),
            "with accuracy": trained(*case, progress=False, metrics=["accuracy"]),
            "with bar": trained(*case, progress=True),
        }
        times = {name: [] for name in contestants}
        for epoch in contestants.values():
            epoch()
        for _ in range(rounds):
            for name, epoch in contestants.items():
                times[name].append(min(epoch() for _ in range(3 if name == "bare" else 1)))
        medians = {n: 1e6 * statistics.median(t) / batches for n, t in times.items()}
        name = "-".join(map(str, sizes))
        shown = (f"{n} {m:.2f} us ({m / medians['bare'] - 1:+.1%})" for n, m in medians.items())
        print(f"{name}, batch {batch_size}: " + ", ".join(shown), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    overhead(options.rounds)


if __name__ == "__main__":
    main()
