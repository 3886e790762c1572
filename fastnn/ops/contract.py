"""Sums of products over chosen dimensions: einsum, tensordot, kron and products that are added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _dim as checked_dim
from fastnn.ops.argument import _whole as whole
from fastnn.ops.product import dot, matmul

if TYPE_CHECKING:
    from typing import Any

    from fastnn._engine.engine import Tensor


__all__ = [
    "einsum",
    "inner",
    "kron",
    "tensordot",
    "vdot",
]


# --- einsum -----------------------------------------------------------------------------------------


def _subscripts(equation, operands):
    """(letters of each operand, letters of the result), the ellipsis as capital Greek letters."""
    if not isinstance(equation, str):
        raise TypeError(f"einsum: equation must be a str, got {equation!r:.40}")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum: {equation!r} is for {len(terms)} operands, got {len(operands)}")
    spread = 0
    for term, x in zip(terms, operands, strict=True):
        letters = term.replace("...", "")
        if not letters.isalpha() and letters:
            raise ValueError(f"einsum: expected letters, commas, '...' and '->', got {equation!r}")
        if "..." in term:
            spread = max(spread, x.ndim - len(letters))
        elif x.ndim != len(letters):
            raise ValueError(
                f"einsum: {term!r} is for {len(letters)} dimensions, the operand has {x.ndim}"
            )
    dots = "".join(chr(0x391 + i) for i in range(spread))
    full = []
    for term, x in zip(terms, operands, strict=True):
        missing = x.ndim - len(term.replace("...", ""))
        if missing < 0:
            raise ValueError(f"einsum: {term!r} has more letters than the operand dimensions")
        full.append(term.replace("...", dots[spread - missing :]))
    if not arrow:
        every = "".join(full)
        right = dots + "".join(sorted(c for c in set(every) - set(dots) if every.count(c) == 1))
    else:
        right = right.replace("...", dots)
    if len(set(right)) != len(right) or not set(right) <= set("".join(full)):
        raise ValueError(
            f"einsum: the result's letters must be distinct and occur, got {equation!r}"
        )
    return full, right


def _without_repeats(x, letters):
    """Letters that one operand has twice: its diagonal."""
    for c in set(letters):
        while letters.count(c) > 1:
            i = letters.index(c)
            j = letters.index(c, i + 1)
            if x.shape[i] != x.shape[j]:
                raise ValueError(f"einsum: {c!r} stands for sizes {x.shape[i]} and {x.shape[j]}")
            x = x.diagonal(0, i, j)
            letters = letters[:i] + letters[i + 1 : j] + letters[j + 1 :] + c
    return x, letters


def _arranged(x, letters, order):
    """x with its dimensions in this order, size 1 where it has no such letter."""
    present = [c for c in order if c in letters]
    x = x.permute(tuple(letters.index(c) for c in present))
    sizes = iter(x.shape)
    return x.reshape(*[next(sizes) if c in letters else 1 for c in order])


def _size(parts):
    n = 1
    for p in parts:
        n *= p
    return n


def _contract(a, la, b, lb, kept):
    """Two operands by one (batched) matrix product; letters that nobody needs later are summed."""
    for x, mine, other in ((0, la, lb), (1, lb, la)):
        alone = [i for i, c in enumerate(mine) if c not in other and c not in kept]
        if alone:
            rest = "".join(c for c in mine if mine.index(c) not in alone)
            if x == 0:
                a, la = a.sum(tuple(alone)), rest
            else:
                b, lb = b.sum(tuple(alone)), rest
    sizes = {}
    for x, letters in ((a, la), (b, lb)):
        for n, c in zip(x.shape, letters, strict=True):
            before = sizes.get(c, 1)
            if before != 1 and n not in (1, before):
                raise ValueError(f"einsum: {c!r} stands for sizes {before} and {n}")
            sizes[c] = max(before, n) if n else 0
    both = [c for c in la if c in lb]
    batch = [c for c in both if c in kept]
    inner = [c for c in both if c not in kept]
    rows, columns = [c for c in la if c not in lb], [c for c in lb if c not in la]

    def matrix(x, letters, order, first, second):
        x = _arranged(x, letters, order)
        x = x.expand(tuple(sizes[c] for c in order))
        lead = [sizes[c] for c in batch]
        return x.reshape(*lead, _size(sizes[c] for c in first), _size(sizes[c] for c in second))

    left = matrix(a, la, batch + rows + inner, rows, inner)
    right = matrix(b, lb, batch + inner + columns, inner, columns)
    order = batch + rows + columns
    return matmul(left, right).reshape(*[sizes[c] for c in order]), "".join(order)


def einsum(equation: str, *operands: Tensor) -> Tensor:
    """Sums of products, by letters for dimensions: ``einsum("bij,bjk->bik", a, b)`` is a matmul.

    Parameters
    ----------
    equation : str
        Letters of each operand's dimensions, separated by commas; then, optionally, "->" and those
        of the result. Letters that the result lacks are summed over; "..." stands for any
        dimensions. Without "->" the result has the letters that occur once, in order.
    *operands : Tensor
        One for each group of letters.

    Returns
    -------
    Tensor
        Computed by matrix products, two operands at a time from the left.

    Raises
    ------
    ValueError
        If letters and operands do not fit.
    TypeError
        If their dtypes differ.

    Notes
    -----
    Has the behaviour of ``torch.einsum``.

    Examples
    --------
    >>> import fastnn
    >>> a = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> fastnn.einsum("ij,j->i", a, fastnn.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = operands[0]
    operands = [as_tensor(x) for x in operands]
    terms, right = _subscripts(equation, operands)
    x, letters = _without_repeats(operands[0], terms[0])
    for i in range(1, len(operands)):
        y, others = _without_repeats(operands[i], terms[i])
        kept = set(right).union(*terms[i + 1 :])
        x, letters = _contract(x, letters, y, others, kept)
    gone = tuple(i for i, c in enumerate(letters) if c not in right)
    if gone:
        x, letters = x.sum(gone), "".join(c for c in letters if c in right)
    order = tuple(letters.index(c) for c in right)
    return x.permute(order) if order != tuple(range(len(order))) else x


# --- tensordot and kron -------------------------------------------------------------------------------


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The sum of products over several dimensions of both.

    Parameters
    ----------
    a, b : Tensor
    dims : int or pair of sequences of int
        The last dims of a with the first of b; or which of a, and which of b. Default 2.

    Returns
    -------
    Tensor
        The remaining dimensions of a, then those of b.

    Raises
    ------
    ValueError
        If sizes differ.
    TypeError
        If their dtypes differ, or dims is something else.

    Notes
    -----
    Has the behaviour of ``torch.tensordot``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tensordot(fastnn.ones(2, 3, 4), fastnn.ones(3, 4, 5)).shape
    (2, 5)
    """
    a, b = as_tensor(a), as_tensor(b)
    if isinstance(dims, (tuple, list)):
        if len(dims) != 2:
            raise ValueError(f"tensordot: dims must be an int or two sequences, got {dims!r}")
        first, second = (
            [checked_dim(d, x, "tensordot") for d in (ds if hasattr(ds, "__iter__") else [ds])]
            for ds, x in zip(dims, (a, b), strict=True)
        )
    else:
        n = whole(dims, "tensordot: dims")
        if not 0 <= n <= min(a.ndim, b.ndim):
            raise ValueError(f"tensordot: dims must be from 0 to {min(a.ndim, b.ndim)}, got {n}")
        first, second = list(range(a.ndim - n, a.ndim)), list(range(n))
    if [a.shape[d] for d in first] != [b.shape[d] for d in second]:
        raise ValueError(
            f"tensordot: dimensions {first} of {tuple(a.shape)} and {second} of {tuple(b.shape)} "
            "differ in size"
        )
    rows = [d for d in range(a.ndim) if d not in first]
    columns = [d for d in range(b.ndim) if d not in second]
    inner = _size(a.shape[d] for d in first)
    shape = [a.shape[d] for d in rows] + [b.shape[d] for d in columns]
    left = a.permute((*rows, *first)).reshape(_size(shape[: len(rows)]), inner)
    right = b.permute((*second, *columns)).reshape(inner, _size(shape[len(rows) :]))
    return matmul(left, right).reshape(*shape)


def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: every element of input times the whole of other.

    Parameters
    ----------
    input, other : Tensor
        Any shapes and dtypes.

    Returns
    -------
    Tensor
        Each size is the product of both sizes.

    Raises
    ------
    TypeError
        If one is no tensor or array.

    Notes
    -----
    Has the behaviour of ``torch.kron``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.kron(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 10.0]))
    tensor([ 1., 10.,  2., 20.])
    """
    a, b = as_tensor(input), as_tensor(other)
    n = max(a.ndim, b.ndim)
    one = (1,) * (n - a.ndim) + tuple(a.shape)
    two = (1,) * (n - b.ndim) + tuple(b.shape)
    left = a.reshape(*[s for m in one for s in (m, 1)])
    right = b.reshape(*[s for m in two for s in (1, m)])
    return (left * right).reshape(*[p * q for p, q in zip(one, two, strict=True)])


# --- small products -----------------------------------------------------------------------------------


def inner(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products along the last dimensions of both: ``torch.inner``.

    Parameters
    ----------
    input, other : Tensor
        (..., K) and (..., K) of one float dtype, or 0-d ones.

    Returns
    -------
    Tensor
        The shapes of both without K.

    Raises
    ------
    ValueError
        Last dimensions of different sizes.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.inner(fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0]))
    tensor(11.)
    """
    a, b = as_tensor(input), as_tensor(other)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return tensordot(a, b, ([-1], [-1]))


def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products of two vectors: ``torch.vdot``; for real numbers the same as `dot`.

    Parameters
    ----------
    input, other : Tensor
        (K,) both.

    Returns
    -------
    Tensor
        0-d.

    Raises
    ------
    ValueError
        Other shapes.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.vdot(fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0]))
    tensor(11.)
    """
    return dot(input, other)
