"""Positional encodings: what tells a Transformer the order of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Parameter, from_numpy
from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn import init
from fastnn.nn.argument import number
from fastnn.nn.module import Module
from fastnn.ops.creation import empty
from fastnn.ops.dropout import dropout

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


class _PositionalEncoding(Module):
    def __init__(self, d_model, max_len, dropout, batch_first):
        super().__init__()
        name = type(self).__name__
        for what, size in (("d_model", d_model), ("max_len", max_len)):
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"{name}: {what} must be a positive int, got {size!r}")
        if not 0 <= number(dropout, f"{type(self).__name__}: dropout") <= 1:
            raise ValueError(f"{name}: dropout must be from 0 to 1, got {dropout}")
        self.d_model, self.max_len, self.p = d_model, max_len, float(dropout)
        self.batch_first = batch_first

    def _add(self, x, table):
        name = type(self).__name__
        x = as_tensor(x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.d_model:
            raise ValueError(
                f"{name}: x must have shape (..., {self.d_model}) and 2 or 3 dimensions, got {tuple(x.shape)}"
            )
        time = 1 if self.batch_first and x.ndim == 3 else 0
        if x.shape[time] > self.max_len:
            raise ValueError(
                f"{name}: x has {x.shape[time]} steps of time, max_len is {self.max_len}"
            )
        rows = table[: x.shape[time]]
        x = x + (rows.unsqueeze(1) if x.ndim == 3 and time == 0 else rows)
        return dropout(x, self.p) if self.p and self.training else x

    def extra_repr(self):
        return f"{self.d_model}, max_len={self.max_len}, dropout={self.p}, batch_first={self.batch_first}"


class SinusoidalPositionalEncoding(_PositionalEncoding):
    """x + P with P[t, 2i] = sin(t / 10000^(2i / d)) and P[t, 2i + 1] = cos(t / 10000^(2i / d)).

    Parameters
    ----------
    d_model : int
        d, the size of x's last dimension.
    max_len : int
        The longest sequence. Default 5000.
    dropout : float
        Of the sum, in training. Default 0.
    batch_first : bool
        x is (batch, time, d) instead of (time, batch, d). Default False.
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    encoding : Tensor
        P, (max_len, d): a buffer that is not part of the state_dict.

    Shapes
    ------
    Input: (time, batch, d) or (time, d). Output: the same.

    Raises
    ------
    ValueError
        If an argument is out of range, or, when called, if x does not fit or is too long.

    Notes
    -----
    Vaswani et al. (2017), section 3.5. PyTorch has no such layer.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.SinusoidalPositionalEncoding(4)
    >>> layer(fastnn.zeros(1, 4))
    tensor([[0., 1., 0., 1.]])
    """

    def __init__(
        self,
        d_model: int,
        max_len: int = 5000,
        dropout: float = 0.0,
        batch_first: bool = False,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(d_model, max_len, dropout, batch_first)
        column = np.arange(d_model)
        angle = np.arange(max_len)[:, None] / 10000.0 ** ((column - column % 2) / d_model)
        table = np.where(column % 2, np.cos(angle), np.sin(angle)).astype(dtype or np.float32)
        self.register_buffer("encoding", from_numpy(table), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x + P, for as many steps of time as x has."""
        return self._add(x, self.encoding)


class LearnedPositionalEncoding(_PositionalEncoding):
    """x + W: a trained vector for each step of time.

    Parameters
    ----------
    d_model : int
        The size of x's last dimension.
    max_len : int
        The longest sequence.
    dropout : float
        Of the sum, in training. Default 0.
    batch_first : bool
        x is (batch, time, d) instead of (time, batch, d). Default False.
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight : Parameter
        (max_len, d_model), from N(0, 0.02²).

    Shapes
    ------
    Input: (time, batch, d) or (time, d). Output: the same.

    Raises
    ------
    ValueError
        If an argument is out of range, or, when called, if x does not fit or is too long.

    Notes
    -----
    Gehring et al. (2017); the distribution is that of Radford et al. (2018). PyTorch has no such
    layer.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LearnedPositionalEncoding(8, 100)(fastnn.zeros(10, 3, 8)).shape
    (10, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        max_len: int,
        dropout: float = 0.0,
        batch_first: bool = False,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(d_model, max_len, dropout, batch_first)
        self.weight = Parameter(empty(max_len, d_model, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the vectors anew."""
        init.normal_(self.weight, 0.0, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """x + W, for as many steps of time as x has."""
        return self._add(x, self.weight)
