/* What the matmul kernel and its caller agree on: how much scratch it wants. */
#ifndef FASTNN_MATMUL_H
#define FASTNN_MATMUL_H

#include <stdint.h>

/* Terms that a tile adds up at once (convolutions' tiles too), and the most that any instruction
 * set has matrix products' add up; columns of the right operand that are packed once for all rows;
 * elements of a packed block of the left operand, at most. */
#define FNN_MATMUL_DEPTH 256
#define FNN_MATMUL_MOST_DEPTH 400
#define FNN_MATMUL_COLS 1024
#define FNN_MATMUL_LEFT (528 * FNN_MATMUL_DEPTH)

/* Batch dimensions at most; where n holds dimension d's size and the steps of A and of B. */
#define FNN_MATMUL_DIMS 6
#define FNN_MATMUL_DIM(d) (12 + 3 * (d))

/* Elements of scratch that one part wants: a packed block of the left operand (or, where the
 * product is computed transposed, of the right one), then panels of the other. Small products want
 * none. */
static inline int64_t fnn_matmul_left(int64_t m, int64_t n, int64_t k)
{
    const int64_t rows = (m > n ? m : n) * 4 / 3 + 16; /* packed tiles have some room to spare */
    const int64_t size = rows * (k < FNN_MATMUL_MOST_DEPTH ? k : FNN_MATMUL_MOST_DEPTH);
    return size < FNN_MATMUL_LEFT ? (size + 15) / 16 * 16 : FNN_MATMUL_LEFT;
}
static inline int64_t fnn_matmul_scratch(int64_t m, int64_t n, int64_t k)
{
    const int64_t cols = n < FNN_MATMUL_COLS ? (n + 31) / 32 * 32 : FNN_MATMUL_COLS;
    if ((double)m * (double)n * (double)k < 1 << 18) return 0;
    return fnn_matmul_left(m, n, k) +
           cols * (k < FNN_MATMUL_MOST_DEPTH ? k : FNN_MATMUL_MOST_DEPTH);
}

#endif
