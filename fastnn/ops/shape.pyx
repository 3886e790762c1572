"""Views of the same memory under another shape: reshape, flatten, squeeze."""
from libc.string cimport memcpy

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport dims_from, from_varargs, listed, sizes_from, whole
from fastnn.ops.memory cimport copy_of

__all__ = ["flatten", "reshape", "squeeze", "unflatten", "unsqueeze"]


cdef int reshape_rule(Node node, Tensor dy) except -1:
    cdef int64_t strides[8]
    cdef int64_t size = 1
    cdef int i, ndim = <int>node.s[0]
    dy = contiguous(dy)
    for i in range(ndim - 1, -1, -1):
        strides[i] = size
        size *= node.n[i]
    return node.share(0, view(dy, 0, ndim, node.n, strides))


cdef int reshape_graph(Node node, Tensor dy) except -1:
    return node.share(0, reshape_to(dy, <int>node.s[0], node.n, "reshape", True))


cdef bint view_strides(Tensor x, int ndim, const int64_t *shape, int64_t *strides) noexcept:
    """Strides under which x's memory has the new shape; False where no strides do."""
    cdef int i, at = ndim - 1
    cdef int64_t step, have, want
    step = 1
    if x.contiguous:
        for i in range(ndim - 1, -1, -1):
            strides[i] = step
            step *= shape[i]
        return True
    have = want = 1                     # elements of x, and of the view, in the run of memory at hand
    i = x.ndim_ - 1
    step = x.strides_[i]
    while i >= 0:
        have *= x.shape_[i]
        if i == 0 or (x.shape_[i - 1] != 1 and x.strides_[i - 1] != have * step):
            while at >= 0 and (want < have or shape[at] == 1):
                strides[at] = want * step
                want *= shape[at]
                at -= 1
            if want != have:
                return False
            if i > 0:
                step = x.strides_[i - 1]
                have = want = 1
        i -= 1
    return at < 0


cdef Tensor reshape_to(Tensor x, int ndim, const int64_t *shape, str what, bint copy):
    """x with the shape (one size may be -1): a view, or, if copy allows it, new memory."""
    cdef int64_t sizes[8]
    cdef int64_t strides[8]
    cdef int64_t known = 1
    cdef int i, free = -1
    cdef Tensor y
    cdef Node node
    for i in range(ndim):
        sizes[i] = shape[i]
        if shape[i] == -1 and free < 0:
            free = i
        elif shape[i] < 0:
            raise ValueError(f"{what}: sizes must not be negative, and only one may be -1, got {shape[i]} in dimension {i}")
        else:
            known *= shape[i]
    if free >= 0 and known > 0 and x.size_ % known == 0:
        sizes[free] = x.size_ // known
        known = x.size_
    if known != x.size_ or (free >= 0 and sizes[free] < 0):
        raise ValueError(f"{what}: cannot make shape {tuple([shape[i] for i in range(ndim)])} of "
                         f"{x.size_} elements (shape {shape_of(x)})")
    if view_strides(x, ndim, sizes, strides):
        y = view(x, 0, ndim, sizes, strides)
    elif copy:
        y = copy_of(x)
        view_strides(y, ndim, sizes, strides)
        y = view(y, 0, ndim, sizes, strides)
        y.base = None
    else:
        raise ValueError(f"{what}: the memory of shape {shape_of(x)} with strides {x.stride()} cannot be seen "
                         f"as shape {tuple([sizes[i] for i in range(ndim)])}; use reshape(), which copies")
    if tracked(x):
        node = record1("reshape", y, x, reshape_rule, reshape_graph)
        node.s[0] = x.ndim_
        memcpy(node.n, x.shape_, sizeof(x.shape_))
    return y


def reshape(input, shape):
    """The same elements, in order, under another shape.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    shape : tuple of int
        Product equal to the number of elements; one size may be -1 and is worked out.

    Returns
    -------
    Tensor
        A view where the memory allows it, else a copy; of the same dtype.

    Raises
    ------
    ValueError
        If the sizes do not fit.
    TypeError
        If a size is no int.

    Notes
    -----
    Has the behaviour of ``torch.reshape``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.reshape(fastnn.tensor([1, 2, 3, 4]), (2, -1))
    tensor([[1, 2],
            [3, 4]])
    """
    cdef int64_t sizes[8]
    cdef int n = sizes_from(shape, sizes, "reshape")
    return reshape_to(as_tensor(input, "reshape: input"), n, sizes, "reshape", True)


def _reshape(self, *shape):
    """The same elements under another shape: a view where possible; see `fastnn.reshape`."""
    return reshape(self, from_varargs(shape))


