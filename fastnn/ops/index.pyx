"""Square brackets: reading and writing through ints, slices, None, Ellipsis, integer arrays, masks."""
cimport cython
from cpython.number cimport PyIndex_Check

from fastnn._engine.engine cimport *
from fastnn.ops.axes cimport permute_to
from fastnn.ops.slices cimport NOTHING, pick_rows, put_rows
from fastnn.ops.mask cimport masked_fill
from fastnn.ops.argument cimport whole
from fastnn.ops.expand cimport expand_to
from fastnn.ops.memory cimport copy_of, fill_with, zeros_of
from fastnn.ops.shape cimport reshape_to
from fastnn.ops.window cimport Window, cut, drop, take, whole_window

import numpy as np

cdef extern from "fastnn.h":
    enum: FNN_linear_index

cdef extern from "Python.h":
    int PySlice_Unpack(object slice, Py_ssize_t *start, Py_ssize_t *stop, Py_ssize_t *step) except -1
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t length, Py_ssize_t *start, Py_ssize_t *stop, Py_ssize_t step)

__all__ = []

@cython.final
@cython.freelist(16)
cdef class Spot:
    """What stands between square brackets: a window (ints, slices, None); then, where there are
    arrays, an order of dimensions that puts theirs together, and one index into all of these."""
    cdef Window window
    cdef Tensor index
    cdef bint moved
    cdef int order[8]
    cdef int dim, span


# --- reading the brackets -------------------------------------------------------------------------

cdef Spot spot_of(Tensor x, object key):
    cdef tuple items = key if type(key) is tuple else (key,)
    cdef Spot spot = Spot.__new__(Spot)
    cdef Window w = whole_window(x)
    cdef Py_ssize_t first, stop, step
    cdef int d = 0, k = 0, i, used = 0, span
    cdef list entries = None                # (output dimension, how many, their index)
    spot.window = w
    masks = [as_index(item) if is_array(item) else None for item in items]
    for i, item in enumerate(items):
        if masks[i] is not None and (<Tensor>masks[i]).dtype_ == FNN_BOOL:
            used += (<Tensor>masks[i]).ndim_
        elif item is not None and item is not Ellipsis:
            used += 1
    if used > x.ndim_:
        raise IndexError(f"too many indices: the tensor has {x.ndim_} dimensions, got {used}")
    if sum([item is Ellipsis for item in items]) > 1:
        raise IndexError("an index can hold one ellipsis ('...') only")
    for i, item in enumerate(items):
        if k >= 8 and item is not Ellipsis:
            raise IndexError("the result would have more than 8 dimensions")
        if item is None:
            w.shape[k] = 1
            k += 1
        elif item is Ellipsis:
            for _ in range(x.ndim_ - used):
                k = keep(w, d, k)
                d += 1
        elif type(item) is slice:
            PySlice_Unpack(item, &first, &stop, &step)
            if step < 1:
                raise ValueError(f"slice: step must be positive, got {step}; use flip() to reverse")
            w.shape[k] = PySlice_AdjustIndices(x.shape_[d], &first, &stop, step)
            w.start[d] = first if w.shape[k] else 0
            w.step[d] = step
            w.axis[d] = k
            k += 1
            d += 1
        elif masks[i] is not None:
            if entries is None:
                entries = []
            span = (<Tensor>masks[i]).ndim_ if (<Tensor>masks[i]).dtype_ == FNN_BOOL else 1
            entries.append((k, span, checked_index(x, d, masks[i])))
            for _ in range(span):
                k = keep(w, d, k)
                d += 1
        else:
            w.start[d] = index_in(x, d, item)
            w.axis[d] = -1
            d += 1
    while d < x.ndim_:
        k = keep(w, d, k)
        d += 1
    w.ndim = k
    if entries is not None:
        join(spot, entries)
    return spot


cdef int64_t index_in(Tensor x, int d, object item) except -1:
    cdef int64_t i = whole(item, "an index")
    if not -x.shape_[d] <= i < x.shape_[d]:
        raise IndexError(f"index {i} is out of range for dimension {d} of size {x.shape_[d]}")
    return i + x.shape_[d] if i < 0 else i


cdef int keep(Window w, int d, int k) except -1:
    if k >= 8:
        raise IndexError("the result would have more than 8 dimensions")
    w.axis[d] = k
    w.shape[k] = w.in_shape[d]
    return k + 1


cdef bint is_array(object item) except -1:
    if type(item) is int or type(item) is slice or item is None or item is Ellipsis:
        return False
    if isinstance(item, (bool, np.bool_)):
        raise IndexError("a single bool is no index; use an int, or None for a new dimension")
    if isinstance(item, (Tensor, np.ndarray, list, tuple, range)) or hasattr(item, "__array__") and not PyIndex_Check(item):
        return True
    if PyIndex_Check(item):
        return False
    raise IndexError(f"expected ints, slices, None, '...', and integer or boolean arrays as an index, "
                     f"got {type(item).__name__}")


