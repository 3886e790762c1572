"""Binary cross-entropies, of probabilities and of logits."""
from fastnn._engine.engine cimport *
from fastnn.ops.loss cimport element_loss, factors
from fastnn.ops.target cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_bce_loss_forward, FNN_bce_with_logits_loss_forward, FNN_bce_loss_backward, FNN_bce_with_logits_loss_backward

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]


cdef object composite(object losses, object weight, int reduction):
    """Losses whose targets want a gradient too, from differentiable parts."""
    if weight is not None:
        losses = losses * weight
    return losses.mean() if reduction == MEAN else losses.sum() if reduction == SUM else losses


def binary_cross_entropy(input, target, weight=None, *, reduction="mean"):
    """-(t log(x) + (1 - t) log(1 - x)), with logarithms of at least -100.

    Parameters
    ----------
    input : Tensor
        Probabilities, float32 or float64, any shape.
    target : Tensor
        From 0 to 1, of the input's shape; other dtypes are converted to the input's.
    weight : Tensor, optional
        A factor for each element; broadcast to the input's shape.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if the input is not from 0 to 1.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.binary_cross_entropy``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.binary_cross_entropy(fastnn.tensor([0.5, 0.5]), fastnn.tensor([0.0, 1.0]))
    tensor(0.6931)
    """
    cdef int kind = reduction_of(reduction, "binary_cross_entropy")
    x, t = same_shapes(input, target, "binary_cross_entropy")
    check_range(x, 0, 1, b"binary_cross_entropy: input must hold probabilities from 0 to 1, got VALUE; "
                b"for logits use binary_cross_entropy_with_logits")
    w = factors(weight, x, "binary_cross_entropy: weight")
    if tracked(t):
        return composite(-(t * x.log().clamp(min=-100) + (1 - t) * (1 - x).log().clamp(min=-100)), w, kind)
    return element_loss(FNN_bce_loss_forward, FNN_bce_loss_backward, x, t, kind, 0, w, None)


def binary_cross_entropy_with_logits(input, target, weight=None, *, reduction="mean", pos_weight=None):
    """Binary cross-entropy of sigmoid(x), without its overflow or loss of digits.

    Parameters
    ----------
    input : Tensor
        Logits, float32 or float64, any shape.
    target : Tensor
        From 0 to 1, of the input's shape; other dtypes are converted to the input's.
    weight : Tensor, optional
        A factor for each element; broadcast to the input's shape.
    reduction : {"mean", "sum", "none"}
        Default "mean".
    pos_weight : Tensor, optional
        A factor for the positive targets, usually one per class; broadcast to the input's shape.

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
    (1 - t) x + m (log(1 + exp(-abs(x))) + max(-x, 0)), m = 1 + (pos_weight - 1) t. Has the behaviour of
    ``torch.nn.functional.binary_cross_entropy_with_logits``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.binary_cross_entropy_with_logits(fastnn.tensor([0.0, 0.0]), fastnn.tensor([0.0, 1.0]))
    tensor(0.6931)
    """
    cdef int kind = reduction_of(reduction, "binary_cross_entropy_with_logits")
    x, t = same_shapes(input, target, "binary_cross_entropy_with_logits")
    w = factors(weight, x, "binary_cross_entropy_with_logits: weight")
    pos = factors(pos_weight, x, "binary_cross_entropy_with_logits: pos_weight")
    if tracked(t):
        import fastnn
        m = 1 if pos is None else 1 + (pos - 1) * t
        return composite((1 - t) * x - m * fastnn.logsigmoid(x), w, kind)
    return element_loss(FNN_bce_with_logits_loss_forward, FNN_bce_with_logits_loss_backward, x, t, kind, 0, w, pos)
