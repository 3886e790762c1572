"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any


class Adadelta(Optimizer):
    """s = rho s + (1-rho) g²; d = sqrt(a + eps) / sqrt(s + eps) g; a = rho a + (1-rho) d²; p -= lr d.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs or dicts: see `Optimizer`.
    lr : float
        Default 1.
    rho : float
        From 0 to 1. Default 0.9.
    eps : float
        Default 1e-6.
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
    Zeiler (2012), algorithm 1; ``torch.optim.Adadelta``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(2))
    >>> optimizer = fastnn.optim.Adadelta([p], eps=1.0)
    >>> p.grad = fastnn.tensor([0.0, -3.0])
    >>> optimizer.step()
    >>> p
    Parameter(tensor([1.    , 3.1764], requires_grad=True))
    """

    kernel, state_names = "adadelta", ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
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
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "l1_decay": l1_decay,
            },
            options,
        )

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        return (
            at_least("Adadelta", "lr", group["lr"]),
            at_least("Adadelta", "weight_decay", group["weight_decay"]),
            -1 if group["maximize"] else 1,
            _from_0_to_1(group["rho"]),
            at_least("Adadelta", "eps", group["eps"]),
        )


def _from_0_to_1(rho):
    if not at_least("Adadelta", "rho", rho) <= 1:
        raise ValueError(f"Adadelta: rho must be from 0 to 1, got {rho}")
    return rho
