# What every elementwise op is made of: operands that broadcast, promotion, gradients summed back.
from fastnn._engine.engine cimport *

cdef enum:
    REALS, MASK_OUT, MASK_IN            # as in csrc/broadcast.h: bools out; bools in as operand 0

# y = kernel(a, b, c); an operand that is None is the number s[its place]; out: None or dense, y's shape
cdef Tensor compute(int id, int kind, Tensor a, Tensor b, Tensor c, const double *s, Tensor out, const char *what)
cdef Tensor compute1(int id, Tensor x)
cdef Tensor compute2(int id, Tensor a, Tensor b)
cdef Tensor times(Tensor x, double factor)

cdef bint is_number(object x)
cdef int promoted_dtype(Tensor a, Tensor b)
cdef Tensor to_dtype(Tensor x, int dtype)           # in the graph
cdef Tensor floating(object x, str what)            # integers become float32
cdef object resolve(str name, object function, object left, object right)
cdef object by_numpy(object function, object a, object b)

cdef object unary(const char *name, int id, int backward, bint keep_output, object input, Rule graph,
                  double first, double second)
cdef object binary(const char *name, int id, object function, object left, object right, double alpha,
                   Rule rule, Rule graph, int keep)
cdef object checked(object y, str name, object left, object right)   # NotImplemented: TypeError
cdef int give_to(Node node, int i, Tensor g, bint fresh) except -1
cdef object other_operand(Node node, int i)         # in a binary op's graph rule: a Tensor or a number
