# Recording: every Call of one eager run is kept, and compared with another run of the same step.

cdef extern from *:
    """
    #include <stdlib.h>
    """
    void *fnn_realloc "realloc"(void *, size_t)
    void fnn_free "free"(void *)

cdef uint64_t world = 0     # counts what a recording cannot see change: modes, frozen or replaced parameters


def world_changed():
    """Say that recorded steps may be out of date: they compare themselves with an eager step once."""
    global world
    world += 1


cdef class Recorder:
    """Every Call of one eager run, with the Storages they use (kept, so that no address is used twice)."""

    def __dealloc__(self):
        fnn_free(self.calls)

    cdef int begin(self, list inputs) except -1:
        self.storages = {}
        self.generators = {}
        self.names = {}
        self.leaves = {}
        self.inputs = inputs
        self.first_born = storage_count
        return 0

    cdef int append(self, fnn_call *c) except -1:
        cdef int i
        if self.count == self.capacity:
            self.capacity = 2 * self.capacity + 64
            self.calls = <fnn_call *>fnn_realloc(self.calls, self.capacity * sizeof(fnn_call))
            if self.calls == NULL:
                raise MemoryError("recording a step")
        self.calls[self.count] = c[0]
        for i in range(c.buffers):
            if c.owner[i] != NULL:
                self.storages[<uintptr_t>c.owner[i]] = <Storage>c.owner[i]
        if c.flags & FNN_RANDOM:
            self.generators[self.count] = self.next_generator
        if c.flags & FNN_CHECK:
            self.names[self.count] = self.next_name
        self.count += 1
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


cdef object IN_ARENA = "in the arena"


cdef object gradient_mark(Tensor leaf):
    """The leaf's gradient; only a word where it is the optimizer's own memory, which backward leaves
    as soon as anybody else holds a reference to it."""
    return IN_ARENA if leaf.grad_ is not None and leaf.grad_ is leaf.grad_slot else leaf.grad_


cdef Tensor marked_gradient(Tensor leaf, object mark):
    return leaf.grad_slot if mark is IN_ARENA else <Tensor>mark


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
    cdef Storage s
    cdef int64_t i
    cdef int j
    if r.reason is not None:
        return f"{r.reason} at {r.where}"
    if r.count == 0:
        return "nothing was computed"
    for t in outputs:
        if t.node is not None and not t.node.released:
            return ("a result still has its graph; compile the whole step with its backward(), "
                    "or call it under no_grad()")
    first = {}
    computed = set()
    for i in range(r.count):
        for j in range(r.calls[i].outputs):
            computed.add(<uintptr_t>r.calls[i].owner[j])
    for t in outputs:
        if t.storage.serial > r.first_born and <uintptr_t><void *>t.storage not in computed:
            return "a result was made inside the step by something else than fastnn's operations"
    for i in range(r.count):
        for j in range(r.calls[i].buffers - 1, -1, -1):        # inputs before outputs
            if r.calls[i].owner[j] == NULL:
                continue
            s = <Storage>r.calls[i].owner[j]
            written = j < r.calls[i].outputs
            read_first = first.setdefault(<uintptr_t><void *>s, not written)
            if written and read_first and s.serial > r.first_born:
                return f"a constant made inside the step is changed in place by {fnn_names[r.calls[i].id].decode()}"
    return None


cdef str difference(Plan p, Recorder r):
    """What differs between a plan and another recording of the same step, or None."""
    cdef int64_t i
    cdef int j, k
    cdef fnn_call a, b
    cdef Storage s, o
    cdef Tensor t, u
    if p.count != r.count:
        return f"{p.count} operations, then {r.count}"
    same = {}
    for t, u in zip(p.inputs, r.inputs):
        same[<uintptr_t><void *>t.storage] = (<uintptr_t><void *>u.storage, <intptr_t>(u.data_ - u.storage.data) - <intptr_t>(t.data_ - t.storage.data))
    for i in range(p.count):
        a, b = p.calls[i], r.calls[i]
        name = fnn_names[b.id].decode()
        if a.id != b.id or a.dtype != b.dtype or a.buffers != b.buffers or a.flags != b.flags:
            return f"operation {i} was {fnn_names[a.id].decode()}, then {name}"
        for j in range(FNN_SIZES - (2 if a.flags & FNN_RANDOM else 0)):
            if a.args.n[j] != b.args.n[j]:
                return f"a size of operation {i} ({name}) was {a.args.n[j]}, then {b.args.n[j]}"
        for j in range(FNN_SCALARS):
            if memcmp(&a.args.s[j], &b.args.s[j], sizeof(double)):
                return f"a number of operation {i} ({name}) was {a.args.s[j]}, then {b.args.s[j]}"
        for j in range(a.buffers):
            if (a.owner[j] == NULL) != (b.owner[j] == NULL):
                return f"a buffer of operation {i} ({name}) came or went"
            if a.owner[j] == NULL:
                continue
            s, o = <Storage>a.owner[j], <Storage>b.owner[j]
            key, other = <uintptr_t>a.owner[j], <uintptr_t>b.owner[j]
            shift = <intptr_t>(<char *>b.args.p[j] - o.data) - <intptr_t>(<char *>a.args.p[j] - s.data)
            if key not in same:
                if s.serial <= p.first_born and key != other:
                    return f"operation {i} ({name}) uses another array from outside the step"
                if s.serial > p.first_born and o.serial <= r.first_born:
                    return f"operation {i} ({name}) uses an array from outside the step"
                if s.serial > p.first_born and j >= a.outputs and (s.nbytes != o.nbytes or memcmp(s.data, o.data, s.nbytes)):
                    return f"a constant made inside the step, used by operation {i} ({name}), has changed"
                same[key] = (other, 0)
            if same[key] != (other, shift):
                return f"operation {i} ({name}) uses other memory"
    return None
