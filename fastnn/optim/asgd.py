"""ASGD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn.ops.argument import _number as number
from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any


class ASGD(Optimizer):
    """Averaged descent: p = (1 - lambd eta) p - eta g; ax += mu (p - ax); eta falls with time.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs or dicts: see `Optimizer`.
    lr : float
        Default 1e-2.
    lambd : float
        Decay. Default 1e-4.
    alpha : float
        eta = lr / (1 + lambd lr t)^alpha. Default 0.75.
    t0 : float
        Averaging starts after this step: mu = 1 / max(1, t - t0). Default 1e6.
    weight_decay : float
        L2 penalty's factor. Default 0.
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
    Polyak and Juditsky (1992); ``torch.optim.ASGD``. The average is ``state[p]["ax"]``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(2))
    >>> optimizer = fastnn.optim.ASGD([p], lr=0.5, lambd=0.0)
    >>> p.grad = fastnn.tensor([1.0, -1.0])
    >>> optimizer.step()
    >>> p
    Parameter(tensor([0.5, 1.5], requires_grad=True))
    """

    kernel, state_names = "asgd", ("ax",)
    scalar_names = ("eta", "mu")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        l1_decay: float = 0,
        **options: Any,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "l1_decay": l1_decay,
            },
            options,
        )

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        return (
            at_least("ASGD", "lr", group["lr"]),
            at_least("ASGD", "weight_decay", group["weight_decay"]),
            -1 if group["maximize"] else 1,
            *(number(group[name], f"ASGD: {name}") for name in ("lambd", "alpha", "t0")),
        )
