"""Grids of places, and images read there, composed of other operations (spatial transformers)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.along import gather
from fastnn.ops.argument import _several, _whole
from fastnn.ops.choose import where
from fastnn.ops.join import stack
from fastnn.ops.product import matmul
from fastnn.ops.series import arange

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


__all__ = ["affine_grid"]

_CUBIC = -0.75  # the slope that PyTorch's bicubic interpolation is made with


def _middles(size, align_corners, like):
    """From -1 to 1: the places of `size` pixels, the first and last at the ends or half a pixel inside."""
    step = arange(size).to(like.dtype)
    if align_corners:
        return step * (2 / (size - 1)) - 1 if size > 1 else step * 0
    return (step * 2 + (1 - size)) / size


def affine_grid(theta: Tensor, size: tuple[int, ...], align_corners: bool = False) -> Tensor:
    """Where each pixel of an image is read from: theta (x, y, 1), with x and y from -1 to 1.

    Parameters
    ----------
    theta : Tensor
        Affine maps, (N, 2, 3), float32 or float64.
    size : tuple of int
        Of the images that `grid_sample` shall give, (N, C, H, W).
    align_corners : bool
        Whether -1 and 1 are the middles of the outermost pixels, or their outer edges. Default False.

    Returns
    -------
    Tensor
        (N, H, W, 2), x before y.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.affine_grid`` for images.

    Examples
    --------
    >>> import fastnn
    >>> same = fastnn.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> fastnn.nn.functional.affine_grid(same, (1, 1, 1, 2)).tolist()
    [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    theta = as_tensor(theta)
    size = tuple(_whole(n, "affine_grid: size") for n in _several(size, "affine_grid: size"))
    if theta.ndim != 3 or tuple(theta.shape[1:]) != (2, 3) or not theta.is_floating_point():
        raise ValueError(f"affine_grid: theta must be floats (N, 2, 3), got {tuple(theta.shape)}")
    if len(size) != 4 or size[0] != theta.shape[0] or min(size[2:]) < 1:
        raise ValueError(
            f"affine_grid: size must be ({theta.shape[0]}, C, H, W), not empty, got {size}"
        )
    N, _, H, W = size
    x = _middles(W, align_corners, theta).reshape(1, W).expand((H, W))
    y = _middles(H, align_corners, theta).reshape(H, 1).expand((H, W))
    points = stack([x, y, x * 0 + 1], -1).reshape(H * W, 3)
    return matmul(points, theta.transpose(1, 2)).reshape(N, H, W, 2)


def _clipped(at, size):
    """Onto the image; no gradient at or beyond its border."""
    inside = (at > 0) & (at < size - 1)
    return where(inside, at, at.detach().clamp(0, size - 1))


def _reflected(at, size, align_corners):
    low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
    if span == 0:
        return at * 0
    from_low = (at - low).abs()
    turns = (from_low.detach() / span).floor()
    rest = from_low - turns * span
    return where(turns - (turns / 2).floor() * 2 == 0, rest + low, span - rest + low)


def _kept_inside(at, size, padding_mode, align_corners):
    if padding_mode == "reflection":
        at = _reflected(at, size, align_corners)
    return at if padding_mode == "zeros" else _clipped(at, size)


class _Image:
    """Pixels (N, C, H, W) that are read at whole places (N, P)."""

    def __init__(self, x):
        self.shape = tuple(x.shape)
        self.pixels = x.reshape(*x.shape[:2], x.shape[2] * x.shape[3])

    def at(self, row, column):
        """(N, C, P), 0 beyond the border."""
        N, C, H, W = self.shape
        inside = (row >= 0) & (row < H) & (column >= 0) & (column < W)
        place = row.clamp(0, H - 1) * W + column.clamp(0, W - 1)
        place = where(inside, place, 0.0).to("int64").unsqueeze(1).expand((N, C, row.shape[1]))
        return gather(self.pixels, 2, place) * inside.to(row.dtype).unsqueeze(1)


def _linear(image, x, y):
    left, top = x.detach().floor(), y.detach().floor()
    right, low = (x - left).unsqueeze(1), (y - top).unsqueeze(1)
    return (
        image.at(top, left) * ((1 - low) * (1 - right))
        + image.at(top, left + 1) * ((1 - low) * right)
        + image.at(top + 1, left) * (low * (1 - right))
        + image.at(top + 1, left + 1) * (low * right)
    )


def _cubic_weights(t):
    """Of the pixels at -1, 0, 1 and 2, for a place t between 0 and 1."""

    def near(s):
        return ((_CUBIC + 2) * s - (_CUBIC + 3)) * s * s + 1

    def far(s):
        return ((_CUBIC * s - 5 * _CUBIC) * s + 8 * _CUBIC) * s - 4 * _CUBIC

    return [w.unsqueeze(1) for w in (far(t + 1), near(t), near(1 - t), far(2 - t))]


def _cubic(image, x, y, kept_inside):
    left, top = x.detach().floor(), y.detach().floor()
    _, _, H, W = image.shape
    across, down = _cubic_weights(x - left), _cubic_weights(y - top)
    total = 0
    for i, v in enumerate(down):
        row = kept_inside(top + (i - 1), H)
        for k, u in enumerate(across):
            total = total + image.at(row, kept_inside(left + (k - 1), W)) * (u * v)
    return total


def _resampled(x, grid, mode, padding_mode, align_corners):
    """`grid_sample` by elementary operations: what its second-order gradients are made of."""
    N, C, H, W = x.shape
    image, points = _Image(x), grid.reshape(N, grid.shape[1] * grid.shape[2], 2)

    def kept_inside(at, size):
        return _kept_inside(at, size, padding_mode, align_corners)

    def pixel(places, size):
        return (places + 1) * ((size - 1) / 2) if align_corners else ((places + 1) * size - 1) * 0.5

    column, row = pixel(points.select(2, 0), W), pixel(points.select(2, 1), H)
    if mode == "bicubic":
        y = _cubic(image, column, row, kept_inside)
    else:
        column, row = kept_inside(column, W), kept_inside(row, H)
        if mode == "bilinear":
            y = _linear(image, column, row)
        else:
            y = image.at(row.detach().round(), column.detach().round())
    return y.reshape(N, C, *grid.shape[1:3])
