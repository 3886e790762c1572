"""Running sums along a dimension."""
import numpy as np

from fastnn._engine.engine cimport *
from fastnn.ops.fold cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_cumsum

__all__ = ["cumsum"]


cdef int cumsum_rule(Node node, Tensor dy) except -1:
    return node.give(0, scan(dy, <int>node.n[0], not node.n[1]))    # records only where wanted


cdef Tensor scan(Tensor x, int d, bint reverse):
    cdef Tensor source = contiguous(x), y = new_like(source)
    cdef Axis axis
    cdef fnn_call c
    cdef Node node
    measure(x, (<int64_t>1) << d if x.ndim_ else 0, &axis)
    start(&c, FNN_cumsum, x.dtype_)
    buffer(&c, y)
    buffer(&c, source)
    put_axis(&c, &axis)
    c.args.n[3] = reverse
    run(&c, 1, 4.0 * x.size_, 0)
    if tracked(x):
        node = record1("cumsum", y, x, cumsum_rule, cumsum_rule)
        node.n[0] = d
        node.n[1] = reverse
    return y


def cumsum(input, dim, *, dtype=None):
    """The running sum along a dimension: y[i] = x[0] + ... + x[i], added in double precision.

    Parameters
    ----------
    input : Tensor
        Any dtype; integers and bools are summed as int64.
    dim : int
        Along which dimension.
    dtype : dtype, optional
        Converts the input first.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.cumsum``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cumsum(fastnn.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 3., 6.])
    """
    cdef Tensor x = as_dtype(as_tensor(input, "cumsum: input"), dtype)
    cdef int d = checked_dim(dim, x.ndim_, "cumsum")
    if x.dtype_ > FNN_F64:
        sums = np.cumsum(to_numpy(x), axis=d if x.ndim_ else None, dtype=np.int64)
        return as_tensor(sums.reshape(shape_of(x)), "result")
    return scan(x, d, False)
