"""A learning-rate schedule that looks at a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.schedule import LRScheduler


class ReduceLROnPlateau(LRScheduler):
    """lr = max(lr factor, min_lr) when a metric has not improved for `patience` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {"min", "max"}
        Whether smaller or larger is better. Default "min".
    factor : float
        Below 1. Default 0.1.
    patience : int
        Epochs without improvement that are tolerated. Default 10.
    threshold : float
        Least improvement that counts. Default 1e-4.
    threshold_mode : {"rel", "abs"}
        Relative to the best value (default), or absolute.
    cooldown : int
        Epochs to wait after a reduction. Default 0.
    min_lr : float, or one per group
        Default 0.
    eps : float
        Smaller reductions are left out. Default 1e-8.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Notes
    -----
    ``torch.optim.lr_scheduler.ReduceLROnPlateau``.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (1.0, 1.0, 1.0):
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self._check_optimizer(optimizer)
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode must be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}"
            )
        self.factor = at_least("ReduceLROnPlateau", "factor", factor, below=1.0)
        count = len(optimizer.param_groups)
        self.min_lrs = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * count
        if len(self.min_lrs) != count:
            raise ValueError(
                f"ReduceLROnPlateau: expected {count} values of min_lr, got {len(self.min_lrs)}"
            )
        self.optimizer, self.mode, self.threshold_mode = optimizer, mode, threshold_mode
        self.patience, self.cooldown, self.threshold, self.eps = patience, cooldown, threshold, eps
        for name in ("patience", "cooldown", "threshold", "eps"):
            at_least("ReduceLROnPlateau", name, getattr(self, name))
        for value in self.min_lrs:
            at_least("ReduceLROnPlateau", "min_lr", value, below=math.inf)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self._last_lr = [group["lr"] for group in optimizer.param_groups]

    def step(self, metrics: float) -> None:
        """Look at this epoch's metric, a number."""
        value = float(metrics)
        self.last_epoch += 1
        if self.is_better(value, self.best):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                rate = max(group["lr"] * self.factor, least)
                if group["lr"] - rate > self.eps:
                    group["lr"] = rate
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def is_better(self, value: Any, best: Any) -> bool:
        """Whether value improves on best by more than the threshold."""
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "abs":
            return sign * (value - best) > self.threshold
        if math.isinf(best):
            return sign * (value - best) > 0
        return (
            value > best * (1 + self.threshold) if sign > 0 else value < best * (1 - self.threshold)
        )
