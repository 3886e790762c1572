/* What the recurrent kernels and their caller agree on. */
#ifndef FASTNN_RECURRENT_H
#define FASTNN_RECURRENT_H

#include <stdint.h>

enum fnn_recurrence { FNN_RNN_RELU, FNN_RNN_TANH, FNN_RNN_LSTM, FNN_RNN_GRU };

#define FNN_RECURRENT_ROWS 64 /* rows of the batch that go through time together */
#define FNN_RECURRENT_PAD 16  /* between rows that are read side by side: other cache sets */

/* Elements for a packed matrix (k, groups * cols) and its bias; a panel has at most 32 columns. */
static inline int64_t fnn_recurrent_packed(int64_t k, int64_t cols, int64_t groups)
{
    return groups * (cols + 31) * (k + 1);
}

/* Elements of scratch that one part wants: `gates` blocks of pre-activations going forward, their
 * gradients going backward, and one row of the cells' outputs each. */
static inline int64_t fnn_recurrent_scratch(int64_t cells, int64_t gates)
{
    const int64_t forward = gates * 32, backward = gates * cells + FNN_RECURRENT_PAD;
    return FNN_RECURRENT_ROWS * ((forward > backward ? forward : backward) + cells);
}

#endif
