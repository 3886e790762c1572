"""Margin losses of classes: multi-class hinge, Weston-Watkins, several labels per row."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real
from libc.stdint cimport INT64_MIN
from fastnn.ops.target cimport *
from fastnn.ops.binary_loss import binary_cross_entropy_with_logits
from fastnn.ops.series import arange

cdef extern from "fastnn.h":
    enum:
        FNN_multi_margin_forward, FNN_multi_margin_backward, FNN_multilabel_margin_forward
        FNN_multilabel_margin_backward

__all__ = ["multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "weston_watkins_loss"]


cdef inline void optional(fnn_call *c, Tensor t):
    if t is None:
        null_buffer(c)
    else:
        buffer(c, t)


cdef Tensor multi_margin_gradient(Node node, Tensor dy, Tensor scale):
    cdef Tensor x = contiguous(node.a), dx = new_like(x)
    cdef fnn_call c
    dy = contiguous(dy)
    start(&c, FNN_multi_margin_backward, x.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    optional(&c, scale)
    buffer(&c, x)
    buffer(&c, node.b)
    optional(&c, node.c)
    c.args.n[0] = x.shape_[0]
    c.args.n[1] = x.shape_[1]
    c.args.n[2] = node.n[0]
    c.args.n[3] = dy.size_ > 1 or x.shape_[0] == 1
    c.args.s[0] = node.s[0]
    c.args.s[1] = node.s[1]
    run(&c, 1, 6.0 * x.size_, 0)
    return dx


cdef int multi_margin_rule(Node node, Tensor dy) except -1:
    return node.give(0, multi_margin_gradient(node, dy, node.extra))


cdef Tensor ones(Tensor x):
    """One gradient of 1 per row."""
    cdef Tensor y = new_1d(x.dtype_, x.shape_[0])
    to_numpy(y)[...] = 1
    return y


cdef object by_row(Node node, Tensor dy):
    """The incoming gradient as a column, or one number, in the graph."""
    return dy.reshape((-1, 1)) if node.extra is None else dy * node.extra.reshape(())


cdef int multi_margin_graph(Node node, Tensor dy) except -1:
    """p = 1: constants times dy; p = 2: twice the violations, which have derivatives themselves."""
    cdef Tensor x = node.a
    if node.n[0] == 1:
        return node.give(0, by_row(node, dy) * multi_margin_gradient(node, ones(x), None))
    right = (arange(x.shape_[1]) == node.b.unsqueeze(1)).to(x.dtype)
    z = (x - (x * right).sum(1, keepdim=True) + node.s[0]) * (1 - right)
    z = z * (z.detach() > 0).to(x.dtype) * (2 / node.s[1])
    if node.c is not None:
        z = z * node.c[node.b].unsqueeze(1)
    return node.give(0, by_row(node, dy) * (z - right * z.sum(1, keepdim=True)))


cdef object multi_margin(str what, object input, object target, int64_t p, double margin, object weight,
                         object reduction, bint divide):
    cdef int kind = reduction_of(reduction, what)
    cdef Tensor x = float_tensor(input, f"{what}: input".encode()), t = as_tensor(target, f"{what}: target".encode())
    cdef Tensor w, y, losses, scale = None
    cdef fnn_call c
    cdef Node node
    cdef bint single = x.ndim_ == 1
    if x.ndim_ not in (1, 2) or x.shape_[x.ndim_ - 1] == 0:
        raise ValueError(f"{what}: input has shape {shape_of(x)}, expected (N, C) or (C,) with at least one class")
    if single and t.ndim_ == 1 and t.size_ == 1:
        t = t.reshape(())
    t = labels_of(t, shape_of(x)[:x.ndim_ - 1], x.shape_[x.ndim_ - 1], INT64_MIN, what)
    if single:
        x, t = x.unsqueeze(0), t.reshape((1,))
    w = class_weights(weight, x, x.shape_[1], what)
    source = contiguous(x)
    losses = new_1d(x.dtype_, x.shape_[0])
    start(&c, FNN_multi_margin_forward, x.dtype_)
    buffer(&c, losses)
    buffer(&c, <Tensor>source)
    buffer(&c, t)
    optional(&c, w)
    c.args.n[0] = x.shape_[0]
    c.args.n[1] = x.shape_[1]
    c.args.n[2] = p
    c.args.s[0] = margin
    c.args.s[1] = x.shape_[1] if divide else 1
    run(&c, 1, 4.0 * x.size_, 0)
    y = losses
    if kind != NONE:
        scale = new_1d(x.dtype_, 1)
        y = fold_losses(losses, losses, scale, 2 if kind == MEAN else 0)
    if tracked(x):
        node = record1("multi_margin_loss", y, x, multi_margin_rule, multi_margin_graph)
        save(node, x, t, w)
        node.extra = scale
        node.n[0] = p
        node.s[0] = margin
        node.s[1] = x.shape_[1] if divide else 1
    return y.reshape(()) if single and kind == NONE else y


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, *, reduction="mean"):
    """The multi-class hinge loss: w_t sum_(c != t) max(0, margin - x_t + x_c)^p / C.

    Parameters
    ----------
    input : Tensor
        Scores, (N, C) or (C,), float32 or float64.
    target : Tensor
        Class numbers from 0 to C-1, any integer dtype, (N,) or ().
    p : {1, 2}
        Default 1.
    margin : float
        By how much the right score must lead. Default 1.
    weight : Tensor, optional
        A factor for each class, (C,).
    reduction : {"mean", "sum", "none"}
        Over rows. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or (N,) for "none".

    Raises
    ------
    IndexError
        If a label is negative or too large: with its position and value.
    TypeError
        If labels are not integers.
    ValueError
        If shapes do not fit, or p is neither 1 nor 2.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.multi_margin_loss``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([[0.1, 0.2, 0.4, 0.8]])
    >>> fastnn.nn.functional.multi_margin_loss(x, fastnn.tensor([3]))
    tensor(0.325)
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p}")
    return multi_margin("multi_margin_loss", input, target, p, real(margin, "multi_margin_loss: margin"), weight, reduction, True)


