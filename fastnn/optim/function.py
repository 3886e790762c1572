"""Schedules that are given as functions: LambdaLR, MultiplicativeLR."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING

from fastnn.optim.optimizer import Optimizer
from fastnn.optim.schedule import AbsoluteLR, LRScheduler

if TYPE_CHECKING:
    from typing import Any


def functions_of(what: Any, lr_lambda: Callable | Sequence[Callable], count: int) -> list:
    """One callable per group."""
    found = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * count
    if len(found) != count:
        raise ValueError(f"{what}: expected {count} functions, one per group, got {len(found)}")
    for function in found:
        if not callable(function):
            raise TypeError(f"{what}: expected functions, got {type(function).__name__}")
    return found


def function_state(function: Callable) -> Any:
    """What there is to save of a function: nothing, or the attributes of an object that is called."""
    return None if isinstance(function, FunctionType) else dict(getattr(function, "__dict__", {}))


class _OfFunctions:
    def state_dict(self) -> dict:
        """All but the optimizer and the functions; of objects that are called, their attributes."""
        return {**super().state_dict(), "lr_lambdas": [function_state(f) for f in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict) -> None:
        """Continue from what `state_dict` returned."""
        own = self.lr_lambdas
        super().load_state_dict(state_dict)
        self.lr_lambdas = own
        for function, state in zip(own, state_dict.get("lr_lambdas", ()), strict=False):
            if state:
                function.__dict__.update(state)


class LambdaLR(_OfFunctions, AbsoluteLR):
    """lr = base f(epoch).

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or one callable per group
    last_epoch : int
        Default -1.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Notes
    -----
    ``torch.optim.lr_scheduler.LambdaLR``.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> schedule.step(); schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable | Sequence[Callable], last_epoch: int = -1
    ) -> None:
        self._check_optimizer(optimizer)
        self.lr_lambdas = functions_of("LambdaLR", lr_lambda, len(optimizer.param_groups))
        super().__init__(optimizer, last_epoch)

    def _rate(self, i, epoch):
        return self.base_lrs[i] * self.lr_lambdas[i](epoch)


class MultiplicativeLR(_OfFunctions, LRScheduler):
    """lr *= f(epoch) at each step.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or one callable per group
    last_epoch : int
        Default -1.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Notes
    -----
    ``torch.optim.lr_scheduler.MultiplicativeLR``.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
    >>> schedule.step(); schedule.step(); schedule.get_last_lr()
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable | Sequence[Callable], last_epoch: int = -1
    ) -> None:
        self._check_optimizer(optimizer)
        self.lr_lambdas = functions_of("MultiplicativeLR", lr_lambda, len(optimizer.param_groups))
        super().__init__(optimizer, last_epoch)

    def _rate(self, i, epoch):
        factors = (self.lr_lambdas[i](e) for e in range(1, epoch + 1))
        return self.base_lrs[i] * math.prod(factors)

    def _next(self, i, rate, epoch):
        return rate * self.lr_lambdas[i](epoch)

    _rate_after = _next
