"""Connectionist temporal classification: labels in order, without saying when."""
import numpy as np

from fastnn._engine.engine cimport *
from libc.stdint cimport INT64_MIN
from fastnn.ops.argument cimport whole
from fastnn.ops.composed cimport composed_rule, fence, kept, taken
from fastnn.ops.target cimport *
from fastnn.ops.along import gather
from fastnn.ops.choose import maximum, where
from fastnn.ops.join import cat, stack
from fastnn.ops.reduce import logsumexp
from fastnn.ops.series import arange

cdef extern from "fastnn.h":
    enum: FNN_ctc_forward, FNN_ctc_backward

__all__ = ["ctc_loss"]

cdef double LEAST = -1e30       # stands for log 0 where that would give NaN gradients


cdef int put_sizes(fnn_call *c, Node node) except -1:
    """n: T, N, C, S, width, blank, forgive."""
    cdef int i
    for i in range(7):
        c.args.n[i] = node.n[i]
    return 0


cdef int ctc_rule(Node node, Tensor dy) except -1:
    cdef Tensor dx, scratch, alpha, loss, labels, steps, counts
    cdef fnn_call c
    (x,), (labels, steps, counts), (alpha, scratch, loss) = taken(node, node.extra[0]), node.extra[1], node.extra[2]
    x = contiguous(x)
    dx, dy = new_like(<Tensor>x), contiguous(dy)
    start(&c, FNN_ctc_backward, dx.dtype_)
    for t in (dx, scratch, alpha, x, labels, steps, counts, dy, loss):
        buffer(&c, <Tensor>t)
    put_sizes(&c, node)
    run(&c, 2, 60.0 * alpha.size_, 0)
    return node.give(0, dx)


cdef int ctc_graph(Node node, Tensor dy) except -1:
    fenced = fence(node, taken(node, node.extra[0]))
    y = composed(fenced[0], node.extra[1], [node.n[i] for i in range(7)])
    return composed_rule(node, node.extra[0][0], (y,), [dy], fenced)


