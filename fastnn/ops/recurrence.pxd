# One direction of a recurrent layer: what its front door needs of its Calls.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Node, Tensor, fnn_call

cdef extern from "recurrent.h":
    enum: FNN_RNN_RELU, FNN_RNN_TANH, FNN_RNN_LSTM, FNN_RNN_GRU, FNN_RECURRENT_PAD

# the inputs of a layer's Node, in this order
cdef enum: X, W_IH, W_HH, B_IH, B_HH, W_HR, H_0, C_0


cdef struct Layer:
    int mode, gates                     # gates per cell
    bint reverse
    int64_t T, N, H, P, rows            # P: size of h; rows: pairs of time and batch
    int64_t time_step, batch_step       # in rows
    int64_t saved_width, state_width


cdef void widths(Layer *l, bint projected) noexcept
cdef Tensor columns(Tensor t, int64_t offset, int64_t rows, int64_t cols, int64_t width)
cdef tuple through_time(Layer *l, tuple inputs, Tensor sizes, bint wanted)     # (y, state, gates, saved)
cdef int layer_rule(Node node, Tensor dy) except -1
cdef int layer_graph(Node node, Tensor dy) except -1
