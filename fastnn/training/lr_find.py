"""The learning-rate finder: a sweep from small to large rates, and what it suggests."""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole
from fastnn.training import feed
from fastnn.training.interrupt import Interrupted, Interruption
from fastnn.training.nonfinite import NonFinite
from fastnn.training.state import untouched

if TYPE_CHECKING:
    from fastnn.training.trainer import Trainer

_FEWEST = 10  # points below which a curve says nothing
_SMOOTH = 0.04  # width of the smoothing, as a share of the points


class LRFind:
    """What `Trainer.lr_find` found.

    Attributes
    ----------
    lr, loss : array of float
        The rates that were tried, and the loss of the batch at each.
    diverged : bool
        Whether the sweep ended early because the loss ran away.

    Examples
    --------
    >>> from fastnn.training import LRFind
    >>> rates = [10 ** (i / 10 - 5) for i in range(50)]
    >>> found = LRFind(rates, [2 - 1.5 / (1 + (1e-3 / rate) ** 2) for rate in rates])
    >>> 1e-4 < found.suggestion() < 1e-2
    True
    """

    def __init__(self, lr: Any, loss: Any, diverged: bool = False):
        self.lr, self.loss = np.asarray(lr, float), np.asarray(loss, float)
        self.diverged = diverged

    @property
    def smoothed(self) -> np.ndarray:
        """The losses under a Gaussian window, which moves no slope to a later rate."""
        n = len(self.loss)
        width = max(1.0, _SMOOTH * n)
        distance = np.arange(n)[:, None] - np.arange(n)
        window = np.exp(-0.5 * (distance / width) ** 2)
        return window @ self.loss / window.sum(1)

    @property
    def is_noisy(self) -> bool:
        """Whether the loss falls by less than batches differ: no rate can be told from it."""
        fall, noise = self._fall_and_noise()
        return not fall > 2 * noise

    def suggestion(self, method: str = "steep") -> float | None:
        """A learning rate to train with, or None, with a warning, where the curve tells none.

        Parameters
        ----------
        method : {"steep", "valley"}
            The rate at which the smoothed loss falls the fastest (default), or the one two thirds
            down its longest fall.

        Returns
        -------
        float or None

        Raises
        ------
        ValueError
            Another method.
        """
        if method not in ("steep", "valley"):
            raise ValueError(f"suggestion: method must be 'steep' or 'valley', got {method!r}")
        if len(self.loss) < _FEWEST:
            warnings.warn(
                f"lr_find: {len(self.loss)} points are too few for a suggestion; begin at a smaller "
                "min_lr or use more steps (num_training)",
                stacklevel=2,
            )
            return None
        if self.is_noisy:
            fall, noise = self._fall_and_noise()
            warnings.warn(
                f"lr_find: the curve is too noisy for a suggestion: the loss falls by {fall:.3g}, "
                f"batches differ by {noise:.3g}; use a larger batch_size or a larger max_lr",
                stacklevel=2,
            )
            return None
        return float(self.lr[self._steepest() if method == "steep" else self._valley()])

    def plot(self, ax: Any = None) -> Any:
        """Draw loss over rate, with the suggestion, on the matplotlib Axes `ax` or new ones; returns them.

        ImportError without matplotlib.
        """
        from fastnn.training.plots import _axes

        ax = _axes(ax)
        ax.plot(self.lr, self.loss, color="#1f77b4", alpha=0.3, label="loss of a batch")
        if len(self.loss):
            ax.plot(self.lr, self.smoothed, color="#1f77b4", label="smoothed")
        if len(self.loss) >= _FEWEST and not self.is_noisy:
            at = self._steepest()
            label = f"suggestion {self.lr[at]:.2g}"
            ax.plot(self.lr[at], self.smoothed[at], "o", color="#d95f02", label=label)
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss", title="learning-rate finder")
        if len(self.loss):  # what runs away must not press the fall flat
            begin, end = self._fall()
            low, fall = self.smoothed[end], self.smoothed[begin] - self.smoothed[end]
            if fall > 0:
                ax.set_ylim(low - 0.3 * fall, low + 1.8 * fall)
        ax.legend(frameon=False)
        return ax

    def _fall(self):
        """First and last index of the deepest fall: before the minimum, after the highest point."""
        smoothed = self.smoothed
        end = int(smoothed.argmin())
        return int(smoothed[: end + 1].argmax()), end

    def _fall_and_noise(self):
        """How far the loss falls, and how far neighbouring batches lie apart before it does."""
        if len(self.loss) < 2:
            return 0.0, math.inf
        begin, end = self._fall()
        smoothed = self.smoothed
        calm = slice(0, max(end, _FEWEST))
        noise = np.abs(self.loss - smoothed)[calm].mean()
        return float(smoothed[begin] - smoothed[end]), float(noise)

    def _steepest(self):
        begin, end = self._fall()
        slope = np.gradient(self.smoothed)
        return begin + int(slope[begin : end + 1].argmin())

    def _valley(self):
        """Two thirds down the longest run of falling values."""
        falling = np.diff(self.smoothed) < 0
        best = start = length = 0
        for i, falls in enumerate(falling):
            length = length + 1 if falls else 0
            if length > best:
                best, start = length, i - length + 1
        return start + round(best * 2 / 3)

    def __repr__(self):
        if not len(self.lr):
            return "LRFind(no points)"
        end = "diverged" if self.diverged else "done"
        return f"LRFind({len(self.lr)} rates from {self.lr[0]:.3g} to {self.lr[-1]:.3g}, {end})"


