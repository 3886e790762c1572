# What a plan knows of itself, its calls, their sizes and times: report.py writes it down.

cdef extern from "team.h":
    int64_t fnn_now() nogil


def clock_step():
    """The least time, in seconds, that the clock can tell from none: of one look at it to the next."""
    cdef int64_t least = 1 << 40, begin, taken
    cdef int k
    for k in range(200):
        begin = fnn_now()
        taken = fnn_now() - begin
        if 0 < taken < least:
            least = taken
    return 1e-9 * least


cdef dict plan_row(Job job, dict numbers, dict uses):
    cdef fnn_call *c = &job.call
    cdef int j
    cdef Place place
    used = [None if place is None else numbers.setdefault(place, len(numbers)) for place in job.places]
    touched = {(place, job.low[j], job.high[j]): job.high[j] - job.low[j] for j, place in enumerate(job.places)
               if place is not None and not (j and j < c.outputs and temporary(place) and uses[place] == 1)}    # no scratch
    return {
        "name": fnn_names[c.id].decode(), "dtype": dtype_name(c.dtype), "shape": shape_text(job),
        "flops": flops_of(job), "bytes": sum(touched.values()),
        "writes": [n for n in used[:c.outputs] if n is not None],
        "reads": [n for n in used[c.outputs:] if n is not None],
        "buffers": {numbers[place]: place.nbytes for place in job.places if place is not None},
        "waits": not c.flags & FNN_NO_WAIT,
    }


cdef double flops_of(Job job):
    cdef int64_t *n = job.call.args.n
    cdef double count = 1
    cdef int d
    if job.call.id == FNN_strip_sums:
        return 2.0 * n[1] * n[2]
    if job.call.id != FNN_matmul:
        return job.call.work
    for d in range(n[10]):
        count *= n[12 + 3 * d]
    return 2 * count * n[0] * n[1] * n[2]


cdef str shape_text(Job job):
    cdef int64_t *n = job.call.args.n
    cdef int64_t *act = epilogue(job)
    cdef int d
    cdef str text = ""
    if job.call.id == FNN_matmul:
        batch = [n[12 + 3 * d] for d in range(n[10])]
        text = "x".join(map(str, [*batch, f"{n[0]}x{n[2]}, {n[2]}x{n[1]}"]))
    elif job.call.id == FNN_strip_sums:
        text = f"1x{n[2]}, {n[2]}x{n[1]}"
    elif job.call.buffers and job.places[0] is not None:
        text = str((job.high[0] - job.low[0]) // ITEM_BYTES[job.call.dtype])
    if act != NULL and act[0]:
        text += " " + fnn_names[act[0]].decode().removesuffix("_forward")
    return text


cdef list plan_times(Plan p, int repeat):
    cdef int64_t i, k, begin, taken, failed, step = round(1e9 * clock_step())
    cdef Storage s
    cdef Place place
    cdef Job job
    changed = {}
    for job in p.jobs:
        for place in job.places[:job.call.outputs]:
            if place is not None and place.input >= 0:
                changed[place] = (<Tensor>p.inputs[place.input]).storage
            elif place is not None and place.kept is not None:
                changed[place] = place.kept
    kept = [(s, s.data[:s.nbytes]) for s in changed.values()]
    fresh = [new_storage(n) for n in p.fresh_bytes]
    p.bind(p.inputs, fresh)
    times = [float("inf")] * p.count
    p.busy = True
    for k in range(repeat):
        for i in range(p.count):
            with nogil:
                begin = fnn_now()
                failed = fnn_run(&p.live[i], 1)
                taken = fnn_now() - begin
            if failed < 0:
                p.busy = False
                ended()
            times[i] = min(times[i], 1e-9 * max(taken - step, 0))   # looking at the clock takes as long
    p.busy = False
    for s, saved in kept:
        memcpy(s.data, <char *>saved, s.nbytes)
    return times


cdef list plan_pieces(Plan p):
    """Per job: of each buffer that it writes, and of each that it reads, (number of the argument or -1,
    number of the place, first byte, end)."""
    cdef Job job
    cdef Place place
    cdef int j
    numbers, found = {}, []
    for job in p.jobs:
        written, read = [], []
        for j, place in enumerate(job.places):
            if place is not None:
                piece = (place.input, numbers.setdefault(place, len(numbers)), job.low[j], job.high[j])
                (written if j < job.call.outputs else read).append(piece)
        found.append((written, read))
    return found


# --- the machine's limits ---------------------------------------------------------------------------

cdef extern from "fastnn.h":
    enum: FNN_multiply_add

cdef dict measured_limits = {}


def machine_limits():
    """What the machine can do with the threads that are set, measured once: see `Plan.summary`.

    Returns
    -------
    dict
        ``threads``; ``float32`` and ``float64``, operations per second of multiply-adds that touch no
        memory; ``memory``, pairs (bytes touched, bytes per second) of copies.
    """
    cdef fnn_call c
    cdef Tensor a, b, total
    cdef double best
    cdef int64_t size, count, begin
    cdef int dtype, k
    threads = fnn_threads()
    if threads in measured_limits:
        return measured_limits[threads]
    found = {"threads": threads, "memory": []}
    total = new_1d(FNN_F64, 64 * threads)
    for dtype in (FNN_F32, FNN_F64):
        best = 1e9
        start(&c, FNN_multiply_add, dtype)
        c.max_parts = threads           # each part has its piece of `total`
        buffer(&c, total)
        c.args.n[0] = 200000
        for k in range(20):
            begin = fnn_now()
            run(&c, 1, 1e9, 0)
            best = min(best, 1e-9 * (fnn_now() - begin))
        found[dtype_name(dtype)] = 2.0 * 16 * fnn_vector_bytes() / ITEM_BYTES[dtype] * c.args.n[0] * threads / best
    for size in (1 << 14, 1 << 17, 1 << 20, 1 << 23, 1 << 26):
        a, b = new_1d(FNN_F32, size // 8), new_1d(FNN_F32, size // 8)
        memset(a.data_, 0, size // 2)
        memset(b.data_, 0, size // 2)
        count = max(1, (1 << 22) // size)       # the clock may be coarse
        best = 1e9
        for k in range(5):
            begin = fnn_now()
            for _ in range(count):
                copy_into(a, b)
            best = min(best, 1e-9 * (fnn_now() - begin) / count)
        found["memory"].append((size, size / best))
    measured_limits[threads] = found
    return found
