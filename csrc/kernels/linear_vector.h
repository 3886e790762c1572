/* Matrix times vector, both ways round, and vector times vector: bound by memory, so nothing is
 * packed.
 *
 * `strips` adds up the rows of a matrix, each times its element of the vector; `dots` takes the
 * product of each row with the vector; `outer` that of each element of a column with a row. The
 * order of sums depends on the shape alone. */
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

/* y(n) += x(rows) B(rows, n), for rows that are long: read in order, they come from memory faster
 */
INLINE void sweep(const int rows, real *y, const real *x, int64_t x_step, const real *b,
                  int64_t b_row, int64_t n)
{
    vec factor[8];
    UNROLL for (int r = 0; r < rows; r++) factor[r] = vset(x[r * x_step]);
    int64_t j = 0;
    for (; j + VL <= n; j += VL) {
        vec sum = vload(y + j);
        UNROLL for (int r = 0; r < rows; r++) sum += factor[r] * vload(b + r * b_row + j);
        vstore(y + j, sum);
    }
    if (j < n) {
        vec sum = vload_part(y + j, n - j);
        for (int r = 0; r < rows; r++)
            sum += vset(x[r * x_step]) * vload_part(b + r * b_row + j, n - j);
        vstore_part(y + j, sum, n - j);
    }
}

#define DEPTH 256                        /* terms that are summed before they go into the total */
#define WIDTH (4096 / (int)sizeof(real)) /* columns that are swept at once; a multiple of STRIP */

/* y(n) = x(rows) B(rows, n) */
static void sweep_all(real *y, const real *x, int64_t x_step, int64_t rows, const real *b,
                      int64_t b_row, int64_t n)
{
    int64_t r = 0;
    memset(y, 0, (size_t)n * sizeof(real));
    for (; r + 8 <= rows; r += 8) sweep(8, y, x + r * x_step, x_step, b + r * b_row, b_row, n);
    for (; r + 4 <= rows; r += 4) sweep(4, y, x + r * x_step, x_step, b + r * b_row, b_row, n);
    for (; r < rows; r++) sweep(1, y, x + r * x_step, x_step, b + r * b_row, b_row, n);
}

static void sweeps(real *y, const real *x, int64_t x_step, int64_t k, const real *b, int64_t b_row,
                   int64_t n, const real *init)
{
    real sums[WIDTH];
    for (int64_t k0 = 0; k0 < k || k0 == 0; k0 += DEPTH) {
        const int64_t rows = k - k0 < DEPTH ? k - k0 : DEPTH;
        const real *from = k0 ? y : init;
        sweep_all(sums, x + k0 * x_step, x_step, rows, b + k0 * b_row, b_row, n);
        for (int64_t j = 0; j < n; j += VL) {
            const int64_t lanes = n - j < VL ? n - j : VL;
            vec total = vload_upto(sums + j, lanes);
            if (from) total += vload_upto(from + j, lanes);
            vstore_upto(y + j, total, lanes);
        }
    }
}

