# Operator slots and methods of Tensor, filled from above: the engine does not import the operations.

cdef Unary unary_slots[8]
cdef Binary binary_slots[NUM_OPS]
cdef Setter setitem_slot


cdef object unset_unary(object x):
    raise TypeError("this operator of Tensor comes with fastnn.ops: import fastnn first")


cdef object unset_binary(object a, object b):
    return unset_unary(a)


cdef int unset_setitem(object x, object index, object value) except -1:
    unset_unary(x)
    return 0


cdef _fill_slots():
    cdef int i
    for i in range(8):
        unary_slots[i] = unset_unary
    for i in range(NUM_OPS):
        binary_slots[i] = unset_binary
    set_setitem(unset_setitem)


_fill_slots()


cdef void set_unary(int slot, Unary f):
    unary_slots[slot - OP_NEG] = f


cdef void set_binary(int slot, Binary f):
    binary_slots[slot] = f


cdef void set_setitem(Setter f):
    global setitem_slot
    setitem_slot = f


cdef extern from *:
    """
    static PyObject *fnn_type_dict(PyTypeObject *type) /* a new reference */
    {
        Py_INCREF(type->tp_dict);
        return type->tp_dict;
    }
    """
    object fnn_type_dict(PyTypeObject *)
    void PyType_Modified(object)


def add_methods(methods):
    """Give Tensor its methods: a dict of name to function. Used once, by fastnn.ops."""
    (<dict>fnn_type_dict(<PyTypeObject *>Tensor)).update(methods)
    PyType_Modified(Tensor)
