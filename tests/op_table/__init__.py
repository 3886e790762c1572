"""The op table: each op's reference, samples, torch counterpart and documented errors."""

import importlib
import pkgutil

from .row import Bad, Row, Sample, booleans, distinct, drawn, integers, normal, uniform

ROWS = [
    row
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "row")
    for row in importlib.import_module(f"{__name__}.{module}").ROWS
]

__all__ = [
    "ROWS",
    "Bad",
    "Row",
    "Sample",
    "booleans",
    "distinct",
    "drawn",
    "integers",
    "normal",
    "uniform",
]
