"""RNN, LSTM and GRU: several layers and both directions over whole sequences."""

from __future__ import annotations

import itertools
import math
import numbers
import warnings
from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter, Tensor
from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn import init
from fastnn.nn.argument import check_device, whole
from fastnn.nn.module import Module
from fastnn.nn.utils.rnn import PackedSequence
from fastnn.ops.creation import empty
from fastnn.ops.dropout import dropout
from fastnn.ops.join import cat, stack
from fastnn.ops.recurrent import gru_layer, lstm_layer, rnn_layer

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class _Recurrent(Module):
    """Layers x directions, each one op; subclasses say how many gates there are and which op it is."""

    _gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__()
        name = type(self).__name__
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        for what, size in sizes.items():
            if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size < 2**31:
                raise ValueError(f"{name}: {what} must be a positive int, got {size!r}")
        number = isinstance(dropout, numbers.Real) and not isinstance(dropout, bool)
        if not number or not 0 <= dropout <= 1:
            raise ValueError(f"{name}: dropout must be a number from 0 to 1, got {dropout!r}")
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                f"{name}: dropout acts between layers, and num_layers is 1: it has no effect",
                stacklevel=3,
            )
        if not 0 <= whole(proj_size, f"{name}: proj_size") < hidden_size:
            raise ValueError(
                f"{name}: proj_size must be from 0 to hidden_size - 1, got {proj_size} and {hidden_size}"
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        out, gates = proj_size or hidden_size, self._gates * hidden_size
        for layer, suffix in self._places():
            size = input_size if layer == 0 else out * (2 if bidirectional else 1)
            shapes = {"weight_ih": (gates, size), "weight_hh": (gates, out)}
            if bias:
                shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
            if proj_size:
                shapes["weight_hr"] = (proj_size, hidden_size)
            for kind, shape in shapes.items():
                setattr(self, f"{kind}_l{layer}{suffix}", Parameter(empty(*shape, dtype=dtype)))
        self.reset_parameters()

    def _places(self):
        """(layer, suffix of its parameters' names), in order."""
        return itertools.product(
            range(self.num_layers), ("", "_reverse") if self.bidirectional else ("",)
        )

    def _weights(self, layer, suffix):
        """w_ih, w_hh, b_ih, b_hh and w_hr, each a Parameter or None."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        return [getattr(self, f"{name}_l{layer}{suffix}", None) for name in names]

    @property
    def all_weights(self):
        """The Parameters, one list for each layer and direction."""
        return [[w for w in self._weights(*place) if w is not None] for place in self._places()]

    def reset_parameters(self) -> None:
        """Draw all parameters anew, from U(-1/√hidden_size, 1/√hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self):
        """Nothing: parameters need no particular place in memory. For scripts written for PyTorch."""

    def forward(self, input: Tensor, hx: Tensor | tuple | None = None):
        """Outputs at all times, and the state after the last."""
        if isinstance(input, PackedSequence):
            sizes, x, batched = input.batch_sizes, input.data, True
            num = int(sizes[0].item())
            if x.ndim != 2:
                self._refuse(f"expected packed rows of shape (rows, {self.input_size})", x)
        else:
            input = as_tensor(input)
            sizes, x, batched = None, input, input.ndim == 3
            if input.ndim not in (2, 3):
                self._refuse(f"expected an input of 2 or 3 dimensions, (..., {self.input_size})", x)
            if not batched:
                x = x.unsqueeze(0 if self.batch_first else 1)
            num = x.shape[0 if self.batch_first else 1]
        if x.shape[-1] != self.input_size:
            self._refuse(f"expected {self.input_size} features", x)
        states = self._states(hx, num, batched)
        if sizes is not None and input.sorted_indices is not None:
            states = [s.index_select(1, input.sorted_indices) for s in states]
        x, after = self._through_layers(x, states, sizes)
        if sizes is not None:
            if input.unsorted_indices is not None:
                after = [s.index_select(1, input.unsorted_indices) for s in after]
            x = PackedSequence(x, sizes, input.sorted_indices, input.unsorted_indices)
        elif not batched:
            x = x.squeeze(0 if self.batch_first else 1)
            after = [s.squeeze(1) for s in after]
        return x, after[0] if len(after) == 1 else tuple(after)

    def _refuse(self, wanted, x):
        raise ValueError(f"{type(self).__name__}: {wanted}, got shape {tuple(x.shape)}")

    def _states(self, hx, num, batched):
        """The initial states as (layers x directions, batch, size), or an empty list."""
        name, lstm = type(self).__name__, self._gates == 4
        if hx is None:
            return []
        if lstm and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise ValueError(f"{name}: the initial state must be a tuple (h_0, c_0)")
        if not lstm and not isinstance(hx, Tensor):
            raise TypeError(f"{name}: the initial state must be a Tensor, got {type(hx).__name__}")
        states = list(hx) if lstm else [hx]
        depth = self.num_layers * (2 if self.bidirectional else 1)
        for what, s, size in zip(
            ("h_0", "c_0"), states, (self.proj_size or self.hidden_size, self.hidden_size)
        ):
            wanted = (depth, num, size) if batched else (depth, size)
            if tuple(s.shape) != wanted:
                raise ValueError(f"{name}: {what} must have shape {wanted}, got {tuple(s.shape)}")
        return states if batched else [s.unsqueeze(1) for s in states]

    def _through_layers(self, x, states, sizes):
        after, outputs = [], []
        for place, (layer, suffix) in enumerate(self._places()):
            if layer and not suffix and self.dropout and self.training:
                x = dropout(x, self.dropout)
            y, *final = self._layer(
                x,
                [s[place] for s in states] or [None] * (2 if self._gates == 4 else 1),
                self._weights(layer, suffix),
                batch_first=self.batch_first and sizes is None,
                reverse=bool(suffix),
                batch_sizes=sizes,
            )
            outputs.append(y)
            after.append(final)
            if len(outputs) == (2 if self.bidirectional else 1):
                x, outputs = outputs[0] if len(outputs) == 1 else cat(outputs, -1), []
        return x, [f[0].unsqueeze(0) if len(f) == 1 else stack(f) for f in zip(*after)]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        for name, default in defaults.items():
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(_Recurrent):
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh): ``torch.nn.RNN``.

    Parameters
    ----------
    input_size, hidden_size : int
        Sizes of x_t and h_t.
    num_layers : int
        Each layer reads the outputs of the one before. Default 1.
    nonlinearity : str
        "tanh" (default) or "relu".
    bias : bool
        Default True.
    batch_first : bool
        Inputs and outputs are (batch, time, ...); states are not. Default False.
    dropout : float
        Between layers, in training. Default 0.
    bidirectional : bool
        A second set of cells goes from the last time to the first. Default False.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter
        (hidden, input), (hidden, hidden), (hidden,), (hidden,) of layer 0, from
        U(-1/√hidden, 1/√hidden); l1 ... of the others, with ``_reverse`` of the second direction.

    Shapes
    ------
    Input: (time, batch, input), (time, input) or a PackedSequence; h_0 (layers x directions, batch,
    hidden), zeros when left out. Outputs: (time, batch, directions x hidden), and the state after.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or, when called, if shapes or dtypes do not fit.

    Examples
    --------
    >>> import fastnn
    >>> y, h = fastnn.nn.RNN(3, 5, num_layers=2)(fastnn.zeros(7, 4, 3))
    >>> y.shape, h.shape
    ((7, 4, 5), (2, 4, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def _layer(self, x, state, weights, **how):
        return rnn_layer(x, *state, *weights[:4], nonlinearity=self.nonlinearity, **how)


class LSTM(_Recurrent):
    """Long short-term memory: ``torch.nn.LSTM``.

    i, f, g, o = the four blocks of W_ih x_t + b_ih + W_hh h_(t-1) + b_hh;
    c_t = σ(f) c_(t-1) + σ(i) tanh(g);  h_t = σ(o) tanh(c_t), or W_hr times that.

    Parameters
    ----------
    input_size, hidden_size : int
        Sizes of x_t and c_t.
    num_layers : int
        Each layer reads the outputs of the one before. Default 1.
    bias : bool
        Default True.
    batch_first : bool
        Inputs and outputs are (batch, time, ...); states are not. Default False.
    dropout : float
        Between layers, in training. Default 0.
    bidirectional : bool
        A second set of cells goes from the last time to the first. Default False.
    proj_size : int
        Size of h_t when it is projected; 0 (default): as c_t.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0 : Parameter
        (4 hidden, input), (4 hidden, h), (4 hidden,), (4 hidden,) and (proj_size, hidden) of layer
        0, from U(-1/√hidden, 1/√hidden); l1 ... of the others, ``_reverse`` of the second direction.

    Shapes
    ------
    Input: (time, batch, input), (time, input) or a PackedSequence; a tuple of h_0 (layers x
    directions, batch, h) and c_0 (layers x directions, batch, hidden), zeros when left out. Outputs:
    (time, batch, directions x h), and the tuple of states after.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or, when called, if shapes or dtypes do not fit.

    Notes
    -----
    Hochreiter and Schmidhuber (1997); projection: Sak et al. (2014).

    Examples
    --------
    >>> import fastnn
    >>> y, (h, c) = fastnn.nn.LSTM(3, 5, batch_first=True, bidirectional=True)(fastnn.zeros(4, 7, 3))
    >>> y.shape, h.shape
    ((4, 7, 10), (2, 4, 5))
    """

    _gates = 4

    def _layer(self, x, state, weights, **how):
        return lstm_layer(x, *state, *weights, **how)


class GRU(_Recurrent):
    """Gated recurrent unit: ``torch.nn.GRU``.

    With a = W_ih x_t + b_ih and b = W_hh h_(t-1) + b_hh in three blocks:
    r = σ(a_r + b_r);  z = σ(a_z + b_z);  n = tanh(a_n + r b_n);  h_t = (1 - z) n + z h_(t-1).

    Parameters
    ----------
    input_size, hidden_size : int
        Sizes of x_t and h_t.
    num_layers : int
        Each layer reads the outputs of the one before. Default 1.
    bias : bool
        Default True.
    batch_first : bool
        Inputs and outputs are (batch, time, ...); states are not. Default False.
    dropout : float
        Between layers, in training. Default 0.
    bidirectional : bool
        A second set of cells goes from the last time to the first. Default False.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter
        (3 hidden, input), (3 hidden, hidden), (3 hidden,), (3 hidden,) of layer 0, from
        U(-1/√hidden, 1/√hidden); l1 ... of the others, with ``_reverse`` of the second direction.

    Shapes
    ------
    Input: (time, batch, input), (time, input) or a PackedSequence; h_0 (layers x directions, batch,
    hidden), zeros when left out. Outputs: (time, batch, directions x hidden), and the state after.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or, when called, if shapes or dtypes do not fit.

    Notes
    -----
    Cho et al. (2014), with the reset gate applied after the product.

    Examples
    --------
    >>> import fastnn
    >>> y, h = fastnn.nn.GRU(3, 5)(fastnn.zeros(7, 3))
    >>> y.shape, h.shape
    ((7, 5), (1, 5))
    """

    _gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype
        )  # fmt: skip

    def _layer(self, x, state, weights, **how):
        return gru_layer(x, *state, *weights[:4], **how)
