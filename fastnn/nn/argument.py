"""Arguments of layers, checked when a layer is made, as ops check theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.device import device as cpu_device
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _several as several
from fastnn.ops.argument import _whole as whole

if TYPE_CHECKING:
    from typing import Any


__all__ = ["check_device", "is_device", "number", "several", "whole"]


def check_device(device: str | None) -> None:
    """ValueError for any device but the CPU, and None."""
    if device is not None:
        cpu_device(device)


def is_device(name: Any) -> bool:
    """Whether a string names a device, of whatever kind, and not a dtype."""
    return name.split(":")[0] in ("cpu", "cuda", "mps", "xpu", "meta")
