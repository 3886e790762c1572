"""Arena: the parameters of one group and dtype in one flat array, with their gradients and state.

The parameters become views, each in the layout it had, at multiples of 64 bytes; backward writes
their gradients straight into the arena. A step is then one kernel over one array, or one for each
run of neighbours that have taken the same steps, where some have no gradient.
"""
from fastnn._engine.engine cimport *
from libc.stdint cimport uintptr_t
from libc.string cimport memset

from fastnn._engine.engine import world_changed

cdef extern from "fastnn.h":
    enum:
        FNN_sgd_advance, FNN_sgd_update, FNN_adagrad_advance, FNN_adagrad_update
        FNN_rmsprop_advance, FNN_rmsprop_update, FNN_adam_advance, FNN_adam_update
        FNN_adadelta_advance, FNN_adadelta_update, FNN_adamax_advance, FNN_adamax_update
        FNN_nadam_advance, FNN_nadam_update, FNN_radam_advance, FNN_radam_update
        FNN_rprop_advance, FNN_rprop_update, FNN_lion_advance, FNN_lion_update
        FNN_asgd_advance, FNN_asgd_update, FNN_zero_values, FNN_norm_partial, FNN_norm_gate

cdef extern from *:
    """
    #define refs(x) Py_REFCNT((PyObject *)(x))
    """
    Py_ssize_t refs(void *)

# name -> advance, update, most state arrays
cdef dict KERNELS = {
    "sgd": (FNN_sgd_advance, FNN_sgd_update, 1),
    "adagrad": (FNN_adagrad_advance, FNN_adagrad_update, 1),
    "rmsprop": (FNN_rmsprop_advance, FNN_rmsprop_update, 3),
    "adam": (FNN_adam_advance, FNN_adam_update, 3),
    "adadelta": (FNN_adadelta_advance, FNN_adadelta_update, 2),
    "adamax": (FNN_adamax_advance, FNN_adamax_update, 2),
    "nadam": (FNN_nadam_advance, FNN_nadam_update, 2),
    "radam": (FNN_radam_advance, FNN_radam_update, 2),
    "rprop": (FNN_rprop_advance, FNN_rprop_update, 2),
    "lion": (FNN_lion_advance, FNN_lion_update, 1),
    "asgd": (FNN_asgd_advance, FNN_asgd_update, 1),
}
cdef enum:
    HYPER_CELLS = 8     # csrc/optim.h
    STEP_CELLS = 8
    STEPS = 0
    STATUS = 3
    MORE = 4            # what else an optimizer counts
    NORM_BLOCK = 4096   # elements of a partial norm: csrc/kernels/clip.c
    SQUARES = 0
    LARGEST = 2


cdef class Run:
    """Neighbours first to last - 1, which have taken the same steps."""
    cdef Py_ssize_t first, last
    cdef Tensor step            # {steps, corrections, status, ...}: csrc/optim.h


cdef Run new_run(Py_ssize_t first, Py_ssize_t last, Run like):
    cdef Run run = Run.__new__(Run)
    run.first = first
    run.last = last
    run.step = new_1d(FNN_F64, STEP_CELLS)
    if like is None:
        memset(run.step.data_, 0, STEP_CELLS * sizeof(double))
    else:
        copy_into(run.step, like.step)
    return run


