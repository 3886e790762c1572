"""Bits of integers and bools."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _named as named

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor

__all__ = [
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
]


def bitwise_and(input: Tensor, other: Tensor) -> Tensor:
    """Bits of both, of integers or bools: ``torch.bitwise_and``.

    Parameters
    ----------
    input, other : Tensor or int
        Integers or bools; shapes broadcast.

    Returns
    -------
    Tensor
        Their common dtype.

    Raises
    ------
    TypeError
        Floats.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bitwise_and(fastnn.tensor([6]), fastnn.tensor([3]))
    tensor([2])
    """
    return _bits("bitwise_and", operator.and_, input, other)


def bitwise_or(input: Tensor, other: Tensor) -> Tensor:
    """Bits of either, of integers or bools: ``torch.bitwise_or``.

    Parameters
    ----------
    input, other : Tensor or int
        Integers or bools; shapes broadcast.

    Returns
    -------
    Tensor
        Their common dtype.

    Raises
    ------
    TypeError
        Floats.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bitwise_or(fastnn.tensor([6]), fastnn.tensor([3]))
    tensor([7])
    """
    return _bits("bitwise_or", operator.or_, input, other)


def bitwise_xor(input: Tensor, other: Tensor) -> Tensor:
    """Bits of one of them alone, of integers or bools: ``torch.bitwise_xor``.

    Parameters
    ----------
    input, other : Tensor or int
        Integers or bools; shapes broadcast.

    Returns
    -------
    Tensor
        Their common dtype.

    Raises
    ------
    TypeError
        Floats.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bitwise_xor(fastnn.tensor([6]), fastnn.tensor([3]))
    tensor([5])
    """
    return _bits("bitwise_xor", operator.xor, input, other)


def bitwise_not(input: Tensor) -> Tensor:
    """All bits turned, of integers or bools: ``torch.bitwise_not``.

    Parameters
    ----------
    input : Tensor
        Integers or bools of any shape.

    Returns
    -------
    Tensor
        Of the input's shape and dtype.

    Raises
    ------
    TypeError
        Floats.

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
