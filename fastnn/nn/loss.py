"""Losses as modules: how far predictions are from their targets, one number to make small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn.argument import number
from fastnn.nn.module import Module
from fastnn.ops.binary_loss import binary_cross_entropy, binary_cross_entropy_with_logits
from fastnn.ops.likelihood import cross_entropy, nll_loss
from fastnn.ops.loss import huber_loss, l1_loss, mse_loss, smooth_l1_loss

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class _Loss(Module):
    _reductions = ("mean", "sum", "none")

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in self._reductions:
            expected = "', '".join(self._reductions[:-1]) + f"' or '{self._reductions[-1]}"
            raise ValueError(
                f"{type(self).__name__}: reduction must be '{expected}', got {reduction!r}"
            )
        self.reduction = reduction

    def _constant(self, name, values):
        """A Tensor that moves with the module, or None; in the state_dict, as PyTorch's."""
        self.register_buffer(name, None if values is None else as_tensor(values))

    def extra_repr(self) -> str:
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


class CrossEntropyLoss(_Loss):
    """-sum_c w_c q_c log(softmax(x)_c) of logits x: ``torch.nn.CrossEntropyLoss``.

    Parameters
    ----------
    weight : Tensor, optional
        A factor for each class, (C,).
    ignore_index : int
        Rows with this label count for nothing. Default -100.
    reduction : {"mean", "sum", "none"}
        Default "mean", weighted by the rows' class weights.
    label_smoothing : float
        From 0 to 1. Default 0.

    Shapes
    ------
    Logits (N, C) or (N, C, d1, ...); labels of any integer dtype (N,) or (N, d1, ...), or
    probabilities of the logits' shape.

    Raises
    ------
    IndexError
        If a label is negative or too large: with its position and value.
    TypeError, ValueError
        If labels are not integers, or shapes do not fit.

    Examples
    --------
    >>> import fastnn
    >>> loss = fastnn.nn.CrossEntropyLoss()
    >>> loss(fastnn.tensor([[2.0, 0.0], [0.0, 0.0]]), fastnn.tensor([0, 1]))
    tensor(0.41)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self._constant("weight", weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of logits `input`."""
        return cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_Loss):
    """-w_t x_t of log-probabilities x: ``torch.nn.NLLLoss``.

    Parameters
    ----------
    weight : Tensor, optional
        A factor for each class, (C,).
    ignore_index : int
        Rows with this label count for nothing. Default -100.
    reduction : {"mean", "sum", "none"}
        Default "mean", weighted by the rows' class weights.

    Dtypes
    ------
    x: float32 or float64. Labels: any integer dtype.

    Raises
    ------
    IndexError
        A label outside 0 to C - 1: position and value are named.
    ValueError
        Shapes that do not fit each other.
    TypeError
        Labels that are no integers, x that is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.NLLLoss()(fastnn.tensor([[-0.1, -2.0], [-3.0, -0.5]]), fastnn.tensor([0, 1]))
    tensor(0.3)
    """

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self._constant("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of log-probabilities `input`."""
        return nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class MSELoss(_Loss):
    """(x - t)^2: ``torch.nn.MSELoss``, but shapes that differ raise.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Dtypes
    ------
    x: float32 or float64. t: any real dtype, of the same shape.

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.MSELoss()(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; both of one shape."""
        return mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """abs(x - t): ``torch.nn.L1Loss``, but shapes that differ raise.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Dtypes
    ------
    x: float32 or float64. t: any real dtype, of the same shape.

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.L1Loss()(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(1.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; both of one shape."""
        return l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """d^2 / (2 beta) where abs(d) < beta, else abs(d) - beta / 2: ``torch.nn.SmoothL1Loss``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        Default "mean".
    beta : float
        Not negative. Default 1.

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.
    TypeError
        A prediction that is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.SmoothL1Loss()(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(0.75)
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        if not number(beta, "SmoothL1Loss: beta") >= 0:
            raise ValueError(f"SmoothL1Loss: beta must not be negative, got {beta}")
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; both of one shape."""
        return smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """d^2 / 2 where abs(d) <= delta, else delta (abs(d) - delta / 2): ``torch.nn.HuberLoss``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        Default "mean".
    delta : float
        Positive. Default 1.

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.
    TypeError
        A prediction that is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.HuberLoss()(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(0.75)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        if not number(delta, "HuberLoss: delta") > 0:
            raise ValueError(f"HuberLoss: delta must be positive, got {delta}")
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; both of one shape."""
        return huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(_Loss):
    """-(t log(x) + (1 - t) log(1 - x)) of probabilities x: ``torch.nn.BCELoss``.

    Parameters
    ----------
    weight : Tensor, optional
        A factor for each element; broadcast to the input's shape.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Dtypes
    ------
    x: float32 or float64. t: any real dtype, of the same shape.

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.BCELoss()(fastnn.tensor([0.5, 0.5]), fastnn.tensor([0.0, 1.0]))
    tensor(0.6931)
    """

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self._constant("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; both of one shape."""
        return binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of sigmoid(x), without its overflow: ``torch.nn.BCEWithLogitsLoss``.

    Parameters
    ----------
    weight : Tensor, optional
        A factor for each element; broadcast to the input's shape.
    reduction : {"mean", "sum", "none"}
        Default "mean".
    pos_weight : Tensor, optional
        A factor for the positive targets, usually one per class.

    Dtypes
    ------
    x: float32 or float64. t: any real dtype, of the same shape.

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.BCEWithLogitsLoss()(fastnn.tensor([0.0, 0.0]), fastnn.tensor([0.0, 1.0]))
    tensor(0.6931)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(reduction)
        self._constant("weight", weight)
        self._constant("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss; both of one shape."""
        return binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )
