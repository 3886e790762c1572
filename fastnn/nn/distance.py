"""Layers that compare vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.nn.module import Module
from fastnn.ops.distance import cosine_similarity, pairwise_distance

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class CosineSimilarity(Module):
    """The cosine of the angle between two vectors: ``torch.nn.CosineSimilarity``.

    Parameters
    ----------
    dim : int
        Along which the vectors lie. Default 1.
    eps : float
        Shorter vectors count as that long. Default 1e-8.

    Shapes
    ------
    Two of one shape, or that broadcast; the result lacks `dim`. float32 or float64.

    Raises
    ------
    ValueError
        When called, if the shapes do not broadcast.
    IndexError
        If the inputs have no dimension `dim`.
    TypeError
        If they are not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([[3.0, 4.0]])
    >>> fastnn.nn.CosineSimilarity()(x, -x)
    tensor([-1.])
    """

    def __init__(self, dim: int | None = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The cosines."""
        return cosine_similarity(x1, x2, self.dim, self.eps)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, eps={self.eps}"


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps along the last dimension: ``torch.nn.PairwiseDistance``.

    Parameters
    ----------
    p : float
        Which norm. Default 2.
    eps : float
        Default 1e-6.
    keepdim : bool
        Keep the last dimension, with size 1. Default False.

    Shapes
    ------
    Two of (..., D), or that broadcast, to (...). float32 or float64.

    Raises
    ------
    ValueError
        When called, if the shapes do not broadcast, or p is no number.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.PairwiseDistance()
    >>> layer(fastnn.tensor([[3.0, 0.0]]), fastnn.tensor([[0.0, 4.0]]))
    tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The distances."""
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)

    def extra_repr(self) -> str:
        return f"p={self.norm}, eps={self.eps}, keepdim={self.keepdim}"
