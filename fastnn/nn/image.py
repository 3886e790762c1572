"""Layers that rearrange pixels and channels, and undo pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn.nn.module import Module
from fastnn.ops.image import (
    channel_shuffle,
    local_response_norm,
    max_unpool1d,
    max_unpool2d,
    pixel_shuffle,
    pixel_unshuffle,
)

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class PixelShuffle(Module):
    """(N, C r r, H, W) becomes (N, C, H r, W r), of any dtype: ``torch.nn.PixelShuffle``.

    Parameters
    ----------
    upscale_factor : int
        r.

    Raises
    ------
    ValueError
        When called, if r is not positive, the channels no multiple of r r, or there are fewer than
        3 dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.PixelShuffle(2)(fastnn.zeros(1, 8, 3, 3)).shape
    (1, 2, 6, 6)
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """The larger images."""
        return pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(N, C, H r, W r) becomes (N, C r r, H, W), of any dtype: ``torch.nn.PixelUnshuffle``.

    Parameters
    ----------
    downscale_factor : int
        r.

    Raises
    ------
    ValueError
        When called, if r is not positive, H and W no multiples of it, or there are fewer than 3
        dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.PixelUnshuffle(2)(fastnn.zeros(1, 2, 6, 6)).shape
    (1, 8, 3, 3)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """The smaller images."""
        return pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels of the groups dealt out in turn: ``torch.nn.ChannelShuffle``.

    Parameters
    ----------
    groups : int
        A divisor of the number of channels.

    Shapes
    ------
    (N, C, ...), and the same; any dtype.

    Raises
    ------
    ValueError
        When called, if groups does not divide C, or the input has fewer than 3 dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ChannelShuffle(2)(fastnn.zeros(1, 4, 3)).shape
    (1, 4, 3)
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """input with its channels in another order."""
        return channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class LocalResponseNorm(Module):
    """y = x / (k + alpha * mean of x^2 over `size` channels)^beta: ``torch.nn.LocalResponseNorm``.

    Parameters
    ----------
    size : int
        How many neighbouring channels are averaged.
    alpha, beta, k : float
        Default 1e-4, 0.75 and 1.

    Shapes
    ------
    (N, C, ...), and the same.

    Raises
    ------
    ValueError
        When called, if size is not positive, or the input has fewer than 3 dimensions.
    TypeError
        If the input is not float32 or float64.

    Notes
    -----
    Krizhevsky et al. (2012).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LocalResponseNorm(2)(fastnn.zeros(1, 4, 3)).shape
    (1, 4, 3)
    """

    def __init__(
        self,
        size: int | Sequence[int] | None,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 1.0,
    ) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        """input, normalized."""
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class _MaxUnpool(Module):
    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
    ) -> None:
        super().__init__()
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Puts maxima back where ``MaxPool1d(return_indices=True)`` found them: ``torch.nn.MaxUnpool1d``.

    Parameters
    ----------
    kernel_size, stride, padding : int
        Those of the pooling.

    Shapes
    ------
    (N, C, L) or (C, L) with int64 indices of that shape; any dtype.

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    IndexError
        An index outside the output.
    TypeError
        Indices that are not int64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.MaxUnpool1d(2)(fastnn.tensor([[5.0]]), fastnn.tensor([[1]]))
    tensor([[0., 5.]])
    """

    def forward(
        self, input: Tensor, indices: Tensor, output_size: int | Sequence[int] | None = None
    ) -> Tensor:
        """The enlarged sequences, zero between the maxima."""
        return max_unpool1d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class MaxUnpool2d(_MaxUnpool):
    """Puts maxima back where ``MaxPool2d(return_indices=True)`` found them: ``torch.nn.MaxUnpool2d``.

    Parameters
    ----------
    kernel_size, stride, padding : int or pair of int
        Those of the pooling.

    Shapes
    ------
    (N, C, H, W) or (C, H, W) with int64 indices of that shape; any dtype.

    Raises
    ------
    ValueError
        An input of another number of dimensions, or sizes that leave no output.
    IndexError
        An index outside the output.
    TypeError
        Indices that are not int64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.MaxUnpool2d(2)(fastnn.tensor([[[5.0]]]), fastnn.tensor([[[3]]]))
    tensor([[[0., 0.],
             [0., 5.]]])
    """

    def forward(
        self, input: Tensor, indices: Tensor, output_size: int | Sequence[int] | None = None
    ) -> Tensor:
        """The enlarged images, zero between the maxima."""
        return max_unpool2d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )
