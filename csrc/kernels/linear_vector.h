/* Matrix times vector, both ways round: bound by memory, so nothing is packed.
 *
 * `strips` runs along the rows of a matrix and adds them up, `dots` takes the product of each row
 * with the vector. The order of sums depends on the shape alone. */
#ifndef FASTNN_LINEAR_VECTOR_H
#define FASTNN_LINEAR_VECTOR_H

#include "linear_tile.h"

#define STRIP                                                                                      \
    (8 * VL) /* columns that are summed in registers; shares are cut at multiples of it            \
              */

/* y(vecs * VL) = init + sum over i < k of x[i] B[i], in 8 / vecs interleaved sums */
INLINE void strip(const int vecs, real *y, const real *x, int64_t x_step, int64_t k, const real *b,
                  int64_t b_row, const real *init, int64_t last)
{
    const int sums = 8 / vecs;
    vec acc[8];
    UNROLL for (int s = 0; s < 8; s++) acc[s] = (vec){0};
    for (int64_t i = 0; i < k; i += sums) UNROLL for (int s = 0; s < sums; s++)
        {
            if (i + s >= k) break;
            vec factor = vset(x[(i + s) * x_step]);
            const real *row = b + (i + s) * b_row;
            UNROLL for (int v = 0; v < vecs; v++)
            {
                acc[s * vecs + v] += factor * vload_upto(row + v * VL, v < vecs - 1 ? VL : last);
            }
        }
    UNROLL for (int half = sums / 2; half > 0; half /= 2)
        UNROLL for (int s = 0; s < half * vecs; s++) acc[s] += acc[s + half * vecs];
    UNROLL for (int v = 0; v < vecs; v++)
    {
        const int64_t lanes = v < vecs - 1 ? VL : last;
        if (init) acc[v] += vload_upto(init + v * VL, lanes);
        vstore_upto(y + v * VL, acc[v], lanes);
    }
}

#define STRIP_OF(vecs)                                                                             \
    static void strip_##vecs(real *y, const real *x, int64_t x_step, int64_t k, const real *b,     \
                             int64_t b_row, const real *init, int64_t last)                        \
    {                                                                                              \
        if (last == VL)                                                                            \
            strip(vecs, y, x, x_step, k, b, b_row, init, VL);                                      \
        else                                                                                       \
            strip(vecs, y, x, x_step, k, b, b_row, init, last);                                    \
    }
STRIP_OF(1)
STRIP_OF(2)
STRIP_OF(4)
STRIP_OF(8)

/* y[begin..end) = init + x(k) B(k, n); end is n or, like begin, a multiple of STRIP */
static void strips(real *y, const real *x, int64_t x_step, int64_t k, const real *b, int64_t b_row,
                   int64_t n, int64_t begin, int64_t end, const real *init)
{
    const int64_t depth = n > STRIP ? 32 : 256; /* rows at a time, so that they are read in order */
    for (int64_t k0 = 0; k0 < k || k0 == 0; k0 += depth) {
        const int64_t rows = k - k0 < depth ? k - k0 : depth;
        const real *from = k0 ? y : init;
        for (int64_t j = begin; j < end;) {
            const int64_t left = (end - j + VL - 1) / VL, last = end - j - (left - 1) * VL;
            const int64_t vecs = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
            (vecs == 8   ? strip_8
             : vecs == 4 ? strip_4
             : vecs == 2 ? strip_2
                         : strip_1)(y + j, x + k0 * x_step, x_step, rows, b + k0 * b_row + j, b_row,
                                    from ? from + j : 0, vecs == left ? last : VL);
            j += vecs * VL;
        }
    }
}

/* y[r * y_step] = init[r * init_step] + sum over i < k of A[r][i] x[i], for `rows` rows */
INLINE void dot_rows(const int rows, real *y, int64_t y_step, const real *a, int64_t a_row,
                     int64_t k, const real *x, const real *init, int64_t init_step)
{
    vec acc[4][2];
    UNROLL for (int r = 0; r < rows; r++) acc[r][0] = acc[r][1] = (vec){0};
    int64_t i = 0;
    for (; i + 2 * VL <= k; i += 2 * VL) {
        vec x0 = vload(x + i), x1 = vload(x + i + VL);
        UNROLL for (int r = 0; r < rows; r++)
        {
            acc[r][0] += vload(a + r * a_row + i) * x0;
            acc[r][1] += vload(a + r * a_row + i + VL) * x1;
        }
    }
    if (i + VL <= k) {
        vec x0 = vload(x + i);
        UNROLL for (int r = 0; r < rows; r++) acc[r][0] += vload(a + r * a_row + i) * x0;
        i += VL;
    }
    if (i < k) {
        vec x1 = vload_part(x + i, k - i);
        UNROLL for (int r = 0; r < rows; r++) acc[r][1] +=
            vload_part(a + r * a_row + i, k - i) * x1;
    }
    for (int r = 0; r < rows; r++) {
        real sum = vsum(acc[r][0] + acc[r][1]);
        y[r * y_step] = init ? init[r * init_step] + sum : sum;
    }
}

static void dots(real *y, int64_t y_step, const real *a, int64_t a_row, int64_t rows, int64_t k,
                 const real *x, const real *init, int64_t init_step)
{
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4)
        dot_rows(4, y + r * y_step, y_step, a + r * a_row, a_row, k, x,
                 init ? init + r * init_step : 0, init_step);
    for (; r < rows; r++)
        dot_rows(1, y + r * y_step, y_step, a + r * a_row, a_row, k, x,
                 init ? init + r * init_step : 0, init_step);
}

#endif
