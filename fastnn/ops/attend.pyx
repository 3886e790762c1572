"""Attention by blocks: its Calls, its Nodes, and the same by elementary ops for second-order gradients."""
from libc.math cimport sqrt
from fastnn._engine.engine cimport *
from fastnn._engine.engine import _config
from fastnn.ops.composed cimport composed_rule, fence, kept, taken
from fastnn.ops.series import arange
from fastnn.ops.dropout import dropout
from fastnn.ops.probability import softmax

cdef extern from "fastnn.h":
    enum: FNN_attention_forward, FNN_attention_backward, FNN_dropout_again

cdef extern from "attention.h":
    enum:
        FNN_ATT_BATCH, FNN_ATT_HEADS, FNN_ATT_KV_HEADS, FNN_ATT_L, FNN_ATT_S, FNN_ATT_E, FNN_ATT_EV
        FNN_ATT_Q, FNN_ATT_K, FNN_ATT_V, FNN_ATT_Y, FNN_ATT_MASK, FNN_ATT_MASK_KIND, FNN_ATT_CAUSAL
        FNN_ATT_THRESHOLD, FNN_ATT_DQ, FNN_ATT_DK, FNN_ATT_DV
    int64_t fnn_attention_chunks(int64_t) noexcept nogil
    int64_t fnn_attention_scratch(int64_t, int64_t) noexcept nogil

cdef double COST = 32.0 / _config()["vector_bytes"]     # see linear.pyx


# --- Calls: q, k, v, y have 4 dimensions, batch, head, row and a last one of step 1 -----------------

cdef int put_steps(fnn_call *c, int at, Tensor t) except -1:
    cdef int i
    for i in range(3):
        c.args.n[at + i] = t.strides_[i]
    return 0


cdef double describe(fnn_call *c, Tensor q, Tensor k, Tensor v, Tensor y, Tensor mask, bint causal, double p,
                     double scale) except -1:
    """Fills in sizes, steps and numbers; returns the work of one product q k^T."""
    cdef int i
    c.args.n[FNN_ATT_BATCH], c.args.n[FNN_ATT_HEADS], c.args.n[FNN_ATT_KV_HEADS] = q.shape_[0], q.shape_[1], k.shape_[1]
    c.args.n[FNN_ATT_L], c.args.n[FNN_ATT_S] = q.shape_[2], k.shape_[2]
    c.args.n[FNN_ATT_E], c.args.n[FNN_ATT_EV] = q.shape_[3], v.shape_[3]
    put_steps(c, FNN_ATT_Q, q)
    put_steps(c, FNN_ATT_K, k)
    put_steps(c, FNN_ATT_V, v)
    put_steps(c, FNN_ATT_Y, y)
    for i in range(4):
        c.args.n[FNN_ATT_MASK + i] = 0 if mask is None else mask.strides_[i]
    c.args.n[FNN_ATT_MASK_KIND] = 0 if mask is None else 1 if mask.dtype_ == FNN_BOOL else 2
    c.args.n[FNN_ATT_CAUSAL] = causal
    c.args.n[FNN_ATT_THRESHOLD] = <int64_t>(p * 4294967296.0)
    c.args.s[0] = scale
    c.args.s[1] = 1 / (1 - p) if p < 1 else 0
    return (2.0 * q.shape_[0] * q.shape_[1] * q.shape_[2] * (k.shape_[2] + 1) * (q.shape_[3] + 8)
            * (COST if q.dtype_ == FNN_F32 else 2 * COST))


cdef Tensor scratch_of(fnn_call *c, Tensor q, Tensor v):
    return new_1d(q.dtype_, fnn_attention_scratch(q.shape_[3], v.shape_[3]) * limit_parts(c))


