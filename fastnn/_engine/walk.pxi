# The backward walk: nodes are processed newest first, for whoever uses a value is younger than it.

@cython.final
@cython.freelist(8)
cdef class Walk:
    pass


cdef int push(Walk walk, Node node) except -1:
    """The node waits for its turn. A chain, the common case, has one node waiting: it needs no heap."""
    if walk.newest is None:
        walk.newest = node
        return 0
    if node.seq > walk.newest.seq:
        node, walk.newest = walk.newest, node
    if walk.older is None:
        walk.older = []
    return sift_up(walk.older, node)


cdef Node pop(Walk walk):
    cdef Node node = walk.newest
    walk.newest = sift_down(walk.older) if walk.older else None
    return node


cdef int sift_up(list heap, Node node) except -1:
    """Binary heap by seq, the newest on top."""
    cdef Py_ssize_t i = len(heap), parent
    heap.append(node)
    while i > 0:
        parent = (i - 1) >> 1
        if (<Node>heap[parent]).seq >= node.seq:
            break
        heap[i] = heap[parent]
        i = parent
    heap[i] = node
    return 0


cdef Node sift_down(list heap):
    cdef Node top, last = heap.pop()
    cdef Py_ssize_t n = len(heap), i = 0, child
    if n == 0:
        return last
    top = heap[0]
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and (<Node>heap[child + 1]).seq > (<Node>heap[child]).seq:
            child += 1
        if (<Node>heap[child]).seq <= last.seq:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = last
    return top


cdef list waiting(Walk walk):
    """All nodes that have a gradient and have not had their turn."""
    return ([] if walk.newest is None else [walk.newest]) + (walk.older or [])


cdef int deliver(Walk walk, object edge, Tensor dx, bint owned) except -1:
    """Add dx to the gradient gathered at an edge."""
    cdef Node node
    if edge is None or (walk.needed is not None and id(edge) not in walk.needed):
        return 0
    if type(edge) is not Node:
        return deliver_leaf(walk, <Tensor>edge, dx, owned)
    node = <Node>edge
    if node.released:
        raise RuntimeError(f"backward: the graph of '{node.op.decode()}' was freed by an earlier backward; "
                           "pass retain_graph=True to the first one")
    if node.pending is None:
        node.pending = dx
        node.pending_owned = owned
        return push(walk, node)
    if walk.create_graph:
        node.pending = node.pending + dx
    elif node.pending_owned and node.pending.contiguous:
        add_into(node.pending, dx)
    else:
        node.pending = packed_sum(node.pending, dx)
        node.pending_owned = True
    return 0


cdef set leading_to(dict captured, tuple outputs):
    """ids of all that lies between the outputs and what was asked for: the rest is not computed."""
    cdef Node node
    cdef set seen = set(), needed = set(captured)
    cdef list reached = [], edges = [edge_of(y) for y in outputs]
    while edges:
        edge = edges.pop()
        if type(edge) is Node and id(edge) not in seen:
            seen.add(id(edge))
            reached.append(((<Node>edge).seq, edge))
            edges += (<Node>edge).edges or ()
    reached.sort()                  # inputs are older than what was made of them
    for _, node in reached:
        for edge in node.edges or ():
            if id(edge) in needed:
                needed.add(id(node))
                break
    return needed


cdef Tensor packed_sum(Tensor a, Tensor b):
    cdef Tensor y = new_like(a)
    copy_into(y, a)
    add_into(y, b)
    return y


cdef int deliver_leaf(Walk walk, Tensor leaf, Tensor dx, bint owned) except -1:
    if not same_shape(dx, leaf):
        raise RuntimeError(f"backward: a gradient of shape {shape_of(dx)} reached a tensor of shape {shape_of(leaf)}")
    if leaf.hooks:
        node = hooked_node(walk, leaf)
        if walk.needed is not None:
            walk.needed.add(id(node))
        return deliver(walk, node, dx, owned)
    return keep_leaf(walk, leaf, dx, owned)


cdef Node hooked_node(Walk walk, Tensor leaf):
    """Gathers the gradients of a leaf with hooks, which are called once, with the whole, at the end."""
    cdef Node node
    for node in waiting(walk):
        if node.backward == hooked_rule and node.extra is leaf:
            return node
    node = Node.__new__(Node)       # seq 0: its turn comes after all others
    node.op = "leaf"
    node.backward = node.backward_graph = hooked_rule
    node.extra = leaf
    node.hooks = leaf.hooks
    return node


