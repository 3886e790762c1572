"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn.optim.checks import at_least, two_betas
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any


class Adam(Optimizer):
    """m = b1 m + (1-b1) g; v = b2 v + (1-b2) g²; p -= lr m̂ / (sqrt(v̂) + eps), m̂ and v̂ bias-corrected.

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
        L2 penalty's factor: added to the gradient. Default 0.
    amsgrad : bool
        Divide by the largest v so far. Default False.
    maximize : bool
        Climb instead. Default False.
    decoupled_weight_decay : bool
        `AdamW`. Default False.
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
    Kingma and Ba (2015), algorithm 1; amsgrad: Reddi et al. (2018); ``torch.optim.Adam``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(2))
    >>> optimizer = fastnn.optim.Adam([p], lr=0.1)
    >>> p.grad = fastnn.tensor([1.0, -4.0])
    >>> optimizer.step()
    >>> p
    Parameter(tensor([0.9, 1.1], requires_grad=True))
    """

    kernel, state_names = "adam", ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
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
                "amsgrad": amsgrad,
                "maximize": maximize,
                "decoupled_weight_decay": decoupled_weight_decay,
                "l1_decay": l1_decay,
            },
            options,
        )

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        name = type(self).__name__
        return (
            at_least(name, "lr", group["lr"]),
            at_least(name, "weight_decay", group["weight_decay"]),
            -1 if group["maximize"] else 1,
            *two_betas(name, group),
            at_least(name, "eps", group["eps"]),
        )

    def used(self, group: dict) -> Any:
        """See `Optimizer`."""
        return True, True, group["amsgrad"]

    def option(self, group: dict) -> Any:
        """See `Optimizer`."""
        return bool(group["decoupled_weight_decay"])


class AdamW(Adam):
    """Adam with decoupled weight decay: p *= 1 - lr weight_decay before the step.

    Parameters
    ----------
    params, lr, betas, eps, amsgrad, maximize, l1_decay, options
        As `Adam`; l1_decay is decoupled, too.
    weight_decay : float
        Default 1e-2.

    Raises
    ------
    TypeError, ValueError
        As in `Adam`.

    Notes
    -----
    Loshchilov and Hutter (2019); ``torch.optim.AdamW``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(1))
    >>> optimizer = fastnn.optim.AdamW([p], lr=0.1, weight_decay=0.5)
    >>> p.grad = fastnn.tensor([0.0])
    >>> optimizer.step()
    >>> p
    Parameter(tensor([0.95], requires_grad=True))
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        l1_decay: float = 0,
        **options: Any,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
            l1_decay=l1_decay,
            **options,
        )
