# fastnn.compile: which calls of a function are recorded, replayed, or run eagerly.

cdef enum:
    MAX_PLANS = 16          # signatures kept by one compiled function
    MAX_VARIANTS = 4        # of one signature, by the gradients that are there before
    MAX_ATTEMPTS = 7        # recordings until two of a variant are equal


cdef class Variant:
    """One of the ways in which a signature runs: a plan that was confirmed, or a recording that waits
    for an equal one. Steps that find gradients and steps that do not have one each."""
    cdef Recorder recording
    cdef Plan plan
    cdef tuple gradients
    cdef int64_t replays, next_check    # the plan is compared with an eager step again after so many


cdef class Entry:
    """What is known for one signature."""
    cdef list variants
    cdef Variant current                # the last one that was ready
    cdef int attempts                   # recordings since two were equal
    cdef str refused                    # why this signature runs eagerly
    cdef bint hooked                    # because of hooks that the function did not take away itself
    cdef uint64_t hooks_removed         # when it was refused
    cdef bint no_grad
    cdef tuple layout                   # of the arguments, where the quick way may be taken

    cdef bint ready(self) except -1:
        """Is there a plan that can be replayed now? It becomes `current`."""
        cdef Variant v = self.current
        if v is not None and self.can_replay(v):
            return True
        for v in self.variants:
            if self.can_replay(v):
                self.current = v
                return True
        return False

    cdef bint can_replay(self, Variant v) except -1:
        return v.plan is not None and not v.plan.busy and v.plan.replays < v.next_check and v.plan.fits()

    cdef bint busy(self):
        cdef Variant v
        for v in self.variants:
            if v.plan is not None and v.plan.busy:
                return True
        return False

    cdef bint takes(self, tuple args, list inputs) except -1:
        """Are the arguments plain tensors or arrays, or tuples of them, of this entry's signature? They
        are put into inputs."""
        cdef Variant v = self.current
        cdef Py_ssize_t i
        if v is None or v.plan is None or self.no_grad != fnn_no_grad or len(args) != len(self.layout):
            return False
        for i in range(len(args)):
            x = args[i]
            if self.layout[i] < 0:
                if not take(x, inputs, v.plan.inputs):
                    return False
                continue
            if type(x) is not tuple or len(<tuple>x) != self.layout[i]:
                return False
            for part in <tuple>x:
                if not take(part, inputs, v.plan.inputs):
                    return False
        return True


cdef bint take(object x, list inputs, list like) except -1:
    cdef Tensor t, expect = like[len(inputs)]
    if type(x) is Tensor:
        t = x
    elif type(x) is np.ndarray:
        t = from_numpy_shared(x, b"compile")
        if t is None:
            return False
    else:
        return False
    if t.dtype_ != expect.dtype_ or t.wants_grad or not same_shape(t, expect):
        return False
    inputs.append(t if t.contiguous else contiguous(t))
    return True


cdef tuple layout_of(tuple args):
    """Per argument -1 for a tensor, n for a tuple of n tensors; None if there is anything else."""
    found = []
    for x in args:
        if isinstance(x, (Tensor, np.ndarray)):
            found.append(-1)
        elif type(x) is tuple and all([isinstance(part, (Tensor, np.ndarray)) for part in x]):
            found.append(len(x))
        else:
            return None
    return tuple(found)


