"""The progress bar: one line for the whole fit, quiet where nobody watches."""

import math
import os
import sys
import time

from fastnn.training.callback import Callback

_FORMAT = "{desc} |{bar:10}| {remaining} left, {rate_fmt}{postfix}"
_NARROW = "{desc}, {remaining} left, {rate_fmt}{postfix}"  # below 100 columns
_REFRESH = 0.1  # seconds: 10 Hz at most
_BATCHES = 64  # of short ones: so many pay for one look at the clock


class Progress(Callback):
    """A bar with epoch, loss and the last epoch's numbers, samples per second and time left.

    Parameters
    ----------
    enabled : bool, optional
        Default: whether standard error is a terminal, or this is a notebook.

    Attributes
    ----------
    due : int
        Batch of the epoch from which on `on_batch_end` has anything to do.
    """

    def __init__(self, enabled=None):
        self.enabled = _watched() if enabled is None else enabled
        self._bar, self.due = None, math.inf

    def on_fit_start(self, trainer):
        if not self.enabled:
            return
        self._rows = _rows_of_epoch(trainer)
        self._shown = trainer.epoch * self._rows + trainer.sums.rows
        total = trainer.epochs * self._rows
        steps = {"total": total, "initial": self._shown, "unit": " samples", "unit_scale": True}
        always = {"mininterval": 0, "miniters": 1}  # when to refresh is decided here
        if _in_notebook():
            import tqdm.auto

            self._bar = tqdm.auto.tqdm(**steps, **always)
        else:
            import tqdm

            # columns and rows are given, because tqdm shows nothing where a terminal claims 0
            columns = _columns()
            look = (
                {"bar_format": _FORMAT} if columns >= 100 else {"bar_format": _NARROW, "unit": ""}
            )
            self._bar = tqdm.tqdm(**steps | always | look, ncols=columns, nrows=20)
        self._numbers = self._last = ""
        self._refresh_at = 0.0

    def on_epoch_start(self, trainer):
        if self._bar is not None:
            # the batch that the clock was last looked at after, when that was, and the next such
            self._at, self._looked = trainer.batch, time.perf_counter()
            self.due = self._at + 1

    def on_batch_end(self, trainer, batch, loss):
        if batch < self.due:
            return
        now = time.perf_counter()
        each = (now - self._looked) / (batch - self._at)
        self.due = batch + (int(min(_BATCHES, 1 + 0.1 * _REFRESH / each)) if each else 1)
        self._at, self._looked = batch, now
        if now >= self._refresh_at:
            self._refresh_at = now + _REFRESH
            self._show(trainer, trainer.sums.rows, f"loss {loss:.3g}{self._numbers}")

    def on_epoch_end(self, trainer, record):
        if self._bar is None:
            return
        shown = [n for n in record if n.startswith("val_")]  # where there are none: what there is
        shown = shown or [n for n in record if n not in ("epoch", "loss", "lr", "seconds")]
        self._numbers = "".join(f", {name} {record[name]:.3g}" for name in shown)
        self._last = f"loss {record['loss']:.3g}{self._numbers}"

    def on_fit_end(self, trainer):
        if self._bar is None:
            return
        done = trainer.sums.rows if trainer.batch else self._rows  # cut short, or at an epoch's end
        self._show(trainer, done, self._last)
        self._bar.close()
        self._bar, self.due = None, math.inf

    def _show(self, trainer, rows, numbers):
        self._bar.set_description_str(f"epoch {trainer.epoch}/{trainer.epochs}", refresh=False)
        self._bar.set_postfix_str(numbers, refresh=False)
        done = (trainer.epoch - 1) * self._rows + min(rows, self._rows)
        self._bar.update(max(done - self._shown, 0))
        self._shown = max(done, self._shown)


def _rows_of_epoch(trainer):
    """Training rows of an epoch; batches where only they are known."""
    loader, batches = trainer.loader, trainer.num_batches
    if not hasattr(loader, "dataset") or not hasattr(loader, "batch_size"):
        return batches
    most = batches * loader.batch_size
    return most if loader.sampler is not None else min(most, len(loader.dataset))


def _watched():
    return _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def _in_notebook():
    return "ipykernel" in sys.modules


def _columns():
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):  # no terminal, closed, or not a real file
        return 80
