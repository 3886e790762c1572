"""Gaps and categories: imputation and one-hot columns."""

from __future__ import annotations

import numpy as np

from fastnn.data.preprocess import Transform
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole

_STRATEGIES = ("median", "mean", "most_frequent", "constant")


class Imputer(Transform):
    """Fill gaps (NaN) with a number that the training rows determine.

    Parameters
    ----------
    strategy : {"median", "mean", "most_frequent", "constant"}
        Of the feature's numbers in the training rows; of several equally frequent numbers the
        smallest. Default "median".
    fill_value : float
        For "constant". Default 0.
    indicator : bool
        Whether columns are added, one per feature that has gaps in the training rows, that are 1
        where a number was missing. Default False.

    Attributes
    ----------
    fill : array, shape (D,), float64
        What gaps are filled with.

    Raises
    ------
    ValueError
        An unknown strategy; a feature without any number in the training rows.

    Notes
    -----
    Equals ``sklearn.impute.SimpleImputer``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Imputer
    >>> Imputer(indicator=True).fit_transform(np.array([[1.0], [np.nan], [3.0]]))
    array([[1., 0.],
           [2., 1.],
           [3., 0.]])
    """

    _fitted = ("fill", "gaps")
    _settings = ("strategy", "fill_value", "indicator")
    _gaps = True

    def __init__(self, strategy: str = "median", fill_value: float = 0.0, indicator: bool = False):
        if strategy not in _STRATEGIES:
            raise ValueError(f"Imputer: strategy must be one of {_STRATEGIES}, got {strategy!r}")
        self.strategy, self.fill_value = strategy, float(number(fill_value, "Imputer: fill_value"))
        self.indicator = bool(indicator)
        self.fill = self.gaps = None

    def _fit(self, x):
        gaps = np.isnan(x)
        empty = np.flatnonzero(gaps.all(0))
        if self.strategy == "constant":
            fill = np.full(x.shape[1:], self.fill_value)
        elif empty.size:
            raise ValueError(
                f"Imputer.fit: column {empty[0]} has no number in the training rows; leave it out, "
                "or use strategy='constant'"
            )
        elif self.strategy == "most_frequent":
            fill = np.array([_most_frequent(column[~np.isnan(column)]) for column in x.T])
        else:
            fill = getattr(np, f"nan{self.strategy}")(x.astype(np.float64), axis=0)
        self.fill = np.asarray(fill, dtype=np.float64)
        self.gaps = np.flatnonzero(gaps.any(0))

    def _transform(self, x):
        gaps = np.isnan(x)
        filled = np.where(gaps, self.fill, x).astype(x.dtype, copy=False)
        if not self.indicator:
            return filled
        return np.concatenate([filled, gaps[:, self.gaps].astype(x.dtype)], axis=1)

    def feature_names(self, names: list[str]) -> list[str]:
        """The features', then "NAME is missing" for those with an indicator."""
        more = [f"{names[i]} is missing" for i in self.gaps] if self.indicator else []
        return [*names, *more]


