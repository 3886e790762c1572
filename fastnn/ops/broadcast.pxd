# What every elementwise op is made of: promotion of its operands, gradients summed back.
from fastnn._engine.engine cimport *
from fastnn.ops.elements cimport *
from fastnn.ops.integer cimport by_numpy, is_number

cdef int promoted_dtype(Tensor a, Tensor b)
cdef Tensor to_dtype(Tensor x, int dtype)           # in the graph
cdef Tensor floating(object x, str what)            # integers become float32
cdef object resolve(str name, object function, object left, object right)

cdef object unary(const char *name, int id, int backward, bint keep_output, object input, Rule graph,
                  double first, double second)
cdef object binary(const char *name, int id, object function, object left, object right, double alpha,
                   Rule rule, Rule graph, int keep)
cdef object checked(object y, str name, object left, object right)   # NotImplemented: TypeError
cdef int give_to(Node node, int i, Tensor g, bint fresh) except -1
cdef object other_operand(Node node, int i)         # in a binary op's graph rule: a Tensor or a number
