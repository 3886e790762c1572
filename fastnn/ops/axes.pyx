"""Views with the dimensions in another order: transpose, permute, movedim."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport dims_from, from_varargs
from fastnn.ops.shape cimport reshape_to

__all__ = ["movedim", "permute", "swapaxes", "swapdims", "t", "transpose"]


cdef int permute_rule(Node node, Tensor dy) except -1:
    cdef int order[8]
    cdef int i
    for i in range(dy.ndim_):
        order[i] = <int>node.n[i]
    return node.share(0, permute_to(dy, order))         # records only where the graph is wanted


cdef Tensor permute_to(Tensor x, const int *order):
    """Dimension i of the view is dimension order[i] of x."""
    cdef int64_t shape[8]
    cdef int64_t strides[8]
    cdef int i
    cdef Tensor y
    cdef Node node
    for i in range(x.ndim_):
        shape[i] = x.shape_[order[i]]
        strides[i] = x.strides_[order[i]]
    y = view(x, 0, x.ndim_, shape, strides)
    if tracked(x):
        node = record1("permute", y, x, permute_rule, permute_rule)
        for i in range(x.ndim_):
            node.n[order[i]] = i
    return y


def permute(input, dims):
    """Another order of the dimensions: y's dimension i is the input's dimension dims[i].

    Parameters
    ----------
    input : Tensor
    dims : tuple of int
        Each dimension once.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    ValueError
        If a dimension is missing or given twice.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.permute``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.permute(fastnn.zeros(2, 3, 4), (2, 0, 1)).shape
    (4, 2, 3)
    """
    cdef Tensor x = as_tensor(input, "permute: input")
    cdef int order[8]
    found = dims_from(dims, x, "permute")
    if len(found) != x.ndim_:
        raise ValueError(f"permute: dims must name all {x.ndim_} dimensions, got {found}")
    for i, d in enumerate(found):
        order[i] = d
    return permute_to(x, order)


def _permute(self, *dims):
    """Another order of the dimensions; see `fastnn.permute`."""
    return permute(self, from_varargs(dims))


def transpose(input, dim0, dim1):
    """Exchange two dimensions.

    Parameters
    ----------
    input : Tensor
    dim0, dim1 : int

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
    Has the behaviour of ``torch.transpose``; `swapaxes` and `swapdims` are other names for it.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.transpose(fastnn.zeros(2, 3), 0, 1).shape
    (3, 2)
    """
    cdef Tensor x = as_tensor(input, "transpose: input")
    cdef int a = checked_dim(dim0, x.ndim_, "transpose: dim0")
    cdef int b = checked_dim(dim1, x.ndim_, "transpose: dim1")
    return swapped(x, a, b)


swapaxes = swapdims = transpose


cdef Tensor swapped(Tensor x, int a, int b):
    cdef int order[8]
    cdef int i
    if x.ndim_ < 2:
        return alias_of(x)
    for i in range(x.ndim_):
        order[i] = b if i == a else a if i == b else i
    return permute_to(x, order)


cdef Tensor alias_of(Tensor x):
    return reshape_to(x, x.ndim_, x.shape_, "view", False)


def t(input):
    """Transpose a matrix; a tensor of one dimension, or none, stays as it is.

    Parameters
    ----------
    input : Tensor
        At most two dimensions.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    ValueError
        If there are more than two dimensions.

    Notes
    -----
    Has the behaviour of ``torch.t``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.t(fastnn.zeros(2, 3)).shape
    (3, 2)
    """
    cdef Tensor x = as_tensor(input, "t: input")
    if x.ndim_ > 2:
        raise ValueError(f"t: expected at most 2 dimensions, got {x.ndim_}; use mT or permute")
    return swapped(x, 0, 1)


def _T(Tensor self):
    """The dimensions in reverse order, a view."""
    cdef int order[8]
    cdef int i
    for i in range(self.ndim_):
        order[i] = self.ndim_ - 1 - i
    return permute_to(self, order)


def _mT(Tensor self):
    """The last two dimensions exchanged, a view. ValueError: fewer than 2."""
    if self.ndim_ < 2:
        raise ValueError(f"mT: expected at least 2 dimensions, got {self.ndim_}")
    return swapped(self, self.ndim_ - 2, self.ndim_ - 1)


def _H(Tensor self):
    """The matrix transposed, a view (numbers are real). ValueError: not 2 dimensions."""
    if self.ndim_ != 2:
        raise ValueError(f"H: expected 2 dimensions, got {self.ndim_}")
    return swapped(self, 0, 1)


def movedim(input, source, destination):
    """Move dimensions to other places; the others keep their order.

    Parameters
    ----------
    input : Tensor
    source, destination : int or tuple of int
        As many of one as of the other.

    Returns
    -------
    Tensor
        A view, of the same dtype.

    Raises
    ------
    ValueError
        If their numbers differ, or a dimension is given twice.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.movedim``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.movedim(fastnn.zeros(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    cdef Tensor x = as_tensor(input, "movedim: input")
    sources = dims_from(source, x, "movedim: source")
    targets = dims_from(destination, x, "movedim: destination")
    if len(sources) != len(targets):
        raise ValueError(f"movedim: {len(sources)} sources and {len(targets)} destinations")
    if x.ndim_ == 0:
        return alias_of(x)
    rest = iter([d for d in range(x.ndim_) if d not in sources])
    order = dict(zip(targets, sources))
    return permute(x, [order[i] if i in order else next(rest) for i in range(x.ndim_)])