cdef object composed(object x, tuple targets, list n):
    """The losses (N,) by elementary ops; with ctc_backward's gradient: that behind log_softmax."""
    labels, steps, counts = [to_numpy(t) for t in targets]
    T, N, C, S, _, blank, forgive = n
    first = np.arange(N) * S if S else np.cumsum(counts) - counts
    most = int(counts.max()) if N else 0
    place = np.arange(2 * most + 1)
    at = np.minimum(first[:, None] + place // 2, max(labels.size - 1, 0))
    inside = place < 2 * counts[:, None] + 1
    said = np.where((place % 2 == 1) & inside, labels.reshape(-1)[at] if labels.size else blank, blank)    # (N, L)
    skip = np.full(said.shape, LEAST)
    skip[:, 3::2] = np.where(said[:, 3::2] != said[:, 1:-2:2], 0.0, LEAST)

    def constant(a):
        return as_tensor(a.astype(x.dtype), "ctc_loss")

    emit = gather(x, 2, as_tensor(np.broadcast_to(said, (T,) + said.shape).copy(), "ctc_loss"))
    emit = emit + constant(np.where(inside, 0.0, LEAST))
    skip, nothing = constant(skip), constant(np.full((N, 2), LEAST))
    alpha = None
    for t in range(T):
        if t == 0:
            new = emit[0] + constant(np.where(place < 2, 0.0, LEAST))
        else:
            before = cat([nothing, alpha], 1)
            ways = stack([alpha, before[:, 1:-1], before[:, :-2] + skip])
            new = maximum(logsumexp(ways, 0) + emit[t], LEAST)
        alpha = new if t == 0 else where(as_tensor(t < steps, "ctc_loss").unsqueeze(1), new, alpha)
    ends = np.stack([2 * counts, np.maximum(2 * counts - 1, 0)], 1)
    last = gather(alpha, 1, as_tensor(ends, "ctc_loss")) + constant(np.where(np.stack([counts >= 0, counts > 0], 1), 0, LEAST))
    loss = -logsumexp(last, 1)
    walked = (np.arange(T)[:, None] < steps).astype(x.dtype)[:, :, None]
    total = (x.exp() * constant(walked)).sum((0, 2))
    loss = loss + (total - total.detach())
    found = as_tensor((to_numpy(loss.detach()) < -LEAST / 2) & (steps > 0), "ctc_loss")
    lost = where(as_tensor((steps == 0) & (counts == 0), "ctc_loss"), 0.0, 0.0 if forgive else float("inf"))
    return where(found, loss, lost.to(x.dtype))


cdef Tensor lengths_of(object given, int64_t count, int64_t most, str what):
    """One number for each sample, (N,)."""
    cdef Tensor t = as_tensor(given, what.encode())
    if t.dtype_ != FNN_I64 and t.dtype_ != FNN_I32:
        raise TypeError(f"{what} must be integers, got {dtype_name(t.dtype_)}")
    if t.ndim_ > 1 or t.size_ != count:
        raise ValueError(f"{what} has shape {shape_of(t)}, expected ({count},), one for each sample")
    t = contiguous(cast(t, FNN_I64).reshape((count,)))
    check_index_from(t, 0, most + 1, INT64_MIN, what.encode())
    return t


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """-log of the probability of the labels in their order, over all times at which they can be said.

    Parameters
    ----------
    log_probs : Tensor
        Logarithms of probabilities, from `log_softmax`: (T, N, C) or (T, C), float32 or float64.
    targets : Tensor
        Class numbers, any integer dtype: (N, S), or the samples' one behind another, (sum of target_lengths,).
    input_lengths : Tensor or sequence of int
        Steps of each sample, from 0 to T, (N,).
    target_lengths : Tensor or sequence of int
        Labels of each sample, (N,).
    blank : int
        The class that says nothing. Default 0.
    reduction : {"mean", "sum", "none"}
        The mean is that of the losses, each divided by its number of labels. Default "mean".
    zero_infinity : bool
        A sample whose labels are too many for its steps counts for nothing, where it would be infinite.
        Default False.

    Returns
    -------
    Tensor
        A scalar, or for "none" (N,), or () without a batch.

    Raises
    ------
    IndexError
        If a label or a length is out of range: with its position and value.
    TypeError
        If labels or lengths are not integers.
    ValueError
        If shapes do not fit, or blank is no class.

    Notes
    -----
    Graves et al. (2006). Has the behaviour of ``torch.nn.functional.ctc_loss``; as there, the gradient at
    log_probs is the one that `log_softmax` expects: exp(log_probs) minus the probability of each class at
    each step given the labels. In a recorded step, give the labels as (N, S).

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.zeros(2, 1, 3).log_softmax(2)
    >>> fastnn.nn.functional.ctc_loss(x, fastnn.tensor([[1]]), [2], [1], reduction="none")
    tensor([1.0986])
    """
    cdef Tensor x = float_tensor(log_probs, b"ctc_loss: log_probs"), labels = as_tensor(targets, b"ctc_loss: targets")
    cdef Tensor source, loss, alpha, scratch, steps, counts
    cdef int kind = reduction_of(reduction, "ctc_loss")
    cdef int64_t T, N, C, S, silent = whole(blank, "ctc_loss: blank"), longest, i
    cdef int64_t shape[3]
    cdef int64_t sizes[7]
    cdef fnn_call c
    cdef Node node
    cdef bint single = x.ndim_ == 2
    if x.ndim_ not in (2, 3):
        raise ValueError(f"ctc_loss: log_probs has shape {shape_of(x)}, expected (T, N, C) or (T, C)")
    if labels.dtype_ != FNN_I64 and labels.dtype_ != FNN_I32:
        raise TypeError(f"ctc_loss: targets has dtype {dtype_name(labels.dtype_)}, expected integers; "
                        "convert it with .long()")
    if single:
        x = x.unsqueeze(1)
        labels = labels.unsqueeze(0) if labels.ndim_ == 1 else labels
    T, N, C = shape_of(x)
    if not 0 <= silent < C:
        raise ValueError(f"ctc_loss: blank must be from 0 to {C - 1}, got {blank}")
    if labels.ndim_ not in (1, 2) or (labels.ndim_ == 2 and labels.shape_[0] != N):
        raise ValueError(f"ctc_loss: targets has shape {shape_of(labels)}, expected ({N}, S), or all labels in one dimension")
    if T == 0:
        raise ValueError(f"ctc_loss: log_probs has shape {shape_of(x)}, expected at least one step")
    S = labels.shape_[1] if labels.ndim_ == 2 else 0
    steps = lengths_of(input_lengths, N, T, "ctc_loss: input_lengths")
    counts = lengths_of(target_lengths, N, S if labels.ndim_ == 2 else labels.size_, "ctc_loss: target_lengths")
    longest = S
    if labels.ndim_ == 1:
        lengths = to_numpy(counts)
        longest = lengths.max(initial=0)
        if lengths.sum() != labels.size_:
            raise ValueError(f"ctc_loss: target_lengths sum up to {lengths.sum()}, but there are {labels.size_} targets")
    labels = cast(labels, FNN_I64)
    if labels.ndim_ == 2:       # what stands behind a sample's labels is not looked at
        labels = where(arange(S) < counts.unsqueeze(1), labels, silent)
    labels = contiguous(labels)
    check_index(labels, C, INT64_MIN, b"ctc_loss: target")
    source = contiguous(x)
    sizes[:] = [T, N, C, S, (2 * longest + 21 + 15) // 16 * 16, silent, bool(zero_infinity)]
    shape[:] = [N, T, sizes[4]]
    loss, alpha = new_1d(x.dtype_, N), new(x.dtype_, 3, shape)
    shape[1] = 4
    scratch = new(x.dtype_, 3, shape)
    start(&c, FNN_ctc_forward, x.dtype_)
    for t in (loss, scratch, alpha, source, labels, steps, counts):
        buffer(&c, <Tensor>t)
    for i in range(7):
        c.args.n[i] = sizes[i]
    run(&c, 3, 60.0 * alpha.size_, 0)
    if tracked(x):
        node = record1("ctc_loss", loss, x, ctc_rule, ctc_graph)
        for i in range(7):
            node.n[i] = sizes[i]
        node.extra = (kept((x,)), (labels, steps, counts), (alpha, scratch, alias(loss)))
    if kind == MEAN:
        return (loss / maximum(counts, 1).to(loss.dtype)).mean()
    return reduced_loss(loss.reshape(()) if single else loss, kind)
