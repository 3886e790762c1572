"""What a cell means: the fast way of reading numbers against the plain rule, whole files against csv."""

import csv
import io
import math
import random

import numpy as np
import pytest

from fastnn import data
from fastnn.data import csvfile

CELLS = """1|-2.5|1e3|+4|.5|5.| 7 |0012|1e400|1e-400|1.5e+3|1E5|0x10|1_000|1,000|inf|-inf|nan|NaN|NA||?|-|
    Infinity|1d5|1 2|--1|+|.|e5|1e|TRUE|null|None|3%|$4|1'000|\u0967|\uff11\uff12|\u22123|\xa05|abc"""
CELLS = [cell.strip("\n ") if cell != " 7 " else cell for cell in CELLS.split("|")]


def meaning(cell, marks=csvfile.MISSING):
    """A number, NaN for a gap, or None for text: what read_csv's documentation says."""
    if cell.strip().lower() in marks:
        return math.nan
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in cell else None


def test_the_fast_way_gives_the_numbers_of_the_plain_rule_or_none():
    choose, taken = random.Random(0), 0
    marks = frozenset(csvfile.MISSING)
    for _ in range(5000):
        pool = choose.sample(CELLS, choose.randint(1, 3))
        cells = [choose.choice(pool) for _ in range(choose.randint(1, 6))]
        numbers, expected = csvfile._plain_numbers(cells, marks, "."), [meaning(c) for c in cells]
        if all(v is not None and v == v for v in expected):
            np.testing.assert_array_equal(numbers, expected)
            taken += 1
        else:
            assert numbers is None, cells
    assert taken > 200


@pytest.mark.parametrize("seed", range(12))
def test_files_of_every_style_are_read_as_the_csv_module_reads_them(seed, tmp_path):
    """Numbers, gaps and text; any delimiter, line end, quoting, with and without a byte-order mark."""
    choose = random.Random(seed)
    delimiter, end = choose.choice(",;\t|"), choose.choice(["\n", "\r\n"])
    quoting = choose.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
    words = [
        "Bonn",
        "Köln, am Rhein",
        'say "hi"',
        "two\nlines",
        "a;b",
        "x|y",
        "tab\there",
        "日本",
        "N A",
    ]
    makers = {
        "whole": lambda: choose.randint(-9, 9),
        "real": lambda: choose.uniform(-1e9, 1e9),
        "gaps": lambda: choose.choice(["", "NA", "?", "null", 1.5, -2]),
        "text": lambda: choose.choice(words),
        "mixed": lambda: choose.choice([*words, "", "7"]),
    }
    rows = [[make() for make in makers.values()] for _ in range(choose.randint(8, 40))]
    rows[0][3:] = rows[1][3:] = rows[2][3:] = words[:2]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(makers)
    writer.writerows(rows)
    path = tmp_path / "a.csv"
    path.write_bytes(text.getvalue().encode(choose.choice(["utf-8", "utf-8-sig"])))
    table = data.read_csv(path, types={"mixed": "category"})
    text.seek(0)
    names, *cells = csv.reader(text, delimiter=delimiter)
    assert table.names == names
    for column, name in zip(zip(*cells, strict=True), names, strict=True):
        if name in ("text", "mixed"):
            expected = [None if c.strip().lower() in csvfile.MISSING else c.strip() for c in column]
            assert table[name].tolist() == expected
        else:
            np.testing.assert_array_equal(table[name], [meaning(c) for c in column])


@pytest.mark.parametrize(
    ("cell", "cure"),
    [
        ("1,000", "decimal=','"),
        ("1,234,567", "thousands"),
        ("1'000", "thousands"),
        ("12 345", "thousands"),
        ("3%", "without the sign"),
        ("$4", "without the sign"),
        ("abc", "--category"),
    ],
)
def test_what_looks_like_a_number_meets_the_cure(cell, cure, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f'n;m\n1;1\n2;2\n3;3\n"{cell}";4\n')
    with pytest.raises(ValueError, match=r"line 5, column 'n'") as caught:
        data.read_csv(path)
    assert repr(cell) in str(caught.value)
    assert cure in str(caught.value)
