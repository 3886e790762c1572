"""Filling tensors in place with random numbers: uniform, normal, Bernoulli.

Counter-based (Philox4x32-10): element i of the n-th draw depends on the seed, n and i alone, so the
same seed gives the same bits whatever the number of threads. Kernels: csrc/kernels/dropout.c.
"""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real

cdef extern from "fastnn.h":
    enum:
        FNN_random_uniform, FNN_random_normal, FNN_random_trunc_normal, FNN_random_bernoulli

import math

from fastnn._engine.engine import Generator as _Generator

__all__ = []


cdef Generator checked_generator(object generator, str what):
    if generator is None or isinstance(generator, _Generator):
        return generator
    raise TypeError(f"{what}: generator must be a fastnn.Generator or None, got {type(generator).__name__}")


cdef int fill(int kernel, Tensor x, const double *s, int num_s, double work, Generator generator) except -1:
    """Values in logical order, so that they do not depend on how x lies in memory."""
    cdef fnn_call c
    cdef Tensor y = alias(x) if x.contiguous else new_like(x)
    cdef int i
    if x.size_ == 0:
        return 0
    start(&c, kernel, x.dtype_)
    buffer(&c, y)
    c.args.n[0] = x.size_
    for i in range(num_s):
        c.args.s[i] = s[i]
    run_random(&c, 1, work * x.size_, generator)
    if not x.contiguous:
        copy_into(x, y)
    return bump(x)


cdef int fill_uniform(Tensor x, double low, double high, Generator generator) except -1:
    cdef double s[2]
    s[0] = low
    s[1] = high
    return fill(FNN_random_uniform, x, s, 2, 8.0, generator)


cdef int fill_normal(Tensor x, double mean, double std, Generator generator) except -1:
    cdef double s[2]
    s[0] = mean
    s[1] = std
    return fill(FNN_random_normal, x, s, 2, 16.0, generator)


