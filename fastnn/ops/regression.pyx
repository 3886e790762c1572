"""Losses of regression: quantile, asymmetric Huber, Wing, and likelihoods of Gauss and Poisson."""
import math

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real
from fastnn.ops.loss cimport *
from fastnn.ops.target cimport *
from fastnn.ops.choose import where

cdef extern from "fastnn.h":
    enum:
        FNN_quantile_loss_forward, FNN_quantile_loss_backward, FNN_asymmetric_huber_loss_forward
        FNN_asymmetric_huber_loss_backward, FNN_wing_loss_forward, FNN_wing_loss_backward
        FNN_poisson_loss_forward, FNN_poisson_loss_backward, FNN_poisson_log_loss_forward
        FNN_poisson_log_loss_backward

__all__ = ["asymmetric_huber_loss", "gaussian_nll_loss", "poisson_nll_loss", "quantile_loss", "wing_loss"]


cdef double positive(object value, str what) except? -1:
    if not real(value, what) > 0:
        raise ValueError(f"{what} must be positive, got {value}")
    return value


def quantile_loss(input, target, q=0.5, *, reduction="mean"):
    """The pinball loss: q (t - x) where x is too low, (1 - q) (x - t) where too high; least at the q-quantile.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of the input's shape; other dtypes are converted to the input's.
    q : float
        Which quantile, between 0 and 1. Default 0.5, half the absolute distance.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if q is not between 0 and 1.

    Notes
    -----
    Koenker and Bassett (1978). PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.quantile_loss(fastnn.tensor([1.0, 5.0]), fastnn.tensor([3.0, 3.0]), 0.9, reduction="none")
    tensor([1.8, 0.2])
    """
    q = real(q, "quantile_loss: q")
    if not 0 < q < 1:
        raise ValueError(f"quantile_loss: q must be between 0 and 1, got {q}")
    x, t = same_shapes(input, target, "quantile_loss")
    return element_loss(FNN_quantile_loss_forward, FNN_quantile_loss_backward, x, t,
                        reduction_of(reduction, "quantile_loss"), q, None, None)


def asymmetric_huber_loss(input, target, delta_low=1.0, delta_high=1.0, *, reduction="mean"):
    """The Huber loss with one delta for x below t and another for x above it.

    d^2 / 2 where abs(d) <= delta, else delta (abs(d) - delta / 2), with d = x - t.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of the input's shape; other dtypes are converted to the input's.
    delta_low, delta_high : float
        Where the parabola ends on either side, positive: the slope beyond. Default 1.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if a delta is not positive.

    Notes
    -----
    Huber (1964), with a slope for each side. PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.asymmetric_huber_loss(fastnn.tensor([0.0, 6.0]), fastnn.tensor([3.0, 3.0]), 2.0, 1.0, reduction="none")
    tensor([4. , 2.5])
    """
    low = positive(delta_low, "asymmetric_huber_loss: delta_low")
    high = positive(delta_high, "asymmetric_huber_loss: delta_high")
    x, t = same_shapes(input, target, "asymmetric_huber_loss")
    return element_loss(FNN_asymmetric_huber_loss_forward, FNN_asymmetric_huber_loss_backward, x, t,
                        reduction_of(reduction, "asymmetric_huber_loss"), low, None, None, high)


def wing_loss(input, target, width=10.0, curvature=2.0, *, reduction="mean"):
    """width log(1 + abs(d) / curvature) where abs(d) < width, else abs(d) and a constant that joins them.

    Steep at small distances, for landmarks that must be exact.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of the input's shape; other dtypes are converted to the input's.
    width : float
        Where the logarithm ends, positive. Default 10.
    curvature : float
        Positive. Default 2.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if width or curvature is not positive.

    Notes
    -----
    Feng et al. (2018), eq. 5. PyTorch has none.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.wing_loss(fastnn.tensor([2.0]), fastnn.tensor([0.0]))
    tensor(6.9315)
    """
    w, e = positive(width, "wing_loss: width"), positive(curvature, "wing_loss: curvature")
    x, t = same_shapes(input, target, "wing_loss")
    return element_loss(FNN_wing_loss_forward, FNN_wing_loss_backward, x, t,
                        reduction_of(reduction, "wing_loss"), w, None, None, e)


