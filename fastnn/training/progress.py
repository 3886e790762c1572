"""The progress bar: one line for the whole fit, quiet where nobody watches."""

import sys
import time

from fastnn.training.callback import Callback

_REFRESH = 0.1  # seconds: 10 Hz at most, so that a step pays one look at the clock


class Progress(Callback):
    """A bar with epoch, loss and the last epoch's numbers, batches per second and time left.

    Parameters
    ----------
    enabled : bool, optional
        Default: whether standard error is a terminal, or this is a notebook.
    """

    def __init__(self, enabled=None):
        self.enabled = _watched() if enabled is None else enabled
        self._bar = None

    def on_fit_start(self, trainer):
        if not self.enabled:
            return
        import tqdm.auto

        self._bar = tqdm.auto.tqdm(
            total=trainer.epochs * trainer.num_batches,
            unit="batch",
            dynamic_ncols=True,
            mininterval=0,
            miniters=1,
        )
        self._done = self._shown = 0
        self._numbers = ""
        self._due = 0.0

    def on_batch_end(self, trainer, batch, loss):
        if self._bar is None:
            return
        self._done += 1
        now = time.perf_counter()
        if now >= self._due:
            self._due = now + _REFRESH
            self._show(trainer, f"loss {loss:.4f}{self._numbers}")

    def on_epoch_end(self, trainer, record):
        if self._bar is None:
            return
        shown = [n for n in record if n.startswith("val_")]  # where there are none: what there is
        shown = shown or [n for n in record if n not in ("epoch", "loss", "lr", "seconds")]
        self._numbers = "".join(f", {name} {record[name]:.4f}" for name in shown)
        self._last = f"loss {record['loss']:.4f}{self._numbers}"

    def on_fit_end(self, trainer):
        if self._bar is None:
            return
        self._show(trainer, getattr(self, "_last", ""))
        self._bar.close()
        self._bar = None

    def _show(self, trainer, numbers):
        self._bar.set_description_str(f"epoch {trainer.epoch}/{trainer.epochs}", refresh=False)
        self._bar.set_postfix_str(numbers, refresh=False)
        self._bar.update(self._done - self._shown)
        self._shown = self._done


def _watched():
    return sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules)
