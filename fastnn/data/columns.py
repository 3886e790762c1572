"""Preprocessing put together: in a row, and column by column of a table."""

from __future__ import annotations

import numpy as np

from fastnn.data.fill import Imputer, OneHot
from fastnn.data.pca import PCA
from fastnn.data.preprocess import MinMax, Standardizer, Transform
from fastnn.data.table import Table, as_table, missing_column
from fastnn.ops.argument import _several as several
from fastnn.ops.argument import _whole as whole

_IDENTIFIER = (
    0.9  # share of distinct texts from which a column is taken for names or numbers of rows
)


class Pipeline(Transform):
    """Several transforms, one after the other; fitted in turn on the training rows.

    Parameters
    ----------
    *steps : Transform

    Raises
    ------
    TypeError
        A step that is no Transform.
    ValueError
        No steps. What a step raises comes through.

    Notes
    -----
    Like ``sklearn.pipeline.Pipeline``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Imputer, Pipeline, Standardizer
    >>> prepare = Pipeline(Imputer(), Standardizer())
    >>> prepare.fit_transform(np.array([[1.0], [np.nan], [3.0]])).ravel()
    array([-1.22474487,  0.        ,  1.22474487])
    """

    def __init__(self, *steps: Transform):
        for step in steps:
            if not isinstance(step, Transform):
                raise TypeError(f"Pipeline: {step!r} is no Transform (an object, not a class)")
        if not steps:
            raise ValueError("Pipeline: expected at least one step")
        self.steps = steps

    @property
    def is_fitted(self) -> bool:
        """Whether all its steps are."""
        return all(step.is_fitted for step in self.steps)

    def fit(self, x):
        """Fit each step to what the steps before it make of the training rows; returns itself."""
        self.fit_transform(x)
        return self

    def fit_transform(self, x):
        """`fit`, then `transform`, of the training rows."""
        for step in self.steps:
            x = step.fit_transform(x)
        return x

    def transform(self, x):
        """Apply all steps in turn."""
        for step in self.steps:
            x = step.transform(x)
        return x

    def inverse_transform(self, x):
        """Undo all steps, the last one first."""
        for step in reversed(self.steps):
            x = step.inverse_transform(x)
        return x

    def state_dict(self) -> dict:
        """What the steps fitted, by "number.name"."""
        return {f"{i}.{k}": v for i, s in enumerate(self.steps) for k, v in s.state_dict().items()}

    def load_state_dict(self, state: dict) -> None:
        """Take over what `state_dict` gave."""
        for i, step in enumerate(self.steps):
            step.load_state_dict(_part(state, f"{i}."))

    def feature_names(self, names: list[str]) -> list[str]:
        """Names of the columns that the last step gives."""
        for step in self.steps:
            names = step.feature_names(names)
        return names

    def __repr__(self):
        return f"Pipeline({', '.join(map(repr, self.steps))})"


