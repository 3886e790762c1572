"""The mistakes that beginners make in a loop of their own, each met at the line that makes it.

Those that the Trainer meets are in test_beginner_mistakes.py.
"""

import numpy as np
import pytest

import fastnn
from fastnn import data, nn, optim


def own_step(x=None, y=None, swap=False, twice=False, mean=True):
    """A step as people write it by hand, with one thing other than it should be."""
    model = nn.Linear(4, 3)
    x0, y0 = np.ones((6, 4), np.float32), np.arange(6) % 3
    y = fastnn.tensor(y0) if y is None else y
    logits = model(fastnn.tensor(x0) if x is None else x)
    reduction = "mean" if mean else "none"
    loss = nn.CrossEntropyLoss(reduction=reduction)(*((y, logits) if swap else (logits, y)))
    loss.backward()
    if twice:
        loss.backward()


def made(kind, *args, **options):
    return kind(*(args or (nn.Linear(4, 3).parameters(),)), **options)


OWN_LOOP = {
    "wrong input width": (lambda: own_step(x=fastnn.ones(6, 5)), ["5 features", "expects 4"]),
    "float64 data": (lambda: own_step(x=np.ones((6, 4))), ["float64", "float32"]),
    "integers as inputs": (lambda: own_step(x=fastnn.ones(6, 4).long()), ["int64", ".float()"]),
    "labels as floats": (lambda: own_step(y=fastnn.ones(6)), ["float32", "integers", ".long()"]),
    "labels as text": (lambda: own_step(y=np.array(["a"] * 6)), ["text", "'a'"]),
    "labels as a column": (lambda: own_step(y=fastnn.ones(6, 1).long()), ["target.squeeze(1)"]),
    "labels from 1 to C": (
        lambda: own_step(y=fastnn.tensor([1, 2, 3, 1, 2, 3])),
        ["position 2 is 3", "0 to 2", "counted from 0"],
    ),
    "fewer labels": (lambda: own_step(y=fastnn.ones(5).long()), ["(5,)", "(6,)"]),
    "target before output": (lambda: own_step(swap=True), ["swapped", "(output, target)"]),
    "a loss per row": (lambda: own_step(mean=False), ["one element", ".mean()"]),
    "backward twice": (lambda: own_step(twice=True), ["retain_graph"]),
    "(n, 1) against (n,)": (
        lambda: nn.MSELoss()(fastnn.zeros(5, 1), fastnn.zeros(5)),
        ["(5, 1)", "(5,)"],
    ),
    "a rate as text": (lambda: made(optim.Adam, lr="0.1"), ["lr must be a number", "'0.1'"]),
    "a negative rate": (lambda: made(optim.SGD, lr=-0.1), ["lr", "at least 0", "-0.1"]),
    "no parameters": (lambda: made(optim.Adam, nn.ReLU().parameters()), ["empty"]),
    "a model as parameters": (lambda: made(optim.Adam, nn.Linear(4, 3)), ["iterable", "Linear"]),
    "one row in batch norm": (
        lambda: nn.BatchNorm1d(4)(fastnn.ones(1, 4)),
        ["more than one value", "drop_last=True"],
    ),
    "empty data": (lambda: data.DataLoader(data.TensorDataset(np.empty((0, 4)))), ["empty"]),
    "a tuple as dataset": (
        lambda: data.DataLoader((np.ones((6, 4)), np.arange(6))),
        ["TensorDataset(*arrays)"],
    ),
}


@pytest.mark.parametrize("mistake", OWN_LOOP)
def test_mistakes_in_a_loop_of_ones_own(mistake):
    make, words = OWN_LOOP[mistake]
    with pytest.raises((TypeError, ValueError, IndexError, RuntimeError)) as caught:
        make()
    for word in words:
        assert word in str(caught.value)
