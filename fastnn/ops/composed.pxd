# Second-order gradients of ops whose backward is one kernel: by the same function, composed of elementary ops.
from fastnn._engine.engine cimport Node, Tensor


cdef tuple kept(tuple inputs)                           # for node.extra: inputs with their versions
cdef tuple taken(Node node, tuple marked)               # the inputs, refused if changed in place since
cdef int composed_rule(Node node, tuple inputs, tuple outputs, list gradients, tuple fenced) except -1
cdef tuple fence(Node node, tuple inputs)               # aliases where the inner walk ends
