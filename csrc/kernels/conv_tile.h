/* The micro-kernel of convolutions that read images without packing them: sums in two levels. */
#ifndef FASTNN_CONV_TILE_H
#define FASTNN_CONV_TILE_H

#include "linear_tile.h"

/* C(rows, lanes) += sum over o < outer and i < inner of
 * a[row * a_row + o * a_outer + i] * b[o * b_outer + at[i] + lane].
 * The lanes of C are up to NV vectors, each with its own place in b and c and its own length. */
struct sums {
    int64_t outer, inner, a_row, a_outer, b_outer, c_row;
    const int64_t *at;
};

/* lanes from `cut` on are read `jump` elements further: outputs of the next row of y */
struct target {
    const real *b;
    real *c;
    int64_t lanes, cut, jump;
};

/* starts from C, or from zero and the rows' bias where `fresh` */
typedef void (*sums_function)(const struct sums *s, const real *a, const struct target *to,
                              int fresh, const real *bias);

INLINE void sums_tile(const int rows, const int vecs, const int cut, const struct sums *s,
                      const real *a, const struct target *to, int fresh, const real *bias)
{
    vec acc[MR][NV];
    mask head[NV];
    const real *group[(MR + 2) / 3], *b[NV], *next[NV]; /* three rows from a pointer: see tile() */
    const int64_t inner = s->inner, a_row = s->a_row, skip = s->a_outer - s->inner;
    const int64_t *at = s->at;
    if (!fresh)
        EACH(r, v) acc[r][v] = vload_upto(to[v].c + r * s->c_row, to[v].lanes);
    else
        EACH(r, v) acc[r][v] = vset(bias ? bias[r] : 0);
    UNROLL for (int r = 0; r < rows; r += 3) group[r / 3] = a + r * a_row;
    UNROLL for (int v = 0; v < vecs; v++)
    {
        b[v] = to[v].b;
        if (cut) next[v] = to[v].b + to[v].jump, head[v] = vfirst(to[v].cut);
    }
    for (int64_t o = 0; o < s->outer; o++) {
        for (int64_t i = 0; i < inner; i++) {
            vec row[NV];
            UNROLL for (int v = 0; v < vecs; v++)
            {
                row[v] = vload(b[v] + at[i]);
                if (cut) row[v] = vselect(head[v], row[v], vload(next[v] + at[i]));
            }
            UNROLL for (int r = 0; r < rows; r++)
            {
                const vec x = vset(group[r / 3][r % 3 * a_row]);
                UNROLL for (int v = 0; v < vecs; v++) acc[r][v] += x * row[v];
            }
            UNROLL for (int r = 0; r < rows; r += 3) group[r / 3]++;
        }
        UNROLL for (int r = 0; r < rows; r += 3) group[r / 3] += skip;
        UNROLL for (int v = 0; v < vecs; v++)
        {
            b[v] += s->b_outer;
            if (cut) next[v] += s->b_outer;
        }
    }
    EACH(r, v) vstore_upto(to[v].c + r * s->c_row, acc[r][v], to[v].lanes);
}

#define SUMS(rows, vecs)                                                                           \
    static void sums_##rows##x##vecs(const struct sums *s, const real *a, const struct target *to, \
                                     int fresh, const real *bias)                                  \
    {                                                                                              \
        sums_tile(rows, vecs, 0, s, a, to, fresh, bias);                                           \
    }
#define CUT_SUMS(rows, vecs)                                                                       \
    static void cut_sums_##rows##x##vecs(const struct sums *s, const real *a,                      \
                                         const struct target *to, int fresh, const real *bias)     \
    {                                                                                              \
        sums_tile(rows, vecs, 1, s, a, to, fresh, bias);                                           \
    }
#define SUMS_NAME(rows, vecs) sums_##rows##x##vecs,
#define CUT_SUMS_NAME(rows, vecs) cut_sums_##rows##x##vecs,
TILES(SUMS, 1)
TILES(SUMS, 2)
TILES(CUT_SUMS, 1)
TILES(CUT_SUMS, 2)
static const sums_function sums[2][NV][MR] = {
    {{TILES(SUMS_NAME, 1)}, {TILES(SUMS_NAME, 2)}},
    {{TILES(CUT_SUMS_NAME, 1)}, {TILES(CUT_SUMS_NAME, 2)}}};

/* tile `t` of `rows` rows that are cut as evenly as can be: its first row, and how many */
static inline int64_t tiles_of(int64_t rows) { return (rows + MR - 1) / MR; }
static inline int64_t tile_begin(int64_t rows, int64_t t)
{
    const int64_t count = tiles_of(rows), rest = rows % count;
    return t * (rows / count) + (t < rest ? t : rest);
}

#endif
