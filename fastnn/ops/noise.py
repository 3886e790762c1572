"""Random choices inside a network: slopes, classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.along import scatter
from fastnn.ops.argument import _ints_per_dim
from fastnn.ops.argument import _number as number
from fastnn.ops.choose import where
from fastnn.ops.creation import zeros_like
from fastnn.ops.order import topk
from fastnn.ops.probability import softmax
from fastnn.ops.random import rand
from fastnn.ops.rectifier import leaky_relu

if TYPE_CHECKING:
    from fastnn._engine.engine import Generator, Tensor


__all__ = ["gumbel_softmax", "multinomial", "rrelu"]


def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Leaky ReLU whose slope below 0 is drawn for each element, uniformly from lower to upper.

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    lower, upper : float
        Default 1/8 and 1/3.
    training : bool
        Default False: the slope is the mean of the two.
    inplace : bool
        Write into the input. Default False.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    ValueError
        If lower is above upper.

    Notes
    -----
    Xu et al. 2015, arXiv:1505.00853. Has the behaviour of ``torch.nn.functional.rrelu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.rrelu(fastnn.tensor([1.0, -24.0]))
    tensor([ 1. , -5.5])
    """
    lower, upper = number(lower, "rrelu: lower"), number(upper, "rrelu: upper")
    if not lower <= upper:
        raise ValueError(f"rrelu: lower must be at most upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    x = as_tensor(input)
    slopes = (rand(*x.shape) * (upper - lower) + lower).to(x.dtype)
    if not inplace:
        return where(x > 0, x, x * slopes)
    return x.mul_(where(x.detach() > 0, 1.0, slopes))


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, dim: int = -1) -> Tensor:
    """A random class as probabilities: softmax((logits + Gumbel noise) / tau).

    Parameters
    ----------
    logits : Tensor
        float32 or float64.
    tau : float
        Temperature: near 0 the result is nearly one-hot. Default 1.
    hard : bool
        One-hot values with the gradient of the soft ones. Default False.
    dim : int
        Along which the classes lie. Default -1.

    Returns
    -------
    Tensor
        Of the logits' shape.

    Raises
    ------
    ValueError
        If tau is not positive.
    IndexError
        If there is no such dimension.

    Notes
    -----
    Jang et al. 2016, arXiv:1611.01144. Has the behaviour of
    ``torch.nn.functional.gumbel_softmax``, with fastnn's random numbers.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.gumbel_softmax(fastnn.zeros(4), hard=True).sum()
    tensor(1.)
    """
    if not tau > 0:
        raise ValueError(f"gumbel_softmax: tau must be positive, got {tau}")
    x = as_tensor(logits)
    soft = softmax((x + _gumbel(rand(*x.shape)).to(x.dtype)) / tau, dim)
    if not hard:
        return soft
    winner = soft.detach().argmax(dim, keepdim=True)
    one_hot = scatter(zeros_like(soft), dim, winner, 1.0)
    return one_hot - soft.detach() + soft


def _gumbel(uniform):
    """-log(-log u) for u of (0, 1); random numbers may be exactly 0."""
    tiny = np.finfo(uniform.dtype).tiny
    return -(-uniform.clamp(min=tiny).log()).clamp(min=tiny).log()


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Places drawn at random, with probabilities proportional to the elements.

    Parameters
    ----------
    input : Tensor
        (C,) or (N, C): weights, not negative, finite, not all 0.
    num_samples : int
        How many, for each row.
    replacement : bool
        May a place be drawn again? Default False.
    generator : Generator, optional
        Default: the default one.

    Returns
    -------
    Tensor of int64
        (num_samples,) or (N, num_samples).

    Raises
    ------
    ValueError
        If the weights are negative, not finite, all 0, or fewer than the draws without replacement.

    Notes
    -----
    Has the behaviour of ``torch.multinomial``, with fastnn's random numbers.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.multinomial(fastnn.tensor([0.0, 1.0, 0.0]), 2, replacement=True)
    tensor([1, 1])
    """
    x = as_tensor(input).detach()
    if x.ndim not in (1, 2):
        raise ValueError(f"multinomial: input must be 1-d or 2-d, got shape {tuple(x.shape)}")
    weights = np.array(x.numpy(), np.float64)
    if weights.dtype.kind != "f" or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("multinomial: weights must be finite and not negative")
    (num_samples,) = _ints_per_dim(num_samples, 1, 1, "multinomial", "num_samples")
    if (weights.sum(-1) <= 0).any():
        raise ValueError("multinomial: the sum of the weights must be positive")
    rows = weights.shape[:-1]
    if replacement:
        draws = np.array(rand(*rows, num_samples, dtype=np.float64, generator=generator).numpy())
        ends = np.cumsum(weights, -1)
        at = draws[..., None] * ends[..., None, -1:]
        return as_tensor((at >= ends[..., None, :]).sum(-1).astype(np.int64))
    if ((weights > 0).sum(-1) < num_samples).any():
        raise ValueError(
            f"multinomial: fewer than {num_samples} weights are positive; draw with replacement=True"
        )
    noise = _gumbel(rand(*weights.shape, dtype=np.float64, generator=generator))
    with np.errstate(divide="ignore"):
        keys = np.log(weights) + noise.numpy()  # the largest k: k draws without replacement
    return topk(as_tensor(keys), num_samples).indices
