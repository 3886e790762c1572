"""Ends of a fit by the clock and by a number that is good enough."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from fastnn.ops.argument import _number as number
from fastnn.training.callback import Callback, Monitor

if TYPE_CHECKING:
    from fastnn.training.trainer import Trainer


class TimeLimit(Callback):
    """End the fit after some time: after the batch during which it runs out.

    The epoch that is cut short is not in the history; a `ModelCheckpoint` saves where it stands, and
    ``fit(resume=...)`` goes on there, with the whole time again.

    Parameters
    ----------
    seconds : float
        Wall time of one fit, above 0.

    Raises
    ------
    ValueError
        If `seconds` is not positive.

    Examples
    --------
    >>> from fastnn.training import TimeLimit
    >>> TimeLimit(3600)
    TimeLimit(3600)
    """

    def __init__(self, seconds: float):
        if not number(seconds, "TimeLimit: seconds") > 0:
            raise ValueError(f"TimeLimit: seconds must be positive, got {seconds}")
        self.seconds = seconds
        self._end = math.inf

    def on_fit_start(self, trainer: Trainer) -> None:
        self._end = time.monotonic() + self.seconds

    def on_batch_end(self, trainer: Trainer, batch: int, loss: float) -> None:
        if time.monotonic() >= self._end:
            trainer.stop(f"the time limit of {self.seconds:g} s in epoch {trainer.epoch}", now=True)

    def __repr__(self):
        return f"TimeLimit({self.seconds:g})"


class Target(Callback):
    """End the fit after the epoch in which a number is good enough.

    Parameters
    ----------
    monitor : str
        Column of the history, such as "val_accuracy" or "loss".
    value : float
        At least this for numbers of which more is better, at most this for the others.
    mode : {"min", "max"}, optional
        Default: "max" for accuracy, precision, recall, f1, auc and r2, else "min".

    Raises
    ------
    ValueError
        At the start of the fit: `monitor` asks for validation rows and there are none.

    Examples
    --------
    >>> from fastnn.training import Target
    >>> Target("val_accuracy", 0.98), Target("loss", 0.01)
    (Target('val_accuracy', at least 0.98), Target('loss', at most 0.01))
    """

    def __init__(self, monitor: str, value: float, mode: str | None = None):
        self._monitor = Monitor(monitor, mode, 0, "Target")
        self.value = float(number(value, "Target: value"))

    def on_fit_start(self, trainer: Trainer) -> None:
        self._monitor.check(trainer)
        if trainer.history.num_epochs:  # resumed
            self._look(trainer, {n: column[-1] for n, column in trainer.history.items()})

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        self._look(trainer, record)

    def _look(self, trainer, record):
        reached = self._monitor.value(record)
        gain = reached - self.value if self._monitor.mode == "max" else self.value - reached
        if gain >= 0:
            name = self._monitor.name
            epoch = trainer.epoch
            trainer.stop(f"{name} is {reached:.6g} in epoch {epoch}, {self._words} was asked for")

    @property
    def _words(self):
        return f"at {'least' if self._monitor.mode == 'max' else 'most'} {self.value:g}"

    def __repr__(self):
        return f"Target({self._monitor.name!r}, {self._words})"
