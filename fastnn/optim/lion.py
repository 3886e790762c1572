"""Lion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn.optim.checks import at_least, two_betas
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any


class Lion(Optimizer):
    """p -= lr (sign(b1 m + (1-b1) g) + weight_decay p); m = b2 m + (1-b2) g.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs or dicts: see `Optimizer`.
    lr : float
        A third to a tenth of Adam's. Default 1e-4.
    betas : pair of float
        From 0 to below 1. Default (0.9, 0.99).
    weight_decay : float
        Decoupled. Default 0.
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
    Chen et al. (2023), algorithm 2. PyTorch has no Lion.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(2))
    >>> optimizer = fastnn.optim.Lion([p], lr=0.5)
    >>> p.grad = fastnn.tensor([3.0, -0.1])
    >>> optimizer.step()
    >>> p
    Parameter(tensor([0.5, 1.5], requires_grad=True))
    """

    kernel, state_names = "lion", ("exp_avg",)

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
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
                "betas": betas,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "l1_decay": l1_decay,
            },
            options,
        )

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        return (
            at_least("Lion", "lr", group["lr"]),
            at_least("Lion", "weight_decay", group["weight_decay"]),
            -1 if group["maximize"] else 1,
            *two_betas("Lion", group),
        )
