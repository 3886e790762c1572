"""Recurrent layers: one direction of one layer over all of time as one op."""
from fastnn._engine.engine cimport *
from fastnn.ops.composed cimport kept
from fastnn.ops.recurrence cimport *

__all__ = ["gru_layer", "lstm_layer", "rnn_layer"]


cdef Tensor operand(object value, Tensor x, tuple shape, str what, str name):
    """A weight, bias or state of this shape in x's dtype; None stays None."""
    cdef Tensor t
    if value is None:
        return None
    t = float_tensor(value, f"{what}: {name}".encode())
    if shape_of(t) != shape:
        raise ValueError(f"{what}: {name} must have shape {shape}, got {shape_of(t)}")
    if t.dtype_ != x.dtype_:
        raise TypeError(f"{what}: input is {dtype_name(x.dtype_)}, {name} is {dtype_name(t.dtype_)}; expected one dtype")
    return t


cdef Tensor counts_from(object batch_sizes, int64_t rows, str what):
    """How many sequences there are at each time: positive, never more than before."""
    cdef Tensor t = as_tensor(batch_sizes, b"batch_sizes")
    if t.ndim_ != 1 or t.dtype_ != FNN_I64:
        raise ValueError(f"{what}: batch_sizes must be int64 and have one dimension, got {dtype_name(t.dtype_)} "
                         f"of shape {shape_of(t)}")
    counts = t.tolist()
    if sum(counts) != rows or any([n < 1 for n in counts]) or sorted(counts, reverse=True) != counts:
        raise ValueError(f"{what}: batch_sizes must fall from positive numbers and have the sum {rows}, got {counts}")
    return contiguous(t)


cdef tuple layer(int mode, object input, object hx, object cx, object weight_ih, object weight_hh, object bias_ih,
                 object bias_hh, object weight_hr, bint batch_first, bint reverse, object batch_sizes, str what):
    cdef Tensor x = float_tensor(input, f"{what}: input".encode())
    cdef Tensor w_ih = float_tensor(weight_ih, f"{what}: w_ih".encode())
    cdef Tensor w_hh = float_tensor(weight_hh, f"{what}: w_hh".encode()), sizes = None
    cdef Tensor b_ih, b_hh, w_hr, h, c0, y, h_n, c_n = None, none, gates, saved, state
    cdef Layer l
    cdef Node node
    cdef int ndim = 3 if batch_sizes is None else 2
    l.mode, l.reverse = mode, reverse
    l.gates = 4 if mode == FNN_RNN_LSTM else 3 if mode == FNN_RNN_GRU else 1
    if x.ndim_ != ndim:
        wanted = "(rows, input)" if ndim == 2 else "(batch, time, input)" if batch_first else "(time, batch, input)"
        raise ValueError(f"{what}: input must have shape {wanted}, got {shape_of(x)}")
    if w_ih.ndim_ != 2 or w_ih.shape_[0] % l.gates or w_ih.shape_[0] == 0:
        raise ValueError(f"{what}: w_ih must have shape ({l.gates} * hidden, input), got {shape_of(w_ih)}")
    l.H = w_ih.shape_[0] // l.gates
    l.P = l.H
    if weight_hr is not None:
        if not isinstance(weight_hr, Tensor) or weight_hr.ndim != 2:
            raise ValueError(f"{what}: w_hr must have shape (projection, {l.H})")
        l.P = weight_hr.shape[0]
    if x.shape_[ndim - 1] != w_ih.shape_[1]:
        raise ValueError(f"{what}: input has {x.shape_[ndim - 1]} features, w_ih expects {w_ih.shape_[1]}")
    w_ih = operand(w_ih, x, (l.gates * l.H, x.shape_[ndim - 1]), what, "w_ih")
    w_hh = operand(w_hh, x, (l.gates * l.H, l.P), what, "w_hh")
    b_ih = operand(bias_ih, x, (l.gates * l.H,), what, "b_ih")
    b_hh = operand(bias_hh, x, (l.gates * l.H,), what, "b_hh")
    w_hr = operand(weight_hr, x, (l.P, l.H), what, "w_hr")
    if batch_sizes is None:
        l.T, l.N = x.shape_[1 if batch_first else 0], x.shape_[0 if batch_first else 1]
        l.rows = l.T * l.N
        l.time_step, l.batch_step = 1 if batch_first else l.N, l.T if batch_first else 1
    else:
        sizes = counts_from(batch_sizes, x.shape_[0], what)
        l.T, l.N, l.rows = sizes.size_, (<int64_t *>sizes.data_)[0] if sizes.size_ else 0, x.shape_[0]
        l.time_step, l.batch_step = 0, 1
    if l.T == 0:
        raise ValueError(f"{what}: the sequence must have at least one step, got input of shape {shape_of(x)}")
    h = operand(hx, x, (l.N, l.P), what, "hx")
    c0 = operand(cx, x, (l.N, l.H), what, "cx")
    widths(&l, w_hr is not None)
    inputs = (x, w_ih, w_hh, b_ih, b_hh, w_hr, h, c0)
    wanted = any([t is not None and tracked(t) for t in inputs])

    y, state, gates, saved = through_time(&l, inputs, sizes, wanted)
    h_n = columns(state, 0, l.N, l.P, l.state_width)
    if mode == FNN_RNN_LSTM:
        c_n = columns(state, l.P, l.N, l.H, l.state_width)
    outputs = (y, h_n) if c_n is None else (y, h_n, c_n)
    for t in outputs[1:]:
        (<Tensor>t).base = None
    if wanted:
        none = new_1d(x.dtype_, 0)
        node = record_outputs("recurrent_layer", outputs, tuple([none if t is None else t for t in inputs]),
                              layer_rule, layer_graph)
        kind = (l.mode, l.gates, l.reverse, l.T, l.N, l.H, l.P, l.rows, l.time_step, l.batch_step)
        node.extra = (kept(inputs), gates, saved, sizes, kind)
    return outputs


