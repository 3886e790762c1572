"""What the losses have in common: their arguments' checks, and the sum or mean at their end."""
from fastnn._engine.engine cimport *

cdef extern from "fastnn.h":
    enum: FNN_loss_fold


cdef int reduction_of(object reduction, str what) except -1:
    if reduction == "mean":
        return MEAN
    if reduction == "sum":
        return SUM
    if reduction == "none":
        return NONE
    raise ValueError(f"{what}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


cdef Tensor class_weights(object weight, Tensor x, int64_t classes, str what):
    cdef Tensor w
    if weight is None:
        return None
    w = contiguous(cast(as_tensor(weight, f"{what}: weight".encode()), x.dtype_))
    if w.ndim_ != 1 or w.size_ != classes:
        raise ValueError(f"{what}: weight has shape {shape_of(w)}, expected ({classes},), one per class")
    return w


cdef Tensor labels_of(Tensor target, tuple expected, int64_t classes, int64_t ignore, str what):
    """Class numbers as int64, checked."""
    if target.dtype_ <= FNN_F64 or target.dtype_ == FNN_BOOL:
        raise TypeError(f"{what}: target has dtype {dtype_name(target.dtype_)}, expected integers "
                        f"(class numbers from 0 to {classes - 1}); convert it with .long()")
    if shape_of(target) != expected:
        cure = "; use target.squeeze(1)" if target.ndim_ == len(expected) + 1 and target.shape_[1] == 1 else ""
        if target.ndim_ == len(expected) + 1 and target.shape_[1] == classes and classes > 1:
            cure = "; for one-hot targets use target.argmax(1), or probabilities as floats"
        raise ValueError(f"{what}: target has shape {shape_of(target)}, expected {expected}{cure}")
    target = contiguous(cast(target, FNN_I64))
    try:
        check_index(target, classes, ignore, f"{what}: label".encode())
    except IndexError as error:
        raise IndexError(f"{error} (classes are counted from 0)") from None
    return target


cdef Tensor fold_losses(Tensor losses, Tensor counts, Tensor scale, int64_t mean):
    """The losses' sum, over the counts' sum (mean = 1) or the number of rows (2)."""
    cdef Tensor y = new(losses.dtype_, 0, NULL)
    cdef fnn_call c
    start(&c, FNN_loss_fold, losses.dtype_)
    buffer(&c, y)
    buffer(&c, scale)
    buffer(&c, losses)
    buffer(&c, counts)
    c.args.n[0] = losses.size_
    c.args.n[1] = mean
    run(&c, 2, losses.size_, FNN_SERIAL)
    return y


cdef tuple same_shapes(object input, object target, str what):
    """Input and target, refused if their shapes differ, as broadcasting gives (n, n) for (n,) with (n, 1)."""
    cdef Tensor x = float_tensor(input, f"{what}: input".encode()), t = as_tensor(target, f"{what}: target".encode())
    if not same_shape(x, t):
        cure = ""
        if x.size_ == t.size_ and x.ndim_ == t.ndim_ + 1 and x.shape_[x.ndim_ - 1] == 1:
            cure = f"; use input.squeeze(-1) or target.unsqueeze(-1)"
        elif x.size_ == t.size_ and t.ndim_ == x.ndim_ + 1 and t.shape_[t.ndim_ - 1] == 1:
            cure = f"; use target.squeeze(-1) or input.unsqueeze(-1)"
        raise ValueError(f"{what}: target has shape {shape_of(t)}, input has {shape_of(x)}; "
                         f"a loss does not broadcast{cure}")
    if t.dtype_ != x.dtype_:
        t = t.to(x.dtype) if tracked(t) else cast(t, x.dtype_)
    return x, t


cdef object reduced_loss(object losses, int reduction):
    """The end of a loss that is made of differentiable parts."""
    return losses.mean() if reduction == MEAN else losses.sum() if reduction == SUM else losses


cdef int check_signs(Tensor t, str what) except -1:
    """Targets are 1 or -1."""
    return check_either(t, 1, -1, f"{what}: target at position POSITION is VALUE, expected 1 or -1".encode())


cdef int same_shape_as(object name, Tensor t, Tensor x, str what) except -1:
    if not same_shape(t, x):
        raise ValueError(f"{what}: {name} has shape {shape_of(t)}, expected {shape_of(x)}; a loss does not broadcast")
    return 0
