/* What the matmul kernel and its caller agree on: how much scratch it wants. */
#ifndef FASTNN_MATMUL_H
#define FASTNN_MATMUL_H

#include <stdint.h>

/* Rows of the left operand that stay in the second-level cache, with so many of their columns; the
 * elements between rows that are copied, so that they do not share cache sets; panels of the right
 * operand that are packed together, and their elements (a panel has at most 32 columns). */
#define FNN_MATMUL_ROWS 384
#define FNN_MATMUL_DEPTH 256
#define FNN_MATMUL_PAD 16
#define FNN_MATMUL_GROUP 4
#define FNN_MATMUL_PANELS (FNN_MATMUL_GROUP * FNN_MATMUL_DEPTH * 32)

/* Batch dimensions at most; where n holds dimension d's size and the steps of A and of B. */
#define FNN_MATMUL_DIMS 6
#define FNN_MATMUL_DIM(d) (12 + 3 * (d))

/* Elements of scratch that one part wants: a group of panels, and a copy of a block of the left
 * (or, where the product is computed transposed, of the right) operand. Small products want none.
 */
static inline int64_t fnn_matmul_scratch(int64_t m, int64_t n, int64_t k)
{
    int64_t rows = m > n ? m : n, depth = k < FNN_MATMUL_DEPTH ? k : FNN_MATMUL_DEPTH;
    if ((double)m * (double)n * (double)k < 1 << 18) return 0;
    if (rows > FNN_MATMUL_ROWS) rows = FNN_MATMUL_ROWS;
    return FNN_MATMUL_PANELS + ((rows + FNN_MATMUL_PAD) * (depth + FNN_MATMUL_PAD) + 15) / 16 * 16;
}

#endif