cdef Tensor floating(object x, str what):
    """A float tensor that may be written in place."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{what}: expected a Tensor, got {type(x).__name__}")
    if (<Tensor>x).dtype_ > FNN_F64:
        raise TypeError(f"{what}: expected float32 or float64, got {dtype_name((<Tensor>x).dtype_)}")
    check_inplace(x, what)
    return x


cdef double finite(object value, str name, str what) except? -1:
    v = real(value, f"{what}: {name}")
    if not math.isfinite(v):
        raise ValueError(f"{what}: {name} must be finite, got {v}")
    return v


def uniform_(input, low=0.0, high=1.0, *, generator=None):
    """Fill a tensor in place with numbers drawn uniformly from [low, high).

    Parameters
    ----------
    input : Tensor
        Any shape, float32 or float64.
    low, high : float
    generator : Generator, optional
        Default: the one that `manual_seed` seeds.

    Returns
    -------
    Tensor
        `input`.

    Raises
    ------
    ValueError
        If a bound is not finite or low > high.

    Notes
    -----
    Has the behaviour of ``torch.Tensor.uniform_``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ops.draw.uniform_(fastnn.zeros(100), 2.0, 3.0)
    >>> bool(((x >= 2) & (x <= 3)).all())
    True
    """
    cdef Tensor x = floating(input, "uniform_")
    cdef double a = finite(low, "low", "uniform_"), b = finite(high, "high", "uniform_")
    if a > b:
        raise ValueError(f"uniform_: low must not be above high, got {low} and {high}")
    fill_uniform(x, a, b, checked_generator(generator, "uniform_"))
    return x


def normal_(input, mean=0.0, std=1.0, *, generator=None):
    """Fill a tensor in place with normal numbers of this mean and standard deviation.

    Parameters
    ----------
    input : Tensor
        Any shape, float32 or float64.
    mean, std : float
        std must not be negative.
    generator : Generator, optional

    Returns
    -------
    Tensor
        `input`.

    Raises
    ------
    ValueError
        If std is negative.
    TypeError
        If the tensor is not float32 or float64.

    Notes
    -----
    Box and Muller (1958). Has the behaviour of ``torch.Tensor.normal_``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ops.draw.normal_(fastnn.zeros(1000), 5.0, 0.1)
    >>> 4.9 < float(x.mean()) < 5.1
    True
    """
    cdef Tensor x = floating(input, "normal_")
    cdef double a = finite(mean, "mean", "normal_"), b = finite(std, "std", "normal_")
    if b < 0:
        raise ValueError(f"normal_: std must not be negative, got {std}")
    fill_normal(x, a, b, checked_generator(generator, "normal_"))
    return x


def trunc_normal_(input, mean=0.0, std=1.0, a=-2.0, b=2.0, *, generator=None):
    """Fill a tensor in place with normal numbers, given that they lie in [a, b].

    Parameters
    ----------
    input : Tensor
        Any shape, float32 or float64.
    mean, std : float
        Of the normal distribution that is cut; std must be positive.
    a, b : float
        The cuts.
    generator : Generator, optional

    Returns
    -------
    Tensor
        `input`.

    Raises
    ------
    ValueError
        If std is not positive, a not below b, or both are too far from the mean.
    TypeError
        If the tensor is not float32 or float64.

    Notes
    -----
    By the inverse distribution function: Wichura, algorithm AS241 (1988). Has the behaviour of
    ``torch.nn.init.trunc_normal_``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ops.draw.trunc_normal_(fastnn.zeros(1000), std=1.0, a=-0.5, b=1.0)
    >>> -0.5 <= float(x.min()) and float(x.max()) <= 1.0
    True
    """
    cdef Tensor x = floating(input, "trunc_normal_")
    cdef double s[6]
    cdef double m = finite(mean, "mean", "trunc_normal_"), d = finite(std, "std", "trunc_normal_")
    cdef double low = float(a), high = float(b)
    if d <= 0:
        raise ValueError(f"trunc_normal_: std must be positive, got {std}")
    if not low < high:
        raise ValueError(f"trunc_normal_: a must be below b, got {a} and {b}")
    # the lower tail has the finer probabilities: an interval above the mean is mirrored into it
    sign = -1.0 if low > m else 1.0
    z = sorted((sign * (low - m) / d, sign * (high - m) / d))
    s[0], s[1], s[2], s[3] = m, sign * d, low, high
    s[4] = 0.5 * math.erfc(-z[0] / math.sqrt(2))
    s[5] = 0.5 * math.erfc(-z[1] / math.sqrt(2))
    if s[5] <= s[4]:
        raise ValueError(f"trunc_normal_: [{a}, {b}] is too far from mean {mean} for std {std}: its probability is 0")
    fill(FNN_random_trunc_normal, x, s, 6, 100.0, checked_generator(generator, "trunc_normal_"))
    return x


def bernoulli_(input, p=0.5, *, generator=None):
    """Fill a tensor in place with 1 (probability p) and 0: ``torch.Tensor.bernoulli_``.

    Parameters
    ----------
    input : Tensor
        Any shape, float32 or float64.
    p : float
        From 0 to 1.
    generator : Generator, optional

    Raises
    ------
    ValueError
        If p is not from 0 to 1.
    TypeError
        If the tensor is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ops.draw.bernoulli_(fastnn.zeros(3), 1.0)
    tensor([1., 1., 1.])
    """
    cdef Tensor x = floating(input, "bernoulli_")
    cdef double probability = float(p)
    if not 0 <= probability <= 1:
        raise ValueError(f"bernoulli_: p must be from 0 to 1, got {p}")
    draw_bernoulli(x, None, probability, checked_generator(generator, "bernoulli_"))
    return x


cdef int draw_bernoulli(Tensor x, Tensor q, double p, Generator generator) except -1:
    """With probabilities q, or p for all."""
    cdef fnn_call c
    cdef Tensor y = alias(x) if x.contiguous else new_like(x)
    if x.size_ == 0:
        return 0
    start(&c, FNN_random_bernoulli, x.dtype_)
    buffer(&c, y)
    if q is None:
        null_buffer(&c)
    else:
        q = contiguous(q)
        buffer(&c, q)
    c.args.n[0] = x.size_
    c.args.s[0] = p
    run_random(&c, 1, 8.0 * x.size_, generator)
    if not x.contiguous:
        copy_into(x, y)
    return bump(x)
