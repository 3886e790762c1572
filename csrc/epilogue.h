/* Activations as the last part of another kernel: applied in place, to what is still in a cache. */
#ifndef FASTNN_EPILOGUE_H
#define FASTNN_EPILOGUE_H

#include "kernel.h"

fnn_kernel fnn_kernel_of(int is_float64, int64_t id); /* dispatch.c */

/* y(rows, cols) = act(y), rows `row` apart. act: the id of an activation's forward kernel, or 0: as
 * it is; s: its four constants. */
static inline void epilogue(int64_t act, const double *s, real *y, int64_t row, int64_t rows,
                            int64_t cols)
{
    fnn_args a;
    if (act == 0) return;
    if (row == cols) cols *= rows, rows = 1;
    a.p[0] = a.p[1] = y;
    a.n[0] = cols, a.n[1] = rows, a.n[2] = row;
    memcpy(a.s, s, 4 * sizeof(double));
    fnn_kernel_of(FNN_REAL == 64, act)(&a, 0, 1);
}

#endif
