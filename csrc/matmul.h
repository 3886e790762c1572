/* What the matmul kernel and its caller agree on: the epilogues, and how much scratch it wants. */
#ifndef FASTNN_MATMUL_H
#define FASTNN_MATMUL_H

#include <stdint.h>

enum fnn_epilogue { FNN_NO_ACTIVATION, FNN_RELU, FNN_TANH, FNN_SIGMOID, FNN_GELU };

#define FNN_MATMUL_ROWS 384  /* rows of the left operand that stay in the second-level cache ... */
#define FNN_MATMUL_DEPTH 256 /* ... with this many of their columns at a time */
#define FNN_MATMUL_PAD 16 /* elements between copied rows: keeps them off each other's cache sets  \
                           */
#define FNN_MATMUL_DIMS 6 /* batch dimensions */
#define FNN_MATMUL_DIM(d) (12 + 3 * (d)) /* in n: its size, the steps of A and of B */

/* Elements of scratch that one part wants: a copy of a block of the left (or, where the product is
 * computed transposed, of the right) operand. Small products are computed without any. */
static inline int64_t fnn_matmul_scratch(int64_t m, int64_t n, int64_t k)
{
    int64_t rows = m > n ? m : n, depth = k < FNN_MATMUL_DEPTH ? k : FNN_MATMUL_DEPTH;
    if ((double)m * (double)n * (double)k < 1 << 18) return 0;
    if (rows > FNN_MATMUL_ROWS) rows = FNN_MATMUL_ROWS;
    return (rows + FNN_MATMUL_PAD) * (depth + FNN_MATMUL_PAD);
}

#endif
