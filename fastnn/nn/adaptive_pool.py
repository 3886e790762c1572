"""Pooling to a given output size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.nn.module import Module
from fastnn.ops.adaptive_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
)

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class _AdaptiveAvgPool(Module):
    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def _arguments(self):
        return (self.output_size,)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(_AdaptiveAvgPool):
    def __init__(self, output_size, return_indices=False):
        super().__init__(output_size)
        self.return_indices = return_indices

    def _arguments(self):
        return self.output_size, self.return_indices


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means of windows spread evenly, as many as `output_size` says of an image.

    Parameters
    ----------
    output_size
        As in `fastnn.nn.functional.adaptive_avg_pool2d`.

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
    ``torch.nn.AdaptiveAvgPool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.AdaptiveAvgPool2d(2)(fastnn.ones(1, 3, 4, 4)).shape
    (1, 3, 2, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The pooled images."""
        return adaptive_avg_pool2d(input, *self._arguments())


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means of windows spread evenly, as many as `output_size` says of a sequence.

    Parameters
    ----------
    output_size
        As in `fastnn.nn.functional.adaptive_avg_pool1d`.

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
    ``torch.nn.AdaptiveAvgPool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.AdaptiveAvgPool1d(2)(fastnn.ones(1, 3, 4)).shape
    (1, 3, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The pooled sequences."""
        return adaptive_avg_pool1d(input, *self._arguments())


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maxima of windows spread evenly, as many as `output_size` says of an image.

    Parameters
    ----------
    output_size, return_indices
        As in `fastnn.nn.functional.adaptive_max_pool2d`.

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
    ``torch.nn.AdaptiveMaxPool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.AdaptiveMaxPool2d(2)(fastnn.ones(1, 3, 4, 4)).shape
    (1, 3, 2, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The pooled images."""
        return adaptive_max_pool2d(input, *self._arguments())


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Maxima of windows spread evenly, as many as `output_size` says of a sequence.

    Parameters
    ----------
    output_size, return_indices
        As in `fastnn.nn.functional.adaptive_max_pool1d`.

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
    ``torch.nn.AdaptiveMaxPool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.AdaptiveMaxPool1d(2)(fastnn.ones(1, 3, 4)).shape
    (1, 3, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The pooled sequences."""
        return adaptive_max_pool1d(input, *self._arguments())
