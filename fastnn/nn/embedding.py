"""Embedding: a trained vector for each of V things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter, Tensor
from fastnn.nn import init
from fastnn.nn.argument import check_device, whole
from fastnn.nn.module import Module
from fastnn.ops.bag import embedding_bag
from fastnn.ops.embedding import embedding
from fastnn.ops.random import rand

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import DTypeLike


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
    max_norm : float, optional
        Rows that are looked up and longer are first scaled down to it, in place.
    norm_type : float
        Which norm. Default 2.
    scale_grad_by_freq : bool
        Divide each row's gradient by how often the batch names the row. Default False.
    sparse : bool
        Only False: gradients are dense.
    device : str, optional
        The only one is "cpu".
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
    TypeError
        If, when called, the row numbers are not int64 or int32.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Embedding(10, 3)(fastnn.tensor([[1, 2], [9, 0]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        _describe(self, num_embeddings, embedding_dim, padding_idx, sparse)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.weight = Parameter(rand(num_embeddings, embedding_dim, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.detach()[self.padding_idx] = 0

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None, **options: Any
    ) -> Embedding:
        """A layer with the rows `embeddings`, (V, D), frozen unless `freeze` is False.

        `padding_idx` and other `options` as in the class. ValueError where `embeddings` are no 2-d
        Tensor, TypeError where they are not float32 or float64:
        ``torch.nn.Embedding.from_pretrained``.
        """
        if not isinstance(embeddings, Tensor) or embeddings.ndim != 2:
            raise ValueError(
                f"{cls.__name__}.from_pretrained: embeddings must be a 2-d Tensor (V, D)"
            )
        layer = cls(*embeddings.shape, padding_idx=padding_idx, dtype=embeddings.dtype, **options)
        layer.weight.data = embeddings
        layer.weight.requires_grad_(not freeze)
        return layer

    def forward(self, input: Tensor) -> Tensor:
        """Rows of the weight, input.shape + (D,)."""
        return embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type,
            self.scale_grad_by_freq, self.sparse,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return _options(self)


def _describe(layer, num_embeddings, embedding_dim, padding_idx, sparse):
    name = type(layer).__name__
    num_embeddings = whole(num_embeddings, f"{name}: num_embeddings")
    embedding_dim = whole(embedding_dim, f"{name}: embedding_dim")
    if num_embeddings < 1 or embedding_dim < 1:
        raise ValueError(f"{name}: sizes must be positive, got {num_embeddings}, {embedding_dim}")
    if padding_idx is not None:
        padding_idx = whole(padding_idx, f"{name}: padding_idx")
        if not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"{name}: padding_idx {padding_idx} is out of range for {num_embeddings} rows"
            )
        padding_idx %= num_embeddings
    if sparse:
        raise ValueError(f"{name}: sparse gradients do not exist in fastnn: sparse=False")
    layer.num_embeddings, layer.embedding_dim = num_embeddings, embedding_dim
    layer.padding_idx = padding_idx


def _options(layer):
    text = f"{layer.num_embeddings}, {layer.embedding_dim}"
    if layer.padding_idx is not None:
        text += f", padding_idx={layer.padding_idx}"
    if layer.max_norm is not None:
        text += f", max_norm={layer.max_norm}, norm_type={layer.norm_type}"
    if layer.scale_grad_by_freq:
        text += ", scale_grad_by_freq=True"
    return text


class EmbeddingBag(Embedding):
    """The sum, mean or maximum of the rows that each bag names: ``torch.nn.EmbeddingBag``.

    Parameters
    ----------
    num_embeddings : int
        V, the number of rows.
    embedding_dim : int
        D, their length.
    max_norm : float, optional
        Rows that are looked up and longer are first scaled down to it, in place.
    norm_type : float
        Which norm. Default 2.
    scale_grad_by_freq : bool
        Divide each row's gradient by how often the batch names the row. Default False.
    mode : {"mean", "sum", "max"}
        Default "mean".
    sparse : bool
        Only False: gradients are dense.
    include_last_offset : bool
        The last offset is the end of the last bag. Default False.
    padding_idx : int, optional
        This row counts nowhere.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight : Parameter
        (V, D), from N(0, 1).

    Shapes
    ------
    Input: (B, L), a bag in each row; or (T,) with offsets (B,). Output: (B, D).

    Raises
    ------
    ValueError, IndexError
        If arguments do not fit.
    TypeError
        If, when called, the row numbers are not int64 or int32.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.EmbeddingBag(10, 3)(fastnn.tensor([[1, 2], [9, 0]])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq,
            sparse, dtype=dtype,
        )  # fmt: skip
        self.mode, self.include_last_offset = mode, include_last_offset

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        """One row for each bag, (B, D)."""
        return embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
            self.mode, self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"{_options(self)}, mode={self.mode!r}"
