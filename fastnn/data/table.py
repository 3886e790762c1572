"""Tables: columns of numbers and of categories, by name."""

from __future__ import annotations

import difflib

import numpy as np


class Table:
    """Columns of numbers and of text, by name.

    A column of numbers is a float64 array with NaN where a cell is missing; a column of categories
    is an array of str with None where a cell is missing.

    Parameters
    ----------
    columns : mapping of str to array_like, shape (N,)
        Also a DataFrame. Numbers and bools become float64, everything else text.
    lines : array_like of int, shape (N,), optional
        Lines of the file that the rows come from, for messages. Default: row + 1.
    source : str
        Name of the file, for messages. Default "table".

    Raises
    ------
    ValueError
        No column, columns of different lengths or with several dimensions.
    TypeError
        What are no columns.

    Examples
    --------
    >>> from fastnn.data import Table
    >>> table = Table({"age": [31, None], "city": ["Bonn", "Rome"]})
    >>> table["age"], table.kind("city"), len(table)
    (array([31., nan]), 'category', 2)
    """

    def __init__(self, columns, lines=None, source="table"):
        if not hasattr(columns, "items") or isinstance(columns, type):
            raise TypeError(f"Table: columns must map names to columns, got {columns!r:.40}")
        self.columns = {str(name): _column(name, values) for name, values in columns.items()}
        if not self.columns:
            raise ValueError(f"{source}: no columns")
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{source}: columns have different numbers of rows: {lengths}")
        self._rows = next(iter(lengths.values()))
        self.lines = np.arange(1, self._rows + 1) if lines is None else np.asarray(lines)
        self.source = source

    @property
    def names(self) -> list[str]:
        """Names of the columns, in their order."""
        return list(self.columns)

    def __len__(self):
        return self._rows

    def __contains__(self, name):
        return isinstance(name, str) and name in self.columns

    def __getitem__(self, name):
        try:
            return self.columns[name]
        except (KeyError, TypeError):
            raise KeyError(_Text(f"{self.source}: {missing_column(name, self.names)}")) from None

    def kind(self, name: str) -> str:
        """The kind of the column `name`: "number" or "category". KeyError if there is none."""
        return "number" if self[name].dtype.kind == "f" else "category"

    def missing(self, name: str) -> np.ndarray:
        """Where cells of the column `name` are missing: bool, shape (N,).

        KeyError: no such column.
        """
        column = self[name]
        if column.dtype.kind == "f":
            return np.isnan(column)
        return np.array([cell is None for cell in column], dtype=bool)

    def take(self, rows) -> Table:
        """The rows of these numbers, or where a mask is set, as a new Table.

        IndexError: one is out of range.
        """
        rows = np.asarray(rows)
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Table(columns, self.lines[rows], self.source)

    def drop(self, *names: str) -> Table:
        """All columns but these, as a new Table. KeyError: there is no such one."""
        for name in names:
            self[name]
        kept = {name: column for name, column in self.columns.items() if name not in names}
        return Table(kept, self.lines, self.source)

    def place(self, row: int, name: str) -> str:
        """Where the cell of `row` (from 0) in column `name` is, for messages: file, line and column.

        IndexError: no such row.
        """
        return f"{self.source}, line {self.lines[row]}, column {name!r}"

    def numbers(self, *names: str) -> np.ndarray:
        """Columns of numbers side by side, float64, shape (N, D); by default all of that kind.

        Raises
        ------
        TypeError
            A column of categories (its first text is named).
        """
        names = names or [name for name in self.names if self.kind(name) == "number"]
        for name in names:
            if self.kind(name) != "number":
                self._refuse_text(name)
        return (
            np.stack([self[name] for name in names], axis=1) if names else np.empty((len(self), 0))
        )

    def _refuse_text(self, name):
        present = np.flatnonzero(~self.missing(name))
        text = [row for row in present if not _is_number(self[name][row])]
        row = text[0] if text else present[0]
        raise TypeError(f"{self.place(row, name)}: {self[name][row]!r} is not a number")

    def __repr__(self):
        kinds = ", ".join(f"{name}: {self.kind(name)}" for name in self.names[:8])
        more = f", ... {len(self.names) - 8} more" if len(self.names) > 8 else ""
        return f"Table({len(self)} rows; {kinds}{more})"


def as_table(x, what):
    """The Table, or what is made of a DataFrame or a mapping of columns."""
    if isinstance(x, Table):
        return x
    if not hasattr(x, "items") or isinstance(x, type):
        raise TypeError(f"{what} must be a Table, a DataFrame or a dict, got {x!r:.40}")
    return Table(x)


class _Text(str):
    """A message that KeyError shows as it is, without quotation marks."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


def missing_column(name: str, names: list[str]) -> str:
    """In words: there is no such column, and which names are near to it."""
    lower = {n.lower().strip(): n for n in names}
    near = [lower[n] for n in difflib.get_close_matches(str(name).lower().strip(), lower, 3, 0.6)]
    if near:
        return f"no column {name!r}; did you mean {' or '.join(map(repr, near))}?"
    shown = ", ".join(names[:20]) + (f", ... ({len(names)} columns)" if len(names) > 20 else "")
    return f"no column {name!r}; there are: {shown}"


def _column(name, values):
    values = values.to_numpy() if hasattr(values, "to_numpy") else values
    column = np.asarray(values)
    if column.ndim != 1:
        raise ValueError(f"column {name!r}: expected shape (N,), got {column.shape}")
    if column.dtype.kind in "fiub":
        return column.astype(np.float64)
    if column.dtype.kind == "O" and all(_is_numeric(v) for v in column):
        return np.array([np.nan if v is None else v for v in column], dtype=np.float64)
    cells = np.empty(len(column), dtype=object)
    cells[:] = [None if _is_nothing(v) else str(v) for v in column]
    return cells


def _is_numeric(value):
    return value is None or isinstance(value, (int, float, np.number, np.bool_))


def _is_nothing(value):
    return value is None or (isinstance(value, float) and value != value)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
