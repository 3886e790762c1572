"""Learning-rate schedules that are functions of the epoch.

A schedule is one formula, ``lr_at(base, epoch)``. It is set as it stands while nobody else changes
the rate; after a change by hand or by a second schedule the rate goes on in the same proportions.
"""

import math
from bisect import bisect_right

from fastnn.optim.optimizer import Optimizer


class LRScheduler:
    """Base class: one formula for the rate of every group at every epoch.

    Parameters
    ----------
    optimizer : Optimizer
        Its groups' rates are the base rates, kept as ``initial_lr``.
    last_epoch : int
        -1 to start; else the last epoch of a run that goes on, whose groups have ``initial_lr``.
    """

    def __init__(self, optimizer, last_epoch=-1):
        self._check_optimizer(optimizer)
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
        self._set([self._rate(i, self.last_epoch) for i in range(len(self.base_lrs))])

    def _check_optimizer(self, optimizer):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: expected an Optimizer, got {type(optimizer).__name__}"
            )

    def lr_at(self, base, epoch):
        """The rate of a group with this base rate at this epoch."""
        raise TypeError(f"{type(self).__name__} must define lr_at(base, epoch)")

    def _rate(self, i, epoch):
        return self.lr_at(self.base_lrs[i], epoch)

    def _set(self, rates):
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = rates

    def step(self):
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

    def get_last_lr(self):
        """The rates that were set last, one per group."""
        return self._last_lr

    def state_dict(self):
        """All but the optimizer and functions, as a dict."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer" and not callable(v)}

    def load_state_dict(self, state_dict):
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

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.StepLR(optimizer, 2)
    >>> schedule.step(); schedule.step(); optimizer.param_groups[0]["lr"]
    0.1
    """

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        if int(step_size) < 1:
            raise ValueError(f"StepLR: step_size must be at least 1, got {step_size}")
        self.step_size, self.gamma = int(step_size), gamma
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base, epoch):
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
    """

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base, epoch):
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

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    >>> schedule.step(); schedule.step(); schedule.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base, epoch):
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

    Notes
    -----
    Loshchilov and Hutter, SGDR (2017), eq. 5, without restarts.
    """

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        if T_max <= 0:
            raise ValueError(f"CosineAnnealingLR: T_max must be positive, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base, epoch):
        """See LRScheduler."""
        return (
            self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2
        )


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
    """

    def __init__(
        self, optimizer, start_factor=1.0 / 3, end_factor=1.0, total_iters=5, last_epoch=-1
    ):
        if not 0 < start_factor <= 1:
            raise ValueError(
                f"LinearLR: start_factor must be above 0 and at most 1, got {start_factor}"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor must be from 0 to 1, got {end_factor}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base, epoch):
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
    """

    def __init__(self, optimizer, factor=1.0 / 3, total_iters=5, last_epoch=-1):
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor must be from 0 to 1, got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base, epoch):
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
    """

    def __init__(self, optimizer, total_iters=5, power=1.0, last_epoch=-1):
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def lr_at(self, base, epoch):
        """See LRScheduler."""
        return base * (1 - min(epoch, self.total_iters) / self.total_iters) ** self.power


class LambdaLR(LRScheduler):
    """lr = base f(epoch).

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or one callable per group
    last_epoch : int
        Default -1.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> schedule.step(); schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self._check_optimizer(optimizer)
        count = len(optimizer.param_groups)
        lambdas = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * count
        if len(lambdas) != count:
            raise ValueError(
                f"LambdaLR: expected {count} functions, one per group, got {len(lambdas)}"
            )
        self.lr_lambdas = lambdas
        super().__init__(optimizer, last_epoch)

    def _rate(self, i, epoch):
        return self.base_lrs[i] * self.lr_lambdas[i](epoch)

    def state_dict(self):
        """All but the optimizer and the functions."""
        return {k: v for k, v in super().state_dict().items() if k != "lr_lambdas"}


class SequentialLR(LRScheduler):
    """One schedule after another, each from its own epoch 0.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : list of LRScheduler
        Made for this optimizer.
    milestones : list of int
        Epochs at which the second, third, ... begin.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.optim import lr_scheduler as lrs
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> warm = lrs.LinearLR(optimizer, 0.5, total_iters=2)
    >>> schedule = lrs.SequentialLR(optimizer, [warm, lrs.ExponentialLR(optimizer, 0.1)], [2])
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(optimizer.param_groups[0]["lr"]); schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.1]
    """

    def __init__(self, optimizer, schedulers, milestones):
        self._check_optimizer(optimizer)
        if len(schedulers) != len(milestones) + 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, got {len(milestones)}"
            )
        if any(s.optimizer is not optimizer for s in schedulers):
            raise ValueError("SequentialLR: every scheduler must be made for the same optimizer")
        self.optimizer, self.last_epoch = optimizer, 0
        self.milestones, self._schedulers = list(milestones), list(schedulers)
        self._restart(schedulers[0])

    def _restart(self, scheduler):
        scheduler.last_epoch = 0
        scheduler._chained = [False] * len(scheduler.base_lrs)
        scheduler._set([scheduler._rate(i, 0) for i in range(len(scheduler.base_lrs))])
        self._last_lr = scheduler.get_last_lr()

    def step(self):
        """Go to the next epoch, and to the next schedule when it is time."""
        self.last_epoch += 1
        current = bisect_right(self.milestones, self.last_epoch)
        scheduler = self._schedulers[current]
        if current > 0 and self.milestones[current - 1] == self.last_epoch:
            self._restart(scheduler)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self):
        """Epoch, milestones and the states of all schedules."""
        own = {
            "last_epoch": self.last_epoch,
            "milestones": self.milestones,
            "_last_lr": self._last_lr,
        }
        return {**own, "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict):
        """Continue from what `state_dict` returned."""
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "_schedulers"})
