"""The History: the numbers of every epoch, as a dict of lists and as CSV."""

import csv
import io
import json
import math

from fastnn.data.atomic import replacing


class History(dict):
    """Column name to list of numbers, one per finished epoch.

    Columns: ``epoch``, ``loss`` and the metrics of the training rows, the same with ``val_`` for
    the validation rows, ``lr``, ``seconds``. The training columns come from the epoch's batches,
    each as it was before its step.

    Attributes
    ----------
    stopped : str
        Why training ended.

    Examples
    --------
    >>> from fastnn.training import History
    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.5})
    >>> history.append({"epoch": 2, "loss": 0.25, "val_loss": 0.3})
    >>> history["loss"], history["val_loss"]
    ([0.5, 0.25], [None, 0.3])
    >>> history.best("loss")
    (2, 0.25)
    """

    def __init__(self, columns=(), stopped=""):
        super().__init__(columns)
        self.stopped = stopped

    @property
    def history(self):
        """The dict itself, under the name that Keras gives it."""
        return self

    @property
    def num_epochs(self):
        """Number of finished epochs."""
        return max(map(len, self.values()), default=0)

    def append(self, record):
        """Add the numbers of one epoch; a column that a record lacks holds None there."""
        before = self.num_epochs
        for name in (*self, *(n for n in record if n not in self)):
            self.setdefault(name, [None] * before).append(record.get(name))

    def best(self, name, mode="min"):
        """(epoch, value) of the smallest (or, for `mode` "max", largest) number of the column `name`.

        KeyError where there is no such column, ValueError where it holds no numbers.
        """
        if name not in self:
            raise KeyError(f"history has no column {name!r}; there are {list(self)}")
        pairs = [
            (v, e) for e, v in enumerate(self[name], 1) if v is not None and v == v
        ]  # v != v: NaN
        if not pairs:
            raise ValueError(f"history: column {name!r} holds no numbers")
        value, epoch = min(pairs) if mode == "min" else max(pairs, key=lambda p: (p[0], -p[1]))
        return epoch, value

    def to_csv(self, path):
        """Write a header and one line per epoch to `path`; the file is replaced as a whole.

        OSError: it cannot be written.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self)
        writer.writerows(zip(*self.values(), strict=True))
        with replacing(path) as file:
            file.write(text.getvalue().encode())

    def to_jsonl(self, path):
        """Write one JSON object per epoch to `path`; NaN and infinity become null.

        OSError: it cannot be written.
        """
        rows = zip(*self.values(), strict=True)
        text = "".join(json.dumps(finite(dict(zip(self, row, strict=True)))) + "\n" for row in rows)
        with replacing(path) as file:
            file.write(text.encode())

    def plot(self, path=None, metric=None):
        """Loss (linear and logarithmic), a metric with its gap and the learning rate, in one picture.

        See `plot_history`.
        """
        from fastnn.training.plots import plot_history

        return plot_history(self, path, metric)

    @classmethod
    def from_csv(cls, path):
        """Read what `to_csv` wrote to `path`.

        OSError: it cannot be read; ValueError: no such file of numbers.
        """
        with open(path, newline="", encoding="utf-8") as file:
            names, *rows = list(csv.reader(file)) or [[]]
        columns = {name: [_number(row[i]) for row in rows] for i, name in enumerate(names)}
        return cls(columns)


def finite(record):
    """The record with None for NaN and infinity, which JSON lacks."""
    bad = (n for n, v in record.items() if isinstance(v, float) and not math.isfinite(v))
    return {**record, **dict.fromkeys(bad)}


def _number(cell):
    if cell == "":
        return None
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)
