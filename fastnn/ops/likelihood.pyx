"""Losses of classes: cross-entropy of logits, negative log likelihood of log-probabilities."""
import warnings

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real, whole
from fastnn.ops.fold cimport shape_only
from fastnn.ops.target cimport *
from fastnn.ops.probability import log_softmax, softmax

import numpy as np

cdef extern from "fastnn.h":
    enum:
        FNN_cross_entropy_forward, FNN_cross_entropy_backward, FNN_cross_entropy_soft_forward
        FNN_cross_entropy_soft_backward, FNN_nll_forward, FNN_nll_backward

__all__ = ["cross_entropy", "nll_loss"]

cdef bint first_call = True


cdef int look_for_probabilities(Tensor x) except -1:
    """Warn if the first rows are not logits but probabilities."""
    cdef int64_t i, c, classes = x.shape_[1]
    cdef double total, v
    if classes < 2 or x.shape_[0] == 0:
        return 0
    for i in range(x.shape_[0] if x.shape_[0] < 8 else 8):
        total = 0
        for c in range(classes):
            v = (<float *>x.data_)[i * classes + c] if x.dtype_ == FNN_F32 else (<double *>x.data_)[i * classes + c]
            if not 0 <= v <= 1:
                return 0
            total += v
        if not abs(total - 1) < 1e-4:
            return 0
    warnings.warn("cross_entropy: the rows of input sum to 1, as probabilities do; it expects logits: "
                  "leave out the softmax at the end of the model", stacklevel=2)
    return 0


# --- cross-entropy ----------------------------------------------------------------------------------

cdef Tensor cross_forward(Tensor losses, Tensor counts, Tensor sums, Tensor x, Tensor target, Tensor w,
                          int64_t ignore, double smoothing, bint keep):
    """Losses, what each row counts, its sum of exponentials; returns the exponentials, if kept."""
    cdef Tensor e = new_like(x) if keep else None
    cdef fnn_call c
    start(&c, FNN_cross_entropy_soft_forward if target.dtype_ <= FNN_F64 else FNN_cross_entropy_forward, x.dtype_)
    buffer(&c, losses)
    buffer(&c, counts)
    buffer(&c, sums)
    if keep:
        buffer(&c, e)
    else:
        null_buffer(&c)
    buffer(&c, x)
    buffer(&c, target)
    if w is None:
        null_buffer(&c)
    else:
        buffer(&c, w)
    c.args.n[0] = x.shape_[0]
    c.args.n[1] = x.shape_[1]
    c.args.n[2] = ignore
    c.args.s[0] = smoothing
    run(&c, 4 if keep else 3, 20.0 * x.size_, 0)
    return e


cdef int cross_rule(Node node, Tensor dy) except -1:
    """The kept exponentials become the gradient; a second backward computes them anew."""
    cdef Tensor e, sums, counts, scale
    cdef Tensor x = contiguous(node.a)
    cdef fnn_call c
    e, sums, counts, scale = node.extra
    node.extra = (None, sums, counts, scale)
    if e is None:
        e = cross_forward(new_like(sums), new_like(sums), new_like(sums), x, node.b, node.c, node.n[0], node.s[0], True)
    dy = contiguous(dy)
    start(&c, FNN_cross_entropy_soft_backward if node.b.dtype_ <= FNN_F64 else FNN_cross_entropy_backward, x.dtype_)
    buffer(&c, e)
    buffer(&c, dy)
    if scale is None:
        null_buffer(&c)
    else:
        buffer(&c, scale)
    buffer(&c, sums)
    buffer(&c, counts)
    buffer(&c, node.b)
    if node.c is None:
        null_buffer(&c)
    else:
        buffer(&c, node.c)
    c.args.n[0] = x.shape_[0]
    c.args.n[1] = x.shape_[1]
    c.args.n[2] = node.n[0]
    c.args.n[3] = scale is None
    c.args.s[0] = node.s[0]
    run(&c, 1, 4.0 * x.size_, 0)
    return node.give(0, e)


cdef object per_row(Node node, Tensor dy, Tensor scale):
    """dy times the scale, as a column (or one number) that multiplies rows."""
    g = dy.reshape((-1, 1)) if scale is None else dy
    return g if scale is None else g * scale.reshape(())


cdef int cross_graph(Node node, Tensor dy) except -1:
    """dx = dy (softmax(x) sum_c(w q') - w q'), with q' as constants."""
    cdef Tensor x = node.a, target = node.b
    classes, eps = x.shape_[1], node.s[0]
    if target.dtype_ <= FNN_F64:
        q = to_numpy(target) * (1 - eps) + eps / classes
    else:
        labels = to_numpy(target)
        used = labels != node.n[0]
        q = np.where(used, labels, 0)[:, None] == np.arange(classes)
        q = (q * (1 - eps) + eps / classes) * used[:, None]
    if node.c is not None:
        q = q * to_numpy(node.c)
    mass = as_tensor(q.sum(1, keepdims=True).astype(x.dtype), "mass")
    q = as_tensor(q.astype(x.dtype), "target")
    return node.give(0, (softmax(x, 1) * mass - q) * per_row(node, dy, node.extra[3]))


