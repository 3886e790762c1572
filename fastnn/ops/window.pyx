"""Rectangular cuts of a tensor, as views, and their inverse: select, narrow, split, diagonal.

A cut and its inverse are each other's gradient, so that both can be differentiated any number of
times. Several cuts of one tensor add their gradients into one buffer.
"""
cimport cython

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport whole
from fastnn.ops.memory cimport fill_with, zeros_of

__all__ = ["chunk", "diagonal", "narrow", "select", "split", "unbind"]


@cython.final
@cython.freelist(64)
cdef class Window:
    pass


cdef Window whole_window(Tensor x):
    cdef Window w = Window.__new__(Window)
    cdef int i
    w.in_ndim = w.ndim = x.ndim_
    for i in range(x.ndim_):
        w.in_shape[i] = w.shape[i] = x.shape_[i]
        w.start[i] = 0
        w.step[i] = 1
        w.axis[i] = i
    return w


cdef int drop(Window w, int dim, int64_t index) noexcept:
    """The dimension stays at one index and disappears from the output."""
    cdef int i, gone = w.axis[dim]
    w.start[dim] += index * w.step[dim]
    w.axis[dim] = -1
    for i in range(w.in_ndim):
        if w.axis[i] > gone:
            w.axis[i] -= 1
    w.ndim -= 1
    for i in range(gone, w.ndim):
        w.shape[i] = w.shape[i + 1]
    return 0


cdef Tensor cut(Tensor x, Window w):
    cdef int64_t strides[8]
    cdef int64_t offset = 0
    cdef int i
    for i in range(w.ndim):
        strides[i] = 0
    for i in range(w.in_ndim):
        offset += w.start[i] * x.strides_[i]
        if w.axis[i] >= 0:
            strides[w.axis[i]] += w.step[i] * x.strides_[i]
    return view(x, offset, w.ndim, w.shape, strides)


cdef int take_rule(Node node, Tensor dy) except -1:
    cdef Window w = node.extra
    cdef Node before
    cdef Tensor dx
    if type(node.edges[0]) is Node:
        before = node.edges[0]
        if before.pending is not None and before.pending_owned and before.pending.contiguous:
            return add_into(cut(before.pending, w), dy)
    dx = zeros_of(dy.dtype_, w.in_ndim, w.in_shape)
    copy_into(cut(dx, w), dy)
    return node.give(0, dx)


cdef int take_graph(Node node, Tensor dy) except -1:
    return node.give(0, place(dy, node.extra, 0))


cdef Tensor take(Tensor x, Window w):
    cdef Tensor y = cut(x, w)
    if tracked(x):
        record1("slice", y, x, take_rule, take_graph).extra = w
    return y


cdef int place_rule(Node node, Tensor dy) except -1:
    return node.share(0, cut(dy, node.extra))


cdef int place_graph(Node node, Tensor dy) except -1:
    return node.share(0, take(dy, node.extra))


cdef Tensor place(Tensor x, Window w, object value):
    cdef Tensor y = new(x.dtype_, w.in_ndim, w.in_shape)
    if x.size_ != y.size_:
        fill_with(y, value)
    copy_into(cut(y, w), x)
    if tracked(x):
        record1("place", y, x, place_rule, place_graph).extra = w
    return y


cdef Tensor piece(Tensor x, int dim, int64_t start, int64_t length):
    cdef Window w = whole_window(x)
    w.start[dim] = start
    w.shape[dim] = length
    return take(x, w)


cdef int real_dim(Tensor x, object dim, str what) except -1:
    if x.ndim_ == 0:
        raise ValueError(f"{what}: expected at least one dimension, got a 0-d tensor")
    return checked_dim(dim, x.ndim_, what)


cdef int64_t place_of(object index, int64_t size, str what) except -1:
    cdef int64_t i = whole(index, what)
    if not -size <= i < size:
        raise IndexError(f"{what} {i} is out of range for size {size}")
    return i + size if i < 0 else i


def select(input, dim, index):
    """The slice at one index of a dimension, without that dimension.

    Parameters
    ----------
    input : Tensor
    dim, index : int
        Negative ones count from the end.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    IndexError
        If there is no such dimension or index.
    ValueError
        If the input is 0-d.

    Notes
    -----
    Has the behaviour of ``torch.select``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.select(fastnn.tensor([[1, 2], [3, 4]]), 1, -1)
    tensor([2, 4])
    """
    cdef Tensor x = as_tensor(input, "select: input")
    cdef int d = real_dim(x, dim, "select")
    cdef Window w = whole_window(x)
    drop(w, d, place_of(index, x.shape_[d], "select: index"))
    return take(x, w)


def narrow(input, dim, start, length):
    """`length` places of a dimension, from `start` on.

    Parameters
    ----------
    input : Tensor
    dim, start, length : int
        A negative start counts from the end.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    IndexError
        If there is no such dimension, or the places are not all there.

    Notes
    -----
    Has the behaviour of ``torch.narrow``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.narrow(fastnn.tensor([1, 2, 3, 4]), 0, 1, 2)
    tensor([2, 3])
    """
    cdef Tensor x = as_tensor(input, "narrow: input")
    cdef int d = real_dim(x, dim, "narrow")
    cdef int64_t first = whole(start, "narrow: start"), count = whole(length, "narrow: length")
    if first < 0:
        first += x.shape_[d]
    if count < 0 or first < 0 or first > x.shape_[d] - count:
        raise IndexError(f"narrow: {length} places from {start} on are not within size {x.shape_[d]}")
    return piece(x, d, first, count)


