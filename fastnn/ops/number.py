"""Small functions of each element: NaN replaced, signs, bits, logarithms that allow 0."""

from __future__ import annotations

import math
import operator
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
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "clamp_max",
    "clamp_min",
    "deg2rad",
    "float_power",
    "fmax",
    "fmin",
    "heaviside",
    "isneginf",
    "isposinf",
    "ldexp",
    "logaddexp2",
    "logit",
    "nan_to_num",
    "positive",
    "rad2deg",
    "sgn",
    "signbit",
    "sinc",
    "xlogy",
]


def nan_to_num(
    input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN and infinities replaced, by default by 0 and the largest numbers: ``torch.nan_to_num``.

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
    """input * log(other), and 0 where input is 0: ``torch.xlogy``.

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

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logit(fastnn.tensor([0.5, 0.75]))
    tensor([0.    , 1.0986])
    """
    x = as_tensor(input)
    if eps is not None:
        eps = number(eps, "logit: eps")
        x = x.clamp(eps, 1 - eps)
    return (x / (1 - x)).log()


def sinc(input: Tensor) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0: ``torch.sinc``.

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

    Examples
    --------
    >>> import fastnn
    >>> fastnn.deg2rad(fastnn.tensor([180.0]))
    tensor([3.1416])
    """
    return as_tensor(input) * (math.pi / 180)


def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees: ``torch.rad2deg``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.rad2deg(fastnn.tensor([0.5]))
    tensor([28.6479])
    """
    return as_tensor(input) * (180 / math.pi)


def sgn(input: Tensor) -> Tensor:
    """The sign, for real numbers the same as `sign`: ``torch.sgn``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sgn(fastnn.tensor([-2.0]))
    tensor([-1.])
    """
    return as_tensor(input).sign()


def positive(input: Tensor) -> Tensor:
    """The input itself: ``torch.positive``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.positive(fastnn.tensor([-2.0]))
    tensor([-2.])
    """
    return as_tensor(input)


def signbit(input: Tensor) -> Tensor:
    """Whether the sign is minus, that of -0 too: a bool tensor; ``torch.signbit``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.signbit(fastnn.tensor([-0.0, 1.0])).tolist()
    [True, False]
    """
    return as_tensor(np.signbit(as_tensor(input).detach().numpy()))


def isposinf(input: Tensor) -> Tensor:
    """Whether each element is plus infinity: a bool tensor; ``torch.isposinf``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.isposinf(fastnn.tensor([float("inf")])).tolist()
    [True]
    """
    return eq(as_tensor(input), math.inf)


def isneginf(input: Tensor) -> Tensor:
    """Whether each element is minus infinity: a bool tensor; ``torch.isneginf``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.isneginf(fastnn.tensor([float("inf")])).tolist()
    [False]
    """
    return eq(as_tensor(input), -math.inf)


def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 below 0, 1 above, `values` at 0; it has no gradient: ``torch.heaviside``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.heaviside(fastnn.tensor([-1.0, 0.0]), fastnn.tensor(0.5))
    tensor([0. , 0.5])
    """
    x, middle = as_tensor(input).detach(), as_tensor(values).detach()
    return where(eq(x, 0), middle, (x > 0).to(x.dtype))


def fmax(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two, the other one where one is NaN: ``torch.fmax``.

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

    Examples
    --------
    >>> import fastnn
    >>> fastnn.clamp_min(fastnn.tensor([-1.0, 2.0]), 0)
    tensor([0., 2.])
    """
    return as_tensor(input).clamp(min=min)


def clamp_max(input: Tensor, max: float | Tensor) -> Tensor:
    """No element above max: ``torch.clamp_max``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.clamp_max(fastnn.tensor([-1.0, 2.0]), 0)
    tensor([-1.,  0.])
    """
    return as_tensor(input).clamp(max=max)


def float_power(input: Tensor | float, exponent: Tensor | float) -> Tensor:
    """input ** exponent in float64: ``torch.float_power``.

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
    """input * 2 ** other: ``torch.ldexp``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ldexp(fastnn.tensor([1.0]), fastnn.tensor([3]))
    tensor([8.])
    """
    return as_tensor(input) * 2.0 ** as_tensor(other)


def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2^input + 2^other), without overflow: ``torch.logaddexp2``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logaddexp2(fastnn.tensor([1.0]), fastnn.tensor([1.0]))
    tensor([2.])
    """
    two = math.log(2)
    return logaddexp(as_tensor(input) * two, as_tensor(other) * two) / two


def bitwise_and(input: Tensor, other: Tensor) -> Tensor:
    """Bits of both, of integers or bools: ``torch.bitwise_and``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bitwise_and(fastnn.tensor([6]), fastnn.tensor([3]))
    tensor([2])
    """
    return _bits("bitwise_and", operator.and_, input, other)


def bitwise_or(input: Tensor, other: Tensor) -> Tensor:
    """Bits of either, of integers or bools: ``torch.bitwise_or``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bitwise_or(fastnn.tensor([6]), fastnn.tensor([3]))
    tensor([7])
    """
    return _bits("bitwise_or", operator.or_, input, other)


def bitwise_xor(input: Tensor, other: Tensor) -> Tensor:
    """Bits of one of them alone, of integers or bools: ``torch.bitwise_xor``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bitwise_xor(fastnn.tensor([6]), fastnn.tensor([3]))
    tensor([5])
    """
    return _bits("bitwise_xor", operator.xor, input, other)


def bitwise_not(input: Tensor) -> Tensor:
    """All bits turned, of integers or bools: ``torch.bitwise_not``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bitwise_not(fastnn.tensor([0]))
    tensor([-1])
    """
    return _bits("bitwise_not", operator.invert, input)


def _bits(op, function, input, *other):
    given = [as_tensor(input)]
    given += [o if isinstance(o, int) and abs(o) < 1 << 63 else as_tensor(o) for o in other]
    with named(op):
        return function(*given)
