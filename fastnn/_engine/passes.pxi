# Plan passes: pure functions from a list of Jobs to a better list that computes the same bits.
#
# What a pass may rely on: a Call writes to args.p[0..outputs) and to nothing else, and touches no byte
# outside [low, high) of a buffer. Memory that was made inside the step, and that nobody holds when it
# ends, is temporary: nobody sees what becomes of it.

cdef extern from "fastnn.h":
    enum:
        FNN_matmul, FNN_strip_sums, FNN_conv_forward, FNN_add_forward, FNN_relu_forward, FNN_tanhshrink_forward

cdef enum:
    MATMUL_EPILOGUE = 9     # where args.n has the id of the activation's forward kernel
    CONV_EPILOGUE = 17
    INIT = 4                # args.p: what a matmul starts from; a convolution's bias


cdef inline bint temporary(Place p):
    return p.inside and not p.constant and p.kept is None


cdef dict uses_of(list jobs):
    """Place -> [(number of the job, number of its buffer), ...], in order."""
    cdef Py_ssize_t i
    cdef Job job
    uses = {}
    for i, job in enumerate(jobs):
        for j, place in enumerate(job.places):
            if place is not None:
                uses.setdefault(place, []).append((i, j))
    return uses


cdef bint meet(Job a, int i, Job b, int j):
    """Whether buffer i of one job and buffer j of another may share bytes. Arguments may lie over each
    other; that they do not lie over what the step changes is looked at before each replay."""
    cdef Place p = a.places[i], q = b.places[j]
    cdef intptr_t shift
    if p is None or q is None:
        return False
    if p is q:
        return a.low[i] < b.high[j] and b.low[j] < a.high[i]
    if p.inside or q.inside:
        return False
    if p.input >= 0 or q.input >= 0:
        return p.input >= 0 and q.input >= 0
    shift = p.kept.data - q.kept.data           # two Storages may be borrowed from one array
    return a.low[i] + shift < b.high[j] and b.low[j] < a.high[i] + shift


cdef bint conflict(Job a, Job b):
    """Whether it matters which of two jobs runs first."""
    cdef int i, j
    for i in range(a.call.buffers):
        for j in range(b.call.buffers):
            if (i < a.call.outputs or j < b.call.outputs) and meet(a, i, b, j):
                return True
    return False


# --- what is computed ---------------------------------------------------------------------------------

cdef int64_t *epilogue(Job job):
    """Where the Call keeps the activation that it ends with; NULL if it cannot have one."""
    if job.call.id == FNN_matmul:
        return &job.call.args.n[MATMUL_EPILOGUE]
    if job.call.id == FNN_conv_forward:
        return &job.call.args.n[CONV_EPILOGUE]
    return NULL


cdef bint is_activation(int id):
    """Whether the kernel is one of csrc/activation.h's; each one's gradient comes next."""
    return FNN_relu_forward <= id <= FNN_tanhshrink_forward and (id - FNN_relu_forward) % 2 == 0


cdef list fold_activations(list jobs):
    """y = act(a b + bias) by the product or convolution itself, where nothing else looks at the sum."""
    cdef Job product, act
    cdef Place total, y
    cdef Py_ssize_t i, k
    uses = uses_of(jobs)
    jobs = list(jobs)
    gone = set()
    for i, product in enumerate(jobs):
        if epilogue(product) == NULL or epilogue(product)[0] != 0:
            continue
        total = product.places[0]
        if not temporary(total) or product.places[INIT] is total or uses[total][0] != (i, 0) or len(uses[total]) < 2:
            continue
        k = uses[total][1][0]
        act = jobs[k]
        if not is_activation(act.call.id) or act.places[1] is not total or act.call.dtype != product.call.dtype:
            continue
        if act.offset[1] != product.offset[0] or act.high[1] != product.high[0] or not is_dense_product(product, act.call.args.n[0]):
            continue
        y = act.places[0]
        if y is total:
            if act.offset[0] != act.offset[1]:
                continue
        elif len(uses[total]) > 2 or not y.inside or any(i <= n < k for n, _ in uses[y]):
            continue
        product = product.copy()
        product.places[0] = y
        product.offset[0], product.low[0], product.high[0] = act.offset[0], act.low[0], act.high[0]
        epilogue(product)[0] = act.call.id
        product.call.args.s = act.call.args.s
        jobs[i] = product
        gone.add(k)
    return [job for i, job in enumerate(jobs) if i not in gone]


