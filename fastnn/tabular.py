"""Models of tables: a network with its preprocessing, trained from a table, in one file."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

import fastnn
from fastnn import metrics, nn, optim
from fastnn.data import Columns, Standardizer, Table, pack_transform, unpack_transform
from fastnn.data.split import split_rows
from fastnn.data.table import as_table, missing_column
from fastnn.data.target import by_value, task_of, texts_of
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _several as several
from fastnn.ops.argument import _whole as whole
from fastnn.training import EarlyStopping, Trainer, load_checkpoint, save_checkpoint

__all__ = ["TableModel", "task_of"]

_KIND = "table-model-1"


class TableModel:
    """Predicts a column of a table from its other columns.

    Gaps are filled, numbers scaled, categories one-hot encoded, all fitted on the training rows; a
    perceptron is trained with Adam until the validation loss stops falling, and keeps its best
    weights. For regression the target is scaled, too; predictions come back in its units.

    Parameters
    ----------
    target : str
        Name of the column to predict.
    task : {"classification", "regression"}, optional
        Default: as `task_of` finds out.
    hidden : tuple of int
        Units of the hidden layers. Default (128, 64).
    dropout : float
        Share of hidden units dropped at each step. Default 0.1.
    scale : {"standard", "minmax", "whiten", None}
        What is done with numbers; see `fastnn.data.Columns.for_table`. Default "standard".
    seed : int
        Fixes weights, order and dropout. Default 0.

    Attributes
    ----------
    model : Sequential
    prepare : Columns
    classes : list of str
        Names of the classes; empty for regression.
    left_out : dict of str to str
        Columns that are not used, with the reason.
    trainer : Trainer or None
        Of the last fit.
    facts : dict
        What else the file tells: anything that JSON can hold.

    Raises
    ------
    TypeError, ValueError
        A task, `hidden` or `dropout` that is none; scale and seed are looked at by `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Table
    >>> from fastnn.tabular import TableModel
    >>> x = np.linspace(-1, 1, 80)
    >>> table = Table({"x": x, "sign": np.where(x > 0, "plus", "minus")})
    >>> model = TableModel("sign", hidden=(8,))
    >>> history = model.fit(table, epochs=30, lr=0.02, progress=False)
    >>> model.predict(Table({"x": [-0.8, 0.8]})).tolist()
    ['minus', 'plus']
    """

    def __init__(
        self,
        target: str,
        *,
        task: str | None = None,
        hidden: tuple = (128, 64),
        dropout: float = 0.1,
        scale: str | None = "standard",
        seed: int = 0,
    ):
        if task not in (None, "classification", "regression"):
            raise ValueError(
                f"TableModel: task must be 'classification' or 'regression', got {task!r}"
            )
        self.target, self.task, self.seed, self.scale = target, task, seed, scale
        hidden = several(hidden, "TableModel: hidden")
        self.hidden = tuple(whole(n, "TableModel: hidden", 1) for n in hidden)
        self.dropout = float(number(dropout, "TableModel: dropout"))
        self.classes: list[str] = []
        self.left_out: dict[str, str] = {}
        self.facts: dict[str, Any] = {}
        self.model = self.prepare = self.trainer = None
        self._unit = Standardizer()  # the target's, for regression

    def fit(
        self,
        table: Table,
        val: Table | None = None,
        *,
        epochs: int = 200,
        lr: float = 2e-3,
        batch_size: int | None = None,
        patience: int = 20,
        callbacks=(),
        progress: bool | None = None,
    ):
        """Train on the rows of a table.

        Parameters
        ----------
        table : Table
        val : Table, optional
            Rows to watch. Default: 15% of `table`, with the classes' shares.
        epochs : int
            At most. Default 200.
        lr : float
            Adam's learning rate. Default 0.002.
        batch_size : int, optional
            Default: 32, for more than 5,000 rows 128.
        patience : int
            Epochs without a lower validation loss after which training ends. Default 20.
        callbacks, progress
            As in `Trainer`.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            A target that is missing, has gaps or a single class; no features; fewer than 10 rows.
        """
        callbacks = several(callbacks, "TableModel: callbacks")
        watch = [EarlyStopping("val_loss", patience=patience), *callbacks]
        options = {"callbacks": watch, "progress": progress}
        train, val, batch_size = self._arrange(table, val, lr, batch_size, **options)
        return self.trainer.fit(train, val, epochs, batch_size=batch_size)

    def find_lr(self, table: Table, *, batch_size: int | None = None, **options):
        """Try learning rates on the rows of a table; forgets what was trained. Raises as `fit`.

        Parameters
        ----------
        table : Table
        batch_size : int, optional
            As in `fit`.
        **options
            ``min_lr``, ``max_lr``, ``num_training``: as in `Trainer.lr_find`.

        Returns
        -------
        LRFind
            With ``.suggestion()``, ``.plot()``, ``.lr``, ``.loss``.
        """
        train, _, batch_size = self._arrange(table, None, 1e-3, batch_size, progress=False)
        return self.trainer.lr_find(train, batch_size=batch_size, **options)

    def build(self, table: Table) -> TableModel:
        """Look at a table: task, classes, use of columns. `fit` calls it. ValueError if unfit."""
        table = as_table(table, "TableModel: table")
        if self.target not in table:
            raise ValueError(f"{table.source}: {missing_column(self.target, table.names)}")
        gaps = np.flatnonzero(table.missing(self.target))
        if gaps.size:
            raise ValueError(
                f"{table.place(gaps[0], self.target)}: the target is missing "
                f"({gaps.size} such row{'s'[: gaps.size > 1]}); leave such rows out"
            )
        if len(table) < 10:
            raise ValueError(f"{table.source}: {len(table)} rows; training needs at least 10")
        self.task = self.task or task_of(table, self.target)
        if self.task == "classification":
            self.classes = sorted(set(texts_of(table[self.target])), key=by_value)
            if len(self.classes) < 2:
                raise ValueError(
                    f"{table.source}: column {self.target!r} is {self.classes[0]!r} in every row; "
                    "there is nothing to learn"
                )
            if len(self.classes) > len(table) / 2:
                raise ValueError(
                    f"{table.source}: column {self.target!r} has {len(self.classes)} classes in "
                    f"{len(table)} rows, too few of each to learn from; is it the right target?"
                )
        elif table.kind(self.target) != "number":
            table.numbers(self.target)  # says which cell is no number
        features = table.drop(self.target)
        self.prepare, self.left_out = Columns.for_table(features, scale=self.scale)
        return self

    def split(self, table: Table, share: float) -> tuple[Table, Table]:
        """Most rows of `table`, and a `share` that is held back, with the shares of the classes.

        Classes with a single row stay with the most (ValueError: all have). RuntimeError before `build`.
        """
        self._check(self.prepare, "build with the table")
        table = as_table(table, "TableModel: table")
        number(share, "TableModel.split: share")
        if not self.classes:
            train, held = split_rows(len(table), share, None, self.seed)
            return table.take(train), table.take(held)
        texts = np.array(texts_of(table[self.target]))
        _, code, counts = np.unique(texts, return_inverse=True, return_counts=True)
        several = np.flatnonzero(counts[code] > 1)
        if not several.size:
            raise ValueError(f"{table.source}: no two rows have the same {self.target!r}")
        train, held = split_rows(len(several), share, texts[several], self.seed)
        train = np.concatenate([several[train], np.flatnonzero(counts[code] == 1)])
        return table.take(train), table.take(several[held])

    def arrays(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Features, float32 (N, D), and targets as the loss takes them. Raises as `evaluate`."""
        self._check(self.model)
        table = as_table(table, "TableModel: table")
        return self.prepare.transform(table), self._targets(table)

    def scores(self, table: Table) -> np.ndarray:
        """Of each row class probabilities, (N, C), or the number, (N,), float64. Raises as `predict`."""
        self._check(self.model)
        x = self.prepare.transform(as_table(table, "TableModel: table"))
        trainer = Trainer(self.model, nn.MSELoss(), progress=False)
        output = trainer.predict(x).numpy().astype(np.float64)
        if not self.classes:
            return self._unit.inverse_transform(output)[:, 0]
        output = np.exp(output - output.max(1, keepdims=True))
        return output / output.sum(1, keepdims=True)

    def predict(self, table: Table) -> np.ndarray:
        """Predicted classes (text) or numbers (float64) of the rows of `table`, shape (N,).

        Raises
        ------
        RuntimeError, ValueError, TypeError
            No `fit` before; a column that is missing or holds text where numbers were, by its line.
        """
        scores = self.scores(table)
        return np.array(self.classes, dtype=object)[scores.argmax(1)] if self.classes else scores

    def evaluate(self, table: Table) -> dict[str, Any]:
        """Metrics of a table that has the target.

        Returns
        -------
        dict
            "accuracy", "f1", "roc_auc" (for two classes), "confusion_matrix" and "baseline" (the
            accuracy of always saying the most frequent class); or "mae", "rmse", "r2", "residuals"
            (target - prediction) and "baseline" (the MAE of always saying the median).

        Raises
        ------
        RuntimeError, ValueError
            No `fit` before; a target that is missing, or a class that the training rows lack.
        """
        self._check(self.model)
        table = as_table(table, "TableModel: table")
        if self.target not in table:
            raise ValueError(f"{table.source}: {missing_column(self.target, table.names)}")
        scores, y = self.scores(table), self._targets(table)
        if self.classes:
            result = {
                "accuracy": metrics.accuracy(y, scores),
                "f1": metrics.f1(y, scores.argmax(1)),
                "baseline": float(np.bincount(y).max() / len(y)),
                "confusion_matrix": metrics.confusion_matrix(y, scores),
            }
            if len(self.classes) == 2 and 0 < y.sum() < len(y):
                result["roc_auc"] = metrics.roc_auc(y, scores[:, 1])
            return result
        truth = table.numbers(self.target)[:, 0]
        return {
            "mae": metrics.mae(truth, scores),
            "rmse": metrics.rmse(truth, scores),
            "r2": metrics.r2(truth, scores) if len(truth) > 1 else float("nan"),
            "baseline": float(np.abs(truth - np.median(truth)).mean()),
            "residuals": truth - scores,
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write all to the safetensors file `path`, wholly or not (OSError). RuntimeError before `fit`."""
        self._check(self.model)
        description, arrays = pack_transform(self.prepare)
        state = {f"model.{name}": t for name, t in self.model.state_dict().items()}
        state |= {f"prepare.{name}": a for name, a in arrays.items()}
        if not self.classes:
            state |= {f"unit.{name}": a for name, a in self._unit.state_dict().items()}
        names = ("target", "task", "classes", "hidden", "dropout", "scale", "seed")
        own = {name: getattr(self, name) for name in (*names, "left_out", "facts")}
        save_checkpoint(path, state, kind=_KIND, prepare=description, **own)

    @classmethod
    def load(cls, path: str | os.PathLike) -> TableModel:
        """Read what `save` wrote to `path`; nothing in the file is executed.

        Raises
        ------
        CheckpointError
            No such file, damaged, or no checkpoint.
        ValueError
            A checkpoint of something else.
        """
        checkpoint = load_checkpoint(path)
        state, manifest = checkpoint.state, checkpoint.manifest
        if manifest.get("kind") != _KIND:
            raise ValueError(f"{path}: a checkpoint, but not of a TableModel (kind {_KIND!r})")
        names = ("task", "hidden", "dropout", "scale", "seed")
        self = cls(manifest["target"], **{name: manifest[name] for name in names})
        self.classes, self.facts = manifest["classes"], manifest["facts"]
        self.left_out = manifest["left_out"]
        self.prepare = unpack_transform(manifest["prepare"], _part(state, "prepare."))
        if not self.classes:
            self._unit.load_state_dict(_part(state, "unit."))
        self.model = self._perceptron(len(self.prepare.names))
        self.model.load_state_dict(_part(state, "model."))
        return self

    def _check(self, part, first="fit with the training rows"):
        if part is None:
            raise RuntimeError(f"TableModel: call {first} first")

    def _arrange(self, table, val, lr, batch_size, **options):
        """Model and trainer for a table; gives training and validation arrays, rows of a step."""
        table = as_table(table, "TableModel: table")
        self.build(table)
        if val is None:
            table, val = self.split(table, 0.15)
        val = as_table(val, "TableModel: val")
        x, y = self.prepare.fit_transform(table.drop(self.target)), self._targets(table, fit=True)
        fastnn.manual_seed(self.seed)
        self.model = self._perceptron(x.shape[1])
        self.trainer = Trainer(
            self.model,
            nn.CrossEntropyLoss() if self.classes else nn.MSELoss(),
            optim.Adam(self.model.parameters(), lr=lr),
            metrics=["accuracy"] if self.classes else [],
            seed=self.seed,
            **options,
        )
        if batch_size is None:
            batch_size = min(len(x), 32 if len(x) <= 5000 else 128)
        return (x, y), self.arrays(val), batch_size

    def _perceptron(self, features):
        layers = []
        for width in self.hidden:
            layers += [nn.Linear(features, width), nn.ReLU()]
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
            features = width
        return nn.Sequential(*layers, nn.Linear(features, len(self.classes) or 1))

    def _targets(self, table, fit=False):
        if not self.classes:
            y = table.numbers(self.target)
            gaps = np.flatnonzero(~np.isfinite(y))
            if gaps.size:
                raise ValueError(f"{table.place(gaps[0], self.target)}: the target is missing")
            if fit:
                self._unit = Standardizer().fit(y)
            return self._unit.transform(y).astype(np.float32)
        number = {name: i for i, name in enumerate(self.classes)}
        texts = texts_of(table[self.target])
        for row, text in enumerate(texts):
            if text not in number:
                raise ValueError(
                    f"{table.place(row, self.target)}: "
                    + (f"class {text!r} was" if text else "the target is missing, or was")
                    + f" not among the training rows' classes ({', '.join(self.classes[:10])})"
                )
        return np.array([number[text] for text in texts], dtype=np.int64)


def _part(state, prefix):
    return {name[len(prefix) :]: a for name, a in state.items() if name.startswith(prefix)}
