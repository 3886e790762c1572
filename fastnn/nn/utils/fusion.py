"""Batch norm folded into the layer before it, for inference: ``torch.nn.utils.fusion``."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter
from fastnn.autograd import no_grad
from fastnn.ops.creation import zeros_like

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor
    from fastnn.nn.module import Module


__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]


def _scale_and_bias(bias, running_mean, running_var, eps, weight, shift):
    scale = (running_var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    bias = zeros_like(running_mean) if bias is None else bias
    shift = zeros_like(running_mean) if shift is None else shift
    return scale, (bias - running_mean) * scale + shift


@no_grad()
def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the convolution that also does what batch norm did after it.

    Parameters
    ----------
    conv_w, conv_b : Tensor
        Of the convolution; the bias may be None.
    bn_rm, bn_rv : Tensor
        Running mean and variance, (O,).
    bn_eps : float
    bn_w, bn_b : Tensor or None
        Weight and bias of batch norm.
    transpose : bool
        The convolution is a transposed one: its output channels are in dimension 1. Default False.

    Returns
    -------
    weight, bias : Parameter

    Raises
    ------
    ValueError
        If the sizes do not fit each other.

    Notes
    -----
    w' = w * g, b' = (b - mean) g + shift with g = weight / sqrt(var + eps);
    ``torch.nn.utils.fusion.fuse_conv_bn_weights``.

    Examples
    --------
    >>> import fastnn
    >>> w, one = fastnn.ones(1, 1, 1, 1), fastnn.ones(1)
    >>> fuse = fastnn.nn.utils.fusion.fuse_conv_bn_weights
    >>> weight, bias = fuse(w, one, one, 4 * one, 0.0, 3 * one, None)
    >>> weight.item(), bias.item()
    (1.5, 0.0)
    """
    scale, bias = _scale_and_bias(conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
    axis = 1 if transpose else 0
    shape = [1] * conv_w.ndim
    shape[axis] = -1
    return (
        Parameter(conv_w * scale.reshape(*shape), conv_w.requires_grad),
        Parameter(bias, conv_w.requires_grad if conv_b is None else conv_b.requires_grad),
    )


@no_grad()
def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the linear layer that also does what batch norm did after it.

    Parameters
    ----------
    linear_w, linear_b : Tensor
        Of the layer, (O, I) and (O,); the bias may be None.
    bn_rm, bn_rv : Tensor
        Running mean and variance, (O,).
    bn_eps : float
    bn_w, bn_b : Tensor or None
        Weight and bias of batch norm.

    Returns
    -------
    weight, bias : Parameter

    Raises
    ------
    ValueError
        If the sizes do not fit each other.

    Notes
    -----
    ``torch.nn.utils.fusion.fuse_linear_bn_weights``.

    Examples
    --------
    >>> import fastnn
    >>> w, one = fastnn.ones(1, 1), fastnn.ones(1)
    >>> fuse = fastnn.nn.utils.fusion.fuse_linear_bn_weights
    >>> weight, bias = fuse(w, one, one, 4 * one, 0.0, 3 * one, None)
    >>> weight.item(), bias.item()
    (1.5, 0.0)
    """
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _checked(layer, bn, what):
    if layer.training or bn.training:
        raise ValueError(
            f"{what}: call eval() on both layers first; batch norm changes in training"
        )
    if bn.running_mean is None:
        raise ValueError(f"{what}: batch norm has no running statistics")
    return copy.deepcopy(layer)


def fuse_conv_bn_eval(conv: Module, bn: Module, transpose: bool = False) -> Module:
    """A copy of the convolution that also does what batch norm did after it.

    Parameters
    ----------
    conv : Conv1d, Conv2d, ConvTranspose1d or ConvTranspose2d
    bn : BatchNorm1d or BatchNorm2d
        Both in evaluation mode.
    transpose : bool
        The convolution is a transposed one. Default False.

    Returns
    -------
    Module

    Raises
    ------
    ValueError
        If one of them is in training mode, or batch norm has no running statistics.

    Notes
    -----
    ``torch.nn.utils.fusion.fuse_conv_bn_eval``.

    Examples
    --------
    >>> import fastnn
    >>> nn = fastnn.nn
    >>> conv, bn = nn.Conv2d(1, 2, 3).eval(), nn.BatchNorm2d(2).eval()
    >>> x = fastnn.rand(1, 1, 5, 5)
    >>> fastnn.allclose(nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6)
    True
    """
    fused = _checked(conv, bn, "fuse_conv_bn_eval")
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias,
        transpose,
    )  # fmt: skip
    return fused


def fuse_linear_bn_eval(linear: Module, bn: Module) -> Module:
    """A copy of the linear layer that also does what batch norm did after it.

    Parameters
    ----------
    linear : Linear
    bn : BatchNorm1d
        Both in evaluation mode.

    Returns
    -------
    Linear

    Dtypes
    ------
    float32 or float64, the layer's.

    Raises
    ------
    ValueError
        If one of them is in training mode, batch norm has no running statistics, or the sizes
        differ.

    Notes
    -----
    ``torch.nn.utils.fusion.fuse_linear_bn_eval``.

    Examples
    --------
    >>> import fastnn
    >>> nn = fastnn.nn
    >>> linear, bn = nn.Linear(3, 2).eval(), nn.BatchNorm1d(2).eval()
    >>> x = fastnn.rand(4, 3)
    >>> fastnn.allclose(nn.utils.fuse_linear_bn_eval(linear, bn)(x), bn(linear(x)), atol=1e-6)
    True
    """
    fused = _checked(linear, bn, "fuse_linear_bn_eval")
    if linear.out_features != bn.num_features:
        raise ValueError(
            f"fuse_linear_bn_eval: linear has {linear.out_features} outputs, batch norm "
            f"{bn.num_features} features"
        )
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused
