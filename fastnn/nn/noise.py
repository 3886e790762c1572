"""Random activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.nn.argument import number
from fastnn.nn.module import Module
from fastnn.ops.noise import rrelu

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class RReLU(Module):
    """Leaky ReLU with slopes drawn in training, their mean in evaluation: ``torch.nn.RReLU``.

    Parameters
    ----------
    lower, upper : float
        Of the slopes. Default 1/8 and 1/3.
    inplace : bool
        Write into the input. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    ValueError
        If lower is above upper.
    TypeError
        If one is no number.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.RReLU().eval()(fastnn.tensor([1.0, -24.0]))
    tensor([ 1. , -5.5])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        if not number(lower, "RReLU: lower") <= number(upper, "RReLU: upper"):
            raise ValueError(f"RReLU: lower must be at most upper, got {lower} and {upper}")
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        """input, with values below 0 made smaller."""
        return rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"
