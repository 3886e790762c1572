"""A whole script, process start to end: MNIST to 98.0% test accuracy, with the Trainer and with a plain
PyTorch loop: ``python -m benchmarks.mnist_script --data FOLDER [--rounds N]``.

Both read the same gzipped files, train 784-256-10 (ReLU) with Adam (lr 1e-3), 128 rows per step, each
epoch in a new order, test after each epoch, and end after the epoch that reaches 98.0%. They take turns,
each turn with another seed, which is the same for both (their random numbers differ all the same). A
figure is the median of all turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

GOAL = 0.98

FASTNN = """
import sys
import fastnn
from fastnn import nn, optim
from fastnn.data import load_mnist
from fastnn.training import Target, Trainer

folder, seed = sys.argv[1], int(sys.argv[2])
fastnn.manual_seed(seed)
model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
trainer = Trainer(
    model,
    nn.CrossEntropyLoss(),
    optim.Adam(model.parameters(), lr=1e-3),
    metrics=["accuracy"],
    callbacks=[Target("val_accuracy", 0.98)],
)
history = trainer.fit(load_mnist(folder), load_mnist(folder, "test"), epochs=30, batch_size=128)
print(history.num_epochs, history["val_accuracy"][-1])
"""

TORCH = """
import gzip, sys
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

folder, seed = sys.argv[1], int(sys.argv[2])


def load(stem):
    with gzip.open(f"{folder}/{stem}-images-idx3-ubyte.gz") as file:
        x = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(f"{folder}/{stem}-labels-idx1-ubyte.gz") as file:
        y = np.frombuffer(file.read(), np.uint8, offset=8)
    return torch.from_numpy(x.astype(np.float32) / 255), torch.from_numpy(y.astype(np.int64))


torch.manual_seed(seed)
model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
loss_of = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loader = DataLoader(TensorDataset(*load("train")), batch_size=128, shuffle=True)
x_test, y_test = load("t10k")
for epoch in range(1, 31):
    for x, y in loader:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
    if accuracy >= 0.98:
        break
print(epoch, accuracy)
"""


def turn(script, folder, seed):
    """Seconds from start to end of a process, its epochs and its accuracy."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, folder, str(seed)],
        check=True,
        capture_output=True,
        text=True,
        cwd=tempfile.gettempdir(),
    )
    seconds = time.perf_counter() - began
    epochs, accuracy = done.stdout.split()
    return {"seconds": seconds, "epochs": int(epochs), "accuracy": float(accuracy)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder with MNIST's four gzipped IDX files")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder, package = os.path.abspath(options.data), os.path.dirname(os.path.dirname(__file__))
    paths = [os.path.abspath(package), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    turns = {"fastnn": [], "PyTorch": []}
    for seed in range(options.rounds):
        for name, script in (("fastnn", FASTNN), ("PyTorch", TORCH)):
            turns[name].append(turn(script, folder, seed))
            print(name, json.dumps(turns[name][-1]), flush=True)
    medians = {name: statistics.median(t["seconds"] for t in all_) for name, all_ in turns.items()}
    reached = all(t["accuracy"] >= GOAL for all_ in turns.values() for t in all_)
    print(
        f"to {GOAL:.1%}: " + ", ".join(f"{name} {s:.2f} s" for name, s in medians.items()), end=""
    )
    print(
        f", ratio {medians['PyTorch'] / medians['fastnn']:.2f}"
        + ("" if reached else "; NOT reached")
    )


if __name__ == "__main__":
    main()
