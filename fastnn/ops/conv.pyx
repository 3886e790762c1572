"""Convolutions and transposed convolutions, in one and two dimensions."""
from libc.stdint cimport int64_t

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport ints_per_dim
from fastnn.ops.conv_map cimport Geometry, Spec, conv, conv_input

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


# --- checking arguments ---------------------------------------------------------------------------

cdef tuple prepare(object x, object w, object bias, int dims, str op):
    """The arguments as batched tensors: x (num, channels, [h,] w)."""
    cdef Tensor input = float_tensor(x, b"input"), weight = float_tensor(w, b"weight"), b = None
    if weight.ndim_ != dims + 2:
        raise ValueError(f"{op}: weight must have {dims + 2} dimensions, got shape {shape_of(weight)}")
    if input.ndim_ != dims + 2 and input.ndim_ != dims + 1:
        raise ValueError(f"{op}: input must have {dims + 1} or {dims + 2} dimensions, got shape {shape_of(input)}")
    if input.dtype_ != weight.dtype_:
        raise TypeError(f"{op}: input is {dtype_name(input.dtype_)}, weight is {dtype_name(weight.dtype_)}")
    if min(shape_of(weight)) < 1:
        raise ValueError(f"{op}: weight must not be empty, got shape {shape_of(weight)}")
    if bias is not None:
        b = float_tensor(bias, b"bias")
        if b.dtype_ != input.dtype_:
            raise TypeError(f"{op}: input is {dtype_name(input.dtype_)}, bias is {dtype_name(b.dtype_)}")
    return input, weight, b


cdef int check_channels(str op, Tensor x, int64_t channels, Tensor bias, int64_t outs) except -1:
    if x.shape_[1] != channels:
        raise ValueError(f"{op}: input has {x.shape_[1]} channels, weight expects {channels}")
    if bias is not None and (bias.ndim_ != 1 or bias.shape_[0] != outs):
        raise ValueError(f"{op}: bias must have shape ({outs},), got {shape_of(bias)}")
    return 0


cdef Spec spec_of(int64_t num, int64_t groups, list channels, list x, list y, list k, list stride, list pad, list dilation):
    cdef Spec spec = Spec.__new__(Spec)
    spec.g = Geometry(num, groups, channels[0], x[0], x[1], channels[1], y[0], y[1], k[0], k[1],
                      stride[0], stride[1], pad[0], pad[1], dilation[0], dilation[1])
    return spec


cdef list two(list values, int64_t first):
    return values if len(values) == 2 else [first] + values


