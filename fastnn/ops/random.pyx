"""Random numbers: uniform, normal, Bernoulli, integers and permutations, from one generator.

Counter-based (Philox4x32-10): element i of the n-th draw depends on the seed, n and i alone, so the
same seed gives the same bits whatever the number of threads. Kernels: csrc/kernels/dropout.c.
"""
from fastnn._engine.engine cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_random_uniform, FNN_random_normal, FNN_random_trunc_normal, FNN_random_bernoulli
        FNN_random_integers, FNN_random_permutation

import math
import operator
import os

from fastnn._engine.engine import Generator as _Generator

__all__ = ["bernoulli", "get_rng_state", "initial_seed", "manual_seed", "normal", "rand", "rand_like", "randint",
           "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state"]


# --- seeding ------------------------------------------------------------------------------------

def manual_seed(seed):
    """Seed the default generator and start from its first draw again.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1.

    Returns
    -------
    Generator
        The default generator.

    Raises
    ------
    TypeError, ValueError
        If the seed is no such integer.

    Notes
    -----
    Has the behaviour of ``torch.manual_seed``; the numbers differ from PyTorch's.

    Examples
    --------
    >>> import fastnn
    >>> generator = fastnn.manual_seed(1)
    >>> a = fastnn.rand(3)
    >>> generator = fastnn.manual_seed(1)
    >>> bool((a == fastnn.rand(3)).all())
    True
    """
    return default_generator.manual_seed(seed)


def seed():
    """Seed the default generator from the operating system's entropy; returns the seed, an int.

    Notes
    -----
    Has the behaviour of ``torch.seed``.
    """
    value = int.from_bytes(os.urandom(8), "little")
    default_generator.manual_seed(value)
    return value


def initial_seed():
    """The seed of the default generator, an int: ``torch.initial_seed``."""
    return default_generator.initial_seed()


def get_rng_state():
    """State of the default generator, (seed, draws so far): ``torch.get_rng_state``."""
    return default_generator.get_state()


def set_rng_state(new_state):
    """Continue the default generator from a state that `get_rng_state` returned.

    Examples
    --------
    >>> import fastnn
    >>> state = fastnn.get_rng_state()
    >>> a = fastnn.randn(2)
    >>> fastnn.set_rng_state(state)
    >>> bool((a == fastnn.randn(2)).all())
    True
    """
    default_generator.set_state(new_state)


# --- filling ------------------------------------------------------------------------------------

cdef Generator checked_generator(object generator, str what):
    if generator is None or isinstance(generator, _Generator):
        return generator
    raise TypeError(f"{what}: generator must be a fastnn.Generator or None, got {type(generator).__name__}")


cdef Tensor empty(tuple size, object dtype, object requires_grad, str what):
    """A new float tensor; size: the positional arguments, numbers or one sequence of them."""
    cdef int64_t shape[8]
    cdef int code = FNN_F32 if dtype is None else dtype_code(dtype)
    cdef Tensor t
    cdef int i
    if len(size) == 1 and not hasattr(size[0], "__index__"):
        size = tuple(size[0])
    if len(size) > 8:
        raise ValueError(f"{what}: tensors have at most 8 dimensions, got {len(size)}")
    if code > FNN_F64:
        raise TypeError(f"{what}: dtype must be float32 or float64, got {dtype_name(code)}")
    for i, n in enumerate(size):
        try:
            shape[i] = operator.index(n)
        except TypeError:
            raise TypeError(f"{what}: sizes must be ints, got {type(n).__name__}") from None
        if shape[i] < 0:
            raise ValueError(f"{what}: sizes must not be negative, got {n}")
    t = new(code, <int>len(size), shape)
    t.wants_grad = bool(requires_grad)
    return t


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
    v = float(value)
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
    >>> x = fastnn.ops.random.uniform_(fastnn.zeros(100), 2.0, 3.0)
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

    Notes
    -----
    Box and Muller (1958). Has the behaviour of ``torch.Tensor.normal_``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ops.random.normal_(fastnn.zeros(1000), 5.0, 0.1)
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

    Notes
    -----
    By the inverse distribution function: Wichura, algorithm AS241 (1988). Has the behaviour of
    ``torch.nn.init.trunc_normal_``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ops.random.trunc_normal_(fastnn.zeros(1000), std=1.0, a=-0.5, b=1.0)
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

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ops.random.bernoulli_(fastnn.zeros(3), 1.0)
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


