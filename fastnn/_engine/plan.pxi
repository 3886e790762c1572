# Replaying: the Calls of a recorded step run again without Python or allocation, the GIL released.

cdef extern from *:
    """
    #include <stdlib.h>
    """
    void *fnn_realloc "realloc"(void *, size_t)
    void fnn_free "free"(void *)

cdef enum:
    OWN_COPY = -(1 << 30)       # a result that is copied after each replay


cdef int skew = 0       # tests


def _skew_threads(int parts):
    """Replay with so many threads, one after another from meeting to meeting: each is as far ahead of the
    next as it may be. Negative: the last first; -100: two, that never meet. 0 switches it off."""
    global skew
    before = skew
    skew = parts
    return before


cdef int64_t run_skewed(const fnn_call *calls, int64_t count) noexcept nogil:
    cdef int64_t begin = 0, end, i
    cdef int parts = skew if skew > 0 else 2 if skew == -100 else -skew, k, part, use
    while begin < count:
        end = begin + 1
        while end < count and (calls[end - 1].flags & FNN_NO_WAIT or skew == -100):
            end += 1
        for k in range(parts):
            part = k if skew > 0 else parts - 1 - k
            for i in range(begin, end):
                use = 1 if calls[i].flags & FNN_SERIAL else parts
                if calls[i].max_parts and use > calls[i].max_parts:
                    use = calls[i].max_parts
                if part < use:
                    calls[i].kernel(&calls[i].args, part, use)
        begin = end
    return count


