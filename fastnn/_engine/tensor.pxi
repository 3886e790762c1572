# The Tensor: a typed, strided view of a Storage, and its place in the graph.

import numpy as np

cdef int64_t ITEM_BYTES[5]
ITEM_BYTES[:] = [4, 8, 8, 4, 1]
cdef tuple DTYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64),
                     np.dtype(np.int32), np.dtype(np.bool_))
cdef dict DTYPE_CODES = {d: i for i, d in enumerate(DTYPES)}
float32, float64, int64, int32, bool_ = DTYPES


cdef str dtype_name(int dtype):
    return DTYPES[dtype].name


cdef int dtype_code(object dtype, str argument="dtype") except -1:
    """The code of anything that NumPy takes for one of our five dtypes."""
    code = DTYPE_CODES.get(dtype) if type(dtype) is type(DTYPES[0]) else None
    if code is None:
        try:
            code = DTYPE_CODES.get(np.dtype(dtype))
        except TypeError:
            pass
        if code is None or dtype is None:
            raise TypeError(f"{argument}: expected float32, float64, int64, int32 or bool, got {dtype!r}")
    return code


# --- making tensors ---------------------------------------------------------------------------

cdef inline void pack(Tensor t, int ndim, const int64_t *shape) noexcept:
    """Shape and C-order strides; size must be known not to overflow."""
    cdef int64_t size = 1
    cdef int i
    t.ndim_ = ndim
    for i in range(ndim - 1, -1, -1):
        t.shape_[i] = shape[i]
        t.strides_[i] = size
        size *= shape[i]
    t.size_ = size
    t.contiguous = True


