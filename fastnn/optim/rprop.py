"""Rprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any


class Rprop(Optimizer):
    """p -= s sign(g); each weight's s grows while the gradient keeps its sign, and shrinks when it turns.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs or dicts: see `Optimizer`.
    lr : float
        First value of s. Default 1e-2.
    etas : pair of float
        Factors of s: below 1 when the sign turns, above 1 while it stays. Default (0.5, 1.2).
    step_sizes : pair of float
        Least and largest s. Default (1e-6, 50).
    maximize : bool
        Climb instead. Default False.
    options
        PyTorch's switches: see `Optimizer`.

    Raises
    ------
    ValueError
        For hyperparameters out of range, or no parameters.

    Notes
    -----
    Riedmiller and Braun (1993); ``torch.optim.Rprop``. For full batches.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.ones(2))
    >>> optimizer = fastnn.optim.Rprop([p], lr=0.5)
    >>> p.grad = fastnn.tensor([3.0, -0.1])
    >>> optimizer.step()
    >>> p
    Parameter(tensor([0.5, 1.5], requires_grad=True))
    """

    kernel, state_names = "rprop", ("prev", "step_size")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        maximize: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "maximize": maximize,
            },
            options,
        )

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        return (
            at_least("Rprop", "lr", group["lr"]),
            0,
            -1 if group["maximize"] else 1,
            *_two("etas", group),
            *_two("step_sizes", group),
        )


def _two(name, group):
    try:
        low, high = map(float, group[name])
    except (TypeError, ValueError):
        raise TypeError(f"Rprop: {name} must be two numbers, got {group[name]!r}") from None
    if name == "etas" and not 0 < low < 1 < high:
        raise ValueError(f"Rprop: etas must be below and above 1, got {group[name]}")
    if not 0 < low <= high:
        raise ValueError(f"Rprop: {name} must be positive and rise, got {group[name]}")
    return low, high
