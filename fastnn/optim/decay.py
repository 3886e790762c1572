"""Schedules that PyTorch has not: 1/t decay, two-stage exponential, new-bob, rising momentum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.plateau import ReduceLROnPlateau
from fastnn.optim.schedule import LRScheduler


class InverseTimeLR(LRScheduler):
    """lr = base / (1 + decay epoch): 1/t decay.

    Parameters
    ----------
    optimizer : Optimizer
    decay : float
        Not negative.
    last_epoch : int
        Default -1.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Notes
    -----
    Robbins and Monro (1951): the rates' sum diverges, that of their squares converges.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.InverseTimeLR(optimizer, 0.5)
    >>> schedule.step(); schedule.step(); schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, decay: float, last_epoch: int = -1) -> None:
        self.decay = at_least("InverseTimeLR", "decay", decay)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return base / (1 + self.decay * epoch)


class TwoStageExponentialLR(LRScheduler):
    """lr = base e^(-first epoch) before epoch `switch`, from there on e^(-second) less in each epoch.

    Parameters
    ----------
    optimizer : Optimizer
    first, second : float
        Decay per epoch in each stage: `ExponentialLR`'s gamma is e^-decay.
    switch : int
        Epoch at which the second stage begins.
    last_epoch : int
        Default -1.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Notes
    -----
    PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.TwoStageExponentialLR(optimizer, 0.0, 1.0, switch=2)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 3)); schedule.step()
    >>> rates
    [1.0, 1.0, 1.0, 0.368]
    """

    def __init__(
        self, optimizer: Optimizer, first: float, second: float, switch: int, last_epoch: int = -1
    ) -> None:
        self.first = at_least("TwoStageExponentialLR", "first", first)
        self.second = at_least("TwoStageExponentialLR", "second", second)
        self.switch = at_least("TwoStageExponentialLR", "switch", switch)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        early = min(epoch, self.switch)
        return base * math.exp(-self.first * early - self.second * (epoch - early))


class NewBobLR(ReduceLROnPlateau):
    """lr *= factor after each epoch whose validation error rose: new-bob.

    Compares with the epoch before, not with the best one.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        Below 1. Default 0.5.
    threshold : float
        Least relative fall of the error that is not taken for a rise. Default 0.
    min_lr : float, or one per group
        Default 0.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Notes
    -----
    Renals et al. (1992); Senior et al. (2013), section 2.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.NewBobLR(optimizer)
    >>> rates = []
    >>> for error in (0.5, 0.3, 0.4, 0.35, 0.36):
    ...     schedule.step(error); rates += schedule.get_last_lr()
    >>> rates
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 0.5,
        threshold: float = 0.0,
        min_lr: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__(
            optimizer, "min", factor, 0, at_least("NewBobLR", "threshold", threshold), min_lr=min_lr
        )

    def step(self, metrics: float) -> None:
        """Look at this epoch's validation error, a number."""
        error = float(metrics)
        super().step(error)
        self.best = error  # the next epoch is compared with this one

    def is_better(self, value: Any, best: Any) -> bool:
        """Whether the error fell by the threshold, or at least did not rise."""
        return value <= best * (1 - self.threshold)


class LinearMomentum:
    """Momentum (or beta1) from `start` to `end` within `total_iters` steps, then constant.

    Parameters
    ----------
    optimizer : Optimizer
        With ``momentum`` or ``betas`` in its groups.
    start, end : float
        Default 0.5 and 0.9.
    total_iters : int
        Default 5.

    Raises
    ------
    ValueError
        For an optimizer without momentum, or values out of range.
    TypeError
        For no Optimizer, or what is no number.

    Notes
    -----
    Sutskever et al. (2013), section 2: small while gradients are large, larger afterwards.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.zeros(1))
    >>> optimizer = fastnn.optim.SGD([p], lr=1.0, momentum=0.9)
    >>> schedule = fastnn.optim.lr_scheduler.LinearMomentum(optimizer, 0.5, 1.0, total_iters=2)
    >>> found = []
    >>> for _ in range(4):
    ...     found.append(optimizer.param_groups[0]["momentum"]); schedule.step()
    >>> found
    [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, start: float = 0.5, end: float = 0.9, total_iters: int = 5
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"LinearMomentum: expected an Optimizer, got {type(optimizer).__name__}"
            )
        if not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(
                f"LinearMomentum: {type(optimizer).__name__} has neither momentum nor betas"
            )
        self.optimizer = optimizer
        self.start = at_least("LinearMomentum", "start", start)
        self.end = at_least("LinearMomentum", "end", end)
        self.total_iters = at_least("LinearMomentum", "total_iters", total_iters, 1)
        self.last_epoch = 0
        self._set()

    def _set(self):
        share = min(self.last_epoch / self.total_iters, 1.0)
        value = self.start + (self.end - self.start) * share
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (value, *group["betas"][1:])
            else:
                group["momentum"] = value

    def step(self) -> None:
        """Go to the next epoch."""
        self.last_epoch += 1
        self._set()

    def state_dict(self) -> dict:
        """All but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict) -> None:
        """Continue from what `state_dict` returned."""
        self.__dict__.update(state_dict)
        self._set()