# --- making ---------------------------------------------------------------------------------------

def rand(*size, generator=None, dtype=None, requires_grad=False):
    """Numbers drawn uniformly from [0, 1): ``torch.rand``.

    Parameters
    ----------
    *size : int or one sequence of int
        The shape.
    generator : Generator, optional
    dtype : dtype, optional
        float32 (default, 24 random bits) or float64 (52).
    requires_grad : bool

    Examples
    --------
    >>> import fastnn
    >>> fastnn.rand(2, 3).shape
    (2, 3)
    """
    cdef Tensor t = empty(size, dtype, requires_grad, "rand")
    fill_uniform(t, 0, 1, checked_generator(generator, "rand"))
    return t


def randn(*size, generator=None, dtype=None, requires_grad=False):
    """Standard normal numbers: ``torch.randn``.

    Parameters
    ----------
    *size : int or one sequence of int
        The shape.
    generator : Generator, optional
    dtype : dtype, optional
        float32 (default) or float64.
    requires_grad : bool

    Examples
    --------
    >>> import fastnn
    >>> fastnn.randn((4, 5)).shape
    (4, 5)
    """
    cdef Tensor t = empty(size, dtype, requires_grad, "randn")
    fill_normal(t, 0, 1, checked_generator(generator, "randn"))
    return t


def rand_like(input, *, dtype=None, requires_grad=False, generator=None):
    """`rand` with the shape, and unless given the dtype, of a tensor: ``torch.rand_like``."""
    cdef Tensor x = as_tensor(input, b"rand_like: input")
    return rand(*shape_of(x), generator=generator, requires_grad=requires_grad,
                dtype=dtype_name(x.dtype_) if dtype is None else dtype)


def randn_like(input, *, dtype=None, requires_grad=False, generator=None):
    """`randn` with the shape, and unless given the dtype, of a tensor: ``torch.randn_like``."""
    cdef Tensor x = as_tensor(input, b"randn_like: input")
    return randn(*shape_of(x), generator=generator, requires_grad=requires_grad,
                 dtype=dtype_name(x.dtype_) if dtype is None else dtype)


def randint(low, high=None, size=None, *, generator=None, dtype=None):
    """Integers drawn uniformly from low to high - 1: ``torch.randint``.

    Parameters
    ----------
    low : int
        Default 0: ``randint(high, size)`` works too.
    high : int
        One above the largest.
    size : sequence of int
    generator : Generator, optional
    dtype : dtype, optional
        Default int64.

    Raises
    ------
    ValueError
        If high <= low, or the numbers do not fit int64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.randint(3, 4, (2,))
    tensor([3, 3])
    """
    cdef fnn_call c
    cdef Tensor t
    cdef Generator g = checked_generator(generator, "randint")
    if size is None and high is not None and not hasattr(high, "__index__"):
        low, high, size = 0, low, high
    if size is None or high is None:
        raise TypeError("randint: size is missing; write randint(high, size) or randint(low, high, size)")
    first, last = operator.index(low), operator.index(high) - 1
    if last < first:
        raise ValueError(f"randint: high must be above low, got low={low}, high={high}")
    if first < -2 ** 63 or last > 2 ** 63 - 1:
        raise ValueError(f"randint: low={low}, high={high} do not fit int64")
    shape = empty((size,), None, False, "randint")
    t = new(FNN_I64, (<Tensor>shape).ndim_, (<Tensor>shape).shape_)
    if t.size_:
        start(&c, FNN_random_integers, FNN_F32)
        buffer(&c, t)
        c.args.n[0] = t.size_
        c.args.n[1] = first
        c.args.n[2] = <int64_t><uint64_t>((last - first + 1) % 2 ** 64)
        run_random(&c, 1, 16.0 * t.size_, g)
    return t if dtype is None else cast(t, dtype_code(dtype))


