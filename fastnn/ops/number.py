"""Small functions of each element: NaN replaced, limits, degrees, logarithms that allow 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _named as named
from fastnn.ops.argument import _number as number
from fastnn.ops.choose import maximum, minimum, where
from fastnn.ops.compare import eq
from fastnn.ops.logic import isnan
from fastnn.ops.special import logaddexp

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


__all__ = [
    "clamp_max",
    "clamp_min",
    "deg2rad",
    "float_power",
    "fmax",
    "fmin",
    "ldexp",
    "logaddexp2",
    "logit",
    "nan_to_num",
    "rad2deg",
    "sinc",
    "xlogy",
]


def nan_to_num(
    input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN and infinities replaced, by default by 0 and the largest numbers: ``torch.nan_to_num``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    nan : number
        Default 0.
    posinf, neginf : number, optional
        Default: the dtype's largest and smallest number.

    Returns
    -------
    Tensor
        Of the input's shape and dtype.

    Raises
    ------
    TypeError
        If a replacement is no number, or the input no tensor or array.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nan_to_num(fastnn.tensor([1.0, float("nan")]))
    tensor([1., 0.])
    """
    x = as_tensor(input)
    if not x.is_floating_point():
        return x.clone()
    nan, posinf, neginf = (
        v if v is None else number(v, f"nan_to_num: {what}")
        for v, what in ((nan, "nan"), (posinf, "posinf"), (neginf, "neginf"))
    )
    limits = np.finfo(x.dtype)
    x = where(isnan(x), 0.0 if nan is None else float(nan), x)
    x = where(eq(x, math.inf), float(limits.max) if posinf is None else float(posinf), x)
    return where(eq(x, -math.inf), float(limits.min) if neginf is None else float(neginf), x)


def xlogy(input: Tensor, other: Tensor) -> Tensor:
    """input * log(other), and 0 where input is 0; integers become float32: ``torch.xlogy``.

    Raises ValueError where the shapes do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.xlogy(fastnn.tensor([0.0, 2.0]), fastnn.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """
    x = as_tensor(input)
    y = as_tensor(other)
    zero = eq(x, 0) & eq(y, y)
    return where(zero, 0.0, x * where(zero, 1.0, y).log())


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)); with eps, x is first cut to [eps, 1 - eps]: ``torch.logit``.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.
    eps : float, optional
        From 0 to below 0.5. Default: nothing is cut.

    Returns
    -------
    Tensor
        Of the same shape; without eps NaN outside [0, 1].

    Raises
    ------
    ValueError
        If eps is outside [0, 0.5).
    TypeError
        If eps is no number, or the input no tensor or array.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logit(fastnn.tensor([0.5, 0.75]))
    tensor([0.    , 1.0986])
    """
    x = as_tensor(input)
    if eps is not None:
        eps = number(eps, "logit: eps")
        if not 0 <= eps < 0.5:
            raise ValueError(f"logit: eps must be from 0 to below 0.5, got {eps}")
        x = x.clamp(eps, 1 - eps)
    return (x / (1 - x)).log()


def sinc(input: Tensor) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0: ``torch.sinc``.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sinc(fastnn.tensor([0.0, 0.5]))
    tensor([1.    , 0.6366])
    """
    z = as_tensor(input) * math.pi
    zero = eq(z, 0)
    safe = where(zero, 1.0, z)
    return where(zero, 1.0, safe.sin() / safe)


def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians: ``torch.deg2rad``.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape: input pi / 180.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.deg2rad(fastnn.tensor([180.0]))
    tensor([3.1416])
    """
    return as_tensor(input) * (math.pi / 180)


def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees: ``torch.rad2deg``.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape: input 180 / pi.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.rad2deg(fastnn.tensor([0.5]))
    tensor([28.6479])
    """
    return as_tensor(input) * (180 / math.pi)


def fmax(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two, the other one where one is NaN: ``torch.fmax``.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; dtypes are promoted.

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
    >>> fastnn.fmax(fastnn.tensor([1.0, float("nan")]), fastnn.tensor([2.0, 3.0]))
    tensor([2., 3.])
    """
    a, b = as_tensor(input), as_tensor(other)
    return where(isnan(a), b, where(isnan(b), a, maximum(a, b)))


def fmin(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two, the other one where one is NaN: ``torch.fmin``.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; dtypes are promoted.

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
    >>> fastnn.fmin(fastnn.tensor([1.0, float("nan")]), fastnn.tensor([2.0, 3.0]))
    tensor([1., 3.])
    """
    a, b = as_tensor(input), as_tensor(other)
    return where(isnan(a), b, where(isnan(b), a, minimum(a, b)))


def clamp_min(input: Tensor, min: float | Tensor) -> Tensor:
    """No element below min: ``torch.clamp_min``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    min : number or Tensor
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
    >>> fastnn.clamp_min(fastnn.tensor([-1.0, 2.0]), 0)
    tensor([0., 2.])
    """
    return as_tensor(input).clamp(min=min)


def clamp_max(input: Tensor, max: float | Tensor) -> Tensor:
    """No element above max: ``torch.clamp_max``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    max : number or Tensor
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
    >>> fastnn.clamp_max(fastnn.tensor([-1.0, 2.0]), 0)
    tensor([-1.,  0.])
    """
    return as_tensor(input).clamp(max=max)


def float_power(input: Tensor | float, exponent: Tensor | float) -> Tensor:
    """input ** exponent in float64; numbers or tensors of any dtype: ``torch.float_power``.

    Raises ValueError where the shapes do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.float_power(fastnn.tensor([2]), 0.5).dtype
    dtype('float64')
    """
    if not isinstance(exponent, (int, float)):
        exponent = as_tensor(exponent).to(np.float64)
    with named("float_power"):
        return as_tensor(input).to(np.float64) ** exponent


def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2 ** other; integers become float32: ``torch.ldexp``.

    Raises ValueError where the shapes do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ldexp(fastnn.tensor([1.0]), fastnn.tensor([3]))
    tensor([8.])
    """
    return as_tensor(input) * 2.0 ** as_tensor(other)


def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2^input + 2^other), without overflow; integers become float32: ``torch.logaddexp2``.

    Raises ValueError where the shapes do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logaddexp2(fastnn.tensor([1.0]), fastnn.tensor([1.0]))
    tensor([2.])
    """
    two = math.log(2)
    return logaddexp(as_tensor(input) * two, as_tensor(other) * two) / two
