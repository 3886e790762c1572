# In-place writes and custom operations: how values from elsewhere enter the graph.

cdef int check_inplace(Tensor x, str what) except -1:
    """Before x is written in place: is that allowed for its place in the graph and its memory?"""
    if x.wants_grad and not fnn_no_grad:
        if x.node is None:
            raise RuntimeError(f"{what}: a leaf tensor that requires grad cannot be changed in place; use no_grad() or .data")
        check_alone(x, what)
    return check_writable(x, what)


cdef int check_alone(Tensor x, str what) except -1:
    """Before x moves in the graph: a view's base and the base's other views would not know."""
    if x.base is not None and refs(<void *>x.base) > 1:
        raise RuntimeError(f"{what}: a view cannot be changed in place where gradients are recorded, while its base or "
                           "another view is in use; assign to the whole tensor, or clone() the view")
    return 0


cdef Tensor rebase(Tensor x, Tensor y):
    """x takes over y's values and y's place in the graph: y = f(x) was computed out of place."""
    if y.node is None:
        copy_into(x, y)
        return x
    check_alone(x, y.node.op.decode())
    keep_old_values(y.node, x)
    copy_into(x, y)
    move(x, y.node)
    return x


cdef int keep_old_values(Node node, Tensor x) except -1:
    """What the node saved of x is about to be written over."""
    cdef Tensor a = node.a, b = node.b, c = node.c
    save(node, apart(a, x), apart(b, x), apart(c, x))
    return 0


cdef Tensor apart(Tensor saved, Tensor x):
    return saved if saved is None or saved.storage is not x.storage else saved.clone()


cdef int move(Tensor x, Node node) except -1:
    """x, written in place, is the node's output now."""
    cdef Tensor whole = x if x.base is None else x.base
    x.node = node
    x.wants_grad = True
    whole.moves += 1
    x.born = whole.moves
    return 0


# --- custom operations ----------------------------------------------------------------------------

cdef int function_rule(Node node, Tensor dy) except -1:
    """All outputs' gradients are known: ask the user's backward, pass its answers on."""
    cdef Tensor dx
    function, ctx, inputs, outputs = node.extra
    filled = []
    for y, g in zip(outputs, node.gradients()):
        if g is None:
            shape, dtype = y
            dx = from_array(np.zeros(shape, DTYPES[dtype]), dtype, "gradient")
            g = dx
        filled.append(g)
    saved = ctx._saved
    if node.walk.create_graph and ctx._outputs:
        ctx._saved = tuple([connected_output(node, t, ctx._outputs.get(k)) for k, t in enumerate(saved)])
    try:
        result = function.backward(ctx, *filled)
    finally:
        ctx._saved = saved
    if not isinstance(result, tuple):
        result = (result,)
    if len(result) != len(node.edges):
        raise RuntimeError(f"{function.__name__}.backward: expected {len(node.edges)} gradients, "
                           f"one for each argument of forward, got {len(result)}")
    for i, g in enumerate(result):
        if node.edges[i] is None:
            continue
        if g is None:
            continue
        if not isinstance(g, Tensor):
            raise TypeError(f"{function.__name__}.backward: gradient {i} must be a Tensor or None, got {type(g).__name__}")
        if kind_of(g) != inputs[i]:
            (shape, dtype), dx = inputs[i], g
            raise RuntimeError(f"{function.__name__}.backward: gradient {i} must have shape {shape} and be {dtype_name(dtype)}, "
                               f"got {shape_of(dx)} and {dtype_name(dx.dtype_)}")
        node.share(i, g)
    return 0


cdef tuple kind_of(Tensor t):
    return shape_of(t), t.dtype_


cdef object connected_output(Node main, object saved, object number):
    """A saved tensor as part of the graph again, if it is output `number` of the Function."""
    cdef Tensor y
    if number is None:
        return saved
    y = alias(saved)
    output_node(main, y, number)
    return y


cdef Node output_node(Node main, Tensor y, int64_t number):
    cdef Node node = new_node("FunctionOutput", y, function_output_rule, function_output_rule)
    node.edges = (main,)
    node.n[0] = number
    return node


cdef int function_output_rule(Node node, Tensor dy) except -1:
    """One output's gradient goes into the list of the Function's node, which then waits its turn."""
    cdef Node main = <Node>node.edges[0]
    if main.released:
        raise RuntimeError("backward: the graph was freed by an earlier backward; pass retain_graph=True to the first one")
    before = main.gathered[node.n[0]]   # an output that backward saved has two nodes
    main.gathered[node.n[0]] = dy if before is None else before + dy
    if main.pending is None:
        main.pending = dy
        push(node.walk, main)
    return 0


cdef Node record_outputs(const char *name, tuple outputs, tuple inputs, Rule backward, Rule backward_graph):
    cdef Tensor y, anchor = Tensor.__new__(Tensor)
    cdef Node main = new_node(name, anchor, backward, backward_graph)
    main.edges = tuple([edge_of(x) for x in inputs])
    main.gathered = [None] * len(outputs)
    for i, y in enumerate(outputs):
        output_node(main, y, i)
    return main


def _apply_function(function, ctx, args, outputs):
    """Connect what Function.forward returned to the graph: one Node for the call, one per output."""
    cdef Tensor y
    cdef Node main
    cdef Tensor anchor = Tensor.__new__(Tensor)
    main = new_node("Function", anchor, function_rule, function_rule)
    main.edges = tuple([edge_of(a) if isinstance(a, Tensor) else None for a in args])
    inputs = [kind_of(a) if isinstance(a, Tensor) else None for a in args]
    main.extra = (function, ctx, inputs, [kind_of(y) for y in outputs])
    main.gathered = [None] * len(outputs)
    ctx._keep_outputs(outputs)
    for i, y in enumerate(outputs):
        if y.dtype_ > FNN_F64:
            continue
        output_node(main, y, i)