cdef Tensor cross_rows(Tensor x, Tensor target, Tensor w, int64_t ignore, int reduction, double smoothing):
    """Of logits x (N, C) and labels (N) or probabilities (N, C)."""
    global first_call
    cdef Tensor source = contiguous(x)
    cdef Tensor losses = new_1d(x.dtype_, x.shape_[0]), counts = new_like(losses), sums = new_like(losses)
    cdef Tensor y = losses, scale = None, e
    cdef Node node
    if first_call:
        first_call = False
        look_for_probabilities(source)
    e = cross_forward(losses, counts, sums, source, target, w, ignore, smoothing, tracked(x))
    if reduction != NONE:
        scale = new_1d(x.dtype_, 1)
        y = fold_losses(losses, counts, scale, 0 if reduction == SUM else 2 if target.dtype_ <= FNN_F64 else 1)
    if tracked(x):
        node = record1("cross_entropy", y, x, cross_rule, cross_graph)
        save(node, x, target, w)
        node.extra = (e, sums, counts, scale)
        node.n[0] = ignore
        node.s[0] = smoothing
    return y


cdef Tensor scores(object input, object target, str what):
    """The input as floating point; an error that says so where target and input are swapped."""
    cdef Tensor x = as_tensor(input, f"{what}: input".encode()), t = as_tensor(target, f"{what}: target".encode())
    if not x.is_floating_point() and t.is_floating_point():
        raise TypeError(
            f"{what}: input holds {dtype_name(x.dtype_)} and target floating point numbers, as if they were "
            f"swapped: {what}(output, target)"
        )
    return float_tensor(x, f"{what}: input".encode())