cdef Tensor as_index(object item):
    cdef Tensor t
    if isinstance(item, (list, tuple, range)):
        item = np.asarray(item) if len(item) else np.empty(0, np.int64)
    t = as_tensor(item, b"index")
    if t.dtype_ <= FNN_F64 or (t.dtype_ == FNN_BOOL and t.ndim_ == 0):
        raise IndexError(f"an index must hold integers, or be a boolean mask, got {dtype_name(t.dtype_)} "
                         f"of shape {shape_of(t)}")
    return contiguous(t)


cdef Tensor checked_index(Tensor x, int d, Tensor t):
    """In range and, of a mask, the places that are set, counted through its dimensions."""
    cdef int i
    if t.dtype_ == FNN_BOOL:
        for i in range(t.ndim_):
            if t.shape_[i] != x.shape_[d + i]:
                raise IndexError(f"mask of shape {shape_of(t)} does not fit dimensions {d} to {d + t.ndim_ - 1} "
                                 f"of shape {shape_of(x)}")
        return from_array(np.flatnonzero(to_numpy(t)), FNN_I64, "mask")
    what = f"index for dimension {d}".encode()
    check_index_from(t, -x.shape_[d], x.shape_[d], NOTHING, what)
    return t


cdef int join(Spot spot, list entries) except -1:
    """All arrays become one index; their dimensions, if apart, go to the front."""
    cdef Window w = spot.window
    cdef fnn_call c
    cdef Tensor t, index
    cdef int64_t shape[8]
    cdef int64_t size, step = 1
    cdef int i, k, span, at = 0, ndim
    cdef int after = -1
    for k, span, t in entries:
        if after >= 0 and k != after:
            spot.moved = True
        after = k + span
        spot.span += span
    spot.dim = 0 if spot.moved else entries[0][0]
    if spot.moved:
        indexed = [d for k, span, t in entries for d in range(k, k + span)]
        for d in indexed + [d for d in range(w.ndim) if d not in indexed]:
            spot.order[at] = d
            at += 1
    if len(entries) == 1:
        spot.index = entries[0][2]
        return 0
    ndim = broadcast([entry[2] for entry in entries], shape)
    index = new(FNN_I64, ndim, shape)
    start(&c, FNN_linear_index, FNN_F32)
    buffer(&c, index)
    c.args.n[0] = index.size_
    c.args.n[1] = len(entries)
    packed = []                             # alive until the Call has run
    for i in range(len(entries) - 1, -1, -1):
        k, span, t = entries[i]
        size = 1
        for d in range(k, k + span):
            size *= w.shape[d]
        c.args.n[2 + i] = size
        c.args.n[10 + i] = step
        step *= size
    for k, span, t in entries:
        t = contiguous(expand_to(cast(t, FNN_I64), ndim, shape, "index"))
        packed.append(t)
        buffer(&c, t)
    if index.size_:
        run(&c, 1, 8.0 * index.size_, 0)
    spot.index = index
    return 0


cdef int broadcast(list tensors, int64_t *shape) except -1:
    """The shape that all can be expanded to; returns its rank."""
    cdef Tensor t
    cdef int ndim = 0, i, k
    for t in tensors:
        ndim = max(ndim, t.ndim_)
    for i in range(ndim):
        shape[i] = 1
    for t in tensors:
        for i in range(t.ndim_):
            k = ndim - t.ndim_ + i
            if shape[k] == 1:
                shape[k] = t.shape_[i]
            elif t.shape_[i] != 1 and t.shape_[i] != shape[k]:
                raise IndexError(f"index arrays of shapes {', '.join([str(shape_of(x)) for x in tensors])} "
                                 "cannot be broadcast together")
    return ndim


# --- reading --------------------------------------------------------------------------------------

cdef Tensor look(Tensor x, Spot spot):
    cdef Tensor y = x if spot.index is not None and is_whole(spot.window) else take(x, spot.window)
    if spot.moved:
        y = permute_to(y, spot.order)
    if spot.index is not None:
        y = pick_rows(y, spot.index, spot.dim, spot.span)
    return y


cdef bint is_whole(Window w) noexcept:
    cdef int i
    if w.ndim != w.in_ndim:
        return False
    for i in range(w.ndim):
        if w.axis[i] != i or w.step[i] != 1 or w.shape[i] != w.in_shape[i]:
            return False
    return True


cdef object getitem(object tensor, object key):
    cdef Tensor x = tensor
    cdef Window w
    if type(key) is int and x.ndim_ > 0:
        w = whole_window(x)
        drop(w, 0, index_in(x, 0, key))
        return take(x, w)
    return look(x, spot_of(x, key))


