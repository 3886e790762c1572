# What a plan says of itself: its calls, their sizes and times, and the picture.

cdef extern from "team.h":
    int64_t fnn_now() nogil


cdef double clock_step():
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


cdef str plan_summary(Plan p, list times, bint limits):
    rows, total, step = p.table(), sum(times), clock_step()
    most = machine_limits() if limits else None
    lines = [f"{'call':<26}{'dtype':<9}{'size':<24}{'MFLOP':>9}{'KiB':>10}{'us':>10}{'share':>8}{'GFLOP/s':>10}{'GB/s':>8}"
             + ("  of limit" if limits else "")]
    for row, seconds in zip(rows, times):
        line = (f"{row['name']:<26}{row['dtype']:<9}{row['shape']:<24}{row['flops'] / 1e6:>9.3f}{row['bytes'] / 1024:>10.1f}"
                f"{seconds * 1e6:>10.2f}{seconds / max(total, step):>8.1%}")
        if seconds < 4 * step:      # the clock is too coarse for a rate
            lines.append(line + f"{'-':>10}{'-':>8}" + (f"{'-':>10}" if limits else ""))
            continue
        line += f"{row['flops'] / seconds / 1e9:>10.1f}{row['bytes'] / seconds / 1e9:>8.1f}"
        lines.append(line + (f"{least_seconds(row, most) / seconds:>10.0%}" if limits else ""))
    total = max(total, step)
    flops = sum(row["flops"] for row in rows)
    line = (f"{'total of ' + str(p.count) + ' calls':<59}{flops / 1e6:>9.3f}{'':>10}{total * 1e6:>10.2f}{'':>8}"
            f"{flops / total / 1e9:>10.1f}{'':>8}")
    lines.append(line + (f"{sum(least_seconds(row, most) for row in rows) / total:>10.0%}" if limits else ""))
    memory = sum((<Storage>s).nbytes for s in p.workspace)
    lines.append(f"{sum(row['waits'] for row in rows)} times all threads meet; values within a step take {memory / 1024:.1f} KiB")
    if limits:
        lines.append(f"limits with {most['threads']} threads: {most['float32'] / 1e9:.0f} GFLOP/s in float32, "
                     + ", ".join(f"{rate / 1e9:.0f} GB/s at {size >> 10} KiB" for size, rate in most["memory"]))
    return "\n".join(lines)


cdef str plan_dot(Plan p):
    """Edges go from whoever wrote bytes of a buffer last to each call that touches them."""
    cdef Job job
    cdef Place place
    cdef int j
    lines = ["digraph plan {", "  node [shape=box, fontname=monospace];"]
    lines += [f'  x{i} [label="argument {i}\\n{"x".join(map(str, shape_of(t)))}", shape=ellipse];' for i, t in enumerate(p.inputs)]
    makers = {}
    for i, job in enumerate(p.jobs):
        lines.append(f'  c{i} [label="{fnn_names[job.call.id].decode()}\\n{shape_text(job)}"];')
        edges = {}
        for j, place in enumerate(job.places):
            if place is None:
                continue
            if place.input >= 0:
                edges.setdefault(f"x{place.input}", set()).add((place, job.low[j], job.high[j]))
            for maker, low, high in makers.get(place, ()):
                if low < job.high[j] and job.low[j] < high:
                    edges.setdefault(f"c{maker}", set()).add((place, max(low, job.low[j]), min(high, job.high[j])))
        for maker, pieces in edges.items():
            lines.append(f'  {maker} -> c{i} [label="{sum([high - low for _, low, high in pieces])} B"];')
        for j, place in enumerate(job.places[:job.call.outputs]):
            if place is not None:
                makers[place] = [m for m in makers.get(place, ()) if m[1] < job.low[j] or m[2] > job.high[j]]
                makers[place].append((i, job.low[j], job.high[j]))
    return "\n".join([*lines, "}"])


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


cdef double least_seconds(dict row, dict limits):
    """The time that the limits allow: of arithmetic, or of memory at the nearest size above."""
    cdef double rate = limits["memory"][len(limits["memory"]) - 1][1]
    for size, speed in limits["memory"]:
        if row["bytes"] <= size:
            rate = speed
            break
    return max(row["flops"] / limits[row["dtype"]], row["bytes"] / rate)