class Columns(Transform):
    """A table becomes an array: each group of columns goes through a transform of its own.

    Parameters
    ----------
    *groups : (list of str, Transform)
        Names of columns, and what is done with them; results are put side by side.

    Raises
    ------
    ValueError
        No group; a table that lacks a column (named, with names that are near); gaps in a column
        that had none in the training rows and no Imputer (named with line and column).
    TypeError
        Text in a column of numbers (named with line and column).

    Notes
    -----
    Takes a `Table`, a DataFrame or a dict of columns; gives float32, shape (N, features). Like
    ``sklearn.compose.ColumnTransformer``.

    Examples
    --------
    >>> from fastnn.data import Columns, OneHot, Standardizer, Table
    >>> table = Table({"age": [20, 40], "city": ["Bonn", "Rome"]})
    >>> prepare = Columns((["age"], Standardizer()), (["city"], OneHot()))
    >>> prepare.fit_transform(table)
    array([[-1.,  1.,  0.],
           [ 1.,  0.,  1.]], dtype=float32)
    >>> prepare.names
    ['age', 'city=Bonn', 'city=Rome']
    """

    def __init__(self, *groups: tuple[list[str], Transform]):
        if not groups:
            raise ValueError("Columns: expected at least one group (names, transform)")
        self.groups = []
        for group in groups:
            if not isinstance(group, (tuple, list)) or len(group) != 2:
                raise TypeError(f"Columns: a group is (names, transform), got {group!r}")
            names, transform = group
            if isinstance(names, str) or not isinstance(transform, Transform):
                raise TypeError(f"Columns: a group is (list of names, Transform), got {group!r}")
            self.groups.append((list(several(names, "Columns: names")), transform))

    @classmethod
    def for_table(
        cls,
        table: Table,
        *,
        scale: str | None = "standard",
        max_categories: int = 30,
    ) -> tuple[Columns, dict[str, str]]:
        """What suits a table of features: gaps filled by the median, numbers scaled, text one-hot.

        Parameters
        ----------
        table : Table
            The training rows, without the target. Nothing is fitted yet.
        scale : {"standard", "minmax", "whiten", None}
            For the numbers: `Standardizer` (default), `MinMax`, `PCA` with whitening, or nothing.
        max_categories : int
            Most categories of a column that get a feature of their own. Default 30.

        Returns
        -------
        (Columns, dict)
            And which columns were left out, with the reason: those without any cell, those that
            never vary, and those of text that differs in nearly every row.

        Raises
        ------
        TypeError, ValueError
            No table or scale; no column is left.
        """
        scales = {
            "standard": [Standardizer],
            "minmax": [MinMax],
            "whiten": [Standardizer, lambda: PCA(whiten=True)],
            None: [],
        }
        table = as_table(table, "Columns: table")
        whole(max_categories, "Columns: max_categories", 1)
        if not isinstance(scale, (str, type(None))) or scale not in scales:
            raise ValueError(f"Columns: scale must be one of {list(scales)}, got {scale!r}")
        left_out, numbers, gappy, categories = {}, [], [], []
        for name in table.names:
            missing = table.missing(name)
            values = table[name][~missing]
            distinct = len(np.unique(values.astype(str) if values.dtype == object else values))
            if distinct == 0:
                left_out[name] = "it is empty"
            elif distinct == 1 and not missing.any():
                left_out[name] = f"it is {values[0]} everywhere"
            elif table.kind(name) == "number":
                (gappy if missing.any() else numbers).append(name)
            elif distinct > max(max_categories, _IDENTIFIER * len(values)):
                left_out[name] = f"its text differs in {distinct} of {len(values)} rows"
            else:
                categories.append(name)
        groups = []
        if numbers or gappy:
            # one group, so that whitening sees all numbers together
            steps = [Imputer(indicator=bool(gappy)), *(make() for make in scales[scale])]
            groups.append((numbers + gappy, Pipeline(*steps)))
        if categories:
            groups.append((categories, OneHot(max_categories)))
        if not groups:
            raise ValueError(f"{table.source}: no column is left to learn from: {left_out}")
        return cls(*groups), left_out

    @property
    def names(self) -> list[str]:
        """Names of the features, in the order of the array's columns."""
        self._check_fitted("names")
        return [name for names, t in self.groups for name in t.feature_names(names)]

    @property
    def needs(self) -> dict[str, str]:
        """The columns that a table must have, with their kinds."""
        return {n: _takes(transform) for names, transform in self.groups for n in names}

    @property
    def is_fitted(self) -> bool:
        """Whether all its transforms are."""
        return all(transform.is_fitted for _, transform in self.groups)

    def fit(self, x):
        """Fit every transform to its columns of the training rows; returns itself."""
        self.fit_transform(x)
        return self

    def fit_transform(self, x):
        """`fit`, then `transform`, of the training rows. RuntimeError if it is fitted already."""
        if self.is_fitted:
            raise RuntimeError(
                "Columns.fit: it is fitted already; use transform() for validation and test rows"
            )
        return self._apply(x, "fit_transform")

    def transform(self, x):
        """The array of a table's rows, float32, shape (N, features)."""
        self._check_fitted("transform")
        return self._apply(x, "transform")

    def inverse_transform(self, x):
        """Not possible: features do not tell which columns they come from. TypeError, always."""
        raise TypeError("Columns has no inverse_transform")

    def state_dict(self) -> dict:
        """What the transforms fitted, by "number.name"."""
        state = [t.state_dict() for _, t in self.groups]
        return {f"{i}.{k}": v for i, part in enumerate(state) for k, v in part.items()}

    def load_state_dict(self, state: dict) -> None:
        """Take over what `state_dict` gave."""
        for i, (_, transform) in enumerate(self.groups):
            transform.load_state_dict(_part(state, f"{i}."))

    def feature_names(self, names: list[str]) -> list[str]:
        """Its own `names`."""
        return self.names

    def _apply(self, x, method):
        table = as_table(x, f"Columns.{method}: x")
        parts = []
        for names, transform in self.groups:
            for name in names:
                if name not in table:
                    raise ValueError(f"{table.source}: {missing_column(name, table.names)}")
            if _takes(transform) == "category":
                columns = np.stack([_text(table, name) for name in names], axis=1)
            else:
                columns = table.numbers(*names)
                _refuse_gaps(table, names, columns, transform)
            parts.append(np.asarray(getattr(transform, method)(columns), dtype=np.float32))
        return np.concatenate(parts, axis=1)

    def __repr__(self):
        return f"Columns({', '.join(map(repr, self.groups))})"


def _takes(transform):
    first = transform.steps[0] if isinstance(transform, Pipeline) else transform
    return "category" if isinstance(first, OneHot) else "number"


def _text(table, name):
    """A column as text; of numbers that were read as such, the shortest way to write them."""
    if table.kind(name) == "category":
        return table[name]
    cells = np.empty(len(table), dtype=object)
    cells[:] = [None if v != v else f"{v:.15g}" for v in table[name].tolist()]
    return cells


def _refuse_gaps(table, names, columns, transform):
    first = transform.steps[0] if isinstance(transform, Pipeline) else transform
    wrong = np.argwhere(np.isinf(columns) if first._gaps else ~np.isfinite(columns))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{table.place(row, names[column])}: {'no number' if np.isnan(columns[row, column]) else 'infinity'}"
            "; fill it in, or put an Imputer first"
        )


def _part(state, prefix):
    return {name[len(prefix) :]: v for name, v in state.items() if name.startswith(prefix)}