cdef class Arena:
    cdef list params
    cdef list offsets           # element where each begins; one more for the end
    cdef list layouts           # a view of values for each
    cdef int dtype
    cdef int advance_kernel, update_kernel, num_states
    cdef Tensor values, gradients, hyper
    cdef list states            # flat, None while not used
    cdef tuple used             # which states the hyperparameters ask for
    cdef double fill            # first value of a state
    cdef int64_t option
    cdef list runs

    def __init__(self, list params, str kernel, double fill=0.0):
        cdef Tensor p
        cdef int64_t size = 0, per_line
        self.params = params
        self.fill = fill
        self.advance_kernel, self.update_kernel, self.num_states = KERNELS[kernel]
        self.states = [None] * self.num_states
        self.used = (False,) * self.num_states
        self.dtype = (<Tensor>params[0]).dtype_
        per_line = 16 if self.dtype == FNN_F32 else 8
        self.offsets = [0]
        for p in params:
            size += (p.size_ + per_line - 1) // per_line * per_line
            self.offsets.append(size)
        self.hyper = zeros(FNN_F64, HYPER_CELLS)
        self.values = zeros(self.dtype, size)
        self.gradients = zeros(self.dtype, size)
        self.layouts = []
        for i, p in enumerate(params):
            self.layouts.append(part(self.values, self.offsets[i], new_strided_like(p)))
            self.move_in(i)
        self.runs = [new_run(0, len(params), None)]

    def __reduce__(self):
        raise TypeError("an Arena is part of its optimizer and cannot be copied or pickled alone")

    # --- hyperparameters ---

    def configure(self, tuple cells, tuple used, int64_t option):
        """Values of the cells, which states are needed, and the kernel's option."""
        cdef double *hyper = <double *>self.hyper.data_
        if used != self.used or option != self.option:
            world_changed()
        for i, value in enumerate(cells):
            hyper[i] = value
        self.used = used
        self.option = option

    # --- moving in ---

    cdef int move_in(self, Py_ssize_t i) except -1:
        """The parameter's values, and its gradient if it has one, come into the arena."""
        cdef Tensor p = self.params[i], home = self.layouts[i], g = p.grad_
        if p.dtype_ != self.dtype or not same_shape(p, home):
            raise RuntimeError(
                f"optimizer: a parameter of shape {shape_of(home)}, {dtype_name(self.dtype)}, became {shape_of(p)}, "
                f"{dtype_name(p.dtype_)} after the optimizer was made; make the optimizer again after changing the model")
        if p.data_ != home.data_:
            copy_into(home, p)
            p.adopt(home)
            world_changed()
        p.grad_slot = part(self.gradients, self.offsets[i], home)
        if g is not None:
            copy_into(p.grad_slot, g)
            p.grad_ = p.grad_slot
        return 0

    cdef int bring_home(self, Py_ssize_t i) except -1:
        """Something else than backward set the parameter's memory or gradient."""
        cdef Tensor p = self.params[i], home = self.layouts[i]
        if p.data_ != home.data_ or p.grad_slot is None or p.grad_slot.storage is not self.gradients.storage:
            return self.move_in(i)
        if refs(<void *>p.grad_slot) > 1:
            return self.renew_gradients()
        copy_into(p.grad_slot, p.grad_)
        p.grad_ = p.grad_slot
        return 0

    cdef int renew_gradients(self) except -1:
        """Somebody keeps an old gradient: leave them that memory and go on in another."""
        cdef Tensor old = self.gradients
        cdef Py_ssize_t i
        self.gradients = zeros(self.dtype, old.size_)
        world_changed()
        for i in range(len(self.params)):
            self.move_in(i)
        return 0

    cdef inline bint at_home(self, Tensor p):
        """Whether values and gradient lie in this arena."""
        return (p.grad_ is p.grad_slot and p.storage is self.values.storage
                and p.grad_.storage is self.gradients.storage)

    cdef int make_states(self) except -1:
        for k in range(self.num_states):
            if self.used[k] and self.states[k] is None:
                self.states[k] = zeros(self.dtype, self.values.size_)
                if self.fill != 0:
                    to_numpy(self.states[k])[:] = self.fill
        return 0

    # --- stepping ---

    cdef list ranges(self):
        """(first, last) of neighbours that have a gradient, which is brought home."""
        cdef Py_ssize_t i, first = -1
        cdef Tensor p
        cdef list found = []
        for i in range(len(self.params)):
            p = <Tensor>self.params[i]
            if (<object>p).grad is None:
                if first >= 0:
                    found.append((first, i))
                first = -1
                continue
            if not self.at_home(p):
                self.bring_home(i)
            if first < 0:
                first = i
        if first >= 0:
            found.append((first, len(self.params)))
        return found

    def step(self, Tensor gate=None):
        """One update of every parameter that has a gradient, as the gate says (see `norm_of`)."""
        cdef Py_ssize_t i, present
        cdef Tensor p
        cdef Run run
        cdef list split = None
        for k in range(self.num_states):
            if self.used[k] and self.states[k] is None:
                self.make_states()
        for run in self.runs:
            present = 0
            for i in range(run.first, run.last):
                p = <Tensor>self.params[i]
                if (<object>p).grad is None:
                    continue
                present += 1
                if not self.at_home(p):
                    self.bring_home(i)
            if present == run.last - run.first:
                self.step_run(run, gate)
            elif present:
                split = self.runs
        if split is not None:
            self.runs = []
            for run in split:
                self.split(run, gate)
        return None

    cdef int split(self, Run run, Tensor gate) except -1:
        """Parts with and without gradients go separate ways; those with take the step."""
        cdef Py_ssize_t i, first = run.first
        cdef bint has, one = False, other = False
        cdef Run piece
        for i in range(run.first, run.last):
            if (<Tensor>self.params[i]).grad_ is None:
                other = True
            else:
                one = True
        if not (one and other):
            self.runs.append(run)
            return 0
        for i in range(run.first + 1, run.last + 1):
            has = (<Tensor>self.params[first]).grad_ is not None
            if i == run.last or has != ((<Tensor>self.params[i]).grad_ is not None):
                piece = new_run(first, i, run)
                self.runs.append(piece)
                if has:
                    self.step_run(piece, gate)
                first = i
        return 0

    cdef int step_run(self, Run run, Tensor gate) except -1:
        cdef fnn_call c
        cdef Tensor t
        cdef int64_t begin = self.offsets[run.first], size = <int64_t>self.offsets[run.last] - begin
        cdef int64_t item = 4 if self.dtype == FNN_F32 else 8
        cdef int k
        if size == 0:
            return 0
        start(&c, self.advance_kernel, self.dtype)
        buffer(&c, run.step)
        buffer(&c, self.hyper)
        optional(&c, gate)
        run_call(&c, 1, 0.0, FNN_SERIAL | FNN_WHOLE)
        start(&c, self.update_kernel, self.dtype)
        shifted(&c, self.values, begin * item, size * item)
        for k in range(self.num_states):
            if self.used[k]:
                shifted(&c, <Tensor>self.states[k], begin * item, size * item)
            else:
                null_buffer(&c)
        buffer(&c, run.step)
        shifted(&c, self.gradients, begin * item, size * item)
        buffer(&c, self.hyper)
        optional(&c, gate)
        c.args.n[0] = size
        c.args.n[1] = self.option
        run_call(&c, self.num_states + 2, 12.0 * size, FNN_WHOLE)
        return bump(self.values)

    def zero(self):
        """Gradients that are there become zeros, in place."""
        cdef fnn_call c
        cdef Tensor p
        cdef Py_ssize_t i
        cdef int64_t item = 4 if self.dtype == FNN_F32 else 8
        for i in range(len(self.params)):
            p = self.params[i]
            if (<object>p).grad is None:
                continue
            if not self.at_home(p):
                self.bring_home(i)
            if p.size_:
                start(&c, FNN_zero_values, self.dtype)
                shifted(&c, self.gradients, <int64_t>self.offsets[i] * item, p.size_ * item)
                c.args.n[0] = p.size_
                run_call(&c, 1, <double>p.size_, 0)
                bump(self.gradients)

    # --- state ---

    def state(self, Py_ssize_t i):
        """(steps taken, [state tensors, None where not used], two more counts) of parameter i."""
        cdef Run run = self.run_of(i)
        cdef double *step = <double *>run.step.data_
        views = [None if s is None else part(s, self.offsets[i], self.layouts[i]) for s in self.states]
        return step[STEPS], views, (step[MORE], step[MORE + 1])

    def load(self, list steps, list states):
        """Set (steps, two more counts) of every parameter, and its states from arrays or None."""
        cdef Py_ssize_t i, first = 0
        cdef Run run
        cdef double *step
        self.make_states()
        for k in range(self.num_states):
            if self.states[k] is not None:      # what the state_dict leaves out begins anew
                to_numpy(self.states[k])[:] = self.fill
        for i, arrays in enumerate(states):
            for k, array in enumerate(arrays):
                if array is None:
                    continue
                if self.states[k] is None:
                    self.states[k] = zeros(self.dtype, self.values.size_)
                copy_into(part(self.states[k], self.offsets[i], self.layouts[i]), as_tensor(array, b"load_state_dict"))
        self.runs = []
        for i in range(1, len(steps) + 1):
            if i == len(steps) or steps[i] != steps[first]:
                run = new_run(first, i, None)
                step = <double *>run.step.data_
                step[STEPS], step[MORE], step[MORE + 1] = steps[first]
                self.runs.append(run)
                first = i
        world_changed()

    def first_bad_step(self):
        """The first step of any parameter whose gradient was not finite; 0 if there was none."""
        cdef Run run
        found = [int((<double *>run.step.data_)[STATUS]) for run in self.runs]
        return min([step for step in found if step], default=0)

    def met_bad(self):
        """Whether there was such a step: cheap enough to ask after every one."""
        cdef Run run
        for run in self.runs:
            if (<double *>run.step.data_)[STATUS] != 0:
                return True
        return False

    cdef Run run_of(self, Py_ssize_t i):
        cdef Run run
        for run in self.runs:
            if run.first <= i < run.last:
                return run


