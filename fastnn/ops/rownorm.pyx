"""Normalization of rows: layer norm, RMS norm, group norm."""
from fastnn._engine.engine cimport *
from fastnn.ops.affine cimport *
from fastnn.ops.argument cimport listed, real, whole
from fastnn.ops.composed cimport composed_rule, fence, kept, taken

cdef extern from "fastnn.h":
    enum:
        FNN_layer_norm_forward, FNN_layer_norm_backward, FNN_rms_norm_forward, FNN_rms_norm_backward
        FNN_norm_parameters, FNN_group_norm_forward, FNN_group_norm_backward

__all__ = ["group_norm", "layer_norm", "rms_norm"]

cdef enum:
    ROW_BLOCK = 32      # rows whose parameter gradients are added up before they join the others


cdef tuple trailing(object normalized_shape, Tensor x, str what):
    """(normalized_shape as a tuple, its number of elements), checked against x's last dimensions."""
    shape = listed(normalized_shape)
    found = shape_of(x)
    if not shape or found[len(found) - len(shape):] != shape or len(shape) > len(found):
        raise ValueError(f"{what}: input has shape {found}, expected it to end with {shape}")
    size = 1
    for n in shape:
        size *= n
    return shape, size


# --- layer norm and RMS norm ------------------------------------------------------------------------

cdef int add_parameters(Node node, Tensor sums, int64_t blocks, int64_t D, Tensor dw, Tensor db, bint onto_w,
                        bint onto_b) except -1:
    """The blocks' sums (blocks, 2, D) become the gradients of weight and bias."""
    cdef fnn_call c
    if dw is None and db is None:
        return 0
    start(&c, FNN_norm_parameters, sums.dtype_)
    optional(&c, dw)
    optional(&c, db)
    buffer(&c, sums)
    c.args.n[0] = blocks
    c.args.n[1] = D
    c.args.n[2] = onto_w
    c.args.n[3] = onto_b
    run(&c, 2, 2.0 * sums.size_, 0)
    if dw is not None:
        node.wrote(1, dw, onto_w)
    if db is not None:
        node.wrote(2, db, onto_b)
    return 0


cdef int rows_rule(Node node, Tensor dy) except -1:
    """dx, and the sums over rows that are the gradients of weight and bias."""
    cdef Tensor x = contiguous(node.a), w = node.b, mean, rstd, dx = None, sums = None, dw = None, db = None
    cdef Tensor bias
    cdef int64_t D = node.n[0], M = x.size_ // D if D else 0, blocks = (M + ROW_BLOCK - 1) // ROW_BLOCK
    cdef bint centred = node.n[1], onto_w = False, onto_b = False
    cdef fnn_call c
    mean, rstd, bias = node.extra
    dy = contiguous(dy)
    if w is not None:
        w = contiguous(w)
    if node.wants(0):
        dx = new_like(x)
    if node.wants(1) or node.wants(2):
        sums = new_1d(x.dtype_, 2 * blocks * D)
    start(&c, FNN_layer_norm_backward if centred else FNN_rms_norm_backward, x.dtype_)
    optional(&c, dx)
    optional(&c, sums)
    buffer(&c, dy)
    buffer(&c, x)
    buffer(&c, rstd)
    optional(&c, w)
    optional(&c, mean)
    c.args.n[0] = M
    c.args.n[1] = D
    c.args.n[2] = ROW_BLOCK
    run(&c, 2, 12.0 * x.size_, 0)
    if dx is not None:
        node.give(0, dx)
    if sums is None:
        return 0
    if node.wants(1):
        dw = packed_slot(node, 1, w, &onto_w)
    if node.wants(2):
        db = packed_slot(node, 2, bias, &onto_b)
    return add_parameters(node, sums, blocks, D, dw, db, onto_w, onto_b)


