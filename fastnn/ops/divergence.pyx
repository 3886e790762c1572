"""Losses between distributions: Kullback-Leibler, focal, squared earth mover's distance, distillation."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real, whole
from libc.stdint cimport INT64_MIN
from fastnn.ops.loss cimport *
from fastnn.ops.target cimport *
from fastnn.ops.choose import where
from fastnn.ops.series import arange
from fastnn.ops.likelihood import cross_entropy
from fastnn.ops.probability import softmax

cdef extern from "fastnn.h":
    enum:
        FNN_kl_div_loss_forward, FNN_kl_div_loss_backward, FNN_kl_div_log_loss_forward
        FNN_kl_div_log_loss_backward

__all__ = ["distillation_loss", "focal_loss", "kl_div", "squared_emd_loss"]


def kl_div(input, target, *, reduction="mean", log_target=False):
    """The Kullback-Leibler divergence, element by element: t (log(t) - x), x the logarithm of a probability.

    Parameters
    ----------
    input : Tensor
        Log-probabilities, float32 or float64, any shape.
    target : Tensor
        Probabilities of the input's shape; 0 counts for nothing.
    reduction : {"mean", "sum", "none", "batchmean"}
        "batchmean" is the divergence: the sum over the number of rows. Default "mean", over elements.
    log_target : bool
        Whether targets are logarithms too. Default False.

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
    Kullback and Leibler (1951). Has the behaviour of ``torch.nn.functional.kl_div``.

    Examples
    --------
    >>> import fastnn
    >>> x, t = fastnn.tensor([[0.5, 0.5]]).log(), fastnn.tensor([[1.0, 0.0]])
    >>> fastnn.nn.functional.kl_div(x, t, reduction="batchmean")
    tensor(0.6931)
    """
    cdef Tensor x, t
    cdef bint rows = reduction == "batchmean"
    cdef int kind = SUM if rows else reduction_of(reduction, "kl_div")
    x, t = same_shapes(input, target, "kl_div")
    if rows and x.ndim_ == 0:
        raise ValueError("kl_div: 'batchmean' needs rows, got a 0-d tensor")
    if tracked(t):
        if log_target:
            y = reduced_loss(t.exp() * (t - x), kind)
        else:
            safe = where(t.detach() == 0, 1.0, t)
            y = reduced_loss(where(t.detach() == 0, 0.0, safe * safe.log()) - t * x, kind)
    elif log_target:
        y = element_loss(FNN_kl_div_log_loss_forward, FNN_kl_div_log_loss_backward, x, t, kind, 0, None, None)
    else:
        y = element_loss(FNN_kl_div_loss_forward, FNN_kl_div_loss_backward, x, t, kind, 0, None, None)
    return y / x.shape_[0] if rows else y


def focal_loss(input, target, gamma=2.0, weight=None, *, ignore_index=-100, reduction="mean"):
    """Cross-entropy that counts rows less the surer they are: -w_t (1 - p_t)^gamma log(p_t), p = softmax(x).

    Parameters
    ----------
    input : Tensor
        Logits, (N, C) or (N, C, d1, ...), float32 or float64.
    target : Tensor
        Class numbers from 0 to C-1, any integer dtype, (N,) or (N, d1, ...).
    gamma : float
        0 gives cross-entropy. Default 2.
    weight : Tensor, optional
        A factor for each class, (C,): the paper's alpha.
    ignore_index : int
        Rows with this label count for nothing. Default -100.
    reduction : {"mean", "sum", "none"}
        The mean is over the rows that count, without their weights. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the labels' shape for "none".

    Raises
    ------
    IndexError
        If a label is negative or too large: with its position and value.
    ValueError
        If shapes do not fit, or gamma is negative.
    TypeError
        If labels are not integers.

    Notes
    -----
    Lin et al. (2017), eq. 5. PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.focal_loss(fastnn.tensor([[0.0, 0.0]]), fastnn.tensor([0]))
    tensor(0.1733)
    """
    cdef int kind = reduction_of(reduction, "focal_loss")
    cdef Tensor t = as_tensor(target, "focal_loss: target")
    gamma = real(gamma, "focal_loss: gamma")
    ignore_index = whole(ignore_index, "focal_loss: ignore_index")
    if not gamma >= 0:
        raise ValueError(f"focal_loss: gamma must not be negative, got {gamma}")
    if t.dtype_ <= FNN_F64 or t.dtype_ == FNN_BOOL:
        raise TypeError(f"focal_loss: target has dtype {dtype_name(t.dtype_)}, expected integers; convert it with .long()")
    plain = cross_entropy(input, t, ignore_index=ignore_index, reduction="none")
    losses = plain if gamma == 0 else (1 - (-plain).exp()).clamp(min=1e-12) ** gamma * plain
    used = t != ignore_index
    if weight is not None:
        classes = input.shape[0 if input.ndim == 1 else 1]
        w = class_weights(weight, input, classes, "focal_loss")
        losses = losses * w[where(used, t, 0)]
    if kind == MEAN:
        return losses.sum() / used.to(losses.dtype).sum()
    return reduced_loss(losses, kind)


def squared_emd_loss(input, target, *, reduction="mean"):
    """Squared earth mover's distance between softmax(x) and the target, for classes that have an order.

    sum_c (P_c - Q_c)^2, P and Q the cumulated probabilities: a wrong class costs more the farther off.

    Parameters
    ----------
    input : Tensor
        Logits, (N, C), float32 or float64.
    target : Tensor
        Class numbers from 0 to C-1, any integer dtype, (N,); or probabilities, (N, C).
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
    ValueError
        If shapes do not fit: nothing is broadcast.

    Notes
    -----
    Hou, Yu, Samaras (2016), eq. 8, with the exponent 2. PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.squared_emd_loss(fastnn.zeros(1, 2), fastnn.tensor([1]))
    tensor(0.25)
    """
    cdef int kind = reduction_of(reduction, "squared_emd_loss")
    cdef Tensor x = float_tensor(input, "squared_emd_loss: input"), t = as_tensor(target, "squared_emd_loss: target")
    if x.ndim_ != 2:
        raise ValueError(f"squared_emd_loss: input has shape {shape_of(x)}, expected (N, C)")
    if t.dtype_ <= FNN_F64:
        x, t = same_shapes(x, t, "squared_emd_loss")
        gap = (softmax(x, 1) - t).cumsum(1)
    else:
        t = labels_of(t, shape_of(x)[:1], x.shape_[1], INT64_MIN, "squared_emd_loss")
        below = (arange(x.shape_[1]) >= t.unsqueeze(1)).to(x.dtype)
        gap = softmax(x, 1).cumsum(1) - below
    return reduced_loss((gap * gap).sum(1), kind)


def distillation_loss(input, teacher, temperature=4.0, *, reduction="mean"):
    """T^2 KL(softmax(teacher / T) || softmax(x / T)): what a student loses on its teacher's soft targets.

    Parameters
    ----------
    input : Tensor
        The student's logits, (N, C), float32 or float64.
    teacher : Tensor
        The teacher's logits, of the same shape; they get no gradient.
    temperature : float
        T, positive: larger ones show more of the small probabilities. Default 4.
    reduction : {"mean", "sum", "none"}
        Over rows. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or (N,) for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if the temperature is not positive.

    Notes
    -----
    Hinton, Vinyals, Dean (2015), section 2. PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([[1.0, 0.0]])
    >>> fastnn.distillation_loss(x, fastnn.tensor([[0.0, 1.0]]), 1.0)
    tensor(0.4621)
    """
    cdef int kind = reduction_of(reduction, "distillation_loss")
    cdef Tensor x, t
    cdef double scale
    temperature = real(temperature, "distillation_loss: temperature")
    if not temperature > 0:
        raise ValueError(f"distillation_loss: temperature must be positive, got {temperature}")
    x, t = same_shapes(input, teacher, "distillation_loss")
    if x.ndim_ != 2:
        raise ValueError(f"distillation_loss: input has shape {shape_of(x)}, expected (N, C)")
    scale = 1 / temperature
    t = t.detach() * scale
    q = softmax(t, 1)
    entropy = cross_entropy(t, q, reduction="none")
    losses = cross_entropy(x * scale, q, reduction="none") - entropy
    return reduced_loss(losses * (temperature * temperature), kind)


set_slope(FNN_kl_div_loss_backward, lambda x, t, k, m: -t)
set_slope(FNN_kl_div_log_loss_backward, lambda x, t, k, m: -t.exp())
