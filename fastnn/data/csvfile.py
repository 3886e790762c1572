"""CSV files: read into typed columns, written whole or not at all."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import os
import re
import zlib

import numpy as np

from fastnn.data.atomic import path_of, replacing
from fastnn.data.table import Table, missing_column
from fastnn.ops.argument import _several as several

MISSING = ("", "?", "na", "n/a", "#n/a", "nan", "null", "none", "-")
_DELIMITERS = ",;\t|"
_SAMPLE = 1 << 16


def read_csv(
    path: str | os.PathLike,
    *,
    delimiter: str | None = None,
    decimal: str = ".",
    header: bool = True,
    missing: tuple = MISSING,
    types: dict | None = None,
    columns: list | None = None,
    encoding: str = "utf-8",
) -> Table:
    """Read a CSV file into columns of numbers and of categories.

    A column whose cells are all numbers or missing is one of numbers; one with mostly text is one
    of categories. A column that is mostly numbers with some text in it is an error that names the
    cell, because it usually is a slip; `types` says what such a column is meant to be.

    Parameters
    ----------
    path : str or path
        Gzipped or not: the content decides.
    delimiter : str, optional
        Default: the one of comma, semicolon, tab and bar that fits the first lines.
    decimal : str
        "." or ",". Default ".".
    header : bool
        Whether the first line names the columns; else they are c0, c1, ... Default True.
    missing : tuple of str
        What stands for a missing cell, in any case, spaces around it left out. Default: nothing,
        ?, -, NA, N/A, #N/A, NaN, null, None.
    types : dict of str to {"number", "category"}, optional
        For columns whose kind is not to be found out.
    columns : list of str, optional
        Which columns to take, in this order. Default: all.
    encoding : str
        Default "utf-8".

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        An empty file, a line with too few or too many cells, a name that comes twice, text among
        numbers, bytes that are not of that encoding: named with line and column; no such encoding.
    TypeError
        Arguments of other types than these.

    Examples
    --------
    >>> import os, tempfile
    >>> from fastnn.data import read_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.csv")
    ...     with open(path, "w") as file:
    ...         n = file.write("age,city\\n31,Bonn\\n,Rome\\n")
    ...     read_csv(path)
    Table(2 rows; age: number, city: category)
    """
    path = path_of(path, "read_csv: path")
    try:
        codecs.lookup(encoding)
    except (LookupError, TypeError):
        raise ValueError(f"read_csv: no such encoding: {encoding!r:.40}") from None
    if not all(isinstance(mark, str) for mark in several(missing, "read_csv: missing")):
        raise TypeError(f"read_csv: missing must be a tuple of str, got {missing!r:.40}")
    if types is not None and not hasattr(types, "items"):
        raise TypeError(f"read_csv: types must be a dict, got {types!r:.40}")
    if columns is not None:
        several(columns, "read_csv: columns")
    if decimal not in (".", ","):
        raise ValueError(f"read_csv: decimal must be '.' or ',', got {decimal!r}")
    try:
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if zipped else raw
            codec = (
                "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
            )
            with io.TextIOWrapper(stream, encoding=codec, newline="") as text:
                names, rows, lines = _rows(text, path, delimiter, decimal, header)
    except IsADirectoryError:
        raise ValueError(f"{path}: is a folder, not a CSV file") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: byte {error.object[error.start]:#x} is not {encoding}; save the file as UTF-8, "
            "or give encoding= (often latin-1)"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: damaged gzip data ({error})") from None
    except csv.Error as error:
        raise ValueError(f"{path}: not a CSV file ({error})") from None
    types = types or {}
    for name in [*types, *(columns or ())]:
        if name not in names:
            raise ValueError(f"{path}: {missing_column(name, names)}")
    for name, kind in types.items():
        if kind not in ("number", "category"):
            raise ValueError(
                f"read_csv: types must be 'number' or 'category', got {kind!r} for {name!r}"
            )
    marks = frozenset(mark.lower() for mark in missing)
    typed = {}
    for name in names if columns is None else columns:
        place = names.index(name)
        cells = [row[place] for row in rows]
        typed[name] = _typed(cells, types.get(name), marks, decimal, path, lines, name)
    return Table(typed, lines, os.path.basename(path))


def write_csv(path: str | os.PathLike, columns: dict) -> None:
    """Write columns by name, whole or not at all; an older file is replaced.

    Parameters
    ----------
    path : str or path
    columns : mapping of str to sequence
        All of the same length. Missing cells (None, NaN) become empty.

    Raises
    ------
    TypeError, ValueError
        What are no columns; columns of different lengths.
    OSError
        A folder that is missing or cannot be written to.

    Examples
    --------
    >>> import os, tempfile
    >>> from fastnn.data import write_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.csv")
    ...     write_csv(path, {"age": [31, None], "city": ["Bonn", "Rome"]})
    ...     open(path).read()
    'age,city\\n31,Bonn\\n,Rome\\n'
    """
    path = path_of(path, "write_csv: path")
    if not hasattr(columns, "items") or isinstance(columns, type):
        raise TypeError(f"write_csv: columns must map names to columns, got {columns!r:.40}")
    for name, values in columns.items():
        several(values, f"write_csv: column {name!r}")
    text = io.StringIO(newline="")
    print_csv(text, columns)
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def print_csv(file, columns):
    """Write columns to an open text file; see `write_csv`."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow(["" if v is None or v != v else v for v in row])