cdef Tensor attend(Tensor y, Tensor q, Tensor k, Tensor v, Tensor mask, bint causal, double p, double scale):
    """y = attention; returns what backward needs besides: logarithms of sums, and dropout's ticket."""
    cdef int64_t rows = q.shape_[0] * q.shape_[1] * q.shape_[2]
    cdef Tensor stats = new_1d(q.dtype_, (rows + 1) // 2 * 2 + 4), scratch
    cdef fnn_call c
    cdef double work
    start(&c, FNN_attention_forward, q.dtype_)
    scratch = scratch_of(&c, q, v)
    buffer(&c, y)
    buffer(&c, stats)
    buffer(&c, scratch)
    buffer(&c, q)
    buffer(&c, k)
    buffer(&c, v)
    if mask is None:
        null_buffer(&c)
    else:
        buffer(&c, mask)
    work = describe(&c, q, k, v, y, mask, causal, p, scale)
    if p > 0:
        run_random(&c, 3, 2 * work, None)
    else:
        run(&c, 3, 2 * work, 0)
    return stats


cdef int attend_back(Tensor d, int64_t dq, int64_t dk, int64_t dv, Tensor dy, Tensor y, Tensor q, Tensor k, Tensor v,
                     Tensor stats, Tensor mask, bint causal, double p, double scale) except -1:
    """Gradients with the steps of q, k and v, into d from elements dq, dk and dv on; dy has y's steps."""
    cdef Tensor scratch
    cdef fnn_call c
    cdef double work
    start(&c, FNN_attention_backward, q.dtype_)
    scratch = scratch_of(&c, q, v)
    buffer(&c, d)
    buffer(&c, scratch)
    buffer(&c, dy)
    buffer(&c, q)
    buffer(&c, k)
    buffer(&c, v)
    buffer(&c, y)
    buffer(&c, stats)
    if mask is None:
        null_buffer(&c)
    else:
        buffer(&c, mask)
    work = describe(&c, q, k, v, y, mask, causal, p, scale)
    c.args.n[FNN_ATT_DQ], c.args.n[FNN_ATT_DK], c.args.n[FNN_ATT_DV] = dq, dk, dv
    return run(&c, 2, 5 * work, 0)


cdef object factors(Tensor stats, Tensor q, Tensor k, double p):
    """What dropout multiplied the weights with: zeros and 1 / (1 - p), (B, H, L, S)."""
    cdef int64_t rows = q.shape_[0] * q.shape_[1] * q.shape_[2], width = 64 * fnn_attention_chunks(k.shape_[2])
    cdef int64_t two = 2, one = 1
    cdef Tensor ticket = view(stats, (rows + 1) // 2 * 2, 1, &two, &one), y = new_1d(q.dtype_, rows * width)
    cdef fnn_call c
    ticket.dtype_ = FNN_I64
    if y.size_:
        start(&c, FNN_dropout_again, q.dtype_)
        buffer(&c, y)
        buffer(&c, ticket)
        c.args.n[0], c.args.n[1] = y.size_, <int64_t>(p * 4294967296.0)
        c.args.s[0] = 1 / (1 - p) if p < 1 else 0
        run(&c, 1, 30.0 * y.size_, 0)
    return y.reshape(q.shape_[0], q.shape_[1], q.shape_[2], width)[..., :k.shape_[2]]


# --- the same by elementary ops ---------------------------------------------------------------------

cdef object composed(object q, object k, object v, object mask, bint causal, object factor, double p, double scale):
    """softmax(scale q k^T + mask) v with the matrix of scores stored; factor, or else p, is dropout's."""
    group = q.shape[1] // k.shape[1]
    if group > 1:
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = (q @ k.mT) * scale
    never = float("-inf")
    if causal:
        rows, cols = arange(q.shape[2]).unsqueeze(1), arange(k.shape[2]).unsqueeze(0)
        scores = scores.masked_fill(cols > rows, never)
    if mask is not None:
        if mask.is_floating_point():
            scores = scores + mask
        else:
            scores = scores.masked_fill(mask.logical_not(), never)
    if k.shape[2]:
        blind = (scores.detach() == never).all(3, True)       # queries that see no key give zeros
        weights = softmax(scores.masked_fill(blind, 0.0), 3).masked_fill(blind, 0.0)
    else:
        weights = scores
    if factor is not None:
        weights = weights * factor
    elif p > 0:
        weights = dropout(weights, p)
    return weights @ v


# --- masks ------------------------------------------------------------------------------------------

cdef Tensor steady(Tensor mask, int dtype):
    """A mask that the kernels can read: bool, or of the operands' dtype with a last step of 0 or 1."""
    if mask is None or mask.dtype_ == FNN_BOOL:
        return mask
    mask = cast(mask, dtype)
    if mask.strides_[mask.ndim_ - 1] > 1 or mask.strides_[mask.ndim_ - 1] < 0:
        mask = contiguous(mask)
    return mask


# --- of three tensors -------------------------------------------------------------------------------

cdef bint dense(Tensor t) noexcept:
    """The last step is 1 and elements fill their memory without gaps: gradients can have the same steps."""
    cdef int64_t expect = 1
    cdef int i, j, found
    cdef bint used[4]
    if t.size_ == 0:
        return False
    if t.shape_[3] != 1 and t.strides_[3] != 1:
        return False
    used[:] = [False, False, False, False]
    for i in range(4):
        found = -1
        for j in range(4):
            if not used[j] and (t.shape_[j] == 1 or t.strides_[j] == expect):
                found = j
                break
        if found < 0:
            return False
        used[found] = True
        if t.shape_[found] > 1:
            expect *= t.shape_[found]
    return True


cdef Tensor ordered_like(Tensor q, int64_t width):
    """New memory for y (B, H, L, width), whose dimensions lie in memory in q's order."""
    cdef int64_t shape[4]
    cdef int64_t steps[4]
    cdef int64_t step = width
    cdef int i
    order = sorted([(-q.strides_[i], i) for i in range(3)])
    for i in range(3):
        shape[i] = q.shape_[i]
    shape[3], steps[3] = width, 1
    for _, i in reversed(order):
        steps[i] = step
        step *= shape[i]
    cdef Tensor y = view(new_1d(q.dtype_, step), 0, 4, shape, steps)
    y.base = None
    return y


cdef Tensor stepped_like(Tensor dy, Tensor y):
    """dy with y's steps."""
    cdef Tensor t
    cdef int i
    for i in range(4):
        if dy.strides_[i] != y.strides_[i] and y.shape_[i] > 1:
            break
    else:
        return dy
    t = view(new_1d(y.dtype_, y.size_), 0, 4, y.shape_, y.strides_)
    copy_into(t, dy)
    return t


cdef int attention_rule(Node node, Tensor dy) except -1:
    cdef Tensor q, k, v, stats, mask, d, y = node.a
    cdef int i
    cdef int64_t at = 0
    taken(node, node.extra[0])
    q, k, v, stats, mask = node.extra[1:]
    d = new_1d(q.dtype_, q.size_ + k.size_ + v.size_)
    attend_back(d, 0, q.size_, q.size_ + k.size_, stepped_like(dy, y), y, q, k, v, stats, mask, node.n[0], node.s[1],
                node.s[0])
    for i, x in enumerate((q, k, v)):
        if node.wants(i):
            node.share(i, view(d, at, 4, (<Tensor>x).shape_, (<Tensor>x).strides_))
        at += (<Tensor>x).size_
    return 0


cdef int attention_graph(Node node, Tensor dy) except -1:
    cdef Tensor q, k, v, stats, mask
    q, k, v, stats, mask = node.extra[1:]
    inputs = taken(node, node.extra[0])
    fenced = fence(node, inputs)
    factor = factors(stats, q, k, node.s[1]) if node.s[1] > 0 else None
    y = composed(fenced[0], fenced[1], fenced[2], mask, node.n[0], factor, 0, node.s[0])
    return composed_rule(node, inputs, (y,), [dy], fenced)


cdef Tensor attention(Tensor query, Tensor key, Tensor value, Tensor mask, bint causal, double p, double scale):
    """Of (B, H, L, E), (B, HK, S, E), (B, HK, S, EV) and a mask expanded to (B, H, L, S)."""
    cdef Tensor q = query, k = key, v = value, y, stats
    cdef Node node
    if not dense(q):
        q = contiguous(q)
    if not dense(k):
        k = contiguous(k)
    if not dense(v):
        v = contiguous(v)
    y = ordered_like(q, v.shape_[3])
    stats = attend(y, q, k, v, mask, causal, p, scale)
    if tracked(query) or tracked(key) or tracked(value):
        node = record("scaled_dot_product_attention", y, (query, key, value), attention_rule, attention_graph)
        save_output(node, y, None, None)
        node.extra = (kept((query, key, value)), q, k, v, stats, mask)
        node.n[0] = causal
        node.s[0], node.s[1] = scale, p
    return y


# --- of one tensor that holds all three, as the first product of self-attention gives them -----------

cdef Tensor third(Tensor t, int number, int64_t parts, int64_t heads, bint batch_first):
    """Part `number` of `parts` of t (L, N, parts E), or (N, L, parts E), as (N, heads, L, E / heads)."""
    cdef int batch = 0 if batch_first else 1
    cdef int64_t E = t.shape_[2] // parts
    cdef int64_t[4] shape = [t.shape_[batch], heads, t.shape_[1 - batch], E // heads]
    cdef int64_t[4] steps = [t.strides_[batch], E // heads, t.strides_[1 - batch], 1]
    return view(t, number * E, 4, shape, steps)


cdef int self_rule(Node node, Tensor dy) except -1:
    cdef Tensor qkv, stats, mask, d, y = node.a
    cdef int64_t heads = node.n[1], E
    cdef bint first = node.n[2]
    taken(node, node.extra[0])
    qkv, stats, mask = node.extra[1:]
    E = qkv.shape_[2] // 3
    d = new_like(qkv)
    attend_back(d, 0, E, 2 * E, third(contiguous(dy), 0, 1, heads, first), third(y, 0, 1, heads, first),
                third(qkv, 0, 3, heads, first), third(qkv, 1, 3, heads, first), third(qkv, 2, 3, heads, first),
                stats, mask, node.n[0], node.s[1], node.s[0])
    return node.give(0, d)


cdef int self_graph(Node node, Tensor dy) except -1:
    cdef Tensor qkv, stats, mask
    cdef int64_t heads = node.n[1]
    qkv, stats, mask = node.extra[1:]
    inputs = taken(node, node.extra[0])
    fenced = fence(node, inputs)
    q, k, v = split_heads(fenced[0], heads, node.n[2])
    factor = factors(stats, q, k, node.s[1]) if node.s[1] > 0 else None
    y = composed(q, k, v, mask, node.n[0], factor, 0, node.s[0])
    return composed_rule(node, inputs, (join_heads(y, node.n[2]),), [dy], fenced)


cdef tuple split_heads(object qkv, int64_t heads, bint batch_first):
    parts = []
    for part in qkv.chunk(3, 2):
        part = part.unflatten(2, (heads, -1))
        parts.append(part.transpose(1, 2) if batch_first else part.permute(1, 2, 0, 3))
    return tuple(parts)


cdef object join_heads(object y, bint batch_first):
    return (y.transpose(1, 2) if batch_first else y.permute(2, 0, 1, 3)).flatten(2)


def _self_attention(qkv, heads, batch_first, mask, causal, dropout_p):
    """Of (L, N, 3 E), or (N, L, 3 E), checked; mask None or of shape (N, heads, L, L). Gives (L, N, E)."""
    cdef Tensor x = qkv, packed = contiguous(x), y, stats, m = mask
    cdef int64_t E = x.shape_[2] // 3
    cdef int64_t[3] shape = [x.shape_[0], x.shape_[1], E]
    cdef double scale = 1 / sqrt(<double>(E // heads))
    cdef Node node
    if m is not None and tracked(m):
        q, k, v = split_heads(x, heads, batch_first)
        return join_heads(composed(q, k, v, m, causal, None, dropout_p, scale), batch_first)
    m = steady(m, x.dtype_)
    y = new(x.dtype_, 3, shape)
    stats = attend(third(y, 0, 1, heads, batch_first), third(packed, 0, 3, heads, batch_first),
                   third(packed, 1, 3, heads, batch_first), third(packed, 2, 3, heads, batch_first), m, causal,
                   dropout_p, scale)
    if tracked(x):
        node = record1("self_attention", y, x, self_rule, self_graph)
        save_output(node, y, None, None)
        node.extra = (kept((x,)), packed, stats, m)
        node.n[0], node.n[1], node.n[2] = causal, heads, batch_first
        node.s[0], node.s[1] = scale, dropout_p
    return y
