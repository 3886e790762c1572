"""Losses with margins as modules: of classes, of signs, of pairs and triplets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastnn.nn.loss import _Loss
from fastnn.ops import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
    weston_watkins_loss,
)

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class MultiMarginLoss(_Loss):
    """w_t sum_(c != t) max(0, margin - x_t + x_c)^p / C of scores x: ``torch.nn.MultiMarginLoss``.

    Parameters
    ----------
    p : {1, 2}
        Default 1.
    margin : float
        By how much the right score must lead. Default 1.
    weight : Tensor, optional
        A factor for each class, (C,).
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Raises
    ------
    IndexError
        A label outside 0 to C - 1: position and value are named.
    ValueError
        Shapes that do not fit each other.
    TypeError
        Scores that are not float32 or float64, labels that are no integers.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.MultiMarginLoss()(fastnn.zeros(1, 4), fastnn.tensor([2]))
    tensor(0.75)
    """

    def __init__(
        self,
        p: float = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.p = p
        self.margin = margin
        self._constant("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.multi_margin_loss`."""
        return multi_margin_loss(
            input,
            target,
            p=self.p,
            margin=self.margin,
            weight=self.weight,
            reduction=self.reduction,
        )


class WestonWatkinsLoss(_Loss):
    """w_t sum_(c != t) max(0, margin - x_t + x_c) of scores x: the multi-class support vector machine.

    At chance it is C - 1 for margin 1 (Weston and Watkins, 1999); `MultiMarginLoss` divides by C.

    Parameters
    ----------
    margin : float
        By how much the right score must lead. Default 1.
    weight : Tensor, optional
        A factor for each class, (C,).
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Raises
    ------
    IndexError
        A label outside 0 to C - 1: position and value are named.
    ValueError
        Shapes that do not fit each other.
    TypeError
        Scores that are not float32 or float64, labels that are no integers.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.WestonWatkinsLoss()(fastnn.zeros(1, 10), fastnn.tensor([2]))
    tensor(9.)
    """

    def __init__(
        self, margin: float = 1.0, weight: Tensor | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.margin = margin
        self._constant("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.weston_watkins_loss`."""
        return weston_watkins_loss(
            input, target, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


class MultiLabelMarginLoss(_Loss):
    """sum_(j label, c none) max(0, 1 - x_j + x_c) / C of scores x: ``torch.nn.MultiLabelMarginLoss``.

    Shapes, dtypes and errors: as in `functional.multilabel_margin_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Examples
    --------
    >>> import fastnn
    >>> x, t = fastnn.tensor([[0.1, 0.2, 0.4, 0.8]]), fastnn.tensor([[3, 0, -1, 1]])
    >>> fastnn.nn.MultiLabelMarginLoss()(x, t)
    tensor(0.85)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.multilabel_margin_loss`."""
        return multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_Loss):
    """Binary cross-entropy of each class's logit: ``torch.nn.MultiLabelSoftMarginLoss``.

    Logits (N, C), float32 or float64; targets 0 or 1, of that shape.

    Parameters
    ----------
    weight : Tensor, optional
        A factor for each class, (C,).
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.MultiLabelSoftMarginLoss()(fastnn.zeros(1, 3), fastnn.tensor([[0.0, 1.0, 1.0]]))
    tensor(0.6931)
    """

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self._constant("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.multilabel_soft_margin_loss`."""
        return multilabel_soft_margin_loss(
            input, target, weight=self.weight, reduction=self.reduction
        )


class HingeEmbeddingLoss(_Loss):
    """x where t is 1, max(0, margin - x) where it is -1: ``torch.nn.HingeEmbeddingLoss``.

    Shapes, dtypes and errors: as in `functional.hinge_embedding_loss`.

    Parameters
    ----------
    margin : float
        How far unlike things are to be. Default 1.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.HingeEmbeddingLoss()(fastnn.tensor([0.2, 0.4]), fastnn.tensor([1, -1]))
    tensor(0.4)
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.hinge_embedding_loss`."""
        return hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class SoftMarginLoss(_Loss):
    """log(1 + exp(-t x)), x of float32 or float64, t 1 or -1: ``torch.nn.SoftMarginLoss``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.SoftMarginLoss()(fastnn.zeros(2), fastnn.tensor([1, -1]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.soft_margin_loss`."""
        return soft_margin_loss(input, target, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos where t is 1, max(0, cos - margin) where it is -1: ``torch.nn.CosineEmbeddingLoss``.

    Shapes, dtypes and errors: as in `functional.cosine_embedding_loss`.

    Parameters
    ----------
    margin : float
        How like unlike things may be. Default 0.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Examples
    --------
    >>> import fastnn
    >>> a, b = fastnn.tensor([[1.0, 0.0]]), fastnn.tensor([[0.0, 1.0]])
    >>> fastnn.nn.CosineEmbeddingLoss()(a, b, fastnn.tensor([1]))
    tensor(1.)
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.cosine_embedding_loss`."""
        return cosine_embedding_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class MarginRankingLoss(_Loss):
    """max(0, margin - t (x1 - x2)): ``torch.nn.MarginRankingLoss``.

    Shapes, dtypes and errors: as in `functional.margin_ranking_loss`.

    Parameters
    ----------
    margin : float
        By how much the right score must lead. Default 0.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.MarginRankingLoss()(fastnn.ones(1), fastnn.full((1,), 3.0), fastnn.tensor([1]))
    tensor(2.)
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.margin_ranking_loss`."""
        return margin_ranking_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class TripletMarginLoss(_Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin): ``torch.nn.TripletMarginLoss``.

    Shapes, dtypes and errors: as in `functional.triplet_margin_loss`.

    Parameters
    ----------
    margin : float
        By how much the right score must lead. Default 1.
    p : float
        Which norm. Default 2.
    eps : float
        Added to each difference. Default 1e-6.
    swap : bool
        Take d(positive, negative) where it is smaller. Default False.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Examples
    --------
    >>> import fastnn
    >>> a, b, c = fastnn.zeros(1, 2), fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([[0.0, 1.0]])
    >>> fastnn.nn.TripletMarginLoss()(a, b, c)
    tensor(5.)
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """The loss: `nn.functional.triplet_margin_loss`."""
        return triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with a distance of one's own: ``torch.nn.TripletMarginWithDistanceLoss``.

    Shapes, dtypes and errors: as in `functional.triplet_margin_with_distance_loss`.

    Parameters
    ----------
    distance_function : callable, optional
        Of two tensors; gives one number per row. Default: the Euclidean distance.
    margin : float
        By how much the right score must lead. Default 1.
    swap : bool
        Take d(positive, negative) where it is smaller. Default False.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Examples
    --------
    >>> import fastnn
    >>> loss = fastnn.nn.TripletMarginWithDistanceLoss(margin=7.0)
    >>> loss(fastnn.zeros(1, 1), fastnn.ones(1, 1), fastnn.full((1, 1), 4.0))
    tensor(4.)
    """

    def __init__(
        self,
        *,
        distance_function: Callable | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.distance_function = distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """The loss: `nn.functional.triplet_margin_with_distance_loss`."""
        return triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