class OneHot(Transform):
    """A column of 0 and 1 for every category of every feature.

    Categories are those of the training rows. Where a feature has gaps there (None or NaN), these
    are a category, too. A category that the training rows lack is 0 everywhere, or an error.

    Parameters
    ----------
    max_categories : int, optional
        Of a feature with more categories only the most frequent ones get a column; the others are
        0 everywhere. Default: no limit.
    unknown : {"ignore", "error"}
        What to do with categories that the training rows lack. Default "ignore".

    Attributes
    ----------
    categories : list of list
        Per feature, sorted: numbers or text; None, for gaps, comes last.

    Raises
    ------
    ValueError
        An unknown category where `unknown` is "error" (named with row and column).

    Notes
    -----
    Takes arrays of shape (N, D) or (N,) of integers, floats, bools or text; gives float32. Equals
    ``sklearn.preprocessing.OneHotEncoder``.

    Examples
    --------
    >>> from fastnn.data import OneHot
    >>> code = OneHot().fit([["red"], ["blue"]])
    >>> code.transform([["red"], ["green"]])
    array([[0., 1.],
           [0., 0.]], dtype=float32)
    """

    _fitted = ("categories",)
    _settings = ("max_categories", "unknown")

    def __init__(self, max_categories: int | None = None, unknown: str = "ignore"):
        if unknown not in ("ignore", "error"):
            raise ValueError(f"OneHot: unknown must be 'ignore' or 'error', got {unknown!r}")
        if max_categories is not None:
            max_categories = whole(max_categories, "OneHot: max_categories", 1)
        self.max_categories, self.unknown = max_categories, unknown
        self.categories = None

    def _fit(self, x):
        self.categories = [self._choose(column) for column in x.T]

    def _choose(self, column):
        counts = {}
        for value in column:
            counts[value] = counts.get(value, 0) + 1
        if len({isinstance(v, str) for v in counts if v is not None}) > 1:
            raise TypeError("OneHot.fit: a column holds both text and numbers")
        ordered = sorted(v for v in counts if v is not None)
        ordered += [None] * (None in counts)
        if self.max_categories is not None and len(ordered) > self.max_categories:
            frequent = sorted(ordered, key=lambda v: -counts[v])[: self.max_categories]
            ordered = [v for v in ordered if v in frequent]
        return ordered

    def _transform(self, x):
        widths = [len(categories) for categories in self.categories]
        y = np.zeros((len(x), sum(widths)), dtype=np.float32)
        first = 0
        for i, (column, categories) in enumerate(zip(x.T, self.categories, strict=True)):
            place = {value: first + k for k, value in enumerate(categories)}
            at = np.array([place.get(value, -1) for value in column], dtype=np.int64)
            if self.unknown == "error" and (at < 0).any():
                row = int(np.argmax(at < 0))
                raise ValueError(
                    f"OneHot.transform: {column[row]!r} in row {row}, column {i} is not among the "
                    f"categories of the training rows: {categories[:10]}"
                )
            known = np.flatnonzero(at >= 0)
            y[known, at[known]] = 1
            first += widths[i]
        return y

    def _inverse(self, y):
        parts, first = [], 0
        for categories in self.categories:
            part = y[:, first : first + len(categories)]
            values = np.empty(len(y), dtype=object)
            values[:] = [categories[k] for k in part.argmax(1)]
            values[part.max(1) <= 0] = None
            parts.append(values)
            first += len(categories)
        return np.stack(parts, axis=1)

    def _array(self, x, what):
        if what == "inverse_transform":
            return super()._array(x, what)
        a = np.asarray(x)
        a = a[:, None] if a.ndim == 1 else a
        if a.ndim != 2:
            raise ValueError(f"OneHot.{what}: expected shape (N, D), got {a.shape}")
        values = np.empty(a.shape, dtype=object)
        # plain Python values: they can be compared, and written as JSON
        values[:] = [[_plain(v) for v in row] for row in a.tolist()]
        return values

    def _like(self, x, a):
        return a if a.dtype == object else super()._like(x, a)

    def _check_values(self, a):
        pass

    def _check_width(self, a, what):
        if a.shape[1] != len(self.categories):
            raise ValueError(
                f"OneHot.{what}: x has {a.shape[1]} columns, it was fitted on {len(self.categories)}"
            )

    def feature_names(self, names: list[str]) -> list[str]:
        """NAME=CATEGORY for each column; "NAME is missing" for gaps."""
        return [
            f"{name} is missing" if value is None else f"{name}={value}"
            for name, categories in zip(names, self.categories, strict=True)
            for value in categories
        ]


def _plain(value):
    if value is None or value != value:
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _most_frequent(numbers):
    values, counts = np.unique(numbers, return_counts=True)
    return values[counts.argmax()]
