# Values in and out: NumPy arrays, Python numbers and lists, the buffer protocol, printing.

cdef extern from "numpy/arrayobject.h":
    ctypedef class numpy.ndarray [object PyArrayObject, check_size ignore]:
        pass
    int PyArray_NDIM(ndarray)
    void *PyArray_DATA(ndarray)
    Py_ssize_t *PyArray_DIMS(ndarray)
    Py_ssize_t *PyArray_STRIDES(ndarray)
    int PyArray_TYPE(ndarray)
    int PyArray_ISALIGNED(ndarray)
    int PyArray_ISNOTSWAPPED(ndarray)
    int PyArray_ISWRITEABLE(ndarray)
    int import_array "_import_array"() except -1

import_array()


cdef int DTYPE_OF_NUM[32]            # NumPy's type number (several C types are one dtype) -> ours, or -1
for _num in range(32):
    DTYPE_OF_NUM[_num] = -1
for _char in "fdqlipb?":
    _code = DTYPE_CODES.get(np.dtype(_char))
    if _code is not None:
        DTYPE_OF_NUM[np.dtype(_char).num] = _code


cdef Tensor from_numpy_shared(ndarray a, const char *argument):
    """A tensor over the array's memory, or None where the memory cannot be shared."""
    cdef int dtype, i
    cdef int64_t item, size = 1
    dtype = DTYPE_OF_NUM[PyArray_TYPE(a)] if 0 <= PyArray_TYPE(a) < 32 else -1
    if dtype < 0 or not PyArray_ISALIGNED(a) or not PyArray_ISNOTSWAPPED(a):
        return None
    if PyArray_NDIM(a) > FNN_DIMS:
        raise ValueError(f"{argument.decode()}: tensors have at most {FNN_DIMS} dimensions, got {PyArray_NDIM(a)}")
    item = ITEM_BYTES[dtype]
    cdef Tensor t = Tensor.__new__(Tensor)
    for i in range(PyArray_NDIM(a)):
        if PyArray_STRIDES(a)[i] % item:
            return None
        t.shape_[i] = PyArray_DIMS(a)[i]
        t.strides_[i] = PyArray_STRIDES(a)[i] // item
        size *= t.shape_[i]
    t.storage = borrow(PyArray_DATA(a), size * item, a)
    t.data_ = <char *>PyArray_DATA(a)
    t.dtype_ = dtype
    t.ndim_ = PyArray_NDIM(a)
    t.size_ = size
    t.contiguous = is_contiguous(t)
    return t


cdef Tensor from_array(object data, int dtype, str argument):
    """A fresh contiguous tensor with the values of any array or nested list; dtype -1: as the data."""
    global fnn_recorder
    cdef Tensor t
    cdef void *recorder
    try:
        a = np.asarray(data)
    except ValueError:
        raise ValueError(f"{argument}: rows have different lengths; expected a rectangular array") from None
    if a.dtype not in DTYPE_CODES:
        if a.dtype.kind in "iu":
            if a.dtype.kind == "u" and a.dtype.itemsize == 8 and a.size and a.max() > 2 ** 63 - 1:
                raise OverflowError(f"{argument}: {a.max()} does not fit into int64")
            a = a.astype(np.int64)
        elif a.dtype.kind == "f":
            a = a.astype(np.float32 if a.dtype.itemsize < 4 else a.dtype.newbyteorder("=") if a.dtype.itemsize <= 8 else np.float64)
        elif a.dtype.kind == "b":
            a = a.astype(np.bool_)
        else:
            raise TypeError(f"{argument}: expected numbers, got {numbers_wanted(data, a)}")
    if dtype < 0:
        dtype = DTYPE_CODES[a.dtype]
    shape = a.shape
    if a.ndim > FNN_DIMS:
        raise ValueError(f"{argument}: tensors have at most {FNN_DIMS} dimensions, got {a.ndim}")
    cdef int64_t sizes[8]
    for i in range(a.ndim):
        sizes[i] = shape[i]
    t = new(dtype, a.ndim, sizes)
    recorder, fnn_recorder = fnn_recorder, NULL     # the values come from outside: a constant of a recorded step
    try:
        np.copyto(to_numpy(t), a, casting="unsafe")
    finally:
        fnn_recorder = recorder
    return t


def numbers_wanted(data, a):
    """What came where numbers were expected, in words."""
    if a.dtype.kind == "O":
        for x in a.ravel():
            if not isinstance(x, (int, float)):
                return f"an array of objects (such as {x!r})"
        return f"integers that do not fit into int64 (such as {max(a.ravel(), key=abs)})"
    if a.dtype.kind in "US":
        return f"text (such as {a.ravel()[0].item()!r})" if a.size else "text"
    return f"dtype {a.dtype}"


