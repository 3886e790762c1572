"""Normalization of channels by the statistics of a batch: batch norm, instance norm."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real
from fastnn.ops.affine cimport *
from fastnn.ops.rownorm cimport channels_norm
from fastnn.ops.creation import zeros

cdef extern from "fastnn.h":
    enum:
        FNN_batch_norm_forward, FNN_batch_norm_count, FNN_batch_norm_backward
        FNN_batch_rows_moments, FNN_batch_rows_statistics, FNN_batch_rows_normalize
        FNN_batch_rows_sums, FNN_batch_rows_parameters, FNN_batch_rows_gradient

__all__ = ["batch_norm", "instance_norm"]


# --- batch norm -------------------------------------------------------------------------------------

cdef enum:
    BLOCK = 32          # rows whose statistics are one part's
    BY_ROWS = 1 << 14   # elements from which on threads take rows instead of channels


cdef bint by_rows(Tensor x):
    """Whether x (N, C) is worth three Calls each way."""
    return x.shape_[0] >= 2 * BLOCK and x.shape_[0] * x.shape_[1] == x.size_ >= BY_ROWS


cdef int forward_by_rows(Tensor y, Tensor mean, Tensor rstd, Tensor mean_so_far, Tensor var_so_far, Tensor x, Tensor w,
                         Tensor b, Tensor count, double momentum, double eps) except -1:
    cdef int64_t N = x.shape_[0], C = x.shape_[1], blocks = (N + BLOCK - 1) // BLOCK
    cdef Tensor moments = new_1d(x.dtype_, 2 * blocks * C)
    cdef fnn_call c
    start(&c, FNN_batch_rows_moments, x.dtype_)
    buffer(&c, moments)
    buffer(&c, x)
    put_rows(&c, N, C)
    run(&c, 1, 4.0 * x.size_, 0)
    start(&c, FNN_batch_rows_statistics, x.dtype_)
    buffer(&c, mean)
    buffer(&c, rstd)
    optional(&c, mean_so_far)
    optional(&c, var_so_far)
    buffer(&c, moments)
    buffer(&c, x)
    optional(&c, count)
    put_rows(&c, N, C)
    c.args.s[0] = eps
    c.args.s[1] = momentum
    run(&c, 4, 8.0 * blocks * C, 0)
    start(&c, FNN_batch_rows_normalize, x.dtype_)
    buffer(&c, y)
    buffer(&c, x)
    buffer(&c, mean)
    buffer(&c, rstd)
    optional(&c, w)
    optional(&c, b)
    put_rows(&c, N, C)
    return run(&c, 1, 4.0 * x.size_, 0)


cdef int backward_by_rows(Tensor dx, Tensor dw, Tensor db, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor w,
                          bint training, bint onto_w, bint onto_b) except -1:
    cdef int64_t N = x.shape_[0], C = x.shape_[1], blocks = (N + BLOCK - 1) // BLOCK
    cdef Tensor sums = new_1d(x.dtype_, 2 * blocks * C), shift = new_1d(x.dtype_, 2 * C)
    cdef fnn_call c
    start(&c, FNN_batch_rows_sums, x.dtype_)
    buffer(&c, sums)
    buffer(&c, dy)
    buffer(&c, x)
    buffer(&c, mean)
    put_rows(&c, N, C)
    run(&c, 1, 5.0 * x.size_, 0)
    start(&c, FNN_batch_rows_parameters, x.dtype_)
    buffer(&c, shift)
    optional(&c, dw)
    optional(&c, db)
    buffer(&c, sums)
    buffer(&c, rstd)
    put_rows(&c, N, C)
    c.args.n[3] = training
    c.args.n[4] = onto_w
    c.args.n[5] = onto_b
    run(&c, 3, 4.0 * blocks * C, 0)
    if dx is None:
        return 0
    start(&c, FNN_batch_rows_gradient, x.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    buffer(&c, x)
    buffer(&c, mean)
    buffer(&c, rstd)
    optional(&c, w)
    buffer(&c, shift)
    put_rows(&c, N, C)
    return run(&c, 1, 5.0 * x.size_, 0)


cdef void put_rows(fnn_call *c, int64_t N, int64_t C):
    c.args.n[0] = N
    c.args.n[1] = C
    c.args.n[2] = BLOCK


cdef int batch_rule(Node node, Tensor dy) except -1:
    cdef Tensor x = contiguous(node.a), w = node.b, mean, rstd, bias, dx = None, dw = None, db = None
    cdef bint onto_w = False, onto_b = False
    cdef fnn_call c
    mean, rstd, bias = node.extra
    dy = contiguous(dy)
    if w is not None:
        w = contiguous(w)
    if node.wants(0):
        dx = new_like(x)
    if node.wants(1):
        dw = packed_slot(node, 1, w, &onto_w)
    if node.wants(2):
        db = packed_slot(node, 2, bias, &onto_b)
    if by_rows(x):
        backward_by_rows(dx, dw, db, dy, x, mean, rstd, w, node.n[0], onto_w, onto_b)
    else:
        start(&c, FNN_batch_norm_backward, x.dtype_)
        optional(&c, dx)
        optional(&c, dw)
        optional(&c, db)
        buffer(&c, dy)
        buffer(&c, x)
        buffer(&c, mean)
        buffer(&c, rstd)
        optional(&c, w)
        put_channels(&c, x, node.n[0])
        c.args.n[4] = onto_w
        c.args.n[5] = onto_b
        run(&c, 3, 10.0 * x.size_, 0)
    if dx is not None:
        node.give(0, dx)
    if dw is not None:
        node.wrote(1, dw, onto_w)
    if db is not None:
        node.wrote(2, db, onto_b)
    return 0


cdef int batch_graph(Node node, Tensor dy) except -1:
    cdef Tensor x = node.a, w = node.b, bias = node.extra[2]
    cdef int i
    others = tuple([i for i in range(x.ndim_) if i != 1])
    per_channel = tuple([-1 if i == 1 else 1 for i in range(x.ndim_)])
    if node.n[0]:
        c = x - x.mean(others, True)
        rstd = ((c * c).mean(others, True) + node.s[0]) ** -0.5
    else:
        mean, rstd, _ = node.extra
        c, rstd = x - mean.reshape(per_channel), rstd.reshape(per_channel)
    xhat = c * rstd
    if node.wants(1):
        node.share(1, (dy * xhat).sum(others).reshape(shape_of(w)))
    if node.wants(2):
        node.share(2, dy.sum(others).reshape(shape_of(bias)))
    if node.wants(0):
        g = dy if w is None else dy * w.reshape(per_channel)
        if node.n[0]:
            g = g - g.mean(others, True) - xhat * (g * xhat).mean(others, True)
        node.share(0, g * rstd)
    return 0


cdef void put_channels(fnn_call *c, Tensor x, bint training):
    c.args.n[0] = x.shape_[0]
    c.args.n[1] = x.shape_[1]
    c.args.n[2] = 1
    for i in range(2, x.ndim_):
        c.args.n[2] *= x.shape_[i]
    c.args.n[3] = training


cdef Tensor running(object t, Tensor x, bint written, str what):
    """A running statistic; one that is written in place must be used as it is."""
    cdef Tensor s
    if t is None:
        return None
    s = as_tensor(t, what.encode())
    if s.ndim_ != 1 or s.size_ != x.shape_[1] or s.dtype_ != x.dtype_:
        raise ValueError(f"{what} has shape {shape_of(s)} and {dtype_name(s.dtype_)}, expected "
                         f"({x.shape_[1]},) and {dtype_name(x.dtype_)}")
    if written and not s.contiguous:
        raise ValueError(f"{what} must be contiguous, as it is written in place")
    return contiguous(s)


cdef Tensor batch_normed(Tensor x, Tensor mean_so_far, Tensor var_so_far, Tensor w, Tensor b, bint training,
                         double momentum, double eps, Tensor count):
    cdef Tensor source = contiguous(x), y = new_like(source)
    cdef Tensor mean = new_1d(x.dtype_, x.shape_[1]), rstd = new_like(mean)
    cdef fnn_call c
    cdef Node node
    packed_w = None if w is None else contiguous(w)
    packed_b = None if b is None else contiguous(b)
    if training and count is not None:
        start(&c, FNN_batch_norm_count, x.dtype_)
        buffer(&c, count)
        run(&c, 1, 1, FNN_SERIAL)
        bump(count)
    if x.size_ == 0:                            # nothing to take statistics of: the running ones stay
        mean, rstd = zeros(x.shape_[1], dtype=x.dtype), zeros(x.shape_[1], dtype=x.dtype)
    elif training and by_rows(source):
        forward_by_rows(y, mean, rstd, mean_so_far, var_so_far, source, packed_w, packed_b, count, momentum, eps)
    else:
        start(&c, FNN_batch_norm_forward, x.dtype_)
        buffer(&c, y)
        buffer(&c, mean)
        buffer(&c, rstd)
        optional(&c, mean_so_far)
        optional(&c, var_so_far)
        buffer(&c, source)
        optional(&c, packed_w)
        optional(&c, packed_b)
        optional(&c, count)
        put_channels(&c, x, training)
        c.args.s[0] = eps
        c.args.s[1] = momentum
        run(&c, 5 if training else 3, 8.0 * x.size_, 0)
    if x.size_ and training and mean_so_far is not None:
        bump(mean_so_far)
        bump(var_so_far)
    if any_tracked(x, w, b):
        node = record("batch_norm", y, edges_of(x, w, b), batch_rule, batch_graph)
        save(node, x, w, None)
        node.extra = (mean, rstd, b)
        node.n[0] = training
        node.s[0] = eps
    return y


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5, *,
               num_batches_tracked=None):
    """(x - mean) / sqrt(var + eps) * weight + bias with mean and variance of each channel.

    Parameters
    ----------
    input : Tensor
        (N, C) or (N, C, ...), float32 or float64.
    running_mean, running_var : Tensor or None
        (C,), of the input's dtype. Used as mean and variance unless training; moved towards the
        batch's mean and unbiased variance, in place, if training.
    weight, bias : Tensor, optional
        (C,).
    training : bool
        Take mean and variance over the batch. Default False.
    momentum : float or None
        How far the running statistics move; None with num_batches_tracked: by 1 / number of batches,
        so that they are averages of all. Default 0.1.
    eps : float
        Default 1e-5.
    num_batches_tracked : Tensor, optional
        int64 scalar, counted up in place if training.

    Returns
    -------
    Tensor
        Of the input's shape. A mean far from zero costs no digits.

    Raises
    ------
    ValueError
        If the shapes do not fit, or there is one value per channel to train on.

    Notes
    -----
    Ioffe, Szegedy (2015). Has the behaviour of ``torch.nn.functional.batch_norm``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.batch_norm(fastnn.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.],
            [ 1.]])
    """
    cdef Tensor x = float_tensor(input, "batch_norm: input"), mean, var, count = None
    if x.ndim_ < 2:
        raise ValueError(f"batch_norm: input has shape {shape_of(x)}, expected (N, C) or (N, C, ...)")
    mean = running(running_mean, x, training, "batch_norm: running_mean")
    var = running(running_var, x, training, "batch_norm: running_var")
    if (mean is None) != (var is None):
        raise ValueError("batch_norm: give running_mean and running_var, or neither")
    if mean is None and not training:
        raise ValueError("batch_norm: without training, running_mean and running_var are needed")
    if mean is not None and not (mean.contiguous and var.contiguous):
        if training:
            raise ValueError("batch_norm: running_mean and running_var are written in place: they must be contiguous")
        mean, var = contiguous(mean), contiguous(var)
    if training and x.shape_[1] and x.size_ == x.shape_[1]:
        raise ValueError(f"batch_norm: expected more than one value per channel when training, got input of shape "
                         f"{shape_of(x)}; use a larger batch (DataLoader's drop_last=True), or call eval() first")
    if num_batches_tracked is not None:
        count = as_tensor(num_batches_tracked, "batch_norm: num_batches_tracked")
        if count.dtype_ != FNN_I64 or count.size_ != 1:
            raise ValueError("batch_norm: num_batches_tracked must be an int64 scalar")
    if momentum is None and count is None:
        momentum = 0.0
    return batch_normed(x, mean, var, parameter(weight, x, x.shape_[1], "batch_norm: weight"),
                        parameter(bias, x, x.shape_[1], "batch_norm: bias"), training,
                        -1 if momentum is None else real(momentum, "batch_norm: momentum"),
                        real(eps, "batch_norm: eps"), count)


def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True,
                  momentum=0.1, eps=1e-5):
    """Batch norm of each sample by itself: mean and variance over the positions of a channel.

    Parameters
    ----------
    input : Tensor
        (N, C, L, ...), float32 or float64.
    running_mean, running_var : Tensor, optional
        (C,); moved towards the mean over the samples, in place, or used unless use_input_stats.
    weight, bias : Tensor, optional
        (C,).
    use_input_stats : bool
        Default True.
    momentum : float
        How far the running statistics move. Default 0.1.
    eps : float
        Default 1e-5.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    ValueError
        If the shapes do not fit, or there is one value per channel.

    Notes
    -----
    Ulyanov et al. (2016). Has the behaviour of ``torch.nn.functional.instance_norm``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.instance_norm(fastnn.tensor([[[1.0, 3.0], [10.0, 30.0]]]))
    tensor([[[-1.,  1.],
             [-1.,  1.]]])
    """
    momentum, eps = real(momentum, "instance_norm: momentum"), real(eps, "instance_norm: eps")
    cdef Tensor x = float_tensor(input, "instance_norm: input"), mean, var, means = None, variances = None
    if x.ndim_ < 3:
        raise ValueError(f"instance_norm: input has shape {shape_of(x)}, expected (N, C, L, ...)")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    N, C = x.shape_[0], x.shape_[1]
    if x.size_ and x.size_ == N * C:
        raise ValueError(f"instance_norm: expected more than one value per channel, got input of shape {shape_of(x)}")
    mean = running(running_mean, x, True, "instance_norm: running_mean")
    var = running(running_var, x, True, "instance_norm: running_var")
    w = parameter(weight, x, C, "instance_norm: weight")
    b = parameter(bias, x, C, "instance_norm: bias")
    if mean is None:
        return channels_norm(x, C, w, b, eps)
    means, variances = contiguous(mean.repeat(N)), contiguous(var.repeat(N))
    y = batch_normed(x.reshape((1, N * C, x.size_ // (N * C) if x.size_ else 0)), means, variances, None, None, True,
                     momentum, eps, None).reshape(shape_of(x))
    if x.size_:
        copy_into(mean, means.reshape((N, C)).mean(0))
        copy_into(var, variances.reshape((N, C)).mean(0))
    per_channel = tuple([-1 if i == 1 else 1 for i in range(x.ndim_)])
    if w is not None:
        y = y * w.reshape(per_channel)
    return y if b is None else y + b.reshape(per_channel)
