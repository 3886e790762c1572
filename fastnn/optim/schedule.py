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
from fastnn.optim.checks import at_least, finite
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
    KeyError
        If last_epoch is given and a group has no ``initial_lr``.

    Examples
    --------
    >>> import fastnn
    >>> class Halved(fastnn.optim.lr_scheduler.LRScheduler):
    ...     def lr_at(self, base, epoch):
    ...         return base / 2**epoch
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = Halved(optimizer)
    >>> schedule.step(); schedule.get_last_lr()
    [0.5]
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
        """The rate of a group with this base rate at this epoch; a subclass's (else TypeError)."""
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
    """lr = base gamma^floor(epoch / step_size): ``torch.optim.lr_scheduler.StepLR``.

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
        self.gamma = finite("StepLR", "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return base * self.gamma ** (epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """lr = base gamma^(number of milestones reached): ``torch.optim.lr_scheduler.MultiStepLR``.

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

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3])
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 3)); schedule.step()
    >>> rates
    [1.0, 0.1, 0.1, 0.01]
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
        self.gamma = finite("MultiStepLR", "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler."""
        return base * self.gamma ** bisect_right(self.milestones, epoch)


class ExponentialLR(LRScheduler):
    """lr = base gamma^epoch: ``torch.optim.lr_scheduler.ExponentialLR``.

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
        self.gamma = finite("ExponentialLR", "gamma", gamma)
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
    Loshchilov, Hutter (2017), eq. 5, no restarts; ``torch.optim.lr_scheduler.CosineAnnealingLR``.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 3)); schedule.step()
    >>> rates
    [1.0, 0.5, 0.0, 0.5]
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


class AbsoluteLR(LRScheduler):
    """Base of the schedules that set the rate whatever others have made of it."""

    def _first(self, i, rate):
        return self._rate(i, 0)

    def _next(self, i, rate, epoch):
        return self._rate(i, epoch)
