# Replaying: the Calls of a recorded step run again without Python or allocation, the GIL released.

cdef extern from *:
    """
    #include <time.h>
    static double seconds_now(void)
    {
        struct timespec t;
        timespec_get(&t, TIME_UTC);
        return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    }
    """
    double seconds_now() nogil


cdef enum:
    OWN_COPY = -(1 << 30)       # a result that is copied after each replay


@cython.final
cdef class Plan:
    """The Calls of one recorded step, and what changes from replay to replay."""

    def __dealloc__(self):
        fnn_free(self.calls)
        fnn_free(self.live)
        fnn_free(self.patches)

    def __len__(self):
        return self.count

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
        cdef int64_t i, failed
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
            failed = fnn_run(self.live, self.count)
        self.busy = False
        self.replays += 1
        for s in self.state:
            s.version += 1
        if failed < self.count:
            raise_index(&self.live[failed], self.names[failed])
        for leaf, reads, before, after in self.leaves:
            leaf.grad_ = marked_gradient(leaf, after)
        results = []
        for t, i in zip(self.outputs, self.fresh):
            y = alias(t)
            if i >= 0:
                y.storage = fresh[i]
                y.data_ = y.storage.data + (t.data_ - t.storage.data)
            elif i == OWN_COPY:
                y = copied(t)
            elif i <= -2:
                x, as_recorded = inputs[-2 - i], self.inputs[-2 - i]
                y.storage = x.storage
                y.data_ = x.data_ + (t.data_ - as_recorded.data_)
            results.append(y)
        return results

    def table(self):
        """The recorded kernel calls in order, a list of dicts.

        Each has ``name``, ``dtype``, ``work`` (about how many floating point operations), ``writes`` and
        ``reads``: numbers of the buffers, with ``bytes`` of each buffer in ``buffers``.
        """
        cdef int64_t i
        cdef int j
        cdef fnn_call *c
        numbers = {}
        rows = []
        for i in range(self.count):
            c = &self.calls[i]
            used = [numbers.setdefault(<uintptr_t>c.owner[j], len(numbers)) if c.owner[j] != NULL else None
                    for j in range(c.buffers)]
            sizes = {n: (<Storage>c.owner[j]).nbytes for j, n in enumerate(used) if n is not None}
            rows.append({
                "name": fnn_names[c.id].decode(), "dtype": dtype_name(c.dtype), "work": c.work,
                "writes": [n for n in used[:c.outputs] if n is not None],
                "reads": [n for n in used[c.outputs:] if n is not None], "buffers": sizes,
            })
        return rows

    def profile(self, int repeat=20):
        """Time every call on its own: seconds, the least of `repeat` runs on the recorded data.

        Parameters, optimizer state and all else that the calls write is put back afterwards.
        """
        cdef int64_t i, k
        cdef double begin, seconds
        cdef Storage s
        if repeat < 1:
            raise ValueError(f"profile: repeat must be at least 1, got {repeat}")
        kept = [(s, s.data[:s.nbytes]) for s in self.storages.values()]
        fresh = {}
        for t, i in zip(self.outputs, self.fresh):
            if i >= 0:
                fresh[i] = (<Tensor>t).storage
        self.bind(self.inputs, [fresh[i] for i in range(len(fresh))])
        times = [float("inf")] * self.count
        for k in range(repeat):
            for i in range(self.count):
                begin = seconds_now()
                with nogil:
                    fnn_run(&self.live[i], 1)
                seconds = seconds_now() - begin
                times[i] = min(times[i], max(seconds, 1e-9))    # the clock may stand still
        for s, saved in kept:
            memcpy(s.data, <char *>saved, s.nbytes)
        return times

    def summary(self, int repeat=20):
        """A table of the calls, as text: work, bytes, measured time, share of the step, rates.

        Times are the least of `repeat` runs of each call on its own; see `profile`.
        """
        times = self.profile(repeat)
        total = sum(times)
        lines = [f"{'call':<28}{'dtype':<9}{'MFLOP':>9}{'KiB':>10}{'us':>10}{'share':>8}{'GFLOP/s':>10}{'GB/s':>8}"]
        for row, seconds in zip(self.table(), times):
            size = sum(row["buffers"].values())
            lines.append(f"{row['name']:<28}{row['dtype']:<9}{row['work'] / 1e6:>9.3f}{size / 1024:>10.1f}{seconds * 1e6:>10.2f}"
                         f"{seconds / total:>8.1%}{row['work'] / seconds / 1e9:>10.1f}{size / seconds / 1e9:>8.1f}")
        work = sum(row["work"] for row in self.table())
        lines.append(f"{'total of ' + str(self.count) + ' calls':<28}{'':<9}{work / 1e6:>9.3f}{'':>10}{total * 1e6:>10.2f}"
                     f"{'':>8}{work / total / 1e9:>10.1f}")
        return "\n".join(lines)

    def __str__(self):
        return self.summary()

    def __repr__(self):
        return f"<Plan of {self.count} calls, {self.replays} replays>"

    def to_dot(self):
        """The calls and the buffers that connect them, as text in the DOT language of Graphviz."""
        lines = ["digraph plan {", "  node [shape=box, fontname=monospace];"]
        maker = {}
        for i, row in enumerate(self.table()):
            lines.append(f'  c{i} [label="{row["name"]}"];')
            for n in row["reads"]:
                if n in maker:
                    lines.append(f'  c{maker[n]} -> c{i} [label="{row["buffers"][n]} B"];')
            for n in row["writes"]:
                maker[n] = i
        return "\n".join([*lines, "}"])


