"""RNNCell, LSTMCell and GRUCell: one step of time, for loops of one's own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter, Tensor
from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn import init
from fastnn.nn.argument import check_device
from fastnn.nn.module import Module
from fastnn.ops.creation import empty
from fastnn.ops.recurrent import gru_layer, lstm_layer, rnn_layer

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class _Cell(Module):
    _gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        for what, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(
                    f"{type(self).__name__}: {what} must be a positive int, got {size!r}"
                )
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        gates = self._gates * hidden_size
        self.weight_ih = Parameter(empty(gates, input_size, dtype=dtype))
        self.weight_hh = Parameter(empty(gates, hidden_size, dtype=dtype))
        self.bias_ih = Parameter(empty(gates, dtype=dtype)) if bias else None
        self.bias_hh = Parameter(empty(gates, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, from U(-1/√hidden_size, 1/√hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor, hx: Tensor | tuple | None = None):
        """The state after one step."""
        name, lstm = type(self).__name__, self._gates == 4
        input = as_tensor(input)
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"{name}: input must have shape (batch, {self.input_size}) or ({self.input_size},), "
                f"got {tuple(input.shape)}"
            )
        if hx is None:
            states = [None] * (2 if lstm else 1)
        elif lstm and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise ValueError(f"{name}: the state must be a tuple (h, c)")
        elif not lstm and not isinstance(hx, Tensor):
            raise TypeError(f"{name}: the state must be a Tensor, got {type(hx).__name__}")
        else:
            states = list(hx) if lstm else [hx]
        wanted = (*input.shape[:-1], self.hidden_size)
        for s in states:
            if s is not None and tuple(s.shape) != wanted:
                raise ValueError(
                    f"{name}: the state must have shape {wanted}, got {tuple(s.shape)}"
                )
        x = input.unsqueeze(0)
        if input.ndim == 1:
            x = x.unsqueeze(0)
            states = [s if s is None else s.unsqueeze(0) for s in states]
        weights = self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        _, *after = self._step(x, states, weights)
        if input.ndim == 1:
            after = [s.squeeze(0) for s in after]
        return tuple(after) if lstm else after[0]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh): ``torch.nn.RNNCell``.

    Parameters
    ----------
    input_size, hidden_size : int
        Sizes of x and h.
    bias : bool
        Default True.
    nonlinearity : str
        "tanh" (default) or "relu".
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter
        (hidden, input), (hidden, hidden), (hidden,), (hidden,), from U(-1/√hidden, 1/√hidden).

    Shapes
    ------
    Input: (batch, input) or (input,); h: (batch, hidden) or (hidden,), zeros when left out.
    Output: h'.

    Raises
    ------
    ValueError
        If an argument is out of range, or, when called, if shapes do not fit.
    TypeError
        If, when called, the input is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.RNNCell(3, 5)(fastnn.zeros(4, 3)).shape
    (4, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"RNNCell: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}"
            )
        super().__init__(input_size, hidden_size, bias, dtype=dtype)
        self.nonlinearity = nonlinearity

    def _step(self, x, states, weights):
        return rnn_layer(x, *states, *weights, nonlinearity=self.nonlinearity)

    def extra_repr(self) -> str:
        more = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + more


class LSTMCell(_Cell):
    """One step of `LSTM`: ``torch.nn.LSTMCell``.

    Parameters
    ----------
    input_size, hidden_size : int
        Sizes of x and h.
    bias : bool
        Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter
        (4 hidden, input), (4 hidden, hidden), (4 hidden,), (4 hidden,), from
        U(-1/√hidden, 1/√hidden).

    Shapes
    ------
    Input: (batch, input) or (input,); a tuple (h, c), zeros when left out. Output: (h', c').

    Raises
    ------
    ValueError
        If an argument is out of range, or, when called, if shapes do not fit.
    TypeError
        If, when called, the input is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> h, c = fastnn.nn.LSTMCell(3, 5)(fastnn.zeros(4, 3))
    >>> h.shape, c.shape
    ((4, 5), (4, 5))
    """

    _gates = 4

    def _step(self, x, states, weights):
        return lstm_layer(x, *states, *weights)


class GRUCell(_Cell):
    """One step of `GRU`: ``torch.nn.GRUCell``.

    Parameters
    ----------
    input_size, hidden_size : int
        Sizes of x and h.
    bias : bool
        Default True.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter
        (3 hidden, input), (3 hidden, hidden), (3 hidden,), (3 hidden,), from
        U(-1/√hidden, 1/√hidden).

    Shapes
    ------
    Input: (batch, input) or (input,); h: (batch, hidden) or (hidden,), zeros when left out.
    Output: h'.

    Raises
    ------
    ValueError
        If an argument is out of range, or, when called, if shapes do not fit.
    TypeError
        If, when called, the input is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.GRUCell(3, 5)(fastnn.zeros(3)).shape
    (5,)
    """

    _gates = 3

    def _step(self, x, states, weights):
        return gru_layer(x, *states, *weights)
