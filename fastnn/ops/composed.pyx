"""Second-order gradients of ops whose backward is one kernel: by the same function, composed of elementary ops."""
from fastnn._engine.engine cimport *
from fastnn._engine.engine import grad


cdef tuple kept(tuple inputs):
    """(inputs, their versions); None stays None."""
    cdef Tensor x
    versions = []
    for x in inputs:
        versions.append(0 if x is None else x.storage.version)
    return inputs, tuple(versions)


cdef tuple taken(Node node, tuple marked):
    cdef Tensor x
    for x, version in zip(*marked):
        if x is not None and x.storage.version != version:
            raise RuntimeError(f"backward: a tensor that '{node.op.decode()}' needs for its gradient was changed in place "
                               "after it was used; use the operation that makes a new tensor, or clone() first")
    return marked[0]


cdef int fence_rule(Node node, Tensor dy) except -1:
    """The walk inside composed_rule asks for the gradient here and goes no further; later walks pass."""
    if node.walk.captured is not None and id(node) in node.walk.captured:
        return 0
    return node.share(0, dy)


cdef tuple fence(Node node, tuple inputs):
    cdef Tensor x, y
    found = []
    for i, x in enumerate(inputs):
        if x is not None and node.wants(i):
            y = alias(x)
            record1("fence", y, x, fence_rule, fence_rule)
            x = y
        found.append(x)
    return tuple(found)


cdef int composed_rule(Node node, tuple inputs, tuple outputs, list gradients, tuple fenced) except -1:
    """Differentiates outputs, which were composed from `fenced`, and hands the gradients to node's edges."""
    pairs = [(y, dy) for y, dy in zip(outputs, gradients) if dy is not None and y.requires_grad]
    wanted = [i for i in range(len(inputs)) if inputs[i] is not None and node.wants(i)]
    if not pairs or not wanted:
        return 0
    found = grad(tuple([y for y, _ in pairs]), tuple([fenced[i] for i in wanted]),
                 tuple([dy for _, dy in pairs]), create_graph=True, allow_unused=True)
    for i, dx in zip(wanted, found):
        if dx is not None:
            node.share(i, dx)
    return 0