def randint_like(input, low, high=None, *, dtype=None, generator=None):
    """`randint` with the shape, and unless given the dtype, of a tensor: ``torch.randint_like``."""
    cdef Tensor x = as_tensor(input, b"randint_like: input")
    if high is None:
        low, high = 0, low
    return randint(low, high, shape_of(x), generator=generator,
                   dtype=dtype_name(x.dtype_) if dtype is None else dtype)


def randperm(n, *, generator=None, dtype=None):
    """A random order of 0 to n - 1: ``torch.randperm``.

    Parameters
    ----------
    n : int
    generator : Generator, optional
    dtype : dtype, optional
        Default int64.

    Notes
    -----
    Fisher and Yates' shuffle in Durstenfeld's form (1964), on one thread.

    Examples
    --------
    >>> import fastnn
    >>> sorted(fastnn.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    cdef fnn_call c
    cdef Tensor t
    cdef Generator g = checked_generator(generator, "randperm")
    count = operator.index(n)
    if count < 0:
        raise ValueError(f"randperm: n must not be negative, got {n}")
    t = new_1d(FNN_I64, count)
    if count:
        start(&c, FNN_random_permutation, FNN_F32)
        buffer(&c, t)
        c.args.n[0] = count
        run_random(&c, 1, 0.0, g)
    return t if dtype is None else cast(t, dtype_code(dtype))


def bernoulli(input, p=None, *, generator=None):
    """Draw 1 with the probability that each element gives, else 0: ``torch.bernoulli``.

    Parameters
    ----------
    input : Tensor
        Probabilities, from 0 to 1; with `p`, only its shape and dtype count. float32 or float64.
    p : float, optional
        One probability for all.
    generator : Generator, optional

    Returns
    -------
    Tensor
        Of input's shape and dtype; no gradient flows through it.

    Raises
    ------
    ValueError
        If a probability is not from 0 to 1.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bernoulli(fastnn.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    cdef Tensor q = float_tensor(input, b"bernoulli: input"), y
    y = new_like(q)
    if p is not None:
        return bernoulli_(y, p, generator=generator)
    values = to_numpy(alias(q))
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"bernoulli: probabilities must be from 0 to 1, got {values.min()} to {values.max()}")
    draw_bernoulli(y, q, 0, checked_generator(generator, "bernoulli"))
    return y


def normal(mean=0.0, std=1.0, size=None, *, generator=None, dtype=None):
    """Normal numbers with a mean and standard deviation for all, or one for each: ``torch.normal``.

    Parameters
    ----------
    mean, std : float or Tensor
        Tensors broadcast against each other.
    size : sequence of int
        With two floats only, and required then.
    generator : Generator, optional
    dtype : dtype, optional
        With two floats only; default float32.

    Returns
    -------
    Tensor
        No gradient flows through it.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.normal(fastnn.tensor([1.0, 2.0]), 0.0)
    tensor([1., 2.])
    """
    g = checked_generator(generator, "normal")
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError("normal: size is missing; it is required when mean and std are numbers")
        return normal_(empty((size,), dtype, False, "normal"), mean, std, generator=g)
    if size is not None or dtype is not None:
        raise TypeError("normal: size and dtype are for mean and std that are numbers")
    mean = mean.detach() if isinstance(mean, Tensor) else mean
    std = std.detach() if isinstance(std, Tensor) else std
    if bool((std < 0).any() if isinstance(std, Tensor) else std < 0):
        raise ValueError("normal: std must not be negative")
    spread = mean * 0 + std
    return mean + spread * randn_like(spread, generator=g)