cdef Tensor from_data(object data, int dtype, bint python_floats, const char *argument=b"tensor"):
    """`fastnn.tensor`: a copy; Python floats become the default dtype (float32) if python_floats."""
    cdef Tensor t, source
    if isinstance(data, Tensor):
        source = data
        t = new(source.dtype_ if dtype < 0 else dtype, source.ndim_, source.shape_)
        copy_into(t, source)
        return t
    if dtype < 0 and python_floats and not isinstance(data, (np.ndarray, np.generic)):
        if not hasattr(data, "__array__") and not hasattr(data, "__array_interface__"):
            data = plain(data)
            t = from_array(data, -1, argument.decode())
            return cast(t, FNN_F32) if t.dtype_ == FNN_F64 and not holds_float64(data) else t
    return from_array(data, dtype, argument.decode())


cdef object plain(object data):
    """Nested lists with Tensors turned into their values."""
    if isinstance(data, Tensor):
        return data.tolist() if (<Tensor>data).dtype_ != FNN_F64 else to_numpy(data)
    if isinstance(data, (list, tuple)):
        return [plain(x) for x in data]
    return data


cdef bint holds_float64(object data):
    """Whether a nested list holds float64 arrays or NumPy numbers, whose dtype is to be kept."""
    while isinstance(data, (list, tuple)) and len(data):
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))


cdef Tensor as_tensor(object x, const char *argument):
    cdef Tensor t
    if isinstance(x, Tensor):
        return <Tensor>x
    if isinstance(x, np.ndarray):
        t = from_numpy_shared(x, argument)
        if t is not None:
            return t
    if x is None:
        raise TypeError(f"{argument.decode()}: expected a Tensor or an array, got None")
    if isinstance(x, (bool, int, float, np.generic, np.ndarray, list, tuple)) or (
            hasattr(x, "__array__") and not isinstance(x, type)):
        return from_data(x, -1, True, argument)
    raise TypeError(f"{argument.decode()}: expected a Tensor or an array, got {type(x).__name__}")


cdef Tensor float_tensor(object x, const char *argument):
    cdef Tensor t
    if type(x) is Tensor and (<Tensor>x).dtype_ <= FNN_F64:
        return <Tensor>x
    t = as_tensor(x, argument)
    if t.dtype_ > FNN_F64:
        raise TypeError(f"{argument.decode()}: expected float32 or float64, got {dtype_name(t.dtype_)}; "
                        f"convert it with .float()")
    return t


cdef object to_numpy(Tensor t):
    """A writable array over the tensor's memory (the array keeps the tensor alive)."""
    return np.asarray(memory_of(t))


cdef object memory_of(Tensor t):
    return memoryview(alias(t) if t.wants_grad else t)


# --- the buffer protocol --------------------------------------------------------------------------

cdef extern from *:
    """
    #define fnn_buffer_free(p) PyMem_Free(p)
    """
    void fnn_buffer_free(void *)
    void *PyMem_Malloc(size_t)

cdef const char *FORMATS[5]
FORMATS[0] = "f"
FORMATS[1] = "d"
FORMATS[2] = "q"
FORMATS[3] = "i"
FORMATS[4] = "?"


cdef int export_buffer(Tensor t, Py_buffer *info, int flags) except -1:
    cdef int i
    cdef Py_ssize_t *sizes
    cdef bint writable = t.storage.bin >= 0 or writable_owner(t.storage.owner)
    leaves_graph("numpy()")
    if t.wants_grad:            # NumPy then asks __array__, which says so too
        raise BufferError("the tensor requires grad; use detach()")
    if flags & PyBUF_WRITABLE and not writable:
        raise BufferError("the tensor shares a read-only array")
    if not t.contiguous and not flags & PyBUF_STRIDES == PyBUF_STRIDES:
        raise BufferError("the tensor is not contiguous")
    sizes = <Py_ssize_t *>PyMem_Malloc(2 * FNN_DIMS * sizeof(Py_ssize_t))
    if sizes == NULL:
        raise MemoryError()
    for i in range(t.ndim_):
        sizes[i] = t.shape_[i]
        sizes[FNN_DIMS + i] = t.strides_[i] * ITEM_BYTES[t.dtype_]
    info.buf = t.data_
    info.obj = t
    info.len = t.size_ * ITEM_BYTES[t.dtype_]
    info.itemsize = ITEM_BYTES[t.dtype_]
    info.readonly = not writable
    info.ndim = t.ndim_
    info.format = <char *>FORMATS[t.dtype_] if flags & PyBUF_FORMAT else NULL
    info.shape = sizes if flags & PyBUF_ND else NULL
    info.strides = sizes + FNN_DIMS if flags & PyBUF_STRIDES == PyBUF_STRIDES else NULL
    info.suboffsets = NULL
    info.internal = sizes
    return 0


cdef bint writable_owner(object owner):
    return not isinstance(owner, np.ndarray) or PyArray_ISWRITEABLE(owner)


cdef int check_writable(Tensor t, str what) except -1:
    """Before an in-place write: read-only arrays and overlapping views are refused."""
    cdef int i
    if t.storage.bin < 0 and not writable_owner(t.storage.owner):
        raise ValueError(f"{what}: the tensor shares a read-only array; use clone() first")
    for i in range(t.ndim_):
        if t.strides_[i] == 0 and t.shape_[i] > 1:
            raise RuntimeError(f"{what}: several elements of the tensor share one place in memory "
                               "(it was expanded); use clone() first")
    return 0