cdef object replayed_value(Plan plan, list inputs):
    results = plan.replay(inputs)
    if plan.template is Tensor:
        return results[0]
    value, spec = plan.template
    return rebuild(value, spec, iter(results))


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
    cdef Outside outside            # what the latest recording read from outside
    cdef list objects               # arguments that are objects: their attributes are read too
    cdef Entry last                 # the entry of the latest call, if its arguments were plain tensors
    cdef dict __dict__
    cdef object __weakref__

    def __init__(self, function):
        import functools
        self.function = function
        self.entries = {}
        self.warned = set()
        self.objects = []
        functools.update_wrapper(self, function)

    def __get__(self, instance, owner):
        import types
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args, **kwargs):
        cdef Entry entry = self.last
        cdef Tensor t
        cdef list inputs = []
        if fnn_recorder != NULL:                # part of a larger step that is being recorded
            return self.function(*args, **kwargs)
        if self.outside is not None and not self.outside.same():
            self.outside.changed_in_row += 1
            world_changed()
        if entry is not None and not kwargs and entry.takes(args, inputs) and entry.ready() \
                and not entry.current.plan.overlaps(inputs):
            self.replayed += 1
            self.outside.changed_in_row = 0
            return replayed_value(entry.current.plan, inputs)
        inputs = []
        spec = (bool(fnn_no_grad), flatten(args, inputs), flatten(kwargs, inputs))
        inputs = [contiguous(t) if not t.contiguous else t for t in inputs]
        try:
            entry = self.entries.get(spec)
        except TypeError:
            raise TypeError("compiled function: arguments must be Tensors, arrays or hashable values") from None
        if entry is None:
            entry = self.entry_for(spec)
        if entry.hooked and entry.hooks_removed != hooks_removed:
            entry.refused, entry.hooked, entry.attempts = None, False, 0
        if entry.refused is not None or entry.busy():
            self.eager += 1
            args, kwargs = self.bound(args, kwargs, spec, inputs)
            return self.function(*args, **kwargs)
        if entry.ready():
            if entry.current.plan.overlaps(inputs):
                self.warn("arguments share memory with each other, or with something else, that the step changes")
                self.eager += 1
                args, kwargs = self.bound(args, kwargs, spec, inputs)
                return self.function(*args, **kwargs)
            self.replayed += 1
            self.outside.changed_in_row = 0
            entry.layout = None if kwargs else layout_of(args)
            self.last = None if entry.layout is None else entry
            entry.no_grad = fnn_no_grad
            return replayed_value(entry.current.plan, inputs)
        return self.record(entry, args, kwargs, spec, inputs)

    cdef Entry entry_for(self, object spec):
        cdef Entry entry = Entry.__new__(Entry)
        entry.variants = []
        if len(self.entries) >= MAX_PLANS:
            self.warn(f"more than {MAX_PLANS} different argument shapes or values; the oldest recordings are dropped, "
                      "and recording starts again for each. Pad batches to few sizes, or pass changing numbers as tensors")
            self.entries.pop(next(iter(self.entries)))
        self.entries[spec] = entry
        for x in objects_of(spec[1:]):
            if all([x is not other for other in self.objects]):
                self.objects = [*self.objects[1 - MAX_PLANS:], x]
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
        cdef Variant v
        cdef Plan plan
        cdef Outside outside
        cdef list outputs = []
        cdef str reason
        cdef uint64_t met = hooks_met, removed = hooks_removed
        for v in entry.variants:        # out of date, or to be compared: their memory is free
            if v.plan is not None and (v.plan.world != world or v.plan.threads != fnn_threads() or v.plan.replays >= v.next_check):
                v.replays = v.plan.replays
                v.plan = None
        # arguments get Storages of their own, so that they can be told from everything else
        inputs = [reborrow(t) for t in inputs]
        args, kwargs = self.bound(args, kwargs, spec, inputs)
        outside = Outside(self.function, self.objects)
        r.begin(inputs)
        fnn_recorder = <void *>r
        try:
            value = self.function(*args, **kwargs)
        finally:
            fnn_recorder = NULL
        self.recorded += 1
        outside.forget_changed()
        if self.outside is not None:
            outside.changed_in_row, outside.changed = self.outside.changed_in_row, self.outside.changed
        self.outside = outside
        out_spec = flatten(value, outputs)
        reason = refusal(r, outputs)
        if reason is None and outside.changed_in_row >= MAX_ATTEMPTS:
            reason = f"it reads {outside.changed}, which is another at each call; pass it as a tensor"
        if reason is not None:
            entry.refused = reason
            entry.hooked = hooks_met != met and hooks_removed == removed
            entry.hooks_removed = hooks_removed
            entry.variants = []
            entry.current = None
            self.warn(reason)
            return value
        plan = self.judge(entry, r, outputs)
        places = [-1] * len(outputs)
        if plan is not None:
            places = plan.fresh
            plan.template = Tensor
            if not isinstance(value, Tensor):
                plan.template = (rebuild(value, out_spec, iter([None] * len(outputs))), out_spec)
        leaves = iter([copied(t) if place == OWN_COPY else alias(t) for t, place in zip(outputs, places)])
        return rebuild(value, out_spec, leaves)

    cdef Plan judge(self, Entry entry, Recorder r, list outputs):
        """Compare with the recording before; if they are equal, the new one becomes a plan."""
        cdef Variant v, found = None
        cdef str differs = "the first recording"
        r.end()
        gradients = gradients_before(r)
        for v in entry.variants:
            if v.gradients == gradients:
                found = v
                differs = difference(v.recording, r)
        if found is None:
            found = Variant.__new__(Variant)
            found.gradients = gradients
            entry.variants.append(found)
            if len(entry.variants) > MAX_VARIANTS:
                entry.variants.pop(0)
        if found.plan is not None:
            found.replays = found.plan.replays
        found.recording = r
        found.plan = None
        if differs is None:
            differs = r.changed
        if differs is None:
            found.plan = make_plan(r, outputs)
            found.plan.replays = found.replays
            found.next_check = found.replays * 8 + 64
            entry.current = found
            entry.attempts = 0
            return found.plan
        entry.attempts += 1
        if entry.attempts >= MAX_ATTEMPTS:
            entry.refused = f"it does something else at each call: {differs}" if r.changed is None else r.changed
            entry.variants = []
            entry.current = None
            self.warn(entry.refused)
        return None

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
        cdef Variant v
        return [v.plan for entry in self.entries.values() for v in entry.variants if v.plan is not None]

    def __repr__(self):
        return (f"<compiled {getattr(self.function, '__qualname__', self.function)}: {len(self.plans())} plans, "
                f"{self.replayed} replays>")


cdef Tensor reborrow(Tensor t):
    """The same memory behind a Storage of its own."""
    cdef Tensor x = alias(t)
    x.storage = borrow(t.storage.data, t.storage.nbytes, t.storage)
    return x


cdef list objects_of(object spec):
    """Arguments that are neither tensors nor plain values."""
    if type(spec) is not tuple:
        return [] if isinstance(spec, (PLAIN, type)) else [spec]
    return [found for part in spec for found in objects_of(part)]


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
        Arrays arrive as Tensors. A `Module` is a callable too; what is none is a TypeError.

    Returns
    -------
    CompiledFunction
        Called like the function. Tensors that it returns have no graph.

    Notes
    -----
    Arrays and tensors arrive as tensors of their own over the caller's memory. Plain Python values are
    part of the recording. Python side effects happen only while recording; hooks of modules and gradients,
    which are there for them, make the function run eagerly until they are removed. Found at the next call, which then records anew: another mode, layer, parameter, hook or setting of a module,
    another setting of an optimizer, another number of threads; another value of a global, a closure's
    variable, or an attribute, class attribute or item of what these hold, as far as the function, functions
    that it calls by such names, and modules' `forward` read them. Found only when a plan is compared again:
    contents of NumPy arrays that the function turns into tensors, what C extensions or other packages keep,
    and objects that are reached by more steps than that.

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