cdef object convolve(object x, object w, object bias, object stride, object padding, object dilation, object groups, int dims, str op):
    cdef Tensor input, weight, b, y
    cdef bint batched
    input, weight, b = prepare(x, w, bias, dims, op)
    groups = ints_per_dim(groups, 1, 1, op, "groups")[0]
    stride = ints_per_dim(stride, dims, 1, op, "stride")
    dilation = ints_per_dim(dilation, dims, 1, op, "dilation")
    kernel = list(shape_of(weight)[2:])
    batched = input.ndim_ == dims + 2
    input = input if batched else input.unsqueeze(0)
    if weight.shape_[0] % groups:
        raise ValueError(f"{op}: {weight.shape_[0]} output channels cannot be cut into {groups} groups")
    check_channels(op, input, weight.shape_[1] * groups, b, weight.shape_[0])
    if padding == "valid":
        padding = 0
    if padding == "same":
        if max(stride) > 1:
            raise ValueError(f"{op}: padding='same' needs stride 1, got {stride}")
        total = [d * (k - 1) for d, k in zip(dilation, kernel)]
        if any(t % 2 for t in total):       # one more on the right
            from fastnn.ops.border import pad as pad_borders
            input = pad_borders(input, [v for t in reversed(total) for v in (0, t % 2)])
        pad = [t // 2 for t in total]
    else:
        pad = ints_per_dim(padding, dims, 0, op, "padding")
    size = list(shape_of(input)[2:])
    out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 if n + 2 * p - d * (k - 1) - 1 >= 0 else 0
           for n, p, d, k, s in zip(size, pad, dilation, kernel, stride)]
    if min(out) < 1:
        raise ValueError(f"{op}: kernel {tuple(kernel)} with dilation {tuple(dilation)} is larger than the padded "
                         f"input {tuple([n + 2 * p for n, p in zip(size, pad)])}")
    spec = spec_of(input.shape_[0], groups, [weight.shape_[1], weight.shape_[0] // groups], two(size, 1), two(out, 1),
                   two(kernel, 1), two(stride, 1), two(pad, 0), two(dilation, 1))
    if dims == 1:
        input, weight = input.unsqueeze(2), weight.unsqueeze(2)
    y = conv(spec, input, weight, b)
    y = y.squeeze(2) if dims == 1 else y
    return y if batched else y.squeeze(0)


cdef object convolve_transposed(object x, object w, object bias, object stride, object padding, object output_padding,
                                object groups, object dilation, int dims, str op):
    cdef Tensor input, weight, b, y
    cdef bint batched
    input, weight, b = prepare(x, w, bias, dims, op)
    groups = ints_per_dim(groups, 1, 1, op, "groups")[0]
    stride = ints_per_dim(stride, dims, 1, op, "stride")
    dilation = ints_per_dim(dilation, dims, 1, op, "dilation")
    pad = ints_per_dim(padding, dims, 0, op, "padding")
    extra = ints_per_dim(output_padding, dims, 0, op, "output_padding")
    for e, s, d in zip(extra, stride, dilation):
        if e >= max(s, d):
            raise ValueError(f"{op}: output_padding must be smaller than stride or dilation, got {output_padding!r}")
    kernel = list(shape_of(weight)[2:])
    batched = input.ndim_ == dims + 2
    input = input if batched else input.unsqueeze(0)
    if weight.shape_[0] % groups:
        raise ValueError(f"{op}: {weight.shape_[0]} input channels cannot be cut into {groups} groups")
    check_channels(op, input, weight.shape_[0], b, weight.shape_[1] * groups)
    size = list(shape_of(input)[2:])
    out = [(n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, s, p, d, k, e in zip(size, stride, pad, dilation, kernel, extra)]
    if min(out) < 1 or min(size) < 1:
        raise ValueError(f"{op}: the output would have size {tuple(out)}")
    spec = spec_of(input.shape_[0], groups, [weight.shape_[1], weight.shape_[0] // groups], two(out, 1), two(size, 1),
                   two(kernel, 1), two(stride, 1), two(pad, 0), two(dilation, 1))
    if dims == 1:
        input, weight = input.unsqueeze(2), weight.unsqueeze(2)
    y = conv_input(spec, input, weight, b)
    y = y.squeeze(2) if dims == 1 else y
    return y if batched else y.squeeze(0)


# --- the public functions ------------------------------------------------------------------------------

def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Two-dimensional convolution (cross-correlation) of images with a bank of filters.

    y[n, o, i, j] = bias[o] + sum over c, k, l of
    weight[o, c, k, l] * input[n, c, i*stride + k*dilation - padding, j*stride + l*dilation - padding].

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    weight : Tensor
        Shape (O, C / groups, kernel height, kernel width), the same dtype.
    bias : Tensor, optional
        Shape (O,).
    stride, dilation : int or pair of int
        At least 1. Default 1.
    padding : int, pair of int, "valid" or "same"
        Zeros on each side. Default 0.
    groups : int
        Cuts C and O into groups that are convolved separately. Default 1.

    Returns
    -------
    Tensor
        Shape (N, O, H', W'), H' = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.conv2d``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ones(1, 1, 3, 3)
    >>> fastnn.nn.functional.conv2d(x, fastnn.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return convolve(input, weight, bias, stride, padding, dilation, groups, 2, "conv2d")


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """One-dimensional convolution: `conv2d` for sequences.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    weight : Tensor
        Shape (O, C / groups, kernel size).
    bias, stride, padding, dilation, groups
        As in `conv2d`.

    Returns
    -------
    Tensor
        Shape (N, O, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.conv1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.conv1d(fastnn.ones(1, 1, 4), fastnn.ones(1, 1, 2))
    tensor([[[2., 2., 2.]]])
    """
    return convolve(input, weight, bias, stride, padding, dilation, groups, 1, "conv1d")


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Transposed convolution: the gradient of `conv2d` with respect to its input, as an operation.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W) or (C, H, W); float32 or float64.
    weight : Tensor
        Shape (C, O / groups, kernel height, kernel width).
    bias : Tensor, optional
        Shape (O,).
    stride, padding, dilation, groups
        Of the convolution that is transposed.
    output_padding : int or pair of int
        Rows and columns added at one side of the output. Default 0.

    Returns
    -------
    Tensor
        Shape (N, O, H', W'), H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.conv_transpose2d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.conv_transpose2d(fastnn.ones(1, 1, 1, 1), fastnn.ones(1, 1, 2, 2)).shape
    (1, 1, 2, 2)
    """
    return convolve_transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 2, "conv_transpose2d")


def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Transposed convolution of sequences: `conv_transpose2d` in one dimension.

    Parameters
    ----------
    input : Tensor
        Shape (N, C, L) or (C, L); float32 or float64.
    weight : Tensor
        Shape (C, O / groups, kernel size).
    bias, stride, padding, output_padding, groups, dilation
        As in `conv_transpose2d`.

    Returns
    -------
    Tensor
        Shape (N, O, L').

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or ranges do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.conv_transpose1d``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.conv_transpose1d(fastnn.ones(1, 1, 2), fastnn.ones(1, 1, 2))
    tensor([[[1., 2., 1.]]])
    """
    return convolve_transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 1, "conv_transpose1d")