@cython.final
cdef class Plan:
    """The Calls of one recorded step, and what changes from replay to replay."""

    def __dealloc__(self):
        fnn_free(self.live)
        fnn_free(self.patches)

    def __len__(self):
        return self.count

    @property
    def workspace_bytes(self):
        """Bytes of the values that live within a step only."""
        return sum([(<Storage>s).nbytes for s in self.workspace])

    cdef int patch(self, int64_t call, int buffer, int64_t source, int64_t offset) except -1:
        if self.num_patches == self.patch_capacity:
            self.patch_capacity = 2 * self.patch_capacity + 16
            self.patches = <Patch *>fnn_realloc(self.patches, self.patch_capacity * sizeof(Patch))
            if self.patches == NULL:
                raise MemoryError("recording a step")
        self.patches[self.num_patches] = Patch(call, source, offset, buffer)
        self.num_patches += 1
        return 0

    cdef bint fits(self) except -1:
        """Is the world as it was: nothing switched or replaced, gradients as they were?"""
        cdef Tensor leaf
        if self.world != world or self.threads != fnn_threads():
            return False
        for leaf, reads, before, after in self.leaves:
            if reads and leaf.grad_ is not marked_gradient(leaf, before):
                return False
        return True

    cdef bint overlaps(self, list inputs) except -1:
        """Do arguments share memory with what the step changes?"""
        cdef Tensor x, y
        cdef Storage s
        cdef int64_t i, j
        for x in inputs:
            for s in self.state:
                if x.data_ < s.data + s.nbytes and s.data < x.data_ + reach(x):
                    return True
        for i in self.changed:
            y = inputs[i]
            for j in range(len(inputs)):
                x = inputs[j]
                if i != j and x.data_ < y.data_ + reach(y) and y.data_ < x.data_ + reach(x):
                    return True
        return False

    cdef int link(self, dict pieces, dict fresh) except -1:
        """Turn jobs into Calls: places become addresses, or patches where each replay has its own."""
        cdef Job job
        cdef Place place
        cdef fnn_call *c
        cdef int64_t i = 0, source
        cdef int j
        self.live = <fnn_call *>fnn_realloc(NULL, (self.count + 1) * sizeof(fnn_call))
        if self.live == NULL:
            raise MemoryError("recording a step")
        self.rng, self.state, self.changed = [], [], []
        written = set()
        for i, job in enumerate(self.jobs):
            c = &self.live[i]
            c[0] = job.call
            if job.generator is not None:
                self.rng.append((i, job.generator))
            if job.call.flags & FNN_CHECK and i == self.first_shared:
                self.first_shared += 1
            for j in range(c.buffers):
                place = job.places[j]
                c.owner[j] = NULL
                if place is None:
                    continue
                if place.input >= 0:
                    self.patch(i, j, place.input, job.offset[j])
                    if j < c.outputs and place.input not in self.changed:
                        self.changed.append(place.input)
                elif place in fresh:
                    self.patch(i, j, -1 - <int64_t>fresh[place], job.offset[j])
                elif place in pieces:
                    c.args.p[j] = (<Storage>self.workspace[pieces[place]]).data + job.offset[j]
                else:
                    c.args.p[j] = place.kept.data + job.offset[j]
                    if j < c.outputs and not place.inside and place not in written:
                        written.add(place)
                        self.state.append(place.kept)
        return 0

    cdef int bind(self, list inputs, list fresh) except -1:
        """Point the Calls at this replay's inputs and at new memory for its results."""
        cdef int64_t i
        cdef Patch *patch
        cdef char *base
        for i in range(self.num_patches):
            patch = &self.patches[i]
            if patch.source >= 0:
                base = (<Tensor>inputs[patch.source]).data_
            else:
                base = (<Storage>fresh[-1 - patch.source]).data
            self.live[patch.call].args.p[patch.buffer] = base + patch.offset
        return 0

    cdef object replay(self, list inputs):
        cdef int64_t i, failed, rest
        cdef Py_ssize_t k
        cdef Tensor leaf, t, y, x, as_recorded
        cdef Storage s
        cdef Generator g
        cdef list fresh = [new_storage(n) for n in self.fresh_bytes]
        self.bind(inputs, fresh)
        for i, g in self.rng:
            self.live[i].args.n[FNN_SEED] = <int64_t>g.seed
            self.live[i].args.n[FNN_STREAM] = <int64_t>g.stream
            g.stream += 1
        self.busy = True
        with nogil:
            leave_python()
            failed = fnn_run(self.live, self.first_shared)
            if failed == self.first_shared:
                if skew:
                    failed = run_skewed(self.live + failed, self.count - failed) + failed
                else:
                    rest = fnn_run_paced(self.live + failed, self.count - failed, &self.pace)
                    failed = rest if rest < 0 else failed + rest
            enter_python()
        self.busy = False
        self.replays += 1
        for s in self.state:
            s.version += 1
        for i in self.changed:
            (<Tensor>inputs[i]).storage.version += 1
        if failed < 0:
            ended()
        if failed < self.count:
            raise_refused(&self.live[failed], (<Job>self.jobs[failed]).checks)
        for leaf, reads, before, after in self.leaves:
            leaf.grad_ = marked_gradient(leaf, after)
        results = []
        for k in range(len(self.outputs)):
            t, i = self.outputs[k], self.fresh[k]
            y = alias(t)
            if i >= 0:
                y.storage = fresh[i]
                y.data_ = y.storage.data + (t.data_ - <char *>0)
            elif i == OWN_COPY:
                y = copied(t)
            elif i <= -2:
                x, as_recorded = inputs[-2 - i], self.inputs[-2 - i]
                y.storage = x.storage
                y.data_ = x.data_ + (t.data_ - as_recorded.data_)
            results.append(y)
        return results

    def table(self):
        """The kernel calls in order, a list of dicts.

        Each has ``name``, ``dtype``, ``shape`` (sizes as far as the kernel shows them), ``flops`` (exact for
        products, about for the rest), ``bytes`` (read and written, scratch left out), ``writes`` and ``reads``
        (numbers of the buffers), ``buffers`` (bytes of each) and ``waits`` (whether threads meet after it).
        """
        numbers, uses = {}, {place: len(found) for place, found in uses_of(self.jobs).items()}
        return [plan_row(job, numbers, uses) for job in self.jobs]

    def profile(self, int repeat=20):
        """Seconds of every call, a list: the least of `repeat` runs, each call on its own; 0.0 where that is
        less than the clock can tell.

        Runs on the first batch, which must still hold valid values; afterwards all memory is as before.
        """
        if repeat < 1:
            raise ValueError(f"profile: repeat must be at least 1, got {repeat}")
        return plan_times(self, repeat)

    def summary(self, int repeat=20, limits=False):
        """A table of the calls, as text: sizes, work, bytes, measured time, share of the step, rates.

        Parameters
        ----------
        repeat : int
            Times are the least of so many runs of each call on its own; see `profile`. Default 20.
            Rates of calls that take no more than a few steps of the clock are shown as ``-``.
        limits : bool
            Measure the machine's limits, once in the process (0.3 s), and add how many percent of them
            each call reaches: of arithmetic, or of memory of the call's size, whichever takes longer.
        """
        from fastnn._engine import report
        return report.summary(self.table(), self.profile(repeat), sum([(<Storage>s).nbytes for s in self.workspace]), limits)

    def __str__(self):
        return self.summary()

    def __repr__(self):
        return f"<Plan of {self.count} calls, {self.replays} replays>"

    def to_dot(self):
        """The calls, and what goes from one to the next, as text in the DOT language of Graphviz.

        Boxes are calls with their sizes, ellipses the arguments, labels of arrows the bytes that a call
        reads, or adds to, of what another wrote last. Parameters from before the step have no arrow.
        """
        from fastnn._engine import report
        return report.dot([shape_of(t) for t in self.inputs], self.table(), plan_pieces(self))


