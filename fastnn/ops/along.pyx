"""Elements at indices along a dimension: gather, scatter, scatter_add, take_along_dim."""
from fastnn._engine.engine cimport *
from fastnn.ops.slices cimport NOTHING, index_bytes, indices, item_bytes, same_type
from fastnn.ops.expand cimport expand_to
from fastnn.ops.memory cimport copy_of, fill_with, zeros_of
from fastnn.ops.shape cimport reshape_to
from fastnn.ops.window cimport Window, take, whole_window

import numpy as np

cdef extern from "fastnn.h":
    enum: FNN_gather_dim, FNN_scatter_dim, FNN_scatter_add_dim

__all__ = ["gather", "scatter", "scatter_add", "take_along_dim"]


cdef int walk_dim(int id, Tensor out, Tensor x, Tensor index, Tensor strided, int dim) except -1:
    """The kernels over all places of `index`; `strided` is the one of out and x that is indexed."""
    cdef fnn_call c
    cdef int i
    if not index.size_:
        return 0
    start(&c, id, out.dtype_ if id == FNN_scatter_add_dim else <int>FNN_F32)
    buffer(&c, out)
    buffer(&c, x)
    buffer(&c, index)
    c.args.n[0] = index.ndim_
    c.args.n[1] = dim
    c.args.n[2] = strided.shape_[dim]
    c.args.n[3] = index_bytes(index)
    c.args.n[4] = item_bytes(x)
    for i in range(index.ndim_):
        c.args.n[5 + i] = index.shape_[i]
        c.args.n[13 + i] = strided.strides_[i]
    run(&c, 1, 4.0 * index.size_, 0)
    return bump(out)


cdef int gather_rule(Node node, Tensor dy) except -1:
    return node.give(0, spread_dim(dy, node.a, node.extra, <int>node.n[0]))


cdef Tensor gather_dim(Tensor x, Tensor index, int dim):
    cdef Tensor y = new(x.dtype_, index.ndim_, index.shape_)
    cdef Node node
    walk_dim(FNN_gather_dim, y, x, index, x, dim)
    if tracked(x):
        node = record1("gather", y, x, gather_rule, gather_rule)    # records only where the graph is wanted
        save(node, index, None, None)
        node.extra = shape_of(x)
        node.n[0] = dim
    return y


cdef int spread_dim_rule(Node node, Tensor dy) except -1:
    return node.give(0, gather_dim(dy, node.a, <int>node.n[0]))


cdef Tensor spread_dim(Tensor dy, Tensor index, tuple shape, int dim):
    """Zeros of the shape, with dy added at the places that it was gathered from."""
    cdef int64_t sizes[8]
    cdef int i
    cdef Node node
    for i in range(len(shape)):
        sizes[i] = shape[i]
    cdef Tensor y = zeros_of(dy.dtype_, <int>len(shape), sizes)
    walk_dim(FNN_scatter_add_dim, y, contiguous(dy), index, y, dim)
    if tracked(dy):
        node = record1("scatter_add", y, dy, spread_dim_rule, spread_dim_rule)
        save(node, index, None, None)
        node.n[0] = dim
    return y


cdef Tensor dim_indices(Tensor x, int dim, object index, const char *what):
    """Checked indices along a dimension of x: of its rank, and within it in all other dimensions."""
    cdef Tensor t = indices(index, what)
    cdef int i
    if t.ndim_ != x.ndim_:
        raise ValueError(f"{what.decode()}: expected {x.ndim_} dimensions, as the input, got shape {shape_of(t)}")
    for i in range(x.ndim_):
        if i != dim and t.shape_[i] > x.shape_[i]:
            raise ValueError(f"{what.decode()}: shape {shape_of(t)} is larger than the input's {shape_of(x)} "
                             f"in dimension {i}")
    check_index_from(t, 0, x.shape_[dim], NOTHING, what)
    return t


cdef Tensor at_least_1d(Tensor x):
    cdef int64_t one = 1
    return x if x.ndim_ else reshape_to(x, 1, &one, "view", False)


