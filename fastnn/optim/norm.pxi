# The norm of all gradients of several arenas, and the gate through which clipping acts on a step.


def norm_of(list arenas, Tensor gate, double max_norm, bint skip):
    """Prepare the gate {factor, whether to skip, number skipped} of one step; returns the norm, 0-d.

    The norm over all gradients of all arenas is Euclidean where max_norm is finite, else the largest
    absolute value: it only tells then whether all are finite.
    """
    cdef fnn_call c
    cdef Arena arena
    cdef Tensor partial, total = new((<Arena>arenas[0]).dtype, 0, NULL)
    cdef int64_t blocks = 0, begin, size, item
    cdef int kind = SQUARES if max_norm < float("inf") else LARGEST
    found = [(arena, first, last) for arena in arenas for first, last in (<Arena>arena).ranges()]
    for arena, first, last in found:
        blocks += (<int64_t>arena.offsets[last] - <int64_t>arena.offsets[first] + NORM_BLOCK - 1) // NORM_BLOCK
    partial = new_1d(FNN_F64, blocks)
    blocks = 0
    for arena, first, last in found:
        begin, size = arena.offsets[first], arena.offsets[last] - arena.offsets[first]
        item = 4 if arena.dtype == FNN_F32 else 8
        start(&c, FNN_norm_partial, arena.dtype)
        shifted(&c, partial, 8 * blocks, 8 * ((size + NORM_BLOCK - 1) // NORM_BLOCK))
        shifted(&c, arena.gradients, begin * item, size * item)
        c.args.n[0] = size
        c.args.n[1] = kind
        c.args.s[0] = 2
        run(&c, 1, 2.0 * size, 0)
        blocks += (size + NORM_BLOCK - 1) // NORM_BLOCK
    finish_gate(total, gate, partial, blocks, kind, max_norm, skip)
    return total


def finite_gate(list values, Tensor gate):
    """Prepare the gate of a step that is left out where one of the values, numbers in tensors, is not finite."""
    cdef fnn_call c
    cdef Tensor t, total = new(FNN_F64, 0, NULL), partial = new_1d(FNN_F64, len(values))
    cdef int64_t i
    for i, t in enumerate(values):
        start(&c, FNN_norm_partial, t.dtype_)
        shifted(&c, partial, 8 * i, 8)
        buffer(&c, t)
        c.args.n[0] = 1
        c.args.n[1] = LARGEST
        c.args.s[0] = 2
        run(&c, 1, 0.0, FNN_SERIAL)
    finish_gate(total, gate, partial, len(values), LARGEST, float("inf"), True)


cdef int finish_gate(Tensor total, Tensor gate, Tensor partial, int64_t count, int kind, double max_norm,
                     bint skip) except -1:
    cdef fnn_call c
    start(&c, FNN_norm_gate, total.dtype_)
    buffer(&c, total)
    buffer(&c, gate)
    buffer(&c, partial)
    c.args.n[0] = count
    c.args.n[1] = kind
    c.args.s[0] = 2
    c.args.s[1] = max_norm
    c.args.s[2] = skip
    run(&c, 2, 0.0, FNN_SERIAL)
    return 0
