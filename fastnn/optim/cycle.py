"""Schedules that go up and down again: cyclic, one cycle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fastnn.optim.checks import at_least, finite
from fastnn.optim.function import function_state
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.schedule import AbsoluteLR


def per_group(what: str, name: str, value: Any, count: int) -> list:
    """One number per group."""
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{what}: expected {count} values of {name}, got {len(values)}")
    return [at_least(what, name, v, below=math.inf) for v in values]


class _Cycle(AbsoluteLR):
    """A schedule that may move momentum (or beta1) against the rate."""

    def _check_momentum(self, optimizer, base, top):
        name, count = type(self).__name__, len(optimizer.param_groups)
        if not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(
                f"{name}: {type(optimizer).__name__} has neither momentum nor betas; "
                "pass cycle_momentum=False"
            )
        self.base_momentums = per_group(name, "base_momentum", base, count)
        self.max_momentums = per_group(name, "max_momentum", top, count)
        limits = zip(optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
        for group, low, high in limits:  # under PyTorch's names, as it reads them
            group["base_momentum"], group["max_momentum"] = low, high

    def momentum_at(self, i, epoch: float):
        """Momentum of group i."""
        raise TypeError(f"{type(self).__name__} must define momentum_at(i, epoch)")

    def _set(self, rates):
        super()._set(rates)
        if not self.cycle_momentum:
            return
        for i, group in enumerate(self.optimizer.param_groups):
            value = self.momentum_at(i, self.last_epoch)
            if "betas" in group:
                group["betas"] = (value, *group["betas"][1:])
            else:
                group["momentum"] = value


class CyclicLR(_Cycle):
    """Up from base_lr to max_lr and down again, in straight lines, each cycle scaled; momentum mirrored.

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float, or one per group
        Lowest and highest rate.
    step_size_up : int
        Steps upward. Default 2000.
    step_size_down : int, optional
        Steps downward. Default: as upward.
    mode : {"triangular", "triangular2", "exp_range"}
        Height of each cycle: the same; halved each time; gamma^step. Default "triangular".
    gamma : float
        For "exp_range". Default 1.
    scale_fn : callable, optional
        The height as a function of the cycle's number from 1, or of the step; overrules `mode`.
    scale_mode : {"cycle", "iterations"}
        What `scale_fn` gets. Default "cycle".
    cycle_momentum : bool
        Move momentum (or beta1) from max_momentum to base_momentum and back. Default True.
    base_momentum, max_momentum : float, or one per group
        Default 0.8 and 0.9.
    last_epoch : int
        Default -1.

    Raises
    ------
    ValueError
        For another mode, or an optimizer without momentum.
    TypeError
        For no Optimizer, or a scale_fn that cannot be called.

    Notes
    -----
    Smith (2017); ``torch.optim.lr_scheduler.CyclicLR``.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=0.5, momentum=0.9)
    >>> schedule = fastnn.optim.lr_scheduler.CyclicLR(optimizer, 0.0, 1.0, step_size_up=2)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates += schedule.get_last_lr(); schedule.step()
    >>> rates
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self._check_optimizer(optimizer)
        count = len(optimizer.param_groups)
        if mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(
                f"CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range', got {mode!r}"
            )
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(
                f"CyclicLR: scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}"
            )
        lows = per_group("CyclicLR", "base_lr", base_lr, count)
        self.max_lrs = per_group("CyclicLR", "max_lr", max_lr, count)
        if scale_fn is not None and not callable(scale_fn):
            raise TypeError(f"CyclicLR: scale_fn must be callable, got {scale_fn!r:.40}")
        gamma = finite("CyclicLR", "gamma", gamma)
        up = at_least("CyclicLR", "step_size_up", step_size_up, 1, math.inf)
        down = up if step_size_down is None else step_size_down
        self.total_size = up + at_least("CyclicLR", "step_size_down", down, 1, math.inf)
        self.step_ratio = up / self.total_size
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        self.cycle_momentum = bool(cycle_momentum)
        if cycle_momentum:
            self._check_momentum(optimizer, base_momentum, max_momentum)
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, lows, strict=True):
                group["lr"] = low
        self._lows = lows
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lows

    def state_dict(self) -> dict:
        """All but the optimizer and `scale_fn`; of an object that is called, its attributes."""
        state = super().state_dict()
        custom = None if self.scale_fn is None else function_state(self.scale_fn)
        own = {"scale_fn", "_lows"}
        return {
            **{k: v for k, v in state.items() if k not in own},
            "_scale_fn_custom": custom,
            "use_beta1": "betas" in self.optimizer.param_groups[0],
        }

    def load_state_dict(self, state_dict: dict) -> None:
        """Continue from what `state_dict` returned."""
        own = {"_scale_fn_custom", "_scale_fn_ref", "use_beta1"}
        super().load_state_dict({k: v for k, v in state_dict.items() if k not in own})
        self._lows = self.base_lrs
        if state_dict.get("_scale_fn_custom"):
            self.scale_fn.__dict__.update(state_dict["_scale_fn_custom"])

    def _height(self, epoch):
        cycle = math.floor(1 + epoch / self.total_size)
        x = 1 + epoch / self.total_size - cycle
        up = x <= self.step_ratio
        height = x / self.step_ratio if up else (x - 1) / (self.step_ratio - 1)
        if self.scale_fn is not None:
            return height * self.scale_fn(cycle if self.scale_mode == "cycle" else epoch)
        if self.mode == "exp_range":
            return height * self.gamma**epoch
        return height / 2.0 ** (cycle - 1) if self.mode == "triangular2" else height

    def _rate(self, i, epoch):
        return self._lows[i] + (self.max_lrs[i] - self._lows[i]) * self._height(epoch)

    def momentum_at(self, i: int, epoch: float) -> float:
        """See `_Cycle`."""
        top = self.max_momentums[i]
        return top - (top - self.base_momentums[i]) * self._height(epoch)


