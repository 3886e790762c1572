"""SWALR: the rate while weights are averaged."""

from __future__ import annotations

import math
from typing import Any

from fastnn.optim.checks import at_least
from fastnn.optim.schedule import AbsoluteLR


class SWALR(AbsoluteLR):
    """From whatever the rate is to `swa_lr` within `anneal_epochs`, then constant.

    lr_t = swa_lr a(t) + lr_0 (1 - a(t)), a(t) from 0 to 1, with lr_0 the rate at the first step, which
    another schedule may have brought about.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float, or one per group
    anneal_epochs : int
        Not negative. Default 10.
    anneal_strategy : {"cos", "linear"}
        Default "cos".
    last_epoch : int
        Default -1.

    Raises
    ------
    ValueError
        For another strategy, or a negative number of epochs.

    Notes
    -----
    ``torch.optim.swa_utils.SWALR``.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.swa_utils.SWALR(optimizer, 0.5, 2, "linear")
    >>> schedule.step(); schedule.get_last_lr()
    [0.75]
    """

    def __init__(
        self,
        optimizer: Any,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        self._check_optimizer(optimizer)
        count = len(optimizer.param_groups)
        rates = list(swa_lr) if isinstance(swa_lr, (list, tuple)) else [swa_lr] * count
        if len(rates) != count:
            raise ValueError(f"SWALR: expected {count} values of swa_lr, got {len(rates)}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"SWALR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(
                f"SWALR: anneal_epochs must be an integer of at least 0, got {anneal_epochs}"
            )
        self.swa_lrs = [at_least("SWALR", "swa_lr", rate) for rate in rates]
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _progress(self, epoch):
        t = max(0.0, min(1.0, epoch / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self.anneal_strategy == "cos" else t

    def _rate(self, i, epoch):
        """The next rate from the present one, of which lr_0 is found first."""
        epoch = max(1, epoch) if self.anneal_epochs == 0 else epoch
        rate, goal = self.optimizer.param_groups[i]["lr"], self.swa_lrs[i]
        before, now = self._progress(epoch - 1), self._progress(epoch)
        first = goal if before == 1 else (rate - before * goal) / (1 - before)
        return goal * now + first * (1 - now)

    def step(self) -> None:
        """Go to the next epoch."""
        self.last_epoch += 1
        self._set([self._rate(i, self.last_epoch) for i in range(len(self.base_lrs))])
