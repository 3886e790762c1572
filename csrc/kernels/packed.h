/* Products with a packed right operand, computed inside a kernel: recurrent steps, attention
 * blocks.
 *
 * B(k, n) lies in panels of NR columns, k * NR elements each, one behind another, with zeros behind
 * its last column. k is never cut: the order of sums is fixed by k alone. */
#ifndef FASTNN_PACKED_H
#define FASTNN_PACKED_H

#include "linear_tile.h"

/* one panel of at most NR columns; of the steps of B, one is 1 */
static inline void pack_panel(real *panel, const real *b, int64_t b_row, int64_t b_col, int64_t k,
                              int64_t cols)
{
    if (b_col != 1 && cols > 1) {
        pack_columns(panel, b, b_col, k, cols);
        return;
    }
    for (int64_t i = 0; i < k; i++, panel += NR, b += b_row)
        for (int64_t j = 0; j < cols; j += VL) vstore(panel + j, vload_upto(b + j, cols - j));
}

/* all panels of B */
static inline void pack_panels(real *panels, const real *b, int64_t b_row, int64_t b_col, int64_t k,
                               int64_t n)
{
    for (int64_t j = 0; j < n; j += NR, panels += k * NR)
        pack_panel(panels, b + j * b_col, b_row, b_col, k, least(NR, n - j));
}

/* C(m, cols) = init + A(m, k) B, one panel, rows cut as evenly as can be; init null: zero */
static inline void times_panel(real *c, int64_t c_row, const real *a, int64_t a_row, int64_t a_col,
                               int64_t m, int64_t cols, int64_t k, const real *b, int64_t b_row,
                               const real *init, int64_t init_row)
{
    const int64_t count = (m + MR - 1) / MR, vecs = (cols + VL - 1) / VL;
    const int64_t last = cols - (vecs - 1) * VL;
    for (int64_t t = 0; t < count; t++) {
        const int64_t r = m / count + (t < m % count);
        tiles[vecs - 1][r - 1](k, a, a_row, a_col, b, b_row, c, c_row, init, init_row, last);
        a += r * a_row;
        c += r * c_row;
        if (init) init += r * init_row;
    }
}

/* C(m, n) = init + A(m, k) B(k, n), B in panels */
static inline void times_packed(real *c, int64_t c_row, const real *a, int64_t a_row, int64_t a_col,
                                int64_t m, int64_t n, int64_t k, const real *panels,
                                const real *init, int64_t init_row)
{
    for (int64_t j = 0; j < n; j += NR, panels += k * NR)
        times_panel(c + j, c_row, a, a_row, a_col, m, least(NR, n - j), k, panels, NR,
                    init ? init + j : init, init_row);
}

#endif
