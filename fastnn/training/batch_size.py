"""The batch-size finder: the largest batch that fits a memory budget, and the rate that goes with it."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import fastnn
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole
from fastnn.training import feed
from fastnn.training.nonfinite import NonFinite
from fastnn.training.state import untouched

if TYPE_CHECKING:
    from fastnn.training.trainer import Trainer

_SHARE = 0.5  # of the memory that is free, where no budget is given


@dataclass(frozen=True)
class BatchSize:
    """What `Trainer.scale_batch_size` found.

    Attributes
    ----------
    batch_size : int
        Rows of a batch.
    lr : float
        The optimizer's rate times ``batch_size`` over the batch size it was meant for.
    memory, budget : int
        Bytes that a step with this batch takes at its peak, and how many there are.
    trials : dict of int to int
        Every batch size that was measured, and its bytes.

    Examples
    --------
    >>> from fastnn.training import BatchSize
    >>> BatchSize(512, 0.016, 3_000_000, 4_000_000).lr
    0.016
    """

    batch_size: int
    lr: float
    memory: int
    budget: int
    trials: dict = field(default_factory=dict)


def scale_batch_size(
    trainer: Trainer,
    train: Any,
    *,
    memory: int | None = None,
    init_val: int = 32,
    max_batch: int | None = None,
) -> BatchSize:
    """Find the largest power of two that is a batch size within a memory budget.

    Steps of a few small batches are measured; what a row takes follows from them, so that no batch
    above the budget is ever tried. The largest one is measured, too. Weights, optimizer, gradients,
    generators and files are afterwards as they were.

    Parameters
    ----------
    train : (x, y), Dataset or DataLoader
        Of a loader its dataset.
    memory : int, optional
        Bytes that a step may take at its peak: activations, gradients and the batch itself, not the
        data set, the weights and the optimizer's state. Default: half of the memory that is free.
    init_val : int
        The batch size that the present learning rate is meant for. Default 32.
    max_batch : int, optional
        Upper limit. Default: the number of rows.

    Returns
    -------
    BatchSize
        ``.batch_size``, and ``.lr`` by the linear scaling rule.

    Raises
    ------
    MemoryError
        Not even a batch of one row fits (two, where the model has batch normalization).
    TypeError, ValueError
        What is no data, or no positive number.

    Notes
    -----
    Rule: lr proportional to the batch size; Goyal et al., "Accurate, Large Minibatch SGD", 2017,
    section 2.1. It holds up to some size that depends on the problem: warm up, and try it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, optim
    >>> from fastnn.training import Trainer
    >>> model = nn.Linear(8, 1)
    >>> trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.01))
    >>> x = np.random.default_rng(0).normal(size=(4096, 8)).astype(np.float32)
    >>> found = trainer.scale_batch_size((x, x[:, :1]), memory=64 * 1024)
    >>> found.memory <= 64 * 1024, found.lr == 0.01 * found.batch_size / 32
    (True, True)
    """
    whole(init_val, "scale_batch_size: init_val", 1)
    if max_batch is not None:
        whole(max_batch, "scale_batch_size: max_batch", 1)
    if memory is None:
        memory = _SHARE * _free_memory()
    budget = int(number(memory, "scale_batch_size: memory"))
    with untouched(trainer, train):
        loader = feed.as_loader(train, "train", dtype=feed.dtype_of(trainer.model))
        dataset = getattr(loader, "dataset", None)
        if dataset is None:
            raise TypeError("scale_batch_size: expected (x, y), a Dataset or a DataLoader")
        most = len(dataset) if max_batch is None else min(len(dataset), max_batch)
        trials, size = {}, 2 if most > 1 else 1
        _measure(trainer, dataset, size)  # the optimizer makes its state at the first step
        while True:
            trials[size] = _measure(trainer, dataset, size)
            if trials[size] > budget or 2 * size > most:
                break
            smaller = trials.get(size // 2)
            # a doubled batch takes at most what the last doubling added, twice
            if smaller is not None and 2 * trials[size] - smaller + _slack(trials[size]) > budget:
                break
            size *= 2
    fitting = [size for size, taken in trials.items() if taken <= budget]
    if not fitting:
        raise MemoryError(
            f"scale_batch_size: a step of {size} rows takes {trials[size]} bytes, the budget is {budget}"
        )
    best = max(fitting)
    lr = trainer.optimizer.param_groups[0]["lr"] * best / init_val
    return BatchSize(best, lr, trials[best], budget, trials)


def _measure(trainer, dataset, size):
    """Bytes that a step with a batch of this size takes at its peak."""
    gc.collect()  # the trial before: what it leaves must not go away in the middle of this one
    fastnn.empty_cache()
    fastnn.reset_peak_memory()
    before = fastnn.memory_stats()["allocated"]
    trainer._prepare(fastnn.data.DataLoader(dataset, batch_size=size), None, 1, None, False)
    trainer.model.train()
    fields = next(iter(trainer.loader))
    for _ in range(3):  # two are recorded, one is replayed
        try:
            trainer.update(*feed.split_batch(fields, feed.dtype_of(trainer.model)))
        except NonFinite:
            break
    trainer.update = None
    return fastnn.memory_stats()["peak"] - before


def _slack(taken):
    return taken // 16


def _free_memory():
    """Bytes that this machine can still give."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return 1 << 30
