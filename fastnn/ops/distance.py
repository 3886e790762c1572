"""Lengths of vectors, and how near vectors are to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.argument import _number as number
from fastnn.ops.moment import norm

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


_MODES = (
    "use_mm_for_euclid_dist_if_necessary",
    "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
)

__all__ = ["cdist", "cosine_similarity", "dist", "normalize", "pairwise_distance", "pdist"]


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Vectors scaled to length one: x / max(norm(x), eps).

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    p : float
        Which norm. Default 2.
    dim : int or tuple of int
        Along which the vectors lie. Default 1.
    eps : float
        Shorter vectors are divided by this. Default 1e-12.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    IndexError
        If there is no such dimension.
    TypeError
        If the input is not float32 or float64, or p no number.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.normalize``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.normalize(fastnn.tensor([[3.0, 4.0]]))
    tensor([[0.6, 0.8]])
    """
    x, p = as_tensor(input), number(p, "normalize: p")
    return x / norm(x, p, dim, True).clamp(min=eps)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors: x1 x2 / (max(|x1|, eps) max(|x2|, eps)).

    Parameters
    ----------
    x1, x2 : Tensor
        float32 or float64; shapes broadcast.
    dim : int
        Along which the vectors lie, counted after broadcasting. Default 1.
    eps : float
        Default 1e-8.

    Returns
    -------
    Tensor
        Without that dimension.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.cosine_similarity``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cosine_similarity(fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([[4.0, 3.0]]))
    tensor([0.96])
    """
    a, b = as_tensor(x1), as_tensor(x2)
    product = a * b
    if a.ndim != product.ndim or tuple(a.shape) != tuple(product.shape):
        a = a.expand(tuple(product.shape))
    if b.ndim != product.ndim or tuple(b.shape) != tuple(product.shape):
        b = b.expand(tuple(product.shape))
    lengths = norm(a, 2, dim).clamp(min=eps) * norm(b, 2, dim).clamp(min=eps)
    return product.sum(dim) / lengths


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension.

    Parameters
    ----------
    x1, x2 : Tensor
        (N, D) or (D,); shapes broadcast; integers become float32.
    p : float
        Which norm. Default 2.
    eps : float
        Added to each difference, so that the gradient exists where they are all 0. Default 1e-6.
    keepdim : bool
        Keep the last dimension, with size 1. Default False.

    Returns
    -------
    Tensor
        (N,) or 0-d.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.pairwise_distance``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.pairwise_distance(fastnn.tensor([[3.0, 0.0]]), fastnn.tensor([[0.0, 4.0]]))
    tensor([5.])
    """
    return norm(
        as_tensor(x1) - as_tensor(x2) + number(eps, "pairwise_distance: eps"), p, -1, keepdim
    )


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of all differences: ``torch.dist``.

    Parameters
    ----------
    input, other : Tensor
        Shapes broadcast.
    p : float
        From 0, or infinity. Default 2.

    Returns
    -------
    Tensor
        0-d.

    Raises
    ------
    ValueError
        If the shapes do not broadcast, or p is no number.
    TypeError
        If the inputs are integers.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.dist(fastnn.tensor([3.0, 0.0]), fastnn.tensor([0.0, 4.0]))
    tensor(5.)
    """
    return norm(as_tensor(input) - as_tensor(other), p)


def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """The p-norm of the difference of every row of x1 and every row of x2.

    Parameters
    ----------
    x1, x2 : Tensor
        (..., P, M) and (..., R, M), float32 or float64.
    p : float
        Which norm. Default 2.
    compute_mode : str
        One of PyTorch's three; the differences are always taken one by one, which is exact.

    Returns
    -------
    Tensor
        (..., P, R). Where two rows are equal, the gradient is 0.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    TypeError
        If the rows are integers.

    Notes
    -----
    Has the behaviour of ``torch.cdist``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cdist(fastnn.tensor([[0.0, 0.0]]), fastnn.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    if compute_mode not in _MODES:
        raise ValueError(f"cdist: compute_mode must be one of {_MODES}, got {compute_mode!r}")
    a, b = as_tensor(x1), as_tensor(x2)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"cdist: expected (..., P, M) and (..., R, M), got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    return norm(a.unsqueeze(-2) - b.unsqueeze(-3), p, -1)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm of the difference of every two rows, in the order of the upper triangle.

    Parameters
    ----------
    input : Tensor
        (N, M), float32 or float64.
    p : float
        Which norm. Default 2.

    Returns
    -------
    Tensor
        (N (N - 1) / 2,).

    Raises
    ------
    ValueError
        If the input is not 2-d.
    TypeError
        If the rows are integers.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.pdist``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.pdist(fastnn.tensor([[0.0], [1.0], [3.0]]))
    tensor([1., 3., 2.])
    """
    x = as_tensor(input)
    if x.ndim != 2:
        raise ValueError(f"pdist: input must be 2-d, got shape {tuple(x.shape)}")
    import numpy as np

    rows, columns = np.triu_indices(x.shape[0], 1)
    return norm(x[rows] - x[columns], p, -1)
