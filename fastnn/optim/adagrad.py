"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any


class Adagrad(Optimizer):
    """s += g²; p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps).

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs or dicts: see `Optimizer`.
    lr : float
        Default 1e-2.
    lr_decay, weight_decay : float
        Default 0.
    initial_accumulator_value : float
        First value of s. Default 0.
    eps : float
        Default 1e-10.
    maximize : bool
        Climb instead. Default False.
    l1_decay : float
        L1 penalty's factor. Default 0.
    options
        PyTorch's switches: see `Optimizer`.

    Notes
    -----
    Duchi et al. (2011); ``torch.optim.Adagrad``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(2))
    >>> optimizer = fastnn.optim.Adagrad([p], lr=0.5)
    >>> p.grad = fastnn.tensor([1.0, 4.0])
    >>> optimizer.step()
    >>> p
    Parameter(tensor([0.5, 0.5], requires_grad=True))
    """

    kernel, state_names = "adagrad", ("sum",)

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        l1_decay: float = 0,
        **options: Any,
    ) -> None:
        self.initial_state = at_least(
            "Adagrad", "initial_accumulator_value", initial_accumulator_value
        )
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "maximize": maximize,
                "l1_decay": l1_decay,
            },
            options,
        )

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        return (
            at_least("Adagrad", "lr", group["lr"]),
            at_least("Adagrad", "weight_decay", group["weight_decay"]),
            -1 if group["maximize"] else 1,
            at_least("Adagrad", "lr_decay", group["lr_decay"]),
            at_least("Adagrad", "eps", group["eps"]),
        )
