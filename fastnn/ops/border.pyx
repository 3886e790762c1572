"""Elements around or beside others: pad, triangles and diagonals."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport listed, real, whole
from fastnn.ops.resize cimport picked
from fastnn.ops.window cimport Window, diagonal_window, place, real_dim, take, whole_window

import numpy as np

cdef extern from "fastnn.h":
    enum: FNN_triangle

__all__ = ["diag", "diag_embed", "pad", "tril", "triu"]


# --- pad ------------------------------------------------------------------------------------------

def pad(input, pad, mode="constant", value=None):
    """Add elements before and after, along the last dimensions.

    Parameters
    ----------
    input : Tensor
    pad : sequence of int
        (before, after) of the last dimension, then of the one before it, and so on. Negative
        numbers take elements away (not with mode "circular" or "reflect").
    mode : {"constant", "reflect", "replicate", "circular"}
        What is added: `value`; the inside mirrored, without repeating the border; the border
        repeated; the other end. Default "constant".
    value : number, optional
        For mode "constant". Default 0.

    Returns
    -------
    Tensor
        A copy, of the same dtype.

    Raises
    ------
    ValueError
        If there are more pairs than dimensions, an odd count, or more is asked for than there is
        to mirror (size - 1) or to wrap round (size).

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.pad``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.pad(fastnn.tensor([1, 2, 3]), (1, 2))
    tensor([0, 1, 2, 3, 0, 0])
    >>> fastnn.pad(fastnn.tensor([1, 2, 3]), (2, 0), mode="reflect")
    tensor([3, 2, 1, 2, 3])
    """
    cdef Tensor x = as_tensor(input, "pad: input")
    amounts = [whole(p, "pad: pad") for p in listed(pad)]
    if len(amounts) % 2 or len(amounts) > 2 * x.ndim_:
        raise ValueError(f"pad: pad must hold (before, after) for at most {x.ndim_} dimensions, got {len(amounts)} numbers")
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise ValueError(f"pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got {mode!r}")
    if mode != "constant" and value is not None and value != 0:
        raise ValueError(f"pad: mode {mode!r} takes no value, got {value!r}")
    if mode == "constant":
        return pad_constant(x, amounts, 0 if value is None else real(value, "pad: value"))
    return pad_by_copies(x, amounts, mode)


cdef object pad_by_copies(Tensor x, list amounts, str mode):
    """The last two dimensions in one Call, the ones before them by index."""
    from fastnn.ops.slices import index_select
    cdef Tensor y = x
    cdef int d, used = 0
    places = [None, None]               # of columns, of rows
    if x.dtype_ <= FNN_F64 and amounts:
        used = 2 if len(amounts) > 2 and (amounts[2] or amounts[3]) else 1
        for i in range(used):
            places[i] = source_places(x.shape_[x.ndim_ - 1 - i], amounts[2 * i], amounts[2 * i + 1], mode)
        y = picked(x, places[1], places[0])
    for i in range(2 * used, len(amounts), 2):
        d = x.ndim_ - 1 - i // 2
        if amounts[i] or amounts[i + 1]:
            y = index_select(y, d, source_places(x.shape_[d], amounts[i], amounts[i + 1], mode))
    return y.clone() if y is x else y


cdef object source_places(int64_t size, int64_t before, int64_t after, str mode):
    """For each place of the padded dimension, the place that it is copied from."""
    most = {"reflect": size - 1, "replicate": 2 ** 40 if size else 0, "circular": size}[mode]
    least = -size if mode == "replicate" else 0
    if not (least <= before <= most and least <= after <= most and size + before + after >= 0):
        raise ValueError(f"pad: mode {mode!r} can add {max(least, -size)} to {most} to a dimension of size {size}, "
                         f"got {before} and {after}")
    at = np.arange(-before, size + after)
    if mode == "circular":
        return at % max(size, 1)
    if mode == "replicate":
        return at.clip(0, size - 1)
    return np.where(at < 0, -at, np.where(at >= size, 2 * (size - 1) - at, at))


cdef Tensor pad_constant(Tensor x, list amounts, object value):
    cdef Window inner = whole_window(x), outer = whole_window(x)
    cdef int i, d
    cdef int64_t before, after
    for i in range(0, len(amounts), 2):
        d, before, after = x.ndim_ - 1 - i // 2, amounts[i], amounts[i + 1]
        outer.in_shape[d] = x.shape_[d] + before + after
        if outer.in_shape[d] < 0:
            raise ValueError(f"pad: {before} and {after} take away more than dimension {d} has, {x.shape_[d]}")
        outer.start[d] = max(before, 0)
        inner.start[d] = max(-before, 0)
        inner.shape[d] = outer.shape[d] = x.shape_[d] + min(before, 0) + min(after, 0)
        if inner.shape[d] < 0:          # all of it goes, and more: what is left is padding
            inner.start[d] = outer.start[d] = inner.shape[d] = outer.shape[d] = 0
    return place(take(x, inner), outer, value)


# --- triangles and diagonals ----------------------------------------------------------------------

cdef int triangle_rule(Node node, Tensor dy) except -1:
    return node.give(0, triangle(dy, node.n[0], node.n[1]))     # records only where the graph is wanted


cdef Tensor triangle(Tensor x, int64_t diagonal, bint upper):
    cdef Tensor y, packed
    cdef fnn_call c
    cdef Node node
    if x.ndim_ < 2:
        raise ValueError(f"{'triu' if upper else 'tril'}: expected at least 2 dimensions, got {x.ndim_}")
    if x.dtype_ > FNN_F64:
        return from_array((np.triu if upper else np.tril)(to_numpy(x), diagonal), x.dtype_, "triangle")
    packed = contiguous(x)
    y = new(x.dtype_, x.ndim_, x.shape_)
    if x.size_:
        start(&c, FNN_triangle, x.dtype_)
        buffer(&c, y)
        buffer(&c, packed)
        c.args.n[0] = x.size_ // x.shape_[x.ndim_ - 1]
        c.args.n[1] = x.shape_[x.ndim_ - 2]
        c.args.n[2] = x.shape_[x.ndim_ - 1]
        c.args.n[3] = diagonal
        c.args.n[4] = upper
        run(&c, 1, x.size_, 0)
    if tracked(x):
        node = record1("triangle", y, x, triangle_rule, triangle_rule)
        node.n[0] = diagonal
        node.n[1] = upper
    return y


cdef int64_t offset_from(object diagonal, str what) except? -1:
    return max(-(1 << 46), min(1 << 46, whole(diagonal, what)))


def tril(input, diagonal=0):
    """The lower triangle of each matrix; the rest is zero.

    y[i, j] = x[i, j] where j - i <= diagonal, else 0.

    Parameters
    ----------
    input : Tensor
        At least two dimensions.
    diagonal : int
        The last one kept: above the main one if positive. Default 0.

    Returns
    -------
    Tensor
        A copy, of the same dtype.

    Raises
    ------
    ValueError
        If there are less than two dimensions.

    Notes
    -----
    Has the behaviour of ``torch.tril``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tril(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([[1, 0],
            [3, 4]])
    """
    return triangle(as_tensor(input, "tril: input"), offset_from(diagonal, "tril: diagonal"), False)


def triu(input, diagonal=0):
    """The upper triangle of each matrix; the rest is zero.

    y[i, j] = x[i, j] where j - i >= diagonal, else 0.

    Parameters
    ----------
    input : Tensor
        At least two dimensions.
    diagonal : int
        The first one kept: above the main one if positive. Default 0.

    Returns
    -------
    Tensor
        A copy, of the same dtype.

    Raises
    ------
    ValueError
        If there are less than two dimensions.

    Notes
    -----
    Has the behaviour of ``torch.triu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.triu(fastnn.tensor([[1, 2], [3, 4]]), 1)
    tensor([[0, 2],
            [0, 0]])
    """
    return triangle(as_tensor(input, "triu: input"), offset_from(diagonal, "triu: diagonal"), True)


def diag_embed(input, offset=0):
    """Matrices with the last dimension on their diagonal, and zeros elsewhere.

    Parameters
    ----------
    input : Tensor
        At least one dimension.
    offset : int
        Above the main diagonal if positive, below if negative. Default 0.

    Returns
    -------
    Tensor
        One dimension more, the last two square; of the same dtype.

    Raises
    ------
    ValueError
        If the input is 0-d.

    Notes
    -----
    Has the behaviour of ``torch.diag_embed``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.diag_embed(fastnn.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    cdef Tensor x = as_tensor(input, "diag_embed: input")
    cdef int last = real_dim(x, -1, "diag_embed")
    cdef int64_t k = offset_from(offset, "diag_embed: offset")
    cdef Window w = whole_window(x)
    if x.ndim_ == 8:
        raise ValueError("diag_embed: tensors have at most 8 dimensions")
    w.in_ndim = w.ndim = x.ndim_ + 1
    w.in_shape[last] = w.in_shape[last + 1] = w.shape[last] = w.shape[last + 1] = x.shape_[last] + abs(k)
    w.start[last + 1] = 0
    w.step[last + 1] = 1
    w.axis[last + 1] = last + 1
    return place(x, diagonal_window(w, last, last + 1, k), 0)


def diag(input, diagonal=0):
    """A matrix with the input on its diagonal; or, of a matrix, the diagonal.

    Parameters
    ----------
    input : Tensor
        One or two dimensions.
    diagonal : int
        Above the main one if positive, below if negative. Default 0.

    Returns
    -------
    Tensor
        A copy, of the same dtype.

    Raises
    ------
    ValueError
        If there are other than one or two dimensions.

    Notes
    -----
    Has the behaviour of ``torch.diag``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.diag(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    cdef Tensor x = as_tensor(input, "diag: input")
    if x.ndim_ == 1:
        return diag_embed(x, diagonal)
    if x.ndim_ != 2:
        raise ValueError(f"diag: expected 1 or 2 dimensions, got {x.ndim_}")
    return take(x, diagonal_window(whole_window(x), 0, 1, offset_from(diagonal, "diag: diagonal"))).clone()