cdef bint is_dense_product(Job job, int64_t size):
    """Whether the results lie one behind another without gaps, `size` elements in all."""
    cdef int64_t *n = job.call.args.n
    cdef int64_t count = 1
    cdef int d
    if job.call.id == FNN_conv_forward:
        return n[0] * n[1] * n[5] * n[6] * n[7] == size
    for d in range(n[10]):
        count *= n[12 + 3 * d]
    return n[7] == n[1] and (count == 1 or n[11] == n[0] * n[1]) and count * n[0] * n[1] == size


cdef list drop_unread(list jobs):
    """Without jobs whose results nobody sees and no other job reads."""
    cdef Job job
    cdef Py_ssize_t i
    cdef int j
    kept = []
    read = set()
    for job in reversed(jobs):
        needed = job.call.flags & (FNN_CHECK | FNN_RANDOM)
        for j in range(job.call.outputs):
            place = job.places[j]
            if place is not None and (place in read or not temporary(place)):
                needed = True
        if needed:
            kept.append(job)
            read.update([place for place in job.places[job.call.outputs:] if place is not None])
    kept.reverse()
    return kept


cdef bint is_plain_copy(Job job):
    """Whether it copies elements that lie one behind another."""
    return (job.call.id == FNN_strided_copy and job.call.args.n[0] == 1 and job.call.args.n[10] == 1
            and job.call.args.n[18] == 1)


cdef list write_at_home(list jobs):
    """A value that is only copied elsewhere is computed there in the first place."""
    cdef Job copy, job
    cdef Place value, home
    cdef Py_ssize_t i, k, first
    cdef int j
    jobs = list(jobs)
    i = 0
    while i < len(jobs):
        copy = jobs[i]
        i += 1
        if not is_plain_copy(copy) or copy.places[0] is copy.places[1] or not temporary(copy.places[1]):
            continue
        value, home = copy.places[1], copy.places[0]
        uses = uses_of(jobs)[value]
        first = uses[0][0]
        if uses[len(uses) - 1] != (i - 1, 1) or home.input >= 0:
            continue
        fits = True
        for k, j in uses:
            job = jobs[k]
            fits = fits and job.low[j] >= copy.low[1] and job.high[j] <= copy.high[1] and not job.call.flags & FNN_CHECK
        for k in range(first, i - 1):
            job = jobs[k]
            for j in range(job.call.buffers):
                fits = fits and not meet(job, j, copy, 0)
        if not fits:
            continue
        for k in range(first, i - 1):
            if value in (<Job>jobs[k]).places:
                job = (<Job>jobs[k]).copy()
                for j in range(job.call.buffers):
                    if job.places[j] is value:
                        job.places[j] = home
                        job.offset[j] += copy.offset[0] - copy.offset[1]
                        job.low[j] += copy.offset[0] - copy.offset[1]
                        job.high[j] += copy.offset[0] - copy.offset[1]
                jobs[k] = job
        i -= 1
        del jobs[i]
    return jobs


cdef list add_at_once(list jobs):
    """y = a, then y += b, becomes y = a + b."""
    cdef Job copy, add, job
    cdef Place y
    cdef Py_ssize_t i, k
    cdef int j
    uses = uses_of(jobs)
    jobs = list(jobs)
    gone = set()
    for i, copy in enumerate(jobs):
        y = copy.places[0]
        if not is_plain_copy(copy) or y is None or not y.inside or y.constant or uses[y][0] != (i, 0) or len(uses[y]) < 2:
            continue
        k = uses[y][1][0]
        add = jobs[k]
        if add.call.id != FNN_accumulate or add.places[0] is not y or add.places[1] is y:
            continue
        if add.low[0] != copy.low[0] or add.high[0] != copy.high[0] or copy.call.args.n[1] != ITEM_BYTES[add.call.dtype]:
            continue
        changed = False
        for job in jobs[i + 1:k]:
            for j in range(job.call.outputs):
                changed = changed or meet(job, j, copy, 1)
        if changed:
            continue
        jobs[k] = sum_of(add, copy)
        gone.add(i)
    return [job for i, job in enumerate(jobs) if i not in gone]