def cross_entropy(input, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """The cross-entropy of logits: -sum_c w_c q_c log(softmax(x)_c), q the target distribution.

    Parameters
    ----------
    input : Tensor
        Logits, (N, C), (C,) or (N, C, d1, ...), float32 or float64.
    target : Tensor
        Class numbers from 0 to C-1, any integer dtype, (N,), () or (N, d1, ...); or probabilities,
        a float tensor of the input's shape.
    weight : Tensor, optional
        A factor for each class, (C,).
    ignore_index : int
        Rows with this label count for nothing. Default -100.
    reduction : {"mean", "sum", "none"}
        The mean is weighted: the sum over the sum of the rows' class weights. Default "mean".
    label_smoothing : float
        eps from 0 to 1: q' = (1 - eps) q + eps / C. Default 0.

    Returns
    -------
    Tensor
        A scalar, or of the labels' shape for "none".

    Raises
    ------
    IndexError
        If a label is negative or too large: with its position and value.
    TypeError
        If labels are not integers.
    ValueError
        If shapes do not fit: nothing is broadcast.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.cross_entropy``; smoothing: Szegedy et al. (2016),
    eq. 7. Forward and backward take one exponential per logit together.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cross_entropy(fastnn.tensor([[2.0, 0.0], [0.0, 0.0]]), fastnn.tensor([0, 1]))
    tensor(0.41)
    """
    cdef Tensor x = scores(input, target, "cross_entropy"), t = as_tensor(target, "cross_entropy: target"), w, y
    cdef int kind = reduction_of(reduction, "cross_entropy")
    cdef int64_t classes
    cdef double smoothing = real(label_smoothing, "cross_entropy: label_smoothing")
    cdef bint soft
    if x.ndim_ == 0:
        raise ValueError("cross_entropy: input must have a dimension of classes, got a 0-d tensor")
    if not 0 <= smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be from 0 to 1, got {label_smoothing}")
    classes = x.shape_[0] if x.ndim_ == 1 else x.shape_[1]
    if classes == 0:
        raise ValueError(f"cross_entropy: input has shape {shape_of(x)}, expected at least one class")
    w = class_weights(weight, x, classes, "cross_entropy")
    soft = t.dtype_ <= FNN_F64 and same_shape(t, x)
    if soft and tracked(t):
        return soft_composite(x, t, w, kind, smoothing, classes)
    shape = shape_of(x)
    wanted = shape[:1] + shape[2:] if x.ndim_ > 1 else ()
    if not soft:
        ignore_index = whole(ignore_index, "cross_entropy: ignore_index")
        t = labels_of(t, wanted, classes, ignore_index, "cross_entropy")
    elif t.dtype_ != x.dtype_:
        t = cast(t, x.dtype_)
    if x.ndim_ == 2:
        return cross_rows(x, contiguous(t), w, ignore_index, kind, smoothing)
    if x.ndim_ == 1:
        x = x.reshape((1, classes))
        t = t.reshape((1, classes)) if soft else t.reshape((1,))
    else:
        x = x.movedim(1, -1).reshape((t.size_ // classes if soft else t.size_, classes))
        t = t.movedim(1, -1).reshape(shape_of(x)) if soft else t.reshape((t.size_,))
    y = cross_rows(x, contiguous(t), w, ignore_index, kind, smoothing)
    return y.reshape(wanted) if kind == NONE else y


cdef object soft_composite(Tensor x, Tensor t, Tensor w, int kind, double smoothing, int64_t classes):
    """Probabilities that want a gradient themselves."""
    d = 1 if x.ndim_ > 1 else 0
    q = t * (1 - smoothing) + smoothing / classes
    if w is not None:
        q = q * w.reshape(tuple([classes if i == d else 1 for i in range(x.ndim_)]))
    losses = -(q * log_softmax(x, d)).sum(d)
    if kind == NONE:
        return losses
    return losses.sum() / (losses.numel() if kind == MEAN else 1)


# --- negative log likelihood ------------------------------------------------------------------------

cdef int nll_rule(Node node, Tensor dy) except -1:
    cdef Tensor counts, scale, dx
    cdef fnn_call c
    counts, scale = node.extra
    dy = contiguous(dy)
    dx = new_like(node.a)
    start(&c, FNN_nll_backward, dy.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    if scale is None:
        null_buffer(&c)
    else:
        buffer(&c, scale)
    buffer(&c, counts)
    buffer(&c, node.b)
    c.args.n[0] = dx.shape_[0]
    c.args.n[1] = dx.shape_[1]
    c.args.n[2] = node.n[0]
    c.args.n[3] = scale is None
    run(&c, 1, dx.size_, 0)
    return node.give(0, dx)


cdef int nll_graph(Node node, Tensor dy) except -1:
    counts, scale = node.extra
    labels = to_numpy(node.b)
    chosen = (labels[:, None] == np.arange(node.a.shape_[1])) * -to_numpy(counts)[:, None]
    return node.give(0, as_tensor(chosen.astype(dy.dtype), "target") * per_row(node, dy, scale))


cdef Tensor nll_rows(Tensor x, Tensor target, Tensor w, int64_t ignore, int reduction):
    cdef Tensor source = contiguous(x)
    cdef Tensor losses = new_1d(x.dtype_, x.shape_[0]), counts = new_like(losses), y = losses, scale = None
    cdef fnn_call c
    cdef Node node
    start(&c, FNN_nll_forward, x.dtype_)
    buffer(&c, losses)
    buffer(&c, counts)
    buffer(&c, source)
    buffer(&c, target)
    if w is None:
        null_buffer(&c)
    else:
        buffer(&c, w)
    c.args.n[0] = x.shape_[0]
    c.args.n[1] = x.shape_[1]
    c.args.n[2] = ignore
    run(&c, 2, 4.0 * x.shape_[0], 0)
    if reduction != NONE:
        scale = new_1d(x.dtype_, 1)
        y = fold_losses(losses, counts, scale, reduction == MEAN)
    if tracked(x):
        node = record1("nll_loss", y, x, nll_rule, nll_graph)
        save(node, shape_only(x), target, None)
        node.extra = (counts, scale)
        node.n[0] = ignore
    return y


def nll_loss(input, target, weight=None, *, ignore_index=-100, reduction="mean"):
    """The negative log likelihood -w_t x_t of log-probabilities x at the labels t.

    Parameters
    ----------
    input : Tensor
        Log-probabilities, (N, C), (C,) or (N, C, d1, ...), float32 or float64.
    target : Tensor
        Class numbers from 0 to C-1, any integer dtype, (N,), () or (N, d1, ...).
    weight : Tensor, optional
        A factor for each class, (C,).
    ignore_index : int
        Rows with this label count for nothing. Default -100.
    reduction : {"mean", "sum", "none"}
        The mean is weighted: the sum over the sum of the rows' class weights. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the labels' shape for "none".

    Raises
    ------
    IndexError
        If a label is negative or too large: with its position and value.
    TypeError
        If labels are not integers.
    ValueError
        If shapes do not fit: nothing is broadcast.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.nll_loss``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nll_loss(fastnn.tensor([[-0.1, -2.0], [-3.0, -0.5]]), fastnn.tensor([0, 1]))
    tensor(0.3)
    """
    cdef Tensor x = scores(input, target, "nll_loss"), t = as_tensor(target, "nll_loss: target"), w, y
    cdef int kind = reduction_of(reduction, "nll_loss")
    cdef int64_t classes
    if x.ndim_ == 0:
        raise ValueError("nll_loss: input must have a dimension of classes, got a 0-d tensor")
    classes = x.shape_[0] if x.ndim_ == 1 else x.shape_[1]
    w = class_weights(weight, x, classes, "nll_loss")
    shape = shape_of(x)
    wanted = shape[:1] + shape[2:] if x.ndim_ > 1 else ()
    ignore_index = whole(ignore_index, "nll_loss: ignore_index")
    t = labels_of(t, wanted, classes, ignore_index, "nll_loss")
    if x.ndim_ == 2:
        return nll_rows(x, t, w, ignore_index, kind)
    x = (x if x.ndim_ == 1 else x.movedim(1, -1)).reshape((t.size_, classes))
    y = nll_rows(x, t.reshape((t.size_,)), w, ignore_index, kind)
    return y.reshape(wanted) if kind == NONE else y
