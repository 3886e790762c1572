"""Patches of images as columns, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn.nn.module import Module
from fastnn.ops.patches import fold, unfold

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class _Patches(Module):
    def __init__(
        self,
        kernel_size: int | Sequence[int],
        dilation: int | Sequence[int],
        padding: int | Sequence[int],
        stride: int | Sequence[int] | None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.dilation = kernel_size, dilation
        self.padding, self.stride = padding, stride

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Unfold(_Patches):
    """Every patch of an image as a column: ``torch.nn.Unfold``.

    Parameters
    ----------
    kernel_size : int or pair of int
        Of a patch.
    dilation, padding, stride : int or pair of int
        Default 1, 0, 1.

    Shapes
    ------
    (N, C, H, W) or (C, H, W) -> (N, C * kernel height * kernel width, L).

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    TypeError
        An input that is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Unfold(3)(fastnn.zeros(2, 4, 5, 5)).shape
    (2, 36, 9)
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        dilation: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        stride: int | Sequence[int] | None = 1,
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)

    def forward(self, input: Tensor) -> Tensor:
        """The columns."""
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(_Patches):
    """Columns put back as patches of an image, added up where they overlap: ``torch.nn.Fold``.

    Parameters
    ----------
    output_size : int or pair of int
        H and W.
    kernel_size : int or pair of int
        Of a patch.
    dilation, padding, stride : int or pair of int
        Default 1, 0, 1.

    Shapes
    ------
    (N, C * kernel height * kernel width, L) -> (N, C, H, W); or both without N.

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    TypeError
        An input that is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Fold(5, 3)(fastnn.zeros(2, 36, 9)).shape
    (2, 4, 5, 5)
    """

    def __init__(
        self,
        output_size: int | Sequence[int],
        kernel_size: int | Sequence[int],
        dilation: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        stride: int | Sequence[int] | None = 1,
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """The images."""
        return fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
