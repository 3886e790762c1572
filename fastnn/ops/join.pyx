"""Tensors put together in new memory: cat, stack."""
from fastnn._engine.engine cimport *
from fastnn.ops.shape cimport reshape_to
from fastnn.ops.window cimport Window, cut, piece, real_dim, whole_window

__all__ = ["cat", "concat", "concatenate", "stack"]


cdef int cat_rule(Node node, Tensor dy) except -1:
    cdef int i, dim = <int>node.n[0]
    cdef int64_t at = 0, length
    for i, length in enumerate(<tuple>node.extra):
        if node.wants(i):
            node.share(i, piece(dy, dim, at, length))       # records only where the graph is wanted
        at += length
    return 0


cdef tuple same_dtype(object tensors, const char *what):
    """The tensors, all of the dtype that holds every one of them."""
    cdef Tensor x
    cdef int dtype = FNN_BOOL
    cdef int i
    if isinstance(tensors, str) or not hasattr(tensors, "__iter__") or getattr(tensors, "ndim", 1) == 0:
        raise TypeError(f"{what.decode()} must be a sequence of Tensors, got {tensors!r:.40}")
    found = [as_tensor(each, what) for each in tensors]
    if not found:
        raise ValueError(f"{what.decode()}: expected at least one tensor, got none")
    for x in found:
        dtype = promote(dtype, x.dtype_)
    for i, x in enumerate(found):
        if x.dtype_ != dtype:
            found[i] = x.to(dtype_name(dtype)) if x.wants_grad else cast(x, dtype)
    return tuple(found)


cdef int promote(int a, int b) noexcept:
    """Bool, int32, int64, float32, float64: the larger of two dtypes in this order."""
    cdef int order[5]
    order[:] = [3, 4, 2, 1, 0]
    return a if order[a] > order[b] else b


def cat(tensors, dim=0):
    """Put tensors one after the other along an existing dimension.

    Parameters
    ----------
    tensors : sequence of Tensor
        Equal in shape but along `dim`; of different dtypes, the widest is taken. Empty tensors of
        one dimension are left out, whatever the others' shape.
    dim : int
        Default 0.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is no tensor, or shapes do not fit.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.cat``; `concat` and `concatenate` are other names for it.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cat([fastnn.tensor([1, 2]), fastnn.tensor([3])])
    tensor([1, 2, 3])
    """
    cdef Tensor x, y
    cdef Window w
    cdef Node node
    cdef bint wanted = False
    cdef int d, i, k
    inputs = same_dtype(tensors, b"cat: tensors")
    kept = tuple([x for x in inputs if x.ndim_ != 1 or x.shape_[0] != 0])
    if not kept:
        kept = inputs
    cdef Tensor first = kept[0]
    d = real_dim(first, dim, "cat")
    cdef int64_t total = 0
    for i, x in enumerate(kept):
        for k in range(first.ndim_):
            if x.ndim_ != first.ndim_ or (k != d and x.shape_[k] != first.shape_[k]):
                raise ValueError(f"cat: tensor {i} has shape {shape_of(x)}, which does not fit {shape_of(first)} "
                                 f"beside dimension {dim}")
        total += x.shape_[d]
        wanted = wanted or tracked(x)
    cdef int64_t shape[8]
    for k in range(first.ndim_):
        shape[k] = total if k == d else first.shape_[k]
    y = new(first.dtype_, first.ndim_, shape)
    w = whole_window(y)
    for x in kept:
        w.shape[d] = x.shape_[d]
        copy_into(cut(y, w), x)
        w.start[d] += x.shape_[d]
    if wanted:
        node = record("cat", y, kept, cat_rule, cat_rule)
        node.n[0] = d
        node.extra = tuple([(<Tensor>x_).shape_[d] for x_ in kept])
    return y


concat = concatenate = cat


def stack(tensors, dim=0):
    """Put tensors of one shape beside each other along a new dimension.

    Parameters
    ----------
    tensors : sequence of Tensor
        Of equal shapes; dtypes are promoted.
    dim : int
        Of the result. Default 0.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is no tensor, or shapes differ.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.stack``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.stack([fastnn.tensor([1, 2]), fastnn.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    cdef Tensor x
    inputs = same_dtype(tensors, b"stack: tensors")
    cdef Tensor first = inputs[0]
    cdef int k, d = checked_dim(dim, first.ndim_ + 1, "stack")
    cdef int64_t shape[9]
    for k in range(first.ndim_ + 1):
        shape[k] = 1 if k == d else first.shape_[k - (k > d)]
    if first.ndim_ == 8:
        raise ValueError("stack: tensors have at most 8 dimensions")
    rows = []
    for i, x in enumerate(inputs):
        if not same_shape(x, first):
            raise ValueError(f"stack: tensor {i} has shape {shape_of(x)}, expected {shape_of(first)}")
        rows.append(reshape_to(x, x.ndim_ + 1, shape, "stack", True))
    return cat(rows, d)