def weston_watkins_loss(input, target, margin=1.0, weight=None, *, reduction="mean"):
    """The multi-class support vector machine: w_t sum_(c != t) max(0, margin - x_t + x_c).

    At chance, all scores equal, every margin is missed: C - 1 for margin 1.

    Parameters
    ----------
    input : Tensor
        Scores, (N, C) or (C,), float32 or float64.
    target : Tensor
        Class numbers from 0 to C-1, any integer dtype, (N,) or ().
    margin : float
        By how much the right score must lead. Default 1.
    weight : Tensor, optional
        A factor for each class, (C,).
    reduction : {"mean", "sum", "none"}
        Over rows. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or (N,) for "none".

    Raises
    ------
    IndexError
        If a label is negative or too large: with its position and value.
    TypeError
        If labels are not integers.
    ValueError
        If shapes do not fit.

    Notes
    -----
    Weston and Watkins (1999). `multi_margin_loss` divides it by C.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.weston_watkins_loss(fastnn.zeros(2, 10), fastnn.tensor([3, 7]))
    tensor(9.)
    """
    return multi_margin("weston_watkins_loss", input, target, 1, real(margin, "weston_watkins_loss: margin"), weight, reduction, False)


# --- several labels per row -------------------------------------------------------------------------

cdef Tensor multilabel_gradient(Node node, Tensor dy, Tensor scale):
    cdef Tensor x = contiguous(node.a), dx = new_like(x)
    cdef fnn_call c
    dy = contiguous(dy)
    start(&c, FNN_multilabel_margin_backward, x.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    optional(&c, scale)
    buffer(&c, x)
    buffer(&c, node.b)
    buffer(&c, node.c)
    c.args.n[0] = x.shape_[0]
    c.args.n[1] = x.shape_[1]
    c.args.n[3] = dy.size_ > 1 or x.shape_[0] == 1
    run(&c, 1, 20.0 * x.size_, 0)
    return dx


cdef int multilabel_rule(Node node, Tensor dy) except -1:
    return node.give(0, multilabel_gradient(node, dy, node.extra))


cdef int multilabel_graph(Node node, Tensor dy) except -1:
    return node.give(0, by_row(node, dy) * multilabel_gradient(node, ones(node.a), None))


def multilabel_margin_loss(input, target, *, reduction="mean"):
    """Each label's score must lead each other class's: sum_(j label, c none) max(0, 1 - x_j + x_c) / C.

    Parameters
    ----------
    input : Tensor
        Scores, (N, C) or (C,), float32 or float64.
    target : Tensor
        Class numbers, any integer dtype, of the input's shape; the labels are those before the first -1.
    reduction : {"mean", "sum", "none"}
        Over rows. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or (N,) for "none".

    Raises
    ------
    IndexError
        If a label is below -1 or too large: with its position and value.
    TypeError
        If labels are not integers.
    ValueError
        If the shapes differ.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.multilabel_margin_loss``.

    Examples
    --------
    >>> import fastnn
    >>> x, t = fastnn.tensor([[0.1, 0.2, 0.4, 0.8]]), fastnn.tensor([[3, 0, -1, 1]])
    >>> fastnn.nn.functional.multilabel_margin_loss(x, t)
    tensor(0.85)
    """
    cdef int kind = reduction_of(reduction, "multilabel_margin_loss")
    cdef Tensor x = float_tensor(input, "multilabel_margin_loss: input"), t = as_tensor(target, "multilabel_margin_loss: target")
    cdef Tensor y, losses, is_label, source, scale = None
    cdef fnn_call c
    cdef Node node
    cdef bint single = x.ndim_ == 1
    if x.ndim_ not in (1, 2) or x.shape_[x.ndim_ - 1] == 0:
        raise ValueError(f"multilabel_margin_loss: input has shape {shape_of(x)}, expected (N, C) or (C,)")
    if t.dtype_ <= FNN_F64 or t.dtype_ == FNN_BOOL:
        raise TypeError(f"multilabel_margin_loss: target has dtype {dtype_name(t.dtype_)}, expected integers (class "
                        "numbers, then -1); for 0 and 1 per class use multilabel_soft_margin_loss")
    same_shape_as("target", t, x, "multilabel_margin_loss")
    t = contiguous(cast(t, FNN_I64))
    check_index_from(t, -1, x.shape_[x.ndim_ - 1], INT64_MIN, "multilabel_margin_loss: label")
    if single:
        x, t = x.unsqueeze(0), t.unsqueeze(0)
    source = contiguous(x)
    losses, is_label = new_1d(x.dtype_, x.shape_[0]), new_like(source)
    start(&c, FNN_multilabel_margin_forward, x.dtype_)
    buffer(&c, losses)
    buffer(&c, is_label)
    buffer(&c, source)
    buffer(&c, t)
    c.args.n[0] = x.shape_[0]
    c.args.n[1] = x.shape_[1]
    run(&c, 2, 20.0 * x.size_, 0)
    y = losses
    if kind != NONE:
        scale = new_1d(x.dtype_, 1)
        y = fold_losses(losses, losses, scale, 2 if kind == MEAN else 0)
    if tracked(x):
        node = record1("multilabel_margin_loss", y, x, multilabel_rule, multilabel_graph)
        save(node, x, t, is_label)
        node.extra = scale
    return y.reshape(()) if single and kind == NONE else y


def multilabel_soft_margin_loss(input, target, weight=None, *, reduction="mean"):
    """Binary cross-entropy of each class's logit, meant over classes.

    Parameters
    ----------
    input : Tensor
        Logits, (N, C) or (C,), float32 or float64.
    target : Tensor
        0 or 1 for each class, of the input's shape.
    weight : Tensor, optional
        A factor for each class, (C,).
    reduction : {"mean", "sum", "none"}
        Over rows. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or (N,) for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.multilabel_soft_margin_loss``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.multilabel_soft_margin_loss(fastnn.zeros(1, 3), fastnn.tensor([[0.0, 1.0, 1.0]]))
    tensor(0.6931)
    """
    cdef int kind = reduction_of(reduction, "multilabel_soft_margin_loss")
    cdef Tensor x
    x, t = same_shapes(input, target, "multilabel_soft_margin_loss")
    if x.ndim_ == 0:
        raise ValueError("multilabel_soft_margin_loss: input must have a dimension of classes, got a 0-d tensor")
    losses = binary_cross_entropy_with_logits(x, t, weight, reduction="mean" if kind == MEAN else "none")
    return losses if kind == MEAN else reduced_loss(losses.mean(-1), kind)
