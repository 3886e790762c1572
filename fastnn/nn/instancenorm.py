"""Instance norm: each channel of each sample by its own mean and variance."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn.argument import check_device
from fastnn.nn.norm import _Running
from fastnn.ops.batchnorm import instance_norm

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


class _InstanceNorm(_Running):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: str | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        check_device(device)
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def _check(self, x):
        name, (without, batch) = type(self).__name__, self._dims
        if x.ndim not in self._dims:
            raise ValueError(
                f"{name}: expected {without}-d or {batch}-d input, got shape {tuple(x.shape)}"
            )
        channels = x.shape[x.ndim - batch + 1]
        if channels != self.num_features:
            words = f"{name}: x has {channels} channels, {name} expects {self.num_features}"
            if self.affine or self.track_running_stats:
                raise ValueError(words)
            warnings.warn(f"{words}; without parameters any number will do", stacklevel=3)

    def forward(self, input: Tensor):
        """input, normalized; in training the running statistics move, if there are any."""
        input = as_tensor(input)
        self._check(input)
        if input.ndim == self._dims[0]:
            return self._normalized(input.unsqueeze(0)).squeeze(0)
        return self._normalized(input)

    def _normalized(self, x):
        return instance_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            self.momentum,
            self.eps,
        )


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each sequence by its own mean and variance: ``torch.nn.InstanceNorm1d``.

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Default 1e-5.
    momentum : float
        Default 0.1.
    affine : bool
        Learn weight and bias. Default False.
    track_running_stats : bool
        True: evaluation uses running statistics. Default False.
    bias : bool
        With affine: learn a bias. Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Shapes
    ------
    (N, C, L) or (C, L), and the same.

    Raises
    ------
    ValueError
        If dimensions or channels do not fit, or there is one value per channel to train on.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    Ulyanov et al. (2016).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.InstanceNorm1d(3)(fastnn.rand(2, 3, 4)).shape
    (2, 3, 4)
    """

    _dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each image by its own mean and variance: ``torch.nn.InstanceNorm2d``.

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Default 1e-5.
    momentum : float
        Default 0.1.
    affine : bool
        Learn weight and bias. Default False.
    track_running_stats : bool
        True: evaluation uses running statistics. Default False.
    bias : bool
        With affine: learn a bias. Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Shapes
    ------
    (N, C, H, W) or (C, H, W), and the same.

    Raises
    ------
    ValueError
        If dimensions or channels do not fit, or there is one value per channel to train on.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    Ulyanov et al. (2016).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.InstanceNorm2d(3)(fastnn.rand(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    _dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Each channel of each volume by its own mean and variance: ``torch.nn.InstanceNorm3d``.

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Default 1e-5.
    momentum : float
        Default 0.1.
    affine : bool
        Learn weight and bias. Default False.
    track_running_stats : bool
        True: evaluation uses running statistics. Default False.
    bias : bool
        With affine: learn a bias. Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Shapes
    ------
    (N, C, D, H, W) or (C, D, H, W), and the same.

    Raises
    ------
    ValueError
        If dimensions or channels do not fit, or there is one value per channel to train on.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    Ulyanov et al. (2016).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.InstanceNorm3d(3)(fastnn.rand(2, 3, 2, 2, 2)).shape
    (2, 3, 2, 2, 2)
    """

    _dims = (4, 5)