cdef int rows_graph(Node node, Tensor dy) except -1:
    """dx = rstd (g - mean(g) - xhat mean(g xhat)) with g = dy w; all from the inputs again."""
    cdef Tensor x = node.a, w = node.b, bias = node.extra[2]
    cdef bint centred = node.n[1]
    rows = x.reshape((x.size_ // node.n[0] if node.n[0] else 0, node.n[0]))
    g = dy.reshape(shape_of(rows))
    c = rows - rows.mean(1, True) if centred else rows
    rstd = ((c * c).mean(1, True) + node.s[0]) ** -0.5
    xhat = c * rstd
    if node.wants(1):
        node.share(1, (g * xhat).sum(0).reshape(shape_of(w)))
    if node.wants(2):
        node.share(2, g.sum(0).reshape(shape_of(bias)))
    if node.wants(0):
        if w is not None:
            g = g * w.reshape((node.n[0],))
        dx = g - xhat * (g * xhat).mean(1, True)
        if centred:
            dx = dx - g.mean(1, True)
        node.share(0, (dx * rstd).reshape(shape_of(x)))
    return 0


cdef Tensor rows_norm(Tensor x, int64_t D, Tensor w, Tensor b, double eps, bint centred):
    cdef Tensor source = contiguous(x), y = new_like(source), rstd, mean = None
    cdef int64_t M = x.size_ // D if D else 0
    cdef fnn_call c
    cdef Node node
    rstd = new_1d(x.dtype_, M)
    if centred:
        mean = new_1d(x.dtype_, M)
    packed_w = None if w is None else contiguous(w)
    packed_b = None if b is None else contiguous(b)
    start(&c, FNN_layer_norm_forward if centred else FNN_rms_norm_forward, x.dtype_)
    buffer(&c, y)
    if centred:
        buffer(&c, mean)
    buffer(&c, rstd)
    buffer(&c, source)
    optional(&c, packed_w)
    if centred:
        optional(&c, packed_b)
    c.args.n[0] = M
    c.args.n[1] = D
    c.args.s[0] = eps
    run(&c, 3 if centred else 2, 8.0 * x.size_, 0)
    if any_tracked(x, w, b):
        node = record("layer_norm" if centred else "rms_norm", y, edges_of(x, w, b), rows_rule, rows_graph)
        save(node, x, w, None)
        node.extra = (mean, rstd, b)
        node.n[0] = D
        node.n[1] = centred
        node.s[0] = eps
    return y


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """(x - mean) / sqrt(var + eps) * weight + bias over the last dimensions.

    Parameters
    ----------
    input : Tensor
        (..., *normalized_shape), float32 or float64.
    normalized_shape : int or tuple of int
        The last dimensions, over which mean and variance are taken.
    weight, bias : Tensor, optional
        Of shape normalized_shape.
    eps : float
        Default 1e-5.

    Returns
    -------
    Tensor
        Of the input's shape. A mean far from zero costs no digits.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Ba, Kiros, Hinton (2016). Has the behaviour of ``torch.nn.functional.layer_norm``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.layer_norm(fastnn.tensor([[1.0, 3.0], [10.0, 30.0]]), 2)
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    cdef Tensor x = float_tensor(input, "layer_norm: input")
    shape, D = trailing(normalized_shape, x, "layer_norm")
    return rows_norm(x, D, parameter(weight, x, D, "layer_norm: weight"), parameter(bias, x, D, "layer_norm: bias"),
                     real(eps, "layer_norm: eps"), True)


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """x / sqrt(mean(x^2) + eps) * weight over the last dimensions.

    Parameters
    ----------
    input : Tensor
        (..., *normalized_shape), float32 or float64.
    normalized_shape : int or tuple of int
        The last dimensions, over which the mean is taken.
    weight : Tensor, optional
        Of shape normalized_shape.
    eps : float, optional
        Default: the distance from 1 to the next number of the dtype.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Zhang, Sennrich (2019), eq. 4. Has the behaviour of ``torch.nn.functional.rms_norm``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.rms_norm(fastnn.tensor([3.0, 4.0]), 2)
    tensor([0.8485, 1.1314])
    """
    cdef Tensor x = float_tensor(input, "rms_norm: input")
    shape, D = trailing(normalized_shape, x, "rms_norm")
    if eps is None:
        eps = 2.0 ** -23 if x.dtype_ == FNN_F32 else 2.0 ** -52
    return rows_norm(x, D, parameter(weight, x, D, "rms_norm: weight"), None, real(eps, "rms_norm: eps"), False)


# --- group norm -------------------------------------------------------------------------------------

cdef void put_groups(fnn_call *c, Tensor x, int64_t groups):
    """n: N, C, L, G."""
    cdef int64_t planes = x.shape_[0] * x.shape_[1]
    c.args.n[0] = x.shape_[0]
    c.args.n[1] = x.shape_[1]
    c.args.n[2] = x.size_ // planes if planes else 0
    c.args.n[3] = groups


cdef int group_rule(Node node, Tensor dy) except -1:
    cdef Tensor x, w, b, mean, rstd, dx = None, sums, dw = None, db = None
    cdef bint onto_w = False, onto_b = False
    cdef fnn_call c
    (x, w, b), (mean, rstd) = taken(node, node.extra[0]), node.extra[1]
    x, dy = contiguous(x), contiguous(dy)
    packed = None if w is None else contiguous(w)
    if node.wants(0):
        dx = new_like(x)
    sums = new_1d(x.dtype_, 2 * x.shape_[0] * x.shape_[1])
    start(&c, FNN_group_norm_backward, x.dtype_)
    optional(&c, dx)
    buffer(&c, sums)
    buffer(&c, dy)
    buffer(&c, x)
    buffer(&c, mean)
    buffer(&c, rstd)
    optional(&c, packed)
    put_groups(&c, x, node.n[0])
    if x.size_:
        run(&c, 2, 10.0 * x.size_, 0)
    if dx is not None:
        node.give(0, dx)
    if node.wants(1):
        dw = packed_slot(node, 1, w, &onto_w)
    if node.wants(2):
        db = packed_slot(node, 2, b, &onto_b)
    return add_parameters(node, sums, x.shape_[0] if x.size_ else 0, x.shape_[1], dw, db, onto_w, onto_b)


cdef int group_graph(Node node, Tensor dy) except -1:
    cdef Tensor x
    fenced = fence(node, taken(node, node.extra[0]))
    x, w, b = fenced
    D = x.size_ // (x.shape_[0] * node.n[0]) if x.size_ else 0
    y = rows_norm(x.reshape((x.shape_[0], node.n[0], D)), D, None, None, node.s[0], True).reshape(shape_of(x))
    per_channel = tuple([-1 if i == 1 else 1 for i in range(x.ndim_)])
    if w is not None:
        y = y * w.reshape(per_channel)
    if b is not None:
        y = y + b.reshape(per_channel)
    return composed_rule(node, node.extra[0][0], (y,), [dy], fenced)


cdef Tensor channels_norm(Tensor x, int64_t groups, Tensor w, Tensor b, double eps):
    """Group norm of (N, C, ...); with a group for each channel, instance norm."""
    cdef Tensor source = contiguous(x), y = new_like(source), mean, rstd
    cdef fnn_call c
    cdef Node node
    mean, rstd = new_1d(x.dtype_, x.shape_[0] * groups), new_1d(x.dtype_, x.shape_[0] * groups)
    packed_w = None if w is None else contiguous(w)
    packed_b = None if b is None else contiguous(b)
    start(&c, FNN_group_norm_forward, x.dtype_)
    buffer(&c, y)
    buffer(&c, mean)
    buffer(&c, rstd)
    buffer(&c, source)
    optional(&c, packed_w)
    optional(&c, packed_b)
    put_groups(&c, x, groups)
    c.args.s[0] = eps
    if x.size_:
        run(&c, 3, 8.0 * x.size_, 0)
    if any_tracked(x, w, b):
        node = record("group_norm", y, edges_of(x, w, b), group_rule, group_graph)
        node.extra = (kept((x, w, b)), (mean, rstd))
        node.n[0] = groups
        node.s[0] = eps
    return y


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """Layer norm of each group of channels, then a weight and bias for each channel.

    Parameters
    ----------
    input : Tensor
        (N, C, ...), float32 or float64.
    num_groups : int
        A divisor of C.
    weight, bias : Tensor, optional
        (C,).
    eps : float
        Default 1e-5.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    ValueError
        If the shapes do not fit, or C is no multiple of num_groups.

    Notes
    -----
    Wu, He (2018). Has the behaviour of ``torch.nn.functional.group_norm``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.group_norm(fastnn.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.,  1., -1.,  1.]])
    """
    cdef Tensor x = float_tensor(input, "group_norm: input")
    if x.ndim_ < 2:
        raise ValueError(f"group_norm: input has shape {shape_of(x)}, expected (N, C, ...)")
    num_groups = whole(num_groups, "group_norm: num_groups")
    eps = real(eps, "group_norm: eps")
    if num_groups < 1 or x.shape_[1] % num_groups:
        raise ValueError(f"group_norm: {x.shape_[1]} channels cannot be cut into {num_groups} groups")
    w = parameter(weight, x, x.shape_[1], "group_norm: weight")
    b = parameter(bias, x, x.shape_[1], "group_norm: bias")
    return channels_norm(x, num_groups, w, b, eps)
