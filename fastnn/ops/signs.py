"""Signs: sgn, signbit, heaviside and their kin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.choose import where
from fastnn.ops.compare import eq

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor

__all__ = [
    "heaviside",
    "isneginf",
    "isposinf",
    "positive",
    "sgn",
    "signbit",
]


def sgn(input: Tensor) -> Tensor:
    """The sign, for real numbers the same as `sign`: ``torch.sgn``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the input's shape and dtype.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sgn(fastnn.tensor([-2.0]))
    tensor([-1.])
    """
    return as_tensor(input).sign()


def positive(input: Tensor) -> Tensor:
    """The input itself, of any dtype: ``torch.positive``. TypeError: no tensor or array.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.positive(fastnn.tensor([-2.0]))
    tensor([-2.])
    """
    return as_tensor(input)


def signbit(input: Tensor) -> Tensor:
    """Whether the sign is minus, that of -0 too: a bool tensor; ``torch.signbit``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape, bool.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.signbit(fastnn.tensor([-0.0, 1.0])).tolist()
    [True, False]
    """
    return as_tensor(np.signbit(as_tensor(input).detach().numpy()))


def isposinf(input: Tensor) -> Tensor:
    """Whether each element is plus infinity: a bool tensor; ``torch.isposinf``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape, bool.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.isposinf(fastnn.tensor([float("inf")])).tolist()
    [True]
    """
    return eq(as_tensor(input), math.inf)


def isneginf(input: Tensor) -> Tensor:
    """Whether each element is minus infinity: a bool tensor; ``torch.isneginf``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape, bool.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.isneginf(fastnn.tensor([float("inf")])).tolist()
    [False]
    """
    return eq(as_tensor(input), -math.inf)


def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 below 0, 1 above, `values` at 0; it has no gradient: ``torch.heaviside``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype. TypeError if it is no tensor or array.
    values : Tensor or number
        Broadcast.

    Returns
    -------
    Tensor
        The broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.heaviside(fastnn.tensor([-1.0, 0.0]), fastnn.tensor(0.5))
    tensor([0. , 0.5])
    """
    x, middle = as_tensor(input).detach(), as_tensor(values).detach()
    return where(eq(x, 0), middle, (x > 0).to(x.dtype))