class OneCycleLR(_Cycle):
    """Up from max_lr / div_factor to max_lr, then down to almost nothing; momentum mirrored.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float, or one per group
        The highest rate.
    total_steps : int, optional
        How many steps there will be; or
    epochs, steps_per_epoch : int, optional
        their factors.
    pct_start : float
        Share of the steps that go upward. Default 0.3.
    anneal_strategy : {"cos", "linear"}
        Default "cos".
    cycle_momentum : bool
        Move momentum (or beta1) from max_momentum to base_momentum and back. Default True.
    base_momentum, max_momentum : float, or one per group
        Default 0.85 and 0.95.
    div_factor : float
        The first rate is max_lr / div_factor. Default 25.
    final_div_factor : float
        The last rate is the first / final_div_factor. Default 1e4.
    three_phase : bool
        Down to the first rate as fast as upward, and only then to the last. Default False.
    last_epoch : int
        Default -1.

    Raises
    ------
    ValueError
        For values out of range, an optimizer without momentum, or a step beyond the last.

    Notes
    -----
    Smith and Topin (2019); ``torch.optim.lr_scheduler.OneCycleLR``.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0, momentum=0.9)
    >>> schedule = fastnn.optim.lr_scheduler.OneCycleLR(
    ...     optimizer, 1.0, total_steps=5, pct_start=0.4, anneal_strategy="linear", div_factor=2.0)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(schedule.get_last_lr()[0], 2)); schedule.step()
    >>> rates
    [0.5, 1.0, 0.67, 0.33, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self._check_optimizer(optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if not isinstance(total_steps, int) or total_steps < 1:
            raise ValueError(
                f"OneCycleLR: total_steps must be a positive integer, got {total_steps}"
            )
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start must be from 0 to 1, got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}"
            )
        self.total_steps, self.anneal_strategy = total_steps, anneal_strategy
        self.cycle_momentum = bool(cycle_momentum)
        if cycle_momentum:
            self._check_momentum(optimizer, base_momentum, max_momentum)
        tops = per_group("OneCycleLR", "max_lr", max_lr, len(optimizer.param_groups))
        rises = pct_start * total_steps
        # end of each phase, and which of (first, highest, last) rate and momentum it goes to
        self._ends = [rises - 1, total_steps - 1]
        self._goals = [("top", "low"), ("last", "high")]
        if three_phase:
            self._ends.insert(1, 2 * rises - 2)
            self._goals.insert(1, ("first", "high"))
        for name, value in ("div_factor", div_factor), ("final_div_factor", final_div_factor):
            if not finite("OneCycleLR", name, value) > 0:
                raise ValueError(f"OneCycleLR: {name} must be above 0, got {value}")
        firsts = [top / div_factor for top in tops]
        self._rates = [
            {"first": first, "top": top, "last": first / final_div_factor}
            for first, top in zip(firsts, tops, strict=True)
        ]
        if last_epoch == -1:
            for group, rates in zip(optimizer.param_groups, self._rates, strict=True):
                group["initial_lr"], group["max_lr"] = rates["first"], rates["top"]
                group["min_lr"] = rates["last"]  # all three under PyTorch's names, as it reads them
        super().__init__(optimizer, last_epoch)

    def _between(self, start, end, share):
        if self.anneal_strategy == "linear":
            return start + (end - start) * share
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    def _phase(self, step):
        """(number of the phase, share of it that is done)."""
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} of a cycle of {self.total_steps} steps")
        for phase, end in enumerate(self._ends):
            if step <= end or phase == len(self._ends) - 1:
                start = self._ends[phase - 1] if phase else 0.0
                # the step after the last comes from a loop that ends with step(): nothing moves on
                return phase, min((step - start) / (end - start), 1.0) if end != start else 1.0

    def _rate(self, i, epoch):
        phase, share = self._phase(epoch)
        start = self._goals[phase - 1][0] if phase else "first"
        rates = self._rates[i]
        return self._between(rates[start], rates[self._goals[phase][0]], share)

    def momentum_at(self, i: int, epoch: float) -> float:
        """See `_Cycle`."""
        phase, share = self._phase(epoch)
        start = self._goals[phase - 1][1] if phase else "high"
        values = {"low": self.base_momentums[i], "high": self.max_momentums[i]}
        return self._between(values[start], values[self._goals[phase][1]], share)
