"""Distances: squared, absolute, smooth and Huber losses; and how a loss of single elements runs."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real
from fastnn.ops.target cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_sum, FNN_mse_loss_forward, FNN_l1_loss_forward, FNN_smooth_l1_loss_forward
        FNN_huber_loss_forward, FNN_bce_loss_forward
        FNN_mse_loss_backward, FNN_l1_loss_backward, FNN_smooth_l1_loss_backward
        FNN_huber_loss_backward, FNN_bce_loss_backward

__all__ = ["huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]

cdef enum:
    BLOCK = 4096        # elements whose losses are added up by one kernel


cdef int loss_rule(Node node, Tensor dy) except -1:
    """dx = dy w slope / divisor; and its negative for the target of a distance."""
    cdef Tensor dx, x = contiguous(node.a), t = contiguous(node.b), pos = node.extra
    cdef fnn_call c
    cdef int i
    dy = contiguous(dy)
    for i in range(2):
        if not node.wants(i):
            continue
        dx = new_like(x)
        start(&c, <int>node.n[0], x.dtype_)
        buffer(&c, dx)
        buffer(&c, dy)
        buffer(&c, x)
        buffer(&c, t)
        optional(&c, node.c)
        optional(&c, pos)
        c.args.n[0] = x.size_
        c.args.n[1] = node.n[1]
        c.args.s[0] = node.s[0]
        c.args.s[1] = -node.s[1] if i else node.s[1]
        c.args.s[2] = node.s[2]
        run(&c, 1, 8.0 * x.size_, 0)
        node.give(i, dx)
    return 0


cdef inline void optional(fnn_call *c, Tensor t):
    if t is None:
        null_buffer(c)
    else:
        buffer(c, t)


cdef object sign_of(Tensor x):
    d = x.detach()
    return cast(d > 0, x.dtype_) - cast(d < 0, x.dtype_)


cdef dict SLOPES = {}       # backward kernel -> function(x, t, k, m), for those of other families


cdef int set_slope(int kernel, object function) except -1:
    SLOPES[kernel] = function
    return 0


cdef object slope(int kernel, object x, object t, object pos, double k, double m):
    """The derivative of the loss by x, as an expression that has derivatives itself."""
    import fastnn
    if kernel in SLOPES:
        return SLOPES[kernel](x, t, k, m)
    d = x - t
    if kernel == FNN_mse_loss_backward:
        return 2 * d
    if kernel == FNN_l1_loss_backward:
        return sign_of(d)
    if kernel == FNN_smooth_l1_loss_backward:
        return fastnn.where(abs(d.detach()) < k, d / k, sign_of(d))
    if kernel == FNN_huber_loss_backward:
        return fastnn.where(abs(d.detach()) <= k, d, sign_of(d) * k)
    if kernel == FNN_bce_loss_backward:
        return d / ((1 - x) * x).clamp(min=1e-12)
    r = 1 if pos is None else 1 + (pos - 1) * t
    return (1 - t) - r * (-x).sigmoid()


cdef int loss_graph(Node node, Tensor dy) except -1:
    g = dy * slope(<int>node.n[0], node.a, node.b, node.extra, node.s[0], node.s[2]) * node.s[1]
    if node.c is not None:
        g = g * node.c
    if node.wants(0):
        node.share(0, g)
    if node.wants(1):
        node.share(1, -g)
    return 0


cdef Tensor factors(object weight, Tensor x, str what):
    """Constants of x's shape, which they may be broadcast to."""
    cdef Tensor w
    if weight is None:
        return None
    w = cast(as_tensor(weight, f"{what}".encode()), x.dtype_).detach()
    try:
        return contiguous(w.expand(shape_of(x)))
    except (ValueError, RuntimeError):
        raise ValueError(f"{what} has shape {shape_of(w)}, which does not broadcast to {shape_of(x)}") from None


cdef Tensor element_loss(int forward, int backward, Tensor x, Tensor t, int reduction, double k, Tensor w, Tensor pos,
                         double m=0):
    cdef Tensor y, parts, source = contiguous(x), target = contiguous(t)
    cdef int64_t blocks = (x.size_ + BLOCK - 1) // BLOCK
    cdef double divisor = x.size_ if reduction == MEAN else 1
    cdef fnn_call c
    cdef Node node
    y = new_like(source) if reduction == NONE else new(x.dtype_, 0, NULL)
    parts = new_1d(x.dtype_, blocks) if reduction != NONE and blocks != 1 else y
    start(&c, forward, x.dtype_)
    buffer(&c, parts)
    buffer(&c, source)
    buffer(&c, target)
    optional(&c, w)
    optional(&c, pos)
    c.args.n[0] = x.size_
    c.args.n[1] = 0 if reduction == NONE else BLOCK
    c.args.s[0] = k
    c.args.s[1] = divisor if parts is y else 1
    c.args.s[2] = m
    run(&c, 1, (8.0 if forward < FNN_bce_loss_forward else 60.0) * x.size_, 0)
    if parts is not y:
        start(&c, FNN_sum, x.dtype_)
        buffer(&c, y)
        buffer(&c, parts)
        c.args.n[0] = c.args.n[2] = 1
        c.args.n[1] = blocks
        c.args.n[3] = blocks if blocks > 0 else 1
        c.args.s[0] = divisor
        c.args.s[1] = 0
        run(&c, 1, blocks, 0)
    if tracked(x) or tracked(t):
        node = record2("loss", y, x, t, loss_rule, loss_graph)
        save(node, x, t, w)
        node.extra = pos
        node.n[0] = backward
        node.n[1] = reduction == NONE
        node.s[0] = k
        node.s[1] = 1 / divisor if divisor else 1
        node.s[2] = m
    return y


