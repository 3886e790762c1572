"""Matrix products that are added to something, powers, traces and cross products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _dim as checked_dim
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole
from fastnn.ops.arrange import roll
from fastnn.ops.creation import eye
from fastnn.ops.product import bmm, matmul, mv, outer

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


__all__ = [
    "addbmm",
    "addmv",
    "addr",
    "baddbmm",
    "cross",
    "matrix_power",
    "trace",
]


def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal: ``torch.trace``.

    Parameters
    ----------
    input : Tensor
        (M, N), any dtype.

    Returns
    -------
    Tensor
        0-d.

    Raises
    ------
    ValueError
        Another number of dimensions than 2.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.trace(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    x = as_tensor(input)
    if x.ndim != 2:
        raise ValueError(f"trace: expected a matrix, got shape {tuple(x.shape)}")
    return x.diagonal().sum()


def _added(op, input, product, beta, alpha):
    beta, alpha = number(beta, f"{op}: beta"), number(alpha, f"{op}: alpha")
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    x = as_tensor(input)
    total = product + (x if beta == 1 else x * beta)
    if tuple(total.shape) != tuple(product.shape):
        raise ValueError(
            f"{op}: input of shape {tuple(x.shape)} does not broadcast to {tuple(product.shape)}"
        )
    return total


def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2), for each place of a batch: ``torch.baddbmm``.

    `batch1` and `batch2` are (B, M, K) and (B, K, N); input broadcast to (B, M, N); one dtype.
    ValueError where the shapes do not fit, TypeError where dtypes differ, or `beta` or `alpha` is no
    number.

    Examples
    --------
    >>> import fastnn
    >>> a = fastnn.ones(2, 3, 4)
    >>> fastnn.baddbmm(fastnn.ones(2, 3, 3), a, a.mT).sum()
    tensor(90.)
    """
    return _added("baddbmm", input, bmm(batch1, batch2), beta, alpha)


def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * the sum of batch1 @ batch2 over the batch: ``torch.addbmm``.

    `batch1` and `batch2` are (B, M, K) and (B, K, N); input broadcast to (M, N); one dtype.
    ValueError where the shapes do not fit, TypeError where dtypes differ, or `beta` or `alpha` is no
    number.

    Examples
    --------
    >>> import fastnn
    >>> a = fastnn.ones(2, 3, 4)
    >>> fastnn.addbmm(fastnn.ones(3, 3), a, a.mT).sum()
    tensor(81.)
    """
    return _added("addbmm", input, bmm(batch1, batch2).sum(0), beta, alpha)


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec): ``torch.addmv``.

    `mat` is (M, K), `vec` (K,), `input` broadcast to (M,); one dtype. ValueError where the shapes
    do not fit, TypeError where dtypes differ, or `beta` or `alpha` is no number.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.addmv(fastnn.tensor([1.0]), fastnn.tensor([[2.0]]), fastnn.tensor([3.0]))
    tensor([7.])
    """
    return _added("addmv", input, mv(mat, vec), beta, alpha)


def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * the outer product of two vectors: ``torch.addr``.

    Parameters
    ----------
    input : Tensor
        Broadcast to (M, N); any dtype. Those of the vectors are one, of numbers.
    vec1, vec2 : Tensor
        (M,) and (N,).
    beta, alpha : number
        Factors. Default 1.

    Returns
    -------
    Tensor
        (M, N).

    Raises
    ------
    ValueError
        Vectors that are none, or an input that does not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.addr(fastnn.tensor([[1.0]]), fastnn.tensor([2.0]), fastnn.tensor([3.0]))
    tensor([[7.]])
    """
    return _added("addr", input, outer(vec1, vec2), beta, alpha)


def matrix_power(input: Tensor, n: int) -> Tensor:
    """A square matrix multiplied by itself, n times: ``torch.matrix_power``, for n >= 0.

    Parameters
    ----------
    input : Tensor
        (..., N, N).
    n : int
        0 gives the identity.

    Returns
    -------
    Tensor
        Of the input's shape and dtype.

    Raises
    ------
    ValueError
        A matrix that is not square, or n below 0.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.matrix_power(fastnn.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    x = as_tensor(input)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"matrix_power: expected square matrices, got shape {tuple(x.shape)}")
    n = whole(n, "matrix_power: n")
    if n < 0:
        raise ValueError(f"matrix_power: n must not be negative, got {n}: there is no inverse")
    result = None
    while n:
        if n & 1:
            result = x if result is None else matmul(result, x)
        n >>= 1
        if n:
            x = matmul(x, x)
    return eye(x.shape[-1], dtype=x.dtype).expand(tuple(x.shape)) if result is None else result


def cross(input: Tensor, other: Tensor, dim: int = -1) -> Tensor:
    """The cross product of vectors of three elements along a dimension: ``torch.linalg.cross``.

    Parameters
    ----------
    input, other : Tensor
        Three elements along `dim`; the other dimensions broadcast; any dtypes but bool.
    dim : int
        Default -1.

    Returns
    -------
    Tensor
        The broadcast shape.

    Raises
    ------
    ValueError
        Another size than 3.
    IndexError
        A `dim` that the input has not.
    TypeError
        Two bool tensors.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cross(fastnn.tensor([1.0, 0.0, 0.0]), fastnn.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    a, b = as_tensor(input), as_tensor(other)
    if a.dtype == b.dtype == bool:
        raise TypeError("cross: expected numbers, got bool")
    if any(x.ndim == 0 or x.shape[checked_dim(dim, x, "cross")] != 3 for x in (a, b)):
        raise ValueError(
            f"cross: dimension {dim} must have size 3, got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    return roll(a, -1, dim) * roll(b, -2, dim) - roll(a, -2, dim) * roll(b, -1, dim)
