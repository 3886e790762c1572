"""A table's column as the target of a model: the task that it sets, its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.data.table import as_table

if TYPE_CHECKING:
    from fastnn.data.table import Table

_MOST_CLASSES = 20  # distinct whole numbers that are taken for classes


def task_of(table: Table, target: str) -> str:
    """ "classification" or "regression": what a column looks like.

    Parameters
    ----------
    table : Table
        TypeError: it is none.
    target : str
        Name of the column (KeyError: there is none).

    Returns
    -------
    str
        "classification" for text, and for at most 20 different whole numbers, each in 5 rows in the
        mean; else "regression".

    Examples
    --------
    >>> from fastnn.data import Table
    >>> from fastnn.tabular import task_of
    >>> task_of(Table({"a": [0.5, 1.0, 2.0]}), "a"), task_of(Table({"a": ["x", "y"]}), "a")
    ('regression', 'classification')
    """
    table = as_table(table, "task_of: table")
    if table.kind(target) == "category":
        return "classification"
    values = table[target][~table.missing(target)]
    distinct = len(np.unique(values))
    whole = (values == np.round(values)).all()
    few = whole and distinct <= _MOST_CLASSES and 5 * distinct <= len(values)
    return "classification" if few else "regression"


def texts_of(column):
    if column.dtype.kind == "f":
        return ["" if v != v else f"{v:.15g}" for v in column.tolist()]
    return ["" if v is None else v for v in column]


def by_value(text):
    """Numbers by their size, then text."""
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)
