"""Recurrent layers: their Calls and their gradients, also by elementary ops for the second order."""
from fastnn._engine.engine cimport *
from fastnn._engine.engine import _config
from fastnn.ops.join import cat, stack
from fastnn.ops.composed cimport composed_rule, fence, kept, taken
from fastnn.ops.linear cimport Matrix, add_columns, gradient_for, multiply, plain, readable, turned
from fastnn.ops.creation import zeros
from fastnn.ops.memory cimport copy_of, fill_with

cdef extern from "fastnn.h":
    enum: FNN_recurrent_pack, FNN_recurrent_forward, FNN_recurrent_backward

cdef extern from "recurrent.h":
    int64_t fnn_recurrent_packed(int64_t, int64_t, int64_t) noexcept nogil
    int64_t fnn_recurrent_scratch(int64_t, int64_t) noexcept nogil

cdef double COST = 32.0 / _config()["vector_bytes"]     # see linear.pyx


# --- Calls ------------------------------------------------------------------------------------------

cdef void widths(Layer *l, bint projected) noexcept:
    l.saved_width = l.P + (2 * l.H if l.mode == FNN_RNN_LSTM else l.H if l.mode == FNN_RNN_GRU else 0)
    if projected:
        l.saved_width += l.H
    l.state_width = l.P + (l.H if l.mode == FNN_RNN_LSTM else 0) + FNN_RECURRENT_PAD


cdef void sizes_of(fnn_call *c, Layer *l):
    c.args.n[0], c.args.n[1], c.args.n[2], c.args.n[3] = l.T, l.N, l.H, l.P
    c.args.n[4], c.args.n[5] = l.mode, l.reverse
    c.args.n[6], c.args.n[7] = l.time_step, l.batch_step
    c.args.n[8], c.args.n[9], c.args.n[10] = l.saved_width, l.state_width, l.rows


cdef double work_of(Layer *l, int dtype):
    return 2.0 * l.rows * l.gates * l.H * (l.P + 16) * (COST if dtype == FNN_F32 else 2 * COST)


cdef Tensor matrix(Tensor w, Matrix *m):
    """w (rows, columns) itself, or a packed copy."""
    m[0] = plain(w.shape_[0], w.shape_[1])
    m.row, m.col = w.strides_[0], w.strides_[1]
    if readable(m):
        return w
    m[0] = plain(m.rows, m.cols)
    return contiguous(w)