def _view(Tensor self, *shape):
    """The same memory under another shape: ``torch.Tensor.view``; any dtype.

    Raises ValueError where strides would need a copy: `reshape` makes one.
    """
    cdef int64_t sizes[8]
    cdef int n = sizes_from(from_varargs(shape), sizes, "view")
    return reshape_to(self, n, sizes, "view", False)


def _view_as(Tensor self, Tensor other):
    """`view` with other's shape. Raises as `view`."""
    return reshape_to(self, other.ndim_, other.shape_, "view_as", False)


def _reshape_as(Tensor self, Tensor other):
    """`reshape` to other's shape. Raises as `reshape`."""
    return reshape_to(self, other.ndim_, other.shape_, "reshape_as", True)


def flatten(input, start_dim=0, end_dim=-1):
    """Merge the dimensions from `start_dim` to `end_dim` into one.

    Parameters
    ----------
    input : Tensor
        Any shape; a 0-d tensor gets one dimension.
    start_dim, end_dim : int
        Both included. Default: all.

    Returns
    -------
    Tensor
        A view where the memory allows it, else a copy; of the same dtype.

    Raises
    ------
    IndexError
        If there is no such dimension.
    ValueError
        If `start_dim` comes after `end_dim`.

    Notes
    -----
    Has the behaviour of ``torch.flatten``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.flatten(fastnn.zeros(2, 3, 4), 1).shape
    (2, 12)
    """
    cdef Tensor x = as_tensor(input, "flatten: input")
    cdef int first = checked_dim(start_dim, x.ndim_, "flatten: start_dim")
    cdef int last = checked_dim(end_dim, x.ndim_, "flatten: end_dim")
    cdef int64_t sizes[8]
    cdef int i, n = 0
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    if x.ndim_ == 0:
        sizes[0] = 1
        return reshape_to(x, 1, sizes, "flatten", True)
    for i in range(x.ndim_):
        if first < i <= last:
            sizes[n - 1] *= x.shape_[i]
        else:
            sizes[n] = x.shape_[i]
            n += 1
    return reshape_to(x, n, sizes, "flatten", True)


def unflatten(input, dim, sizes):
    """Split one dimension into several; one of `sizes` may be -1.

    Parameters
    ----------
    input : Tensor
    dim : int
    sizes : tuple of int
        Their product is the size of `dim`.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    ValueError
        If the sizes do not fit.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.unflatten``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.unflatten(fastnn.zeros(2, 12), 1, (3, -1)).shape
    (2, 3, 4)
    """
    cdef Tensor x = as_tensor(input, "unflatten: input")
    d = checked_dim(dim, x.ndim_, "unflatten")
    shape, sizes = shape_of(x), tuple([whole(s, "unflatten: sizes") for s in listed(sizes)])
    known = 1
    for size in sizes:
        known *= size if size != -1 else 1
    if sizes.count(-1) == 1 and known > 0:      # worked out here: other dimensions may be empty
        sizes = tuple([shape[d] // known if size == -1 else size for size in sizes])
        known *= shape[d] // known
    if known != shape[d] or -1 in sizes:
        raise ValueError(f"unflatten: sizes {sizes} do not make {shape[d]}, the size of dimension {dim}")
    return reshape(x, shape[:d] + sizes + shape[d + 1:])


def squeeze(input, dim=None):
    """Drop dimensions of size one.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of int, optional
        Only these, and only those of them that have size one. Default: all.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.squeeze``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.squeeze(fastnn.zeros(1, 3, 1)).shape
    (3,)
    """
    cdef Tensor x = as_tensor(input, "squeeze: input")
    dims = range(x.ndim_) if dim is None else dims_from(dim, x, "squeeze")
    cdef int64_t sizes[8]
    cdef int i, n = 0
    for i in range(x.ndim_):
        if x.shape_[i] != 1 or i not in dims:
            sizes[n] = x.shape_[i]
            n += 1
    return reshape_to(x, n, sizes, "squeeze", False)


def unsqueeze(input, dim):
    """Put in a dimension of size one at `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int
        From -ndim-1 to ndim.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    IndexError
        If `dim` is out of range.
    ValueError
        If there are 8 dimensions already.

    Notes
    -----
    Has the behaviour of ``torch.unsqueeze``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.unsqueeze(fastnn.zeros(3), -1).shape
    (3, 1)
    """
    cdef Tensor x = as_tensor(input, "unsqueeze: input")
    cdef int i, d = checked_dim(dim, x.ndim_ + 1, "unsqueeze")
    cdef int64_t sizes[9]
    for i in range(x.ndim_ + 1):
        sizes[i] = 1 if i == d else x.shape_[i - (i > d)]
    if x.ndim_ == 8:
        raise ValueError("unsqueeze: tensors have at most 8 dimensions")
    return reshape_to(x, x.ndim_ + 1, sizes, "unsqueeze", False)
