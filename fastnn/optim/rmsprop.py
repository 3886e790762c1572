"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any


class RMSprop(Optimizer):
    """s = alpha s + (1 - alpha) g²; d = g / (sqrt(s) + eps); b = momentum b + d; p -= lr b.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs or dicts: see `Optimizer`.
    lr : float
        Default 1e-2.
    alpha : float
        Smoothing, from 0 to 1. Default 0.99.
    eps : float
        Default 1e-8.
    weight_decay, momentum : float
        Default 0.
    centered : bool
        Divide by the standard deviation: s - (mean of g)² instead of s. Default False.
    maximize : bool
        Climb instead. Default False.
    l1_decay : float
        L1 penalty's factor. Default 0.
    options
        PyTorch's switches: see `Optimizer`.

    Notes
    -----
    Hinton's lecture 6e (2012); Graves (2013), eq. 38 to 45; ``torch.optim.RMSprop``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(2))
    >>> optimizer = fastnn.optim.RMSprop([p], lr=0.1)
    >>> p.grad = fastnn.tensor([1.0, 4.0])
    >>> optimizer.step()
    >>> [round(v, 4) + 0.0 for v in p.tolist()]
    [0.0, 0.0]
    """

    kernel, state_names = "rmsprop", ("square_avg", "grad_avg", "momentum_buffer")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
        l1_decay: float = 0,
        **options: Any,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "l1_decay": l1_decay,
            },
            options,
        )

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        return (
            at_least("RMSprop", "lr", group["lr"]),
            at_least("RMSprop", "weight_decay", group["weight_decay"]),
            -1 if group["maximize"] else 1,
            at_least("RMSprop", "alpha", group["alpha"]),
            at_least("RMSprop", "eps", group["eps"]),
            at_least("RMSprop", "momentum", group["momentum"]),
        )

    def used(self, group: dict) -> Any:
        """See `Optimizer`."""
        return True, group["centered"], group["momentum"] > 0
