"""Convolutions and transposed convolutions, in one and two dimensions.

Three bilinear maps are closed under differentiation, so each one's rule is made of the other two:
conv(x, w), its gradient for the input (dy, w), and its gradient for the weight (x, dy).
"""
from fastnn._engine.engine cimport *
from libc.stdint cimport int64_t

cdef extern from "fastnn.h":
    enum:
        FNN_conv_forward, FNN_conv_weight_backward, FNN_conv_bias_backward, FNN_column_sums

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


cdef struct Geometry:
    int64_t num, groups, cin, ih, iw, cout, oh, ow, kh, kw      # cin, cout: channels per group
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w


cdef class Spec:
    """What the three maps share: the geometry of the convolution y = conv(x, w)."""
    cdef Geometry g

    cdef double work(self):
        cdef Geometry *g = &self.g
        return 2.0 * g.num * g.groups * g.cout * g.oh * g.ow * g.cin * g.kh * g.kw


cdef void put_geometry(fnn_call *c, Geometry *g, bint transposed):
    """n of the conv kernels; transposed: the map from y's side to x's."""
    cdef int64_t *n = c.args.n
    n[0], n[1], n[8], n[9] = g.num, g.groups, g.kh, g.kw
    n[10], n[11], n[12], n[13], n[14], n[15] = (g.stride_h, g.stride_w, g.pad_h, g.pad_w, g.dilation_h, g.dilation_w)
    n[16] = transposed
    if transposed:
        n[2], n[3], n[4], n[5], n[6], n[7] = g.cout, g.oh, g.ow, g.cin, g.ih, g.iw
    else:
        n[2], n[3], n[4], n[5], n[6], n[7] = g.cin, g.ih, g.iw, g.cout, g.oh, g.ow


cdef Tensor new_4d(int dtype, int64_t a, int64_t b, int64_t c, int64_t d):
    cdef int64_t *shape = [a, b, c, d]
    return new(dtype, 4, shape)


# --- the three maps --------------------------------------------------------------------------------

cdef Tensor conv(Spec spec, Tensor x, Tensor w, Tensor bias):
    """y (num, groups * cout, oh, ow)."""
    cdef Geometry *g = &spec.g
    cdef Tensor y = new_4d(x.dtype_, g.num, g.groups * g.cout, g.oh, g.ow)
    cdef fnn_call c
    cdef Node node
    cdef Tensor px = contiguous(x), pw = contiguous(w), pb = packed(bias)
    start(&c, FNN_conv_forward, x.dtype_)
    buffer(&c, y)
    buffer(&c, px)
    buffer(&c, pw)
    optional_buffer(&c, pb)
    put_geometry(&c, g, False)
    run(&c, 1, spec.work(), 0)
    if grad_enabled() and (x.wants_grad or w.wants_grad or (bias is not None and bias.wants_grad)):
        node = record("conv", y, (x, w) if bias is None else (x, w, bias), conv_rule, conv_graph)
        save(node, x, w, None)
        node.extra = spec
    return y


cdef Tensor conv_input(Spec spec, Tensor dy, Tensor w, Tensor bias):
    """dx (num, groups * cin, ih, iw), plus a bias: a transposed convolution."""
    cdef Geometry *g = &spec.g
    cdef Tensor dx = new_4d(dy.dtype_, g.num, g.groups * g.cin, g.ih, g.iw)
    cdef fnn_call c
    cdef Node node
    cdef Tensor py = contiguous(dy), pw = exchanged(g, w), pb = packed(bias)
    start(&c, FNN_conv_forward, dy.dtype_)
    buffer(&c, dx)
    buffer(&c, py)
    buffer(&c, pw)
    optional_buffer(&c, pb)
    put_geometry(&c, g, True)
    run(&c, 1, spec.work(), 0)
    if grad_enabled() and (dy.wants_grad or w.wants_grad or (bias is not None and bias.wants_grad)):
        node = record("conv_input", dx, (dy, w) if bias is None else (dy, w, bias), conv_input_rule, conv_input_graph)
        save(node, dy, w, None)
        node.extra = spec
    return dx


cdef Tensor conv_weight(Spec spec, Tensor x, Tensor dy, Tensor into, bint accumulate):
    """dw (groups * cout, cin, kh, kw), into a given contiguous tensor or (None) a new one."""
    cdef Geometry *g = &spec.g
    cdef int64_t size = g.groups * g.cout * g.cin * g.kh * g.kw
    cdef int64_t blocks = max(1, min(g.num, 16)) if size * 16 <= 1 << 20 else 1
    cdef Tensor dw = into if into is not None else new_4d(x.dtype_, g.groups * g.cout, g.cin, g.kh, g.kw)
    cdef Tensor partial = dw, py = contiguous(dy), px = contiguous(x)
    cdef fnn_call c
    cdef Node node
    if blocks > 1 or accumulate:
        partial = new_1d(x.dtype_, blocks * size)
    start(&c, FNN_conv_weight_backward, x.dtype_)
    buffer(&c, partial)
    buffer(&c, py)
    buffer(&c, px)
    put_geometry(&c, g, False)
    c.args.n[17] = blocks
    run(&c, 1, spec.work(), 0)
    if partial is not dw:
        start(&c, FNN_column_sums, x.dtype_)
        buffer(&c, dw)
        buffer(&c, partial)
        if accumulate:
            buffer(&c, dw)
        else:
            null_buffer(&c)
        c.args.n[0], c.args.n[1], c.args.n[2] = blocks, size, size
        run(&c, 1, blocks * size, 0)
    if grad_enabled() and (x.wants_grad or dy.wants_grad):
        node = record2("conv_weight", dw, x, dy, conv_weight_rule, conv_weight_rule)
        save(node, x, dy, None)
        node.extra = spec
    return dw


