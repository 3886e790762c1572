"""Schedules made of other schedules: one after another, all at once, after a warm-up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.plateau import ReduceLROnPlateau
from fastnn.optim.schedule import LRScheduler


def check_members(what: str, schedulers: Sequence, optimizer: Optimizer) -> None:
    """All schedules are of this optimizer, and need no metric."""
    for scheduler in schedulers:
        if not isinstance(scheduler, LRScheduler):
            raise TypeError(f"{what}: expected schedules, got {type(scheduler).__name__}")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(f"{what}: {type(scheduler).__name__} needs a metric at each step")
        if scheduler.optimizer is not optimizer:
            raise ValueError(f"{what}: every scheduler must be made for the same optimizer")


class _Combined(LRScheduler):
    """Schedules in ``_schedulers``, whose states are saved with their own."""

    def state_dict(self) -> dict:
        """The own state and those of all schedules."""
        own = {k: v for k, v in super().state_dict().items() if k != "_schedulers"}
        return {**own, "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict) -> None:
        """Continue from what `state_dict` returned."""
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "_schedulers"})


class SequentialLR(_Combined):
    """One schedule after another, each from its own epoch 0.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : list of LRScheduler
        Made for this optimizer.
    milestones : list of int
        Epochs at which the second, third, ... begin.

    Raises
    ------
    TypeError
        For no Optimizer, or members that are no schedules.
    ValueError
        If the milestones are not one fewer than the schedules, or these are another optimizer's.

    Notes
    -----
    ``torch.optim.lr_scheduler.SequentialLR``.

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

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence, milestones: Iterable[int]
    ) -> None:
        self._check_optimizer(optimizer)
        if len(schedulers) != len(milestones) + 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, got {len(milestones)}"
            )
        check_members("SequentialLR", schedulers, optimizer)
        self.optimizer, self.last_epoch = optimizer, 0
        self._milestones, self._schedulers = list(milestones), list(schedulers)
        self._restart()

    def _begin(self, scheduler):
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        scheduler._restart()
        self._last_lr = scheduler.get_last_lr()

    def _restart(self):
        self.last_epoch = 0
        self._begin(self._schedulers[bisect_right(self._milestones, 0)])

    def step(self) -> None:
        """Go to the next epoch, and to the next schedule when it is time."""
        self.last_epoch += 1
        current = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[current]
        if current > 0 and self._milestones[current - 1] == self.last_epoch:
            self._begin(scheduler)
            return
        scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Combined):
    """Several schedules at once: each goes on from the rate that the one before has set.

    Parameters
    ----------
    schedulers : list of LRScheduler
        Made for one optimizer.
    optimizer : Optimizer, optional
        Default: that of the schedules.

    Raises
    ------
    TypeError
        For members that are no schedules.
    ValueError
        For none, or schedules of several optimizers.

    Notes
    -----
    ``torch.optim.lr_scheduler.ChainedScheduler``. Schedules multiply, but those that set a rate
    whatever it was (LambdaLR, CyclicLR, OneCycleLR, CosineAnnealingWarmRestarts) overrule the ones before.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.optim import lr_scheduler as lrs
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> both = [lrs.ConstantLR(optimizer, 0.5, 2), lrs.ExponentialLR(optimizer, 0.5)]
    >>> schedule = lrs.ChainedScheduler(both)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates += schedule.get_last_lr(); schedule.step()
    >>> rates
    [0.5, 0.25, 0.25, 0.125]
    """

    def __init__(self, schedulers: Sequence, optimizer: Optimizer = None) -> None:
        schedulers = list(schedulers)
        if not schedulers:
            raise ValueError("ChainedScheduler: expected at least one schedule")
        optimizer = getattr(schedulers[0], "optimizer", None) if optimizer is None else optimizer
        check_members("ChainedScheduler", schedulers, optimizer)
        self.optimizer, self._schedulers, self.last_epoch = optimizer, schedulers, 0
        self._last_lr = [group["lr"] for group in optimizer.param_groups]

    def _restart(self):
        self.last_epoch = 0
        for scheduler in self._schedulers:
            scheduler._restart()
        self._last_lr = self._schedulers[-1].get_last_lr()

    def step(self) -> None:
        """All schedules go to the next epoch, in order."""
        self.last_epoch += 1
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._schedulers[-1].get_last_lr()


class WarmUpLR(_Combined):
    """Linear warm-up to the first rate of any other schedule, which begins after it.

    lr = r (start_factor + (1 - start_factor) epoch / total_iters) before epoch total_iters, r the first
    rate of the schedule; the schedule counts its epochs from there.

    Parameters
    ----------
    scheduler : LRScheduler
        What follows; also one that looks at a metric.
    total_iters : int
        How many steps the warm-up takes.
    start_factor : float
        From 0 to 1. Default 1/3.

    Raises
    ------
    TypeError
        For what is no schedule or no number.
    ValueError
        If total_iters is not positive, or start_factor not from 0 to 1.

    Notes
    -----
    Goyal et al. (2017), section 2.2.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.optim import lr_scheduler as lrs
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = lrs.WarmUpLR(lrs.ExponentialLR(optimizer, 0.5), 2, start_factor=0.5)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates += schedule.get_last_lr(); schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.5]
    """

    def __init__(
        self, scheduler: LRScheduler, total_iters: int, start_factor: float = 1.0 / 3
    ) -> None:
        if not isinstance(scheduler, LRScheduler):
            raise TypeError(f"WarmUpLR: expected a schedule, got {type(scheduler).__name__}")
        self.total_iters = int(at_least("WarmUpLR", "total_iters", total_iters, 1))
        self.start_factor = at_least("WarmUpLR", "start_factor", start_factor)
        if self.start_factor > 1:
            raise ValueError(f"WarmUpLR: start_factor must be from 0 to 1, got {start_factor}")
        self.optimizer, self._schedulers = scheduler.optimizer, [scheduler]
        self._goals = list(scheduler.get_last_lr())
        self._warm(0)

    def _warm(self, epoch):
        self.last_epoch = epoch
        share = self.start_factor + (1 - self.start_factor) * epoch / self.total_iters
        self._set([goal if epoch == self.total_iters else goal * share for goal in self._goals])

    def _restart(self):
        self._schedulers[0]._restart()
        self._goals = list(self._schedulers[0].get_last_lr())
        self._warm(0)

    def step(self, metrics: float | None = None) -> None:
        """Go to the next epoch.

        Parameters
        ----------
        metrics : float, optional
            For a schedule that looks at a metric; unused during the warm-up.
        """
        if self.last_epoch < self.total_iters:
            self._warm(self.last_epoch + 1)
            return
        self.last_epoch += 1
        self._schedulers[0].step(*([] if metrics is None else [metrics]))
        self._last_lr = self._schedulers[0].get_last_lr()
