"""The engine: storage, tensors, the graph and Calls; the only door from Python to the C core.

One extension module, in the order of its parts: `storage` (memory), `call` (running kernels),
`layout`, `slots`, `tensor`, `hook` and `parameter` (the Tensor), `convert` (values in and out),
`graph` and `walk` (backward), `function` (in-place writes, custom operations), `record`, `passes`,
`turn`, `plan`, `report`, `watch` and `compile` (recorded steps).
"""
cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE
from libc.stdint cimport int64_t, int32_t, uint64_t, uintptr_t, intptr_t
from libc.string cimport memcmp, memcpy, memset

cdef extern from "fastnn.h":
    fnn_kernel fnn_table[2][1]
    const char *fnn_names[1]
    int fnn_init(const char *)
    const char *fnn_isa()
    const char *fnn_isas()
    int fnn_vector_bytes()
    const char *fnn_compiler()
    const char *fnn_flags()
    int fnn_cpus()
    double fnn_quota(const char *)
    int fnn_threads()
    int fnn_most_parts()
    void fnn_set_threads(int)
    void fnn_after_fork()
    int fnn_openmp()
    int64_t fnn_run(const fnn_call *, int64_t) nogil
    int64_t fnn_run_paced(const fnn_call *, int64_t, fnn_pace *) nogil
    int (*fnn_ask)()

cdef extern from *:
    """
    #if defined(_MSC_VER) && !defined(__clang__)
    #define FNN_THREAD_LOCAL __declspec(thread)
    #else
    #define FNN_THREAD_LOCAL __thread
    #endif
    #if defined(__ELF__)            /* read without a function call; the few bytes fit the loader's reserve */
    #undef FNN_THREAD_LOCAL
    #define FNN_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
    #endif
    static FNN_THREAD_LOCAL int fnn_no_grad = 0;        /* grad mode, per Python thread */
    static FNN_THREAD_LOCAL void *fnn_recorder = 0;     /* borrowed: the Recorder at work, if any */
    static int fnn_signals(void)    /* Ctrl-C during a long run: nonzero, and the exception is set */
    {
        PyGILState_STATE state = PyGILState_Ensure();
        int raised = PyErr_CheckSignals();
        PyGILState_Release(state);
        return raised;
    }
    """
    int fnn_no_grad
    void *fnn_recorder
    int fnn_signals()

include "storage.pxi"
include "call.pxi"
include "layout.pxi"
include "slots.pxi"
include "tensor.pxi"
include "hook.pxi"
include "parameter.pxi"
include "convert.pxi"
include "graph.pxi"
include "walk.pxi"
include "function.pxi"
include "record.pxi"
include "passes.pxi"
include "turn.pxi"
include "plan.pxi"
include "report.pxi"
include "watch.pxi"
include "compile.pxi"
