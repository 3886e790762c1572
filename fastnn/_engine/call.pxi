# Running kernels: a Call is filled in on the stack, run, and appended to the Plan being recorded.

cdef double ONE_THREAD = 2e4       # below this much work not even the thread policy is asked

cdef extern from "fastnn.h":
    enum:
        FNN_strided_copy, FNN_cast, FNN_accumulate, FNN_index_check, FNN_range_check


cdef inline void start(fnn_call *c, int id, int dtype):
    c.kernel = kernel_of(id, dtype)
    if fnn_recorder != NULL:       # recordings are compared: no garbage from the stack
        memset(&c.args, 0, sizeof(c.args))
    c.id = id
    c.dtype = dtype
    c.buffers = 0
    c.max_parts = 0


cdef extern from *:
    """
    #define kernel_of(id, dtype) fnn_table[dtype][id]
    """
    fnn_kernel kernel_of(int id, int dtype)


cdef inline void buffer(fnn_call *c, Tensor t):
    c.args.p[c.buffers] = t.data_
    c.owner[c.buffers] = <void *>t.storage
    if fnn_recorder != NULL:
        c.bytes[c.buffers] = reach(t)
    c.buffers += 1


cdef int64_t reach(Tensor t) noexcept:
    """Bytes from the first element to the end of the last; -1 where some lie before the first."""
    cdef int64_t last = 0
    cdef int i
    if t.size_ == 0:
        return 0
    if t.contiguous:
        return t.size_ * ITEM_BYTES[t.dtype_]
    for i in range(t.ndim_):
        if t.strides_[i] < 0:
            return -1
        last += (t.shape_[i] - 1) * t.strides_[i]
    return (last + 1) * ITEM_BYTES[t.dtype_]


cdef inline void null_buffer(fnn_call *c):
    c.args.p[c.buffers] = NULL
    c.owner[c.buffers] = NULL
    c.buffers += 1


cdef int run(fnn_call *c, int outputs, double work, int flags) except -1:
    cdef int64_t done
    c.outputs = outputs
    c.work = work
    c.flags = flags
    if fnn_recorder != NULL:
        (<Recorder>fnn_recorder).append(c)
    if work < ONE_THREAD or flags & FNN_SERIAL:
        c.kernel(&c.args, 0, 1)
    else:
        with nogil:
            done = fnn_run(c, 1)
        if done < 0:
            return -1               # a signal's handler has raised
    if fnn_recorder != NULL and (<Recorder>fnn_recorder).watching:
        (<Recorder>fnn_recorder).watch(c)
    return 0


cdef int run_random(fnn_call *c, int outputs, double work, Generator generator) except -1:
    if generator is None:
        generator = default_generator
    c.args.n[FNN_SEED] = <int64_t>generator.seed
    c.args.n[FNN_STREAM] = <int64_t>generator.stream
    generator.stream += 1
    if fnn_recorder != NULL:
        (<Recorder>fnn_recorder).next_generator = generator
    return run(c, outputs, work, FNN_RANDOM)


cdef int64_t limit_parts(fnn_call *c):
    """For scratch: how many parts the Call has at most, now fixed, whatever set_num_threads does meanwhile."""
    c.max_parts = fnn_most_parts()
    return c.max_parts


cdef inline int leaves_graph(str what) except -1:
    """A value is about to be read by Python: a recorded step would not see it change."""
    if fnn_recorder != NULL:
        (<Recorder>fnn_recorder).stop(what)
    return 0


cdef class Generator:
    """A source of random numbers: the same seed gives the same numbers for any thread count.

    Philox4x32-10 (Salmon et al., 2011), counter-based: element i of the n-th draw depends on
    the seed, n and i alone.

    Parameters
    ----------
    seed : int
        Any integer from 0 to 2**64 - 1. Default 0.

    Raises
    ------
    ValueError
        If the seed is out of range.
    TypeError
        If it is no integer.

    Examples
    --------
    >>> import fastnn
    >>> g = fastnn.Generator(7)
    >>> g.get_state()
    (7, 0)
    """
    def __init__(self, seed=0):
        self.seed = checked_seed(seed)
        self.stream = 0

    def manual_seed(self, seed):
        """Set the seed and start from the first draw again; returns the generator.

        Raises as `Generator`.
        """
        leaves_graph("manual_seed()")
        self.seed = checked_seed(seed)
        self.stream = 0
        return self

    def initial_seed(self):
        """The seed, an int."""
        leaves_graph("initial_seed()")
        return self.seed

    def get_state(self):
        """(seed, number of draws so far), two ints."""
        leaves_graph("get_state()")
        return self.seed, self.stream

    def set_state(self, state):
        """Continue from a state that `get_state` returned; returns the generator.

        ValueError if `state` is no such pair.
        """
        leaves_graph("set_state()")
        try:
            seed, stream = state
        except (TypeError, ValueError):
            raise ValueError(f"Generator.set_state: state must be (seed, draws), got {state!r}") from None
        self.seed, self.stream = checked_seed(seed), checked_seed(stream)
        return self

    def __repr__(self):
        return f"Generator(seed={self.seed}, draws={self.stream})"


cdef uint64_t checked_seed(object seed) except? 0:
    import operator
    try:
        value = operator.index(seed)
    except TypeError:
        raise TypeError(f"seed must be an integer, got {type(seed).__name__}") from None
    if not 0 <= value < 2 ** 64:
        raise ValueError(f"seed must be from 0 to 2**64 - 1, got {value}")
    return value


cdef Generator default_generator = Generator(0)


def get_default_generator():
    """The Generator that all random functions use when none is given: ``torch.default_generator``."""
    return default_generator


def set_num_threads(n):
    """Use at most `n` threads in one operation. Results do not depend on it, to the last bit.

    Parameters
    ----------
    n : int
        At least 1. More than the CPUs that this process may use is allowed, and slow.

    Raises
    ------
    ValueError
        If n is not from 1 to 1024.
    TypeError
        If it is no int.

    Notes
    -----
    As ``torch.set_num_threads``.

    Examples
    --------
    >>> import fastnn
    >>> before = fastnn.get_num_threads()
    >>> fastnn.set_num_threads(1)
    >>> fastnn.get_num_threads()
    1
    >>> fastnn.set_num_threads(before)
    """
    import operator
    n = operator.index(n)
    if not 1 <= n <= 1024:
        raise ValueError(f"set_num_threads: n must be from 1 to 1024, got {n}")
    fnn_set_threads(n)


def get_num_threads():
    """The most threads that one operation may use now, an int: ``torch.get_num_threads``."""
    return fnn_threads()


def _config():
    """What the C core says of itself: see fastnn.config_info."""
    return {
        "isa": fnn_isa().decode(), "isas": fnn_isas().decode().split(),
        "vector_bytes": fnn_vector_bytes(), "threads": fnn_threads(), "cpus": fnn_cpus(),
        "openmp": fnn_openmp(), "compiler": fnn_compiler().decode(), "flags": fnn_flags().decode(),
    }


def _quota(root=""):
    """CPUs that the cgroup files below the folder `root` grant; 0.0 where they set no limit."""
    cdef bytes path = root.encode()
    return fnn_quota(path)


cdef _start():
    import os
    isa = os.environ.get("FASTNN_ISA")
    name = isa.encode() if isa else None
    if fnn_init(<const char *>name if name is not None else NULL) != 0:
        raise ImportError(f"FASTNN_ISA={isa}: this build and CPU have {fnn_isas().decode()}")
    global fnn_ask
    fnn_ask = fnn_signals
    threads = os.environ.get("FASTNN_NUM_THREADS")
    if threads:
        if not threads.strip().isdecimal() or not 1 <= int(threads) <= 1024:
            raise ImportError(f"FASTNN_NUM_THREADS: expected a number from 1 to 1024, got {threads!r}")
        fnn_set_threads(int(threads))
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork():
    fnn_after_fork()


_start()


# --- copies and sums: what the engine itself needs of the kernels ---------------------------------