cdef Tensor copied(Tensor t):
    cdef Tensor y = new_like(t)
    copy_into(y, t)
    return y


cdef Plan make_plan(Recorder r, list outputs):
    """Take over the recorder's Calls; find out which buffers are inputs, outputs, state."""
    cdef Plan p = Plan.__new__(Plan)
    cdef Tensor t
    cdef Storage s
    cdef int64_t i
    cdef int j
    p.calls, p.count = r.calls, r.count
    r.calls = NULL
    p.storages = r.storages
    p.names = r.names
    p.world = world
    p.threads = fnn_threads()
    p.rng = [(i, g) for i, g in r.generators.items()]
    p.inputs = [alias(t) for t in r.inputs]
    p.leaves = [(leaf, reads, before, gradient_mark(leaf)) for leaf, reads, before in r.leaves.values()]
    p.first_born = r.first_born
    by_storage = {}
    for i, t in enumerate(r.inputs):
        by_storage[<uintptr_t><void *>t.storage] = i
    p.fresh = []                # per output: number among the new storages, -1: as recorded, or -2 - number of the input
    p.outputs = [alias(t) for t in outputs]
    fresh = {}
    gradients = {<uintptr_t><void *>(<Tensor>after).storage for _, _, _, after in p.leaves if isinstance(after, Tensor)}
    for t in p.outputs:
        key = <uintptr_t><void *>t.storage
        if key in gradients and t.storage.serial > r.first_born:
            p.fresh.append(OWN_COPY)        # .grad keeps its place
        elif key in by_storage:
            p.fresh.append(-2 - <int64_t>by_storage[key])
        elif t.storage.serial <= r.first_born:
            p.fresh.append(-1)
        else:
            p.fresh.append(fresh.setdefault(key, len(fresh)))
    p.fresh_bytes = [0] * len(fresh)
    for t, i in zip(p.outputs, p.fresh):
        if i >= 0:
            p.fresh_bytes[i] = t.storage.nbytes
    p.state = []
    written = set()
    for i in range(p.count):
        for j in range(p.calls[i].buffers):
            if p.calls[i].owner[j] == NULL:
                continue
            key = <uintptr_t>p.calls[i].owner[j]
            s = <Storage>p.calls[i].owner[j]
            if key in by_storage:
                t = r.inputs[by_storage[key]]
                p.patch(i, j, by_storage[key], <char *>p.calls[i].args.p[j] - t.data_)
            elif key in fresh:
                p.patch(i, j, -1 - <int64_t>fresh[key], <char *>p.calls[i].args.p[j] - s.data)
            elif j < p.calls[i].outputs and s.serial <= r.first_born and key not in written:
                written.add(key)
                p.state.append(s)
    p.live = <fnn_call *>fnn_realloc(NULL, p.count * sizeof(fnn_call))
    if p.live == NULL:
        raise MemoryError("recording a step")
    memcpy(p.live, p.calls, p.count * sizeof(fnn_call))
    return p