def rnn_layer(input, hx, w_ih, w_hh, b_ih=None, b_hh=None, *, nonlinearity="tanh", batch_first=False,
              reverse=False, batch_sizes=None):
    """h_t = tanh(x_t W_ihᵀ + b_ih + h_(t-1) W_hhᵀ + b_hh): one direction of one layer, all of time.

    Parameters
    ----------
    input : Tensor
        (time, batch, input), with `batch_first` (batch, time, input), with `batch_sizes`
        (rows, input); float32 or float64.
    hx : Tensor or None
        The state before, (batch, hidden). None: zeros.
    w_ih, w_hh : Tensor
        (hidden, input) and (hidden, hidden).
    b_ih, b_hh : Tensor, optional
        (hidden,).
    nonlinearity : str
        "tanh" (default) or "relu".
    batch_first : bool
        Default False.
    reverse : bool
        Go from the last time to the first. Default False.
    batch_sizes : Tensor of int64, optional
        Sequences of different lengths, as ``nn.utils.rnn.PackedSequence`` has them: how many are
        still there at each time.

    Returns
    -------
    tuple of Tensor
        h at every time, in input's shape with hidden last; and the state after, (batch, hidden).

    Raises
    ------
    ValueError
        If shapes do not fit, or there is no step of time.
    TypeError
        If dtypes differ.

    Notes
    -----
    Elman (1990); one direction of ``torch.nn.RNN``. One product for the inputs of all times, then
    each thread takes some sequences through time.

    Examples
    --------
    >>> import fastnn
    >>> x, w = fastnn.ones(3, 1, 1), fastnn.ones(1, 1)
    >>> y, h = fastnn.rnn_layer(x, None, w, w, nonlinearity="relu")
    >>> y.flatten()
    tensor([1., 2., 3.])
    """
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"rnn_layer: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
    return layer(FNN_RNN_TANH if nonlinearity == "tanh" else FNN_RNN_RELU, input, hx, None, w_ih, w_hh, b_ih, b_hh,
                 None, batch_first, reverse, batch_sizes, "rnn_layer")


