"""Tensors of random numbers: uniform, normal, Bernoulli, integers, permutations."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport from_varargs, sizes_from, whole as int64_of
from fastnn.ops.draw cimport checked_generator, draw_bernoulli, fill_normal, fill_uniform

cdef extern from "fastnn.h":
    enum: FNN_random_integers, FNN_random_permutation

import operator

from fastnn.ops.draw import bernoulli_, normal_

__all__ = ["bernoulli", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"]


cdef object whole(object value, str name, str what):
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what}: {name} must be ints, got {type(value).__name__}") from None


cdef Tensor empty(tuple size, object dtype, object requires_grad, str what):
    """A new float tensor; size: the positional arguments, numbers or one sequence of them."""
    cdef int64_t shape[8]
    cdef int code = FNN_F32 if dtype is None else dtype_code(dtype)
    cdef Tensor t
    cdef int n = sizes_from(from_varargs(size), shape, what)
    if code > FNN_F64:
        raise TypeError(f"{what}: dtype must be float32 or float64, got {dtype_name(code)}")
    t = new(code, n, shape)
    t.wants_grad = bool(requires_grad)
    return t


def rand(*size, generator=None, dtype=None, requires_grad=False, device=None):
    """Numbers drawn uniformly from [0, 1): ``torch.rand``.

    Parameters
    ----------
    *size : int or one sequence of int
        The shape.
    generator : Generator, optional
    dtype : dtype, optional
        float32 (default, 24 random bits) or float64 (52).
    requires_grad : bool

    Raises
    ------
    ValueError
        If a size is negative.
    TypeError
        If the dtype is another one.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.rand(2, 3).shape
    (2, 3)
    """
    on_cpu(device, "rand")
    cdef Tensor t = empty(size, dtype, requires_grad, "rand")
    fill_uniform(t, 0, 1, checked_generator(generator, "rand"))
    return t


def randn(*size, generator=None, dtype=None, requires_grad=False, device=None):
    """Standard normal numbers: ``torch.randn``.

    Parameters
    ----------
    *size : int or one sequence of int
        The shape.
    generator : Generator, optional
    dtype : dtype, optional
        float32 (default) or float64.
    requires_grad : bool

    Raises
    ------
    ValueError
        If a size is negative.
    TypeError
        If the dtype is another one.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.randn((4, 5)).shape
    (4, 5)
    """
    on_cpu(device, "randn")
    cdef Tensor t = empty(size, dtype, requires_grad, "randn")
    fill_normal(t, 0, 1, checked_generator(generator, "randn"))
    return t


def rand_like(input, *, dtype=None, requires_grad=False, generator=None, device=None):
    """`rand` with the shape, and unless given the dtype, of a tensor: ``torch.rand_like``.

    Raises as `rand`.
    """
    on_cpu(device, "rand_like")
    cdef Tensor x = as_tensor(input, b"rand_like: input")
    return rand(*shape_of(x), generator=generator, requires_grad=requires_grad,
                dtype=dtype_name(x.dtype_) if dtype is None else dtype)


def randn_like(input, *, dtype=None, requires_grad=False, generator=None, device=None):
    """`randn` with the shape, and unless given the dtype, of a tensor: ``torch.randn_like``.

    Raises as `randn`.
    """
    on_cpu(device, "randn_like")
    cdef Tensor x = as_tensor(input, b"randn_like: input")
    return randn(*shape_of(x), generator=generator, requires_grad=requires_grad,
                 dtype=dtype_name(x.dtype_) if dtype is None else dtype)


def randint(low, high=None, size=None, *, generator=None, dtype=None, device=None):
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
    device : str, optional
        Only "cpu".

    Raises
    ------
    ValueError
        If high <= low, or the numbers do not fit int64.
    TypeError
        If size is missing, or a limit is no int.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.randint(3, 4, (2,))
    tensor([3, 3])
    """
    on_cpu(device, "randint")
    cdef fnn_call c
    cdef Tensor t
    cdef Generator g = checked_generator(generator, "randint")
    if size is None and high is not None and not hasattr(high, "__index__"):
        low, high, size = 0, low, high
    if size is None or high is None:
        raise TypeError("randint: size is missing; write randint(high, size) or randint(low, high, size)")
    first, last = whole(low, "low", "randint"), whole(high, "high", "randint") - 1
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


def randint_like(input, low, high=None, *, dtype=None, generator=None, device=None):
    """`randint` with the shape, and unless given the dtype, of a tensor: ``torch.randint_like``.

    Raises as `randint`.
    """
    on_cpu(device, "randint_like")
    cdef Tensor x = as_tensor(input, b"randint_like: input")
    if high is None:
        low, high = 0, low
    return randint(low, high, shape_of(x), generator=generator,
                   dtype=dtype_name(x.dtype_) if dtype is None else dtype)


def randperm(n, *, generator=None, dtype=None, device=None):
    """A random order of 0 to n - 1: ``torch.randperm``.

    Parameters
    ----------
    n : int
    generator : Generator, optional
    dtype : dtype, optional
        Default int64.
    device : str, optional
        Only "cpu".

    Raises
    ------
    ValueError
        If n is negative.
    TypeError
        If it is no int.

    Notes
    -----
    Fisher and Yates' shuffle in Durstenfeld's form (1964), on one thread.

    Examples
    --------
    >>> import fastnn
    >>> sorted(fastnn.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    on_cpu(device, "randperm")
    cdef fnn_call c
    cdef Tensor t
    cdef Generator g = checked_generator(generator, "randperm")
    count = int64_of(n, "randperm: n")
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

    Raises
    ------
    ValueError
        If std is negative, or the shapes do not broadcast.
    TypeError
        If size is missing with two floats, or given with a tensor.

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
