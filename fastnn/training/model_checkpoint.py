"""ModelCheckpoint: the best epochs and the latest state of a run, as files."""

from __future__ import annotations

import contextlib
import math
import os
from typing import TYPE_CHECKING, Any

from fastnn.data.atomic import path_of, sweep
from fastnn.ops.argument import _whole as whole
from fastnn.training.callback import Callback, Monitor
from fastnn.training.checkpoint import CheckpointError, load_checkpoint

if TYPE_CHECKING:
    from fastnn.training.trainer import Trainer

_SUFFIX = ".safetensors"
_LAST = "last"


class ModelCheckpoint(Callback):
    """Keep the best epochs, and the latest state, as files that `Trainer.fit` can resume.

    Parameters
    ----------
    dirpath : str or path
        Folder; made if needed. Temporary files that killed processes left there are removed.
    monitor : str or None
        Column of the history that says which epoch is best. Default "val_loss"; None: no best.
    mode : {"min", "max"}, optional
        Default: "max" for names with accuracy, precision, recall, f1, auc or r2, else "min".
    save_top_k : int
        How many of the best to keep; -1 keeps all, 0 none. Default 1.
    save_last : bool
        Whether ``last.safetensors`` follows every epoch. Default False. After Ctrl-C it is saved
        in any case.
    every_n_train_steps : int, optional
        Save ``last.safetensors`` every so many steps, too, also within an epoch.
    every_n_epochs : int
        Look for the best, and save the last, after every so many epochs. Default 1.

    Attributes
    ----------
    best_model_path, last_model_path : str
        File of the best epoch, and of the latest state, or "" where there is none.
    best_model_score : float or None
        The best epoch's number.

    Notes
    -----
    Names are like ``epoch=3-val_loss=0.1234.safetensors``; a name that another run has taken gets a
    number, ``-v2``. A file is written beside its place, synced and renamed, so that whatever happens
    the newest whole file is there. Two runs at a time need two folders for their ``last`` files: the
    second one calls its own ``last-v2``. Has the arguments of Lightning's ModelCheckpoint.

    Raises
    ------
    ValueError
        Counts below 1, or at the start of the fit: `monitor` asks for validation rows and there are
        none.

    Examples
    --------
    >>> from fastnn.training import ModelCheckpoint
    >>> ModelCheckpoint("runs/a", save_last=True).best_model_path
    ''
    """

    def __init__(
        self,
        dirpath: Any,
        monitor: str | None = "val_loss",
        mode: str | None = None,
        save_top_k: int = 1,
        save_last: bool = False,
        every_n_train_steps: int | None = None,
        every_n_epochs: int = 1,
    ):
        save_top_k = whole(save_top_k, "ModelCheckpoint: save_top_k", -1)
        for name, value in (
            ("every_n_train_steps", every_n_train_steps),
            ("every_n_epochs", every_n_epochs),
        ):
            if value is not None:
                whole(value, f"ModelCheckpoint: {name}", 1)
        self.dirpath = path_of(dirpath, "ModelCheckpoint: dirpath")
        self._monitor = None if monitor is None else Monitor(monitor, mode, 0, "ModelCheckpoint")
        self.save_top_k, self.save_last = save_top_k, save_last
        self.every_n_train_steps, self.every_n_epochs = every_n_train_steps, every_n_epochs
        self._kept = []  # (badness, epoch, file name), best first
        self._dropped = ""  # the file whose place the latest one has taken
        self._last = ""
        self._saved_step = 0

    @property
    def best_model_path(self) -> str:
        """File of the best epoch, or ""."""
        return os.path.join(self.dirpath, self._kept[0][2]) if self._kept else ""

    @property
    def last_model_path(self) -> str:
        """File of the latest state, or ""."""
        return os.path.join(self.dirpath, self._last) if self._last else ""

    @property
    def best_model_score(self) -> float | None:
        """The best epoch's number, or None."""
        if not self._kept:
            return None
        return self._kept[0][0] * (1 if self._monitor.mode == "min" else -1)

    def on_fit_start(self, trainer: Trainer) -> None:
        if self._monitor is not None and self.save_top_k != 0:
            self._monitor.check(trainer)
        if os.path.isfile(self.dirpath):
            raise NotADirectoryError(f"ModelCheckpoint: {self.dirpath} is a file, not a folder")
        os.makedirs(self.dirpath, exist_ok=True)
        sweep(self.dirpath)
        if trainer.history.num_epochs == trainer.batch == 0:  # a new run
            self._kept, self._last, self._dropped, self._saved_step = [], "", "", 0
        else:  # resumed: perhaps from a file that was saved somewhere else
            self._kept = [e for e in self._kept if os.path.exists(os.path.join(self.dirpath, e[2]))]
            self._drop(trainer)

    def on_batch_end(self, trainer: Trainer, batch: int, loss: float) -> None:
        every, step = self.every_n_train_steps, trainer.global_step
        if every is not None and step % every == 0 and step != self._saved_step:
            self._save_last(trainer)

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        if trainer.epoch % self.every_n_epochs:
            return
        if self._monitor is not None and self.save_top_k != 0:
            self._save_best(trainer, record)
        if self.save_last or self.every_n_train_steps is not None:
            self._save_last(trainer, record)

    def on_interrupt(self, trainer: Trainer) -> None:
        self._save_last(trainer)

    def state_dict(self) -> dict[str, Any]:
        """See `Callback`."""
        return {
            "kept": [list(entry) for entry in self._kept],
            "last": self._last,
            "dropped": self._dropped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Callback`."""
        kept = [tuple(entry) for entry in state["kept"]]
        for name in (*(entry[2] for entry in kept), state["last"], state["dropped"]):
            if os.path.basename(name) != name:
                raise ValueError(f"a checkpoint's name is a plain file name, not {name!r}")
        self._kept, self._last, self._dropped = kept, state["last"], state["dropped"]

    def _save_best(self, trainer, record):
        value = self._monitor.value(record)
        badness = value if self._monitor.mode == "min" else -value
        full = len(self._kept) == self.save_top_k
        if not math.isfinite(value) or (full and not badness < self._kept[-1][0]):
            return
        name = self._free_name(f"epoch={trainer.epoch}-{self._monitor.name}={value:.4f}", trainer)
        self._dropped = self._kept.pop()[2] if full else ""
        self._kept = sorted([*self._kept, (badness, trainer.epoch, name)])
        self._save(name, trainer, record)  # the file knows what is kept, and what was to go
        self._drop(trainer)

    def _save_last(self, trainer, record=None):
        if not self._last:
            self._last = self._free_name(_LAST, trainer)
        self._saved_step = trainer.global_step
        self._save(self._last, trainer, record)

    def _save(self, name, trainer, record):
        path = os.path.join(self.dirpath, name)
        facts = {} if record is None else {"metrics": record}
        trainer.save_checkpoint(path, run=trainer.run, **facts)

    def _free_name(self, stem, trainer):
        name, number = stem + _SUFFIX, 1
        while self._is_taken(name, trainer):
            number += 1
            name = f"{stem}-v{number}{_SUFFIX}"
        return name

    def _is_taken(self, name, trainer):
        """By another run: a run that was resumed saves its own epochs again."""
        path = os.path.join(self.dirpath, name)
        try:
            return os.path.exists(path) and load_checkpoint(path).manifest.get("run") != trainer.run
        except CheckpointError:
            return True

    def _drop(self, trainer):
        if self._dropped and not self._is_taken(self._dropped, trainer):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.dirpath, self._dropped))


def newest(folder: Any) -> str | None:
    """The file in a folder from which a run can go on the furthest: its latest whole checkpoint.

    Of several the one that was written last; files that are damaged or hold no run are passed over.
    """
    folder = os.fspath(folder)
    paths = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(_SUFFIX)]
    for path in sorted(paths, key=lambda path: os.stat(path).st_mtime_ns, reverse=True):
        with contextlib.suppress(CheckpointError):
            if load_checkpoint(path).training is not None:
                return path
    return None
