"""Order: sort, argsort, topk; and one_hot."""
from collections import namedtuple

from fastnn._engine.engine cimport *
from fastnn.ops.slices cimport NOTHING
from fastnn.ops.argument cimport whole
from fastnn.ops.memory cimport fill_with

cdef extern from "fastnn.h":
    enum: FNN_order_rows

from fastnn.ops.along import gather, scatter

__all__ = ["argsort", "one_hot", "sort", "topk"]

Sorted = namedtuple("Sorted", ["values", "indices"])
TopK = namedtuple("TopK", ["values", "indices"])


cdef Tensor ranks(Tensor x, int dim, bint descending):
    """Places in rising or falling order along a dimension; equal ones stay in order, NaN is largest."""
    cdef Tensor rows = contiguous(x if dim == x.ndim_ - 1 or x.ndim_ == 0 else x.detach().movedim(dim, -1))
    cdef Tensor places = new(FNN_I64, rows.ndim_, rows.shape_), scratch = new_like(places)
    cdef int64_t length = x.shape_[dim] if x.ndim_ else 1
    cdef fnn_call c
    if x.size_:
        start(&c, FNN_order_rows, x.dtype_ if x.dtype_ <= FNN_F64 else FNN_F32)
        buffer(&c, places)
        buffer(&c, scratch)
        buffer(&c, rows)
        c.args.n[0] = x.size_ // length
        c.args.n[1] = length
        c.args.n[2] = descending
        c.args.n[3] = {FNN_I64: 8, FNN_I32: 4, FNN_BOOL: 1}.get(x.dtype_, 0)
        run(&c, 2, 8.0 * x.size_ * (1 + (<object>length).bit_length()), 0)
    return places if rows.ndim_ == 0 or dim == x.ndim_ - 1 else contiguous(places.movedim(-1, dim))


def argsort(input, dim=-1, descending=False, stable=False):
    """The places that put a dimension in order.

    Parameters
    ----------
    input : Tensor
    dim : int
        Default -1.
    descending : bool
        Largest first. Default False.
    stable : bool
        Accepted for PyTorch's sake: equal elements always stay in order.

    Returns
    -------
    Tensor of int64
        Of the input's shape.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.argsort``; NaN counts as largest.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.argsort(fastnn.tensor([3, 1, 2]))
    tensor([1, 2, 0])
    """
    cdef Tensor x = as_tensor(input, "argsort: input")
    return ranks(x, checked_dim(dim, x.ndim_, "argsort"), descending)


def sort(input, dim=-1, descending=False, stable=False):
    """The elements of a dimension in order, and where they were.

    Parameters
    ----------
    input : Tensor
    dim : int
        Default -1.
    descending : bool
        Largest first. Default False.
    stable : bool
        Accepted for PyTorch's sake: equal elements always stay in order.

    Returns
    -------
    values : Tensor
    indices : Tensor of int64
        A named tuple of two tensors of the input's shape.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.sort``; NaN counts as largest.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sort(fastnn.tensor([3, 1, 2]), descending=True).values
    tensor([3, 2, 1])
    """
    cdef Tensor x = as_tensor(input, "sort: input")
    cdef int d = checked_dim(dim, x.ndim_, "sort")
    places = ranks(x, d, descending)
    return Sorted(gather(x, d, places), places)


def topk(input, k, dim=-1, largest=True, sorted=True):
    """The k largest elements of a dimension, largest first, and where they are.

    Parameters
    ----------
    input : Tensor
    k : int
        From 0 to the size of the dimension.
    dim : int
        Default -1.
    largest : bool
        False: the smallest, smallest first. Default True.
    sorted : bool
        Accepted for PyTorch's sake: the result is always sorted.

    Returns
    -------
    values : Tensor
    indices : Tensor of int64
        A named tuple; of equal elements the first ones are taken.

    Raises
    ------
    ValueError
        If k is out of range.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.topk``; NaN counts as largest.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.topk(fastnn.tensor([3, 1, 2]), 2).values
    tensor([3, 2])
    """
    cdef Tensor x = as_tensor(input, "topk: input")
    cdef int d = checked_dim(dim, x.ndim_, "topk")
    cdef int64_t most = x.shape_[d] if x.ndim_ else 1, count = whole(k, "topk: k")
    if not 0 <= count <= most:
        raise ValueError(f"topk: k must be from 0 to {most}, the size of dimension {dim}, got {k}")
    places = ranks(x, d, largest)
    if x.ndim_:
        places = places.narrow(d, 0, count)
    return TopK(gather(x, d, places), places)


def one_hot(tensor, num_classes=-1):
    """Vectors of zeros with a one at the class: y[..., c] = 1 if c == x[...] else 0.

    Parameters
    ----------
    tensor : Tensor of int64 or int32
        Classes from 0 to num_classes - 1, any shape.
    num_classes : int
        Default -1: the largest class plus one.

    Returns
    -------
    Tensor of int64
        One dimension more, of size num_classes.

    Raises
    ------
    TypeError
        If the classes are no integers.
    IndexError
        If a class is out of range; its position and value are named.
    ValueError
        If num_classes is not positive, or is to be found out from no classes.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.one_hot``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.one_hot(fastnn.tensor([2, 0]), 3)
    tensor([[0, 0, 1],
            [1, 0, 0]])
    """
    cdef Tensor x = as_tensor(tensor, "one_hot: tensor"), y
    cdef int64_t shape[9]
    cdef int64_t classes = whole(num_classes, "one_hot: num_classes")
    cdef int i
    if x.dtype_ != FNN_I64 and x.dtype_ != FNN_I32:
        raise TypeError(f"one_hot: classes must be int64 or int32, got {dtype_name(x.dtype_)}")
    if classes == -1:
        if x.size_ == 0:
            raise ValueError("one_hot: num_classes must be given for an empty tensor")
        classes = int(to_numpy(x).max()) + 1
        check_index(x, max(classes, 1), NOTHING, "one_hot: class")
    if classes < 1 or x.ndim_ == 8:
        raise ValueError(f"one_hot: num_classes must be positive, got {classes}, and the tensor have at most 7 dimensions")
    for i in range(x.ndim_):
        shape[i] = x.shape_[i]
    shape[x.ndim_] = classes
    check_index(x, classes, NOTHING, "one_hot: class")
    y = new(FNN_I64, x.ndim_ + 1, shape)
    fill_with(y, 0)
    return scatter(y, x.ndim_, x.unsqueeze(x.ndim_), 1)
