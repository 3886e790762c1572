"""What the Trainer costs: ``python -m benchmarks.trainer [--rounds N] [--placements N]``.

Microseconds per batch of an epoch over the same loader, more than a bare loop around one recorded step
takes: the Trainer, with accuracy, with its progress bar. Epochs of a long fit and of the bare loop take
turns; shown are the medians over the rounds and, in brackets, what the fastest epoch of each side gives,
the one that nobody else disturbed. Where arrays come to lie makes a difference of its own, so this is
done in several processes, and the median of theirs is shown. Last,
the share of whole fits that goes by in the bar (fits with and without it differ by less than fits differ).
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time

CASES = (((64, 32, 10), 32, 600), ((784, 128, 10), 128, 200))
CONTESTANTS = {
    "Trainer": {"progress": False},
    "with accuracy": {"progress": False, "metrics": ["accuracy"]},
    "with bar": {"progress": True},
}


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


def bare(case):
    """An epoch by hand around the recorded step, which adds the losses up; gives its seconds."""
    import fastnn

    model, loss_of, optimizer, loader = parts(*case)
    step = fastnn.compile_step(model, loss_of, optimizer)

    def epoch():
        total = 0.0
        began = time.perf_counter()
        for x, y in loader:
            total += step(x, y).item()
        return time.perf_counter() - began

    return epoch


def in_turns(case, rounds, options):
    """Microseconds per batch of the bare loop, how many more of the Trainer's, and that of the fastest."""
    from fastnn.training import Callback, Trainer

    by_hand, times = bare(case), []

    class Turns(Callback):
        def on_epoch_end(self, trainer, record):
            times.append((by_hand(), record["seconds"]))

    model, loss_of, optimizer, loader = parts(*case)
    trainer = Trainer(model, loss_of, optimizer, callbacks=[Turns()], **options)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        trainer.fit(loader, epochs=rounds)
    bare_times, trainer_times = zip(*times[1:], strict=True)  # the first round records
    more = statistics.median(t - b for b, t in times[1:])
    fastest = min(trainer_times) - min(bare_times)
    return [1e6 * t / case[2] for t in (statistics.median(bare_times), more, fastest)]


def overhead(rounds, placements):
    for number, (sizes, batch_size, _) in enumerate(CASES):
        shown = []
        for name in CONTESTANTS:
            command = (sys.executable, "-m", "benchmarks.trainer", "--rounds", str(rounds))
            found = [
                json.loads(subprocess.check_output([*command, "--worker", str(number), name]))
                for _ in range(placements)
            ]
            columns = zip(*found, strict=True)
            by_hand, more, fastest = (statistics.median(column) for column in columns)
            share = f"{more / by_hand:+.1%} of {by_hand:.1f}"
            shown.append(f"{name} {more:+.2f} us ({share}; fastest {fastest:+.2f})")
        layers = "-".join(map(str, sizes))
        print(f"{layers}, batch {batch_size}: " + ", ".join(shown), flush=True)


def bar_share(case, rounds):
    """The share of a whole fit, from call to return, that goes by in the bar's methods: the median."""
    from fastnn.training import Trainer
    from fastnn.training.progress import Progress

    def timed(method):
        def call(*args):
            began = time.perf_counter()
            method(*args)
            spent[-1] += time.perf_counter() - began

        return call

    for name in [name for name in vars(Progress) if name.startswith("on_")]:
        setattr(Progress, name, timed(getattr(Progress, name)))
    model, loss_of, optimizer, loader = parts(*case)
    epochs = 60_000 // case[2] if case[0][0] < 100 else 12  # about a second
    spent, shares = [], []
    for _ in range(1 + rounds):
        trainer = Trainer(model, loss_of, optimizer, progress=True)
        spent.append(0.0)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            began = time.perf_counter()
            trainer.fit(loader, epochs=epochs)
            shares.append(spent[-1] / (time.perf_counter() - began))
    return statistics.median(shares[1:])  # the first imports tqdm


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--placements", type=int, default=3)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        number, name = options.worker
        print(json.dumps(in_turns(CASES[int(number)], options.rounds, CONTESTANTS[name])))
        return
    overhead(options.rounds, options.placements)
    for case in CASES:
        share = bar_share(case, 5)
        print(f"{'-'.join(map(str, case[0]))}: the bar takes {share:.2%} of a fit", flush=True)


if __name__ == "__main__":
    main()
