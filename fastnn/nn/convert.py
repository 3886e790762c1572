"""Modules in another dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Tensor
from fastnn.nn.argument import check_device, is_device
from fastnn.nn.members import BUFFER, PARAMETER, TRANSIENT, convert_in_place

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import DTypeLike


class Convertible:
    """What of a Module changes its dtype."""

    def to(
        self, device: Any = None, dtype: DTypeLike | None = None, non_blocking: bool = False
    ) -> Convertible:
        """Convert floating point parameters and buffers to a dtype, in place; returns the module.

        Optimizers must be made afterwards. `device` may be a dtype or a Tensor with that dtype, or
        ``"cpu"``, which changes nothing, as does `non_blocking`: there is one device.
        """
        if isinstance(device, Tensor):
            device, dtype = None, device.dtype
        elif device is not None and not (isinstance(device, str) and is_device(device)):
            device, dtype = None, device
        check_device(device)
        if dtype is None:
            return self
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"to: modules are float32 or float64, got {dtype}")
        for module in self.modules():
            module._convert(dtype)
        return self

    def type(self, dst_type: DTypeLike) -> Convertible:
        """Convert to a dtype; see `to`."""
        return self.to(dtype=dst_type)

    def cpu(self) -> Convertible:
        """The module itself: there is one device."""
        return self

    def _convert(self, dtype):
        for _, value in self._own(PARAMETER, BUFFER, TRANSIENT):
            if value.is_floating_point() and value.dtype != dtype:
                convert_in_place(value, dtype)

    def double(self) -> Convertible:
        """Convert to float64."""
        return self.to(np.float64)

    def float(self) -> Convertible:
        """Convert to float32."""
        return self.to(np.float32)