include "norm.pxi"


cdef Tensor zeros(int dtype, int64_t size):
    cdef Tensor t = new_1d(dtype, size)
    memset(t.data_, 0, size * (4 if dtype == FNN_F32 else 8))
    return t


cdef Tensor part(Tensor flat, int64_t offset, Tensor like):
    """The elements from offset on, with the shape and strides of like."""
    return view(flat, offset, like.ndim_, like.shape_, like.strides_)


cdef inline int shifted(fnn_call *c, Tensor flat, int64_t offset_bytes, int64_t num_bytes) except -1:
    buffer(c, flat)
    c.args.p[c.buffers - 1] = flat.data_ + offset_bytes
    c.bytes[c.buffers - 1] = num_bytes
    return 0


cdef inline void optional(fnn_call *c, Tensor t):
    if t is None:
        null_buffer(c)
    else:
        buffer(c, t)


cdef inline int run_call(fnn_call *c, int outputs, double work, int flags) except -1:
    return run(c, outputs, work, flags)


def overlap(list params):
    """Indices of two parameters that are different Tensors over the same memory, or None."""
    cdef Tensor p
    seen = {}
    for i, p in enumerate(params):
        if p.size_ == 0:
            continue
        key = <uintptr_t>p.data_
        if key in seen:
            return seen[key], i
        seen[key] = i
    return None
