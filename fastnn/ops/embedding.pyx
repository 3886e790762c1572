"""Look-up of rows by number, with a table that can be trained."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real, whole

__all__ = ["embedding"]

cdef extern from "fastnn.h":
    enum: FNN_embedding_forward, FNN_embedding_backward


cdef int look_up(Tensor y, Tensor w, Tensor index, int64_t padding) except -1:
    """y = rows of w; zeros where index is padding."""
    cdef fnn_call c
    w = rows(w)
    if y.size_ == 0:
        return 0
    start(&c, FNN_embedding_forward, y.dtype_)
    buffer(&c, y)
    buffer(&c, w)
    buffer(&c, index)
    c.args.n[0] = index.size_
    c.args.n[1] = w.shape_[1]
    c.args.n[2] = w.strides_[0]
    c.args.n[3] = padding
    return run(&c, 1, y.size_, 0)


cdef int scatter(Tensor dw, Tensor dy, Tensor index, int64_t padding, bint accumulate) except -1:
    """Rows of dy added into rows of the contiguous dw."""
    cdef fnn_call c
    if dw.size_ == 0:
        return 0
    start(&c, FNN_embedding_backward, dy.dtype_)
    buffer(&c, dw)
    buffer(&c, dy)
    buffer(&c, index)
    c.args.n[0] = index.size_
    c.args.n[1] = dw.shape_[1]
    c.args.n[2] = dw.shape_[0]
    c.args.n[3] = padding
    c.args.n[4] = accumulate
    return run(&c, 1, <double>dw.size_ + dy.size_, 0)


cdef Tensor new_rows(Tensor like, Tensor index):
    """Uninitialised: index.shape + (D,)."""
    cdef int64_t shape[8]
    cdef int i
    if index.ndim_ > 7:
        raise ValueError(f"embedding: input has at most 7 dimensions, got {index.ndim_}")
    for i in range(index.ndim_):
        shape[i] = index.shape_[i]
    shape[index.ndim_] = like.shape_[1]
    return new(like.dtype_, index.ndim_ + 1, shape)


cdef int keep(Node node, Tensor index, int64_t num, int64_t padding) except -1:
    save(node, index, None, None)
    node.n[0] = num
    node.n[1] = padding
    return 0


cdef Tensor new_table(Node node, Tensor dy):
    cdef int64_t shape[2]
    shape[0] = node.n[0]
    shape[1] = dy.shape_[dy.ndim_ - 1]
    return new(dy.dtype_, 2, shape)


cdef int embedding_rule(Node node, Tensor dy) except -1:
    cdef Tensor table = new_table(node, dy), dw
    cdef bint accumulate
    dw = node.slot(0, table, &accumulate)
    dy = contiguous(dy)
    if dw.contiguous:
        scatter(dw, dy, node.a, node.n[1], accumulate)
        return node.wrote(0, dw, accumulate)
    scatter(table, dy, node.a, node.n[1], False)
    return node.give(0, table)


cdef int embedding_graph(Node node, Tensor dy) except -1:
    cdef Tensor dw = new_table(node, dy)
    scatter(dw, contiguous(dy), node.a, node.n[1], False)
    if tracked(dy):
        keep(record1("embedding_backward", dw, dy, scatter_rule, scatter_graph), node.a, node.n[0], node.n[1])
    return node.give(0, dw)


cdef int scatter_rule(Node node, Tensor ddw) except -1:
    cdef Tensor ddy = new_rows(ddw, node.a)
    look_up(ddy, ddw, node.a, node.n[1])
    return node.give(0, ddy)


cdef int scatter_graph(Node node, Tensor ddw) except -1:
    cdef Tensor ddy = new_rows(ddw, node.a)
    look_up(ddy, ddw, node.a, node.n[1])
    if tracked(ddw):
        keep(record1("embedding", ddy, ddw, embedding_rule, embedding_graph), node.a, node.n[0], node.n[1])
    return node.give(0, ddy)


# --- options --------------------------------------------------------------------------------------

cdef int scaled_rule(Node node, Tensor dy) except -1:
    return node.give(0, dy * node.a)


cdef Tensor with_scaled_gradient(Tensor w, Tensor factor):
    """w itself; the gradient that comes back is multiplied by the factor."""
    cdef Tensor y
    if not tracked(w):
        return w
    y = alias(w)
    save(record1("scale_gradient", y, w, scaled_rule, scaled_rule), factor, None, None)
    return y


cdef Tensor counts(Tensor w, Tensor index):
    """How often each row is named, (V, 1)."""
    from fastnn.ops.creation import ones, zeros
    flat = index.reshape((index.size_,))
    return zeros(w.shape_[0], dtype=w.dtype).index_add(0, flat, ones(index.size_, dtype=w.dtype)).reshape((-1, 1))


cdef int shorten(Tensor w, Tensor index, double most, double power) except -1:
    """Rows that are named and longer than `most` are scaled down to it, in place."""
    from fastnn.ops.choose import where
    cdef Tensor table = w.detach()
    lengths = table.norm(power, 1, True)
    table.mul_(where((lengths > most).logical_and(counts(table, index) > 0), most / (lengths + 1e-7), 1.0))
    return 0


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """Rows of `weight` by number: y[..., :] = weight[input[...], :].

    Parameters
    ----------
    input : Tensor
        Row numbers from 0 to V - 1: int64 or int32, any shape of at most 7 dimensions.
    weight : Tensor
        (V, D), float32 or float64.
    padding_idx : int, optional
        This row gets no gradient; counted from the end when negative.
    max_norm : float, optional
        Rows that are looked up and longer are first scaled down to it, in place.
    norm_type : float
        Which norm. Default 2.
    scale_grad_by_freq : bool
        Divide each row's gradient by how often the row was looked up. Default False.
    sparse : bool
        Only False: gradients are dense.

    Returns
    -------
    Tensor
        input.shape + (D,), weight's dtype.

    Raises
    ------
    IndexError
        If a number is not from 0 to V - 1; tells position and value.
    TypeError
        If input is not of integers.
    ValueError
        If weight is not 2-d, padding_idx is out of range, or sparse is True.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.embedding``. The gradient is added up in the order of
    the look-ups, for any number of threads.

    Examples
    --------
    >>> import fastnn
    >>> table = fastnn.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> fastnn.embedding(fastnn.tensor([2, 0]), table)
    tensor([[4., 5.],
            [0., 1.]])
    """
    cdef Tensor index = as_tensor(input, b"embedding: input"), w = float_tensor(weight, b"embedding: weight"), y
    cdef int64_t padding = -1
    if index.dtype_ != FNN_I64 and index.dtype_ != FNN_I32:
        raise TypeError(f"embedding: input must be int64 or int32 row numbers, got {dtype_name(index.dtype_)}")
    if w.ndim_ != 2:
        raise ValueError(f"embedding: weight must be 2-d (V, D), got shape {shape_of(w)}")
    if padding_idx is not None:
        padding = whole(padding_idx, "embedding: padding_idx")
        if not -w.shape_[0] <= padding < w.shape_[0]:
            raise ValueError(f"embedding: padding_idx {padding_idx} is out of range for {w.shape_[0]} rows")
        padding = padding + w.shape_[0] if padding < 0 else padding
    index = contiguous(cast(index, FNN_I64))
    check_index(index, w.shape_[0], NO_VALUE, b"embedding: input")
    if sparse:
        raise ValueError("embedding: sparse gradients do not exist in fastnn: sparse=False")
    if max_norm is not None:
        shorten(w, index, real(max_norm, "embedding: max_norm"), real(norm_type, "embedding: norm_type"))
    if scale_grad_by_freq:
        w = with_scaled_gradient(w, 1 / counts(w.detach(), index).clamp(min=1))
    y = new_rows(w, index)
    look_up(y, w, index, -1)
    if tracked(w):
        keep(record1("embedding", y, w, embedding_rule, embedding_graph), index, w.shape_[0], padding)
    return y


cdef int64_t NO_VALUE = -9223372036854775807 - 1        # no index to be ignored
