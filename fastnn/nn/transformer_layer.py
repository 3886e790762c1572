"""One layer of a Transformer's encoder or decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastnn.nn.argument import check_device
from fastnn.nn.attention import MultiheadAttention
from fastnn.nn.dropout import Dropout
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.nn.rownorm import LayerNorm
from fastnn.ops.activation import gelu
from fastnn.ops.rectifier import relu

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


def _activation(function, name):
    if callable(function):
        return function
    known = {"relu": relu, "gelu": gelu}
    if not isinstance(function, str) or function not in known:
        raise ValueError(
            f"{name}: activation must be 'relu', 'gelu' or a function, got {function!r}"
        )
    return known[function]


class _TransformerLayer(Module):
    """What encoder and decoder layers share: residual blocks, and the network behind the attention."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        attentions = ("self_attn", "multihead_attn")[: self._blocks - 1]
        for name in attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.norm_first = norm_first
        for i in range(1, self._blocks + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for i in range(1, self._blocks + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _activation(activation, type(self).__name__)

    def _block(self, x, number, function):
        """x + dropout(function(x)), with the norm before or after."""
        norm, drop = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        if self.norm_first:
            return x + drop(function(norm(x)))
        return norm(x + drop(function(x)))

    def _feedforward(self, x):
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def _attend_itself(self, x, mask, padding, is_causal):
        return self.self_attn(
            x,
            x,
            x,
            key_padding_mask=padding,
            need_weights=False,
            attn_mask=mask,
            is_causal=bool(is_causal),
        )[0]


class TransformerEncoderLayer(_TransformerLayer):
    """Self-attention, then two linear maps, each around a residual connection and a layer norm.

    Parameters
    ----------
    d_model : int
        E, the size of inputs and outputs.
    nhead : int
        Heads of the attention, a divisor of d_model.
    dim_feedforward : int
        Between the two linear maps. Default 2048.
    dropout : float
        Of weights of the attention, inside, and of each block's result. Default 0.1.
    activation : str or callable
        "relu" (default), "gelu" or a function of a Tensor.
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

    Shapes
    ------
    Input: (time, batch, E) or (time, E). Output: the same.

    Raises
    ------
    ValueError
        If an argument is out of range, or, when called, if shapes do not fit.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    Vaswani et al. (2017); norm_first: Xiong et al. (2020). ``torch.nn.TransformerEncoderLayer``.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> layer(fastnn.zeros(4, 5, 8)).shape
    (4, 5, 8)
    """

    _blocks = 2

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """The layer's output; masks as in `MultiheadAttention`."""
        x = self._block(
            src,
            1,
            lambda x: self._attend_itself(x, src_mask, src_key_padding_mask, is_causal),
        )
        return self._block(x, 2, self._feedforward)


class TransformerDecoderLayer(_TransformerLayer):
    """Self-attention, attention to an encoder's output, then two linear maps.

    Parameters
    ----------
    d_model : int
        E, the size of inputs and outputs.
    nhead : int
        Heads of the attentions, a divisor of d_model.
    dim_feedforward : int
        Between the two linear maps. Default 2048.
    dropout : float
        Of weights of the attentions, inside, and of each block's result. Default 0.1.
    activation : str or callable
        "relu" (default), "gelu" or a function of a Tensor.
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

    Shapes
    ------
    Inputs: (time, batch, E) or (time, E), twice. Output: as the first.

    Raises
    ------
    ValueError
        If an argument is out of range, or, when called, if shapes do not fit.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    Vaswani et al. (2017); ``torch.nn.TransformerDecoderLayer``.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.TransformerDecoderLayer(8, 2, 16)
    >>> layer(fastnn.zeros(5, 4, 8), fastnn.zeros(7, 4, 8)).shape
    (5, 4, 8)
    """

    _blocks = 3

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The layer's output; masks as in `MultiheadAttention`."""

        def attend_memory(x):
            return self.multihead_attn(
                x,
                memory,
                memory,
                key_padding_mask=memory_key_padding_mask,
                need_weights=False,
                attn_mask=memory_mask,
                is_causal=bool(memory_is_causal),
            )[0]

        x = self._block(
            tgt,
            1,
            lambda x: self._attend_itself(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal),
        )
        return self._block(self._block(x, 2, attend_memory), 3, self._feedforward)
