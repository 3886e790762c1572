"""Checks of hyperparameters, for optimizers and schedules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnn.ops.argument import _number

if TYPE_CHECKING:
    from typing import Any


def at_least(
    what: str, name: str, value: Any, low: float = 0.0, below: float | None = None
) -> float:
    """The value as a float, checked: low <= value, and value < below if given."""
    try:
        number = None if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = None
    if number is None:
        raise TypeError(f"{what}: {name} must be a number, got {value!r}")
    if not number >= low or (below is not None and not number < below):
        limits = f"at least {low:g}" + ("" if below is None else f" and below {below:g}")
        raise ValueError(f"{what}: {name} must be {limits}, got {value}")
    return number


def finite(what: str, name: str, value: Any) -> Any:
    """The value, checked: a number, and neither an infinity nor NaN."""
    if not math.isfinite(_number(value, f"{what}: {name}")):
        raise ValueError(f"{what}: {name} must be finite, got {value}")
    return value


def two_betas(what: str, group: dict[str, Any]) -> tuple[float, float]:
    """The pair ``betas`` of a group, checked."""
    try:
        beta1, beta2 = group["betas"]
    except (TypeError, ValueError):
        raise TypeError(f"{what}: betas must be two numbers, got {group['betas']!r}") from None
    return at_least(what, "betas[0]", beta1, below=1), at_least(what, "betas[1]", beta2, below=1)
