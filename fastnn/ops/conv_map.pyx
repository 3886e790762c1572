"""The three maps of a convolution, and their rules.

They are bilinear and closed under differentiation, so each one's rule is made of the other two:
conv(x, w), its gradient for the input (dy, w), and its gradient for the weight (x, dy).
"""
from libc.stdint cimport int64_t

from fastnn._engine.engine cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_conv_forward, FNN_conv_weight_backward, FNN_conv_bias_backward, FNN_column_sums

cdef extern from "conv.h":
    int64_t fnn_conv_scratch(const int64_t *) noexcept nogil
    int64_t fnn_conv_weight_scratch(const int64_t *) noexcept nogil


cdef class Spec:
    cdef double work(self):
        cdef Geometry *g = &self.g
        return 2.0 * g.num * g.groups * g.cout * g.oh * g.ow * g.cin * g.kh * g.kw


cdef void put_geometry(fnn_call *c, Geometry *g, bint transposed):
    """n of the conv kernels; transposed: the map from y's side to x's."""
    cdef int64_t *n = c.args.n
    n[0], n[1], n[8], n[9] = g.num, g.groups, g.kh, g.kw
    n[10], n[11], n[12], n[13], n[14], n[15] = (g.stride_h, g.stride_w, g.pad_h, g.pad_w, g.dilation_h, g.dilation_w)
    n[16] = transposed
    n[17] = 0
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
    cdef Tensor t, space, px = contiguous(x), pw = contiguous(w), pb = packed(bias)
    start(&c, FNN_conv_forward, x.dtype_)
    put_geometry(&c, g, False)
    space = scratch(&c, fnn_conv_scratch(c.args.n))
    for t in (y, space, px, pw, pb):
        optional_buffer(&c, t)
    run(&c, 2, spec.work(), 0)
    if any_tracked(x, w, bias):
        node = record("conv", y, (x, w) if bias is None else (x, w, bias), conv_rule, conv_graph)
        save(node, x, w, None)
        node.extra = spec
    return y


cdef Tensor conv_input(Spec spec, Tensor dy, Tensor w, Tensor bias):
    """dx (num, groups * cin, ih, iw), plus a bias: a transposed convolution."""
    cdef Geometry *g = &spec.g
    cdef Tensor dx, py = contiguous(dy), pw = exchanged(g, w), pb = packed(bias)
    cdef Node node
    if g.stride_h * g.stride_w > 1 and g.dilation_h * g.dilation_w == 1 and g.kh >= g.stride_h and g.kw >= g.stride_w:
        dx = by_phases(g, py, pw, pb)
    else:
        dx = transposed(g, py, pw, pb)
    if any_tracked(dy, w, bias):
        node = record("conv_input", dx, (dy, w) if bias is None else (dy, w, bias), conv_input_rule, conv_input_graph)
        save(node, dy, w, None)
        node.extra = spec
    return dx


cdef Tensor transposed(Geometry *g, Tensor dy, Tensor w, Tensor bias):
    """`conv_input` of contiguous tensors, w seen from y's side, by one Call."""
    cdef Tensor t, space, dx = new_4d(dy.dtype_, g.num, g.groups * g.cin, g.ih, g.iw)
    cdef fnn_call c
    start(&c, FNN_conv_forward, dy.dtype_)
    put_geometry(&c, g, True)
    space = scratch(&c, fnn_conv_scratch(c.args.n))
    for t in (dx, space, dy, w, bias):
        optional_buffer(&c, t)
    run(&c, 2, 2.0 * dx.size_ * g.cout * g.kh * g.kw, 0)
    return dx


cdef Tensor by_phases(Geometry *g, Tensor dy, Tensor w, Tensor bias):
    """`transposed` for a stride above 1: pixels of dx that the same taps meet, a stride apart, are a
    transposed convolution of stride 1 with these taps alone. The zeros between dy's pixels are never read."""
    cdef Tensor dx = new_4d(dy.dtype_, g.num, g.groups * g.cin, g.ih, g.iw)
    cdef int64_t channels = g.groups * g.cin, a, b, first_h, first_w
    cdef Geometry p = g[0]
    p.stride_h = p.stride_w = 1
    for a in range(min(g.stride_h, g.ih)):
        for b in range(min(g.stride_w, g.iw)):
            first_h, first_w = (a + g.pad_h) % g.stride_h, (b + g.pad_w) % g.stride_w
            p.kh, p.kw = each_of(g.kh, first_h, g.stride_h), each_of(g.kw, first_w, g.stride_w)
            p.ih, p.iw = each_of(g.ih, a, g.stride_h), each_of(g.iw, b, g.stride_w)
            p.pad_h, p.pad_w = (a + g.pad_h) // g.stride_h, (b + g.pad_w) // g.stride_w
            taps = view(w, first_h * g.kw + first_w, 3, [channels * g.cout, p.kh, p.kw],
                        [g.kh * g.kw, g.stride_h * g.kw, g.stride_w])
            pixels = view(dx, a * g.iw + b, 4, [g.num, channels, p.ih, p.iw],
                          [channels * g.ih * g.iw, g.ih * g.iw, g.stride_h * g.iw, g.stride_w])
            copy_into(pixels, transposed(&p, dy, contiguous(taps), bias))
    return dx


cdef inline int64_t each_of(int64_t size, int64_t first, int64_t step):
    """How many of first, first + step, ... are below size."""
    return (size - first + step - 1) // step


cdef Tensor conv_weight(Spec spec, Tensor x, Tensor dy, Tensor into, bint accumulate):
    """dw (groups * cout, cin, kh, kw), into a given contiguous tensor or (None) a new one."""
    cdef Geometry *g = &spec.g
    cdef int64_t size = g.groups * g.cout * g.cin * g.kh * g.kw
    cdef int64_t blocks = max(1, min(g.num, 16)) if size * 16 <= 1 << 20 else 1
    cdef Tensor dw = into if into is not None else new_4d(x.dtype_, g.groups * g.cout, g.cin, g.kh, g.kw)
    cdef Tensor partial = dw, space, py = contiguous(dy), px = contiguous(x)
    cdef fnn_call c
    cdef Node node
    if blocks > 1 or accumulate:
        partial = new_1d(x.dtype_, blocks * size)
    start(&c, FNN_conv_weight_backward, x.dtype_)
    put_geometry(&c, g, False)
    c.args.n[17] = blocks
    space = scratch(&c, fnn_conv_weight_scratch(c.args.n))
    buffer(&c, partial)
    buffer(&c, space)
    buffer(&c, py)
    buffer(&c, px)
    run(&c, 2, spec.work(), 0)
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
    if any_tracked(x, dy, None):
        node = record2("conv_weight", dw, x, dy, conv_weight_rule, conv_weight_rule)
        save(node, x, dy, None)
        node.extra = spec
    return dw


cdef Tensor packed(Tensor bias):
    return None if bias is None else contiguous(bias)


cdef Tensor scratch(fnn_call *c, int64_t each):
    """Space of `each` elements for each part, or None."""
    return None if each == 0 else new_1d(c.dtype, each * limit_parts(c))


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
