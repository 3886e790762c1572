"""Embedding: a trained vector for each of V things."""

from fastnn._engine.engine import Parameter, Tensor
from fastnn.nn import init
from fastnn.nn.module import Module
from fastnn.ops.embedding import embedding
from fastnn.ops.random import rand


class Embedding(Module):
    """y = weight[x]: ``torch.nn.Embedding``.

    Parameters
    ----------
    num_embeddings : int
        V, the number of rows.
    embedding_dim : int
        D, their length.
    padding_idx : int, optional
        This row starts as zeros and gets no gradient.
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight : Parameter
        (V, D), from N(0, 1).

    Shapes
    ------
    Input: any shape of integers from 0 to V - 1. Output: the same with D added at the end.

    Raises
    ------
    IndexError
        If an integer is out of range; tells position and value.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Embedding(10, 3)(fastnn.tensor([[1, 2], [9, 0]])).shape
    (2, 2, 3)
    """

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, dtype=None):
        super().__init__()
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(
                    f"Embedding: padding_idx {padding_idx} is out of range for {num_embeddings} rows"
                )
            padding_idx %= num_embeddings
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx
        self.weight = Parameter(rand(num_embeddings, embedding_dim, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self):
        """Draw the weight anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.detach().numpy()[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings, freeze=True, padding_idx=None):
        """An Embedding with these rows, (V, D), frozen unless `freeze` is False."""
        if not isinstance(embeddings, Tensor) or embeddings.ndim != 2:
            raise ValueError("Embedding.from_pretrained: embeddings must be a 2-d Tensor (V, D)")
        layer = cls(*embeddings.shape, padding_idx=padding_idx, dtype=embeddings.dtype)
        layer.weight.data = embeddings
        layer.weight.requires_grad_(not freeze)
        return layer

    def forward(self, x):
        """Rows of the weight, x.shape + (D,)."""
        return embedding(x, self.weight, self.padding_idx)

    def extra_repr(self):
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
