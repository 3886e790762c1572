"""Schedules that arrive after total_iters epochs: linear, constant, polynomial."""

from __future__ import annotations

from fastnn.ops.argument import _number as number
from fastnn.optim.checks import at_least, finite
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.schedule import LRScheduler


class LinearLR(LRScheduler):
    """lr = base (start_factor + (end_factor - start_factor) min(epoch, total_iters) / total_iters).

    ``torch.optim.lr_scheduler.LinearLR``.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor, end_factor : float
        Default 1/3 and 1: a warm-up.
    total_iters : int
        Default 5.
    last_epoch : int
        Default -1.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.LinearLR(optimizer, 0.25, total_iters=3)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 3)); schedule.step()
    >>> rates
    [0.25, 0.5, 0.75, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < number(start_factor, "LinearLR: start_factor") <= 1:
            raise ValueError(
                f"LinearLR: start_factor must be above 0 and at most 1, got {start_factor}"
            )
        if not 0 <= number(end_factor, "LinearLR: end_factor") <= 1:
            raise ValueError(f"LinearLR: end_factor must be from 0 to 1, got {end_factor}")
        self.start_factor, self.end_factor = start_factor, end_factor
        at_least("LinearLR", "total_iters", total_iters, 1)
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        done = min(epoch, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class ConstantLR(LRScheduler):
    """lr = base factor before epoch total_iters, base from then on.

    ``torch.optim.lr_scheduler.ConstantLR``.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        Default 1/3.
    total_iters : int
        Default 5.
    last_epoch : int
        Default -1.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.ConstantLR(optimizer, 0.5, total_iters=2)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 3)); schedule.step()
    >>> rates
    [0.5, 0.5, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= number(factor, "ConstantLR: factor") <= 1:
            raise ValueError(f"ConstantLR: factor must be from 0 to 1, got {factor}")
        at_least("ConstantLR", "total_iters", total_iters)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return base * (self.factor if epoch < self.total_iters else 1.0)


class PolynomialLR(LRScheduler):
    """lr = base (1 - min(epoch, total_iters) / total_iters)^power.

    ``torch.optim.lr_scheduler.PolynomialLR``.

    Parameters
    ----------
    optimizer : Optimizer
    total_iters : int
        Default 5.
    power : float
        Default 1.
    last_epoch : int
        Default -1.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=2, power=2.0)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 3)); schedule.step()
    >>> rates
    [1.0, 0.25, 0.0, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        at_least("PolynomialLR", "total_iters", total_iters, 1)
        self.total_iters, self.power = total_iters, finite("PolynomialLR", "power", power)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return base * (1 - min(epoch, self.total_iters) / self.total_iters) ** self.power
