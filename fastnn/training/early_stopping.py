"""EarlyStopping: ends training that no longer improves, and restores the best weights."""

from fastnn.ops.argument import _number as number
from fastnn.training.callback import Callback, Monitor
from fastnn.training.state import weights_of


class EarlyStopping(Callback):
    """Stop after `patience` epochs without improvement; the best weights are always restored.

    The weights are copied at the end of the very epoch that gave the best number, and are put back
    when the fit ends, however it ends. They are part of checkpoints.

    Parameters
    ----------
    monitor : str
        Column of the history. Default "val_loss".
    min_delta : float
        Smallest change that counts as an improvement. Default 0.
    patience : int
        Epochs without improvement, at least 1. Default 3.
    mode : {"min", "max"}, optional
        Default: "max" for names with accuracy, precision, recall, f1, auc or r2, else "min".

    Attributes
    ----------
    best : float
        The best number so far.
    best_epoch : int
        Its epoch, from 1; 0 before the first.

    Raises
    ------
    ValueError
        At the start of the fit: `monitor` asks for validation rows and there are none.

    Notes
    -----
    Has the arguments of Keras's and Lightning's EarlyStopping. Source: Prechelt, "Early stopping,
    but when?", 1998.

    Examples
    --------
    >>> from fastnn.training import EarlyStopping
    >>> EarlyStopping(monitor="val_accuracy", patience=5)
    EarlyStopping(monitor='val_accuracy', min_delta=0, patience=5, mode='max')
    """

    def __init__(self, monitor="val_loss", min_delta=0, patience=3, mode=None):
        if number(patience, "EarlyStopping: patience") < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1, got {patience}")
        self._monitor = Monitor(monitor, mode, min_delta, "EarlyStopping")
        self.patience = patience
        self._reset()

    def _reset(self):
        self._monitor.reset()
        self.best_epoch = self.wait = 0
        self._weights = None

    @property
    def best(self):
        """The best number so far."""
        return self._monitor.best

    def on_fit_start(self, trainer):
        self._monitor.check(trainer)
        if trainer.history.num_epochs == trainer.batch == 0:  # a new run
            self._reset()
        self._look(trainer)

    def on_epoch_end(self, trainer, record):
        if self._monitor.improves(self._monitor.value(record)):
            self.best_epoch, self.wait = trainer.epoch, 0
            models = [trainer.model] if trainer.ema is None else [trainer.model, trainer.ema]
            self._weights = [weights_of(model) for model in models]
            return
        self.wait += 1
        self._look(trainer)

    def _look(self, trainer):
        if self.wait >= self.patience:
            trainer.stop(
                f"{self._monitor.name} has not improved for {self.wait} epochs "
                f"(best: {self.best:.6g} in epoch {self.best_epoch})"
            )

    def on_fit_end(self, trainer):
        for model, weights in zip((trainer.model, trainer.ema), self._weights or (), strict=False):
            model.load_state_dict(weights)
        self._weights = None

    def state_dict(self):
        """See `Callback`."""
        return {
            "best": self._monitor.best,
            "best_epoch": self.best_epoch,
            "wait": self.wait,
            "weights": self._weights,
        }

    def load_state_dict(self, state):
        """See `Callback`."""
        self._monitor.best = state["best"]
        self.best_epoch, self.wait = state["best_epoch"], state["wait"]
        self._weights = state["weights"]

    def __repr__(self):
        m = self._monitor
        return (
            f"EarlyStopping(monitor={m.name!r}, min_delta={m.min_delta}, "
            f"patience={self.patience}, mode={m.mode!r})"
        )
