"""Pooling over windows of a fixed size, in one and two dimensions: maximum, mean, p-norm."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport ints_per_dim, real
from fastnn.ops.pool_map cimport Windows, avg_pool, finish, fixed, max_result, prepare

__all__ = ["max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "lp_pool1d", "lp_pool2d"]


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest value of each window of an image.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    kernel_size, stride, padding, dilation : int or pair of int
        Stride None (the default) is the kernel size; padding counts as minus infinity and is at most half of
        the kernel.
    ceil_mode : bool
        Keep windows that reach over the border. Default False.
    return_indices : bool
        Return the place of each maximum in its plane too, int64. Default False.

    Returns
    -------
    Tensor or (Tensor, Tensor)
        Shape (N, C, H', W').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.max_pool2d``; NaN wins.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.max_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 2)
    tensor([[[3.]]])
    """
    cdef Tensor x = prepare(input, 2, "max_pool2d")
    return max_result(fixed(x, kernel_size, stride, padding, dilation, ceil_mode, 2, "max_pool2d"), x, 2, return_indices)


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest value of each window of a sequence: `max_pool2d` in one dimension.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `max_pool2d`.

    Returns
    -------
    Tensor or (Tensor, Tensor)
        Shape (N, C, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.max_pool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.max_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    cdef Tensor x = prepare(input, 1, "max_pool1d")
    return max_result(fixed(x, kernel_size, stride, padding, dilation, ceil_mode, 1, "max_pool1d"), x, 1, return_indices)


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """The mean of each window of an image.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    kernel_size, stride, padding, ceil_mode
        As in `max_pool2d`; padding is zeros.
    count_include_pad : bool
        Count the padding in the divisor. Default True.
    divisor_override : int, optional
        Divide by this instead of the window's size.

    Returns
    -------
    Tensor
        Shape (N, C, H', W').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.avg_pool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.avg_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 2)
    tensor([[[1.5]]])
    """
    cdef Tensor x = prepare(input, 2, "avg_pool2d")
    divisor = 0 if divisor_override is None else ints_per_dim(divisor_override, 1, 1, "avg_pool2d", "divisor_override")[0]
    return avg_pool(fixed(x, kernel_size, stride, padding, 1, ceil_mode, 2, "avg_pool2d", count_include_pad, divisor), x)


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window of a sequence: `avg_pool2d` in one dimension.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    kernel_size, stride, padding, ceil_mode, count_include_pad
        As in `avg_pool2d`.

    Returns
    -------
    Tensor
        Shape (N, C, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.avg_pool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.avg_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    cdef Tensor x = prepare(input, 1, "avg_pool1d")
    return finish(avg_pool(fixed(x, kernel_size, stride, padding, 1, ceil_mode, 1, "avg_pool1d", count_include_pad), x), 1)


cdef object norm_pool(object input, object p, object kernel_size, object stride, bint ceil_mode, int dims, str op):
    cdef Windows w
    cdef double norm_type = real(p, f"{op}: norm_type")
    if not norm_type > 0:
        raise ValueError(f"{op}: norm_type must be positive, got {norm_type}")
    cdef Tensor x = prepare(input, dims, op) ** norm_type
    kernel = ints_per_dim(kernel_size, dims, 1, op, "kernel_size")
    w = fixed(x, kernel, stride, 0, 1, ceil_mode, dims, op, True, 0)
    area = kernel[0] * (kernel[1] if dims == 2 else 1)     # of windows over the border too, as in PyTorch
    return finish((avg_pool(w, x) * area) ** (1 / norm_type), dims)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window of an image, (sum of x**p) ** (1/p).

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    norm_type : float
        p, positive.
    kernel_size, stride, ceil_mode
        As in `max_pool2d`.

    Returns
    -------
    Tensor
        Shape (N, C, H', W').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.lp_pool2d`` also where ceil_mode lets windows reach over the border: there the mean counts
    for the whole window.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.lp_pool2d(fastnn.tensor([[[3.0, 4.0]]]), 2, (1, 2))
    tensor([[[5.]]])
    """
    return norm_pool(input, norm_type, kernel_size, stride, ceil_mode, 2, "lp_pool2d")


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window of a sequence: `lp_pool2d` in one dimension.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    norm_type, kernel_size, stride, ceil_mode
        As in `lp_pool2d`.

    Returns
    -------
    Tensor
        Shape (N, C, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.lp_pool1d`` also where windows reach over the end.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.lp_pool1d(fastnn.tensor([[3.0, 4.0]]), 2, 2)
    tensor([[5.]])
    """
    return norm_pool(input, norm_type, kernel_size, stride, ceil_mode, 1, "lp_pool1d")
