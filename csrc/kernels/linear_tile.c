/* The matmul micro-kernel: one text for every size of tile, used by products, convolutions and
 * recurrent layers. */
#include "linear_tile.h"

INLINE void tile(const int rows, const int vecs, int64_t k, const real *a, int64_t a_row,
                 int64_t a_col, const real *b, int64_t b_row, real *c, int64_t c_row,
                 const real *init, int64_t init_row, int64_t last)
{
    vec acc[MR][NV];
    const real *group[(MR + 2) / 3]; /* three rows from one pointer: few enough for registers */
    if (!init)
        EACH(r, v) acc[r][v] = (vec){0};
    else if (last == VL)
        EACH(r, v) acc[r][v] = vload(init + r * init_row + v * VL);
    else {
        EACH(r, v) acc[r][v] = vload_upto(init + r * init_row + v * VL, v < vecs - 1 ? VL : last);
    }
    UNROLL for (int r = 0; r < rows; r += 3) group[r / 3] = a + r * a_row;
    for (int64_t i = 0; i < k; i++) {
        vec row[NV];
        UNROLL for (int v = 0; v < vecs; v++) row[v] = vload(b + v * VL);
        b += b_row;
        UNROLL for (int r = 0; r < rows; r++)
        {
            vec x = vset(group[r / 3][r % 3 * a_row]);
            UNROLL for (int v = 0; v < vecs; v++) acc[r][v] += x * row[v];
        }
        UNROLL for (int r = 0; r < rows; r += 3) group[r / 3] += a_col;
    }
    if (last == VL)
        EACH(r, v) vstore(c + r * c_row + v * VL, acc[r][v]);
    else {
        EACH(r, v) vstore_upto(c + r * c_row + v * VL, acc[r][v], v < vecs - 1 ? VL : last);
    }
}

#define TILE(rows, vecs)                                                                           \
    static void tile_##rows##x##vecs(int64_t k, const real *a, int64_t a_row, int64_t a_col,       \
                                     const real *b, int64_t b_row, real *c, int64_t c_row,         \
                                     const real *init, int64_t init_row, int64_t last)             \
    {                                                                                              \
        tile(rows, vecs, k, a, a_row, a_col, b, b_row, c, c_row, init, init_row, last);            \
    }
#define TILE_NAME(rows, vecs) tile_##rows##x##vecs,
TILES(TILE, 1)
TILES(TILE, 2)
const tile_function tiles[NV][MR] = {{TILES(TILE_NAME, 1)}, {TILES(TILE_NAME, 2)}};
