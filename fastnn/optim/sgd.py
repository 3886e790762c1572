"""Stochastic gradient descent."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any


class SGD(Optimizer):
    """b = momentum b + (1 - dampening) g; p -= lr b, g the gradient plus weight_decay p.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs or dicts: see `Optimizer`.
    lr : float
        Learning rate. Default 1e-3.
    momentum : float
        Default 0. The first step takes b = g.
    dampening : float
        Default 0.
    weight_decay : float
        L2 penalty's factor. Default 0.
    nesterov : bool
        p -= lr (g + momentum b). Needs momentum and no dampening. Default False.
    maximize : bool
        Climb instead. Default False.
    l1_decay : float
        L1 penalty's factor. Default 0.
    options
        PyTorch's switches: see `Optimizer`.

    Raises
    ------
    ValueError
        For hyperparameters out of range, or no parameters.

    Notes
    -----
    Sutskever et al. (2013); ``torch.optim.SGD``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(2))
    >>> optimizer = fastnn.optim.SGD([p], lr=0.1)
    >>> p.grad = fastnn.tensor([1.0, 2.0])
    >>> optimizer.step()
    >>> p
    Parameter(tensor([0.9, 0.8], requires_grad=True))
    """

    kernel, state_names, counts_steps = "sgd", ("momentum_buffer",), False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
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
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "l1_decay": l1_decay,
            },
            options,
        )

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        momentum = at_least("SGD", "momentum", group["momentum"])
        dampening = at_least("SGD", "dampening", group["dampening"], -math.inf)
        if group["nesterov"] and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: nesterov needs momentum above 0 and dampening 0")
        return (
            at_least("SGD", "lr", group["lr"]),
            at_least("SGD", "weight_decay", group["weight_decay"]),
            -1 if group["maximize"] else 1,
            momentum,
            dampening,
            bool(group["nesterov"]),
        )

    def used(self, group: dict) -> Any:
        """See `Optimizer`."""
        return (group["momentum"] != 0,)