cdef object weighted_loss(int forward, int backward, Tensor x, Tensor t, int reduction, double k, object weight, str what):
    """With a factor for each element, whose sum divides the mean."""
    cdef Tensor w
    if weight is None:
        return element_loss(forward, backward, x, t, reduction, k, None, None)
    w = as_tensor(weight, f"{what}: weight".encode())
    same_shape_as("weight", w, x, what)
    w = w.to(x.dtype)
    if not tracked(w):
        y = element_loss(forward, backward, x, t, NONE if reduction == NONE else SUM, k, contiguous(w), None)
    else:
        y = reduced_loss(element_loss(forward, backward, x, t, NONE, k, None, None) * w, NONE if reduction == NONE else SUM)
    return y / w.sum() if reduction == MEAN else y


def mse_loss(input, target, *, reduction="mean", weight=None):
    """The squared distance (x - t)^2.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of the input's shape; other dtypes are converted to the input's.
    reduction : {"mean", "sum", "none"}
        Default "mean".
    weight : Tensor, optional
        A factor for each element, of the input's shape; the mean is divided by their sum.

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.mse_loss``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.mse_loss(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(2.)
    """
    x, t = same_shapes(input, target, "mse_loss")
    return weighted_loss(FNN_mse_loss_forward, FNN_mse_loss_backward, x, t, reduction_of(reduction, "mse_loss"), 0, weight,
                         "mse_loss")


def l1_loss(input, target, *, reduction="mean", weight=None):
    """The absolute distance abs(x - t).

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of the input's shape; other dtypes are converted to the input's.
    reduction : {"mean", "sum", "none"}
        Default "mean".
    weight : Tensor, optional
        A factor for each element, of the input's shape; the mean is divided by their sum.

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.l1_loss``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.l1_loss(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(1.)
    """
    x, t = same_shapes(input, target, "l1_loss")
    return weighted_loss(FNN_l1_loss_forward, FNN_l1_loss_backward, x, t, reduction_of(reduction, "l1_loss"), 0, weight,
                         "l1_loss")


def smooth_l1_loss(input, target, *, reduction="mean", beta=1.0):
    """d^2 / (2 beta) where abs(d) < beta, else abs(d) - beta / 2, with d = x - t.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of the input's shape; other dtypes are converted to the input's.
    reduction : {"mean", "sum", "none"}
        Default "mean".
    beta : float
        Where the parabola ends; 0 gives `l1_loss`. Default 1.

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if beta is negative.

    Notes
    -----
    Girshick (2015), eq. 3. Has the behaviour of ``torch.nn.functional.smooth_l1_loss``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.smooth_l1_loss(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(0.75)
    """
    cdef double k = real(beta, "smooth_l1_loss: beta")
    if not k >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    if k == 0:
        return l1_loss(input, target, reduction=reduction)
    x, t = same_shapes(input, target, "smooth_l1_loss")
    return element_loss(FNN_smooth_l1_loss_forward, FNN_smooth_l1_loss_backward, x, t,
                        reduction_of(reduction, "smooth_l1_loss"), k, None, None)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """d^2 / 2 where abs(d) <= delta, else delta (abs(d) - delta / 2), with d = x - t.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of the input's shape; other dtypes are converted to the input's.
    reduction : {"mean", "sum", "none"}
        Default "mean".
    delta : float
        Where the parabola ends, positive. Default 1.
    weight : Tensor, optional
        A factor for each element, of the input's shape; the mean is divided by their sum.

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if delta is not positive.

    Notes
    -----
    Huber (1964). Has the behaviour of ``torch.nn.functional.huber_loss``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.huber_loss(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(0.75)
    """
    cdef double k = real(delta, "huber_loss: delta")
    if not k > 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    x, t = same_shapes(input, target, "huber_loss")
    return weighted_loss(FNN_huber_loss_forward, FNN_huber_loss_backward, x, t, reduction_of(reduction, "huber_loss"), k, weight,
                         "huber_loss")
