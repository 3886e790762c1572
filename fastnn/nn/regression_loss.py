"""Losses of regression beyond squares and absolute values as modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.nn.loss import _Loss
from fastnn.ops import asymmetric_huber_loss, quantile_loss, wing_loss

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class QuantileLoss(_Loss):
    """q (t - x) where x is too low, (1 - q) (x - t) where too high: the pinball loss.

    Parameters
    ----------
    q : float
        Which quantile, between 0 and 1. Default 0.5.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.
    TypeError
        A prediction that is not float32 or float64.

    Notes
    -----
    Koenker, Bassett (1978); as scikit-learn's ``mean_pinball_loss``. PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.QuantileLoss(0.75)(fastnn.tensor([1.0]), fastnn.tensor([3.0]))
    tensor(1.5)
    """

    def __init__(self, q: float = 0.5, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.q = q

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.quantile_loss`."""
        return quantile_loss(input, target, q=self.q, reduction=self.reduction)


class AsymmetricHuberLoss(_Loss):
    """The Huber loss with one delta for x below t and another above it.

    Parameters
    ----------
    delta_low, delta_high : float
        Where the parabola ends on either side, positive. Default 1.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.
    TypeError
        A prediction that is not float32 or float64.

    Notes
    -----
    `HuberLoss` (Huber, 1964) where the two deltas are the same. PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.AsymmetricHuberLoss(2.0, 1.0)(fastnn.tensor([0.0]), fastnn.tensor([3.0]))
    tensor(4.)
    """

    def __init__(
        self, delta_low: float = 1.0, delta_high: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.delta_low = delta_low
        self.delta_high = delta_high

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.asymmetric_huber_loss`."""
        return asymmetric_huber_loss(
            input,
            target,
            delta_low=self.delta_low,
            delta_high=self.delta_high,
            reduction=self.reduction,
        )


class WingLoss(_Loss):
    """width log(1 + abs(d) / curvature) where abs(d) < width, then straight (Feng et al., 2018).

    Parameters
    ----------
    width, curvature : float
        Positive. Default 10 and 2.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.
    TypeError
        A prediction that is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.WingLoss()(fastnn.tensor([2.0]), fastnn.tensor([0.0]))
    tensor(6.9315)
    """

    def __init__(
        self, width: float = 10.0, curvature: float = 2.0, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.width = width
        self.curvature = curvature

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.wing_loss`."""
        return wing_loss(
            input, target, width=self.width, curvature=self.curvature, reduction=self.reduction
        )