# --- numbers and words ------------------------------------------------------------------------------

cdef object scalar_of(Tensor t, char *p):
    leaves_graph("item()")
    if t.dtype_ == FNN_F32:
        return (<float *>p)[0]
    if t.dtype_ == FNN_F64:
        return (<double *>p)[0]
    if t.dtype_ == FNN_I64:
        return (<int64_t *>p)[0]
    if t.dtype_ == FNN_I32:
        return (<int32_t *>p)[0]
    return p[0] != 0


cdef str describe(Tensor t):
    cdef str body, suffix = ""
    body = np.array2string(to_numpy(t), separator=", ", prefix="tensor(", precision=4, suppress_small=False)
    if t.size_ == 0:
        body = "[]"
        suffix += f", size={shape_of(t)}"
    if t.dtype_ == FNN_F64 or t.dtype_ == FNN_I32 or (t.size_ == 0 and t.dtype_ != FNN_F32):
        suffix += f", dtype={dtype_name(t.dtype_)}"
    if t.node is not None:
        suffix += f", grad_fn=<{t.node.op.decode()}>"
    elif t.wants_grad:
        suffix += ", requires_grad=True"
    return f"tensor({body}{suffix})"


cdef int checked_dim(object dim, int ndim, str what) except -1:
    """A dimension number from -ndim to ndim-1 (a 0-d tensor has the one dimension 0), made positive."""
    import operator
    cdef int most = ndim if ndim > 0 else 1
    try:
        d = operator.index(dim)
    except TypeError:
        raise TypeError(f"{what}: dim must be an int, got {type(dim).__name__}") from None
    if not -most <= d < most:
        raise IndexError(f"{what}: dim must be from {-most} to {most - 1} for {ndim} dimensions, got {d}")
    return d + most if d < 0 else d


cdef int on_cpu(object device, str what) except -1:
    if device is not None and not (isinstance(device, str) and device == "cpu"):
        raise ValueError(f"{what}: device must be 'cpu', got {device!r}; fastnn computes on the CPU")
    return 0


def tensor(data, dtype=None, requires_grad=False, device=None):
    """Make a tensor with a copy of the data.

    Parameters
    ----------
    data : array_like
        Numbers, nested lists, NumPy arrays or Tensors. At most 8 dimensions.
    dtype : dtype, optional
        float32, float64, int64, int32 or bool. Default: the array's own; float32 for Python
        floats, int64 for ints, narrow and unsigned integers.
    requires_grad : bool
        Default False.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor
        Contiguous, in memory of its own.

    Raises
    ------
    TypeError
        If the data are no numbers.
    ValueError
        If rows have different lengths, or there are more than 8 dimensions.

    Notes
    -----
    Has the behaviour of ``torch.tensor``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    on_cpu(device, "tensor")
    cdef Tensor t = from_data(data, -1 if dtype is None else dtype_code(dtype), True)
    if requires_grad:
        t.requires_grad = True
    return t


def from_numpy(array):
    """Share the memory of a NumPy array as a tensor; a write to one is seen in the other.

    Parameters
    ----------
    array : numpy.ndarray
        float32, float64, int64, int32 or bool, aligned, in the machine's byte order; any strides.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If it is no array, or its memory cannot be shared; `fastnn.tensor` copies.

    Notes
    -----
    Has the behaviour of ``torch.from_numpy``.

    Examples
    --------
    >>> import fastnn, numpy as np
    >>> a = np.zeros(2, dtype=np.float32)
    >>> t = fastnn.from_numpy(a)
    >>> a[0] = 5
    >>> t
    tensor([5., 0.])
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array, got {type(array).__name__}")
    cdef Tensor t = from_numpy_shared(array, b"from_numpy")
    if t is None:
        raise TypeError(f"from_numpy: cannot share an array of dtype {array.dtype} "
                        f"(strides {array.strides}); use fastnn.tensor(array), which copies")
    return t


def as_tensor_(data, dtype=None, device=None):
    """Make a tensor, sharing memory where that is possible: ``torch.as_tensor``.

    Parameters
    ----------
    data : Tensor or array_like
        A Tensor or array of the right dtype is shared, everything else is copied.
    dtype : dtype, optional
        Default: that of the data.
    device : str, optional
        Only "cpu".

    Returns
    -------
    Tensor
        TypeError where the data are no numbers, ValueError where rows differ in length.

    Examples
    --------
    >>> import fastnn, numpy as np
    >>> fastnn.as_tensor(np.arange(3))
    tensor([0, 1, 2])
    """
    on_cpu(device, "as_tensor")
    if dtype is not None and not isinstance(data, (Tensor, np.ndarray)):
        return from_data(data, dtype_code(dtype), True, b"as_tensor")     # float64 without a rounding to float32
    cdef Tensor t = as_tensor(data, b"as_tensor")
    if dtype is not None and dtype_code(dtype) != t.dtype_:
        return from_data(t, dtype_code(dtype), True)
    return t
