# A step recorded as a list of Calls, and replayed: no Python, no allocation, the GIL released.

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
            self.leaves[id(leaf)] = (leaf, reads, leaf.grad_)
        return 0


cdef str users_line():
    """file:line of the innermost frame that is not fastnn's."""
    import os
    import sys
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    frame = sys._getframe(0)
    while frame is not None and os.path.abspath(frame.f_code.co_filename).startswith(home):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"


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
        if self.world != world or self.threads != fnn_threads() or self.busy:
            return False
        for leaf, reads, before, after in self.leaves:
            if reads and leaf.grad_ is not before:
                return False
        return True

    cdef object replay(self, list inputs):
        cdef int64_t i, failed
        cdef Patch *patch
        cdef char *base
        cdef Tensor leaf, t, y
        cdef Storage s
        cdef Generator g
        cdef list fresh = [new_storage(n) for n in self.fresh_bytes]
        for i in range(self.num_patches):
            patch = &self.patches[i]
            if patch.source >= 0:
                base = (<Tensor>inputs[patch.source]).data_
            else:
                base = (<Storage>fresh[-1 - patch.source]).data
            self.live[patch.call].args.p[patch.buffer] = base + patch.offset
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
            leaf.grad_ = after
        results = []
        for t, i in zip(self.outputs, self.fresh):
            y = alias(t)
            if i >= 0:
                y.storage = fresh[i]
                y.data_ = y.storage.data + (t.data_ - t.storage.data)
            elif i <= -2:
                y = alias(inputs[-2 - i])
            results.append(y)
        return results


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
    p.leaves = [(leaf, reads, before, (<Tensor>leaf).grad_) for leaf, reads, before in r.leaves.values()]
    p.first_born = r.first_born
    by_storage = {}
    for i, t in enumerate(r.inputs):
        by_storage[<uintptr_t><void *>t.storage] = i
    p.fresh = []                # per output: number among the new storages, or -1: as recorded
    p.outputs = [alias(t) for t in outputs]
    fresh = {}
    for t in p.outputs:
        key = <uintptr_t><void *>t.storage
        if key in by_storage:
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
    seen = set()
    for t in r.inputs:
        if <uintptr_t><void *>t.storage in seen:
            return "two inputs share their memory"
        seen.add(<uintptr_t><void *>t.storage)
    for t in outputs:
        if t.node is not None and not t.node.released:
            return ("a result still has its graph; compile the whole step with its backward(), "
                    "or call it under no_grad()")
    first = {}
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


# --- the public door ----------------------------------------------------------------------------

cdef enum:
    MAX_PLANS = 16          # signatures kept by one compiled function
    MAX_ATTEMPTS = 5        # recordings until two in a row are equal


cdef class Entry:
    """What is known for one signature: a plan that was confirmed, or one that waits for that."""
    cdef Plan plan
    cdef bint confirmed
    cdef int attempts
    cdef int64_t next_check     # replays after which the plan is compared with an eager step again
    cdef str refused            # why this signature runs eagerly


cdef object flatten(object x, list leaves):
    """Take the Tensors out of nested tuples, lists and dicts; what is left can be compared."""
    cdef Tensor t
    if isinstance(x, (Tensor, np.ndarray)):
        t = as_tensor(x, b"input")
        leaves.append(t)
        return (Tensor, t.dtype_, shape_of(t), bool(t.wants_grad))
    if type(x) is tuple or type(x) is list:
        return (type(x), *[flatten(v, leaves) for v in x])
    if type(x) is dict:
        return (dict, *[(k, flatten(v, leaves)) for k, v in x.items()])
    return (type(x), x)


cdef object rebuild(object x, object spec, object leaves):
    """The structure of x with the Tensors of the iterator `leaves` in it."""
    if spec[0] is Tensor:
        return next(leaves)
    if type(x) is tuple or type(x) is list:
        return type(x)([rebuild(v, s, leaves) for v, s in zip(x, spec[1:])])
    if type(x) is dict:
        return {k: rebuild(x[k], s, leaves) for k, s in spec[1:]}
    return x


