"""Clipping of gradients, exported as ``nn.utils.clip_grad_norm_`` and its kin."""
from fastnn._engine.engine cimport *
import math

cdef extern from "fastnn.h":
    enum: FNN_norm_partial, FNN_norm_finish, FNN_scale_values, FNN_clamp_values

cdef enum:
    BLOCK = 4096        # elements of a partial norm: csrc/kernels/optim.c
    SQUARES = 0
    ABSOLUTE = 1
    LARGEST = 2
    POWERS = 3


cdef list gradients_of(object parameters, str what):
    """The gradients, each without gaps in memory: those with gaps are packed first, and replaced."""
    cdef Tensor g
    cdef list found = []
    seen = set()
    for p in [parameters] if isinstance(parameters, Tensor) else parameters:
        if not isinstance(p, Tensor):
            raise TypeError(f"{what}: expected Tensors, got {type(p).__name__}")
        g = p.grad
        if g is None or id(p) in seen:
            continue
        seen.add(id(p))
        if not g.contiguous and not is_dense(g):
            g = contiguous(g)
            p.grad = g
        if g.size_:
            found.append(g)
    return found


cdef bint is_dense(Tensor g):
    """Whether some order of the dimensions has no gaps."""
    cdef int64_t span = 1
    cdef Tensor like
    cdef int i
    like = new_strided_like(g)
    for i in range(g.ndim_):
        if g.shape_[i] > 1 and like.strides_[i] != g.strides_[i]:
            return False
    return True


cdef tuple norm_of(list gradients, double power, double max_norm):
    """(total norm, 0-d; scale, a float64 cell)."""
    cdef fnn_call c
    cdef Tensor g, partial
    cdef int64_t blocks = 0, done = 0
    cdef int kind = SQUARES if power == 2 else ABSOLUTE if power == 1 else LARGEST if power == math.inf else POWERS
    cdef Tensor total = new((<Tensor>gradients[0]).dtype_ if gradients else FNN_F32, 0, NULL)
    cdef Tensor scale = new_1d(FNN_F64, 1)
    for g in gradients:
        blocks += (g.size_ + BLOCK - 1) // BLOCK
    partial = new_1d(FNN_F64, blocks)
    for g in gradients:
        start(&c, FNN_norm_partial, g.dtype_)
        buffer(&c, partial)
        c.args.p[0] = partial.data_ + 8 * done
        c.bytes[0] = 8 * ((g.size_ + BLOCK - 1) // BLOCK)
        buffer(&c, g)
        c.args.n[0] = g.size_
        c.args.n[1] = kind
        c.args.s[0] = power
        run(&c, 1, (100.0 if kind == POWERS else 2.0) * g.size_, 0)
        done += (g.size_ + BLOCK - 1) // BLOCK
    start(&c, FNN_norm_finish, total.dtype_)
    buffer(&c, total)
    buffer(&c, scale)
    buffer(&c, partial)
    c.args.n[0] = blocks
    c.args.n[1] = kind
    c.args.s[0] = power
    c.args.s[1] = max_norm
    run(&c, 2, 0.0, FNN_SERIAL)
    return total, scale


cdef double checked_power(object norm_type, str what) except? -1:
    power = float(norm_type)
    if not power > 0:
        raise ValueError(f"{what}: norm_type must be positive (or inf), got {norm_type}")
    return power


cdef int check_foreach(object foreach, str what) except -1:
    if foreach not in (None, True):
        raise ValueError(f"{what}: foreach={foreach} is not supported: all gradients are taken together")
    return 0


cdef int scale_all(list gradients, Tensor scale) except -1:
    cdef fnn_call c
    cdef Tensor g
    for g in gradients:
        start(&c, FNN_scale_values, g.dtype_)
        buffer(&c, g)
        buffer(&c, scale)
        c.args.n[0] = g.size_
        run(&c, 1, <double>g.size_, 0)
        bump(g)
    return 0


cdef int check_finite(object total, str what) except -1:
    if not math.isfinite(total.item()):
        raise RuntimeError(f"{what}: the gradient norm is {total.item()}; look for NaN or infinity in the "
                           "data, a learning rate that is too large, or pass error_if_nonfinite=False")
    return 0


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale all gradients down together so that their common norm is at most `max_norm`.

    g *= min(1, max_norm / (norm + 1e-6)), norm taken over all gradients as if they were one vector.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are left out.
    max_norm : float
        Not negative.
    norm_type : float
        2 (default), 1, ``inf`` or any positive number.
    error_if_nonfinite : bool
        Raise when the norm is infinite or NaN; by default gradients then become NaN or zero.
    foreach : None or True
        For PyTorch's signature.

    Returns
    -------
    Tensor
        The norm before clipping, 0-d.

    Raises
    ------
    RuntimeError
        For a norm that is not finite, if asked for. The gradients are then untouched.

    Notes
    -----
    Pascanu et al. (2013); ``torch.nn.utils.clip_grad_norm_``. The norm is the same to the last bit
    for any number of threads.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.zeros(2))
    >>> p.grad = fastnn.tensor([3.0, 4.0])
    >>> fastnn.nn.utils.clip_grad_norm_([p], 1.0)
    tensor(5.)
    >>> p.grad
    tensor([0.6, 0.8])
    """
    cdef Tensor scale
    cdef list gradients = gradients_of(parameters, "clip_grad_norm_")
    cdef double limit = float(max_norm)
    check_foreach(foreach, "clip_grad_norm_")
    if not limit >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must not be negative, got {max_norm}")
    total, scale = norm_of(gradients, checked_power(norm_type, "clip_grad_norm_"), limit)
    if error_if_nonfinite:
        check_finite(total, "clip_grad_norm_")
    scale_all(gradients, scale)
    return total


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The common norm of tensors, usually gradients, as if they were one vector.

    Parameters
    ----------
    tensors : Tensor or iterable of Tensor
        float32 or float64.
    norm_type : float
        2 (default), 1, ``inf`` or any positive number.
    error_if_nonfinite : bool
        Raise when the norm is infinite or NaN. Default False.
    foreach : None or True
        For PyTorch's signature.

    Returns
    -------
    Tensor
        0-d.

    Raises
    ------
    RuntimeError
        If it is infinite or NaN, and error_if_nonfinite.
    ValueError
        If norm_type is not positive, or foreach False.
    TypeError
        If one is no Tensor of float32 or float64.

    Notes
    -----
    ``torch.nn.utils.get_total_norm``; `clip_grads_with_norm_` takes it.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.utils.get_total_norm([fastnn.tensor([3.0]), fastnn.tensor([4.0])])
    tensor(5.)
    """
    cdef list found = []
    check_foreach(foreach, "get_total_norm")
    for t in [tensors] if isinstance(tensors, Tensor) else tensors:
        if not isinstance(t, Tensor) or (<Tensor>t).dtype_ > FNN_F64:
            raise TypeError("get_total_norm: expected Tensors of float32 or float64")
        if (<Tensor>t).size_:
            found.append(contiguous(t))
    total = norm_of(found, checked_power(norm_type, "get_total_norm"), 0)[0]
    if error_if_nonfinite:
        check_finite(total, "get_total_norm")
    return total


