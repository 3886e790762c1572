"""Linear and Bilinear: layers that are affine in each of their inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter
from fastnn.nn import init
from fastnn.nn.argument import check_device
from fastnn.nn.module import Module
from fastnn.ops.creation import empty
from fastnn.ops.linear import bilinear, linear

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


def _positive(layer, **sizes):
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{layer}: {name} must be a positive int, got {size!r}")


class Linear(Module):
    """y = x Wᵀ + b: ``torch.nn.Linear``.

    Parameters
    ----------
    in_features, out_features : int
        Sizes of the last dimension of x and y.
    bias : bool
        Whether b is added. Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight : Parameter
        W, of shape (out, in), from U(-1/√in, 1/√in), as `nn.init.kaiming_uniform_` with a = √5
        gives. In memory it lies as (in, out), so that no product of training needs a transpose.
    bias : Parameter or None
        b, of shape (out), from the same distribution.

    Shapes
    ------
    Input: (..., in). Output: (..., out).

    Raises
    ------
    ValueError
        If a size is not positive, or, when called, if x has another number of features.
    TypeError
        If, when called, the input is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.Linear(3, 2)
    >>> layer(fastnn.zeros(5, 3)).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        _positive("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(empty(in_features, out_features, dtype=dtype).T)
        self.bias = Parameter(empty(out_features, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """input Wᵀ + b."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


class Bilinear(Module):
    """y_o = x₁ᵀ W_o x₂ + b_o: ``torch.nn.Bilinear``.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
        Sizes of the last dimension of x₁, x₂ and y.
    bias : bool
        Whether b is added. Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight : Parameter
        W, of shape (out, in1, in2), from U(-1/√in1, 1/√in1).
    bias : Parameter or None
        b, of shape (out), from the same distribution.

    Shapes
    ------
    Inputs: (..., in1) and (..., in2). Output: (..., out).

    Raises
    ------
    ValueError
        If a size is not positive, or, when called, if the inputs' shapes do not fit.
    TypeError
        If, when called, the inputs are not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.Bilinear(3, 4, 2)
    >>> layer(fastnn.zeros(5, 3), fastnn.zeros(5, 4)).shape
    (5, 2)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        _positive(
            "Bilinear",
            in1_features=in1_features,
            in2_features=in2_features,
            out_features=out_features,
        )
        self.in1_features, self.in2_features = in1_features, in2_features
        self.out_features = out_features
        # in1 is the slow axis: the first of the two products then reads the weight as it lies
        self.weight = Parameter(
            empty(in1_features, out_features, in2_features, dtype=dtype).transpose(0, 1)
        )
        self.bias = Parameter(empty(out_features, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """x₁ᵀ W x₂ + b."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
