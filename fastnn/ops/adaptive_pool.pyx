"""Pooling to a given size, in one and two dimensions: windows spread evenly over the input."""
from fastnn._engine.engine cimport *
from fastnn.ops.pool_map cimport adaptive, avg_pool, finish, max_result, prepare

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d"]


def adaptive_avg_pool2d(input, output_size):
    """Means of as many windows as the output is to have, spread evenly over the image.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    output_size : int or pair of int or None
        H' and W'; None keeps the input's size.

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
    Has the behaviour of ``torch.nn.functional.adaptive_avg_pool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.adaptive_avg_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 1)
    tensor([[[1.5]]])
    """
    cdef Tensor x = prepare(input, 2, "adaptive_avg_pool2d")
    return avg_pool(adaptive(x, output_size, 2, "adaptive_avg_pool2d"), x)


def adaptive_avg_pool1d(input, output_size):
    """Means of as many windows as the output is to have: `adaptive_avg_pool2d` for sequences.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    output_size : int
        L'.

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
    Has the behaviour of ``torch.nn.functional.adaptive_avg_pool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.adaptive_avg_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    cdef Tensor x = prepare(input, 1, "adaptive_avg_pool1d")
    return finish(avg_pool(adaptive(x, output_size, 1, "adaptive_avg_pool1d"), x), 1)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """Maxima of as many windows as the output is to have, spread evenly over the image.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    output_size : int or pair of int or None
        H' and W'; None keeps the input's size.
    return_indices : bool
        As in `max_pool2d`.

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
    Has the behaviour of ``torch.nn.functional.adaptive_max_pool2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.adaptive_max_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 1)
    tensor([[[3.]]])
    """
    cdef Tensor x = prepare(input, 2, "adaptive_max_pool2d")
    return max_result(adaptive(x, output_size, 2, "adaptive_max_pool2d"), x, 2, return_indices)


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """Maxima of as many windows as the output is to have: `adaptive_max_pool2d` for sequences.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    output_size : int
        L'.
    return_indices : bool
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
    Has the behaviour of ``torch.nn.functional.adaptive_max_pool1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.adaptive_max_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    cdef Tensor x = prepare(input, 1, "adaptive_max_pool1d")
    return max_result(adaptive(x, output_size, 1, "adaptive_max_pool1d"), x, 1, return_indices)
