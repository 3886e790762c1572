"""Layers of smooth activations: Sigmoid, Tanh, SiLU, Mish, GELU, Softplus, ELU and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn.module import Module
from fastnn.ops.activation import gelu, sigmoid, silu, softsign, tanh
from fastnn.ops.exponential import celu, elu, logsigmoid, mish, selu, softplus

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastnn._engine.engine import Tensor


_NO_ELEMENTS = as_tensor(np.empty(0, np.float32))


class _Activation(Module):
    """Keeps its options as attributes, and prints them; `op`, to which they go, looks at them."""

    def __init__(self, op: Callable, **options) -> None:
        super().__init__()
        op(_NO_ELEMENTS, **{n: value for n, value in options.items() if n != "inplace"})
        self._options = tuple(options)
        for name, value in options.items():
            setattr(self, name, value)

    def extra_repr(self) -> str:
        shown = {name: getattr(self, name) for name in self._options}
        if not shown.get("inplace", True):
            del shown["inplace"]
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())


class Sigmoid(Module):
    """y = 1 / (1 + exp(-x)): ``torch.nn.Sigmoid``.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.sigmoid`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Sigmoid()(fastnn.tensor([0.0, 2.0]))
    tensor([0.5   , 0.8808])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return sigmoid(input)


class Tanh(Module):
    """y = tanh(x): ``torch.nn.Tanh``.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.tanh`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Tanh()(fastnn.tensor([0.0, 1.0]))
    tensor([0.    , 0.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return tanh(input)


class SiLU(_Activation):
    """y = x sigmoid(x): ``torch.nn.SiLU``.

    Parameters
    ----------
    inplace : bool
        Write the result over x. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    TypeError
        When called, if the input is no tensor or array of numbers.

    Notes
    -----
    Hendrycks and Gimpel 2016, arXiv:1606.08415.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.SiLU()(fastnn.tensor([0.0, 2.0]))
    tensor([0.    , 1.7616])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(silu, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return silu(input, self.inplace)


class Mish(_Activation):
    """y = x tanh(log(1 + exp(x))): ``torch.nn.Mish``.

    Parameters
    ----------
    inplace : bool
        Write the result over x. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    TypeError
        When called, if the input is no tensor or array of numbers.

    Notes
    -----
    Misra 2019, arXiv:1908.08681.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Mish()(fastnn.tensor([0.0, 2.0]))
    tensor([0.   , 1.944])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(mish, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return mish(input, self.inplace)


class GELU(_Activation):
    """y = x Φ(x), Φ the normal distribution: ``torch.nn.GELU``.

    Parameters
    ----------
    approximate : {"none", "tanh", "sigmoid"}
        "none": by erf; "tanh" and "sigmoid": the two approximations of `fastnn.gelu`. Default "none".

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    ValueError
        If approximate is none of the three.
    TypeError
        When called, if the input is no tensor or array of numbers.

    Notes
    -----
    Hendrycks and Gimpel 2016, arXiv:1606.08415.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.GELU()(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(gelu, approximate=approximate)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return gelu(input, self.approximate)


class Softplus(_Activation):
    """y = log(1 + exp(beta x)) / beta: ``torch.nn.Softplus``.

    Parameters
    ----------
    beta : float
        Default 1.
    threshold : float
        Where beta x is above it, y = x. Default 20.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.softplus`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Softplus()(fastnn.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.    ])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__(softplus, beta=beta, threshold=threshold)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return softplus(input, self.beta, self.threshold)


class LogSigmoid(Module):
    """y = log(sigmoid(x)): ``torch.nn.LogSigmoid``.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.logsigmoid`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LogSigmoid()(fastnn.tensor([0.0, -30.0]))
    tensor([ -0.6931, -30.    ])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return logsigmoid(input)


class Softsign(Module):
    """y = x / (1 + abs(x)): ``torch.nn.Softsign``.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.softsign`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Softsign()(fastnn.tensor([1.0, -3.0]))
    tensor([ 0.5 , -0.75])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return softsign(input)


class ELU(_Activation):
    """y = x above 0, alpha (exp(x) - 1) below: ``torch.nn.ELU``.

    Parameters
    ----------
    alpha : float
        Default 1.
    inplace : bool
        Write the result over x. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    TypeError
        If alpha is no number; when called, if the input is no tensor or array of numbers.

    Notes
    -----
    Clevert et al. 2015, arXiv:1511.07289.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ELU()(fastnn.tensor([1.0, -1.0]))
    tensor([ 1.    , -0.6321])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(elu, alpha=alpha, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return elu(input, self.alpha, self.inplace)


class SELU(_Activation):
    """y = scale ELU(x), with the constants that keep mean 0 and variance 1: ``torch.nn.SELU``.

    Parameters
    ----------
    inplace : bool
        Write the result over x. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    TypeError
        When called, if the input is no tensor or array of numbers.

    Notes
    -----
    Klambauer et al. 2017, arXiv:1706.02515; weights should start as `nn.init` with
    nonlinearity "linear" gives them.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.SELU()(fastnn.tensor([1.0, -1.0]))
    tensor([ 1.0507, -1.1113])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(selu, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return selu(input, self.inplace)


class CELU(_Activation):
    """y = max(0, x) + min(0, alpha (exp(x / alpha) - 1)): ``torch.nn.CELU``.

    Parameters
    ----------
    alpha : float
        Above 0. Default 1.
    inplace : bool
        Write the result over x. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    ValueError
        If alpha is not above 0.
    TypeError
        If it is no number; when called, if the input is no tensor or array of numbers.

    Notes
    -----
    Barron 2017, arXiv:1704.07483.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.CELU(2.0)(fastnn.tensor([1.0, -1.0]))
    tensor([ 1.    , -0.7869])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(celu, alpha=alpha, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return celu(input, self.alpha, self.inplace)
