"""Initial values of parameters, under PyTorch's names: ``torch.nn.init``.

Every function fills a tensor in place, in logical order whatever its layout, from the default or
the given generator, outside the graph, and returns it. Fans are PyTorch's: a weight is
(out, in, *kernel), fan_in = in * prod(kernel), fan_out = out * prod(kernel).
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Tensor, as_tensor_
from fastnn.autograd import no_grad
from fastnn.ops import draw, random

if TYPE_CHECKING:
    from fastnn._engine.engine import Generator


__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Factor that keeps the variance through a nonlinearity: ``torch.nn.init.calculate_gain``.

    Parameters
    ----------
    nonlinearity : str
        ``linear``, ``conv1d`` and its kin, ``sigmoid`` (1), ``tanh`` (5/3), ``relu`` (sqrt 2),
        ``leaky_relu`` (sqrt(2 / (1 + slope²))), ``selu`` (3/4).
    param : float, optional
        The slope of ``leaky_relu``. Default 0.01.

    Raises
    ------
    ValueError
        If the nonlinearity is another one, or the slope no number.

    Examples
    --------
    >>> from fastnn import nn
    >>> nn.init.calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"calculate_gain: the slope must be a number, got {slope!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(
            f"calculate_gain: expected one of {', '.join([*_GAINS, 'leaky_relu'])}, got {nonlinearity!r}"
        )
    return _GAINS[nonlinearity]


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """`tensor` filled with numbers drawn uniformly from [a, b), by `generator`.

    ``torch.nn.init.uniform_``. Raises ValueError where a or b is not finite or a above b, TypeError
    where `tensor` is no Tensor of float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.nn.init.uniform_(fastnn.zeros(2, 3), -1, 1)
    """
    with no_grad():
        return draw.uniform_(tensor, a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """`tensor` filled with numbers from N(mean, std²), drawn from `generator`.

    ``torch.nn.init.normal_``. Raises ValueError where std is negative, TypeError where `tensor` is
    no Tensor of float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.nn.init.normal_(fastnn.zeros(2, 3), std=0.01)
    """
    with no_grad():
        return draw.normal_(tensor, mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """`tensor` filled with numbers from N(mean, std²) that lie in [a, b], drawn from `generator`.

    ``torch.nn.init.trunc_normal_``. Raises ValueError where std is not positive or a not below b,
    TypeError where `tensor` is no Tensor of float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.nn.init.trunc_normal_(fastnn.zeros(2, 3), std=0.02)
    """
    with no_grad():
        return draw.trunc_normal_(tensor, mean, std, a, b, generator=generator)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """`val` everywhere in `tensor`, any dtype: ``torch.nn.init.constant_``. TypeError: no Tensor.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.init.constant_(fastnn.zeros(2), 0.3)
    tensor([0.3, 0.3])
    """
    return _put(tensor, np.full(_shape(tensor, "constant_"), val))


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros everywhere in `tensor`, any dtype: ``torch.nn.init.zeros_``. TypeError: no Tensor."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones everywhere in `tensor`, any dtype: ``torch.nn.init.ones_``. TypeError: no Tensor."""
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, in a 2-d tensor of any sides and dtype: ``torch.nn.init.eye_``.

    Raises ValueError where `tensor` has other dimensions, TypeError where it is no Tensor.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.init.eye_(fastnn.zeros(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    shape = _shape(tensor, "eye_")
    if len(shape) != 2:
        raise ValueError(f"eye_: expected 2 dimensions, got shape {shape}")
    return _put(tensor, np.eye(*shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Convolution weights that pass the input through: 1 in the middle where out channel = in channel.

    Parameters
    ----------
    tensor : Tensor
        (out, in, *kernel) of 3 to 5 dimensions; out must be divisible by `groups`.
    groups : int
        As ``torch.nn.init.dirac_`` has them; the tensor may have any dtype.

    Raises
    ------
    ValueError
        If it has other dimensions, or `groups` does not divide out.
    TypeError
        If it is no Tensor.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.init.dirac_(fastnn.zeros(2, 2, 3))[1]
    tensor([[0., 0., 0.],
            [0., 1., 0.]])
    """
    shape = _shape(tensor, "dirac_")
    if not 3 <= len(shape) <= 5:
        raise ValueError(f"dirac_: expected 3 to 5 dimensions, got shape {shape}")
    if groups < 1 or shape[0] % groups:
        raise ValueError(
            f"dirac_: {shape[0]} output channels cannot be divided into {groups} groups"
        )
    values, per_group = np.zeros(shape), shape[0] // groups
    middle = tuple(n // 2 for n in shape[2:])
    for group in range(groups):
        for channel in range(min(per_group, shape[1])):
            values[(group * per_group + channel, channel, *middle)] = 1
    return _put(tensor, values)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """U(-a, a), a = gain sqrt(6 / (fan_in + fan_out)): Glorot and Bengio (2010), eq. 16.

    `generator` and errors as `kaiming_uniform_`.

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.nn.init.xavier_uniform_(fastnn.zeros(2, 4))
    >>> bool((w.abs() <= 1).all())
    True
    """
    bound = gain * math.sqrt(6.0 / sum(_fans(tensor, "xavier_uniform_")))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(0, gain² 2 / (fan_in + fan_out)): Glorot, Bengio (2010); raises as `kaiming_uniform_`.

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.nn.init.xavier_normal_(fastnn.zeros(2, 4))
    """
    return normal_(
        tensor, 0.0, gain * math.sqrt(2.0 / sum(_fans(tensor, "xavier_normal_"))), generator
    )


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """U(-b, b), b = gain sqrt(3 / fan): He et al. (2015), section 2.2.

    Parameters
    ----------
    tensor : Tensor
        At least 2-d (else ValueError), float32 or float64 (else TypeError).
    a : float
        Negative slope of leaky ReLU; it sets the gain.
    mode : {"fan_in", "fan_out"}
        Keep the variance forward or backward.
    nonlinearity : str
        As in `calculate_gain`.
    generator : Generator, optional

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.nn.init.kaiming_uniform_(fastnn.zeros(2, 6), nonlinearity="relu")
    >>> bool((w.abs() <= 1).all())
    True
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity, "kaiming_uniform_")
    if std is None:
        return tensor
    return uniform_(tensor, -math.sqrt(3.0) * std, math.sqrt(3.0) * std, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """N(0, gain² / fan): He et al. (2015), section 2.2. Parameters, errors as `kaiming_uniform_`.

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.nn.init.kaiming_normal_(fastnn.zeros(2, 6), mode="fan_out")
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity, "kaiming_normal_")
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Orthonormal rows or columns, whichever are fewer, times gain: Saxe et al. (2014).

    The tensor is seen as a matrix of shape (out, all others). `generator` and errors as
    `kaiming_uniform_`.

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.nn.init.orthogonal_(fastnn.zeros(2, 5))
    >>> [round(v, 4) + 0.0 for v in (w @ w.t()).flatten().abs().tolist()]
    [1.0, 0.0, 0.0, 1.0]
    """
    shape = _shape(tensor, "orthogonal_")
    if len(shape) < 2:
        raise ValueError(f"orthogonal_: expected at least 2 dimensions, got shape {shape}")
    if 0 in shape:
        return tensor
    rows, columns = shape[0], math.prod(shape[1:])
    flat = random.randn(rows, columns, dtype=np.float64, generator=generator).numpy()
    q, r = np.linalg.qr(flat.T if rows < columns else flat)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)  # else not uniform over all such matrices
    return _put(tensor, gain * (q.T if rows < columns else q).reshape(shape))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """As `normal_`, of deviation `std`; a fraction `sparsity` of every column is 0: Martens (2010).

    Raises as it, and ValueError for other than 2 dimensions.

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.nn.init.sparse_(fastnn.zeros(10, 3), sparsity=0.25)
    >>> (w == 0).sum(0).tolist()
    [3, 3, 3]
    """
    shape = _shape(tensor, "sparse_")
    if len(shape) != 2:
        raise ValueError(f"sparse_: expected 2 dimensions, got shape {shape}")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: sparsity must be from 0 to 1, got {sparsity}")
    values = draw.normal_(
        random.rand(*shape, dtype=np.float64), 0.0, std, generator=generator
    ).numpy()
    zeros = math.ceil(sparsity * shape[0])
    for column in range(shape[1]):
        values[random.randperm(shape[0], generator=generator).numpy()[:zeros], column] = 0
    return _put(tensor, values)


def _shape(tensor, what):
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{what}: expected a Tensor, got {type(tensor).__name__}")
    return tensor.shape


def _put(tensor, values):
    with no_grad():
        tensor.data = as_tensor_(values.astype(tensor.dtype))
    return tensor


def _fans(tensor, what):
    shape = _shape(tensor, what)
    if len(shape) < 2:
        raise ValueError(
            f"{what}: expected at least 2 dimensions (out, in, ...), got shape {shape}"
        )
    kernel = math.prod(shape[2:])
    if 0 in shape:
        warnings.warn(f"{what}: the tensor has no elements (shape {shape})", stacklevel=3)
        return 1, 1
    return shape[1] * kernel, shape[0] * kernel


def _kaiming_std(tensor, a, mode, nonlinearity, what):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{what}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    shape = _shape(tensor, what)
    if 0 in shape:
        warnings.warn(f"{what}: the tensor has no elements (shape {shape})", stacklevel=3)
        return None
    fan = _fans(tensor, what)[0 if mode == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)