def lr_find(
    trainer: Trainer,
    train: Any,
    *,
    min_lr: float = 1e-7,
    max_lr: float = 10.0,
    num_training: int = 100,
    batch_size: int | None = None,
    early_stop_threshold: float | None = 4.0,
) -> LRFind:
    """Try learning rates from small to large, one batch each, and leave no trace of it.

    Weights, optimizer, schedule, gradients, modes, random generators and the loader are afterwards
    as they were; no file is written.

    Parameters
    ----------
    train : (x, y), Dataset or DataLoader
        As `fit` takes it.
    min_lr, max_lr : float
        First and last rate of the exponential sweep. Default 1e-7 and 10.
    num_training : int
        How many rates. Default 100.
    batch_size : int, optional
        As in `fit`.
    early_stop_threshold : float or None
        End when the running mean of the loss is this many times the smallest so far. Default 4;
        None: go through all rates.

    Returns
    -------
    LRFind
        ``.suggestion()`` and ``.plot()``.

    Raises
    ------
    TypeError, ValueError
        Rates that are not 0 < min_lr < max_lr, or fewer than 2 of them.

    Notes
    -----
    Has the arguments of Lightning's ``lr_find``. Source: L. Smith, "Cyclical Learning Rates for
    Training Neural Networks", 2017, section 3.3. Groups keep the ratios of their rates.
    """
    if not 0 < number(min_lr, "lr_find: min_lr") < number(max_lr, "lr_find: max_lr") < math.inf:
        raise ValueError(f"lr_find: expected 0 < min_lr < max_lr, got {min_lr} and {max_lr}")
    whole(num_training, "lr_find: num_training", 2)
    if early_stop_threshold is not None:
        number(early_stop_threshold, "lr_find: early_stop_threshold")
    rates = np.geomspace(float(min_lr), float(max_lr), num_training)
    losses, diverged = [], False
    with untouched(trainer, train), contextlib.suppress(Interrupted), Interruption() as interrupt:
        trainer.scheduler, mean, best = None, 0.0, math.inf
        interrupt.at_once = True  # all that happens is put back
        trainer._prepare(train, None, 1, batch_size, True)
        groups = trainer.optimizer.param_groups
        base = groups[0]["lr"] or 1.0
        ratios = [group["lr"] / base if groups[0]["lr"] else 1.0 for group in groups]
        trainer.model.train()
        for step, (fields, rate) in enumerate(zip(_endless(trainer), rates, strict=False), 1):
            for group, ratio in zip(groups, ratios, strict=True):
                group["lr"] = float(rate * ratio)
            try:
                value, _ = trainer.update(*feed.split_batch(fields, feed.dtype_of(trainer.model)))
            except NonFinite:
                diverged = True
                break
            losses.append(value)
            mean = 0.9 * mean + 0.1 * value
            level = mean / (1 - 0.9**step)
            best = min(best, level)
            if early_stop_threshold is not None and level > early_stop_threshold * best > 0:
                diverged = True
                break
    return LRFind(rates[: len(losses)], losses, diverged)


def _endless(trainer):
    """Batches of one epoch after the other."""
    for epoch in itertools.count(1):
        batch = None
        for batch in feed.batches_from(trainer.loader, epoch, 0):
            yield batch
        if batch is None:
            raise ValueError("lr_find: the training loader gave no batch")
