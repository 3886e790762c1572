"""What all poolings are made of: windows on planes, their maxima and means, and the rules of these."""
from libc.stdint cimport int64_t

from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport ints_per_dim

cdef extern from "fastnn.h":
    enum:
        FNN_max_pool_forward, FNN_max_pool_backward, FNN_avg_pool_forward, FNN_avg_pool_backward


cdef class Windows:
    """Sizes of the planes and how windows lie on them: what the kernels call struct pool."""
    cdef Tensor outputs(self, Tensor x, int dtype):
        cdef int64_t shape[8]
        cdef int i
        for i in range(x.ndim_ - 2):
            shape[i] = x.shape_[i]
        shape[x.ndim_ - 2], shape[x.ndim_ - 1] = self.n[3], self.n[4]
        return new(dtype, x.ndim_, shape)

    cdef Tensor inputs(self, Tensor y):
        cdef int64_t shape[8]
        cdef int i
        for i in range(y.ndim_ - 2):
            shape[i] = y.shape_[i]
        shape[y.ndim_ - 2], shape[y.ndim_ - 1] = self.n[1], self.n[2]
        return new(y.dtype_, y.ndim_, shape)

    cdef void put(self, fnn_call *c):
        cdef int i
        for i in range(15):
            c.args.n[i] = self.n[i]


# --- maximum -----------------------------------------------------------------------------------------

cdef tuple max_pool(Windows w, Tensor x):
    """(y, index) of x (..., ih, iw)."""
    cdef Tensor y = w.outputs(x, x.dtype_), index = w.outputs(x, FNN_I64)
    cdef Tensor px = contiguous(x)
    cdef fnn_call c
    cdef Node node
    start(&c, FNN_max_pool_forward, x.dtype_)
    buffer(&c, y)
    buffer(&c, index)
    buffer(&c, px)
    w.put(&c)
    run(&c, 2, 2.0 * y.size_ * w.taps, 0)
    if tracked(x):
        node = record1("max_pool", y, x, max_pool_rule, max_pool_graph)
        save(node, index, None, None)
        node.extra = w
    return y, index


