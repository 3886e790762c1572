/* What the attention kernels and their caller agree on. */
#ifndef FASTNN_ATTENTION_H
#define FASTNN_ATTENTION_H

#include <stdint.h>

#define FNN_ATTENTION_ROWS 64 /* queries, and keys, of one block of scores */
#define FNN_ATTENTION_COLS 128
#define FNN_ATTENTION_PAD 16

/* where fnn_args.n holds what; of q, k, v and y: the steps of batch, head and row */
enum fnn_attention {
    FNN_ATT_BATCH,
    FNN_ATT_HEADS,
    FNN_ATT_KV_HEADS,
    FNN_ATT_L,
    FNN_ATT_S,
    FNN_ATT_E,
    FNN_ATT_EV,
    FNN_ATT_Q,
    FNN_ATT_K = FNN_ATT_Q + 3,
    FNN_ATT_V = FNN_ATT_K + 3,
    FNN_ATT_Y = FNN_ATT_V + 3,
    FNN_ATT_MASK = FNN_ATT_Y + 3,         /* steps of batch, head, row and column */
    FNN_ATT_MASK_KIND = FNN_ATT_MASK + 4, /* 0: none, 1: bool (set: may be looked at), 2: added */
    FNN_ATT_CAUSAL,
    FNN_ATT_THRESHOLD, /* dropout: p 2^32, or 0 */
    FNN_ATT_DQ,        /* where the gradients of q, k and v begin in p[0] */
    FNN_ATT_DK,
    FNN_ATT_DV
};

/* Dropout numbers the scores of a row as if there were a whole number of chunks of 64. */
static inline int64_t fnn_attention_chunks(int64_t S) { return (S + 63) / 64; }

/* Elements of one part's scratch: two blocks of scores; keys and values transposed; one operand. */
static inline int64_t fnn_attention_scratch(int64_t E, int64_t EV)
{
    const int64_t most = E > EV ? E : EV;
    return 2 * FNN_ATTENTION_ROWS * (FNN_ATTENTION_COLS + FNN_ATTENTION_PAD) +
           (E + EV) * FNN_ATTENTION_COLS + FNN_ATTENTION_COLS * ((most + 31) / 32 * 32);
}

#endif
