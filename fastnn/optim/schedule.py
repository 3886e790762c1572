"""Learning-rate schedules that are functions of the epoch.

A schedule is one formula, ``lr_at(base, epoch)``. It is set as it stands while nobody else changes
the rate; after a change by hand or by a second schedule the rate goes on in the same proportions.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable

from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole
from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer


class LRScheduler:
    """Base class: one formula for the rate of every group at every epoch.

    Parameters
    ----------
    optimizer : Optimizer
        Its groups' rates are the base rates, kept as ``initial_lr``.
    last_epoch : int
        -1 to start; else the last epoch of a run that goes on, whose groups have ``initial_lr``.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._check_optimizer(optimizer)
        last_epoch = whole(last_epoch, f"{type(self).__name__}: last_epoch", -1)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: last_epoch={last_epoch} needs 'initial_lr' in group {i}"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        self._last_lr = [group["lr"] for group in optimizer.param_groups]
        self._chained = [False] * len(self.base_lrs)  # whether somebody else changed the rate
        if last_epoch == -1:
            self._restart()
        else:
            self._set([self._rate(i, self.last_epoch) for i in range(len(self.base_lrs))])

    def _check_optimizer(self, optimizer):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: expected an Optimizer, got {type(optimizer).__name__}"
            )

    def lr_at(self, base: float, epoch: float) -> float:
        """The rate of a group with this base rate at this epoch."""
        raise TypeError(f"{type(self).__name__} must define lr_at(base, epoch)")

    def _rate(self, i, epoch):
        return self.lr_at(self.base_lrs[i], epoch)

    def _restart(self):
        """Epoch 0, from the groups' present rates."""
        self.last_epoch = 0
        self._chained = [
            g["lr"] != base for g, base in zip(self.optimizer.param_groups, self.base_lrs)
        ]
        self._set([self._first(i, g["lr"]) for i, g in enumerate(self.optimizer.param_groups)])

    def _first(self, i, rate):
        """The rate at epoch 0, where another schedule may have made `rate` of the base rate."""
        base, own = self.base_lrs[i], self._rate(i, 0)
        return rate * own / base if self._chained[i] and base else own

    def _set(self, rates):
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = rates

    def step(self) -> None:
        """Go to the next epoch: call it once after each epoch's optimizer steps."""
        self.last_epoch += 1
        rates = []
        for i, (group, last) in enumerate(
            zip(self.optimizer.param_groups, self._last_lr, strict=True)
        ):
            self._chained[i] = self._chained[i] or group["lr"] != last
            following = self._next if self._chained[i] else self._rate_after
            rates.append(following(i, group["lr"], self.last_epoch))
        self._set(rates)

    def _rate_after(self, i, rate, epoch):
        return self._rate(i, epoch)

    def _next(self, i, rate, epoch):
        """The rate that follows `rate`, which is not this schedule's own: in the same proportions."""
        before, now = self._rate(i, epoch - 1), self._rate(i, epoch)
        return rate * now / before if before else now

    def get_last_lr(self) -> list[float]:
        """The rates that were set last, one per group."""
        return self._last_lr

    def state_dict(self) -> dict:
        """All but the optimizer and functions, as a dict."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer" and not callable(v)}

    def load_state_dict(self, state_dict: dict) -> None:
        """Continue from what `state_dict` returned; the optimizer's own state is loaded apart."""
        self.__dict__.update(state_dict)


class StepLR(LRScheduler):
    """lr = base gamma^floor(epoch / step_size).

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
    gamma : float
        Default 0.1.
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
    >>> schedule = fastnn.optim.lr_scheduler.StepLR(optimizer, 2)
    >>> schedule.step(); schedule.step(); optimizer.param_groups[0]["lr"]
    0.1
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = int(at_least("StepLR", "step_size", step_size, 1, math.inf))
        self.gamma = number(gamma, "StepLR: gamma")
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return base * self.gamma ** (epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """lr = base gamma^(number of milestones reached).

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of int
    gamma : float
        Default 0.1.
    last_epoch : int
        Default -1.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        try:
            self.milestones = sorted(number(m, "MultiStepLR: milestones") for m in milestones)
        except TypeError:
            raise TypeError(
                f"MultiStepLR: milestones must be numbers, got {milestones!r:.60}"
            ) from None
        self.gamma = number(gamma, "MultiStepLR: gamma")
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return base * self.gamma ** bisect_right(self.milestones, epoch)


class ExponentialLR(LRScheduler):
    """lr = base gamma^epoch.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
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
    >>> schedule = fastnn.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    >>> schedule.step(); schedule.step(); schedule.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = number(gamma, "ExponentialLR: gamma")
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return base * self.gamma**epoch


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (base - eta_min) (1 + cos(pi epoch / T_max)) / 2.

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
        Epochs from the base rate to eta_min.
    eta_min : float
        Default 0.
    last_epoch : int
        Default -1.

    Raises
    ------
    TypeError, ValueError
        Arguments that are no numbers or out of range, or no Optimizer.

    Notes
    -----
    Loshchilov and Hutter, SGDR (2017), eq. 5, without restarts.
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if number(T_max, "CosineAnnealingLR: T_max") <= 0:
            raise ValueError(f"CosineAnnealingLR: T_max must be positive, got {T_max}")
        self.T_max, self.eta_min = T_max, number(eta_min, "CosineAnnealingLR: eta_min")
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return (
            self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2
        )

    def _next(self, i, rate, epoch):
        """In proportion to the distance from eta_min; upward from it at the same speed."""
        share = [1 + math.cos(math.pi * e / self.T_max) for e in (epoch - 1, epoch)]
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            return rate + (self.base_lrs[i] - self.eta_min) * share[1] / 2
        return self.eta_min + (rate - self.eta_min) * share[1] / share[0]


class LinearLR(LRScheduler):
    """lr = base (start_factor + (end_factor - start_factor) min(epoch, total_iters) / total_iters).

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
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        at_least("PolynomialLR", "total_iters", total_iters, 1)
        self.total_iters, self.power = total_iters, number(power, "PolynomialLR: power")
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return base * (1 - min(epoch, self.total_iters) / self.total_iters) ** self.power


class AbsoluteLR(LRScheduler):
    """Base of the schedules that set the rate whatever others have made of it."""

    def _first(self, i, rate):
        return self._rate(i, 0)

    def _next(self, i, rate, epoch):
        return self._rate(i, epoch)