cdef Tensor packed(Tensor w, bint transposed, int64_t groups, Tensor bias):
    """w (k, groups * cols), or its transpose, in panels for the kernels."""
    cdef Matrix m
    cdef Tensor source = matrix(w, &m), y, b = None if bias is None else contiguous(bias)
    cdef fnn_call c
    if transposed:
        m = turned(m)
    y = new_1d(w.dtype_, fnn_recurrent_packed(m.rows, m.cols // groups, groups))
    start(&c, FNN_recurrent_pack, w.dtype_)
    buffer(&c, y)
    buffer(&c, source)
    if b is None:
        null_buffer(&c)
    else:
        buffer(&c, b)
    c.args.n[0], c.args.n[1], c.args.n[2] = m.rows, m.cols // groups, groups
    c.args.n[3], c.args.n[4] = m.row, m.col
    run(&c, 1, <double>w.size_, 0)
    return y


cdef Tensor columns(Tensor t, int64_t offset, int64_t rows, int64_t cols, int64_t width):
    """`cols` of each row's `width` elements, from element `offset` on."""
    cdef int64_t[2] shape = [rows, cols]
    cdef int64_t[2] steps = [width, 1]
    return view(t, offset, 2, shape, steps)


cdef Tensor state_from(Layer *l, Tensor h, Tensor c, int dtype):
    """(N, [h, c, padding]), flat: from these, or zeros."""
    cdef Tensor state = new_1d(dtype, l.N * l.state_width)
    if h is None or (c is None and l.mode == FNN_RNN_LSTM):
        fill_with(state, 0)
    if h is not None:
        copy_into(columns(state, 0, l.N, l.P, l.state_width), h)
    if c is not None:
        copy_into(columns(state, l.P, l.N, l.H, l.state_width), c)
    return state


# --- forward ----------------------------------------------------------------------------------------

cdef tuple through_time(Layer *l, tuple inputs, Tensor sizes, bint wanted):
    """(y, final state, gates, what else backward wants or None); y has x's shape but for the last size."""
    cdef Tensor x = inputs[X], w_ih = inputs[W_IH], w_hr = inputs[W_HR], bias = inputs[B_IH]
    cdef Tensor source = contiguous(x), y, state, gates, saved = None, scratch, panels, projection = None
    cdef int64_t shape[8]
    cdef int64_t wide = l.gates * l.H
    cdef Matrix mw
    cdef fnn_call c
    cdef int i
    shape[0], shape[1] = l.rows, wide
    gates = new(x.dtype_, 2, shape)
    panels = matrix(w_ih, &mw)
    multiply(gates, plain(l.rows, wide), source, plain(l.rows, w_ih.shape_[1]), panels, turned(mw),
             None if bias is None else contiguous(bias), False)
    state = state_from(l, inputs[H_0], inputs[C_0], x.dtype_)
    panels = packed(inputs[W_HH], True, l.gates, inputs[B_HH])
    if w_hr is not None:
        projection = packed(w_hr, True, 1, None)
    for i in range(x.ndim_ - 1):
        shape[i] = x.shape_[i]
    shape[x.ndim_ - 1] = l.P
    y = new(x.dtype_, x.ndim_, shape)
    if wanted:
        saved = new_1d(x.dtype_, l.rows * l.saved_width)
    start(&c, FNN_recurrent_forward, x.dtype_)
    scratch = new_1d(x.dtype_, fnn_recurrent_scratch(l.H, l.gates) * limit_parts(&c))
    for t in (y, state, gates, saved, scratch, panels, projection, sizes, state, gates):
        if t is None:
            null_buffer(&c)
        else:
            buffer(&c, t)
    sizes_of(&c, l)
    run(&c, 5, work_of(l, x.dtype_), 0)
    return y, state, gates, saved


# --- backward ---------------------------------------------------------------------------------------

cdef int give_product(Node node, int i, Tensor like, Tensor a, Matrix ma, Tensor b, Matrix mb) except -1:
    """The gradient a b of edge i, whose input is `like`, in like's shape."""
    cdef bint accumulate = False
    cdef Matrix m
    cdef Tensor given, dx
    if not node.wants(i):
        return 0
    given = gradient_for(node, i, a.dtype_, like.ndim_, like.shape_, &accumulate)
    if given.ndim_ == 2:
        dx = matrix(given, &m)
    else:
        dx = contiguous(given)
        m = plain(ma.rows, mb.cols)
    if dx is not given:
        accumulate = False
    multiply(dx, m, a, ma, b, mb, None, accumulate)
    return node.wrote(i, dx, accumulate)


cdef Layer kept_layer(Node node):
    cdef Layer l
    l.mode, l.gates, l.reverse, l.T, l.N, l.H, l.P, l.rows, l.time_step, l.batch_step = node.extra[4]
    widths(&l, node.extra[0][0][W_HR] is not None)
    return l


cdef int layer_rule(Node node, Tensor dy) except -1:
    """All steps' gradients by one kernel, then every weight's by one product over all of time."""
    cdef Tensor x, w_ih, w_hh, w_hr, gates, saved, sizes, d, dh, dstate, scratch, db, projection = None
    cdef Tensor into_h, into_c, panels
    cdef Layer l = kept_layer(node)
    cdef int64_t wide = l.gates * l.H
    cdef Matrix md, mh, mx, mw, ms
    cdef fnn_call c
    inputs = taken(node, node.extra[0])
    x, w_ih, w_hh, w_hr = contiguous(inputs[X]), inputs[W_IH], inputs[W_HH], inputs[W_HR]
    gates, saved, sizes = node.extra[1], node.extra[2], node.extra[3]
    gathered = node.gradients()
    dy, into_h = gathered[0], gathered[1]
    into_c = gathered[2] if l.mode == FNN_RNN_LSTM else None
    if dy is not None:
        dy = contiguous(dy)
    dstate = state_from(&l, into_h, into_c, x.dtype_)
    d = new_1d(x.dtype_, l.rows * (wide * (2 if l.mode == FNN_RNN_GRU else 1) + (l.P if w_hr is not None else 0)))
    panels = packed(w_hh, False, 1, None)
    if w_hr is not None:
        projection = packed(w_hr, False, 1, None)
    start(&c, FNN_recurrent_backward, x.dtype_)
    scratch = new_1d(x.dtype_, fnn_recurrent_scratch(l.H, l.gates) * limit_parts(&c))
    buffer(&c, d)
    buffer(&c, dstate)
    buffer(&c, scratch)
    for t in (dy, gates, saved, panels, projection, sizes):
        if t is None:
            null_buffer(&c)
        else:
            buffer(&c, t)
    buffer(&c, dstate)
    sizes_of(&c, &l)
    run(&c, 3, work_of(&l, x.dtype_), 0)

    md, mx = plain(l.rows, wide), plain(l.rows, w_ih.shape_[1])
    dh = columns(d, l.rows * wide if l.mode == FNN_RNN_GRU else 0, l.rows, wide, wide)
    w_ih = matrix(w_ih, &mw)
    give_product(node, X, x, d, md, w_ih, mw)
    give_product(node, W_IH, inputs[W_IH], d, turned(md), x, mx)
    ms = plain(l.rows, l.P)
    ms.row = l.saved_width
    give_product(node, W_HH, inputs[W_HH], dh, turned(md), saved, ms)
    if node.wants(B_IH) or node.wants(B_HH):
        db = new_1d(x.dtype_, wide)
        add_columns(db, d, md, None)
        node.share(B_IH, db)
        if l.mode == FNN_RNN_GRU and node.wants(B_HH):
            db = new_1d(x.dtype_, wide)
            add_columns(db, dh, md, None)
        node.share(B_HH, db)
    if w_hr is not None:
        mh, ms = plain(l.rows, l.P), plain(l.rows, l.H)
        ms.row = l.saved_width
        give_product(node, W_HR, w_hr, columns(d, l.rows * wide, l.rows, l.P, l.P), turned(mh),
                     columns(saved, l.P + 2 * l.H, l.rows, l.H, l.saved_width), ms)
    if node.wants(H_0):
        node.give(H_0, copy_of(columns(dstate, 0, l.N, l.P, l.state_width)))
    if node.wants(C_0):
        node.give(C_0, copy_of(columns(dstate, l.P, l.N, l.H, l.state_width)))
    return 0


cdef int layer_graph(Node node, Tensor dy) except -1:
    inputs = taken(node, node.extra[0])
    fenced = fence(node, inputs)
    return composed_rule(node, inputs, composed(node, fenced), node.gradients(), fenced)


cdef tuple composed(Node node, tuple inputs):
    """(y, h_n) or (y, h_n, c_n), step by step, from ops that can be differentiated twice."""
    cdef Layer l = kept_layer(node)
    cdef Tensor like = inputs[X]
    x, w_ih, w_hh, b_ih, b_hh, w_hr, h, c = inputs
    counts = [l.N] * l.T if node.extra[3] is None else node.extra[3].tolist()
    flat = node.extra[3] is not None
    if flat:
        steps = list(x.split(counts))
    else:
        steps = list(x.unbind(1 if l.batch_step > 1 else 0)) if l.N else [x.reshape(0, like.shape_[2])] * l.T
    if h is None:
        h = zeros(l.N, l.P, dtype=like.dtype)
    if c is None:
        c = zeros(l.N, l.H, dtype=like.dtype)
    found = [None] * l.T
    for t in range(l.T - 1, -1, -1) if l.reverse else range(l.T):
        n = counts[t]
        before, cell = h[:n], c[:n]
        g = steps[t] @ w_ih.mT
        if b_ih is not None:
            g = g + b_ih
        k = before @ w_hh.mT
        if b_hh is not None:
            k = k + b_hh
        if l.mode == FNN_RNN_LSTM:
            i, f, a, o = (g + k).chunk(4, 1)
            cell = f.sigmoid() * cell + i.sigmoid() * a.tanh()
            y = o.sigmoid() * cell.tanh()
            if w_hr is not None:
                y = y @ w_hr.mT
        elif l.mode == FNN_RNN_GRU:
            (g_r, g_z, g_n), (k_r, k_z, k_n) = g.chunk(3, 1), k.chunk(3, 1)
            z, a = (g_z + k_z).sigmoid(), (g_n + (g_r + k_r).sigmoid() * k_n).tanh()
            y = a + z * (before - a)
        else:
            y = (g + k).tanh() if l.mode == FNN_RNN_TANH else (g + k).relu()
        found[t] = y
        h, c = joined(y, h, n), joined(cell, c, n)
    y = cat(found) if flat else stack(found, 1 if l.batch_step > 1 else 0)
    return (y, h, c) if l.mode == FNN_RNN_LSTM else (y, h)


cdef object joined(object new, object old, int64_t n):
    """New values for the first n rows."""
    return new if n == old.shape[0] else cat([new, old[n:]])
