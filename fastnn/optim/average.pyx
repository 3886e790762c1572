"""Average: running averages of tensors, one pass over all that lie side by side in an arena."""
from fastnn._engine.engine cimport *
from libc.stdint cimport uintptr_t
from libc.string cimport memset

from fastnn._engine.engine import world_changed

cdef extern from "fastnn.h":
    enum: FNN_average_weight, FNN_average_update, FNN_average_integers

cdef enum:
    PADDING = 64        # bytes that may lie between neighbours in an arena


cdef class Span:
    """Averages and sources that lie in memory alike: one kernel updates them all."""
    cdef Tensor y, x            # one member of each, whose Storages hold all
    cdef char *y_data
    cdef char *x_data
    cdef int64_t size


cdef class Average:
    """y = x at first, then y += w (x - y), for many tensors y and x at once.

    The averages are moved so that they lie in memory as their sources do, when these have moved into
    an optimizer's arena.
    """
    cdef list addresses         # of averages and sources, as they were when the spans were made
    cdef list spans, loose      # loose: pairs whose sources have gaps; copied first
    cdef list integers, others
    cdef Tensor decay, weight

    def __init__(self):
        self.addresses = None
        self.decay = new_1d(FNN_F64, 1)
        self.weight = new_1d(FNN_F64, 1)

    def __reduce__(self):
        return Average, ()

    def update(self, list averages, list sources, Tensor number, double decay):
        """One more average; decay below 0 weighs all alike. `number` (int64) counts them."""
        cdef Span span
        cdef Tensor y, x
        cdef fnn_call c
        if not self.fits(averages, sources):
            self.arrange(averages, sources)
        (<double *>self.decay.data_)[0] = decay
        start(&c, FNN_average_weight, FNN_F64)
        buffer(&c, self.weight)
        buffer(&c, number)
        buffer(&c, self.decay)
        run(&c, 2, 0.0, FNN_SERIAL | FNN_WHOLE)
        bump(number)
        for span in self.spans:
            self.pass_over(FNN_average_update, span.y, span.y_data, span.x, span.x_data, span.size)
        for y, x in self.loose:
            x = contiguous(x)
            self.pass_over(FNN_average_update, y, y.data_, x, x.data_, y.size_)
        for y, x in self.integers:
            x = contiguous(x)
            self.pass_over(FNN_average_integers, y, y.data_, x, x.data_, y.size_)
        for y, x in self.others:
            copy_into(y, x)
            bump(y)
        return None

    cdef int pass_over(self, int kernel, Tensor y, char *to, Tensor x, char *source, int64_t size) except -1:
        cdef fnn_call c
        cdef int64_t item = 4 if y.dtype_ == FNN_F32 or y.dtype_ == FNN_I32 else 8
        start(&c, kernel, FNN_F64 if y.dtype_ == FNN_F64 else FNN_F32)
        buffer(&c, y)
        c.args.p[0], c.bytes[0] = to, size * item
        buffer(&c, self.weight)
        buffer(&c, x)
        c.args.p[2], c.bytes[2] = source, size * item
        c.args.n[0] = size
        run(&c, 1, 3.0 * size, FNN_WHOLE)
        return bump(y)

    cdef bint fits(self, list averages, list sources):
        cdef Tensor t
        cdef Py_ssize_t i = 0
        if self.addresses is None or len(self.addresses) != len(averages) + len(sources):
            return False
        for half in (averages, sources):
            for t in half:
                if <uintptr_t>self.addresses[i] != <uintptr_t>t.data_:
                    return False
                i += 1
        return True

    def arrange(self, list averages, list sources):
        """Give the averages their sources' places; a recorded step learns that memory has moved."""
        cdef Tensor y, x
        cdef list run = []
        cdef char *end = NULL
        self.spans, self.loose, self.integers, self.others = [], [], [], []
        dense = []
        for y, x in zip(averages, sources):
            if y.size_ == 0:
                continue
            if y.dtype_ > FNN_F64:
                (self.integers if y.dtype_ == FNN_I64 and y.contiguous else self.others).append((y, x))
            elif gapless(x):
                dense.append((x.dtype_, <uintptr_t><void *>x.storage, <uintptr_t>x.data_, len(dense), y, x))
            else:
                if not y.contiguous:
                    replace(y, contiguous(y))
                self.loose.append((y, x))
        for dtype, storage, _, _, y, x in sorted(dense):
            if run and (x.storage is not (<Tensor>run[0][1]).storage or not end <= x.data_ <= end + PADDING):
                self.spans.append(span_of(run))
                run = []
            run.append((y, x))
            end = x.data_ + x.size_ * itemsize(x)
        if run:
            self.spans.append(span_of(run))
        self.addresses = [<uintptr_t>(<Tensor>t).data_ for t in averages + sources]
        world_changed()


cdef Span span_of(list pairs):
    """One span over neighbours; the averages get one memory, laid out as the sources are."""
    cdef Span span = Span.__new__(Span)
    cdef Tensor first = pairs[0][1], last = pairs[len(pairs) - 1][1], y, x, home, flat = None
    cdef Tensor y0 = pairs[0][0]
    cdef bint placed = True
    span.size = (last.data_ - first.data_) // itemsize(last) + last.size_
    for y, x in pairs:
        placed = (placed and y.storage is y0.storage and same_strides(x, y)
                  and y.data_ - y0.data_ == x.data_ - first.data_)
    if not placed:
        flat = new_1d(first.dtype_, span.size)
        memset(flat.data_, 0, span.size * itemsize(flat))
        for y, x in pairs:
            home = view(flat, (x.data_ - first.data_) // itemsize(x), x.ndim_, x.shape_, x.strides_)
            to_numpy(home)[...] = to_numpy(y)       # not a Call: a recorded step must not do it again
            replace(y, home)
    span.y, span.y_data = y0, y0.data_
    span.x, span.x_data = first, first.data_
    return span


cdef int replace(Tensor y, Tensor home) except -1:
    y.adopt(home)
    return 0


cdef inline int64_t itemsize(Tensor t):
    return 4 if t.dtype_ == FNN_F32 else 8


cdef bint same_strides(Tensor a, Tensor b):
    cdef int i
    for i in range(a.ndim_):
        if a.shape_[i] > 1 and a.strides_[i] != b.strides_[i]:
            return False
    return True


cdef bint gapless(Tensor x):
    """Whether some order of the dimensions has no gaps."""
    return x.contiguous or same_strides(x, new_strided_like(x))