def poisson_nll_loss(input, target, log_input=True, full=False, eps=1e-8, *, reduction="mean"):
    """The negative log likelihood of counts t from a Poisson distribution: exp(x) - t x, or x - t log(x + eps).

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of the input's shape; other dtypes are converted to the input's.
    log_input : bool
        Whether x is the logarithm of the rate. Default True.
    full : bool
        Add Stirling's t log(t) - t + log(2 pi t) / 2 where t > 1. Default False.
    eps : float
        Where x is the rate: keeps the logarithm finite. Default 1e-8.
    reduction : {"mean", "sum", "none"}
        Default "mean".

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
    Has the behaviour of ``torch.nn.functional.poisson_nll_loss``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.poisson_nll_loss(fastnn.tensor([0.0, 0.0]), fastnn.tensor([1.0, 3.0]))
    tensor(1.)
    """
    cdef int kind = reduction_of(reduction, "poisson_nll_loss")
    cdef Tensor x, t
    x, t = same_shapes(input, target, "poisson_nll_loss")
    eps, full = real(eps, "poisson_nll_loss: eps"), bool(full)
    if tracked(t):
        losses = x.exp() - t * x if log_input else x - t * (x + eps).log()
        if full:
            safe = where(t.detach() > 1, t, 2.0)
            stirling = safe * safe.log() - safe + (safe * (2 * math.pi)).log() * 0.5
            losses = losses + where(t.detach() > 1, stirling, 0.0)
        return reduced_loss(losses, kind)
    if log_input:
        return element_loss(FNN_poisson_log_loss_forward, FNN_poisson_log_loss_backward, x, t, kind, 0, None, None, full)
    return element_loss(FNN_poisson_loss_forward, FNN_poisson_loss_backward, x, t, kind, eps, None, None, full)


cdef Tensor variances(object var, Tensor x):
    """Of x's shape, or one for each row: (..., 1)."""
    cdef Tensor v
    if not isinstance(var, Tensor) and isinstance(var, (int, float)):
        var = x.detach() * 0 + var
    v = as_tensor(var, "gaussian_nll_loss: var")
    if v.dtype_ != x.dtype_:
        v = v.to(x.dtype)
    shape = shape_of(x)
    rows = shape[:x.ndim_ - 1] if x.ndim_ else ()
    if x.ndim_ and shape_of(v) == rows and rows != shape:
        v = v.unsqueeze(-1)
    elif shape_of(v) != shape and shape_of(v) != rows + (1,):
        raise ValueError(f"gaussian_nll_loss: var has shape {shape_of(v)}, expected {shape}, {rows + (1,)} or {rows}")
    check_range(v, 0, math.inf, b"gaussian_nll_loss: var has negative entries, such as VALUE at position POSITION")
    return v


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """The negative log likelihood of t under a normal distribution: (log(var) + (x - t)^2 / var) / 2.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of the input's shape; other dtypes are converted to the input's.
    var : Tensor or float
        Variances, not negative: of the input's shape, or one per row, (..., 1) or (...).
    full : bool
        Add log(2 pi) / 2. Default False.
    eps : float
        Least variance; gradients pass as if there were no limit. Default 1e-6.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if a variance is negative.
    TypeError
        If the input is not float32 or float64.

    Notes
    -----
    Nix and Weigend (1994). Has the behaviour of ``torch.nn.functional.gaussian_nll_loss``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.gaussian_nll_loss(fastnn.tensor([1.0]), fastnn.tensor([3.0]), fastnn.tensor([1.0]))
    tensor(2.)
    """
    cdef int kind = reduction_of(reduction, "gaussian_nll_loss")
    cdef Tensor x, t
    eps = positive(eps, "gaussian_nll_loss: eps")
    x, t = same_shapes(input, target, "gaussian_nll_loss")
    v = variances(var, x)
    v = v + (v.detach().clamp(min=eps) - v.detach())
    losses = (v.log() + (x - t) ** 2 / v) * 0.5
    return reduced_loss(losses + 0.5 * math.log(2 * math.pi) if full else losses, kind)


def _quantile_slope(Tensor x, Tensor t, q, m):
    d = (x - t).detach()
    return cast(d > 0, x.dtype_) * (1 - q) - cast(d < 0, x.dtype_) * q


def _asymmetric_huber_slope(x, t, low, high):
    d = x - t
    return where((d.detach() >= -low) & (d.detach() <= high), d, d.detach().clamp(-low, high))


def _wing_slope(x, t, width, curvature):
    d = x - t
    return where(abs(d.detach()) < width, sign_of(d) * width / (curvature + abs(d)), sign_of(d))


set_slope(FNN_quantile_loss_backward, _quantile_slope)
set_slope(FNN_asymmetric_huber_loss_backward, _asymmetric_huber_slope)
set_slope(FNN_wing_loss_backward, _wing_slope)
set_slope(FNN_poisson_log_loss_backward, lambda x, t, k, m: x.exp() - t)
set_slope(FNN_poisson_loss_backward, lambda x, t, k, m: 1 - t / (x + k))
