"""RAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn.optim.checks import at_least, two_betas
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any


class RAdam(Optimizer):
    """Adam, rectified for the variance of its first steps; before that, momentum alone.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs or dicts: see `Optimizer`.
    lr : float
        Default 1e-3.
    betas : pair of float
        From 0 to below 1. Default (0.9, 0.999).
    eps : float
        Default 1e-8.
    weight_decay : float
        L2 penalty's factor. Default 0.
    decoupled_weight_decay : bool
        As in AdamW: p *= 1 - lr weight_decay instead. Default False.
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
    Liu et al. (2020), algorithm 2; ``torch.optim.RAdam``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(2))
    >>> optimizer = fastnn.optim.RAdam([p], lr=0.125)
    >>> p.grad = fastnn.tensor([1.0, -4.0])
    >>> optimizer.step()
    >>> p
    Parameter(tensor([0.875, 1.5  ], requires_grad=True))
    """

    kernel, state_names = "radam", ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
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
                "eps": eps,
                "weight_decay": weight_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "l1_decay": l1_decay,
            },
            options,
        )

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        return (
            at_least("RAdam", "lr", group["lr"]),
            at_least("RAdam", "weight_decay", group["weight_decay"]),
            -1 if group["maximize"] else 1,
            *two_betas("RAdam", group),
            at_least("RAdam", "eps", group["eps"]),
        )

    def option(self, group: dict) -> Any:
        """See `Optimizer`."""
        return bool(group["decoupled_weight_decay"])
