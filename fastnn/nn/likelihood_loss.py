"""Losses between distributions as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn.nn.argument import number
from fastnn.nn.loss import _Loss
from fastnn.ops import (
    cross_entropy,
    ctc_loss,
    distillation_loss,
    focal_loss,
    gaussian_nll_loss,
    kl_div,
    poisson_nll_loss,
    squared_emd_loss,
)

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class CTCLoss(_Loss):
    """Labels in their order, without saying when: ``torch.nn.CTCLoss``.

    Parameters
    ----------
    blank : int
        The class that says nothing. Default 0.
    reduction : {"mean", "sum", "none"}
        Default "mean", of the losses divided by their numbers of labels.
    zero_infinity : bool
        Samples whose labels are too many for their steps count for nothing. Default False.

    Shapes
    ------
    Log-probabilities (T, N, C) or (T, C), from `log_softmax`; labels (N, S), or the samples' one
    behind another; the lengths of both (N,).

    Raises
    ------
    IndexError
        When called, if a label or a length is out of range.
    TypeError, ValueError
        When called, if labels are not integers, or shapes do not fit.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.zeros(2, 1, 3).log_softmax(2)
    >>> fastnn.nn.CTCLoss()(x, fastnn.tensor([[1]]), [2], [1])
    tensor(1.0986)
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor | Sequence[int],
        target_lengths: Tensor | Sequence[int],
    ) -> Tensor:
        """The loss: `nn.functional.ctc_loss`."""
        return ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )


class GaussianNLLLoss(_Loss):
    """(log(var) + (x - t)^2 / var) / 2: ``torch.nn.GaussianNLLLoss``.

    Parameters
    ----------
    full : bool
        Add log(2 pi) / 2. Default False.
    eps : float
        Least variance. Default 1e-6.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Shapes
    ------
    x and t of one shape; var of that shape, or with 1 for its last dimension, or without it.

    Raises
    ------
    ValueError
        A negative variance, an eps that is not positive, or shapes that differ: nothing is
        broadcast.
    TypeError
        A prediction that is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.GaussianNLLLoss()(fastnn.tensor([1.0]), fastnn.tensor([3.0]), fastnn.tensor([1.0]))
    tensor(2.)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """The loss: `nn.functional.gaussian_nll_loss`."""
        return gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )


class PoissonNLLLoss(_Loss):
    """exp(x) - t x, or x - t log(x + eps), of counts t: ``torch.nn.PoissonNLLLoss``.

    Parameters
    ----------
    log_input : bool
        Whether x is the logarithm of the rate. Default True.
    full : bool
        Add Stirling's approximation of log(t!). Default False.
    eps : float
        Where x is the rate: keeps the logarithm finite. Default 1e-8.
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
    >>> fastnn.nn.PoissonNLLLoss()(fastnn.tensor([0.0, 0.0]), fastnn.tensor([1.0, 3.0]))
    tensor(1.)
    """

    def __init__(
        self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.poisson_nll_loss`."""
        return poisson_nll_loss(
            input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class KLDivLoss(_Loss):
    """t (log(t) - x) of log-probabilities x: ``torch.nn.KLDivLoss``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none", "batchmean"}
        "batchmean", the sum over the number of rows, is the divergence. Default "mean".
    log_target : bool
        Whether targets are logarithms too. Default False.

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.
    TypeError
        A prediction that is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> x, t = fastnn.tensor([[0.5, 0.5]]).log(), fastnn.tensor([[1.0, 0.0]])
    >>> fastnn.nn.KLDivLoss(reduction="batchmean")(x, t)
    tensor(0.6931)
    """

    _reductions = ("mean", "sum", "none", "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.kl_div`."""
        return kl_div(input, target, log_target=self.log_target, reduction=self.reduction)


class FocalLoss(_Loss):
    """-w_t (1 - p_t)^gamma log(p_t), p = softmax(x) (Lin et al., 2017).

    Parameters
    ----------
    gamma : float
        0 gives cross-entropy. Default 2.
    weight : Tensor, optional
        A factor for each class, (C,).
    ignore_index : int
        Rows with this label count for nothing. Default -100.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Raises
    ------
    IndexError
        A label outside 0 to C - 1: position and value are named.
    ValueError
        Shapes that do not fit each other.
    TypeError
        Logits that are not float32 or float64, labels that are no integers.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.FocalLoss()(fastnn.tensor([[0.0, 0.0]]), fastnn.tensor([0]))
    tensor(0.1733)
    """

    def __init__(
        self,
        gamma: float = 2.0,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.gamma = gamma
        self._constant("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.focal_loss`."""
        return focal_loss(
            input,
            target,
            gamma=self.gamma,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class SquaredEMDLoss(_Loss):
    """sum_c (P_c - Q_c)^2 of cumulated probabilities, for classes in order (Hou et al., 2016).

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Shapes
    ------
    Logits (N, C) of float32 or float64, with labels (N,) or probabilities (N, C).

    Raises
    ------
    ValueError
        Prediction and target of different shapes: nothing is broadcast.
    IndexError
        A label outside 0 to C - 1.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.SquaredEMDLoss()(fastnn.zeros(1, 2), fastnn.tensor([1]))
    tensor(0.25)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss: `nn.functional.squared_emd_loss`."""
        return squared_emd_loss(input, target, reduction=self.reduction)


class DistillationLoss(_Loss):
    """alpha T^2 KL(softmax(teacher / T) || softmax(x / T)) + (1 - alpha) cross-entropy with the labels.

    Parameters
    ----------
    temperature : float
        T, positive. Default 4.
    alpha : float
        Share of the soft targets, from 0 to 1. Default 0.9.
    reduction : {"mean", "sum", "none"}
        Over rows. Default "mean".

    Shapes
    ------
    Two of (N, C) and labels (N,); a scalar, or (N,) without reduction.

    Raises
    ------
    ValueError
        A temperature that is not positive, an alpha outside 0 to 1, or logits of different shapes.
    IndexError
        A label outside 0 to C - 1.
    TypeError
        Logits that are not float32 or float64.

    Notes
    -----
    Hinton, Vinyals, Dean (2015), section 2. PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> student, teacher = fastnn.tensor([[1.0, 0.0]]), fastnn.tensor([[0.0, 1.0]])
    >>> fastnn.nn.DistillationLoss(1.0, 0.5)(student, teacher, fastnn.tensor([0]))
    tensor(0.3877)
    """

    def __init__(
        self, temperature: float = 4.0, alpha: float = 0.9, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if not number(temperature, "DistillationLoss: temperature") > 0:
            raise ValueError(f"DistillationLoss: temperature must be positive, got {temperature}")
        if not 0 <= number(alpha, "DistillationLoss: alpha") <= 1:
            raise ValueError(f"DistillationLoss: alpha must be from 0 to 1, got {alpha}")
        self.temperature, self.alpha = temperature, alpha

    def forward(self, input: Tensor, teacher: Tensor, target: Tensor | None = None) -> Tensor:
        """The loss of logits `input`; without labels, of the soft targets alone."""
        soft = distillation_loss(input, teacher, self.temperature, reduction=self.reduction)
        if target is None:
            return soft
        hard = cross_entropy(input, target, reduction=self.reduction)
        return self.alpha * soft + (1 - self.alpha) * hard
