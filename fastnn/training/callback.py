"""The callback protocol: what the Trainer calls, and when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnn.ops.argument import _number as number

if TYPE_CHECKING:
    from fastnn.training.trainer import Trainer

_LARGER_IS_BETTER = ("accuracy", "precision", "recall", "f1", "auc", "r2")


class Callback:
    """Base class of callbacks: empty methods, of which a subclass defines those it needs.

    Whatever a callback wants to know is an attribute of the trainer: ``model``, ``optimizer``,
    ``epoch`` (from 1), ``epochs``, ``history``, ``num_batches``, ``global_step``.
    ``trainer.stop("why")`` ends the fit after the current epoch, ``stop("why", now=True)`` after the
    current batch. A fit that is resumed calls `on_fit_start`, and `on_epoch_start` of the epoch that
    it goes on with.

    Notes
    -----
    Like ``keras.callbacks.Callback``.

    Examples
    --------
    >>> from fastnn.training import Callback
    >>> class Shout(Callback):
    ...     def on_epoch_end(self, trainer, record):
    ...         print(f"epoch {trainer.epoch}: {record['loss']:.2f}!")
    """

    def on_fit_start(self, trainer: Trainer) -> None:
        """Before the first epoch; data and model are checked."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Before the first batch of an epoch."""

    def on_batch_end(self, trainer: Trainer, batch: int, loss: float) -> None:
        """After the optimizer's step on batch number `batch` (from 1)."""

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        """After training and validation of an epoch; `record` is already in the history."""

    def on_interrupt(self, trainer: Trainer) -> None:
        """After a batch at which the fit ends: by Ctrl-C or ``stop(why, now=True)``."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """Once, however the fit ended: by its epochs, by `stop`, by Ctrl-C or by an error."""

    def state_dict(self) -> dict[str, Any]:
        """What the callback remembers from epoch to epoch, for checkpoints: numbers, text, arrays."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back `state`, what `state_dict` gave; called before `on_fit_start` of a resumed fit."""


class Calls:
    """Calls the callbacks of a trainer: those that define a method, so that empty ones cost nothing.

    Last comes the progress bar, `bar`; whoever goes through batches asks it himself whether one is due.
    """

    def __init__(self, trainer, bar):
        self._trainer, self.bar = trainer, bar

    def methods(self, name):
        """The callbacks' own methods of that name."""
        empty = getattr(Callback, name)
        everyone = self._trainer.callbacks
        return [getattr(c, name) for c in everyone if getattr(type(c), name) is not empty]

    def __call__(self, name, *args):
        for method in (*self.methods(name), getattr(self.bar, name)):
            method(self._trainer, *args)


def named(callbacks):
    """Every callback with a name for its state: its class, and a number from the second on."""
    seen = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}-{seen[name]}"), callback


class Monitor:
    """Reads one number of an epoch's record and remembers the best one so far.

    Parameters
    ----------
    name : str
        A column of the history, such as "val_loss".
    mode : {"min", "max", None}
        What is better. None: "max" for accuracy, precision, recall, f1, auc and r2, else "min".
    min_delta : float
        Smallest change that counts as better, at least 0.
    owner : str
        Who asks, for error messages.
    """

    def __init__(self, name, mode, min_delta, owner):
        if not isinstance(name, str):
            raise TypeError(f"{owner}: monitor must be the name of a number, got {name!r:.40}")
        if mode is None:
            mode = "max" if any(word in name for word in _LARGER_IS_BETTER) else "min"
        if mode not in ("min", "max"):
            raise ValueError(f"{owner}: mode must be 'min', 'max' or None, got {mode!r}")
        if not number(min_delta, f"{owner}: min_delta") >= 0:
            raise ValueError(f"{owner}: min_delta must be at least 0, got {min_delta}")
        self.name, self.mode, self.min_delta, self.owner = name, mode, min_delta, owner
        self.reset()

    def reset(self):
        """Forget the best number."""
        self.best = math.inf if self.mode == "min" else -math.inf

    def check(self, trainer):
        """Before training: a number of the validation rows needs validation rows."""
        if self.name.startswith("val_") and not trainer.has_val:
            raise ValueError(
                f"{self.owner}: monitor={self.name!r} needs validation data: fit(train, val=...)"
            )

    def value(self, record):
        """The monitored number of an epoch."""
        if self.name not in record:
            raise ValueError(
                f"{self.owner}: monitor={self.name!r} is not recorded; there are {list(record)}"
            )
        return record[self.name]

    def improves(self, value):
        """Whether `value` beats the best so far (NaN never does); it is the best from then on."""
        gain = self.best - value if self.mode == "min" else value - self.best
        if gain > self.min_delta:
            self.best = value
            return True
        return False
