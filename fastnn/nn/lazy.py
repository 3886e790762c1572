"""Lazy layers: they find out the size of their input when they see the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn._engine.engine import world_changed
from fastnn.nn.argument import check_device
from fastnn.nn.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from fastnn.nn.instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from fastnn.nn.linear import Linear
from fastnn.nn.members import PARAMETER
from fastnn.nn.module import Module
from fastnn.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class _Lazy(Module):
    """A layer of class `_becomes`, but for its first argument; the first call makes it one."""

    _becomes = None
    _axis = 1  # of an input with a batch dimension: the size that is looked for

    def __init__(self, least, args, kwargs):
        super().__init__()
        self._becomes(least, *args, **kwargs)  # to see what is wrong with the arguments now
        self._args, self._kwargs, self._dtype = args, kwargs, kwargs.pop("dtype", None)

    def _own(self, *kinds):
        if PARAMETER in kinds:
            raise RuntimeError(
                f"{type(self).__name__} has no parameters before it has seen an input: call the "
                "model once, on a batch of any size, before you make its optimizer or load a state"
            )
        return iter(())

    def _convert(self, dtype):
        self._dtype = dtype

    def _size(self, input):
        return as_tensor(input).shape[self._axis]

    def forward(self, input):
        """Become the layer that fits `input`, and call it."""
        layer = self._becomes(
            self._size(input), *self._args, dtype=self._dtype, **self._kwargs
        ).train(self.training)
        del self._args, self._kwargs, self._dtype
        hooks = {name: value for name, value in self.__dict__.items() if name != "_members"}
        self.__class__ = self._becomes
        self.__dict__.update({**layer.__dict__, **hooks})
        world_changed()
        return self.forward(input)

    def extra_repr(self):
        given = [repr(a) for a in self._args] + [f"{k}={v!r}" for k, v in self._kwargs.items()]
        return ", ".join(["?", *given])


class LazyLinear(_Lazy):
    """A `Linear` whose in_features is that of its first input: ``torch.nn.LazyLinear``.

    Parameters
    ----------
    out_features : int
        Size of the last dimension of the output.
    bias : bool
        Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.LazyLinear(2)
    >>> layer(fastnn.zeros(5, 3)).shape
    (5, 2)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    _becomes, _axis = Linear, -1

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__(1, (out_features, bias), {"dtype": dtype})


class _LazyConv(_Lazy):
    def __init__(
        self, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
        padding_mode="zeros", device=None, dtype=None,
    ):  # fmt: skip
        check_device(device)
        args = (out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode)
        super().__init__(groups, args, {"dtype": dtype})

    def _size(self, input):
        return as_tensor(input).shape[-1 - self._becomes._dims]


class LazyConv1d(_LazyConv):
    """A `Conv1d` whose in_channels is that of its first input: ``torch.nn.LazyConv1d``.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        As those of `Conv1d`.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyConv1d(4, 3)(fastnn.zeros(2, 5, 8)).shape
    (2, 4, 6)
    """

    _becomes = Conv1d


class LazyConv2d(_LazyConv):
    """A `Conv2d` whose in_channels is that of its first input: ``torch.nn.LazyConv2d``.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        As those of `Conv2d`.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyConv2d(4, 3)(fastnn.zeros(2, 5, 8, 8)).shape
    (2, 4, 6, 6)
    """

    _becomes = Conv2d


class _LazyConvTranspose(_LazyConv):
    def __init__(
        self, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True,
        dilation=1, padding_mode="zeros", device=None, dtype=None,
    ):  # fmt: skip
        check_device(device)
        args = (out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation)
        _Lazy.__init__(self, groups, (*args, padding_mode), {"dtype": dtype})


class LazyConvTranspose1d(_LazyConvTranspose):
    """A `ConvTranspose1d` whose in_channels is that of its first input: ``torch.nn.LazyConvTranspose1d``.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode, device, dtype
        As those of `ConvTranspose1d`.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyConvTranspose1d(4, 3)(fastnn.zeros(2, 5, 8)).shape
    (2, 4, 10)
    """

    _becomes = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose):
    """A `ConvTranspose2d` whose in_channels is that of its first input: ``torch.nn.LazyConvTranspose2d``.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode, device, dtype
        As those of `ConvTranspose2d`.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyConvTranspose2d(4, 2, stride=2)(fastnn.zeros(2, 5, 4, 4)).shape
    (2, 4, 8, 8)
    """

    _becomes = ConvTranspose2d


class _LazyNorm(_Lazy):
    def __init__(self, eps, momentum, affine, track_running_stats, bias, dtype):
        super().__init__(
            1, (eps, momentum, affine, track_running_stats), {"bias": bias, "dtype": dtype}
        )


class _LazyBatchNorm(_LazyNorm):
    def __init__(
        self,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        check_device(device)
        super().__init__(eps, momentum, affine, track_running_stats, bias, dtype)


class LazyBatchNorm1d(_LazyBatchNorm):
    """A `BatchNorm1d` whose num_features is that of its first input: ``torch.nn.LazyBatchNorm1d``.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, device, dtype
        As those of `BatchNorm1d`.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyBatchNorm1d()(fastnn.randn(5, 3)).shape
    (5, 3)
    """

    _becomes = BatchNorm1d


class LazyBatchNorm2d(_LazyBatchNorm):
    """A `BatchNorm2d` whose num_features is that of its first input: ``torch.nn.LazyBatchNorm2d``.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, device, dtype
        As those of `BatchNorm2d`.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyBatchNorm2d()(fastnn.randn(5, 3, 2, 2)).shape
    (5, 3, 2, 2)
    """

    _becomes = BatchNorm2d


class LazyBatchNorm3d(_LazyBatchNorm):
    """A `BatchNorm3d` whose num_features is that of its first input: ``torch.nn.LazyBatchNorm3d``.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, device, dtype
        As those of `BatchNorm3d`.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyBatchNorm3d()(fastnn.randn(5, 3, 2, 2, 2)).shape
    (5, 3, 2, 2, 2)
    """

    _becomes = BatchNorm3d


class _LazyInstanceNorm(_LazyNorm):
    def __init__(
        self,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        check_device(device)
        super().__init__(eps, momentum, affine, track_running_stats, bias, dtype)

    def _size(self, input):
        x = as_tensor(input)
        return x.shape[x.ndim - self._becomes._dims[1] + 1]


class LazyInstanceNorm1d(_LazyInstanceNorm):
    """An `InstanceNorm1d` whose num_features is that of its first input: ``torch.nn.LazyInstanceNorm1d``.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, device, dtype
        As those of `InstanceNorm1d`; affine and track_running_stats are True by default.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyInstanceNorm1d()(fastnn.randn(2, 3, 4)).shape
    (2, 3, 4)
    """

    _becomes = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm):
    """An `InstanceNorm2d` whose num_features is that of its first input: ``torch.nn.LazyInstanceNorm2d``.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, device, dtype
        As those of `InstanceNorm2d`; affine and track_running_stats are True by default.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyInstanceNorm2d()(fastnn.randn(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    _becomes = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm):
    """An `InstanceNorm3d` whose num_features is that of its first input: ``torch.nn.LazyInstanceNorm3d``.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, device, dtype
        As those of `InstanceNorm3d`; affine and track_running_stats are True by default.

    Raises
    ------
    RuntimeError
        If its parameters are asked for before the first call.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LazyInstanceNorm3d()(fastnn.randn(2, 3, 4, 4, 4)).shape
    (2, 3, 4, 4, 4)
    """

    _becomes = InstanceNorm3d
