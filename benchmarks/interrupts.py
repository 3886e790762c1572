"""How soon Ctrl-C is answered: ``python -m benchmarks.interrupts [--count N]``.

SIGINT at random moments of long work of every kind: seconds until the call has returned, or raised
KeyboardInterrupt, the median and the most of all. Without an answer each would take many times longer.
"""

import argparse
import contextlib
import os
import random
import signal
import statistics
import threading
import time

import numpy as np

import fastnn
from fastnn import data, nn, optim
from fastnn.training import Trainer


def arrays(rows, features=784):
    rng = np.random.default_rng(0)
    return rng.random((rows, features), dtype=np.float32), rng.integers(0, 10, rows)


def trainer(hidden, **options):
    fastnn.manual_seed(0)
    layers = [nn.Linear(784, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, hidden)]
    model = nn.Sequential(*layers, nn.ReLU(), nn.Linear(hidden, 10))
    return Trainer(
        model,
        nn.CrossEntropyLoss(),
        optim.Adam(model.parameters()),
        metrics=["accuracy"],
        progress=False,
        **options,
    )


class Slow(data.Dataset):
    """Rows that take a hundredth of a second each, as from a slow disk."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        time.sleep(0.01)
        return self.x[i], self.y[i]


def fit(hidden, rows, batch_size, val_rows=0, **options):
    t, train = trainer(hidden, **options), arrays(rows)
    val = arrays(val_rows) if val_rows else None
    return lambda: t.fit(train, val, epochs=10**6, batch_size=batch_size)


def loading(prefetch):
    t, rows = trainer(64), Slow(*arrays(512))
    loader = data.DataLoader(rows, 256, shuffle=True, prefetch=prefetch)
    return lambda: t.fit(loader, epochs=10**6)


def predicting():
    t, (x, _) = trainer(2048), arrays(20_000)

    def predict():
        while True:
            t.predict(x, batch_size=20_000)

    return predict


def sweeping():
    t, train = trainer(2048), arrays(8192)
    return lambda: t.lr_find(train, num_training=10**6, batch_size=8192, early_stop_threshold=None)


def one_operation():
    a = fastnn.tensor(np.random.default_rng(0).random((6144, 6144), dtype=np.float32))
    return lambda: a @ a


def convolution():
    layer = nn.Conv2d(64, 128, 3, padding=1)
    x = fastnn.rand(64, 64, 64, 64)

    def apply():
        while True:
            layer(x).sum().backward()

    return apply


def recurrent():
    layer, x = nn.LSTM(512, 512), fastnn.rand(500, 64, 512)

    def apply():
        while True:
            layer(x)[0].sum().backward()

    return apply


def step_by_hand():
    t, (x, y) = trainer(2048), arrays(8192)
    step = fastnn.compile_step(t.model, t.loss, t.optimizer)
    x, y = fastnn.tensor(x), fastnn.tensor(y)

    def loop():
        while True:
            step(x, y)

    return loop


# what is interrupted, and what makes the function that does it
WORK = {
    "fit, short steps": lambda: fit(128, 12_800, 128),
    "fit, steps of a second": lambda: fit(2048, 8192, 8192),
    "fit, gradients of 3 batches": lambda: fit(2048, 12_288, 4096, accumulate_grad_batches=3),
    "fit, validating": lambda: fit(2048, 256, 128, val_rows=60_000),
    "fit, loading": lambda: loading(0),
    "fit, loading ahead": lambda: loading(2),
    "predict": predicting,
    "lr_find": sweeping,
    "recorded step by hand": step_by_hand,
    "one product": one_operation,
    "convolutions": convolution,
    "LSTM": recurrent,
}


def answer(work, moment):
    """Seconds from SIGINT, `moment` seconds after the start, to the end of the call; what it gave."""
    sent = []

    def press():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(moment, press)
    timer.start()
    result = None
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            result = work()
            ended = time.perf_counter()
            timer.join()  # work that ended before its interrupt raises here
    except KeyboardInterrupt:
        ended = time.perf_counter()
    timer.join()
    return ended - sent[0], result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="interrupts of all kinds together")
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
    moments, everything = random.Random(0), []
    chosen = {name: make for name, make in WORK.items() if options.only in name}
    for name, make in chosen.items():
        work, seconds = make(), []
        for _ in range(-(-options.count // len(chosen))):
            taken, result = answer(work, moments.uniform(0.05, 1.0))
            history = result if name.startswith("fit") else None
            # none: it came before the first step, and fit raised KeyboardInterrupt
            if history is not None and "Ctrl-C" not in history.stopped:
                raise SystemExit(f"{name}: ended by itself")
            seconds.append(taken)
        everything += seconds
        print(
            f"{name:<30} median {statistics.median(seconds):.3f} s, most {max(seconds):.3f} s",
            flush=True,
        )
    print(
        f"{len(everything)} interrupts: median {statistics.median(everything):.3f} s, "
        f"most {max(everything):.3f} s"
    )


if __name__ == "__main__":
    main()