cdef int64_t checked_size(int ndim, const int64_t *shape) except -1:
    """Number of elements; ValueError for a negative size or more than 2**46 elements."""
    cdef int64_t size = 1, limit = <int64_t>1 << 46
    cdef int i
    for i in range(ndim):
        if shape[i] < 0:
            raise ValueError(f"shape: sizes must not be negative, got {shape[i]} in dimension {i}")
        if shape[i] > limit or (shape[i] > 0 and size > limit // shape[i]):
            raise MemoryError("shape: more than 2**46 elements")
        size *= shape[i]
    return size


cdef Tensor new(int dtype, int ndim, const int64_t *shape):
    cdef Tensor t
    cdef int64_t size
    if ndim > FNN_DIMS:
        raise ValueError(f"tensors have at most {FNN_DIMS} dimensions, got {ndim}")
    size = checked_size(ndim, shape)
    t = Tensor.__new__(Tensor)
    t.storage = new_storage(size * ITEM_BYTES[dtype])
    t.data_ = t.storage.data
    t.dtype_ = dtype
    pack(t, ndim, shape)
    return t


cdef Tensor new_like(Tensor x):
    cdef Tensor t = Tensor.__new__(Tensor)
    cdef int i
    t.storage = new_storage(x.size_ * ITEM_BYTES[x.dtype_])
    t.data_ = t.storage.data
    t.dtype_ = x.dtype_
    if x.contiguous:
        t.ndim_ = x.ndim_
        t.size_ = x.size_
        t.contiguous = True
        for i in range(x.ndim_):
            t.shape_[i] = x.shape_[i]
            t.strides_[i] = x.strides_[i]
    else:
        pack(t, x.ndim_, x.shape_)
    return t


cdef Tensor new_1d(int dtype, int64_t size):
    return new(dtype, 1, &size)


cdef bint is_contiguous(Tensor t) noexcept:
    cdef int64_t expect = 1
    cdef int i
    if t.size_ == 0:
        return True
    for i in range(t.ndim_ - 1, -1, -1):
        if t.shape_[i] != 1:
            if t.strides_[i] != expect:
                return False
            expect *= t.shape_[i]
    return True


cdef Tensor view(Tensor x, int64_t offset, int ndim, const int64_t *shape, const int64_t *strides):
    """Shares x's memory from element `offset` on; the caller has checked that it stays inside."""
    cdef Tensor t = Tensor.__new__(Tensor)
    cdef int i
    if ndim > FNN_DIMS:
        raise ValueError(f"tensors have at most {FNN_DIMS} dimensions, got {ndim}")
    t.storage = x.storage
    t.data_ = x.data_ + offset * ITEM_BYTES[x.dtype_]
    t.dtype_ = x.dtype_
    t.ndim_ = ndim
    t.size_ = 1
    for i in range(ndim):
        t.shape_[i] = shape[i]
        t.strides_[i] = strides[i]
        t.size_ *= shape[i]
    t.contiguous = is_contiguous(t)
    t.is_view = True
    return t


cdef Tensor alias(Tensor x):
    cdef Tensor t = Tensor.__new__(Tensor)
    t.storage = x.storage
    t.data_ = x.data_
    t.dtype_ = x.dtype_
    t.ndim_ = x.ndim_
    t.size_ = x.size_
    t.contiguous = x.contiguous
    memcpy(t.shape_, x.shape_, x.ndim_ * sizeof(int64_t))
    memcpy(t.strides_, x.strides_, x.ndim_ * sizeof(int64_t))
    return t


cdef Tensor new_strided_like(Tensor x):
    """Uninitialised, x's shape and, where x has no gaps and no overlaps, x's strides."""
    cdef Tensor t = new_like(x)
    cdef int64_t span = 1
    cdef int i
    if x.contiguous:
        return t
    for i in range(x.ndim_):
        if x.strides_[i] <= 0:
            return t
        span += (x.shape_[i] - 1) * x.strides_[i]
    if span == x.size_ and dense(x):
        memcpy(t.strides_, x.strides_, x.ndim_ * sizeof(int64_t))
        t.contiguous = False
    return t


cdef bint dense(Tensor x) noexcept:
    """Whether some order of the dimensions makes x contiguous."""
    cdef int64_t expect = 1
    cdef int i, found
    cdef bint used[8]
    memset(used, 0, sizeof(used))
    for _ in range(x.ndim_):
        found = -1
        for i in range(x.ndim_):
            if not used[i] and (x.shape_[i] == 1 or x.strides_[i] == expect):
                found = i
                break
        if found < 0:
            return False
        used[found] = True
        if x.shape_[found] != 1:
            expect *= x.shape_[found]
    return True


# --- layout and dtype ---------------------------------------------------------------------------

cdef bint same_shape(Tensor a, Tensor b):
    cdef int i
    if a.ndim_ != b.ndim_:
        return False
    for i in range(a.ndim_):
        if a.shape_[i] != b.shape_[i]:
            return False
    return True


cdef bint same_strides(Tensor a, Tensor b) noexcept:
    cdef int i
    if a.contiguous and b.contiguous:
        return True
    for i in range(a.ndim_):
        if a.shape_[i] != 1 and a.strides_[i] != b.strides_[i]:
            return False
    return True


cdef tuple shape_of(Tensor t):
    cdef int i
    return tuple([t.shape_[i] for i in range(t.ndim_)])


cdef Tensor contiguous(Tensor x):
    cdef Tensor t
    if x.contiguous:
        return x
    t = new_like(x)
    copy_into(t, x)
    return t


cdef Tensor rows(Tensor x):
    if x.contiguous or x.ndim_ == 0 or x.strides_[x.ndim_ - 1] == 1 or x.shape_[x.ndim_ - 1] == 1:
        return x
    return contiguous(x)


cdef Tensor cast(Tensor x, int dtype):
    cdef Tensor t
    if x.dtype_ == dtype:
        return x
    t = new(dtype, x.ndim_, x.shape_)
    copy_into(t, x)
    return t


cdef int bump(Tensor t) except -1:
    t.storage.version += 1
    return 0


@cython.trashcan(True)
@cython.freelist(256)
cdef class Tensor:
    """An n-dimensional array of float32, float64, int64, int32 or bool, with a gradient.

    Made by `fastnn.tensor`, `fastnn.from_numpy`, `fastnn.zeros` and their kin. The names, the
    broadcasting and the gradients are those of ``torch.Tensor``; dtypes are NumPy's, and memory is
    shared with NumPy through the buffer protocol, ``__array__`` and DLPack.

    Parameters
    ----------
    data : array_like
        Copied, as float32, like ``torch.Tensor(data)``; use `fastnn.tensor` to keep the dtype.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """
    def __init__(self, data=()):
        self.adopt(from_data(data, FNN_F32, True))

    cdef int adopt(self, Tensor t) except -1:
        """Become another view of t's memory, outside the graph."""
        self.storage = t.storage
        self.data_ = t.data_
        self.dtype_ = t.dtype_
        self.ndim_ = t.ndim_
        self.size_ = t.size_
        self.contiguous = t.contiguous
        memcpy(self.shape_, t.shape_, t.ndim_ * sizeof(int64_t))
        memcpy(self.strides_, t.strides_, t.ndim_ * sizeof(int64_t))
        return 0

    # --- what it is ---

    @property
    def shape(self):
        """Sizes of the dimensions, a tuple of ints."""
        return shape_of(self)

    def size(self, dim=None):
        """The shape, or the size of dimension `dim`."""
        if dim is None:
            return shape_of(self)
        return self.shape_[checked_dim(dim, self.ndim_, "size")]

    def dim(self):
        """Number of dimensions, an int."""
        return self.ndim_

    def numel(self):
        """Number of elements, an int."""
        return self.size_

    def stride(self, dim=None):
        """Step to the next element of each dimension, counted in elements."""
        if dim is None:
            return tuple([self.strides_[i] for i in range(self.ndim_)])
        return self.strides_[checked_dim(dim, self.ndim_, "stride")]

    def element_size(self):
        """Bytes of one element."""
        return ITEM_BYTES[self.dtype_]

    def data_ptr(self):
        """Address of the first element, an int."""
        return <uintptr_t>self.data_

    def is_contiguous(self):
        """Whether the elements lie in C order without gaps."""
        return bool(self.contiguous)

    def is_floating_point(self):
        """Whether the dtype is float32 or float64."""
        return self.dtype_ <= FNN_F64

    @property
    def ndim(self):
        """Number of dimensions, an int."""
        return self.ndim_

    @property
    def dtype(self):
        """The NumPy dtype."""
        return DTYPES[self.dtype_]

    @property
    def itemsize(self):
        """Bytes of one element."""
        return ITEM_BYTES[self.dtype_]

    @property
    def nbytes(self):
        """Bytes of all elements."""
        return self.size_ * ITEM_BYTES[self.dtype_]

    @property
    def device(self):
        """Always ``"cpu"``."""
        return "cpu"

    # --- its place in the graph ---

    @property
    def requires_grad(self):
        """Whether `backward` computes a gradient for it. Can be set on leaves."""
        return bool(self.wants_grad)

    @requires_grad.setter
    def requires_grad(self, bint value):
        if not value and self.node is not None:
            raise RuntimeError("requires_grad can be switched off on leaf tensors only; "
                               "use detach() for a tensor without a graph")
        if value and self.dtype_ > FNN_F64:
            raise TypeError(f"requires_grad: only float32 and float64 tensors have gradients, "
                            f"got {dtype_name(self.dtype_)}")
        if value != self.wants_grad:
            world_changed()
        self.wants_grad = value

    def requires_grad_(self, requires_grad=True):
        """Set `requires_grad` in place; returns the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self):
        """Whether no recorded operation made it."""
        return self.node is None

    @property
    def grad_fn(self):
        """The Node of the graph that made it, or None."""
        return self.node

    @property
    def grad(self):
        """The gradient that `backward` has added up, a Tensor of the same shape, or None."""
        if fnn_recorder != NULL:
            (<Recorder>fnn_recorder).touch(self, True)
        return self.grad_

    @grad.setter
    def grad(self, value):
        cdef Tensor g
        if fnn_recorder != NULL:
            (<Recorder>fnn_recorder).touch(self, False)
        if value is None:
            self.grad_ = None
            return
        if not isinstance(value, Tensor):
            raise TypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
        g = value
        if not same_shape(g, self) or g.dtype_ != self.dtype_:
            raise ValueError(f"grad: expected shape {shape_of(self)} and {dtype_name(self.dtype_)}, "
                             f"got {shape_of(g)} and {dtype_name(g.dtype_)}")
        if g is self:
            raise ValueError("grad: a tensor cannot be its own gradient")
        self.grad_ = g

    @property
    def data(self):
        """The same memory as a tensor outside the graph; assigning copies the values in."""
        return alias(self)

    @data.setter
    def data(self, value):
        cdef Tensor v = as_tensor(value, "data")
        if not same_shape(self, v):
            raise ValueError(f"data: expected shape {shape_of(self)}, got {shape_of(v)}")
        copy_into(self, v)

    def detach(self):
        """The same memory as a tensor outside the graph."""
        return alias(self)

    def detach_(self):
        """Leave the graph in place; returns the tensor."""
        self.node = None
        self.wants_grad = False
        return self

    def __len__(self):
        if self.ndim_ == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.shape_[0]

    def __iter__(self):
        if self.ndim_ == 0:
            raise TypeError("a 0-d tensor cannot be iterated over")
        cdef int64_t i
        return iter([self[i] for i in range(self.shape_[0])])

    def __hash__(self):
        return <Py_hash_t>(<uintptr_t><PyObject *>self >> 4)

    # --- operators: filled in by fastnn.ops ---

    def __add__(self, other): return binary_slots[OP_ADD](self, other)
    def __radd__(self, other): return binary_slots[OP_ADD](other, self)
    def __sub__(self, other): return binary_slots[OP_SUB](self, other)
    def __rsub__(self, other): return binary_slots[OP_SUB](other, self)
    def __mul__(self, other): return binary_slots[OP_MUL](self, other)
    def __rmul__(self, other): return binary_slots[OP_MUL](other, self)
    def __truediv__(self, other): return binary_slots[OP_TRUEDIV](self, other)
    def __rtruediv__(self, other): return binary_slots[OP_TRUEDIV](other, self)
    def __floordiv__(self, other): return binary_slots[OP_FLOORDIV](self, other)
    def __rfloordiv__(self, other): return binary_slots[OP_FLOORDIV](other, self)
    def __mod__(self, other): return binary_slots[OP_MOD](self, other)
    def __rmod__(self, other): return binary_slots[OP_MOD](other, self)
    def __pow__(self, other, modulo): return binary_slots[OP_POW](self, other)
    def __rpow__(self, other, modulo): return binary_slots[OP_POW](other, self)
    def __matmul__(self, other): return binary_slots[OP_MATMUL](self, other)
    def __rmatmul__(self, other): return binary_slots[OP_MATMUL](other, self)
    def __and__(self, other): return binary_slots[OP_AND](self, other)
    def __rand__(self, other): return binary_slots[OP_AND](other, self)
    def __or__(self, other): return binary_slots[OP_OR](self, other)
    def __ror__(self, other): return binary_slots[OP_OR](other, self)
    def __xor__(self, other): return binary_slots[OP_XOR](self, other)
    def __rxor__(self, other): return binary_slots[OP_XOR](other, self)
    def __iadd__(self, other): return binary_slots[OP_IADD](self, other)
    def __isub__(self, other): return binary_slots[OP_ISUB](self, other)
    def __imul__(self, other): return binary_slots[OP_IMUL](self, other)
    def __itruediv__(self, other): return binary_slots[OP_ITRUEDIV](self, other)
    def __ipow__(self, other): return binary_slots[OP_IPOW](self, other)
    def __neg__(self): return unary_slots[OP_NEG - OP_NEG](self)
    def __abs__(self): return unary_slots[OP_ABS - OP_NEG](self)
    def __invert__(self): return unary_slots[OP_INVERT - OP_NEG](self)
    def __pos__(self): return self
    def __getitem__(self, index): return binary_slots[OP_GETITEM](self, index)
    def __setitem__(self, index, value): setitem_slot(self, index, value)

    def __richcmp__(self, other, int op):
        if other is None or isinstance(other, (str, bytes, dict, set)):
            return NotImplemented
        return binary_slots[OP_LT + op](self, other)

    def __contains__(self, value):
        return bool((self == value).any())

    __array_priority__ = 1000
    __array_ufunc__ = None          # array + tensor is the tensor's business

    # --- values in and out ---

    def numpy(self):
        """The same memory as a NumPy array.

        Raises
        ------
        RuntimeError
            If the tensor requires grad: call ``detach()`` first.
        """
        if self.wants_grad:
            raise RuntimeError("numpy(): the tensor requires grad; use detach().numpy()")
        return to_numpy(self)

    def __array__(self, dtype=None, copy=None):
        a = self.numpy()
        if dtype is not None and a.dtype != dtype:
            if copy is False:
                raise ValueError(f"__array__: {a.dtype} to {dtype} needs a copy")
            return a.astype(dtype)
        return a.copy() if copy else a

    def __dlpack__(self, **kwargs):
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return (1, 0)

    def __getbuffer__(self, Py_buffer *info, int flags):
        export_buffer(self, info, flags)

    def __releasebuffer__(self, Py_buffer *info):
        fnn_buffer_free(info.internal)

    def item(self):
        """The value of a tensor of one element, as a Python number.

        Raises
        ------
        ValueError
            If the tensor has more than one element, or none.
        """
        if self.size_ != 1:
            raise ValueError(f"item(): expected one element, got shape {shape_of(self)}")
        return scalar_of(self, self.data_)

    def tolist(self):
        """The values as nested lists; a Python number for a 0-d tensor."""
        return to_numpy(self).tolist()

    def __bool__(self):
        if self.size_ != 1:
            raise ValueError(f"the truth of a tensor of shape {shape_of(self)} is ambiguous; use .any() or .all()")
        return bool(self.item())

    def __float__(self): return float(self.item())
    def __int__(self): return int(self.item())

    def __index__(self):
        if self.dtype_ <= FNN_F64 or self.size_ != 1:
            raise TypeError("only integer tensors of one element can be used as an index")
        return int(self.item())

    def __repr__(self):
        return describe(self)

    def __format__(self, spec):
        return format(self.item(), spec) if self.ndim_ == 0 else format(describe(self), spec)

    def __reduce__(self):
        return _rebuild, (type(self), np.array(to_numpy(self)), bool(self.wants_grad and self.node is None))

    def __copy__(self):
        return self.__deepcopy__({})

    def __deepcopy__(self, memo):
        if self.node is not None:
            raise RuntimeError("only leaf tensors can be copied by copy.deepcopy; use detach().clone()")
        cdef Tensor t = type(self).__new__(type(self))
        cdef Tensor fresh = new_strided_like(self)
        copy_into(fresh, self)
        t.adopt(fresh)
        t.wants_grad = self.wants_grad
        memo[id(self)] = t
        if self.grad_ is not None:
            t.grad_ = self.grad_.__deepcopy__(memo)
        if hasattr(self, "__dict__"):
            t.__dict__.update(self.__dict__)
        return t

    # --- gradients ---

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
        """Add the gradient of this tensor to ``.grad`` of every leaf that it was computed from.

        Parameters
        ----------
        gradient : Tensor, optional
            Gradient at this tensor, of its shape. Default: 1 for a tensor of one element.
        retain_graph : bool, optional
            Keep the graph, so that backward can run again. Default: `create_graph`.
        create_graph : bool
            Record the backward pass too, for gradients of gradients. Default False.
        inputs : sequence of Tensor, optional
            Add up gradients for these leaves alone. Default: all.

        Raises
        ------
        RuntimeError
            If the tensor has no graph, is no scalar and `gradient` is missing, or its graph was
            freed by an earlier call.

        Notes
        -----
        Reverse-mode differentiation, as ``torch.Tensor.backward``.
        """
        backward((self,), (gradient,), retain_graph, create_graph, inputs)

    def register_hook(self, hook):
        """Call ``hook(grad)`` when the gradient is known; what it returns, if anything, replaces it.

        Returns
        -------
        HookHandle
            Its ``remove()`` takes the hook away.
        """
        if not self.wants_grad:
            raise RuntimeError("register_hook: the tensor does not require grad")
        if self.node is not None:
            if self.node.hooks is None:
                self.node.hooks = []
            return HookHandle(self.node.hooks, hook)
        if self.hooks is None:
            self.hooks = []
        return HookHandle(self.hooks, hook)

    def retain_grad(self):
        """Keep the gradient of this non-leaf tensor in ``.grad`` too."""
        if not self.wants_grad:
            raise RuntimeError("retain_grad: the tensor does not require grad")
        if self.node is None:
            return
        import weakref
        me = weakref.ref(self)

        def keep(dy):
            cdef Tensor t = me()
            if t is not None:
                t.grad_ = dy if t.grad_ is None else t.grad_ + dy
        self.register_hook(keep)


class HookHandle:
    """What `register_hook` returns: `remove()` takes the hook away again."""

    def __init__(self, hooks, hook):
        if not callable(hook):
            raise TypeError(f"hook: expected a callable, got {type(hook).__name__}")
        self._hooks, self._hook = hooks, hook
        hooks.append(hook)

    def remove(self):
        """Take the hook away; doing so twice is harmless."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)


class Parameter(Tensor):
    """A tensor that a Module registers as its own and an optimizer trains.

    Parameters
    ----------
    data : Tensor or array_like
        A Tensor's memory is shared; anything else is copied.
    requires_grad : bool
        Default True.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Parameter(fastnn.zeros(2))
    Parameter(tensor([0., 0.], requires_grad=True))
    """
    __slots__ = ()

    def __new__(cls, data=None, requires_grad=True):
        return Tensor.__new__(cls)

    def __init__(self, data=(), requires_grad=True):
        _adopt(self, data if isinstance(data, Tensor) else from_data(data, -1, True))
        self.requires_grad = requires_grad

    def __repr__(self):
        return f"Parameter({describe(self)})"


def _adopt(Tensor self, Tensor data):
    self.adopt(data)


def _rebuild(cls, array, requires_grad):
    """Unpickling and copying."""
    cdef Tensor t = cls.__new__(cls)
    t.adopt(from_data(array, -1, True))
    t.wants_grad = requires_grad
    return t


# --- operator slots -----------------------------------------------------------------------------

cdef Unary unary_slots[8]
cdef Binary binary_slots[NUM_OPS]
cdef Setter setitem_slot


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
