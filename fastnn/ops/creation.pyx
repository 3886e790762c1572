"""New tensors: zeros, ones, full, empty, eye, and those shaped like another."""
import math

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport dtype_of_number, from_varargs, sizes_from, whole
from fastnn.ops.memory cimport fill_with

__all__ = ["empty", "empty_like", "eye", "full", "full_like", "ones", "ones_like", "zeros", "zeros_like"]


cdef Tensor made(object shape, object dtype, int default, bint requires_grad, object value, str what):
    """A tensor of the shape filled with the value; None leaves it as memory was."""
    cdef int64_t sizes[8]
    cdef int n = sizes_from(shape, sizes, what)
    cdef Tensor t = new(default if dtype is None else dtype_code(dtype, f"{what}: dtype"), n, sizes)
    if value is not None and t.size_:
        fill_with(t, value)
    if requires_grad:
        t.requires_grad = True
    return t


def zeros(*size, dtype=None, requires_grad=False, device=None):
    """A tensor of zeros.

    Parameters
    ----------
    *size : int
        The shape, as several ints or one tuple.
    dtype : dtype, optional
        Default float32.
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a size is negative, or there are more than 8.
    TypeError
        If a size is no int.
    MemoryError
        If there is no room for so many elements.

    Notes
    -----
    Has the behaviour of ``torch.zeros``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    on_cpu(device, "zeros")
    return made(from_varargs(size), dtype, FNN_F32, requires_grad, 0, "zeros")


def ones(*size, dtype=None, requires_grad=False, device=None):
    """A tensor of ones.

    Parameters
    ----------
    *size : int
        The shape, as several ints or one tuple.
    dtype : dtype, optional
        Default float32.
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a size is negative, or there are more than 8.

    Notes
    -----
    Has the behaviour of ``torch.ones``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ones(2)
    tensor([1., 1.])
    """
    on_cpu(device, "ones")
    return made(from_varargs(size), dtype, FNN_F32, requires_grad, 1, "ones")


def empty(*size, dtype=None, requires_grad=False, device=None):
    """A tensor whose values are not set: whatever its memory held.

    Parameters
    ----------
    *size : int
        The shape, as several ints or one tuple.
    dtype : dtype, optional
        Default float32.
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a size is negative, or there are more than 8.

    Notes
    -----
    Has the behaviour of ``torch.empty``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.empty(2, 3).shape
    (2, 3)
    """
    on_cpu(device, "empty")
    return made(from_varargs(size), dtype, FNN_F32, requires_grad, None, "empty")


def full(size, fill_value, *, dtype=None, requires_grad=False, device=None):
    """A tensor of one value.

    Parameters
    ----------
    size : tuple of int
        The shape.
    fill_value : number
    dtype : dtype, optional
        Default: bool, int64 or float32, as the value is.
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If the value is no number.
    ValueError
        If a size is negative, or there are more than 8.

    Notes
    -----
    Has the behaviour of ``torch.full``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.full((2,), 0.5)
    tensor([0.5, 0.5])
    """
    on_cpu(device, "full")
    if isinstance(fill_value, Tensor) and (<Tensor>fill_value).size_ == 1:
        fill_value = fill_value.item()
    cdef int default = dtype_of_number(fill_value, "full: fill_value")
    return made(size, dtype, default, requires_grad, converted(fill_value, dtype, default), "full")


cdef object converted(object value, object dtype, int default):
    """The number as the dtype holds it."""
    cdef int code = default if dtype is None else dtype_code(dtype)
    if code <= FNN_F64 or code == FNN_BOOL:
        return float(value) if code <= FNN_F64 else bool(value)
    return whole(int(value) if math.isfinite(value) else value, "full: fill_value")


cdef Tensor like(object input, object dtype, bint requires_grad, object value, str what):
    cdef Tensor x = as_tensor(input, "input")
    return made(shape_of(x), dtype, x.dtype_, requires_grad, value, what)


def zeros_like(input, *, dtype=None, requires_grad=False, device=None):
    """Zeros of the shape and, unless another is given, the dtype of a tensor.

    Parameters
    ----------
    input : Tensor
    dtype : dtype, optional
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor
        Contiguous.

    Raises
    ------
    TypeError
        If the input is no tensor or array.

    Notes
    -----
    Has the behaviour of ``torch.zeros_like``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.zeros_like(fastnn.tensor([1, 2]))
    tensor([0, 0])
    """
    on_cpu(device, "zeros_like")
    return like(input, dtype, requires_grad, 0, "zeros_like")


def ones_like(input, *, dtype=None, requires_grad=False, device=None):
    """Ones of the shape and, unless another is given, the dtype of a tensor.

    Parameters
    ----------
    input : Tensor
    dtype : dtype, optional
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor
        Contiguous.

    Raises
    ------
    TypeError
        If the input is no tensor or array.

    Notes
    -----
    Has the behaviour of ``torch.ones_like``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ones_like(fastnn.tensor([1, 2]))
    tensor([1, 1])
    """
    on_cpu(device, "ones_like")
    return like(input, dtype, requires_grad, 1, "ones_like")


def empty_like(input, *, dtype=None, requires_grad=False, device=None):
    """A tensor with values not set, of the shape and, unless another is given, the dtype of a tensor.

    Parameters
    ----------
    input : Tensor
    dtype : dtype, optional
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor
        Contiguous.

    Raises
    ------
    TypeError
        If the input is no tensor or array.

    Notes
    -----
    Has the behaviour of ``torch.empty_like``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.empty_like(fastnn.tensor([1, 2])).dtype
    dtype('int64')
    """
    on_cpu(device, "empty_like")
    return like(input, dtype, requires_grad, None, "empty_like")


def full_like(input, fill_value, *, dtype=None, requires_grad=False, device=None):
    """One value in the shape and, unless another is given, the dtype of a tensor.

    Parameters
    ----------
    input : Tensor
    fill_value : number
    dtype : dtype, optional
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor
        Contiguous.

    Raises
    ------
    TypeError
        If the input is no tensor or array, or the value no number.

    Notes
    -----
    Has the behaviour of ``torch.full_like``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.full_like(fastnn.tensor([1, 2]), 7)
    tensor([7, 7])
    """
    on_cpu(device, "full_like")
    cdef Tensor x = as_tensor(input, "full_like: input")
    dtype_of_number(fill_value, "full_like: fill_value")
    return like(x, dtype, requires_grad, converted(fill_value, dtype, x.dtype_), "full_like")


def eye(n, m=None, *, dtype=None, requires_grad=False, device=None):
    """A matrix with ones on the diagonal and zeros elsewhere.

    Parameters
    ----------
    n : int
        Rows.
    m : int, optional
        Columns. Default: as many as rows.
    dtype : dtype, optional
        Default float32.
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor
        Shape (n, m).

    Raises
    ------
    ValueError
        If a size is negative.

    Notes
    -----
    Has the behaviour of ``torch.eye``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    on_cpu(device, "eye")
    cdef Tensor t = made((n, n if m is None else m), dtype, FNN_F32, False, 0, "eye")
    if t.size_:
        t.diagonal()[...] = 1
    if requires_grad:
        t.requires_grad = True
    return t
