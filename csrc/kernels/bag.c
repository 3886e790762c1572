/* Bags of embeddings: the rows that a bag names become their sum, mean or maximum.
 * T look-ups in B bags, V rows, D columns. Indices and offsets were checked before: 0 <= index < V,
 * offsets rise from 0 to T. */
#include "../rows.h"

enum { SUM, MEAN, MAX };

/* n: 0 B, 1 D, 2 T, 3 positions of each bag where there are no offsets, 4 offsets, 5 padding (-1:
 *    none), 6 SUM, MEAN or MAX, 7 V, 8 row stride of w */
struct bags {
    int64_t B, D, T, each, given, padding, mode;
    const int64_t *index, *offsets;
    const real *factors;
};

static inline struct bags bags_of(const fnn_args *a, int first)
{
    const int64_t *n = a->n;
    return (struct bags){
        n[0], n[1], n[2], n[3], n[4], n[5], n[6], a->p[first], a->p[first + 1], a->p[first + 2]};
}

/* a bag's positions [begin, end), and how many of them are no padding */
static inline int64_t bag(const struct bags *g, int64_t b, int64_t *begin, int64_t *end)
{
    int64_t count = 0;
    *begin = g->offsets ? g->offsets[b] : b * g->each;
    *end = !g->offsets ? *begin + g->each : b + 1 < g->given ? g->offsets[b + 1] : g->T;
    for (int64_t i = *begin; i < *end; i++) count += g->index[i] != g->padding;
    return count;
}

/* y += factor * x */
static inline void add_row(real *y, const real *x, real factor, int64_t D)
{
    const vec f = vset(factor);
    for (int64_t j = 0; j < D; j += VL)
        vstore_upto(y + j, vload_upto(y + j, D - j) + f * vload_upto(x + j, D - j), D - j);
}

/* y = sum, mean or maximum; zeros for an empty bag. place: where in the index the first of the
 * largest is, -1 in an empty bag; only with MAX.
 * p: y (B, D), place (B, D) int64, w (V, D), index (T), offsets or NULL, factors (T) or NULL
 * Source: torch.nn.functional.embedding_bag */
static void bag_forward(const fnn_args *a, int part, int parts)
{
    const struct bags g = bags_of(a, 3);
    const real *w = a->p[2];
    const int64_t D = g.D, stride = a->n[8];
    int64_t b, last, begin, end;
    share(g.B, 1, part, parts, &b, &last);
    for (; b < last; b++) {
        real *y = (real *)a->p[0] + b * D;
        int64_t *place = a->p[1] ? (int64_t *)a->p[1] + b * D : NULL;
        const int64_t count = bag(&g, b, &begin, &end);
        memset(y, 0, (size_t)D * sizeof(real));
        for (int64_t j = 0; place && j < D; j++) place[j] = -1;
        for (int64_t i = begin; i < end; i++) {
            const real *row = w + g.index[i] * stride;
            if (g.index[i] == g.padding) continue;
            if (!place) {
                add_row(y, row, g.factors ? g.factors[i] : 1, D);
                continue;
            }
            for (int64_t j = 0; j < D; j++) {
                const int better =
                    (place[j] < 0) | (row[j] > y[j]) | ((row[j] != row[j]) & (y[j] == y[j]));
                y[j] = better ? row[j] : y[j];
                place[j] = better ? i : place[j];
            }
        }
        if (g.mode == MEAN && count > 1)
            for (int64_t j = 0; j < D; j++) y[j] /= (real)count;
    }
}

/* dw[index[i]] += dy of the bag, as far as position i had a part in it; in order of i. A share owns
 * rows of dw and looks at all positions, so the order never changes.
 * p: dw (V, D), dy (B, D), place or NULL, index, offsets or NULL, factors or NULL
 * n[9]: add to what dw holds */
static void bag_backward(const fnn_args *a, int part, int parts)
{
    const struct bags g = bags_of(a, 3);
    real *dw = a->p[0];
    const int64_t D = g.D;
    int64_t low, high, begin, end;
    share(a->n[7], 1, part, parts, &low, &high);
    if (!a->n[9]) memset(dw + low * D, 0, (size_t)((high - low) * D) * sizeof(real));
    for (int64_t b = 0; b < g.B; b++) {
        const real *dy = (const real *)a->p[1] + b * D;
        const int64_t *place = a->p[2] ? (const int64_t *)a->p[2] + b * D : NULL;
        if (place) {
            for (int64_t j = 0; j < D; j++) {
                const int64_t row = place[j] < 0 ? -1 : g.index[place[j]];
                if (row >= low && row < high) dw[row * D + j] += dy[j];
            }
            continue;
        }
        const int64_t count = bag(&g, b, &begin, &end);
        const real scale = g.mode == MEAN && count ? 1 / (real)count : 1;
        for (int64_t i = begin; i < end; i++) {
            const int64_t row = g.index[i];
            if (row < low || row >= high || row == g.padding) continue;
            add_row(dw + row * D, dy, g.factors ? g.factors[i] : scale, D);
        }
    }
}

/* dfactors[i] = <dy of the bag, w[index[i]]>, 0 for padding
 * p: dfactors (T), dy (B, D), w (V, D), index, offsets or NULL, NULL */
static void bag_factor_backward(const fnn_args *a, int part, int parts)
{
    const struct bags g = bags_of(a, 3);
    const real *w = a->p[2];
    const int64_t D = g.D, stride = a->n[8];
    int64_t b, last, begin, end;
    share(g.B, 1, part, parts, &b, &last);
    for (; b < last; b++) {
        const real *dy = (const real *)a->p[1] + b * D;
        bag(&g, b, &begin, &end);
        for (int64_t i = begin; i < end; i++) {
            const real *row = w + g.index[i] * stride;
            vec s = {0};
            for (int64_t j = 0; j < D; j += VL)
                s += vload_upto(dy + j, D - j) * vload_upto(row + j, D - j);
            ((real *)a->p[0])[i] = g.index[i] == g.padding ? 0 : vsum(s);
        }
    }
}

FNN_EXPORT(bag, FNN_BAG)
