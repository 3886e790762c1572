"""Convolutional layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter
from fastnn.nn import init
from fastnn.nn.argument import check_device, whole
from fastnn.nn.module import Module
from fastnn.ops.border import pad as pad_borders
from fastnn.ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from fastnn.ops.creation import empty

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


_PADDING_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
}


def _sizes(value, dims, least, layer, name):
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims
    if len(values) != dims or not all(isinstance(v, int) and v >= least for v in values):
        raise ValueError(
            f"{layer}: {name} must be {dims} int(s) of at least {least}, got {value!r}"
        )
    return values


class _Conv(Module):
    _dims = 2
    _transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None, padding: int | Sequence[int], dilation: int | Sequence[int], groups: int, bias: bool,
        padding_mode: str, output_padding: int | Sequence[int], dtype: DTypeLike | None,
    ) -> None:  # fmt: skip
        super().__init__()
        layer, dims = type(self).__name__, self._dims
        in_channels = whole(in_channels, f"{layer}: in_channels")
        out_channels = whole(out_channels, f"{layer}: out_channels")
        groups = whole(groups, f"{layer}: groups")
        if in_channels < 1 or out_channels < 1 or groups < 1:
            raise ValueError(
                f"{layer}: in_channels, out_channels and groups must be positive, got "
                f"{in_channels}, {out_channels} and {groups}"
            )
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{layer}: {in_channels} input and {out_channels} output channels cannot be cut "
                f"into {groups} groups"
            )
        if not isinstance(padding_mode, str) or padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"{layer}: padding_mode must be one of {list(_PADDING_MODES)}, got {padding_mode!r}"
            )
        if self._transposed and padding_mode != "zeros":
            raise ValueError(
                f"{layer}: only padding_mode='zeros' is possible, got {padding_mode!r}"
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = _sizes(kernel_size, dims, 1, layer, "kernel_size")
        self.stride = _sizes(stride, dims, 1, layer, "stride")
        self.dilation = _sizes(dilation, dims, 1, layer, "dilation")
        self.groups, self.padding_mode = groups, padding_mode
        self.output_padding = _sizes(output_padding, dims, 0, layer, "output_padding")
        if isinstance(padding, str):
            if padding not in ("same", "valid") or self._transposed:
                raise ValueError(
                    f"{layer}: padding must be ints, 'same' or 'valid', got {padding!r}"
                )
            if padding == "same" and max(self.stride) > 1:
                raise ValueError(f"{layer}: padding='same' needs stride 1, got {self.stride}")
            self.padding = padding
        else:
            self.padding = _sizes(padding, dims, 0, layer, "padding")
        first, second = (
            (in_channels, out_channels) if self._transposed else (out_channels, in_channels)
        )
        self.weight = Parameter(empty(first, second // groups, *self.kernel_size, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Kaiming-uniform weights with a = sqrt(5), bias uniform within 1 / sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = math.prod(self.weight.shape[1:])
            init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def _both_sides(self):
        """The padding as `pad` takes it: last dimension first, left and right."""
        if self.padding == "valid":
            return [0] * (2 * self._dims)
        if self.padding == "same":
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            return [v for t in reversed(total) for v in (t // 2, t - t // 2)]
        return [p for p in reversed(self.padding) for _ in range(2)]

    def _padded(self, x):
        """x and the padding that is left to the convolution."""
        if self.padding_mode == "zeros":
            return x, self.padding
        mode = _PADDING_MODES[self.padding_mode]
        return pad_borders(x, self._both_sides(), mode=mode), 0

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self._dims:
            text += f", padding={self.padding!r}"
        if self.dilation != (1,) * self._dims:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self._dims:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class Conv2d(_Conv):
    """Convolution of images with learned filters; see `fastnn.nn.functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O, multiples of `groups`.
    kernel_size : int or pair of int
        Height and width of the filters.
    stride, dilation : int or pair of int
        Default 1.
    padding : int, pair of int, "same" or "valid"
        Default 0.
    groups : int
        Default 1; groups = in_channels is a depthwise convolution.
    bias : bool
        Default True.
    padding_mode : str
        "zeros" (default), "reflect", "replicate" or "circular".
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        Default float32.

    Shapes
    ------
    (N, C, H, W) or (C, H, W) -> (N, O, H', W'); ``weight`` is (O, C / groups, kernel height, kernel
    width), ``bias`` is (O,).

    Raises
    ------
    ValueError
        If an argument is out of its range.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    ``torch.nn.Conv2d``, with its initialization.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Conv2d(1, 6, 5)(fastnn.zeros(2, 1, 28, 28)).shape
    (2, 6, 24, 24)
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None=1, padding: int | Sequence[int]=0, dilation: int | Sequence[int]=1, groups: int=1,
        bias: bool=True, padding_mode: str="zeros", device: str | None=None, dtype: DTypeLike | None=None,
    ) -> None:  # fmt: skip
        check_device(device)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, 0, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        """The convolved images."""
        input, padding = self._padded(input)
        return conv2d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class Conv1d(_Conv):
    """Convolution of sequences with learned filters: `Conv2d` in one dimension.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        As in `Conv2d`.

    Shapes
    ------
    (N, C, L) or (C, L) -> (N, O, L'); ``weight`` is (O, C / groups, kernel size).

    Raises
    ------
    ValueError
        If an argument is out of its range.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    ``torch.nn.Conv1d``, with its initialization.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Conv1d(3, 8, 5, padding="same")(fastnn.zeros(2, 3, 16)).shape
    (2, 8, 16)
    """

    _dims = 1

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None=1, padding: int | Sequence[int]=0, dilation: int | Sequence[int]=1, groups: int=1,
        bias: bool=True, padding_mode: str="zeros", device: str | None=None, dtype: DTypeLike | None=None,
    ) -> None:  # fmt: skip
        check_device(device)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, 0, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        """The convolved sequences."""
        input, padding = self._padded(input)
        return conv1d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class _ConvTranspose(_Conv):
    _transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None=1, padding: int | Sequence[int]=0, output_padding: int | Sequence[int]=0,
        groups: int=1, bias: bool=True, dilation: int | Sequence[int]=1, padding_mode: str="zeros", device: str | None=None, dtype: DTypeLike | None=None,
    ) -> None:  # fmt: skip
        check_device(device)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, output_padding, dtype,
        )  # fmt: skip

    def _extra(self, x, output_size):
        """output_padding, as given or such that the output has the size that is asked for."""
        if output_size is None:
            return self.output_padding
        wanted = tuple(output_size)[-self._dims :]
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                x.shape[-self._dims :], self.stride, self.padding, self.dilation, self.kernel_size
            )
        ]
        if not all(m <= w < m + s for m, w, s in zip(least, wanted, self.stride)):
            most = [m + s - 1 for m, s in zip(least, self.stride)]
            raise ValueError(
                f"{type(self).__name__}: output_size must be from {least} to {most}, got {wanted}"
            )
        return [w - m for w, m in zip(wanted, least)]


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution of images; see `fastnn.nn.functional.conv_transpose2d`.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, groups, bias, dilation, padding_mode, device, dtype
        As in `Conv2d`; ``padding_mode`` is "zeros".
    output_padding : int or pair of int
        Rows and columns added at one side of the output. Default 0.

    Shapes
    ------
    (N, C, H, W) or (C, H, W) -> (N, O, H', W'); ``weight`` is (C, O / groups, kernel height, kernel
    width).

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    ``torch.nn.ConvTranspose2d``, with its initialization.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ConvTranspose2d(8, 4, 2, stride=2)(fastnn.zeros(1, 8, 5, 5)).shape
    (1, 4, 10, 10)
    """

    def forward(self, input: Tensor, output_size: int | Sequence[int] | None = None) -> Tensor:
        """The images, enlarged; `output_size` chooses among the sizes that the stride leaves open."""
        extra = self._extra(input, output_size)
        return conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution of sequences: `ConvTranspose2d` in one dimension.

        Parameters
        ----------
        in_channels, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, \
    padding_mode, dtype
            As in `ConvTranspose2d`.

        Shapes
        ------
        (N, C, L) or (C, L) -> (N, O, L'); ``weight`` is (C, O / groups, kernel size).

        Raises
        ------
        ValueError
            If an argument is out of its range.

        Notes
        -----
        ``torch.nn.ConvTranspose1d``, with its initialization.

        Examples
        --------
        >>> import fastnn
        >>> fastnn.nn.ConvTranspose1d(8, 4, 2, stride=2)(fastnn.zeros(1, 8, 5)).shape
        (1, 4, 10)

    Raises
    ------
    TypeError
        If, when called, the input is not float32 or float64.
    """

    _dims = 1

    def forward(self, input: Tensor, output_size: int | Sequence[int] | None = None) -> Tensor:
        """The sequences, enlarged; `output_size` chooses among the sizes that the stride leaves open."""
        extra = self._extra(input, output_size)
        return conv_transpose1d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )
