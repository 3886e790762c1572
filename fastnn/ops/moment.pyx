"""Variance, standard deviation and vector norms."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real
from fastnn.ops.fold cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_var, FNN_var_merge, FNN_centred_backward, FNN_sum, FNN_sum_abs, FNN_sum_abs_backward
        FNN_sum_squares

__all__ = ["norm", "std", "std_mean", "var", "var_mean"]


# --- variance ---------------------------------------------------------------------------------------

cdef int var_rule(Node node, Tensor dy) except -1:
    """dx = 2 dy (x - mean) / (n - correction)."""
    return spread(node, dy, FNN_centred_backward, node.b, node.b, node.c, None, node.s[0])


cdef int std_rule(Node node, Tensor dy) except -1:
    """dx = dy (x - mean) / (std (n - correction)), 0 where the deviation is 0."""
    return spread(node, dy, FNN_centred_backward, node.b, node.b, node.c, node.a, node.s[0] / 2)


cdef object centred(Node node):
    dims = tuple([i for i in range(node.b.ndim_) if node.n[0] >> i & 1])
    return node.b - node.b.mean(dims, True) if dims else node.b * 0


cdef int var_graph(Node node, Tensor dy) except -1:
    return node.give(0, widened(dy * node.s[0], node.b, node.n[0]) * centred(node))


cdef int std_graph(Node node, Tensor dy) except -1:
    return node.give(0, widened(dy * (node.s[0] / 2) / positive(node.output()), node.b, node.n[0]) * centred(node))


cdef object positive(object y):
    """y, with 1 in place of 0: what is divided by it is 0 there."""
    import fastnn
    return fastnn.where(y == 0, 1.0, y)


cdef tuple spread_of(object input, object dim, object unbiased, bint keepdim, object correction, bint root, str what):
    """(variance or its root, mean before it entered the graph)."""
    cdef Tensor x = float_tensor(input, f"{what}: input".encode())
    cdef Tensor source, y, average, block_y, block_mean
    cdef int64_t mask
    cdef double less
    cdef Axis axis
    cdef fnn_call c
    cdef Node node
    if isinstance(dim, bool):                   # torch's older form, var(x, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise ValueError(f"{what}: give unbiased or correction, not both")
    less = real(correction, f"{what}: correction") if correction is not None else 0 if unbiased is not None and not unbiased else 1
    mask = mask_of(x, dim, what)
    measure(x, mask, &axis)
    y = reduced(x, mask, keepdim, x.dtype_)
    average = reduced(x, mask, keepdim, x.dtype_)
    if axis.length == 0:                        # 0 / 0
        fold(FNN_sum, FNN_sum, y, x, &axis, 0, False)
        fold(FNN_sum, FNN_sum, average, x, &axis, 0, False)
        return y, average
    block_y, block_mean = y, average
    if axis.blocks > 1:
        block_y = new_1d(x.dtype_, axis.outer * axis.blocks * axis.inner)
        block_mean = new_1d(x.dtype_, block_y.size_)
    source = packed(x, &axis)
    start(&c, FNN_var, x.dtype_)
    buffer(&c, block_y)
    buffer(&c, block_mean)
    buffer(&c, source)
    put_axis(&c, &axis)
    c.args.s[0] = less
    c.args.s[1] = root
    run(&c, 2, 6.0 * x.size_, 0)
    if axis.blocks > 1:
        start(&c, FNN_var_merge, x.dtype_)
        buffer(&c, y)
        buffer(&c, average)
        buffer(&c, block_y)
        buffer(&c, block_mean)
        buffer(&c, source)
        put_axis(&c, &axis)
        c.args.s[0] = less
        c.args.s[1] = root
        run(&c, 2, 10.0 * block_y.size_, 0)
    if tracked(x):
        node = record1("std" if root else "var", y, x, std_rule if root else var_rule, std_graph if root else var_graph)
        save_output(node, y, x, average)
        node.n[0] = mask
        node.s[0] = 2 / (axis.length - less) if axis.length > less else float("nan")
    return y, average


def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The variance sum((x - mean)^2) / (n - correction) of all elements, or along dimensions.

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    dim : int or tuple of int, optional
        Which dimensions to reduce. Default: all.
    unbiased : bool, optional
        False stands for ``correction=0``.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.
    correction : float, optional
        Default 1 (Bessel's).

    Returns
    -------
    Tensor
        By the corrected two-pass formula: a mean far from zero costs no digits.

    Raises
    ------
    TypeError
        If the input holds integers or bools.
    IndexError
        If there is no such dimension.
    ValueError
        If unbiased and correction are both given.

    Notes
    -----
    Has the behaviour of ``torch.var``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.var(fastnn.tensor([10000.0, 10001.0, 10002.0]))
    tensor(1.)
    """
    return spread_of(input, dim, unbiased, keepdim, correction, False, "var")[0]


def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The standard deviation, the square root of `var`, whose parameters it has.

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    dim : int or tuple of int, optional
        Which dimensions to reduce. Default: all.
    unbiased : bool, optional
        False stands for ``correction=0``.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.
    correction : float, optional
        Default 1 (Bessel's).

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If the input holds integers or bools.
    IndexError
        If there is no such dimension.
    ValueError
        If unbiased and correction are both given.

    Notes
    -----
    Has the behaviour of ``torch.std``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.std(fastnn.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    """
    return spread_of(input, dim, unbiased, keepdim, correction, True, "std")[0]


def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Variance and mean; the parameters are those of `var`. Raises as `var`.

    Returns
    -------
    (Tensor, Tensor)

    Notes
    -----
    Has the behaviour of ``torch.var_mean``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.var_mean(fastnn.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return _with_mean(input, dim, unbiased, keepdim, correction, False)


def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Standard deviation and mean; the parameters are those of `std`. Raises as `std`.

    Returns
    -------
    (Tensor, Tensor)

    Notes
    -----
    Has the behaviour of ``torch.std_mean``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.std_mean(fastnn.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return _with_mean(input, dim, unbiased, keepdim, correction, True)


cdef tuple _with_mean(object input, object dim, object unbiased, bint keepdim, object correction, bint root):
    cdef Tensor x = float_tensor(input, "std_mean: input" if root else "var_mean: input")
    y, average = spread_of(x, dim, unbiased, keepdim, correction, root, "std_mean" if root else "var_mean")
    if tracked(x):
        average = x.mean(None if isinstance(dim, bool) else dim, keepdim)
    return y, average


# --- norms --------------------------------------------------------------------------------------------

cdef int norm2_rule(Node node, Tensor dy) except -1:
    """dx = dy x / |x|, 0 where the norm is 0."""
    return spread(node, dy, FNN_centred_backward, node.b, node.b, None, node.a, 1)


cdef int norm2_graph(Node node, Tensor dy) except -1:
    return node.give(0, widened(dy / positive(node.output()), node.b, node.n[0]) * node.b)


cdef int norm1_rule(Node node, Tensor dy) except -1:
    return spread(node, dy, FNN_sum_abs_backward, node.b, node.b, None, None, 1)


cdef int norm1_graph(Node node, Tensor dy) except -1:
    x = node.b.detach()
    sign = cast(x > 0, dy.dtype_) - cast(x < 0, dy.dtype_)
    return node.give(0, widened(dy, node.b, node.n[0]) * sign)


def norm(input, p="fro", dim=None, keepdim=False, *, dtype=None):
    """The p-norm (sum(|x|^p))^(1/p) of all elements, or along dimensions.

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    p : float or "fro"
        Default "fro", the 2-norm. inf and -inf give the largest and smallest |x|, 0 the number of
        elements that are not zero.
    dim : int or tuple of int, optional
        Which dimensions to reduce. Default: all.
    keepdim : bool
        Keep the reduced dimensions, with size 1. Default False.
    dtype : dtype, optional
        Converts the input first.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If the input holds integers or bools.
    ValueError
        If p is another word.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Has the behaviour of ``torch.norm``, without its matrix norms ("nuc").

    Examples
    --------
    >>> import fastnn
    >>> fastnn.norm(fastnn.tensor([3.0, 4.0]))
    tensor(5.)
    """
    import fastnn
    cdef Tensor x = float_tensor(as_dtype(as_tensor(input, "norm: input"), dtype), "norm: input")
    cdef int64_t mask = mask_of(x, dim, "norm")
    cdef Tensor y
    cdef Axis axis
    cdef Node node
    if isinstance(p, str) and p != "fro" or p is None:
        raise ValueError(f"norm: p must be a number or 'fro', got {p!r}")
    power = 2.0 if isinstance(p, str) and p == "fro" else real(p, "norm: p")
    if power == float("inf") or power == -float("inf"):
        return (fastnn.amax if power > 0 else fastnn.amin)(abs(x), () if dim is None else dim, keepdim)
    if power == 0:
        return cast(x.detach() != 0, x.dtype_).sum(dim, keepdim)
    if power != 1 and power != 2:
        return (abs(x) ** power).sum(dim, keepdim) ** (1 / power)
    y = reduced(x, mask, keepdim, x.dtype_)
    measure(x, mask, &axis)
    fold(FNN_sum_squares if power == 2 else FNN_sum_abs, FNN_sum, y, packed(x, &axis), &axis, 1, power == 2)
    if tracked(x):
        node = record1("norm", y, x, norm2_rule if power == 2 else norm1_rule, norm2_graph if power == 2 else norm1_graph)
        save_output(node, y, x, None)
        node.n[0] = mask
    return y
