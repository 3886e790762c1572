/* The matmul micro-kernel's tiles, and the packing that feeds them.
 *
 * A tile is up to MR rows by NV vectors of C, held in registers while k runs. Each element of C has
 * one accumulator, and k runs upwards, in every variant: how C is cut into tiles changes no bit. */
#ifndef FASTNN_LINEAR_TILE_H
#define FASTNN_LINEAR_TILE_H

#include "../kernel.h"
#include "../lanes.h"
#include "../matmul.h"

#define NV 2 /* vectors in a row of a tile */
#define NR (NV * VL)
#if VBYTES == 64
#define MR 14 /* 28 accumulators of 32 registers */
#elif VBYTES == 32
#define MR 6 /* 12 of 16 */
#elif defined(__aarch64__)
#define MR 8 /* 16 of 32 */
#else
#define MR 4 /* 8 of 16: without fused multiply-add each product wants a register too */
#endif
/* Elements of each column of a packed tile of A, and of the tile. Whole vectors are written: AVX2's
 * reach into the next column, which overwrites that, and at the tile's end into nothing. */
#if VBYTES == 32
#define LEFT MR
#define LEFT_TILE(k) (LEFT * (k) + VL)
#else
#define LEFT ((MR + VL - 1) / VL * VL)
#define LEFT_TILE(k) (LEFT * (k))
#endif
#define KC FNN_MATMUL_DEPTH

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

#define EACH(r, v) UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vecs; v++)

/* C(rows, cols) = init + A(rows, k) B(k, cols).  A is read element by element, at any strides; B is
 * read by whole vectors, its rows b_row apart. init is null (zero), or has rows init_row apart (0:
 * one row for all). `last` of the columns' last vector exist in init and C. */
typedef void (*tile_function)(int64_t k, const real *a, int64_t a_row, int64_t a_col, const real *b,
                              int64_t b_row, real *c, int64_t c_row, const real *init,
                              int64_t init_row, int64_t last);

#define TILES_4(X, v) X(1, v) X(2, v) X(3, v) X(4, v)
#define TILES_6(X, v) TILES_4(X, v) X(5, v) X(6, v)
#define TILES_8(X, v) TILES_6(X, v) X(7, v) X(8, v)
#define TILES_14(X, v) TILES_8(X, v) X(9, v) X(10, v) X(11, v) X(12, v) X(13, v) X(14, v)
#if MR == 14
#define TILES TILES_14
#elif MR == 8
#define TILES TILES_8
#elif MR == 6
#define TILES TILES_6
#else
#define TILES TILES_4
#endif
/* linear_tile.c's, by vectors and rows less one */
#define tiles FNN_PASTE(fnn_tiles, FNN_ISA, FNN_REAL)
extern const tile_function tiles[NV][MR];

/* to(rows, cols) = from(rows, cols), rows to_row and from_row apart */
static inline void copy_rows(real *to, int64_t to_row, const real *from, int64_t from_row,
                             int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++, to += to_row, from += from_row) {
        int64_t j = 0;
        for (; j + VL <= cols; j += VL) vstore(to + j, vload(from + j));
        if (j < cols) vstore_part(to + j, vload_part(from + j, cols - j), cols - j);
    }
}

/* panels(k, NR), one behind another, = B(k, cols), zeros behind its last column; B's rows are
 * contiguous */
static inline void pack_rows(real *panels, const real *b, int64_t b_row, int64_t k, int64_t cols)
{
    const int64_t whole = cols / NR, left = cols - whole * NR;
    for (int64_t i = 0; i < k; i++, panels += NR, b += b_row) {
        for (int64_t g = 0; g < whole; g++)
            for (int v = 0; v < NV; v++)
                vstore(panels + g * k * NR + v * VL, vload(b + g * NR + v * VL));
        for (int64_t j = 0; j < left; j += VL)
            vstore(panels + whole * k * NR + j, vload_upto(b + whole * NR + j, left - j));
    }
}

/* to(k, VL), rows to_row apart, = at most VL columns of B(k, cols), zeros behind the last; B's
 * columns are contiguous */
static inline void pack_across(real *to, int64_t to_row, const real *b, int64_t b_col, int64_t k,
                               int64_t cols)
{
    for (int64_t i = 0; i < k; i += VL) {
        vec t[VL];
        const int64_t depth = least(VL, k - i);
        UNROLL for (int lane = 0; lane < VL; lane++) t[lane] =
            lane < cols ? vload_upto(b + lane * b_col + i, depth) : (vec){0};
        transpose(t);
        for (int r = 0; r < VL; r++)
            if (r < depth) vstore(to + (i + r) * to_row, t[r]);
    }
}

/* panel(k, NR) = B(k, cols), zeros up to a whole vector; B's columns are contiguous */
static inline void pack_columns(real *panel, const real *b, int64_t b_col, int64_t k, int64_t cols)
{
    for (int64_t j = 0; j < cols; j += VL)
        pack_across(panel + j, NR, b + j * b_col, b_col, k, cols - j);
}

/* to = A(rows, k) tile by tile: k times a tile's rows, in LEFT elements each. Of A's steps one is
 * 1: its columns are read for all tiles, a few at a time, its rows for one tile after the other. */
static inline void pack_left(real *to, const real *a, int64_t a_row, int64_t a_col, int64_t rows,
                             int64_t k)
{
    const int64_t count = (rows + MR - 1) / MR, each = rows / count, rest = rows % count;
    const int64_t step = a_row == 1 ? VL : k;
    for (int64_t i0 = 0; i0 < k; i0 += step)
        for (int64_t t = 0, row = 0; t < count; t++) {
            const int64_t r = each + (t < rest), left = rows - row, end = least(i0 + step, k);
            const real *from = a + row * a_row + i0 * a_col;
            real *tile = to + t * LEFT_TILE(k) + i0 * LEFT;
            row += r;
            if (a_row != 1)
                for (int64_t j = (r - 1) / VL * VL; j >= 0; j -= VL)
                    pack_across(tile + j, LEFT, from + j * a_row, a_row, k, r - j);
            else if (left >= (LEFT + VL - 1) / VL * VL)
                for (int64_t i = i0; i < end; i++, tile += LEFT, from += a_col)
                    for (int j = 0; j < LEFT; j += VL) vstore(tile + j, vload(from + j));
            else
                for (int64_t i = i0; i < end; i++, tile += LEFT, from += a_col)
                    for (int64_t j = 0; j < left; j += VL)
                        vstore(tile + j, vload_upto(from + j, left - j));
        }
}

#endif