cdef int max_pool_rule(Node node, Tensor dy) except -1:
    cdef Windows w = <Windows>node.extra
    cdef Tensor dx = w.inputs(dy)
    cdef fnn_call c
    dy = contiguous(dy)
    start(&c, FNN_max_pool_backward, dy.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    buffer(&c, node.a)
    c.args.n[0], c.args.n[1], c.args.n[2] = w.n[0], w.n[1] * w.n[2], w.n[3] * w.n[4]
    run(&c, 1, dx.size_ + 2.0 * dy.size_, 0)
    return node.give(0, dx)


cdef int max_pool_graph(Node node, Tensor dy) except -1:
    from fastnn.ops.creation import zeros
    cdef Windows w = <Windows>node.extra
    flat = zeros(w.n[0], w.n[1] * w.n[2], dtype=dy.dtype).scatter_add(
        1, node.a.reshape(w.n[0], w.n[3] * w.n[4]), dy.reshape(w.n[0], w.n[3] * w.n[4]))
    return node.give(0, flat.reshape(shape_of(dy)[:dy.ndim_ - 2] + (w.n[1], w.n[2])))


# --- mean: the map and its transpose are each other's gradient --------------------------------------------

cdef Tensor avg_pool(Windows w, Tensor x):
    cdef Tensor y = w.outputs(x, x.dtype_), px = contiguous(x)
    cdef fnn_call c
    cdef Node node
    start(&c, FNN_avg_pool_forward, x.dtype_)
    buffer(&c, y)
    buffer(&c, px)
    w.put(&c)
    run(&c, 1, y.size_ * w.taps, 0)
    if tracked(x):
        node = record1("avg_pool", y, x, avg_pool_rule, avg_pool_rule)
        node.extra = w
    return y


cdef Tensor avg_spread(Windows w, Tensor dy):
    cdef Tensor dx = w.inputs(dy), py = contiguous(dy)
    cdef fnn_call c
    cdef Node node
    start(&c, FNN_avg_pool_backward, dy.dtype_)
    buffer(&c, dx)
    buffer(&c, py)
    w.put(&c)
    run(&c, 1, dy.size_ * w.taps, 0)
    if tracked(dy):
        node = record1("avg_spread", dx, dy, avg_spread_rule, avg_spread_rule)
        node.extra = w
    return dx


cdef int avg_pool_rule(Node node, Tensor dy) except -1:
    return node.give(0, avg_spread(<Windows>node.extra, dy))


cdef int avg_spread_rule(Node node, Tensor g) except -1:
    return node.give(0, avg_pool(<Windows>node.extra, g))


# --- checking arguments ---------------------------------------------------------------------------------
cdef Tensor prepare(object x, int dims, str op):
    cdef Tensor input = float_tensor(x, b"input")
    if input.ndim_ != dims + 2 and input.ndim_ != dims + 1:
        raise ValueError(f"{op}: input must have {dims + 1} or {dims + 2} dimensions, got shape {shape_of(input)}")
    if min(shape_of(input)[1:]) < 1:
        raise ValueError(f"{op}: input must not be empty, got shape {shape_of(input)}")
    return input.unsqueeze(-2) if dims == 1 else input


cdef Windows windows_of(Tensor x, list out, list kernel, list stride, list pad, list dilation, bint count_pad, int64_t divisor):
    """From one or two numbers each; kernel 0: adaptive."""
    cdef Windows w = Windows.__new__(Windows)
    ih, iw = x.shape_[x.ndim_ - 2], x.shape_[x.ndim_ - 1]
    one = len(out) == 1
    adaptive = kernel[0] == 0
    w.n[0] = x.size_ // (ih * iw) if x.size_ else 0
    w.n[1], w.n[2] = ih, iw
    w.n[3], w.n[4] = ([1] + out) if one else out
    w.n[5], w.n[6] = ([0 if adaptive else 1] + kernel) if one else kernel
    w.n[7], w.n[8] = ([1] + stride) if one else stride
    w.n[9], w.n[10] = ([0] + pad) if one else pad
    w.n[11], w.n[12] = ([1] + dilation) if one else dilation
    w.n[13], w.n[14] = count_pad, divisor
    w.taps = float(ih) * iw / (w.n[3] * w.n[4]) if adaptive else float(w.n[5]) * w.n[6]
    return w


cdef Windows fixed(Tensor x, object kernel, object stride, object padding, object dilation, bint ceil_mode,
                   int dims, str op, bint count_pad=False, int64_t divisor=0):
    kernel = ints_per_dim(kernel, dims, 1, op, "kernel_size")
    stride = kernel if stride is None else ints_per_dim(stride, dims, 1, op, "stride")
    pad = ints_per_dim(padding, dims, 0, op, "padding")
    dilation = ints_per_dim(dilation, dims, 1, op, "dilation")
    out = []
    for n, k, s, p, d in zip(shape_of(x)[x.ndim_ - dims:], kernel, stride, pad, dilation):
        if 2 * p > k:
            raise ValueError(f"{op}: padding must be at most half of the kernel size, got {p} and {k}")
        span = n + 2 * p - d * (k - 1) - 1
        size = (-(-span // s) if ceil_mode else span // s) + 1
        if ceil_mode and size > 0 and (size - 1) * s >= n + p:      # the last window would lie in the padding
            size -= 1
        if size < 1:
            raise ValueError(f"{op}: kernel {tuple(kernel)} is larger than the input {shape_of(x)[x.ndim_ - dims:]}")
        if d > n and any([all([not 0 <= o * s - p + i * d < n for i in range(k)]) for o in range(size)]):
            raise ValueError(f"{op}: a window of dilation {d} falls beside the input {shape_of(x)[x.ndim_ - dims:]}")
        out.append(size)
    return windows_of(x, out, kernel, stride, pad, dilation, count_pad, divisor)


cdef Windows adaptive(Tensor x, object output_size, int dims, str op):
    values = list(output_size) if isinstance(output_size, (tuple, list)) else [output_size] * dims
    if len(values) == 1:
        values *= dims
    values = [n if v is None else v for v, n in zip(values, shape_of(x)[x.ndim_ - dims:])] if len(values) == dims else values
    out = ints_per_dim(values, dims, 1, op, "output_size")
    sizes = shape_of(x)[x.ndim_ - dims:]
    if all([n % o == 0 for n, o in zip(sizes, out)]):       # windows side by side: the kernels take them as vectors
        kernel = [n // o for n, o in zip(sizes, out)]
        return windows_of(x, out, kernel, kernel, [0] * dims, [1] * dims, False, 0)
    return windows_of(x, out, [0] * dims, [1] * dims, [0] * dims, [1] * dims, False, 0)


cdef object finish(object y, int dims):
    return y.squeeze(-2) if dims == 1 else y


cdef object max_result(Windows w, Tensor x, int dims, bint return_indices):
    y, index = max_pool(w, x)
    return (finish(y, dims), finish(index, dims)) if return_indices else finish(y, dims)