/* y(n) = init + x(k) B(k, n), n at most STRIP, in registers */
static void short_strips(real *y, const real *x, int64_t x_step, int64_t k, const real *b,
                         int64_t b_row, int64_t n, const real *init)
{
    for (int64_t k0 = 0; k0 < k || k0 == 0; k0 += DEPTH) {
        const int64_t rows = k - k0 < DEPTH ? k - k0 : DEPTH;
        const real *from = k0 ? y : init;
        for (int64_t j = 0; j < n;) {
            const int64_t left = (n - j + VL - 1) / VL, last = n - j - (left - 1) * VL;
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

/* y[begin..end) = init + x(k) B(k, n); end is n or, like begin, a multiple of STRIP */
static void strips(real *y, const real *x, int64_t x_step, int64_t k, const real *b, int64_t b_row,
                   int64_t n, int64_t begin, int64_t end, const real *init)
{
    if (n <= STRIP) {
        if (begin < end) short_strips(y, x, x_step, k, b, b_row, n, init);
        return;
    }
    for (int64_t j = begin; j < end; j += WIDTH)
        sweeps(y + j, x, x_step, k, b + j, b_row, end - j < WIDTH ? end - j : WIDTH,
               init ? init + j : 0);
}

#define DOT_ROWS 8 /* rows that are multiplied together; shares are cut at multiples of it */

/* y[r * y_step] = init[r * init_step] + sum over i < k of A[r][i] x[i], for `rows` rows, each in
 * `sums` interleaved sums */
INLINE void dot_rows(const int rows, const int sums, real *y, int64_t y_step, const real *a,
                     int64_t a_row, int64_t k, const real *x, const real *init, int64_t init_step)
{
    vec acc[8];
    UNROLL for (int s = 0; s < 8; s++) acc[s] = (vec){0};
    int64_t i = 0;
    for (; i + sums * VL <= k; i += sums * VL) UNROLL for (int s = 0; s < sums; s++)
        {
            vec factor = vload(x + i + s * VL);
            UNROLL for (int r = 0; r < rows; r++) acc[r * sums + s] +=
                vload(a + r * a_row + i + s * VL) * factor;
        }
    for (; i < k; i += VL) {
        vec factor = vload_upto(x + i, k - i);
        UNROLL for (int r = 0; r < rows; r++) acc[r * sums] +=
            vload_upto(a + r * a_row + i, k - i) * factor;
    }
    UNROLL for (int r = 0; r < rows; r++)
    {
        UNROLL for (int half = sums / 2; half > 0; half /= 2) UNROLL for (int s = 0; s < half; s++)
            acc[r * sums + s] += acc[r * sums + s + half];
        y[r * y_step] = vsum(acc[r * sums]) + (init ? init[r * init_step] : 0);
    }
}

/* as many rows together as can be, or the one row of a dot product */
static void dots(real *y, int64_t y_step, const real *a, int64_t a_row, int64_t rows, int64_t k,
                 const real *x, const real *init, int64_t init_step, int single)
{
    int64_t r = 0;
    if (single) {
        dot_rows(1, 8, y, y_step, a, a_row, k, x, init, init_step);
        return;
    }
    for (; r + DOT_ROWS <= rows; r += DOT_ROWS)
        dot_rows(DOT_ROWS, 1, y + r * y_step, y_step, a + r * a_row, a_row, k, x,
                 init ? init + r * init_step : 0, init_step);
    for (; r + 4 <= rows; r += 4)
        dot_rows(4, 2, y + r * y_step, y_step, a + r * a_row, a_row, k, x,
                 init ? init + r * init_step : 0, init_step);
    for (; r < rows; r++)
        dot_rows(1, 2, y + r * y_step, y_step, a + r * a_row, a_row, k, x,
                 init ? init + r * init_step : 0, init_step);
}

/* C(m, n) = init + a(m) b(n): row after row, as memory likes to be written */
static void outer(real *c, int64_t c_row, int64_t m, int64_t n, const real *a, int64_t a_row,
                  const real *b, const real *init, int64_t init_row)
{
    for (int64_t i = 0; i < m; i++, c += c_row, init += init ? init_row : 0) {
        const vec factor = vset(a[i * a_row]);
        int64_t j = 0;
        for (; j + 2 * VL <= n; j += 2 * VL) {
            const vec low = init ? vload(init + j) : (vec){0};
            const vec high = init ? vload(init + j + VL) : (vec){0};
            vstore(c + j, low + factor * vload(b + j));
            vstore(c + j + VL, high + factor * vload(b + j + VL));
        }
        for (; j < n; j += VL) {
            const vec from = init ? vload_upto(init + j, n - j) : (vec){0};
            vstore_upto(c + j, from + factor * vload_upto(b + j, n - j), n - j);
        }
    }
}

#endif
