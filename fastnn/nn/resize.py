"""Layers that enlarge images and sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn.nn.module import Module
from fastnn.ops.resize import interpolate

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class Upsample(Module):
    """Sequences or images enlarged (or made smaller): ``torch.nn.Upsample``.

    Parameters
    ----------
    size : int or tuple of int, optional
        The new length, or height and width.
    scale_factor : float or tuple of float, optional
        Instead of `size`: how many times as large.
    mode : str
        "nearest" (default), "nearest-exact", "linear" (sequences), "bilinear", "bicubic" (images) or
        "area".
    align_corners : bool, optional
        For the linear and cubic modes. Default False.
    recompute_scale_factor : bool, optional
        Take the factor from the rounded sizes. Default False.

    Shapes
    ------
    (N, C, L) or (N, C, H, W); float32 or float64.

    Raises
    ------
    ValueError
        If mode and dimensions do not fit.
    TypeError
        If, when called, the input is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Upsample(scale_factor=2)(fastnn.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]])
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size, self.scale_factor, self.mode = size, scale_factor, mode
        self.align_corners, self.recompute_scale_factor = align_corners, recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """input in its new size."""
        return interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        given = (
            f"size={self.size}" if self.size is not None else f"scale_factor={self.scale_factor}"
        )
        return f"{given}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of images by their nearest pixels: ``torch.nn.UpsamplingNearest2d``.

    Parameters
    ----------
    size : int or pair of int, optional
        The new height and width.
    scale_factor : float or pair of float, optional
        Instead of `size`.

    Raises
    ------
    ValueError
        When called, if not just one of size and scale_factor is given, one is not positive, or the
        input is not 4-d.
    TypeError
        If the input is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.UpsamplingNearest2d(scale_factor=2)(fastnn.ones(1, 1, 2, 2)).shape
    (1, 1, 4, 4)
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of images, bilinear with aligned corners: ``torch.nn.UpsamplingBilinear2d``.

    Parameters
    ----------
    size : int or pair of int, optional
        The new height and width.
    scale_factor : float or pair of float, optional
        Instead of `size`.

    Raises
    ------
    ValueError
        When called, if not just one of size and scale_factor is given, one is not positive, or the
        input is not 4-d.
    TypeError
        If the input is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.UpsamplingBilinear2d(size=3)(fastnn.ones(1, 1, 2, 2)).shape
    (1, 1, 3, 3)
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, "bilinear", True)
