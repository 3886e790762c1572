"""Dropout: random elements or whole channels become zero in training, the rest is scaled up."""
from fastnn._engine.engine cimport *

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

cdef extern from "fastnn.h":
    enum: FNN_dropout_forward, FNN_dropout_backward, FNN_alpha_dropout_forward

# SELU's fixed point: the value that a dropped unit takes is -lambda alpha (Klambauer et al., 2017)
cdef double SELU_SATURATION = -1.7580993408473766


cdef int draw(int kernel, Tensor y, Tensor kept, Tensor x, int64_t inner, double p,
              double scale, double shift, double dropped) except -1:
    """One random decision for each `inner` neighbours."""
    cdef fnn_call c
    start(&c, kernel, x.dtype_)
    buffer(&c, y)
    buffer(&c, kept)
    buffer(&c, x)
    c.args.n[0] = x.size_ // inner
    c.args.n[1] = inner
    c.args.n[2] = <int64_t>(p * 4294967296.0)
    c.args.s[0] = scale
    c.args.s[1] = shift
    c.args.s[2] = dropped
    return run_random(&c, 2, 4.0 * x.size_ + 30.0 * kept.size_, None)


cdef int repeat(Tensor dx, Tensor dy, Tensor kept, int64_t inner, double scale) except -1:
    cdef fnn_call c
    if dy.size_ == 0:
        return 0
    start(&c, FNN_dropout_backward, dy.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    buffer(&c, kept)
    c.args.n[0] = dy.size_ // inner
    c.args.n[1] = inner
    c.args.s[0] = scale
    return run(&c, 1, 4.0 * dy.size_, 0)


cdef int dropout_rule(Node node, Tensor dy) except -1:
    cdef Tensor dx = new_like(dy)
    repeat(dx, contiguous(dy), node.a, node.n[0], node.s[0])
    return node.give(0, dx)


cdef int dropout_graph(Node node, Tensor dy) except -1:
    """Linear in dy: its own gradient is the same mask again."""
    cdef Tensor dx = new_like(dy)
    cdef Node again
    repeat(dx, contiguous(dy), node.a, node.n[0], node.s[0])
    if tracked(dy):
        again = record1("dropout_backward", dx, dy, dropout_rule, dropout_graph)
        keep_mask(again, node.a, node.n[0], node.s[0])
    return node.give(0, dx)


cdef int keep_mask(Node node, Tensor kept, int64_t inner, double scale) except -1:
    save(node, kept, None, None)
    node.n[0] = inner
    node.s[0] = scale
    return 0


cdef double probability(object p, str what) except -1:
    try:
        value = float(p)
    except (TypeError, ValueError):
        raise TypeError(f"{what}: p must be a number, got {p!r}") from None
    if not 0 <= value <= 1:
        raise ValueError(f"{what}: p must be from 0 to 1, got {p}")
    return value


cdef Tensor apply(Tensor source, double p, bint alpha, int kept_dims):
    """Drop with probability p > 0; dimensions from kept_dims on share one decision (0: none do)."""
    cdef Tensor x = contiguous(source), y = new_like(x), kept
    cdef int64_t inner = 1
    cdef int i
    cdef double scale, shift = 0, dropped = 0, q = 1 - p
    cdef Node node
    if kept_dims:
        for i in range(kept_dims, x.ndim_):
            inner *= x.shape_[i]
    if not alpha:
        scale = 1 / q if q > 0 else 0
    elif q > 0:
        scale = (q + SELU_SATURATION * SELU_SATURATION * q * p) ** -0.5
        shift = -scale * p * SELU_SATURATION
        dropped = scale * SELU_SATURATION + shift
    else:
        scale = 0
    kept = new_1d(FNN_BOOL, x.size_ // inner if x.size_ else 0)
    if x.size_:
        draw(FNN_alpha_dropout_forward if alpha else FNN_dropout_forward, y, kept, x, inner, p,
             scale, shift, dropped)
    if tracked(source):
        node = record1("alpha_dropout" if alpha else "dropout", y, source, dropout_rule, dropout_graph)
        keep_mask(node, kept, inner, scale)
    return y


cdef Tensor drop(object input, double p, bint training, bint inplace, bint alpha, int kept_dims, str what):
    cdef Tensor x = float_tensor(input, b"dropout: input")
    if not training or p == 0:
        return x
    if not inplace:
        return apply(x, p, alpha, kept_dims)
    check_inplace(x, what)
    return rebase(x, apply(x, p, alpha, kept_dims))


def dropout(input, p=0.5, training=True, inplace=False):
    """Set elements to zero with probability p and scale the others by 1 / (1 - p), in training.

    Parameters
    ----------
    input : Tensor
        Any shape, float32 or float64.
    p : float
        Default 0.5.
    training : bool
        False: return the input as it is.
    inplace : bool
        Write into the input. Default False.

    Returns
    -------
    Tensor
        Of input's shape and dtype. Which elements are dropped depends on the seed, the number of
        the draw and the element's position alone.

    Raises
    ------
    ValueError
        If p is not from 0 to 1.
    TypeError
        If p is no number.

    Notes
    -----
    Srivastava et al. (2014), in the inverted form: inference needs no scaling. Has the behaviour of
    ``torch.nn.functional.dropout``. No mask is stored: backward makes it again.

    Examples
    --------
    >>> import fastnn
    >>> y = fastnn.dropout(fastnn.ones(1000), p=0.2)
    >>> sorted(set(y.tolist()))
    [0.0, 1.25]
    """
    return drop(input, probability(p, "dropout"), training, inplace, False, 0, "dropout")


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout that keeps mean 0 and variance 1 after SELU: dropped units take its saturation value.

    Parameters
    ----------
    input : Tensor
        Any shape, float32 or float64.
    p : float
        Default 0.5.
    training : bool
        False: return the input as it is. Default False, as PyTorch's.
    inplace : bool
        Write into the input. Default False.

    Raises
    ------
    ValueError
        If p is not from 0 to 1.
    TypeError
        If p is no number.

    Notes
    -----
    y = a (x m + alpha' (1 - m)) + b with alpha' = -1.7581, a = (q + alpha'^2 q p)^(-1/2),
    b = -a p alpha', q = 1 - p: Klambauer et al. (2017), section 3;
    ``torch.nn.functional.alpha_dropout``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.alpha_dropout(fastnn.ones(3))
    tensor([1., 1., 1.])
    """
    return drop(input, probability(p, "alpha_dropout"), training, inplace, True, 0, "alpha_dropout")


def dropout1d(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels: ``torch.nn.functional.dropout1d``.

    Parameters
    ----------
    input : Tensor
        (N, C, L) or (C, L), float32 or float64.
    p : float
        Default 0.5.
    training : bool
        False: return the input as it is.
    inplace : bool
        Write into the input. Default False.

    Raises
    ------
    ValueError
        If p is not from 0 to 1, or the input has other than 2 or 3 dimensions.

    Examples
    --------
    >>> import fastnn
    >>> y = fastnn.dropout1d(fastnn.ones(10, 8, 5))
    >>> bool((y == y[:, :, :1]).all())
    True
    """
    return drop_channels(input, p, training, inplace, 1, "dropout1d")


def dropout2d(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels: ``torch.nn.functional.dropout2d``.

    Parameters
    ----------
    input : Tensor
        (N, C, H, W) or (C, H, W), float32 or float64.
    p : float
        Default 0.5.
    training : bool
        False: return the input as it is.
    inplace : bool
        Write into the input. Default False.

    Raises
    ------
    ValueError
        If p is not from 0 to 1, or the input has other than 3 or 4 dimensions.

    Notes
    -----
    Tompson et al. (2015). PyTorch treats 3 dimensions as (N, C, L) here, with a warning; fastnn
    takes them for one example without a batch.

    Examples
    --------
    >>> import fastnn
    >>> y = fastnn.dropout2d(fastnn.ones(10, 8, 2, 2))
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """
    return drop_channels(input, p, training, inplace, 2, "dropout2d")


def dropout3d(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels: ``torch.nn.functional.dropout3d``.

    Parameters
    ----------
    input : Tensor
        (N, C, D, H, W) or (C, D, H, W), float32 or float64.
    p : float
        Default 0.5.
    training : bool
        False: return the input as it is.
    inplace : bool
        Write into the input. Default False.

    Raises
    ------
    ValueError
        If p is not from 0 to 1, or the input has other than 4 or 5 dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.dropout3d(fastnn.ones(10, 8, 2, 2, 2)).shape
    (10, 8, 2, 2, 2)
    """
    return drop_channels(input, p, training, inplace, 3, "dropout3d")


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """`alpha_dropout` of whole channels: ``torch.nn.functional.feature_alpha_dropout``.

    Parameters
    ----------
    input : Tensor
        (N, C, ...), float32 or float64.
    p : float
        Default 0.5.
    training : bool
        Default False: return the input as it is.
    inplace : bool
        Write into the input. Default False.

    Raises
    ------
    ValueError
        If p is not from 0 to 1, or in training the input has less than 2 dimensions.

    Examples
    --------
    >>> import fastnn
    >>> y = fastnn.feature_alpha_dropout(fastnn.ones(10, 8, 5), training=True)
    >>> bool((y == y[:, :, :1]).all())
    True
    """
    cdef Tensor x = float_tensor(input, b"feature_alpha_dropout: input")
    if training and x.ndim_ < 2:
        raise ValueError(f"feature_alpha_dropout: expected at least 2 dimensions, got shape {shape_of(x)}")
    return drop(input, probability(p, "feature_alpha_dropout"), training, inplace, True, 2, "feature_alpha_dropout")


cdef Tensor drop_channels(object input, object p, bint training, bint inplace, int spatial, str what):
    cdef Tensor x = float_tensor(input, b"dropout: input")
    cdef double probability_ = probability(p, what)
    if x.ndim_ != spatial + 1 and x.ndim_ != spatial + 2:
        raise ValueError(f"{what}: expected {spatial + 1} or {spatial + 2} dimensions, got shape {shape_of(x)}")
    return drop(x, probability_, training, inplace, False, x.ndim_ - spatial, what)
