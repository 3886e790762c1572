"""Pooling layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.nn.module import Module
from fastnn.ops.pool import (
    avg_pool1d,
    avg_pool2d,
    lp_pool1d,
    lp_pool2d,
    max_pool1d,
    max_pool2d,
)

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class _MaxPool(Module):
    def __init__(
        self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def _arguments(self):
        return (
            self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip

    def extra_repr(self):
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class _AvgPool(Module):
    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad = count_include_pad

    def _arguments(self):
        return self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _LPPool(Module):
    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def _arguments(self):
        return self.norm_type, self.kernel_size, self.stride, self.ceil_mode

    def extra_repr(self):
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool2d(_MaxPool):
    """The largest value of each window of an image.

    Parameters
    ----------
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `fastnn.nn.functional.max_pool2d`.

    Shapes
    ------
    (N, C, H, W) or (C, H, W) -> (N, C, H', W'); float32 or float64.

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    ``torch.nn.MaxPool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.MaxPool2d(2)(fastnn.ones(1, 3, 4, 4)).shape
    (1, 3, 2, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The pooled images."""
        return max_pool2d(input, *self._arguments())


class MaxPool1d(_MaxPool):
    """The largest value of each window of a sequence.

    Parameters
    ----------
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `fastnn.nn.functional.max_pool1d`.

    Shapes
    ------
    (N, C, L) or (C, L) -> (N, C, L'); float32 or float64.

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    ``torch.nn.MaxPool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.MaxPool1d(2)(fastnn.ones(1, 3, 4)).shape
    (1, 3, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The pooled sequences."""
        return max_pool1d(input, *self._arguments())


class AvgPool2d(_AvgPool):
    """The mean of each window of an image.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As in `fastnn.nn.functional.avg_pool2d`.

    Shapes
    ------
    (N, C, H, W) or (C, H, W) -> (N, C, H', W'); float32 or float64.

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    ``torch.nn.AvgPool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.AvgPool2d(2)(fastnn.ones(1, 3, 4, 4)).shape
    (1, 3, 2, 2)
    """

    def __init__(
        self, kernel_size: int | tuple[int, ...], stride: int | tuple[int, ...] | None=None, padding: int | tuple[int, ...]=0, ceil_mode: bool=False, count_include_pad: bool=True,
        divisor_override: int | None=None,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def _arguments(self):
        return (*super()._arguments(), self.divisor_override)

    def forward(self, input: Tensor) -> Tensor:
        """The pooled images."""
        return avg_pool2d(input, *self._arguments())


class AvgPool1d(_AvgPool):
    """The mean of each window of a sequence.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode, count_include_pad
        As in `fastnn.nn.functional.avg_pool1d`.

    Shapes
    ------
    (N, C, L) or (C, L) -> (N, C, L'); float32 or float64.

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    ``torch.nn.AvgPool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.AvgPool1d(2)(fastnn.ones(1, 3, 4)).shape
    (1, 3, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The pooled sequences."""
        return avg_pool1d(input, *self._arguments())


class LPPool2d(_LPPool):
    """The p-norm of each window of an image.

    Parameters
    ----------
    norm_type, kernel_size, stride, ceil_mode
        As in `fastnn.nn.functional.lp_pool2d`.

    Shapes
    ------
    (N, C, H, W) or (C, H, W) -> (N, C, H', W'); float32 or float64.

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    ``torch.nn.LPPool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LPPool2d(2, 2)(fastnn.ones(1, 3, 4, 4)).shape
    (1, 3, 2, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The pooled images."""
        return lp_pool2d(input, *self._arguments())


class LPPool1d(_LPPool):
    """The p-norm of each window of a sequence.

    Parameters
    ----------
    norm_type, kernel_size, stride, ceil_mode
        As in `fastnn.nn.functional.lp_pool1d`.

    Shapes
    ------
    (N, C, L) or (C, L) -> (N, C, L'); float32 or float64.

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    ``torch.nn.LPPool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LPPool1d(2, 2)(fastnn.ones(1, 3, 4)).shape
    (1, 3, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The pooled sequences."""
        return lp_pool1d(input, *self._arguments())