cdef int ended() except -1:
    """A run was ended early: a signal's handler has raised, and that exception is on its way."""
    return -1


cdef Tensor copied(Tensor t):
    cdef Tensor y = new_like(t)
    copy_into(y, t)
    return y


cdef Plan make_plan(Recorder r, list outputs):
    """The recorded Calls, improved; find out which buffers are inputs, outputs, state."""
    cdef Plan p = Plan.__new__(Plan)
    cdef Tensor t, y
    cdef Place place
    cdef Job job
    cdef int j
    p.recording = r
    p.jobs = improved(r.jobs)
    p.count = len(p.jobs)
    p.world = world
    p.threads = fnn_threads()
    p.inputs = [alias(t) for t in r.inputs]
    p.leaves = [(leaf, reads, before, gradient_mark(leaf)) for leaf, reads, before in r.leaves.values()]
    gradients = {(<Tensor>after).storage.serial for _, _, _, after in p.leaves if isinstance(after, Tensor)}
    p.fresh = []                # per output: number among the new storages, -1: as recorded, or -2 - number of the input
    fresh = {}
    for t in outputs:
        place = r.places.get(t.storage.serial)
        if place is None or (place.input < 0 and not place.inside):
            p.fresh.append(as_recorded_or_input(r, t))
        elif place.input >= 0:
            p.fresh.append(-2 - place.input)
        elif place.serial in gradients:
            p.fresh.append(OWN_COPY)        # .grad keeps its place
        else:
            p.fresh.append(fresh.setdefault(place, len(fresh)))
    p.fresh_bytes = [place.nbytes for place in fresh]
    p.outputs = []
    for t, i in zip(outputs, p.fresh):
        y = alias(t)
        if i >= 0:              # only the layout is needed: the memory belongs to the caller
            y.data_ = <char *>0 + (t.data_ - t.storage.data)
            y.storage = None
        p.outputs.append(y)
    sizes = []
    pieces = {}
    if "share_memory" in active_passes:
        pieces = share_memory(p.jobs, sizes)
    else:
        for job in p.jobs:
            for place in job.places:
                if place is not None and temporary(place) and place not in pieces:
                    pieces[place] = len(sizes)
                    sizes.append(place.nbytes)
    p.workspace = [new_storage(n) for n in sizes]
    p.link(pieces, fresh)
    for place in fresh:
        place.kept = None
    return p


cdef int64_t as_recorded_or_input(Recorder r, Tensor t):
    """A result that no Call touched: -2 - number of the input that it is a view of, or -1."""
    cdef int64_t i
    cdef Tensor x
    for i, x in enumerate(r.inputs):
        if x.storage is t.storage:
            return -2 - i
    return -1
