"""Stacks of Transformer layers: encoder, decoder, and both together."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastnn.nn import init
from fastnn.nn.argument import check_device
from fastnn.nn.container import ModuleList
from fastnn.nn.module import Module
from fastnn.nn.rownorm import LayerNorm
from fastnn.nn.transformer_layer import TransformerDecoderLayer, TransformerEncoderLayer
from fastnn.ops.creation import full
from fastnn.ops.rectifier import relu

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


def _copies(layer, num, name):
    if isinstance(num, bool) or not isinstance(num, int) or num < 1:
        raise ValueError(f"{name}: num_layers must be a positive int, got {num!r}")
    return ModuleList([copy.deepcopy(layer) for _ in range(num)])


class TransformerEncoder(Module):
    """A stack of encoder layers: ``torch.nn.TransformerEncoder``.

    Parameters
    ----------
    encoder_layer : Module
        The stack is made of copies of it, with its values.
    num_layers : int
        How many.
    norm : Module, optional
        Behind the last layer.
    enable_nested_tensor : bool
        False: fastnn has no nested tensors, and computes the same without.

    Shapes
    ------
    As the layer; its dtype.

    Raises
    ------
    ValueError
        If num_layers is not positive, or nested tensors are asked for.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> nn.TransformerEncoder(layer, 2)(fastnn.zeros(4, 5, 8)).shape
    (4, 5, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = False,
    ) -> None:
        super().__init__()
        if enable_nested_tensor:
            raise ValueError("TransformerEncoder: fastnn has no nested tensors: leave it False")
        self.layers = _copies(encoder_layer, num_layers, "TransformerEncoder")
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """The last layer's output; masks as in `MultiheadAttention`."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """A stack of decoder layers: ``torch.nn.TransformerDecoder``.

    Parameters
    ----------
    decoder_layer : Module
        The stack is made of copies of it, with its values.
    num_layers : int
        How many.
    norm : Module, optional
        Behind the last layer.

    Shapes
    ------
    As the layer; its dtype.

    Raises
    ------
    ValueError
        If num_layers is not positive.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2)
    >>> decoder(fastnn.zeros(5, 4, 8), fastnn.zeros(7, 4, 8)).shape
    (5, 4, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers, "TransformerDecoder")
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The last layer's output; masks as in `MultiheadAttention`."""
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask,
                memory_mask,
                tgt_key_padding_mask,
                memory_key_padding_mask,
                bool(tgt_is_causal),
                memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder, and a decoder that attends to its output: ``torch.nn.Transformer``.

    Parameters
    ----------
    d_model, nhead : int
        Default 512 and 8.
    num_encoder_layers, num_decoder_layers : int
        Default 6 each.
    dim_feedforward : int
        Default 2048.
    dropout : float
        Default 0.1.
    activation : str or callable
        "relu" (default), "gelu" or a function of a Tensor.
    custom_encoder, custom_decoder : Module, optional
        Instead of the stacks made here.
    layer_norm_eps : float
        Default 1e-5.
    batch_first : bool
        Tensors are (batch, time, E) instead of (time, batch, E). Default False.
    norm_first : bool
        Norms come before the blocks instead of behind the sums. Default False.
    bias : bool
        Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    encoder : TransformerEncoder
    decoder : TransformerDecoder
        All their matrices are drawn as `nn.init.xavier_uniform_` does.

    Shapes
    ------
    Inputs: src (S, N, E) and tgt (T, N, E). Output: (T, N, E).

    Raises
    ------
    ValueError
        If an argument is out of range, or, when called, if shapes do not fit.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    Vaswani et al. (2017). No embedding and no `SinusoidalPositionalEncoding` is part of it.

    Examples
    --------
    >>> import fastnn
    >>> model = fastnn.nn.Transformer(8, 2, 1, 1, 16)
    >>> model(fastnn.zeros(7, 4, 8), fastnn.zeros(5, 4, 8)).shape
    (5, 4, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable = relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        common = (
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
            device,
            dtype,
        )

        def norm():
            return LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

        if custom_encoder is None:
            layer = TransformerEncoderLayer(*common)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*common)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm())
        self.encoder, self.decoder = custom_encoder, custom_decoder
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all matrices anew: Xavier uniform."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The decoder's output; masks as in `MultiheadAttention`."""
        if not src.shape[-1:] == tgt.shape[-1:] == (self.d_model,):
            raise ValueError(
                f"Transformer: src and tgt must have {self.d_model} features, got shapes "
                f"{tuple(src.shape)} and {tuple(tgt.shape)}"
            )
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask,
            memory_mask,
            tgt_key_padding_mask,
            memory_key_padding_mask,
            tgt_is_causal,
            memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, dtype: DTypeLike | None = None) -> Tensor:
        """A causal mask to add to scores: (sz, sz), 0 up to the diagonal and -infinity above.

        Behaviour: ``torch.nn.Transformer.generate_square_subsequent_mask``.

        Parameters
        ----------
        sz : int
            Steps of time.
        dtype : dtype, optional
            float32 (default) or float64.

        Raises
        ------
        ValueError
            If sz is negative.
        TypeError
            If it is no int, or the dtype has no infinity.

        Examples
        --------
        >>> import fastnn
        >>> fastnn.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[  0., -inf],
                [  0.,   0.]])
        """
        return full((sz, sz), float("-inf"), dtype=dtype).triu(1)