def split(tensor, split_size_or_sections, dim=0):
    """Cut a dimension into pieces.

    Parameters
    ----------
    tensor : Tensor
    split_size_or_sections : int or sequence of int
        The size of each piece (the last may be smaller), or the size of every piece.
    dim : int
        Default 0.

    Returns
    -------
    tuple of Tensor
        Views, of the same dtype.

    Raises
    ------
    ValueError
        If the sizes are negative or do not add up to the size of the dimension.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.split``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.split(fastnn.tensor([1, 2, 3, 4, 5]), 2)
    (tensor([1, 2]), tensor([3, 4]), tensor([5]))
    """
    cdef Tensor x = as_tensor(tensor, "split: tensor")
    cdef int d = real_dim(x, dim, "split")
    cdef int64_t each, at = 0, size = x.shape_[d]
    if hasattr(split_size_or_sections, "__iter__") and getattr(split_size_or_sections, "ndim", 1) != 0:
        sections = [whole(s, "split: a section") for s in split_size_or_sections]
        if sum(sections) != size or any(s < 0 for s in sections):
            raise ValueError(f"split: sections {sections} do not add up to {size}, the size of dimension {dim}")
    else:
        each = whole(split_size_or_sections, "split: split_size")
        if each < 0 or (each == 0 and size > 0):
            raise ValueError(f"split: split_size must be positive, got {each}")
        sections = [min(each, size - i) for i in range(0, size, each)] if size else [0]
    pieces = []
    for length in sections:
        pieces.append(piece(x, d, at, length))
        at += length
    return tuple(pieces)


def chunk(input, chunks, dim=0):
    """Cut a dimension into `chunks` pieces of one size; the last may be smaller, or missing.

    Parameters
    ----------
    input : Tensor
    chunks : int
        At least 1.
    dim : int
        Default 0.

    Returns
    -------
    tuple of Tensor
        Views, of the same dtype.

    Raises
    ------
    ValueError
        If `chunks` is less than 1.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.chunk``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.chunk(fastnn.tensor([1, 2, 3, 4, 5]), 2)
    (tensor([1, 2, 3]), tensor([4, 5]))
    """
    cdef Tensor x = as_tensor(input, "chunk: input")
    cdef int d = real_dim(x, dim, "chunk")
    cdef int64_t n = whole(chunks, "chunk: chunks")
    if n < 1:
        raise ValueError(f"chunk: chunks must be at least 1, got {n}")
    if x.shape_[d] == 0:
        return split(x, [0] * n, dim)
    return split(x, (x.shape_[d] + n - 1) // n, dim)


def unbind(input, dim=0):
    """All slices along a dimension, without that dimension.

    Parameters
    ----------
    input : Tensor
    dim : int
        Default 0.

    Returns
    -------
    tuple of Tensor
        Views, of the same dtype.

    Raises
    ------
    IndexError
        If there is no such dimension.
    ValueError
        If the input is 0-d.

    Notes
    -----
    Has the behaviour of ``torch.unbind``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.unbind(fastnn.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    cdef Tensor x = as_tensor(input, "unbind: input")
    cdef int d = real_dim(x, dim, "unbind")
    return tuple([select(x, d, i) for i in range(x.shape_[d])])


def diagonal(input, offset=0, dim1=0, dim2=1):
    """The diagonal of each matrix, as the last dimension.

    Parameters
    ----------
    input : Tensor
        At least two dimensions.
    offset : int
        Above the main diagonal if positive, below if negative. Default 0.
    dim1, dim2 : int
        Rows and columns. Default 0 and 1.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    ValueError
        If the two dimensions are the same.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.diagonal``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.diagonal(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    cdef Tensor x = as_tensor(input, "diagonal: input")
    cdef int a = real_dim(x, dim1, "diagonal: dim1"), b = real_dim(x, dim2, "diagonal: dim2")
    cdef int64_t k = whole(offset, "diagonal: offset")
    cdef Window w
    if a == b:
        raise ValueError(f"diagonal: dim1 and dim2 are the same, {dim1} and {dim2}")
    return take(x, diagonal_window(whole_window(x), a, b, k))


cdef Window diagonal_window(Window w, int a, int b, int64_t k):
    """Dimensions a and b of a whole window become one diagonal, last in the output."""
    cdef int64_t rows = w.in_shape[a] - (-k if k < 0 else 0), columns = w.in_shape[b] - (k if k > 0 else 0)
    cdef int64_t length = max(min(rows, columns), 0)
    if length > 0:                      # else nothing is read: keep the start inside
        w.start[a] = -k if k < 0 else 0
        w.start[b] = k if k > 0 else 0
    drop(w, a, 0)
    drop(w, b, 0)
    w.axis[a] = w.axis[b] = w.ndim
    w.shape[w.ndim] = length
    w.ndim += 1
    return w
