# Storage, Tensor, Node and Call: what every op is made of.
from libc.stdint cimport int64_t, int32_t, uint64_t, intptr_t

cdef extern from "fastnn.h":
    ctypedef struct fnn_args:
        void *p[10]
        int64_t n[32]
        double s[8]
    ctypedef void (*fnn_kernel)(const fnn_args *, int, int) noexcept nogil
    ctypedef struct fnn_pace:
        pass
    ctypedef struct fnn_call:
        fnn_kernel kernel
        fnn_args args
        int32_t id
        int32_t dtype
        int32_t buffers
        int32_t outputs
        int32_t flags
        int32_t max_parts
        double work
        void *owner[10]
        int64_t bytes[10]
    enum:
        FNN_F32, FNN_F64, FNN_I64, FNN_I32, FNN_BOOL, FNN_NUM_DTYPES
        FNN_DIMS, FNN_BUFFERS, FNN_SIZES, FNN_SCALARS
        FNN_SERIAL, FNN_RANDOM, FNN_CHECK, FNN_NO_WAIT, FNN_WHOLE
        FNN_SEED, FNN_STREAM


cdef class Storage:
    """Aligned memory, cached by size, or memory borrowed from `owner`."""
    cdef char *data
    cdef int64_t nbytes
    cdef int bin             # size class in the cache; -1: borrowed
    cdef uint64_t serial     # order of creation
    cdef int64_t version     # counts in-place writes
    cdef object owner
    cdef Place place         # what a recording calls it, while the recording does not hold it


cdef class Place:
    """A Storage as a recording knows it; the Storage itself may be gone by the time it ends."""
    cdef void *storage       # borrowed; NULL when it is gone
    cdef Storage kept        # the Storage where it has to stay
    cdef uint64_t serial
    cdef int64_t nbytes
    cdef intptr_t base       # where offsets count from, in bytes: where the input begins, else 0
    cdef int input           # number of the input, or -1
    cdef bint inside         # made while recording
    cdef bint constant       # inside, with values that no Call computed


cdef class Tensor:
    cdef Storage storage
    cdef char *data_                    # first element
    cdef int dtype_                     # FNN_F32 ...
    cdef int ndim_
    cdef int64_t size_                  # number of elements
    cdef int64_t shape_[8]
    cdef int64_t strides_[8]            # in elements
    cdef bint contiguous                # C order, no gaps
    cdef bint wants_grad
    cdef Tensor base                    # of a view: the whole that it shows a part of
    cdef int64_t moves                  # how often in-place writes gave it another place in the graph
    cdef int64_t born                   # of a view: its base's moves by then
    cdef Node node                      # what computed it; None for a leaf
    cdef Tensor grad_
    cdef Tensor grad_slot               # where an optimizer's arena wants the gradient
    cdef list hooks
    cdef object __weakref__
    cdef int adopt(self, Tensor t) except -1    # become another view of t's memory


ctypedef int (*Rule)(Node node, Tensor dy) except -1


cdef class Walk:
    """One backward walk: the nodes that have a gradient and wait for their turn, newest first."""
    cdef Node newest
    cdef list older                     # a heap
    cdef bint create_graph
    cdef bint retain
    cdef dict captured                  # autograd.grad: id of leaf or node -> gradient; else None
    cdef set needed                     # ... ids of all leaves and nodes on a way there


cdef class Generator:
    """Seed and position of the counter-based random numbers: each Call draws one stream."""
    cdef uint64_t seed
    cdef uint64_t stream


cdef class Node:
    """One step of the graph: its inputs' edges, what its rules need, and the rules.

    `backward` runs kernels; `backward_graph` does the same by differentiable ops, for
    create_graph=True. Both call `give`, `share` or `slot` once for each edge that `wants` it.
    Saved tensors are inputs, or `saved_output(y)`: never y itself (a cycle would leak).
    """
    cdef const char *op
    cdef tuple edges                    # per input: Node, leaf Tensor, or None (wants no gradient)
    cdef Rule backward
    cdef Rule backward_graph
    cdef Tensor a, b, c                 # saved tensors
    cdef int64_t version_a, version_b, version_c
    cdef object extra                   # anything else to keep
    cdef list gathered                  # of several outputs: each one's gradient so far, or None
    cdef int64_t n[8]                   # saved integers
    cdef double s[4]                    # saved numbers
    cdef Walk walk                      # the backward walk that is running this node
    cdef Tensor pending                 # gradient of the output gathered so far
    cdef bint pending_owned             # ... may be added to in place
    cdef bint released
    cdef uint64_t seq                   # order of creation
    cdef list hooks
    cdef bint wants(self, Py_ssize_t i)
    cdef int give(self, Py_ssize_t i, Tensor dx) except -1     # dx is fresh: nobody else has it
    cdef int share(self, Py_ssize_t i, Tensor dx) except -1    # dx is also held elsewhere
    # where a kernel may write (accumulate False) or add (True) the gradient of edge i: a tensor of
    # the input's shape and strides; afterwards the rule calls `wrote` with it
    cdef Tensor slot(self, Py_ssize_t i, Tensor like, bint *accumulate)
    cdef int wrote(self, Py_ssize_t i, Tensor dx, bint accumulated) except -1
    cdef list gradients(self)           # the gathered ones, handed over
    cdef Tensor output(self)            # in backward_graph: the op's output, connected to the graph
    cdef int release(self) except -1    # drop what was saved


