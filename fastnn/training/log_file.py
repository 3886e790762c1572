"""LogFile: the history as CSV or JSON lines, written while training goes on."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any

from fastnn.data.atomic import path_of, replacing
from fastnn.training.callback import Callback
from fastnn.training.history import finite

if TYPE_CHECKING:
    from fastnn.training.trainer import Trainer


class LogFile(Callback):
    """Write every epoch's numbers to a file as soon as they are known: Keras' ``CSVLogger``.

    Parameters
    ----------
    path : str or path
        ``.csv`` for a header and one line per epoch, ``.jsonl`` for one JSON object per line.
        Where a file of another run is in the way, a number is put into the name (``-v2``).

    Attributes
    ----------
    path : str
        Where it writes.

    Raises
    ------
    ValueError
        Another ending.

    Notes
    -----
    Each line is handed to the system at once. A fit that is resumed writes the epochs before its
    checkpoint anew and goes on, so that no epoch is in the file twice. In JSON lines NaN and
    infinity are null.

    Examples
    --------
    >>> import os, tempfile, numpy as np
    >>> from fastnn import nn
    >>> from fastnn.training import LogFile, Trainer
    >>> x = np.ones((4, 1), np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = LogFile(os.path.join(folder, "history.csv"))
    ...     _ = Trainer(nn.Linear(1, 1), nn.MSELoss(), callbacks=[log]).fit((x, x), epochs=2)
    ...     open(log.path).read().splitlines()[0]
    'epoch,loss,lr,seconds'
    """

    def __init__(self, path: Any):
        self.path = path_of(path, "LogFile: path")
        self._stem, self._ending = os.path.splitext(self.path)
        if self._ending not in (".csv", ".jsonl"):
            raise ValueError(f"LogFile: the name must end in .csv or .jsonl, got {self.path!r}")
        self._run, self._columns, self._file = "", [], None

    def on_fit_start(self, trainer: Trainer) -> None:
        if self._run != trainer.run:
            self._run, number = trainer.run, 1
            self.path = self._stem + self._ending
            while os.path.exists(self.path):
                number += 1
                self.path = f"{self._stem}-v{number}{self._ending}"
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        history = trainer.history
        self._columns = list(history)
        rows = list(zip(*history.values(), strict=True))
        with replacing(self.path) as file:
            file.write(self._text(self._columns, rows, header=bool(rows)).encode())
        self._file = open(self.path, "a", encoding="utf-8", newline="")  # noqa: SIM115

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        first = not self._columns
        if first:
            self._columns = list(record)
        row = [record.get(name) for name in self._columns]
        self._file.write(self._text(self._columns, [row], header=first))
        self._file.flush()

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def state_dict(self) -> dict[str, Any]:
        """See `Callback`."""
        return {"run": self._run, "name": os.path.basename(self.path)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Callback`."""
        if os.path.basename(state["name"]) != state["name"]:
            raise ValueError(f"a log file's name is a plain file name, not {state['name']!r}")
        if not os.path.splitext(state["name"])[0].startswith(os.path.basename(self._stem)):
            return  # a new name was chosen for the rest of the run
        self._run = state["run"]
        self.path = os.path.join(os.path.dirname(self.path), state["name"])

    def _text(self, columns, rows, header):
        if self._ending == ".csv":
            text = io.StringIO(newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerows([columns, *rows] if header else rows)
            return text.getvalue()
        return "".join(
            json.dumps(finite(dict(zip(columns, row, strict=True)))) + "\n" for row in rows
        )
