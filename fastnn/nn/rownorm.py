"""Normalization of rows and of groups of channels, by statistics of each sample alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn.argument import check_device, whole
from fastnn.nn.norm import _Affine
from fastnn.ops.rownorm import group_norm, layer_norm, rms_norm

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


class LayerNorm(_Affine):
    """y = (x - mean) / sqrt(var + eps) * weight + bias over the last dimensions: ``torch.nn.LayerNorm``.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The last dimensions.
    eps : float
        Default 1e-5.
    elementwise_affine : bool
        Learn a weight and, if `bias`, a bias. Default True.
    bias : bool
        Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight, bias : Parameter or None
        Of shape normalized_shape, from 1 and 0.

    Shapes
    ------
    (..., *normalized_shape), and the same.

    Raises
    ------
    ValueError
        If the input's last dimensions differ.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    Ba, Kiros, Hinton (2016).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LayerNorm(2)(fastnn.tensor([[1.0, 3.0]]))
    tensor([[-1.,  1.]], grad_fn=<layer_norm>)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._make(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """input, normalized."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class RMSNorm(_Affine):
    """y = x / sqrt(mean(x^2) + eps) * weight over the last dimensions: ``torch.nn.RMSNorm``.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The last dimensions.
    eps : float, optional
        Default: the distance from 1 to the next number of the dtype.
    elementwise_affine : bool
        Learn a weight. Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Raises
    ------
    ValueError
        When called, if the input does not end with normalized_shape.
    TypeError
        If that is no int, or the input not float32 or float64.

    Notes
    -----
    Zhang, Sennrich (2019).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.RMSNorm(2)(fastnn.tensor([3.0, 4.0]))
    tensor([0.8485, 1.1314], grad_fn=<rms_norm>)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._make(self.normalized_shape, elementwise_affine, False, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """input, normalized."""
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(_Affine):
    """Layer norm of groups of channels, with a weight and bias per channel: ``torch.nn.GroupNorm``.

    Parameters
    ----------
    num_groups : int
        A divisor of num_channels.
    num_channels : int
        C.
    eps : float
        Default 1e-5.
    affine : bool
        Learn weight and bias. Default True.
    bias : bool
        With affine: learn a bias. Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Shapes
    ------
    (N, C, ...), and the same.

    Raises
    ------
    ValueError
        If num_groups does not divide num_channels, or, when called, the input has other channels.
    TypeError
        If the input is not float32 or float64.

    Notes
    -----
    Wu, He (2018).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.GroupNorm(2, 4)(fastnn.ones(3, 4, 5)).shape
    (3, 4, 5)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        check_device(device)
        super().__init__()
        num_groups = whole(num_groups, "GroupNorm: num_groups")
        num_channels = whole(num_channels, "GroupNorm: num_channels")
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: {num_channels} channels cannot be cut into {num_groups} groups"
            )
        self.num_groups, self.num_channels = num_groups, num_channels
        self.eps, self.affine = eps, affine
        self._make((num_channels,), affine, affine and bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """input, normalized."""
        input = as_tensor(input)
        if input.ndim < 2 or input.shape[1] != self.num_channels:
            raise ValueError(
                f"GroupNorm: input has shape {tuple(input.shape)}, expected {self.num_channels} channels in dimension 1"
            )
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


def _shape(normalized_shape):
    try:
        sizes = tuple(normalized_shape)
    except TypeError:
        sizes = (normalized_shape,)
    return tuple(whole(size, "normalized_shape") for size in sizes)