# --- making tensors -------------------------------------------------------------------------
cdef Tensor new(int dtype, int ndim, const int64_t *shape)       # uninitialised, contiguous
cdef Tensor new_like(Tensor t)                                  # same shape and dtype, contiguous
cdef Tensor new_1d(int dtype, int64_t size)
cdef Tensor view(Tensor t, int64_t offset, int ndim, const int64_t *shape, const int64_t *strides)
cdef Tensor alias(Tensor t)                                     # same memory, no graph
cdef Tensor contiguous(Tensor t)                                # t itself, or a packed copy; no graph
cdef Tensor rows(Tensor t)                                      # t if its last stride is 1 (or size 1), else packed copy
cdef Tensor cast(Tensor t, int dtype)                           # t itself, or converted; no graph
cdef int copy_into(Tensor dst, Tensor src) except -1            # any strides and dtypes, same shape
cdef Tensor as_tensor(object x, const char *argument)           # Tensor, NumPy array, list, number
cdef Tensor float_tensor(object x, const char *argument)        # as_tensor, and float32 or float64
cdef bint same_shape(Tensor a, Tensor b)
cdef tuple shape_of(Tensor t)
cdef str dtype_name(int dtype)

# --- the graph ------------------------------------------------------------------------------
cdef bint grad_enabled()
cdef bint tracked(Tensor x)                                     # grad mode on and x requires grad
cdef bint any_tracked(Tensor a, Tensor b, Tensor c)             # any of them, None aside
# y becomes the output of a new Node with these inputs; the caller then saves what the rules need
cdef Node record(const char *name, Tensor y, tuple inputs, Rule backward, Rule backward_graph)
cdef Node record1(const char *name, Tensor y, Tensor x, Rule backward, Rule backward_graph)
cdef Node record2(const char *name, Tensor y, Tensor a, Tensor b, Rule backward, Rule backward_graph)
# the same for several outputs: the rules get no dy of use, they take node.gradients()
cdef Node record_outputs(const char *name, tuple outputs, tuple inputs, Rule backward, Rule backward_graph)
cdef int save(Node node, Tensor a, Tensor b, Tensor c) except -1  # inputs; None where not needed
cdef int save_output(Node node, Tensor y, Tensor b, Tensor c) except -1   # node.a = alias(y)

# --- Calls ----------------------------------------------------------------------------------
cdef void start(fnn_call *c, int id, int dtype)                 # kernel looked up, no buffers yet
cdef void buffer(fnn_call *c, Tensor t)                         # the next args.p; outputs first; who then
                                                                # changes p sets c.bytes: how far it reaches
cdef void null_buffer(fnn_call *c)
cdef int run(fnn_call *c, int outputs, double work, int flags) except -1
# draws the Call's seed and stream (args.n[FNN_SEED], n[FNN_STREAM]); None: the default generator
cdef int run_random(fnn_call *c, int outputs, double work, Generator generator) except -1
cdef int bump(Tensor t) except -1       # t was written in place: saved copies of it are stale
cdef int add_into(Tensor dst, Tensor src) except -1             # dst += src, same shape and dtype
# raises IndexError "<what> at position 3 is 12, expected 0 to 9"; ignore: a value to let pass (INT64_MIN: none)
cdef int check_index(Tensor index, int64_t limit, int64_t ignore, const char *what) except -1
cdef int check_index_from(Tensor index, int64_t low, int64_t limit, int64_t ignore, const char *what) except -1
# raise ValueError(what), VALUE and POSITION in it replaced by those of the first value that lies outside,
# or is neither of the two
cdef int check_range(Tensor x, double low, double high, const char *what) except -1
cdef int check_either(Tensor x, double one, double other, const char *what) except -1
cdef int64_t limit_parts(fnn_call *c)                           # the most parts from now on: scratch is per part


