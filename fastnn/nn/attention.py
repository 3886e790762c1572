"""MultiheadAttention: several attentions side by side, between linear maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Parameter, from_numpy
from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn import init
from fastnn.nn.argument import check_device, number, whole
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.ops.attend import _self_attention
from fastnn.ops.attention import scaled_dot_product_attention
from fastnn.ops.choose import where
from fastnn.ops.creation import empty, zeros
from fastnn.ops.dropout import dropout
from fastnn.ops.join import cat
from fastnn.ops.linear import linear
from fastnn.ops.probability import softmax
from fastnn.ops.series import arange

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


_NEVER = float("-inf")


class MultiheadAttention(Module):
    """Concat(head_1 ... head_h) W_oᵀ, head_i = attention(q W_qᵀ, k W_kᵀ, v W_vᵀ): ``torch.nn.MultiheadAttention``.

    Parameters
    ----------
    embed_dim : int
        E, the size of queries and of the result.
    num_heads : int
        A divisor of E; each head has E / num_heads columns.
    dropout : float
        Probability that a weight is dropped in training. Default 0.
    bias : bool
        Whether the linear maps add one. Default True.
    add_bias_kv : bool
        Add a trained key and value to every sequence. Default False.
    add_zero_attn : bool
        Add a key and value of zeros. Default False.
    kdim, vdim : int, optional
        Sizes of keys and values. Default: E.
    batch_first : bool
        Tensors are (batch, time, E) instead of (time, batch, E). Default False.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    in_proj_weight : Parameter or None
        (3 E, E): W_q, W_k and W_v, Xavier uniform. Where kdim or vdim differ, q_proj_weight (E, E),
        k_proj_weight (E, kdim) and v_proj_weight (E, vdim) instead.
    in_proj_bias : Parameter or None
        (3 E,), zeros.
    out_proj : Linear
        W_o; its bias starts as zeros.
    bias_k, bias_v : Parameter or None
        (1, 1, E), Xavier normal.

    Shapes
    ------
    Query (L, N, E) or (L, E); key (S, N, kdim), value (S, N, vdim). Output: as the query; and the
    weights (N, L, S), or with average_attn_weights=False (N, heads, L, S), or None.

    Raises
    ------
    ValueError
        If an argument is out of range, or, when called, if shapes do not fit.
    TypeError
        If, when called, the input is not float32 or float64.

    Notes
    -----
    Vaswani et al. (2017), section 3.2.2. In masks True forbids, as in PyTorch's layer (and unlike in
    `scaled_dot_product_attention`). With ``need_weights=False`` the matrix of weights is never
    stored: pass it wherever the weights are not looked at.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = fastnn.zeros(4, 5, 8)
    >>> y, weights = layer(x, x, x)
    >>> y.shape, weights.shape
    ((4, 5, 8), (4, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        embed_dim = whole(embed_dim, "MultiheadAttention: embed_dim")
        num_heads = whole(num_heads, "MultiheadAttention: num_heads")
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: embed_dim must be a multiple of num_heads, got {embed_dim} and {num_heads}"
            )
        if not 0 <= number(dropout, "MultiheadAttention: dropout") <= 1:
            raise ValueError(f"MultiheadAttention: dropout must be from 0 to 1, got {dropout}")
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, float(dropout)
        self.head_dim = embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.add_zero_attn, self.batch_first = add_zero_attn, batch_first

        def weight(rows, cols):  # as Linear's: no product of training needs a transpose
            return Parameter(empty(cols, rows, dtype=dtype).T)

        if self.kdim == embed_dim == self.vdim:
            self.in_proj_weight = weight(3 * embed_dim, embed_dim)
            for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
                self.register_parameter(name, None)
        else:
            self.q_proj_weight = weight(embed_dim, embed_dim)
            self.k_proj_weight = weight(embed_dim, self.kdim)
            self.v_proj_weight = weight(embed_dim, self.vdim)
            self.register_parameter("in_proj_weight", None)
        self.in_proj_bias = Parameter(empty(3 * embed_dim, dtype=dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        self.bias_k = Parameter(empty(1, 1, embed_dim, dtype=dtype)) if add_bias_kv else None
        self.bias_v = Parameter(empty(1, 1, embed_dim, dtype=dtype)) if add_bias_kv else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the maps of queries, keys and values anew."""
        for w in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if w is not None:
                init.xavier_uniform_(w)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for b in (self.bias_k, self.bias_v):
            if b is not None:
                init.xavier_normal_(b)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(output, weights or None).

        key_padding_mask (N, S): True at keys that nobody may look at; attn_mask (L, S) or
        (N heads, L, S): True where a query may not look at a key; or floating point numbers that are
        added to the scores. is_causal: query i looks at keys 0 to i alone; attn_mask, if given, must
        be that mask, and is not read.
        """
        query, key, value = as_tensor(query), as_tensor(key), as_tensor(value)
        batched = query.ndim == 3
        same = query is key and key is value
        self._check(query, key, value)
        if not batched:
            at = 0 if self.batch_first else 1
            query = query.unsqueeze(at)
            key, value = (query, query) if same else (key.unsqueeze(at), value.unsqueeze(at))
            if key_padding_mask is not None and key_padding_mask.ndim == 1:
                key_padding_mask = key_padding_mask.reshape(1, -1)
        rows, batch = (1, 0) if self.batch_first else (0, 1)
        sizes = query.shape[batch], query.shape[rows], key.shape[rows]
        mask = self._mask(None if is_causal else attn_mask, key_padding_mask, *sizes)
        weights = None
        extended = self.bias_k is not None or self.add_zero_attn
        if same and self.in_proj_weight is not None and not extended and not need_weights:
            y = self._of_itself(query, mask, is_causal, sizes)
        else:
            y, weights = self._of_three(query, key, value, mask, is_causal, need_weights, sizes)
        y = self.out_proj(y)
        if weights is not None and average_attn_weights:
            weights = weights.mean(1)
        if not batched:
            y = y.squeeze(batch)
            weights = None if weights is None else weights.squeeze(0)
        return y, weights

    def _check(self, query, key, value):
        shapes = [tuple(t.shape) for t in (query, key, value)]
        ndim = query.ndim
        batch = 0 if self.batch_first else 1
        fit = ndim in (2, 3) and all(len(s) == ndim for s in shapes)
        fit = fit and [s[-1] for s in shapes] == [self.embed_dim, self.kdim, self.vdim]
        fit = fit and shapes[1][:-1] == shapes[2][:-1]
        if not fit or (ndim == 3 and shapes[0][batch] != shapes[1][batch]):
            raise ValueError(
                f"MultiheadAttention: query, key and value have shapes {shapes[0]}, {shapes[1]} and "
                f"{shapes[2]}, expected {'(N, L, ' if self.batch_first else '(L, N, '}"
                f"{self.embed_dim}), and S instead of L with {self.kdim} and {self.vdim} columns"
            )

    def _mask(self, attn_mask, key_padding_mask, num, rows, cols):
        """Both masks as one that is added to scores (N, heads, L, S), or None."""
        masks = []
        if isinstance(attn_mask, np.ndarray):
            attn_mask = from_numpy(attn_mask)
        if isinstance(key_padding_mask, np.ndarray):
            key_padding_mask = from_numpy(key_padding_mask)
        if attn_mask is not None:
            shape = tuple(attn_mask.shape)
            if shape == (rows, cols):
                masks.append(attn_mask.reshape(1, 1, rows, cols))
            elif shape == (num * self.num_heads, rows, cols):
                masks.append(attn_mask.reshape(num, self.num_heads, rows, cols))
            else:
                raise ValueError(
                    f"MultiheadAttention: attn_mask must have shape {(rows, cols)} or "
                    f"{(num * self.num_heads, rows, cols)}, got {shape}"
                )
        if key_padding_mask is not None:
            if tuple(key_padding_mask.shape) != (num, cols):
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask must have shape {(num, cols)}, "
                    f"got {tuple(key_padding_mask.shape)}"
                )
            masks.append(key_padding_mask.reshape(num, 1, 1, cols))
        for m in masks:
            if m.dtype != bool and not m.is_floating_point():
                raise TypeError(
                    f"MultiheadAttention: masks must be bool or floating point, got {m.dtype}"
                )
        total = None
        for m in masks:
            added = where(m, _NEVER, 0.0) if m.dtype == bool else m
            total = added if total is None else total + added
        return total

    def _of_itself(self, x, mask, is_causal, sizes):
        """Self-attention: one product for queries, keys and values, and no copies of its parts."""
        num, rows, _ = sizes
        qkv = linear(x, self.in_proj_weight, self.in_proj_bias)
        if mask is not None:
            mask = mask.expand(num, self.num_heads, rows, rows)
        p = self.dropout if self.training else 0.0
        return _self_attention(qkv, self.num_heads, self.batch_first, mask, is_causal, p)

    def _of_three(self, query, key, value, mask, is_causal, need_weights, sizes):
        num, rows, cols = sizes
        E, time = self.embed_dim, 1 if self.batch_first else 0
        if self.in_proj_weight is not None:
            maps = [self.in_proj_weight[i * E : (i + 1) * E] for i in range(3)]
        else:
            maps = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        biases = [None] * 3
        if self.in_proj_bias is not None:
            biases = [self.in_proj_bias[i * E : (i + 1) * E] for i in range(3)]
        q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), maps, biases))
        if self.bias_k is not None:
            shape = (num, 1, E) if self.batch_first else (1, num, E)
            k = cat([k, self.bias_k.expand(shape)], time)
            v = cat([v, self.bias_v.expand(shape)], time)
        q, k, v = (self._heads(t) for t in (q, k, v))
        if self.add_zero_attn:
            nothing = zeros(num, self.num_heads, 1, self.head_dim, dtype=k.dtype)
            k, v = cat([k, nothing], 2), cat([v, nothing], 2)
        more = k.shape[2] - cols
        if is_causal and (more or need_weights):
            ahead = arange(cols).unsqueeze(0) > arange(rows).unsqueeze(1)
            ahead = where(ahead, _NEVER, 0.0).reshape(1, 1, rows, cols)
            mask = ahead if mask is None else mask + ahead
            is_causal = False
        if more and mask is not None:
            mask = cat([mask, zeros(*mask.shape[:-1], more, dtype=mask.dtype)], 3)
        p = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = (q * self.head_dim**-0.5) @ k.mT
            if mask is not None:
                scores = scores + mask.to(scores.dtype)
            weights = dropout(softmax(scores, 3), p, p > 0)
            y = weights @ v
        else:
            y = scaled_dot_product_attention(q, k, v, mask, p, is_causal)
        return (y.transpose(1, 2) if self.batch_first else y.permute(2, 0, 1, 3)).flatten(
            2
        ), weights

    def _heads(self, x):
        """(L, N, E), or (N, L, E), as (N, heads, L, head_dim)."""
        x = x.unflatten(2, (self.num_heads, self.head_dim))
        return x.transpose(1, 2) if self.batch_first else x.permute(1, 2, 0, 3)
