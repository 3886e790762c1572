"""Whole slices at indices: index_select, index_add, and what square brackets and embeddings use."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport number
from fastnn.ops.memory cimport copy_of, zeros_of
from fastnn.ops.window cimport real_dim

import numpy as np

cdef extern from "fastnn.h":
    enum: FNN_gather_rows, FNN_scatter_rows, FNN_scatter_add_rows

__all__ = ["index_add", "index_select"]

cdef enum:
    CORE_CACHE = 1 << 20    # bytes

cdef Tensor indices(object index, const char *what):
    cdef Tensor t
    if isinstance(index, (list, tuple)) and not len(index):
        index = np.empty(0, np.int64)
    t = as_tensor(index, what)
    if t.dtype_ != FNN_I64 and t.dtype_ != FNN_I32:
        raise TypeError(f"{what.decode()}: expected int64 or int32, got {dtype_name(t.dtype_)}")
    return contiguous(t)


# --- whole rows -----------------------------------------------------------------------------------
# x is seen as (outer, size, inner): `span` dimensions from `dim` on are indexed as one

cdef int row_sizes(fnn_call *c, Tensor x, Tensor index, int dim, int span) except -1:
    cdef int i
    c.args.n[0] = c.args.n[2] = c.args.n[3] = 1
    for i in range(x.ndim_):
        c.args.n[0 if i < dim else 3 if i < dim + span else 2] *= x.shape_[i]
    c.args.n[1] = index.size_
    c.args.n[4] = index_bytes(index)
    return 0


cdef int index_bytes(Tensor index) noexcept:
    return 8 if index.dtype_ == FNN_I64 else 4


cdef int item_bytes(Tensor x) noexcept:
    return 1 if x.dtype_ == FNN_BOOL else 8 if x.dtype_ == FNN_F64 or x.dtype_ == FNN_I64 else 4


cdef int pick_rule(Node node, Tensor dy) except -1:
    return node.give(0, spread_rows(dy, node.a, node.extra, <int>node.n[0], <int>node.n[1]))


cdef Tensor pick_rows(Tensor x, Tensor index, int dim, int span):
    cdef int64_t shape[24]
    cdef int i, n = 0
    cdef Tensor y, packed = contiguous(x)
    cdef fnn_call c
    cdef Node node
    for i in range(dim):
        shape[n] = x.shape_[i]
        n += 1
    for i in range(index.ndim_):
        shape[n] = index.shape_[i]
        n += 1
    for i in range(dim + span, x.ndim_):
        shape[n] = x.shape_[i]
        n += 1
    y = new(x.dtype_, n, shape)
    if y.size_:
        start(&c, FNN_gather_rows, FNN_F32)
        buffer(&c, y)
        buffer(&c, packed)
        buffer(&c, index)
        row_sizes(&c, x, index, dim, span)
        c.args.n[2] *= item_bytes(x)
        c.args.n[5] = c.args.n[2]
        c.args.n[6] = c.args.n[2] * c.args.n[3]
        # rows that no cache of a core holds take four times as long (python -m benchmarks.loader)
        run(&c, 1, (8.0 if x.size_ * item_bytes(x) > CORE_CACHE else 2.0) * y.size_, 0)
    if tracked(x):
        node = record1("index", y, x, pick_rule, pick_rule)     # records only where the graph is wanted
        save(node, index, None, None)
        node.extra = shape_of(x)
        node.n[0] = dim
        node.n[1] = span
    return y


cdef int spread_rule(Node node, Tensor dy) except -1:
    return node.give(0, pick_rows(dy, node.a, <int>node.n[0], <int>node.n[1]))


cdef Tensor spread_rows(Tensor dy, Tensor index, tuple shape, int dim, int span):
    cdef int64_t sizes[8]
    cdef int i
    cdef Node node
    for i in range(len(shape)):
        sizes[i] = shape[i]
    cdef Tensor y = zeros_of(dy.dtype_, <int>len(shape), sizes)
    add_rows(y, dy, index, dim, span, 1)
    if tracked(dy):
        node = record1("index_add", y, dy, spread_rule, spread_rule)
        save(node, index, None, None)
        node.n[0] = dim
        node.n[1] = span
    return y


cdef int add_rows(Tensor y, Tensor x, Tensor index, int dim, int span, double alpha) except -1:
    """y, contiguous and floating point, at the rows `index` += alpha * x."""
    cdef fnn_call c
    if not x.size_:
        return 0
    x = contiguous(x)
    start(&c, FNN_scatter_add_rows, y.dtype_)
    buffer(&c, y)
    buffer(&c, x)
    buffer(&c, index)
    row_sizes(&c, y, index, dim, span)
    c.args.s[0] = alpha
    run(&c, 1, 2.0 * x.size_, 0)
    return bump(y)


cdef int put_rows(Tensor y, Tensor x, Tensor index, int dim, int span) except -1:
    """y, contiguous, at the rows `index` = x, of y's dtype."""
    cdef fnn_call c
    if not x.size_:
        return 0
    x = contiguous(x)
    start(&c, FNN_scatter_rows, FNN_F32)
    buffer(&c, y)
    buffer(&c, x)
    buffer(&c, index)
    row_sizes(&c, y, index, dim, span)
    c.args.n[2] *= item_bytes(y)
    run(&c, 1, 2.0 * x.size_, 0)
    return bump(y)


