# The Tensor: a typed, strided view of a Storage, and its place in the graph.

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
        TypeError where they are no numbers, ValueError where rows differ in length.

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
        self.grad_slot = None
        return 0

    # --- what it is ---

    @property
    def shape(self):
        """Sizes of the dimensions, a tuple of ints."""
        return shape_of(self)

    def size(self, dim=None):
        """The shape, or the size of dimension `dim`, IndexError where there is none."""
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
        """Step to the next element of each dimension, or of `dim`, in elements; raises as `size`."""
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
        """Set `requires_grad` in place; returns the tensor. TypeError for integers and bools."""
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
        found = self == value
        return isinstance(found, Tensor) and bool(found.any())    # False: a value of another kind

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
        if spec and self.ndim_ == 0:
            return format(self.item(), spec)
        if spec:
            raise TypeError(f"format: {spec!r} needs a 0-d tensor, got shape {shape_of(self)}")
        return describe(self)

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
        if inputs is None:
            walk_one(self, gradient, create_graph if retain_graph is None else retain_graph, create_graph)
        else:
            backward((self,), (gradient,), retain_graph, create_graph, inputs)

    def register_hook(self, hook):
        """Call ``hook(grad)`` when the gradient is known; what it returns, if anything, replaces it.

        RuntimeError where the tensor does not require grad, TypeError where `hook` is no callable.

        Returns
        -------
        HookHandle
            Its ``remove()`` takes the hook away.
        """
        return add_hook(self, hook)

    def retain_grad(self):
        """Keep this non-leaf's gradient in ``.grad`` too; RuntimeError if it requires no grad."""
        _keep_gradient(self)