def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """`clip_grad_norm_` by a norm that is known already: g *= min(1, max_norm / (total_norm + 1e-6)).

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are left out.
    max_norm : float
        Not negative.
    total_norm : Tensor
        What `get_total_norm` returned, 0-d.
    foreach : None or True
        For PyTorch's signature.

    Raises
    ------
    ValueError
        If max_norm is negative, total_norm not one number, or foreach False.
    TypeError
        If one of `parameters` is no Tensor.

    Notes
    -----
    ``torch.nn.utils.clip_grads_with_norm_``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.zeros(2))
    >>> p.grad = fastnn.tensor([3.0, 4.0])
    >>> fastnn.nn.utils.clip_grads_with_norm_([p], 1.0, fastnn.nn.utils.get_total_norm([p.grad]))
    >>> p.grad
    tensor([0.6, 0.8])
    """
    cdef fnn_call c
    cdef Tensor total = float_tensor(total_norm, "clip_grads_with_norm_: total_norm")
    cdef Tensor copy = new_like(total), scale = new_1d(FNN_F64, 1), known
    cdef double limit = float(max_norm)
    check_foreach(foreach, "clip_grads_with_norm_")
    if total.size_ != 1:
        raise ValueError(f"clip_grads_with_norm_: total_norm must be one number, got shape {shape_of(total)}")
    if not limit >= 0:
        raise ValueError(f"clip_grads_with_norm_: max_norm must not be negative, got {max_norm}")
    known = contiguous(cast(total, FNN_F64))
    start(&c, FNN_norm_finish, total.dtype_)
    buffer(&c, copy)
    buffer(&c, scale)
    buffer(&c, known)
    c.args.n[0] = 1
    c.args.n[1] = LARGEST
    c.args.s[1] = limit
    run(&c, 2, 0.0, FNN_SERIAL)
    scale_all(gradients_of(parameters, "clip_grads_with_norm_"), scale)


def get_grad_norm(parameters, norm_type=2.0):
    """The common norm of all gradients, as `clip_grad_norm_` takes it, changing nothing: raises as it.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are left out.
    norm_type : float
        2 (default), 1, ``inf`` or any positive number.

    Returns
    -------
    Tensor
        0-d.

    Notes
    -----
    The norm that ``torch.nn.utils.clip_grad_norm_`` returns.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.zeros(2))
    >>> p.grad = fastnn.tensor([3.0, -4.0])
    >>> fastnn.nn.utils.get_grad_norm([p], float("inf"))
    tensor(4.)
    """
    return norm_of(gradients_of(parameters, "get_grad_norm"), checked_power(norm_type, "get_grad_norm"), 0)[0]


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Clamp every element of every gradient to [-clip_value, clip_value].

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are left out.
    clip_value : float
        Not negative. NaN gradients stay NaN.
    foreach : None or True
        For PyTorch's signature.

    Raises
    ------
    ValueError
        If clip_value is negative, or foreach False.
    TypeError
        If one of `parameters` is no Tensor.

    Notes
    -----
    ``torch.nn.utils.clip_grad_value_``.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.zeros(2))
    >>> p.grad = fastnn.tensor([3.0, -0.5])
    >>> fastnn.nn.utils.clip_grad_value_([p], 1.0)
    >>> p.grad
    tensor([ 1. , -0.5])
    """
    cdef fnn_call c
    cdef Tensor g
    cdef double limit = float(clip_value)
    check_foreach(foreach, "clip_grad_value_")
    if not limit >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must not be negative, got {clip_value}")
    for g in gradients_of(parameters, "clip_grad_value_"):
        start(&c, FNN_clamp_values, g.dtype_)
        buffer(&c, g)
        c.args.n[0] = g.size_
        c.args.s[0] = limit
        run(&c, 1, <double>g.size_, 0)
        bump(g)