def gather(input, dim, index):
    """Elements at given places along a dimension.

    y[i, j, k] = x[i, index[i, j, k], k], for dim=1.

    Parameters
    ----------
    input : Tensor
    dim : int
    index : Tensor of int64 or int32
        As many dimensions as the input; not larger than it in dimensions other than `dim`; places
        from 0 to size - 1.

    Returns
    -------
    Tensor
        Of the index's shape.

    Raises
    ------
    IndexError
        If there is no such dimension or place.
    ValueError
        If the index's shape does not fit.
    TypeError
        If the index holds no integers.

    Notes
    -----
    Has the behaviour of ``torch.gather``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.gather(fastnn.tensor([[1, 2], [3, 4]]), 1, fastnn.tensor([[1], [0]]))
    tensor([[2],
            [3]])
    """
    cdef Tensor x = as_tensor(input, "gather: input")
    cdef int d = checked_dim(dim, x.ndim_, "gather")
    if x.ndim_ == 0:
        return gather(at_least_1d(x), 0, at_least_1d(indices(index, "gather: index"))).reshape(())
    return gather_dim(x, dim_indices(x, d, index, "gather: index"), d)


cdef Tensor source_for(Tensor x, Tensor index, object src, str what):
    """The part of src that the index uses, contiguous, of x's dtype."""
    cdef Tensor s
    cdef Window w
    cdef int i
    if isinstance(src, (int, float, bool)):
        s = new(x.dtype_, index.ndim_, index.shape_)
        fill_with(s, src)
        return s
    s = at_least_1d(as_tensor(src, "src"))
    same_type(x, s, f"{what}: src")
    w = whole_window(s)
    for i in range(index.ndim_):
        if s.ndim_ != index.ndim_ or s.shape_[i] < index.shape_[i]:
            raise ValueError(f"{what}: src has shape {shape_of(s)}, expected at least the index's {shape_of(index)}")
        w.shape[i] = index.shape_[i]
    return s if same_shape(s, index) else take(s, w)


cdef int scatter_rule(Node node, Tensor dy) except -1:
    cdef Tensor zeros
    if node.wants(0):
        zeros = zeros_of(dy.dtype_, node.a.ndim_, node.a.shape_)
        node.give(0, scatter_dim(dy, zeros, node.a, <int>node.n[0]))
    if node.wants(1):
        node.give(1, gather_dim(dy, node.a, <int>node.n[0]))
    return 0


cdef Tensor scatter_dim(Tensor x, Tensor src, Tensor index, int dim):
    cdef Tensor y = copy_of(x)
    cdef Node node
    walk_dim(FNN_scatter_dim, y, contiguous(src), index, y, dim)
    if tracked(x) or tracked(src):
        node = record2("scatter", y, x, src, scatter_rule, scatter_rule)    # records only where wanted
        save(node, index, None, None)
        node.n[0] = dim
    return y


