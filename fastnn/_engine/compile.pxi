# fastnn.compile: which calls of a function are recorded, replayed, or run eagerly.

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
    cdef bint no_grad

    cdef bint ready(self) except -1:
        return self.confirmed and not self.plan.busy and self.plan.replays < self.next_check and self.plan.fits()

    cdef bint takes(self, tuple args, list inputs) except -1:
        """Are the arguments plain tensors or arrays of this entry's signature? They are put into inputs."""
        cdef Tensor t, expect
        cdef Py_ssize_t i
        if not self.confirmed or self.no_grad != fnn_no_grad or len(args) != len(self.plan.inputs):
            return False
        for i in range(len(args)):
            x = args[i]
            if type(x) is Tensor:
                t = x
            elif type(x) is np.ndarray:
                t = from_numpy_shared(x)
                if t is None:
                    return False
            else:
                return False
            expect = self.plan.inputs[i]
            if t.dtype_ != expect.dtype_ or t.wants_grad or not same_shape(t, expect):
                return False
            inputs.append(t if t.contiguous else contiguous(t))
        return True


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
    cdef Entry last                 # the entry of the latest call, if its arguments were plain tensors
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
        cdef Entry entry = self.last
        cdef Tensor t
        cdef list inputs = []
        if fnn_recorder != NULL:                # part of a larger step that is being recorded
            return self.function(*args, **kwargs)
        if entry is not None and not kwargs and entry.takes(args, inputs) and entry.ready():
            self.replayed += 1
            return replayed_value(entry.plan, inputs)
        inputs = []
        spec = (bool(fnn_no_grad), flatten(args, inputs), flatten(kwargs, inputs))
        inputs = [contiguous(t) if not t.contiguous else t for t in inputs]
        try:
            entry = self.entries.get(spec)
        except TypeError:
            raise TypeError("compiled function: arguments must be Tensors, arrays or hashable values") from None
        if entry is None:
            entry = self.entry_for(spec)
        if entry.refused is not None or (entry.plan is not None and entry.plan.busy):
            self.eager += 1
            args, kwargs = self.bound(args, kwargs, spec, inputs)
            return self.function(*args, **kwargs)
        if entry.ready():
            self.replayed += 1
            self.last = entry if not kwargs and len(args) == len(inputs) else None
            entry.no_grad = fnn_no_grad
            return replayed_value(entry.plan, inputs)
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
            entry.confirmed = False
            entry.refused = reason
            entry.plan = None
            self.warn(reason)
            return value
        self.judge(entry, r, outputs)
        if entry.plan is not None:
            entry.plan.template = Tensor if isinstance(value, Tensor) else (value, out_spec)
            if not isinstance(value, Tensor):
                entry.plan.template = (rebuild(value, out_spec, iter([None] * len(outputs))), out_spec)
        places = entry.plan.fresh if entry.plan is not None else [-1] * len(outputs)
        leaves = iter([copied(t) if place == OWN_COPY else alias(t) for t, place in zip(outputs, places)])
        return rebuild(value, out_spec, leaves)

    cdef int judge(self, Entry entry, Recorder r, list outputs) except -1:
        """The newest recording becomes the plan: its memory is what the last eager run left behind."""
        cdef Plan plan = entry.plan
        cdef str differs = difference(plan, r) if plan is not None else "the first recording"
        entry.attempts += 1
        entry.plan = make_plan(r, outputs)
        entry.plan.replays = plan.replays if plan is not None else 0
        entry.confirmed = differs is None
        if entry.confirmed:
            entry.next_check = plan.replays * 8 + 64
            entry.attempts = 0
        elif entry.attempts >= MAX_ATTEMPTS:
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