cdef class CompiledFunction:
    """What `fastnn.compile` returns: call it like the function.

    Attributes
    ----------
    recorded, replayed, eager : int
        How many calls were recorded, replayed and run eagerly.
    """
    cdef readonly object function
    cdef dict entries
    cdef readonly int64_t recorded, replayed, eager
    cdef set warned
    cdef dict __dict__
    cdef object __weakref__

    def __init__(self, function):
        import functools
        self.function = function
        self.entries = {}
        self.warned = set()
        functools.update_wrapper(self, function)

    def __get__(self, instance, owner):
        import types
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args, **kwargs):
        cdef Entry entry
        cdef Tensor t
        cdef list inputs = []
        cdef list results
        if fnn_recorder != NULL:                # part of a larger step that is being recorded
            return self.function(*args, **kwargs)
        spec = (bool(fnn_no_grad), flatten(args, inputs), flatten(kwargs, inputs))
        inputs = [contiguous(t) if not t.contiguous else t for t in inputs]
        try:
            entry = self.entries.get(spec)
        except TypeError:
            raise TypeError("compiled function: arguments must be Tensors, arrays or hashable values") from None
        if entry is None:
            entry = self.entry_for(spec)
        if entry.refused is not None:
            self.eager += 1
            args, kwargs = self.bound(args, kwargs, spec, inputs)
            return self.function(*args, **kwargs)
        if entry.confirmed and entry.plan.replays < entry.next_check and entry.plan.fits():
            self.replayed += 1
            results = entry.plan.replay(inputs)
            if entry.plan.template is Tensor:
                return results[0]
            value, out_spec = entry.plan.template
            return rebuild(value, out_spec, iter(results))
        return self.record(entry, args, kwargs, spec, inputs)

    cdef Entry entry_for(self, object spec):
        cdef Entry entry = Entry.__new__(Entry)
        if len(self.entries) >= MAX_PLANS:
            self.warn(f"more than {MAX_PLANS} different argument shapes or values; the oldest recordings are dropped, "
                      "and recording starts again for each. Pad batches to few sizes, or pass changing numbers as tensors")
            self.entries.pop(next(iter(self.entries)))
        self.entries[spec] = entry
        for part in inputs_that_want_grad(spec):
            entry.refused = "an input requires grad"
            self.warn(entry.refused)
            break
        return entry

    cdef tuple bound(self, object args, object kwargs, object spec, list inputs):
        leaves = iter(inputs)
        return rebuild(args, spec[1], leaves), rebuild(kwargs, spec[2], leaves)

    cdef object record(self, Entry entry, object args, object kwargs, object spec, list inputs):
        """Run eagerly and record; two recordings in a row that are equal make a confirmed plan."""
        global fnn_recorder
        cdef Recorder r = Recorder.__new__(Recorder)
        cdef list outputs = []
        cdef str reason
        # arguments get Storages of their own, so that they can be told from everything else
        inputs = [reborrow(t) for t in inputs]
        args, kwargs = self.bound(args, kwargs, spec, inputs)
        r.begin(inputs)
        fnn_recorder = <void *>r
        try:
            value = self.function(*args, **kwargs)
        finally:
            fnn_recorder = NULL
        self.recorded += 1
        out_spec = flatten(value, outputs)
        reason = refusal(r, outputs)
        if reason is not None:
            entry.refused = reason
            entry.plan = None
            self.warn(reason)
            return value
        self.judge(entry, r, outputs)
        if entry.plan is not None:
            entry.plan.template = Tensor if isinstance(value, Tensor) else (value, out_spec)
            if not isinstance(value, Tensor):
                entry.plan.template = (rebuild(value, out_spec, iter([None] * len(outputs))), out_spec)
        leaves = iter([alias(t) for t in outputs])
        return rebuild(value, out_spec, leaves)

    cdef int judge(self, Entry entry, Recorder r, list outputs) except -1:
        cdef Plan plan = entry.plan
        cdef str differs
        entry.attempts += 1
        differs = difference(plan, r) if plan is not None else None
        if plan is not None and differs is None:
            plan.world = world
            plan.threads = fnn_threads()
            plan.leaves = [(leaf, reads, before, (<Tensor>leaf).grad_) for leaf, reads, before in r.leaves.values()]
            entry.confirmed = True
            entry.next_check = plan.replays * 8 + 64
            entry.attempts = 0
            return 0
        entry.confirmed = False
        entry.plan = make_plan(r, outputs)
        entry.plan.replays = plan.replays if plan is not None else 0
        if entry.attempts >= MAX_ATTEMPTS:
            entry.refused = f"it does something else at each call: {differs}"
            entry.plan = None
            self.warn(entry.refused)
        return 0

    cdef int warn(self, str reason) except -1:
        import warnings
        if reason not in self.warned:
            self.warned.add(reason)
            name = getattr(self.function, "__qualname__", type(self.function).__name__)
            warnings.warn(f"compile({name}): runs eagerly, it cannot be replayed: {reason}", stacklevel=3)
        return 0

    def plans(self):
        """The confirmed plans, a list."""
        cdef Entry entry
        return [entry.plan for entry in self.entries.values() if entry.confirmed]

    def __repr__(self):
        return (f"<compiled {getattr(self.function, '__qualname__', self.function)}: {len(self.plans())} plans, "
                f"{self.replayed} replays>")


cdef Tensor reborrow(Tensor t):
    """The same memory behind a Storage of its own."""
    cdef Tensor x = alias(t)
    x.storage = borrow(t.storage.data, t.storage.nbytes, t.storage)
    return x


cdef list inputs_that_want_grad(object spec):
    if type(spec) is not tuple:
        return []
    if len(spec) == 4 and spec[0] is Tensor:
        return [spec] if spec[3] else []
    return [found for part in spec for found in inputs_that_want_grad(part)]


def compile(function):
    """Record a function of tensors at its first calls, then replay it in C, with the same bits.

    Everything that fastnn computes in the function becomes one list of kernel calls: for a whole training
    step the forward pass, the loss, ``backward()``, clipping and ``optimizer.step()``. A signature
    (shapes and dtypes of tensors and arrays, values of all other arguments) is recorded twice; only when both
    recordings are equal is it replayed, and after 64, 512, ... replays it is compared again. What a
    recording cannot hold makes the function run eagerly, with one warning that names line and reason.

    Parameters
    ----------
    function : callable
        Takes and returns Tensors, arrays and plain values, also nested in tuples, lists and dicts.
        Arrays arrive as Tensors. A `Module` is a callable too.

    Returns
    -------
    CompiledFunction
        Called like the function. Tensors that it returns have no graph.

    Notes
    -----
    Plain Python values are part of the recording; Python side effects happen only while recording.

    Examples
    --------
    >>> import fastnn
    >>> @fastnn.compile
    ... def double(x):
    ...     return x * 2
    >>> [double(fastnn.tensor([i])).item() for i in (1.0, 2.0, 3.0)]
    [2.0, 4.0, 6.0]
    >>> double.replayed
    1
    """
    if not callable(function):
        raise TypeError(f"compile: expected a callable, got {type(function).__name__}")
    return CompiledFunction(function)
