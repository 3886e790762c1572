"""Layers of activations with corners: ReLU and its kin, hard and shrinking ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.nn.activation import _Activation
from fastnn.nn.module import Module
from fastnn.ops.rectifier import (
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    relu,
    relu6,
    softshrink,
    tanhshrink,
)
from fastnn.ops.rectifier import threshold as threshold_op

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class ReLU(_Activation):
    """y = max(x, 0): ``torch.nn.ReLU``.

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
    Nair and Hinton 2010.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ReLU()(fastnn.tensor([1.0, -2.0]))
    tensor([1., 0.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(relu, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return relu(input, self.inplace)


class LeakyReLU(_Activation):
    """y = x above 0, negative_slope x below: ``torch.nn.LeakyReLU``.

    Parameters
    ----------
    negative_slope : float
        Default 0.01.
    inplace : bool
        Write the result over x. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    TypeError
        When called, if negative_slope is no number, or the input no tensor or array of numbers.

    Notes
    -----
    Maas et al. 2013.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LeakyReLU(0.1)(fastnn.tensor([1.0, -2.0]))
    tensor([ 1. , -0.2])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(leaky_relu, negative_slope=negative_slope, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return leaky_relu(input, self.negative_slope, self.inplace)


class ReLU6(_Activation):
    """y = x cut to [0, 6]: ``torch.nn.ReLU6``.

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
    Howard et al. 2017, arXiv:1704.04861.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ReLU6()(fastnn.tensor([-1.0, 7.0]))
    tensor([0., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(relu6, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return relu6(input, self.inplace)


class Hardtanh(_Activation):
    """y = x cut to [min_val, max_val]: ``torch.nn.Hardtanh``.

    Parameters
    ----------
    min_val, max_val : float
        Default -1 and 1.
    inplace : bool
        Write the result over x. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.hardtanh`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Hardtanh()(fastnn.tensor([0.5, -2.0]))
    tensor([ 0.5, -1. ])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(hardtanh, min_val=min_val, max_val=max_val, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return hardtanh(input, self.min_val, self.max_val, self.inplace)


class Hardsigmoid(_Activation):
    """y = (x + 3) / 6 cut to [0, 1]: ``torch.nn.Hardsigmoid``.

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
    Howard et al. 2019, arXiv:1905.02244.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Hardsigmoid()(fastnn.tensor([0.0, 4.0]))
    tensor([0.5, 1. ])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(hardsigmoid, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return hardsigmoid(input, self.inplace)


class Hardswish(_Activation):
    """y = x hardsigmoid(x): ``torch.nn.Hardswish``.

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
    Howard et al. 2019, arXiv:1905.02244.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Hardswish()(fastnn.tensor([1.0, 4.0]))
    tensor([0.6667, 4.    ])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(hardswish, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return hardswish(input, self.inplace)


class Threshold(_Activation):
    """y = x above threshold, value elsewhere: ``torch.nn.Threshold``.

    Parameters
    ----------
    threshold, value : float
        No default.
    inplace : bool
        Write the result over x. Default False.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.threshold`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Threshold(0.5, 9.0)(fastnn.tensor([1.0, -2.0]))
    tensor([1., 9.])
    """

    def __init__(self, threshold: float, value: Tensor, inplace: bool = False) -> None:
        super().__init__(threshold_op, threshold=threshold, value=value, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return threshold_op(input, self.threshold, self.value, self.inplace)


class Hardshrink(_Activation):
    """y = x, and 0 where abs(x) <= lambd: ``torch.nn.Hardshrink``.

    Parameters
    ----------
    lambd : float
        Not negative. Default 0.5.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.hardshrink`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Hardshrink()(fastnn.tensor([0.3, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(hardshrink, lambd=lambd)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return hardshrink(input, self.lambd)


class Softshrink(_Activation):
    """y = x moved by lambd towards 0: ``torch.nn.Softshrink``.

    Parameters
    ----------
    lambd : float
        Not negative. Default 0.5.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.softshrink`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Softshrink()(fastnn.tensor([0.3, 2.0]))
    tensor([0. , 1.5])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(softshrink, lambd=lambd)

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return softshrink(input, self.lambd)


class Tanhshrink(Module):
    """y = x - tanh(x): ``torch.nn.Tanhshrink``.

    Shapes
    ------
    Any; float32 or float64.

    Notes
    -----
    See `fastnn.tanhshrink`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Tanhshrink()(fastnn.tensor([0.0, 2.0]))
    tensor([0.   , 1.036])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The activation of each element."""
        return tanhshrink(input)