cdef Job sum_of(Job add, Job copy):
    """The Call that ops/broadcast.pyx makes of copy's source + add's source, all dense."""
    cdef Job job = add.copy()
    cdef fnn_call *c = &job.call
    cdef int k
    job.places = [add.places[0], copy.places[1], add.places[1], None]
    job.offset[1], job.low[1], job.high[1] = copy.offset[1], copy.low[1], copy.high[1]
    job.offset[2], job.low[2], job.high[2] = add.offset[1], add.low[1], add.high[1]
    c.id, c.kernel, c.buffers, c.work = FNN_add_forward, kernel_of(FNN_add_forward, c.dtype), 4, 4.0 * c.args.n[0]
    for k in range(3):
        c.args.n[1 + k] = 1
        c.args.n[4 + 4 * k] = 1
    return job


# --- in what order, and who waits ---------------------------------------------------------------------

cdef list check_first(list jobs):
    """Checks of what comes from outside run before anything is changed."""
    cdef Job job, other
    cdef int j, k
    first, rest = [], []
    for job in jobs:
        early = job.call.flags & FNN_CHECK
        if early:
            for other in rest:
                for j in range(other.call.outputs):
                    for k in range(job.call.buffers):
                        if meet(other, j, job, k):
                            early = False
        if early:
            first.append(job)
        else:
            rest.append(job)
    return first + rest


cdef list wait_less(list jobs):
    """Threads meet only before a job that needs, or changes, what was touched since they last met."""
    cdef Job job, other, last = None
    result, open_ = [], []
    for job in jobs:
        free = last is not None and not last.call.flags & FNN_CHECK
        if free:
            for other in open_:
                if conflict(other, job):
                    free = False
                    break
        if free:
            last.call.flags |= FNN_NO_WAIT
        else:
            open_ = []
        last = job.copy()
        open_.append(last)
        result.append(last)
    return result


cdef dict share_memory(list jobs, list sizes):
    """Place of a temporary value -> number of a piece of memory, whose size is put into `sizes`.

    Values share a piece if the threads meet between the last use of one and the first of the next.
    """
    cdef Job job
    cdef Place place
    cdef Py_ssize_t i, group = 0, best
    groups, first, last = [], {}, {}
    for job in jobs:
        groups.append(group)
        for place in job.places:
            if place is not None and temporary(place):
                first.setdefault(place, group)
                last[place] = group
        if not job.call.flags & FNN_NO_WAIT:
            group += 1
    begins, ends = {}, {}
    for place in first:
        begins.setdefault(first[place], []).append(place)
        ends.setdefault(last[place], []).append(place)
    pieces, free = {}, []
    for i in range(group + 1):
        for place in sorted(begins.get(i, ()), key=_nbytes, reverse=True):
            best = -1
            for n in free:              # the smallest that is large enough, else the largest
                if best < 0 or (sizes[n] >= place.nbytes and (sizes[best] < place.nbytes or sizes[n] < sizes[best])) \
                        or (sizes[n] < place.nbytes and sizes[best] < sizes[n]):
                    best = n
            if best < 0:
                best = len(sizes)
                sizes.append(0)
            else:
                free.remove(best)
            sizes[best] = max(sizes[best], place.nbytes)
            pieces[place] = best
        free += [pieces[place] for place in ends.get(i, ())]
    return pieces


def _nbytes(Place place):
    return place.nbytes


cdef tuple PASSES = ("fold_activations", "drop_unread", "write_at_home", "add_at_once", "check_first", "wait_less",
                     "share_memory")
cdef tuple active_passes = PASSES


def _use_passes(names):
    """Which passes later plans go through; what it was before."""
    global active_passes
    unknown = set(names) - set(PASSES)
    if unknown:
        raise ValueError(f"passes: expected some of {PASSES}, got {sorted(unknown)}")
    before = active_passes
    active_passes = tuple(names)
    return before


cdef list improved(list jobs):
    if "fold_activations" in active_passes:
        jobs = fold_activations(jobs)
    if "drop_unread" in active_passes:
        jobs = drop_unread(jobs)
    if "write_at_home" in active_passes:
        jobs = write_at_home(jobs)
    if "add_at_once" in active_passes:
        jobs = add_at_once(jobs)
    if "check_first" in active_passes:
        jobs = check_first(jobs)
    if "wait_less" in active_passes:
        jobs = wait_less(jobs)
    return jobs
