# Dtypes, shapes and strides: how tensors are laid out in memory, and how new ones are made.

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
    t.base = x if x.base is None else x.base
    t.born = x.moves if x.base is None else x.born
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
