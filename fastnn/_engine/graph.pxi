# The graph: grad modes, and the Nodes that operations record.

cdef uint64_t node_count = 0


cdef inline bint grad_enabled():
    return not fnn_no_grad


cdef inline bint stale(Tensor x):
    """A view from before its base took another place in the graph: new values, old history."""
    return x.base is not None and x.born != x.base.moves


cdef int check_fresh(Tensor x) except -1:
    if stale(x):
        raise RuntimeError("the graph: an input is a view whose base was changed in place after the view was made; "
                           "make the view again, or let the change make a new tensor")
    return 0


cdef inline bint tracked(Tensor x):
    return (x.wants_grad or stale(x)) and not fnn_no_grad


cdef bint any_tracked(Tensor a, Tensor b, Tensor c):
    return not fnn_no_grad and ((a is not None and (a.wants_grad or stale(a)))
                                or (b is not None and (b.wants_grad or stale(b)))
                                or (c is not None and (c.wants_grad or stale(c))))


cdef inline bint switch_grad(bint mode):
    global fnn_no_grad
    cdef bint before = not fnn_no_grad
    fnn_no_grad = not mode
    return before


def _set_grad_enabled(bint mode):
    """Switch the recording of the graph for this thread; returns what it was."""
    return switch_grad(mode)


cdef class GradMode:
    """Switches the recording of the graph between ``with`` and its end, to the class's `_mode`."""
    cdef bint mode
    cdef int depth                  # an object may be entered again before it is left
    cdef uint64_t before            # one bit for each entry

    def __cinit__(self, *args):
        self.mode = type(self)._mode

    def __enter__(self):
        if self.depth == 64:
            raise RuntimeError(f"{type(self).__name__}: the same object is entered 64 times and not left")
        self.before = self.before << 1 | switch_grad(self.mode)
        self.depth += 1
        return self

    def __exit__(self, kind, value, trace):
        if self.depth == 0:
            raise RuntimeError(f"{type(self).__name__}: left without being entered")
        switch_grad(self.before & 1)
        self.before >>= 1
        self.depth -= 1


def _grad_mode(cls, function=None):
    """Makes a GradMode, or, as a decorator without parentheses, the decorated function."""
    if function is None:
        return GradMode.__new__(cls)
    if callable(function):
        return cls()(function)
    raise TypeError(f"{cls.__name__}: expected no argument, got {function!r:.80}")


def is_grad_enabled():
    """Whether operations are recorded for `backward` in this thread: ``torch.is_grad_enabled``."""
    return not fnn_no_grad


# --- building -----------------------------------------------------------------------------------

cdef inline object edge_of(Tensor x):
    check_fresh(x)
    if not x.wants_grad:
        return None
    return x if x.node is None else x.node


cdef inline Node new_node(const char *name, Tensor y, Rule backward, Rule backward_graph):
    global node_count
    cdef Node node = Node.__new__(Node)
    node.op = name
    node.backward = backward
    node.backward_graph = backward_graph
    node_count += 1
    node.seq = node_count
    y.node = node
    y.wants_grad = True
    return node


cdef Node record(const char *name, Tensor y, tuple inputs, Rule backward, Rule backward_graph):
    cdef Node node = new_node(name, y, backward, backward_graph)
    node.edges = tuple([edge_of(x) for x in inputs])
    return node


cdef Node record1(const char *name, Tensor y, Tensor x, Rule backward, Rule backward_graph):
    cdef Node node = new_node(name, y, backward, backward_graph)
    node.edges = (edge_of(x),)
    return node


cdef Node record2(const char *name, Tensor y, Tensor a, Tensor b, Rule backward, Rule backward_graph):
    cdef Node node = new_node(name, y, backward, backward_graph)
    node.edges = (edge_of(a), edge_of(b))
    return node


cdef int save(Node node, Tensor a, Tensor b, Tensor c) except -1:
    node.a = a
    node.b = b
    node.c = c
    if a is not None:
        node.version_a = a.storage.version
    if b is not None:
        node.version_b = b.storage.version
    if c is not None:
        node.version_c = c.storage.version
    return 0


cdef int save_output(Node node, Tensor y, Tensor b, Tensor c) except -1:
    return save(node, alias(y), b, c)


@cython.final
@cython.trashcan(True)
@cython.freelist(256)
cdef class Node:
    """One recorded operation: ``tensor.grad_fn``."""

    def __init__(self):
        raise TypeError("Nodes are made by operations on tensors that require grad")

    cdef bint wants(self, Py_ssize_t i):
        edge = self.edges[i]
        return edge is not None and (self.walk is None or self.walk.needed is None or id(edge) in self.walk.needed)

    cdef int give(self, Py_ssize_t i, Tensor dx) except -1:
        return deliver(self.walk, self.edges[i], dx, True)

    cdef int share(self, Py_ssize_t i, Tensor dx) except -1:
        return deliver(self.walk, self.edges[i], dx, False)

    cdef Tensor slot(self, Py_ssize_t i, Tensor like, bint *accumulate):
        cdef Tensor leaf
        accumulate[0] = False
        edge = self.edges[i]
        if type(edge) is Node or self.walk.create_graph or self.walk.captured is not None:
            return new_like(like)
        leaf = edge
        if fnn_recorder != NULL:
            (<Recorder>fnn_recorder).touch(leaf, True)
        if leaf.hooks:
            return new_strided_like(leaf)
        if leaf.grad_ is None:
            if leaf.grad_slot is not None and refs(<void *>leaf.grad_slot) == 1:
                return leaf.grad_slot
            return new_strided_like(leaf)
        if leaf.grad_.wants_grad or not same_strides(leaf.grad_, leaf):
            return new_strided_like(leaf)
        accumulate[0] = True
        return leaf.grad_

    cdef int wrote(self, Py_ssize_t i, Tensor dx, bint accumulated) except -1:
        if accumulated:
            return bump(dx)
        return deliver(self.walk, self.edges[i], dx, True)

    cdef list gradients(self):
        found, self.gathered = self.gathered, [None] * len(self.gathered)
        return found

    cdef Tensor output(self):
        cdef Tensor y = alias(self.a)
        y.node = self
        y.wants_grad = True
        return y

    cdef int release(self) except -1:
        self.a = self.b = self.c = None
        self.extra = None
        self.edges = None
        self.released = True
        return 0

    @property
    def next_functions(self):
        """The inputs' Nodes (None for an input without gradient); a leaf stands for itself."""
        return self.edges or ()

    @property
    def saved_tensors(self):
        """What the operation keeps for its backward pass, a tuple of Tensors."""
        return tuple([t for t in (self.a, self.b, self.c) if t is not None])

    @property
    def sequence_number(self):
        """Order of creation, an int."""
        return self.seq

    def register_prehook(self, hook):
        """Call ``hook((dy,))`` when the gradient of the operation's result is known.

        What it returns, if anything, replaces the gradient: a tuple of one Tensor.

        Returns
        -------
        HookHandle
            Its ``remove()`` takes the hook away.
        """
        if not callable(hook):
            raise TypeError(f"hook: expected a callable, got {type(hook).__name__}")
        if self.hooks is None:
            self.hooks = []

        def of_tuple(dy):
            result = hook((dy,))
            return result if result is None else result[0]

        return HookHandle(self.hooks, of_tuple)

    def name(self):
        """The operation's name, a str."""
        return self.op.decode()

    def __repr__(self):
        return f"<{self.op.decode()}>"


cdef extern from *:
    """
    #define refs(x) Py_REFCNT((PyObject *)(x))
    """
    Py_ssize_t refs(void *)             # how many hold the object: a gradient somebody keeps is not written over
