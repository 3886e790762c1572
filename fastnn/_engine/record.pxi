# Recording: every Call of one eager run is kept, and compared with another run of the same step.

cdef uint64_t world = 0     # counts what a recording cannot see change: modes, frozen or replaced parameters


def world_changed():
    """Say that recorded steps may be out of date: they compare themselves with an eager step once."""
    global world
    world += 1


cdef uint64_t hooks_met = 0         # by recordings, which they stop
cdef uint64_t hooks_removed = 0     # a step that a hook stopped may be recorded again


def hook_stops_recording(str whose):
    """A hook is about to be called: a step that is being recorded runs eagerly as long as hooks are there."""
    global hooks_met
    if fnn_recorder != NULL:
        hooks_met += 1
        leaves_graph(f"{whose}, which is Python at each call")


def hook_removed():
    """Say that a hook was taken away: steps that ran eagerly because of hooks are recorded anew."""
    global hooks_removed
    hooks_removed += 1
    world_changed()


cdef extern from *:
    """
    #define holders(x) Py_REFCNT(x)
    """
    Py_ssize_t holders(PyObject *)


# What new memory holds while recording: NaN in both float types, out of range as an index.
cdef uint64_t UNWRITTEN = 0x7FF5DEAD7FA5DEAD


cdef int mark_unwritten(Storage s) except -1:
    cdef uint64_t *word = <uint64_t *>s.data
    cdef int64_t i
    for i in range((s.nbytes + 7) // 8):
        word[i] = UNWRITTEN
    return 0


cdef bint is_unwritten(Storage s) noexcept:
    cdef uint64_t *word = <uint64_t *>s.data
    cdef int64_t i
    if s.bin < 0:
        return False
    for i in range((s.nbytes + 7) // 8):
        if word[i] != UNWRITTEN:
            return False
    return True


@cython.final
cdef class Place:
    pass


@cython.final
cdef class Job:
    cdef Job copy(self):
        cdef Job job = Job.__new__(Job)
        cdef int j
        job.call = self.call
        job.places = list(self.places)
        for j in range(FNN_BUFFERS):
            job.offset[j], job.low[j], job.high[j] = self.offset[j], self.low[j], self.high[j]
        job.generator, job.checks = self.generator, self.checks
        return job


cdef bint watch_calls = False       # tests: every recording looks whether Calls write what they only read


def _watch_calls(bint on):
    """Whether recordings check that Calls change nothing but their outputs; what it was before."""
    global watch_calls
    before = watch_calls
    watch_calls = on
    return before


@cython.final
cdef class Recorder:
    """Every Call of one eager run, and the Storages they use: those that die are not kept."""

    cdef int begin(self, list inputs) except -1:
        self.jobs = []
        self.places = {}
        self.leaves = {}
        self.inputs = inputs
        self.first_born = storage_count
        self.watching = watch_calls
        return 0

    cdef int append(self, fnn_call *c) except -1:
        """Keep a Call that is about to run."""
        cdef Job job = Job.__new__(Job)
        cdef Storage s
        cdef Place place
        cdef int64_t at
        cdef int j
        job.call = c[0]
        job.places = [None] * c.buffers
        if self.watching:
            self.watched = []
        for j in range(c.buffers - 1, -1, -1):      # inputs first: is a new Storage read or written?
            if c.owner[j] == NULL:
                continue
            s = <Storage>c.owner[j]
            place = self.places.get(s.serial)
            if place is None:
                place = self.place_of(s, j < c.outputs)
            if j < c.outputs and place.constant and self.changed is None:
                self.changed = f"a constant made inside the step is changed in place by {fnn_names[c.id].decode()}"
            job.places[j] = place
            at = <char *>c.args.p[j] - s.data
            job.offset[j] = at - place.base
            job.low[j], job.high[j] = 0, s.nbytes
            if c.bytes[j] >= 0:
                job.low[j], job.high[j] = at, min(at + c.bytes[j], s.nbytes)
            if self.watching:
                self.watched.append((s, job.low[j], job.high[j], j < c.outputs, s.data[:s.nbytes]))
            job.low[j] -= place.base
            job.high[j] -= place.base
        if c.flags & FNN_RANDOM:
            job.generator = self.next_generator
        if c.flags & FNN_CHECK:
            job.checks = self.next_name
        self.jobs.append(job)
        return 0

    cdef Place place_of(self, Storage s, bint written):
        """A Storage is met for the first time."""
        cdef Place place = Place.__new__(Place)
        cdef Tensor t
        cdef int i
        place.serial, place.nbytes = s.serial, s.nbytes
        place.input = -1
        place.inside = s.serial > self.first_born
        place.constant = place.inside and not (written and is_unwritten(s))
        for i, t in enumerate(self.inputs):
            if t.storage is s:
                place.input, place.base = i, t.data_ - s.data
        if place.inside and not place.constant:
            place.storage = <void *>s
            s.place = place
        else:
            place.kept = s
        self.places[s.serial] = place
        return place

    cdef int watch(self, fnn_call *c) except -1:
        """The Call has run: did it write anywhere but within its outputs?"""
        cdef Storage s, other
        cdef int64_t low, high
        for s, _, _, _, before in self.watched:
            after = bytearray(s.data[:s.nbytes])
            for other, low, high, written, _ in self.watched:
                if other is s and written:
                    after[low:high] = before[low:high]
            if after != before:
                raise RuntimeError(f"{fnn_names[c.id].decode()} writes to memory that is no output of it")
        self.watched = None
        return 0

    cdef int stop(self, str reason) except -1:
        """The step cannot be replayed; the first reason and the user's line are kept for the warning."""
        if self.reason is None:
            self.reason = reason
            self.where = users_line()
        return 0

    cdef int touch(self, Tensor leaf, bint reads) except -1:
        """A leaf's gradient is about to be looked at (reads) or replaced."""
        if id(leaf) not in self.leaves:
            self.leaves[id(leaf)] = (leaf, reads, gradient_mark(leaf))
        return 0

    cdef int end(self) except -1:
        """What was made inside and still is there can be seen from outside: it is kept. Leaves that were
        made inside, or came as arguments, and that nobody holds any more, are nobody's."""
        cdef Place place
        cdef Tensor leaf
        cdef list gone = []
        for key, found in self.leaves.items():
            leaf = found[0]
            if holders(<PyObject *>leaf) == 2 or any([leaf is x for x in self.inputs]):     # `found` and `leaf`
                gone.append(key)
        for key in gone:
            del self.leaves[key]
        for place in self.places.values():
            if place.storage != NULL:
                place.kept = <Storage>place.storage
                place.kept.place = None
                place.storage = NULL
        return 0


cdef object IN_ARENA = "in the arena"


cdef object gradient_mark(Tensor leaf):
    """The leaf's gradient; only a word where it is the optimizer's own memory, which backward leaves
    as soon as anybody else holds a reference to it."""
    return IN_ARENA if leaf.grad_ is not None and leaf.grad_ is leaf.grad_slot else leaf.grad_


cdef Tensor marked_gradient(Tensor leaf, object mark):
    return leaf.grad_slot if mark is IN_ARENA else <Tensor>mark


cdef tuple gradients_before(Recorder r):
    """Which leaves had a gradient before the step, as far as the step looked: each has its own plan."""
    return tuple([(key, before is not None) for key, (_, reads, before) in r.leaves.items() if reads])


cdef str users_line():
    """file:line of the innermost frame that is not fastnn's."""
    import os
    import sys
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    frame = sys._getframe(0)
    while frame is not None and os.path.abspath(frame.f_code.co_filename).startswith(home):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"


cdef str refusal(Recorder r, list outputs):
    """Why this run cannot be replayed, or None."""
    cdef Tensor t
    cdef Place place
    if r.reason is not None:
        return f"{r.reason} at {r.where}"
    if not r.jobs:
        return "nothing was computed"
    for t in outputs:
        if t.node is not None and not t.node.released:
            return ("a result still has its graph; compile the whole step with its backward(), "
                    "or call it under no_grad()")
    for t in outputs:
        place = r.places.get(t.storage.serial)
        if t.storage.serial > r.first_born and (place is None or place.constant):
            return "a result was made inside the step by something else than fastnn's operations"
    return None


cdef str difference(Recorder a, Recorder b):
    """What differs between two recordings of the same step, or None."""
    cdef Py_ssize_t i
    cdef int j, k
    cdef Job x, y
    cdef Place p, q
    if len(a.jobs) != len(b.jobs):
        return f"{len(a.jobs)} operations, then {len(b.jobs)}"
    there, back = {}, {}
    for i in range(len(a.jobs)):
        x, y = a.jobs[i], b.jobs[i]
        name = fnn_names[y.call.id].decode()
        if x.call.id != y.call.id or x.call.dtype != y.call.dtype or x.call.buffers != y.call.buffers or x.call.flags != y.call.flags:
            return f"operation {i} was {fnn_names[x.call.id].decode()}, then {name}"
        for j in range(FNN_SIZES - (2 if x.call.flags & FNN_RANDOM else 0)):
            if x.call.args.n[j] != y.call.args.n[j]:
                return f"a size of operation {i} ({name}) was {x.call.args.n[j]}, then {y.call.args.n[j]}"
        for k in range(FNN_SCALARS):
            if memcmp(&x.call.args.s[k], &y.call.args.s[k], sizeof(double)):
                return f"a number of operation {i} ({name}) was {x.call.args.s[k]}, then {y.call.args.s[k]}"
        for j in range(x.call.buffers):
            p, q = x.places[j], y.places[j]
            if (p is None) != (q is None):
                return f"a buffer of operation {i} ({name}) came or went"
            if p is None:
                continue
            if there.setdefault(p, q) is not q or back.setdefault(q, p) is not p or x.offset[j] != y.offset[j]:
                return f"operation {i} ({name}) uses other memory"
            if p.input != q.input or p.inside != q.inside or (p.input < 0 and not p.inside and p.kept is not q.kept):
                return f"operation {i} ({name}) uses another array from outside the step"
            if p.inside and p.nbytes != q.nbytes:
                return f"operation {i} ({name}) uses other memory"
            if p.constant != q.constant or (p.constant and memcmp(p.kept.data, q.kept.data, p.nbytes)):
                return f"a constant made inside the step, used by operation {i} ({name}), has changed"
    return None