# --- operators: ops fill these slots at import, so that Tensor's own type slots can call upward --------
ctypedef object (*Unary)(object)
ctypedef object (*Binary)(object, object)
ctypedef int (*Setter)(object, object, object) except -1

cdef enum:
    OP_ADD, OP_SUB, OP_MUL, OP_TRUEDIV, OP_FLOORDIV, OP_MOD, OP_POW, OP_MATMUL
    OP_AND, OP_OR, OP_XOR
    OP_LT, OP_LE, OP_EQ, OP_NE, OP_GT, OP_GE     # in the order of Python's rich comparisons
    OP_IADD, OP_ISUB, OP_IMUL, OP_ITRUEDIV, OP_IPOW
    OP_GETITEM
    OP_NEG, OP_ABS, OP_INVERT
    NUM_OPS

cdef void set_unary(int slot, Unary f)
cdef void set_binary(int slot, Binary f)     # called with (left, right); either may be no Tensor
cdef void set_setitem(Setter f)
cdef int check_inplace(Tensor x, str what) except -1    # before x is written in place
cdef int check_writable(Tensor t, str what) except -1
cdef int check_fresh(Tensor x) except -1                # no view of what has since moved in the graph
cdef int check_alone(Tensor x, str what) except -1      # before x, written in place, takes another place in the graph
cdef int move(Tensor x, Node node) except -1            # ... as the node's output
cdef Tensor rebase(Tensor x, Tensor y)                  # x takes over y's values and place in the graph
cdef Tensor new_strided_like(Tensor x)
cdef Tensor from_array(object data, int dtype, str argument)
cdef object to_numpy(Tensor t)                          # shares memory
cdef int dtype_code(object dtype, str argument=*) except -1
cdef int on_cpu(object device, str what) except -1      # a device argument: None or "cpu"
cdef int checked_dim(object dim, int ndim, str what) except -1
cdef Generator default_generator


cdef class Job:
    """One Call of a recording. Its pointers are of no account: buffers are places and offsets."""
    cdef fnn_call call
    cdef list places                    # per buffer a Place, or None
    cdef int64_t offset[10]             # bytes from the place's base
    cdef int64_t low[10]                # the bytes that may be touched, from the place's base
    cdef int64_t high[10]
    cdef Generator generator            # of a random Call
    cdef str checks                     # what a check looks at
    cdef Job copy(self)


cdef class Recorder:
    cdef list jobs
    cdef dict places                    # serial of a Storage -> its Place
    cdef dict leaves                    # id -> (leaf, was its gradient read first, gradient before)
    cdef list inputs
    cdef uint64_t first_born            # Storages with a larger serial were made while recording
    cdef Generator next_generator
    cdef str next_name
    cdef str reason, where              # why the run cannot be replayed
    cdef str changed                    # what changed a constant made inside the step
    cdef bint watching                  # tests: do Calls leave what they only read alone?
    cdef list watched
    cdef int begin(self, list inputs) except -1
    cdef int append(self, fnn_call *c) except -1
    cdef Place place_of(self, Storage s, bint written)
    cdef int watch(self, fnn_call *c) except -1
    cdef int stop(self, str reason) except -1
    cdef int touch(self, Tensor leaf, bint reads) except -1
    cdef int end(self) except -1


cdef struct Patch:
    int64_t call
    int64_t source                      # number of the input, or -1 - number of the fresh output
    int64_t offset                      # bytes
    int buffer


cdef class Plan:
    cdef Recorder recording
    cdef list jobs                      # after the passes
    cdef fnn_call *live                 # the same, with pointers
    cdef int64_t count
    cdef int64_t first_shared           # the Calls before it are checks of the inputs, run one by one
    cdef Patch *patches
    cdef int64_t num_patches, patch_capacity
    cdef list workspace                 # Storages of values that live within a replay
    cdef list rng, inputs, outputs, fresh, fresh_bytes, leaves
    cdef list state                     # Storages from outside that it changes
    cdef list changed                   # numbers of the inputs that it changes
    cdef uint64_t world
    cdef int threads
    cdef public int64_t replays
    cdef object template
    cdef bint busy
    cdef fnn_pace pace                  # whether a team pays: learnt by trying
    cdef int patch(self, int64_t call, int buffer, int64_t source, int64_t offset) except -1
    cdef bint fits(self) except -1
    cdef bint overlaps(self, list inputs) except -1
    cdef int link(self, dict slots, dict fresh) except -1
    cdef int bind(self, list inputs, list fresh) except -1
    cdef object replay(self, list inputs)
