"""Broadcasting: views that repeat a dimension of size 1, and the sums that are their gradients."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport from_varargs, sizes_from
from fastnn.ops.shape import reshape

__all__ = ["broadcast_to"]


cdef object sum_to(object dy, tuple shape):
    cdef Tensor g = dy
    if shape_of(g) == shape:
        return g
    lead = g.ndim_ - len(shape)
    dims = [i for i in range(g.ndim_) if i < lead or (shape[i - lead] == 1 and g.shape_[i] != 1)]
    return reshape(dy.sum(dims, True) if dims else dy, shape)


cdef int expand_rule(Node node, Tensor dy) except -1:
    return node.share(0, sum_to(dy, node.extra))


cdef Tensor expand_to(Tensor x, int ndim, const int64_t *shape, str what):
    cdef int64_t sizes[8]
    cdef int64_t strides[8]
    cdef int i, lead = ndim - x.ndim_
    cdef Tensor y
    cdef Node node
    for i in range(ndim):
        sizes[i] = shape[i]
        strides[i] = 0
        if i >= lead >= 0:
            if shape[i] == -1 or shape[i] == x.shape_[i - lead]:
                sizes[i] = x.shape_[i - lead]
                strides[i] = x.strides_[i - lead]
                continue
            if x.shape_[i - lead] == 1 and shape[i] >= 0:
                continue
        elif lead >= 0 and shape[i] >= 0:
            continue
        raise ValueError(f"{what}: shape {shape_of(x)} cannot be expanded to {tuple([shape[i] for i in range(ndim)])}")
    if lead < 0:
        raise ValueError(f"{what}: shape {shape_of(x)} cannot be expanded to {tuple([shape[i] for i in range(ndim)])}")
    y = view(x, 0, ndim, sizes, strides)
    if tracked(x):
        node = record1("expand", y, x, expand_rule, expand_rule)
        node.extra = shape_of(x)
    return y


def broadcast_to(input, shape):
    """Repeat along dimensions of size one, and new leading ones, without copying.

    Parameters
    ----------
    input : Tensor
    shape : tuple of int
        -1 keeps a size.

    Returns
    -------
    Tensor
        A view of the same dtype, whose repeated dimensions have stride 0: clone it before writing to it.

    Raises
    ------
    ValueError
        If the shape does not fit.

    Notes
    -----
    Has the behaviour of ``torch.broadcast_to``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.broadcast_to(fastnn.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    cdef int64_t sizes[8]
    cdef int n = sizes_from(shape, sizes, "broadcast_to")
    return expand_to(as_tensor(input, "broadcast_to: input"), n, sizes, "broadcast_to")


def _expand(Tensor self, *sizes):
    """Repeat along dimensions of size one without copying; see `fastnn.broadcast_to`."""
    cdef int64_t shape[8]
    cdef int n = sizes_from(from_varargs(sizes), shape, "expand")
    return expand_to(self, n, shape, "expand")


def _expand_as(Tensor self, Tensor other):
    """Expand to other's shape; see `fastnn.broadcast_to`."""
    return expand_to(self, other.ndim_, other.shape_, "expand_as")