cdef int copy_into(Tensor dst, Tensor src) except -1:
    cdef Tensor packed
    cdef fnn_call c
    if not same_shape(dst, src):
        raise ValueError(f"copy: expected shape {shape_of(dst)}, got {shape_of(src)}")
    if dst.size_ == 0:
        return 0
    if dst.dtype_ != src.dtype_:
        packed = dst if dst.contiguous else new_like(dst)
        src = contiguous(src)
        start(&c, FNN_cast, FNN_F32)
        buffer(&c, packed)
        buffer(&c, src)
        c.args.n[0] = src.size_
        c.args.n[1] = dst.dtype_
        c.args.n[2] = src.dtype_
        run(&c, 1, 2.0 * src.size_, 0)
        if packed is dst:
            return bump(dst)
        src = packed
    start(&c, FNN_strided_copy, FNN_F32)
    buffer(&c, dst)
    buffer(&c, src)
    c.args.n[0] = dst.ndim_
    c.args.n[1] = ITEM_BYTES[dst.dtype_]
    if dst.contiguous and src.contiguous:
        c.args.n[0] = c.args.n[10] = c.args.n[18] = 1
        c.args.n[2] = dst.size_
    else:
        for i in range(dst.ndim_):
            c.args.n[2 + i] = dst.shape_[i]
            c.args.n[10 + i] = dst.strides_[i]
            c.args.n[18 + i] = src.strides_[i]
    run(&c, 1, 2.0 * dst.size_, 0)
    return bump(dst)


cdef int add_into(Tensor dst, Tensor src) except -1:
    cdef Tensor packed
    cdef fnn_call c
    if not same_strides(dst, src) or not (dst.contiguous or dense(dst)):
        packed = new_strided_like(dst)
        copy_into(packed, src)
        if same_strides(dst, packed):
            src = packed
        else:                       # dst has gaps: add outside, copy in
            src = contiguous(src)
            packed = new_like(dst)
            copy_into(packed, dst)
            add_into(packed, src)
            return copy_into(dst, packed)
    start(&c, FNN_accumulate, dst.dtype_)
    buffer(&c, dst)
    buffer(&c, src)
    c.args.n[0] = dst.size_
    run(&c, 1, dst.size_, 0)
    return bump(dst)


cdef int check_index_from(Tensor index, int64_t low, int64_t limit, int64_t ignore, const char *what) except -1:
    cdef fnn_call c
    cdef Tensor status = new_1d(FNN_I64, 3)
    cdef int64_t *bad = <int64_t *>status.data_
    if index.dtype_ != FNN_I64 and index.dtype_ != FNN_I32:
        raise TypeError(f"{what.decode()}: expected an integer dtype, got {dtype_name(index.dtype_)}")
    index = contiguous(index)
    start(&c, FNN_index_check, FNN_F32)
    buffer(&c, status)
    buffer(&c, index)
    c.args.n[0] = index.size_
    c.args.n[1] = ITEM_BYTES[index.dtype_]
    c.args.n[2] = limit
    c.args.n[3] = low
    c.args.n[4] = ignore
    if fnn_recorder != NULL:
        (<Recorder>fnn_recorder).next_name = what.decode()
    run(&c, 1, index.size_, FNN_SERIAL | FNN_CHECK)
    if bad[0]:
        raise_refused(&c, what.decode())
    return 0


cdef int check_range(Tensor x, double low, double high, const char *what) except -1:
    return look_at(x, low, high, False, what)


cdef int check_either(Tensor x, double one, double other, const char *what) except -1:
    return look_at(x, one, other, True, what)


cdef int look_at(Tensor x, double low, double high, bint strict, const char *what) except -1:
    cdef fnn_call c
    cdef Tensor status = new_1d(FNN_I64, 3)
    x = contiguous(x)
    start(&c, FNN_range_check, x.dtype_)
    buffer(&c, status)
    buffer(&c, x)
    c.args.n[0] = x.size_
    c.args.n[1] = strict
    c.args.s[0], c.args.s[1] = low, high
    if fnn_recorder != NULL:
        (<Recorder>fnn_recorder).next_name = what.decode()
    run(&c, 1, x.size_, FNN_SERIAL | FNN_CHECK)
    if (<int64_t *>status.data_)[0]:
        raise_refused(&c, what.decode())
    return 0


cdef int raise_refused(const fnn_call *c, str what) except -1:
    """Turn the status that a check left into the exception."""
    cdef int64_t *status = <int64_t *>c.args.p[0]
    if c.id == FNN_range_check:
        what = what.replace("POSITION", str(status[1]))
        raise ValueError(what.replace("VALUE", f"{(<double *>status)[2]:.6g}"))
    raise IndexError(f"{what} at position {status[1]} is {status[2]}, "
                     f"expected {c.args.n[3]} to {c.args.n[2] - 1}")


cdef int check_index(Tensor index, int64_t limit, int64_t ignore, const char *what) except -1:
    return check_index_from(index, 0, limit, ignore, what)