cdef int hooked_rule(Node node, Tensor dy) except -1:
    return keep_leaf(node.walk, <Tensor>node.extra, dy, False)


cdef int keep_leaf(Walk walk, Tensor leaf, Tensor dx, bint owned) except -1:
    """The gradient goes to autograd.grad's answer or into .grad."""
    cdef Tensor g
    if walk.captured is not None:
        key = id(leaf)
        if key in walk.captured:
            g = walk.captured[key]
            walk.captured[key] = dx if g is None else g + dx
        return 0
    return add_to_grad(walk, leaf, dx, owned)


cdef int add_to_grad(Walk walk, Tensor leaf, Tensor dx, bint owned) except -1:
    cdef Tensor g
    if fnn_recorder != NULL:
        (<Recorder>fnn_recorder).touch(leaf, True)
    g = leaf.grad_
    if g is None:
        if walk.create_graph:
            leaf.grad_ = dx
            return 0
        g = leaf.grad_slot
        if g is not None and (g is dx or refs(<void *>g) == 2):
            if g is not dx:
                copy_into(g, dx)
        elif owned and dx.dtype_ == leaf.dtype_:
            g = dx
        else:
            g = new_strided_like(leaf)
            copy_into(g, dx)
        leaf.grad_ = g
        return 0
    if walk.create_graph or g.wants_grad:
        leaf.grad_ = g + dx
        return 0
    return add_into(g, dx)


cdef Tensor call_hooks(list hooks, Tensor dy):
    for hook in list(hooks):
        if fnn_recorder != NULL and not hasattr(hook, "retains"):
            hook_stops_recording(f"a gradient hook, {hook!r:.60}")
        result = hook(dy)
        if result is not None:
            if not isinstance(result, Tensor) or kind_of(result) != kind_of(dy):
                raise TypeError(f"hook: expected None or a {dtype_name(dy.dtype_)} Tensor of shape {shape_of(dy)}, "
                                f"got {result!r:.80}")
            dy = result
    return dy


cdef int check_saved(Node node) except -1:
    if ((node.a is not None and node.a.storage.version != node.version_a)
            or (node.b is not None and node.b.storage.version != node.version_b)
            or (node.c is not None and node.c.storage.version != node.version_c)):
        raise RuntimeError(f"backward: a tensor that '{node.op.decode()}' needs for its gradient was changed in place "
                           "after it was used; use the operation that makes a new tensor, or clone() first")
    return 0


cdef int walk_graph(Walk walk) except -1:
    cdef Node node
    cdef Tensor dy
    while walk.newest is not None:
        node = pop(walk)
        dy = node.pending
        node.pending = None
        if node.hooks:
            dy = call_hooks(node.hooks, dy)
        if walk.captured is not None:
            key = id(node)
            if key in walk.captured:
                walk.captured[key] = dy
        check_saved(node)
        node.walk = walk
        if walk.create_graph:
            node.backward_graph(node, dy)
        else:
            node.backward(node, dy)
        node.walk = None
        if not walk.retain:
            node.release()
    return 0


cdef int forget(Walk walk) except -1:
    """After an error: nodes that still wait must not keep their gradients for the next walk."""
    cdef Node node
    for node in waiting(walk):
        node.pending = None
        if node.gathered is not None:
            node.gradients()
    walk.newest = walk.older = None
    return 0


cdef Tensor seed(Tensor y, object gradient, str what):
    """The gradient at an output: as given and checked, or 1."""
    cdef Tensor g
    if not y.wants_grad:
        raise RuntimeError(f"{what}: the tensor has no graph: nothing that it was computed from requires grad")
    if gradient is None:
        if y.size_ != 1:
            raise RuntimeError(f"{what}: a gradient can be implied for a tensor of one element only, got shape "
                               f"{shape_of(y)}; take .sum() or .mean(), or pass the gradient")
        g = new_like(y)
        if y.dtype_ == FNN_F32:
            (<float *>g.data_)[0] = 1
        else:
            (<double *>g.data_)[0] = 1
        return g
    g = as_tensor(gradient, b"gradient")
    if not same_shape(g, y):
        raise RuntimeError(f"{what}: expected a gradient of shape {shape_of(y)}, got {shape_of(g)}")
    return cast(g, y.dtype_)


cdef int walk_from(tuple outputs, tuple gradients, Walk walk, str what) except -1:
    global fnn_no_grad
    cdef int before = fnn_no_grad
    cdef Tensor y, g
    cdef list seeds = [seed(y, gradient, what) for y, gradient in zip(outputs, gradients)]
    if walk.captured is not None:
        walk.needed = leading_to(walk.captured, outputs)
    fnn_no_grad = not walk.create_graph
    try:
        for y, g in zip(outputs, seeds):
            deliver(walk, edge_of(y), g, False)
        walk_graph(walk)
    except BaseException:
        forget(walk)
        raise
    finally:
        fnn_no_grad = before
    return 0