def lstm_layer(input, hx, cx, w_ih, w_hh, b_ih=None, b_hh=None, w_hr=None, *, batch_first=False, reverse=False,
               batch_sizes=None):
    """Long short-term memory: one direction of one layer, all of time.

    i, f, g, o = the four blocks of x_t W_ihᵀ + b_ih + h_(t-1) W_hhᵀ + b_hh;
    c_t = σ(f) c_(t-1) + σ(i) tanh(g);  h_t = σ(o) tanh(c_t), or that times W_hrᵀ.

    Parameters
    ----------
    input : Tensor
        (time, batch, input), with `batch_first` (batch, time, input), with `batch_sizes`
        (rows, input); float32 or float64.
    hx, cx : Tensor or None
        The state before, (batch, projection or hidden) and (batch, hidden). None: zeros.
    w_ih, w_hh : Tensor
        (4 * hidden, input) and (4 * hidden, projection or hidden).
    b_ih, b_hh : Tensor, optional
        (4 * hidden,).
    w_hr : Tensor, optional
        (projection, hidden).
    batch_first : bool
        Default False.
    reverse : bool
        Go from the last time to the first. Default False.
    batch_sizes : Tensor of int64, optional
        As in `rnn_layer`.

    Returns
    -------
    tuple of Tensor
        h at every time; and h and c after, (batch, projection or hidden) and (batch, hidden).

    Raises
    ------
    ValueError
        If shapes do not fit, or there is no step of time.
    TypeError
        If dtypes differ.

    Notes
    -----
    Hochreiter and Schmidhuber (1997); Sak et al. (2014) for the projection; one direction of
    ``torch.nn.LSTM``.

    Examples
    --------
    >>> import fastnn
    >>> x, w = fastnn.ones(3, 1, 1), fastnn.ones(4, 1)
    >>> y, h, c = fastnn.lstm_layer(x, None, None, w, w)
    >>> y.flatten()
    tensor([0.3696, 0.6505, 0.7888])
    """
    return layer(FNN_RNN_LSTM, input, hx, cx, w_ih, w_hh, b_ih, b_hh, w_hr, batch_first, reverse, batch_sizes,
                 "lstm_layer")


def gru_layer(input, hx, w_ih, w_hh, b_ih=None, b_hh=None, *, batch_first=False, reverse=False, batch_sizes=None):
    """Gated recurrent unit: one direction of one layer, all of time.

    With a = x_t W_ihᵀ + b_ih and b = h_(t-1) W_hhᵀ + b_hh in three blocks:
    r = σ(a_r + b_r);  z = σ(a_z + b_z);  n = tanh(a_n + r b_n);  h_t = (1 - z) n + z h_(t-1).

    Parameters
    ----------
    input : Tensor
        (time, batch, input), with `batch_first` (batch, time, input), with `batch_sizes`
        (rows, input); float32 or float64.
    hx : Tensor or None
        The state before, (batch, hidden). None: zeros.
    w_ih, w_hh : Tensor
        (3 * hidden, input) and (3 * hidden, hidden).
    b_ih, b_hh : Tensor, optional
        (3 * hidden,).
    batch_first : bool
        Default False.
    reverse : bool
        Go from the last time to the first. Default False.
    batch_sizes : Tensor of int64, optional
        As in `rnn_layer`.

    Returns
    -------
    tuple of Tensor
        h at every time, and the state after, (batch, hidden).

    Raises
    ------
    ValueError
        If shapes do not fit, or there is no step of time.
    TypeError
        If dtypes differ.

    Notes
    -----
    Cho et al. (2014), with the reset gate applied after the product; one direction of
    ``torch.nn.GRU``.

    Examples
    --------
    >>> import fastnn
    >>> x, w = fastnn.ones(3, 1, 1), fastnn.zeros(3, 1)
    >>> y, h = fastnn.gru_layer(x, fastnn.ones(1, 1), w, w)
    >>> y.flatten()
    tensor([0.5  , 0.25 , 0.125])
    """
    return layer(FNN_RNN_GRU, input, hx, None, w_ih, w_hh, b_ih, b_hh, None, batch_first, reverse, batch_sizes,
                 "gru_layer")