cdef Tensor row_indices(object index, int64_t size, const char *what):
    cdef Tensor t = indices(index, what)
    if t.ndim_ > 1:
        raise ValueError(f"{what.decode()}: expected one dimension, got shape {shape_of(t)}")
    if t.ndim_ == 0:
        t = view(t, 0, 1, &t.size_, &t.size_)
    check_index_from(t, 0, size, NOTHING, what)
    return t


def index_select(input, dim, index):
    """The slices at the given places of a dimension, in their order.

    y[i, j, k] = x[i, index[j], k], for dim=1.

    Parameters
    ----------
    input : Tensor
        At least one dimension.
    dim : int
    index : Tensor of int64 or int32
        One dimension; places from 0 to size - 1, any of them any number of times.

    Returns
    -------
    Tensor
        A copy; as long in `dim` as `index`.

    Raises
    ------
    IndexError
        If there is no such dimension or place.
    TypeError
        If the index holds no integers.
    ValueError
        If the index has several dimensions.

    Notes
    -----
    Has the behaviour of ``torch.index_select``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.index_select(fastnn.tensor([5, 6, 7]), 0, fastnn.tensor([2, 0]))
    tensor([7, 5])
    """
    cdef Tensor x = as_tensor(input, "index_select: input")
    cdef int d = real_dim(x, dim, "index_select")
    return pick_rows(x, row_indices(index, x.shape_[d], "index_select: index"), d, 1)


cdef int index_add_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        node.share(0, dy)
    if node.wants(1):
        dx = pick_rows(dy, node.a, <int>node.n[0], 1)
        node.give(1, dx if node.s[0] == 1 else dx * node.s[0])
    return 0


def index_add(input, dim, index, source, *, alpha=1):
    """Add slices at the given places of a dimension; those of equal index add up, in their order.

    y = x; then y[i, index[j], k] += alpha * source[i, j, k] for every j, for dim=1.

    Parameters
    ----------
    input : Tensor
        At least one dimension.
    dim : int
    index : Tensor of int64 or int32
        One dimension; places from 0 to size - 1.
    source : Tensor
        The input's shape and dtype, but as long in `dim` as `index`.
    alpha : number
        Default 1.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such dimension or place.
    ValueError
        If `source` has another shape.
    TypeError
        If the dtypes differ, or the index holds no integers.

    Notes
    -----
    Has the behaviour of ``torch.index_add``; the bits do not depend on the number of threads.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([1.0, 1.0])
    >>> fastnn.index_add(x, 0, fastnn.tensor([1, 1]), fastnn.tensor([2.0, 3.0]))
    tensor([1., 6.])
    """
    number(alpha, "index_add: alpha")
    cdef Tensor x = as_tensor(input, "index_add: input"), s = as_tensor(source, "index_add: source"), y
    cdef int d = real_dim(x, dim, "index_add")
    cdef Tensor at = row_indices(index, x.shape_[d], "index_add: index")
    cdef Node node
    expected = shape_of(x)[:d] + (at.size_,) + shape_of(x)[d + 1:]
    if shape_of(s) != expected:
        raise ValueError(f"index_add: source has shape {shape_of(s)}, expected {expected}")
    same_type(x, s, "index_add: source")
    y = copy_of(x)
    if x.dtype_ <= FNN_F64:
        add_rows(y, s, at, d, 1, alpha)
    else:
        np.add.at(to_numpy(y).swapaxes(0, d), to_numpy(at), alpha * to_numpy(s).swapaxes(0, d))
    if tracked(x) or tracked(s):
        node = record2("index_add", y, x, s, index_add_rule, index_add_rule)
        save(node, at, None, None)
        node.n[0] = d
        node.s[0] = alpha
    return y


cdef int same_type(Tensor x, Tensor other, str what) except -1:
    if x.dtype_ != other.dtype_:
        raise TypeError(f"{what} has dtype {dtype_name(other.dtype_)}, expected {dtype_name(x.dtype_)}")
    return 0


def _index_add_(Tensor self, dim, index, source, *, alpha=1):
    """`fastnn.index_add` in place; returns the tensor."""
    check_inplace(self, "index_add_")
    return rebase(self, index_add(self, dim, index, source, alpha=alpha))
