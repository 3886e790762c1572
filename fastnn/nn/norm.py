"""Batch normalization: of channels over the batch; and what normalization layers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter
from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn.argument import check_device
from fastnn.nn.module import Module
from fastnn.ops.batchnorm import batch_norm
from fastnn.ops.creation import full, ones, zeros

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


class _Affine(Module):
    """A weight of ones and a bias of zeros, or None for either."""

    def _make(self, shape, weight, bias, dtype):
        self.register_parameter("weight", Parameter(ones(shape, dtype=dtype)) if weight else None)
        self.register_parameter("bias", Parameter(zeros(shape, dtype=dtype)) if bias else None)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        if self.weight is not None:
            self.weight.data = ones(self.weight.shape)
        if self.bias is not None:
            self.bias.data = zeros(self.bias.shape)


class _Running(_Affine):
    """What batch and instance norm share: running statistics of each channel."""

    _dims = ()

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: DTypeLike | None,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self._make((num_features,), affine, affine and bias, dtype)
        track = track_running_stats
        zero, one = zeros((num_features,), dtype=dtype), ones((num_features,), dtype=dtype)
        self.register_buffer("running_mean", zero if track else None)
        self.register_buffer("running_var", one if track else None)
        self.register_buffer("num_batches_tracked", full((), 0) if track else None)

    def reset_running_stats(self) -> None:
        """Forget the batches seen: mean 0, variance 1."""
        if self.running_mean is not None:
            self.running_mean.data = zeros(self.running_mean.shape)
            self.running_var.data = ones(self.running_var.shape)
            self.num_batches_tracked.data = full((), 0)

    def reset_parameters(self) -> None:
        """Set the weight to 1, the bias to 0, and forget the batches seen."""
        super().reset_parameters()
        self.reset_running_stats()

    def _check(self, x):
        name, C = type(self).__name__, self.num_features
        x = as_tensor(x)
        if x.ndim not in self._dims:
            expected = " or ".join(f"{n}-d" for n in self._dims)
            raise ValueError(f"{name}: expected {expected} input, got shape {tuple(x.shape)}")
        if x.shape[1] != C:
            raise ValueError(f"{name}: x has {x.shape[1]} features, {name} expects {C}")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Running):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        check_device(device)
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, input: Tensor):
        """input, normalized; in training the running statistics move."""
        self._check(input)
        own = self.training or self.running_mean is None
        track = self.training and self.running_mean is not None
        return batch_norm(
            input,
            None if own and not track else self.running_mean,
            None if own and not track else self.running_var,
            self.weight,
            self.bias,
            own,
            self.momentum,
            self.eps,
            num_batches_tracked=self.num_batches_tracked if track else None,
        )


class BatchNorm1d(_BatchNorm):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel: ``torch.nn.BatchNorm1d``.

    In training, mean and (biased) variance are those of the batch; in evaluation, the running ones:
    running = (1 - momentum) running + momentum batch, with the unbiased variance.

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Default 1e-5.
    momentum : float or None
        None averages all batches alike. Default 0.1.
    affine : bool
        Learn weight and bias. Default True.
    track_running_stats : bool
        False: evaluation uses its own batch's statistics, too. Default True.
    bias : bool
        With affine: learn a bias. Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight, bias : Parameter or None
        (C,), from 1 and 0.
    running_mean, running_var, num_batches_tracked : Tensor or None
        State: (C,), (C,) and a count.

    Shapes
    ------
    (N, C) or (N, C, L), and the same.

    Raises
    ------
    ValueError
        If the input has other dimensions, or one value per channel to train on.
    TypeError
        If it is not float32 or float64.

    Notes
    -----
    Ioffe, Szegedy (2015). A bias in the layer before has no effect.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.BatchNorm1d(1)(fastnn.tensor([[1.0], [3.0]]))
    tensor([[-1.],
            [ 1.]], grad_fn=<batch_norm>)
    """

    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`BatchNorm1d` for images, (N, C, H, W): ``torch.nn.BatchNorm2d``.

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Default 1e-5.
    momentum : float or None
        None averages all batches alike. Default 0.1.
    affine : bool
        Learn weight and bias. Default True.
    track_running_stats : bool
        False: evaluation uses its own batch's statistics, too. Default True.
    bias : bool
        With affine: learn a bias. Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Raises
    ------
    TypeError, ValueError
        As in `BatchNorm1d`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.BatchNorm2d(3)(fastnn.ones(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    """`BatchNorm1d` for volumes, (N, C, D, H, W): ``torch.nn.BatchNorm3d``.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, device, dtype
        As in `BatchNorm1d`.

    Raises
    ------
    TypeError, ValueError
        As in `BatchNorm1d`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.BatchNorm3d(3)(fastnn.ones(2, 3, 2, 2, 2)).shape
    (2, 3, 2, 2, 2)
    """

    _dims = (5,)