def _rows(text, path, delimiter, decimal, header):
    """Names, rows of cells, and each row's line in the file."""
    sample = text.read(_SAMPLE)
    if "\0" in sample:
        raise ValueError(f"{path}: not a CSV file (it holds zero bytes)")
    if delimiter is None:
        delimiter = _delimiter(sample, decimal)
    reader = csv.reader(_lines(sample, text), delimiter=delimiter, skipinitialspace=True)
    names, rows, lines, begin = None, [], [], 1
    for row in reader:
        line, begin = begin, reader.line_num + 1
        if not row or (len(row) == 1 and not row[0].strip()):
            continue  # an empty line
        if names is None:
            if header:
                names = _names(row, path)
                continue
            names = [f"c{i}" for i in range(len(row))]
        if len(row) != len(names):
            raise ValueError(
                f"{path}, line {line}: {len(row)} cells, but there are {len(names)} columns"
                + (" in the header" if header else "")
                + (
                    "; a text with the delimiter in it needs quotation marks"
                    if len(row) > len(names)
                    else ""
                )
            )
        rows.append(row)
        lines.append(line)
    if names is None:
        raise ValueError(f"{path}: the file is empty")
    if not rows:
        raise ValueError(f"{path}: no rows, only the header line: {', '.join(names[:10])}")
    if len(names) > 1 and header and all(_parses(name) for name in names):
        raise ValueError(
            f"{path}: the first line ({', '.join(names[:4])}, ...) looks like data; the file needs a "
            "line with the columns' names, or header=False (--no-header)"
        )
    return names, rows, lines


def _lines(sample, text):
    """The lines of the file, whose beginning was read already."""
    ready = io.StringIO(sample, newline="").readlines()
    yield from ready[:-1]
    yield (ready[-1] if ready else "") + text.readline()
    yield from text


def _delimiter(sample, decimal):
    """The delimiter that cuts the first lines into the same, largest number of cells."""
    lines = io.StringIO(sample, newline="").readlines()
    lines = lines[:-1] if len(sample) == _SAMPLE else lines
    best, most = ",", 1
    for candidate in _DELIMITERS:
        if candidate == decimal:
            continue
        widths = [len(row) for row in csv.reader(lines[:50], delimiter=candidate) if row]
        if widths and min(widths) == max(widths) > most:
            best, most = candidate, widths[0]
    if most == 1 and lines:  # no candidate fits all lines: the one that the header has most of
        best = max((d for d in _DELIMITERS if d != decimal), key=lines[0].count)
    return best


def _names(row, path):
    names = [cell.strip() or f"column {i}" for i, cell in enumerate(row)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: the header has {twice[0]!r} more than once")
    return names


def _typed(cells, kind, marks, decimal, path, lines, name):
    """A column of numbers or of text from a list of cells."""
    if kind != "category":
        plain = _plain_numbers(cells, marks, decimal)
        if plain is not None:
            return plain
        numbers = [_number(cell, marks, decimal) for cell in cells]
        text = [i for i, v in enumerate(numbers) if v is None]
        present = sum(v is None or v == v for v in numbers)
        if not text and (present or kind == "number"):
            return np.array(numbers, dtype=np.float64)
        if kind == "number" or (len(text) <= present / 2 and text):
            raise ValueError(_slip(cells, text, present, path, lines, name, kind))
        if not present:
            return np.full(len(cells), np.nan)
    column = np.empty(len(cells), dtype=object)
    column[:] = [None if c.strip().lower() in marks else c.strip() for c in cells]
    return column


def _plain_numbers(cells, marks, decimal):
    """A column that is nothing but numbers, ten times as fast; None where it is anything else."""
    if decimal != "." or any(_parses(mark) and np.isfinite(float(mark)) for mark in marks):
        return None
    try:
        numbers = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() and "_" not in "".join(cells) else None


def _slip(cells, text, present, path, lines, name, kind):
    cell, line = cells[text[0]].strip(), lines[text[0]]
    message = f"{path}, line {line}, column {name!r}: {cell!r} is not a number"
    if len(text) > 1:
        message += f" (nor are {len(text) - 1} more of the column's {present} cells)"
    if "," in cell and _parses(cell.replace(",", ".", 1)):
        return message + "; for decimal commas: decimal=',' (--decimal ,)"
    if _parses(re.sub(r"[,.' \u00a0\u202f](?=\d{3})", "", cell)):
        return message + "; write it without separators between thousands"
    if _parses(cell.strip("%$€£¥ ")):
        return message + "; write it without the sign, and name the unit in the column's header"
    if kind == "number":
        return message + ", as this column's cells must be; correct the cell or leave it empty"
    return (
        message + f". Correct the cell or leave it empty; or say what the column is: "
        f"types={{{name!r}: 'category'}} (--category {name!r}), or that {cell!r} means missing "
        f"(--missing {cell!r})"
    )


def _number(cell, marks, decimal):
    """The cell's number, NaN where it is missing, None where it is text."""
    if cell.strip().lower() in marks:
        return np.nan
    if decimal == ",":  # 1.234 is no number then, rather than a number of another size
        cell = cell.replace(".", "_").replace(",", ".")
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if -np.inf < number < np.inf and "_" not in cell else None


def _parses(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True