cdef int walk_one(Tensor y, object gradient, bint retain, bint create_graph) except -1:
    """`walk_from` for one output, into every leaf: what training does, without a list or tuple."""
    global fnn_no_grad
    cdef int before = fnn_no_grad
    cdef Tensor g = seed(y, gradient, "backward")
    cdef Walk walk = Walk.__new__(Walk)
    walk.create_graph, walk.retain = create_graph, retain
    fnn_no_grad = not create_graph
    try:
        deliver(walk, edge_of(y), g, False)
        walk_graph(walk)
    except BaseException:
        forget(walk)
        raise
    finally:
        fnn_no_grad = before
    return 0


def backward(outputs, gradients=None, retain_graph=None, create_graph=False, inputs=None):
    """`Tensor.backward` for several outputs at once: ``torch.autograd.backward``.

    Raises as `Tensor.backward`, and ValueError where `gradients` are not one for each of `outputs`;
    `retain_graph`, `create_graph` and `inputs` as there.
    """
    cdef Walk walk = Walk.__new__(Walk)
    outputs = outputs if type(outputs) is tuple else tensors(outputs, "backward: outputs")
    if gradients is None:
        gradients = (None,) * len(outputs)
    elif type(gradients) is not tuple:
        gradients = (gradients,) if isinstance(gradients, Tensor) else tuple(gradients)
    if len(gradients) != len(outputs):
        raise ValueError(f"backward: {len(outputs)} outputs and {len(gradients)} gradients")
    walk.create_graph = create_graph
    walk.retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        walk_from(outputs, gradients, walk, "backward")
        return
    leaves = tensors(inputs, "backward: inputs")
    walk.captured = {id(edge_of(x)): None for x in leaves}
    walk_from(outputs, gradients, walk, "backward")
    for x in leaves:
        dx = walk.captured[id(edge_of(x))]
        if dx is not None and edge_of(x) is not None:
            add_to_grad(walk, x, dx, False)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=False):
    """Gradients of outputs with respect to inputs, without touching any ``.grad``.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensor
        Inputs need not be leaves.
    grad_outputs : Tensor or sequence of Tensor, optional
        Gradients at the outputs. Default: 1 for outputs of one element.
    retain_graph, create_graph : bool
        As in `Tensor.backward`.
    allow_unused : bool
        Give None for an input that the outputs do not depend on, instead of raising. Default False.

    Returns
    -------
    tuple of Tensor
        One for each input, of its shape.

    Raises
    ------
    RuntimeError
        If an input does not require grad or is not part of the graph.

    Notes
    -----
    Has the behaviour of ``torch.autograd.grad``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor(3.0, requires_grad=True)
    >>> (dx,) = fastnn.autograd.grad(x ** 3, x, create_graph=True)
    >>> fastnn.autograd.grad(dx, x)
    (tensor(18.),)
    """
    cdef Walk walk = Walk.__new__(Walk)
    cdef Tensor x
    outputs = tensors(outputs, "grad: outputs")
    inputs = tensors(inputs, "grad: inputs")
    if grad_outputs is None:
        grad_outputs = (None,) * len(outputs)
    elif isinstance(grad_outputs, Tensor):
        grad_outputs = (grad_outputs,)
    if len(grad_outputs) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs and {len(grad_outputs)} grad_outputs")
    walk.create_graph = create_graph
    walk.retain = create_graph if retain_graph is None else retain_graph
    walk.captured = {}
    for i, x in enumerate(inputs):
        if not x.wants_grad:
            raise RuntimeError(f"grad: input {i} does not require grad")
        walk.captured[id(edge_of(x))] = None
    walk_from(outputs, tuple(grad_outputs), walk, "grad")
    result = tuple([walk.captured[id(edge_of(x))] for x in inputs])
    if not allow_unused:
        for i, g in enumerate(result):
            if g is None:
                raise RuntimeError(f"grad: the outputs do not depend on input {i}; allow_unused=True gives None for it")
    return result


cdef tuple tensors(object x, str what):
    x = (x,) if isinstance(x, Tensor) else tuple(x)
    for t in x:
        if not isinstance(t, Tensor):
            raise TypeError(f"{what}: expected Tensors, got {type(t).__name__}")
    return x