cdef Tensor packed(Tensor bias):
    return None if bias is None else contiguous(bias)


cdef void optional_buffer(fnn_call *c, Tensor t):
    if t is None:
        null_buffer(c)
    else:
        buffer(c, t)


cdef Tensor exchanged(Geometry *g, Tensor w):
    """(groups * cin, cout, kh, kw): the weight as seen from y's side."""
    cdef int64_t taps = g.kh * g.kw
    cdef int64_t *shape = [g.groups, g.cin, g.cout, taps]
    cdef int64_t *strides = [g.cout * g.cin * taps, taps, g.cin * taps, 1]
    return contiguous(view(contiguous(w), 0, 4, shape, strides))


# --- their rules --------------------------------------------------------------------------------------

cdef int bias_gradient(Node node, Py_ssize_t i, Tensor dy) except -1:
    """Sums of dy (num, channels, h, w) over all but the channels."""
    cdef bint accumulate
    cdef Tensor like = new_1d(dy.dtype_, dy.shape_[1])
    cdef Tensor db = node.slot(i, like, &accumulate)
    cdef fnn_call c
    dy = contiguous(dy)
    start(&c, FNN_conv_bias_backward, dy.dtype_)
    buffer(&c, db)
    buffer(&c, dy)
    if accumulate:
        buffer(&c, db)
    else:
        null_buffer(&c)
    c.args.n[0], c.args.n[1], c.args.n[2] = dy.shape_[0], dy.shape_[1], dy.shape_[2] * dy.shape_[3]
    run(&c, 1, dy.size_, 0)
    return node.wrote(i, db, accumulate)


cdef int weight_gradient(Node node, Tensor x, Tensor dy) except -1:
    """The gradient of edge 1, straight into its place where that is contiguous."""
    cdef bint accumulate
    cdef Tensor dw = node.slot(1, node.b, &accumulate)
    if not dw.contiguous:
        return node.give(1, conv_weight(<Spec>node.extra, x, dy, None, False))
    conv_weight(<Spec>node.extra, x, dy, dw, accumulate)
    return node.wrote(1, dw, accumulate)


cdef int conv_rule(Node node, Tensor dy) except -1:
    if node.wants(0):
        node.give(0, conv_input(<Spec>node.extra, dy, node.b, None))
    if node.wants(1):
        weight_gradient(node, node.a, dy)
    if len(node.edges) > 2 and node.wants(2):
        bias_gradient(node, 2, dy)
    return 0


cdef int conv_graph(Node node, Tensor dy) except -1:
    if node.wants(0):
        node.give(0, conv_input(<Spec>node.extra, dy, node.b, None))
    if node.wants(1):
        node.give(1, conv_weight(<Spec>node.extra, node.a, dy, None, False))
    if len(node.edges) > 2 and node.wants(2):
        node.give(2, dy.sum((0, 2, 3)))
    return 0


cdef int conv_input_rule(Node node, Tensor g) except -1:
    if node.wants(0):
        node.give(0, conv(<Spec>node.extra, g, node.b, None))
    if node.wants(1):
        weight_gradient(node, g, node.a)
    if len(node.edges) > 2 and node.wants(2):
        bias_gradient(node, 2, g)
    return 0


cdef int conv_input_graph(Node node, Tensor g) except -1:
    if node.wants(0):
        node.give(0, conv(<Spec>node.extra, g, node.b, None))
    if node.wants(1):
        node.give(1, conv_weight(<Spec>node.extra, g, node.a, None, False))
    if len(node.edges) > 2 and node.wants(2):
        node.give(2, g.sum((0, 2, 3)))
    return 0


cdef int conv_weight_rule(Node node, Tensor g) except -1:
    if node.wants(0):
        node.give(0, conv_input(<Spec>node.extra, node.b, g, None))
    if node.wants(1):
        node.give(1, conv(<Spec>node.extra, node.a, g, None))
    return 0


# --- checking arguments ---------------------------------------------------------------------------

cdef list sizes(object value, int dims, int64_t least, str op, str argument):
    """An int, or one for each dimension; always two, the height's 1 (or 0) in one dimension."""
    import operator
    values = list(value) if isinstance(value, (tuple, list)) else [value] * dims
    if len(values) == 1:
        values *= dims
    try:
        values = [operator.index(v) for v in values]
    except TypeError:
        raise TypeError(f"{op}: {argument} must be an int or {dims} ints, got {value!r}") from None
    if len(values) != dims or min(values) < least or max(values) > 1 << 31:
        raise ValueError(f"{op}: {argument} must be {dims} ints from {least} to 2**31, got {value!r}")
    return values


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
    groups = sizes(groups, 1, 1, op, "groups")[0]
    stride = sizes(stride, dims, 1, op, "stride")
    dilation = sizes(dilation, dims, 1, op, "dilation")
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
        pad = sizes(padding, dims, 0, op, "padding")
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
    groups = sizes(groups, 1, 1, op, "groups")[0]
    stride = sizes(stride, dims, 1, op, "stride")
    dilation = sizes(dilation, dims, 1, op, "dilation")
    pad = sizes(padding, dims, 0, op, "padding")
    extra = sizes(output_padding, dims, 0, op, "output_padding")
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
