"""Images rearranged or compared with their neighbours: pixel shuffles, unpooling, response norm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _ints_per_dim
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole
from fastnn.ops.border import pad
from fastnn.ops.creation import zeros
from fastnn.ops.pool import avg_pool2d

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


__all__ = [
    "channel_shuffle",
    "local_response_norm",
    "max_unpool1d",
    "max_unpool2d",
    "pixel_shuffle",
    "pixel_unshuffle",
]


def _image(x, op, least=3):
    x = as_tensor(x)
    if x.ndim < least:
        raise ValueError(
            f"{op}: input must have at least {least} dimensions, got shape {tuple(x.shape)}"
        )
    return x


def _factor(value, op, name):
    return whole(value, f"{op}: {name}", least=1)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels become pixels: y[c, h r + i, w r + j] = x[c r r + i r + j, h, w].

    Parameters
    ----------
    input : Tensor
        (..., C r r, H, W); any dtype.
    upscale_factor : int
        r.

    Returns
    -------
    Tensor
        (..., C, H r, W r).

    Raises
    ------
    ValueError, TypeError
        If the channels are no multiple of r r.

    Notes
    -----
    Shi et al. 2016, arXiv:1609.05158. Has the behaviour of ``torch.nn.functional.pixel_shuffle``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.pixel_shuffle(fastnn.arange(4.0).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    x, r = (
        _image(input, "pixel_shuffle"),
        _factor(upscale_factor, "pixel_shuffle", "upscale_factor"),
    )
    *lead, C, H, W = x.shape
    if C % (r * r):
        raise ValueError(f"pixel_shuffle: {C} channels are no multiple of {r} x {r}")
    n = len(lead)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    y = x.reshape(*lead, C // (r * r), r, r, H, W).permute(order)
    return y.reshape(*lead, C // (r * r), H * r, W * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels become channels: the inverse of `pixel_shuffle`.

    Parameters
    ----------
    input : Tensor
        (..., C, H r, W r); any dtype.
    downscale_factor : int
        r.

    Returns
    -------
    Tensor
        (..., C r r, H, W).

    Raises
    ------
    ValueError, TypeError
        If height or width is no multiple of r.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.pixel_unshuffle``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.pixel_unshuffle(fastnn.arange(4.0).reshape(1, 2, 2), 2).shape
    (4, 1, 1)
    """
    x = _image(input, "pixel_unshuffle")
    r = _factor(downscale_factor, "pixel_unshuffle", "downscale_factor")
    *lead, C, H, W = x.shape
    if H % r or W % r:
        raise ValueError(f"pixel_unshuffle: {H} x {W} pixels are no multiples of {r}")
    n = len(lead)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    y = x.reshape(*lead, C, H // r, r, W // r, r).permute(order)
    return y.reshape(*lead, C * r * r, H // r, W // r)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels of the groups dealt out in turn: (g, n) of them are transposed to (n, g).

    Parameters
    ----------
    input : Tensor
        (N, C, ...), at least three dimensions; any dtype.
    groups : int
        A divisor of C.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    ValueError, TypeError
        If C cannot be cut into the groups.

    Notes
    -----
    Zhang et al. 2017, arXiv:1707.01083. Has the behaviour of
    ``torch.nn.functional.channel_shuffle``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.channel_shuffle(fastnn.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    x, groups = _image(input, "channel_shuffle"), _factor(groups, "channel_shuffle", "groups")
    N, C, *rest = x.shape
    if C % groups:
        raise ValueError(f"channel_shuffle: {C} channels cannot be cut into {groups} groups")
    return x.reshape(N, groups, C // groups, *rest).transpose(1, 2).reshape(N, C, *rest)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Each element divided by a power of its neighbours in other channels.

    y = x / (k + alpha * mean of x^2 over `size` channels)^beta

    Parameters
    ----------
    input : Tensor
        (N, C, ...), at least three dimensions; float32 or float64.
    size : int
        How many neighbouring channels are averaged; zeros stand beyond the first and last.
    alpha, beta, k : float
        Default 1e-4, 0.75 and 1.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    ValueError, TypeError
        If there are too few dimensions, or the size is not positive.

    Notes
    -----
    Krizhevsky et al. 2012. Has the behaviour of ``torch.nn.functional.local_response_norm``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.local_response_norm(fastnn.ones(1, 2, 1), 2, alpha=2.0, beta=1.0)
    tensor([[[0.5   ],
             [0.3333]]])
    """
    x = _image(input, "local_response_norm")
    size = _factor(size, "local_response_norm", "size")
    alpha, beta = (
        number(alpha, "local_response_norm: alpha"),
        number(beta, "local_response_norm: beta"),
    )
    k = number(k, "local_response_norm: k")
    if not x.numel():
        return x
    N, C = x.shape[:2]
    squares = pad((x * x).reshape(N, C, math.prod(x.shape[2:])), (0, 0, size // 2, (size - 1) // 2))
    return x / (avg_pool2d(squares, (size, 1), 1).reshape(tuple(x.shape)) * alpha + k) ** beta


def _unpool(input, indices, kernel_size, stride, padding, output_size, dims, op):
    x, indices = _image(input, op, dims + 1), as_tensor(indices)
    if x.ndim > dims + 2:
        raise ValueError(f"{op}: input must have {dims + 1} or {dims + 2} dimensions, got {x.ndim}")
    if tuple(x.shape) != tuple(indices.shape):
        raise ValueError(
            f"{op}: indices have shape {tuple(indices.shape)}, input has {tuple(x.shape)}"
        )

    if indices.dtype != np.int64:
        raise TypeError(f"{op}: indices must be int64, got {indices.dtype}")
    kernel = _ints_per_dim(kernel_size, dims, 1, op, "kernel_size")
    pads = _ints_per_dim(padding, dims, 0, op, "padding")
    steps = kernel if stride is None else _ints_per_dim(stride, dims, 1, op, "stride")
    usual = [
        (n - 1) * s + k - 2 * p
        for n, s, k, p in zip(x.shape[-dims:], steps, kernel, pads, strict=True)
    ]
    if min(usual) < 0:
        raise ValueError(f"{op}: padding {padding} leaves nothing of input {tuple(x.shape)}")
    if output_size is None:
        wanted = usual
    else:
        wanted = _ints_per_dim(
            list(output_size)[-dims:] if isinstance(output_size, (tuple, list)) else output_size,
            dims,
            0,
            op,
            "output_size",
        )
        if not all(abs(w - u) < s for w, u, s in zip(wanted, usual, steps, strict=True)):
            raise ValueError(
                f"{op}: output_size {output_size} is a stride or more from {tuple(usual)}"
            )
    lead, found = tuple(x.shape[:-dims]), math.prod(x.shape[-dims:])
    flat = zeros(*lead, math.prod(wanted), dtype=x.dtype)
    flat = flat.scatter(-1, indices.reshape(*lead, found), x.reshape(*lead, found))
    return flat.reshape(*lead, *wanted)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    output_size: tuple[int, ...] | None = None,
) -> Tensor:
    """Maxima put back where `max_pool2d` found them; zeros elsewhere.

    Parameters
    ----------
    input, indices : Tensor
        (N, C, H, W) or (C, H, W): what ``max_pool2d(..., return_indices=True)`` gave; any
        dtype, and int64.
    kernel_size, stride, padding : int or pair of int
        Those of the pooling. Default: stride is the kernel size, padding 0.
    output_size : tuple of int, optional
        Which of the sizes that the pooling could have come from; only the last two count.

    Returns
    -------
    Tensor
        (N, C, H', W').

    Raises
    ------
    ValueError
        If shapes do not fit.
    IndexError
        If an index is out of range.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.max_unpool2d``. Of equal indices the last one counts.

    Examples
    --------
    >>> import fastnn
    >>> F = fastnn.nn.functional
    >>> y, places = F.max_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 2, return_indices=True)
    >>> F.max_unpool2d(y, places, 2)
    tensor([[[0., 0.],
             [0., 3.]]])
    """
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 2, "max_unpool2d")


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    output_size: tuple[int, ...] | None = None,
) -> Tensor:
    """Maxima put back where `max_pool1d` found them: `max_unpool2d` for sequences.

    Parameters
    ----------
    input, indices : Tensor
        (N, C, L) or (C, L).
    kernel_size, stride, padding, output_size
        As in `max_unpool2d`.

    Returns
    -------
    Tensor
        (N, C, L').

    Raises
    ------
    ValueError
        If shapes do not fit.
    IndexError
        If an index is out of range.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.max_unpool1d``.

    Examples
    --------
    >>> import fastnn
    >>> F = fastnn.nn.functional
    >>> F.max_unpool1d(fastnn.tensor([[5.0]]), fastnn.tensor([[1]]), 2)
    tensor([[0., 5.]])
    """
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 1, "max_unpool1d")
