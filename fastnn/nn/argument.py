"""Arguments of layers, checked when a layer is made, as ops check theirs."""

from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _several as several
from fastnn.ops.argument import _whole as whole

__all__ = ["number", "several", "whole"]
