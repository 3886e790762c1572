"""Dropout layers: random units or channels are switched off in training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.nn.argument import number
from fastnn.nn.module import Module
from fastnn.ops.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= number(p, f"{type(self).__name__}: p") <= 1:
            raise ValueError(f"{type(self).__name__}: p must be from 0 to 1, got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, y = x m / (1 - p), m = 0 with probability p, else 1; in evaluation y = x.

    Parameters
    ----------
    p : float
        Default 0.5.
    inplace : bool
        Write into the input. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    ValueError
        If p is not from 0 to 1.
    TypeError
        If p is no number, or, when called, the input not float32 or float64.

    Notes
    -----
    Srivastava et al. (2014), inverted; ``torch.nn.Dropout``.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.Dropout(0.2)
    >>> layer.eval()(fastnn.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """input with dropped elements, or input itself in evaluation."""
        return dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Dropout of whole channels of (N, C, L) or (C, L): ``torch.nn.Dropout1d``.

    Parameters
    ----------
    p : float
        Default 0.5.
    inplace : bool
        Write into the input. Default False.

    Raises
    ------
    ValueError
        If p is not from 0 to 1, or the input has other dimensions.
    TypeError
        If p is no number, or, when called, the input not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Dropout1d(0.1)(fastnn.ones(2, 3, 4)).shape
    (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """input with dropped channels, or input itself in evaluation."""
        return dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Dropout of whole channels of (N, C, H, W) or (C, H, W): ``torch.nn.Dropout2d``.

    Parameters
    ----------
    p : float
        Default 0.5.
    inplace : bool
        Write into the input. Default False.

    Raises
    ------
    ValueError
        If p is not from 0 to 1, or the input has other dimensions.
    TypeError
        If p is no number, or, when called, the input not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Dropout2d(0.1)(fastnn.ones(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """input with dropped channels, or input itself in evaluation."""
        return dropout2d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout for SELU networks: keeps mean 0 and variance 1: ``torch.nn.AlphaDropout``.

    Parameters
    ----------
    p : float
        Default 0.5.
    inplace : bool
        Write into the input. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    ValueError
        If p is not from 0 to 1.
    TypeError
        If p is no number, or, when called, the input not float32 or float64.

    Notes
    -----
    Klambauer et al. (2017), section 3.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.AlphaDropout(0.1)(fastnn.zeros(2, 3)).shape
    (2, 3)
    """

    def forward(self, input: Tensor) -> Tensor:
        """input with dropped elements, or input itself in evaluation."""
        return alpha_dropout(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W): ``torch.nn.Dropout3d``.

    Parameters
    ----------
    p : float
        Default 0.5.
    inplace : bool
        Write into the input. Default False.

    Raises
    ------
    ValueError
        If p is not from 0 to 1, or the input has other dimensions.
    TypeError
        If p is no number, or, when called, the input not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Dropout3d(0.1)(fastnn.ones(2, 3, 4, 4, 4)).shape
    (2, 3, 4, 4, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """input with dropped channels, or input itself in evaluation."""
        return dropout3d(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels: ``torch.nn.FeatureAlphaDropout``.

    Parameters
    ----------
    p : float
        Default 0.5.
    inplace : bool
        Write into the input. Default False.

    Raises
    ------
    ValueError
        If p is not from 0 to 1, or the input has fewer than 2 dimensions.
    TypeError
        If p is no number, or, when called, the input not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.FeatureAlphaDropout(0.1)(fastnn.zeros(2, 3, 4)).shape
    (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """input with dropped channels, or input itself in evaluation."""
        return feature_alpha_dropout(input, self.p, self.training, self.inplace)
