"""Cosine with warm restarts."""

from __future__ import annotations

import math

from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.schedule import AbsoluteLR


class CosineAnnealingWarmRestarts(AbsoluteLR):
    """lr = eta_min + (base - eta_min) (1 + cos(pi t / T)) / 2, t from the last restart, T to the next.

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        Epochs to the first restart.
    T_mult : int
        How many times longer each period is than the one before. Default 1.
    eta_min : float
        Default 0.
    last_epoch : int
        Default -1.

    Raises
    ------
    ValueError
        For T_0 or T_mult below 1.

    Notes
    -----
    Loshchilov and Hutter, SGDR (2017), eq. 5; ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts``.

    Examples
    --------
    >>> import fastnn
    >>> optimizer = fastnn.optim.SGD([fastnn.nn.Parameter(fastnn.zeros(1))], lr=1.0)
    >>> schedule = fastnn.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 3)); schedule.step()
    >>> rates
    [1.0, 0.5, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"CosineAnnealingWarmRestarts: {name} must be an integer of at least 1, got {value}"
                )
        self.T_0, self.T_mult = T_0, T_mult
        self.eta_min = number(eta_min, "CosineAnnealingWarmRestarts: eta_min")
        self._position = whole(last_epoch, "CosineAnnealingWarmRestarts: last_epoch", -1) + 1
        super().__init__(optimizer, last_epoch)

    def _period(self, epoch):
        """(epochs since the last restart, epochs from it to the next)."""
        period = self.T_0
        if self.T_mult == 1:
            return epoch % period, period
        while epoch >= period:
            epoch -= period
            period *= self.T_mult
        return epoch, period

    def lr_at(self, base: float, epoch: float) -> float:
        """See LRScheduler; the epoch may have a fraction."""
        epoch, period = self._period(epoch)
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * epoch / period)) / 2

    def _restart(self):
        self._position = 0
        super()._restart()

    def state_dict(self) -> dict:
        """All but the optimizer; the place in the period under PyTorch's names too."""
        T_cur, T_i = self._period(self._position)
        return {**super().state_dict(), "T_cur": T_cur, "T_i": T_i}

    def load_state_dict(self, state_dict: dict) -> None:
        """Continue from what `state_dict` returned."""
        state = dict(state_dict)
        fraction = state.pop("T_cur", 0) % 1
        state.pop("T_i", None)
        super().load_state_dict({"_position": state["last_epoch"] + fraction, **state})

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to `epoch`, which may have a fraction.

        Parameters
        ----------
        epoch : float, optional
            Not negative; later steps go on from it.
        """
        if epoch is not None and not epoch >= 0:
            raise ValueError(
                f"CosineAnnealingWarmRestarts: epoch must not be negative, got {epoch}"
            )
        self._position = self._position + 1 if epoch is None else epoch
        self.last_epoch = math.floor(self._position)
        self._set([self._rate(i, self._position) for i in range(len(self.base_lrs))])
