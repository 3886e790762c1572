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
    start(&c, FNN_norm_gate, total.dtype_)
    buffer(&c, total)
    buffer(&c, gate)
    buffer(&c, partial)
    c.args.n[0] = blocks
    c.args.n[1] = kind
    c.args.s[0] = 2
    c.args.s[1] = max_norm
    c.args.s[2] = skip
    run(&c, 2, 0.0, FNN_SERIAL)
    return total