def scatter(input, dim, index, src=None, *, value=None):
    """Put elements at given places along a dimension.

    y = x; then y[i, index[i, j, k], k] = src[i, j, k], for dim=1. Of equal places the last one stays.

    Parameters
    ----------
    input : Tensor
    dim : int
    index : Tensor of int64 or int32
        As many dimensions as the input; places from 0 to size - 1.
    src : Tensor or number
        Of the input's dtype; at least the index's shape.
    value : number
        The same as a number for `src`.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such dimension or place.
    ValueError
        If shapes do not fit.
    TypeError
        If dtypes differ, the index holds no integers, or not exactly one of src and value is given.

    Notes
    -----
    Has the behaviour of ``torch.scatter``; where indices are equal, the gradient goes to all of
    their sources.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.scatter(fastnn.zeros(2, 3), 1, fastnn.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    cdef Tensor x = as_tensor(input, "scatter: input")
    cdef int d = checked_dim(dim, x.ndim_, "scatter")
    if (src is None) == (value is None):
        raise TypeError("scatter: expected src or value, one of the two")
    cdef Tensor wide = at_least_1d(x)
    cdef Tensor at = dim_indices(wide, d, at_least_1d(indices(index, "scatter: index")), "scatter: index")
    y = scatter_dim(wide, source_for(x, at, value if src is None else src, "scatter"), at, d)
    return y if x.ndim_ else y.reshape(())


cdef int scatter_add_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        node.share(0, dy)
    if node.wants(1):
        node.give(1, gather_dim(dy, node.a, <int>node.n[0]))
    return 0


def scatter_add(input, dim, index, src):
    """Add elements at given places along a dimension; those of equal places add up, in their order.

    y = x; then y[i, index[i, j, k], k] += src[i, j, k], for dim=1.

    Parameters
    ----------
    input : Tensor
    dim : int
    index : Tensor of int64 or int32
        As many dimensions as the input; places from 0 to size - 1.
    src : Tensor
        Of the input's dtype; at least the index's shape.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such dimension or place.
    ValueError
        If shapes do not fit.
    TypeError
        If dtypes differ, or the index holds no integers.

    Notes
    -----
    Has the behaviour of ``torch.scatter_add``; the bits do not depend on the number of threads.

    Examples
    --------
    >>> import fastnn
    >>> at = fastnn.tensor([0, 0, 1])
    >>> fastnn.scatter_add(fastnn.zeros(2), 0, at, fastnn.tensor([1.0, 2.0, 4.0]))
    tensor([3., 4.])
    """
    cdef Tensor x = as_tensor(input, "scatter_add: input")
    cdef int d = checked_dim(dim, x.ndim_, "scatter_add")
    cdef Tensor wide = at_least_1d(x)
    cdef Tensor at = dim_indices(wide, d, at_least_1d(indices(index, "scatter_add: index")), "scatter_add: index")
    cdef Tensor s = source_for(x, at, src, "scatter_add"), y = copy_of(wide)
    cdef Node node
    if x.dtype_ <= FNN_F64:
        walk_dim(FNN_scatter_add_dim, y, contiguous(s), at, y, d)
    else:
        places = list(np.indices(shape_of(at)))
        places[d] = to_numpy(at)
        np.add.at(to_numpy(y), tuple(places), to_numpy(s))
    if tracked(wide) or tracked(s):
        node = record2("scatter_add", y, wide, s, scatter_add_rule, scatter_add_rule)
        save(node, at, None, None)
        node.n[0] = d
    return y if x.ndim_ else y.reshape(())


cdef Tensor from_start(Tensor at, int64_t size):
    """Places counted from the end, from -size to -1, as others."""
    from fastnn.ops.choose import where
    return where((at < 0).logical_and(at >= -size), at + size, at)


def take_along_dim(input, indices, dim=None):
    """Elements at given places along a dimension; other dimensions are broadcast.

    Parameters
    ----------
    input : Tensor
    indices : Tensor of int64 or int32
        Places from 0 to size - 1, or from -size to -1, counted from the end; as many dimensions as the
        input.
    dim : int, optional
        Default: both are flattened.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such dimension or place.
    ValueError
        If shapes cannot be broadcast.

    Notes
    -----
    Has the behaviour of ``torch.take_along_dim``; ``x.take_along_dim(x.argsort(1), 1)`` sorts rows.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.take_along_dim(fastnn.tensor([[1, 2], [3, 4]]), fastnn.tensor([[1]]), 1)
    tensor([[2],
            [4]])
    """
    cdef Tensor x = as_tensor(input, "take_along_dim: input")
    cdef Tensor at = as_tensor(indices, "take_along_dim: indices")
    if dim is None:
        return gather(x.reshape(-1), 0, from_start(at.reshape(-1), x.size_))
    cdef int i, d = checked_dim(dim, x.ndim_, "take_along_dim")
    cdef int64_t shape[8]
    cdef int64_t wide[8]
    if at.ndim_ != x.ndim_:
        raise ValueError(f"take_along_dim: indices must have {x.ndim_} dimensions, as the input, got shape {shape_of(at)}")
    for i in range(x.ndim_):
        shape[i] = x.shape_[i] if i == d or at.shape_[i] == 1 else at.shape_[i]
        wide[i] = at.shape_[i] if i == d else shape[i]
    x, at = expand_to(x, x.ndim_, shape, "take_along_dim: input"), from_start(at, x.shape_[d] if x.ndim_ else 1)
    return gather(x, d, expand_to(at, x.ndim_, wide, "take_along_dim: indices"))


def _scatter_(Tensor self, dim, index, src=None, *, value=None):
    """`fastnn.scatter` in place; returns the tensor."""
    check_inplace(self, "scatter_")
    return rebase(self, scatter(self, dim, index, src, value=value))


def _scatter_add_(Tensor self, dim, index, src):
    """`fastnn.scatter_add` in place; returns the tensor."""
    check_inplace(self, "scatter_add_")
    return rebase(self, scatter_add(self, dim, index, src))
