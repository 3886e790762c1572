"""Bags of embeddings: the rows of each bag become their sum, mean or maximum."""
import numpy as np

from fastnn._engine.engine cimport *
from libc.stdint cimport INT64_MIN
from fastnn.ops.affine cimport optional, packed_slot
from fastnn.ops.argument cimport real, whole
from fastnn.ops.composed cimport composed_rule, fence, kept, taken
from fastnn.ops.embedding cimport counts, shorten, with_scaled_gradient
from fastnn.ops.along import gather
from fastnn.ops.creation import zeros
from fastnn.ops.embedding import embedding
from fastnn.ops.slices import index_add

cdef extern from "fastnn.h":
    enum: FNN_bag_forward, FNN_bag_backward, FNN_bag_factor_backward

__all__ = ["embedding_bag"]

cdef tuple MODES = ("sum", "mean", "max")

cdef enum:
    NUM_BAGS, WIDTH, LOOKED_UP, EACH, GIVEN, PADDING, MODE, NUM_ROWS    # a Node's n, and a Call's
    STRIDE, ONTO


cdef void put_sizes(fnn_call *c, const int64_t *n, Tensor w):
    cdef int i
    for i in range(NUM_ROWS + 1):
        c.args.n[i] = n[i]
    c.args.n[STRIDE] = w.strides_[0]


cdef int bag_rule(Node node, Tensor dy) except -1:
    cdef Tensor w, factors, index, offsets, place, dw, dfactors
    cdef bint onto = False
    cdef fnn_call c
    (w, factors), (index, offsets, place) = taken(node, node.extra[0]), node.extra[1]
    dy, w = contiguous(dy), rows(w)
    if node.wants(0):
        dw = packed_slot(node, 0, node.extra[0][0][0], &onto)
        packed = None if factors is None else contiguous(factors)
        start(&c, FNN_bag_backward, dy.dtype_)
        buffer(&c, dw)
        buffer(&c, dy)
        optional(&c, place)
        buffer(&c, index)
        optional(&c, offsets)
        optional(&c, packed)
        put_sizes(&c, node.n, w)
        c.args.n[ONTO] = onto
        run(&c, 1, <double>dw.size_ + index.size_ * w.shape_[1], 0)
        node.wrote(0, dw, onto)
    if factors is not None and node.wants(1):
        dfactors = new_like(factors)
        start(&c, FNN_bag_factor_backward, dy.dtype_)
        buffer(&c, dfactors)
        buffer(&c, dy)
        buffer(&c, w)
        buffer(&c, index)
        optional(&c, offsets)
        null_buffer(&c)
        put_sizes(&c, node.n, w)
        run(&c, 1, 2.0 * index.size_ * w.shape_[1], 0)
        node.give(1, dfactors)
    return 0


cdef int bag_graph(Node node, Tensor dy) except -1:
    fenced = fence(node, taken(node, node.extra[0]))
    y = composed(fenced[0], fenced[1], node.extra[1], node.n[EACH], node.n[PADDING], MODES[node.n[MODE]], dy.shape_[0])
    return composed_rule(node, node.extra[0][0], (y,), [dy], fenced)


cdef object composed(object w, object factors, tuple places, int64_t each, int64_t padding, str mode, int64_t num_bags):
    """The same by elementary ops."""
    cdef Tensor index, offsets, place
    index, offsets, place = places
    found = embedding(index, w)
    if mode == "max":
        if index.size_ == 0:
            return zeros(num_bags, w.shape[1], dtype=w.dtype)
        at = to_numpy(place)
        return gather(found, 0, from_array(np.maximum(at, 0), FNN_I64, "place")) * as_tensor((at >= 0).astype(w.dtype), "place")
    begin = np.arange(num_bags + 1) * each if offsets is None else np.append(to_numpy(offsets), index.size_)
    position = np.arange(index.size_)
    bag = np.searchsorted(begin[:num_bags], position, side="right") - 1
    counted = (to_numpy(index) != padding) & (position < begin[num_bags])
    scale = counted.astype(w.dtype)
    if mode == "mean":
        scale = scale / np.maximum(np.bincount(bag, counted, num_bags), 1)[bag]
    found = found * as_tensor(scale.astype(w.dtype)[:, None], "scale")
    if factors is not None:
        found = found * factors.reshape(-1, 1)
    return index_add(zeros(num_bags, w.shape[1], dtype=w.dtype), 0, from_array(bag, FNN_I64, "bag"), found)


cdef Tensor whole_numbers(object given, str what, str kind):
    cdef Tensor t = as_tensor(given, what.encode())
    if t.dtype_ != FNN_I64 and t.dtype_ != FNN_I32:
        raise TypeError(f"{what} must be int64 or int32 {kind}, got {dtype_name(t.dtype_)}")
    return t


cdef Tensor checked_offsets(object given, int64_t count):
    """Refused unless they rise from 0 to at most `count`; checked in replays too."""
    cdef Tensor t = whole_numbers(given, "embedding_bag: offsets", "positions")
    if t.ndim_ != 1 or t.size_ == 0:
        raise ValueError(f"embedding_bag: offsets must be in one dimension and not empty, got shape {shape_of(t)}")
    t = contiguous(cast(t, FNN_I64))
    check_index(t.narrow(0, 0, 1), 1, INT64_MIN, b"embedding_bag: offsets, the first,")
    check_index(t, count + 1, INT64_MIN, b"embedding_bag: offsets")
    if t.size_ > 1:
        lengths = t.narrow(0, 1, t.size_ - 1) - t.narrow(0, 0, t.size_ - 1)
        check_index(contiguous(lengths), count + 1, INT64_MIN, b"embedding_bag: offsets must rise: the length of a bag")
    return t


def embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, mode="mean",
                  sparse=False, per_sample_weights=None, include_last_offset=False, padding_idx=None):
    """The sum, mean or maximum of the rows of `weight` that each bag names.

    Parameters
    ----------
    input : Tensor
        Row numbers: (B, L), a bag in each row, or (T,) with `offsets`.
    weight : Tensor
        (V, D).
    offsets : Tensor of int, optional
        (B,): where each bag begins in a 1-d input.
    max_norm : float, optional
        Longer rows are first scaled down to it, in place.
    norm_type : float
        Which norm. Default 2.
    scale_grad_by_freq : bool
        Divide a row's gradient by how often the batch names it. Default False.
    mode : {"sum", "mean", "max"}
        Default "mean".
    sparse : bool
        Only False.
    per_sample_weights : Tensor, optional
        Of the input's shape: factors, for mode "sum".
    include_last_offset : bool
        The last offset is the end of the last bag. Default False.
    padding_idx : int, optional
        This row counts nowhere.

    Returns
    -------
    Tensor
        (B, D); zeros for an empty bag.

    Raises
    ------
    ValueError, TypeError
        If arguments do not fit.
    IndexError
        If a row number is not from 0 to V - 1, or offsets do not rise from 0 to at most T.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.embedding_bag``.

    Examples
    --------
    >>> import fastnn
    >>> table = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> fastnn.nn.functional.embedding_bag(fastnn.tensor([[0, 1]]), table)
    tensor([[2., 3.]])
    """
    cdef Tensor index = whole_numbers(input, "embedding_bag: input", "row numbers"), offs = None, factors = None, y, place = None
    cdef Tensor w = float_tensor(weight, b"embedding_bag: weight"), table, packed = None
    cdef int64_t padding = -1, each = 0, num_bags
    cdef int64_t n[8]
    cdef int i
    cdef fnn_call c
    cdef Node node
    if mode not in MODES:
        raise ValueError(f"embedding_bag: mode must be one of {MODES}, got {mode!r}")
    if sparse:
        raise ValueError("embedding_bag: sparse gradients do not exist in fastnn: sparse=False")
    if scale_grad_by_freq and mode == "max":
        raise ValueError("embedding_bag: mode 'max' has no scale_grad_by_freq")
    if w.ndim_ != 2:
        raise ValueError(f"embedding_bag: weight must be 2-d (V, D), got shape {shape_of(w)}")
    if padding_idx is not None:
        padding = whole(padding_idx, "embedding_bag: padding_idx")
        if not -w.shape_[0] <= padding < w.shape_[0]:
            raise ValueError(f"embedding_bag: padding_idx {padding} is out of range for {w.shape_[0]} rows")
        padding = padding + w.shape_[0] if padding < 0 else padding
    if per_sample_weights is not None:
        if mode != "sum":
            raise ValueError("embedding_bag: per_sample_weights go with mode 'sum'")
        factors = float_tensor(per_sample_weights, b"embedding_bag: per_sample_weights")
        if not same_shape(factors, index):
            raise ValueError(f"embedding_bag: per_sample_weights have shape {shape_of(factors)}, input has {shape_of(index)}")
        factors = factors.to(w.dtype)
    if index.ndim_ == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: a 2-d input has no offsets: each row is a bag")
        num_bags, each = index.shape_[0], index.shape_[1]
    elif index.ndim_ == 1:
        if offsets is None:
            raise ValueError("embedding_bag: a 1-d input needs offsets, where each bag begins")
        offs = checked_offsets(offsets, index.size_)
        num_bags = offs.size_ - 1 if include_last_offset else offs.size_
    else:
        raise ValueError(f"embedding_bag: input must be 1-d or 2-d, got shape {shape_of(index)}")
    index = contiguous(cast(index, FNN_I64)).reshape((index.size_,))
    check_index(index, w.shape_[0], INT64_MIN, b"embedding_bag: input")
    if max_norm is not None:
        shorten(w, index, real(max_norm, "embedding_bag: max_norm"), real(norm_type, "embedding_bag: norm_type"))
    if scale_grad_by_freq:
        w = with_scaled_gradient(w, 1 / counts(w.detach(), index).clamp(min=1))
    n[NUM_BAGS], n[WIDTH], n[LOOKED_UP], n[EACH] = num_bags, w.shape_[1], index.size_, each
    n[GIVEN], n[PADDING], n[MODE], n[NUM_ROWS] = 0 if offs is None else offs.size_, padding, MODES.index(mode), w.shape_[0]
    y = new(w.dtype_, 2, n)
    if mode == "max":
        place = new(FNN_I64, 2, n)
    table = rows(w)
    packed = None if factors is None else contiguous(factors)
    start(&c, FNN_bag_forward, w.dtype_)
    buffer(&c, y)
    optional(&c, place)
    buffer(&c, table)
    buffer(&c, index)
    optional(&c, offs)
    optional(&c, packed)
    put_sizes(&c, n, table)
    run(&c, 2, 2.0 * index.size_ * w.shape_[1], 0)
    if tracked(w) or (factors is not None and tracked(factors)):
        if factors is None:
            node = record1("embedding_bag", y, w, bag_rule, bag_graph)
        else:
            node = record2("embedding_bag", y, w, factors, bag_rule, bag_graph)
        for i in range(NUM_ROWS + 1):
            node.n[i] = n[i]
        node.extra = (kept((w, factors)), (index, offs, place))
    return y