set_binary(OP_GETITEM, getitem)


# --- writing --------------------------------------------------------------------------------------

cdef Tensor fitted(Tensor value, Tensor target):
    """The value expanded to the target's shape; ones in front of its own shape do not count."""
    cdef int extra = 0
    while value.ndim_ - extra > target.ndim_ and value.shape_[extra] == 1:
        extra += 1
    if extra:
        value = reshape_to(value, value.ndim_ - extra, value.shape_ + extra, "assignment", True)
    return expand_to(value, target.ndim_, target.shape_, "assignment")


cdef Tensor without_graph(Tensor x):
    return x if not x.wants_grad else alias(x)


cdef Tensor assign(Tensor x, Spot spot, Tensor value):
    """x[spot] = value in x's memory; returns the value as it was expanded, still in the graph."""
    cdef Tensor target = cut(without_graph(x), spot.window), packed, raw
    cdef int64_t shape[24]
    cdef int i, n = 0
    if spot.moved:
        target = permute_to(target, spot.order)
    if spot.index is None:
        value = fitted(value, target)
        raw = value
        if raw.storage is x.storage:
            raw = copy_of(raw)
        copy_into(target, raw)
        return value
    for i in range(spot.dim):
        shape[n] = target.shape_[i]
        n += 1
    for i in range(spot.index.ndim_):
        shape[n] = spot.index.shape_[i]
        n += 1
    for i in range(spot.dim + spot.span, target.ndim_):
        shape[n] = target.shape_[i]
        n += 1
    if n > 8:
        raise IndexError("an index would give more than 8 dimensions")
    cdef int64_t zero[8]
    for i in range(n):
        zero[i] = 0
    value = fitted(value, view(target, 0, n, shape, zero))
    raw = copy_of(value) if value.storage is x.storage else value
    raw = cast(contiguous(raw), x.dtype_)
    packed = contiguous(target)
    put_rows(packed, raw, spot.index, spot.dim, spot.span)
    if packed is not target:
        copy_into(target, packed)
    bump(x)
    return value


cdef Tensor zero_like(Tensor x):
    return zeros_of(x.dtype_, 0, NULL)


cdef int setitem_rule(Node node, Tensor dy) except -1:
    cdef Tensor dx
    if node.wants(0):
        dx = copy_of(dy)
        assign(dx, node.extra, zero_like(dy))
        node.give(0, dx)
    if node.wants(1):
        node.share(1, look(dy, node.extra))
    return 0


cdef int setitem_graph(Node node, Tensor dy) except -1:
    cdef Tensor dx
    if node.wants(0):
        dx = dy.clone()
        write(dx, node.extra, zero_like(dy))
        node.give(0, dx)
    if node.wants(1):
        node.share(1, look(dy, node.extra))
    return 0


cdef int write(Tensor x, Spot spot, Tensor value) except -1:
    """x[spot] = value, recorded: x becomes the output of a new Node."""
    cdef Tensor before
    check_inplace(x, "assignment")
    if not tracked(x) and not tracked(value):
        assign(x, spot, value)
        return 0
    check_alone(x, "assignment")
    check_fresh(value)
    if value.dtype_ != x.dtype_:
        value = value.to(dtype_name(x.dtype_))
    before = alias(x)
    before.node = x.node
    before.wants_grad = x.wants_grad
    value = assign(x, spot, value)
    cdef Node node = record2("setitem", x, before, value, setitem_rule, setitem_graph)
    node.extra = spot
    if spot.index is not None:
        save(node, spot.index, None, None)
    return move(x, node)


cdef int setitem(object tensor, object key, object value) except -1:
    cdef Tensor x = tensor, v, mask
    cdef bint number = isinstance(value, (int, float, np.number))
    if number and x.dtype_ <= FNN_F64 and isinstance(key, Tensor) and (<Tensor>key).dtype_ == FNN_BOOL:
        mask = key
        if same_shape(mask, x) and x.ndim_:     # no positions are needed: this can be recorded
            check_inplace(x, "assignment")
            rebase(x, masked_fill(x, mask, value))
            return 0
    if number:
        v = new(x.dtype_, 0, NULL)
        fill_with(v, value if x.dtype_ <= FNN_F64 else int(value))
    else:
        v = as_tensor(value, b"assignment")
    return write(x, spot_of(x, key), v)


set_setitem(setitem)


def _copy_(Tensor self, src):
    """Copy values in, broadcast to the shape and converted to the dtype: ``x[...] = src``; returns it.

    Raises ValueError where `src` does not broadcast, TypeError where it holds no numbers.
    """
    setitem(self, Ellipsis, src)
    return self
