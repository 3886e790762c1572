/* Planes whose rows and columns are taken from other places: interpolation and padding by copies.
 *
 * Along each axis, output o is the sum over its taps k of weight[o, k] times input index[o, k]:
 * one tap for nearest neighbours and padding, two for linear, four for cubic, more where a
 * smaller image averages. Where there are several taps, indices rise with o and k. */
#include "../rows.h"

enum { SPAN = 4096 }; /* columns of a row of weighted sums that are held at once */

/* p: y (planes, oh, ow), x (planes, ih, iw), rows (oh, kh) int64, their weights, columns (ow, kw)
 *    int64, their weights; the backward kernel has dx for y and dy for x
 * n: 0 planes, 1 ih, 2 iw, 3 oh, 4 ow, 5 kh, 6 kw, 7 first and 8 end of a run of outputs whose
 *    columns follow each other */
struct resize {
    int64_t planes, ih, iw, oh, ow, kh, kw, run, run_end;
    const int64_t *rows, *columns;
    const real *row_weights, *column_weights;
};

static inline struct resize resize_of(const fnn_args *a)
{
    const int64_t *n = a->n;
    return (struct resize){n[0], n[1], n[2],    n[3],    n[4],    n[5],   n[6],
                           n[7], n[8], a->p[2], a->p[4], a->p[3], a->p[5]};
}

/* outputs [o, result) read columns of [columns[o, 0], + SPAN) */
static inline int64_t stretch(const struct resize *g, int64_t o)
{
    const int64_t first = g->columns[o * g->kw];
    while (o < g->ow && g->columns[o * g->kw + g->kw - 1] - first < SPAN) o++;
    return o;
}

static void gather(const struct resize *g, real *y, const real *x, int64_t o, int64_t end)
{
    const int64_t kw = g->kw, *at = g->columns;
    const real *w = g->column_weights;
    if (kw == 1) {
        const int64_t a = least(g->run, end), b = least(g->run_end, end);
        for (; o < a; o++) y[o] = x[at[o]];
        if (o < b) memcpy(y + o, x + at[o], (size_t)(b - o) * sizeof(real)), o = b;
        for (; o < end; o++) y[o] = x[at[o]];
    } else if (kw == 2) {
        for (; o < end; o++) y[o] = w[2 * o] * x[at[2 * o]] + w[2 * o + 1] * x[at[2 * o + 1]];
    } else {
        for (; o < end; o++) {
            real sum = 0;
            for (int64_t k = o * kw; k < (o + 1) * kw; k++) sum += w[k] * x[at[k]];
            y[o] = sum;
        }
    }
}

/* y = wx x, each output one row after the other; a row like the one before it is copied */
static void resize_forward(const fnn_args *a, int part, int parts)
{
    const struct resize g = resize_of(a);
    real sums[SPAN];
    int64_t i, end;
    share(g.planes * g.oh, 1, part, parts, &i, &end);
    for (int64_t first = i; i < end; i++) {
        const int64_t oy = i % g.oh, *rows = g.rows + oy * g.kh;
        const real *x = (const real *)a->p[1] + i / g.oh * g.ih * g.iw;
        real *y = (real *)a->p[0] + i * g.ow;
        if (g.kh == 1) {
            if (i > first && oy > 0 && rows[0] == rows[-1])
                memcpy(y, y - g.ow, (size_t)g.ow * sizeof(real));
            else
                gather(&g, y, x + rows[0] * g.iw, 0, g.ow);
            continue;
        }
        for (int64_t o = 0, next; o < g.ow; o = next) {
            next = stretch(&g, o);
            const int64_t from = g.columns[o * g.kw], to = g.columns[next * g.kw - 1] + 1;
            for (int64_t c = from; c < to; c += VL) {
                const int64_t lanes = to - c;
                vec v = {0};
                for (int64_t k = 0; k < g.kh; k++)
                    v += vset(g.row_weights[oy * g.kh + k]) *
                         vload_upto(x + rows[k] * g.iw + c, lanes);
                vstore_upto(sums + c - from, v, lanes);
            }
            gather(&g, y, sums - from, o, next);
        }
    }
}

static void scatter(const struct resize *g, real *x, const real *y, int64_t o, int64_t end)
{
    const int64_t kw = g->kw, *at = g->columns;
    const real *w = g->column_weights;
    if (kw == 1) {
        const int64_t a = least(g->run, end), b = least(g->run_end, end);
        for (; o < a; o++) x[at[o]] += y[o];
        if (o < b) {
            real *to = x + at[o];
            for (int64_t i = 0; i < b - o; i++) to[i] += y[o + i];
            o = b;
        }
        for (; o < end; o++) x[at[o]] += y[o];
    } else
        for (; o < end; o++)
            for (int64_t k = o * kw; k < (o + 1) * kw; k++) x[at[k]] += w[k] * y[o];
}

/* dx = the transposed map of dy; each plane is one thread's */
static void resize_backward(const fnn_args *a, int part, int parts)
{
    const struct resize g = resize_of(a);
    real sums[SPAN];
    int64_t i, end;
    share(g.planes, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        real *dx = (real *)a->p[0] + i * g.ih * g.iw;
        memset(dx, 0, (size_t)(g.ih * g.iw) * sizeof(real));
        for (int64_t oy = 0; oy < g.oh; oy++) {
            const int64_t *rows = g.rows + oy * g.kh;
            const real *dy = (const real *)a->p[1] + (i * g.oh + oy) * g.ow;
            if (g.kh == 1) {
                scatter(&g, dx + rows[0] * g.iw, dy, 0, g.ow);
                continue;
            }
            for (int64_t o = 0, next; o < g.ow; o = next) {
                next = stretch(&g, o);
                const int64_t from = g.columns[o * g.kw], to = g.columns[next * g.kw - 1] + 1;
                memset(sums, 0, (size_t)(to - from) * sizeof(real));
                scatter(&g, sums - from, dy, o, next);
                for (int64_t k = 0; k < g.kh; k++) {
                    real *row = dx + rows[k] * g.iw;
                    const vec w = vset(g.row_weights[oy * g.kh + k]);
                    for (int64_t c = from; c < to; c += VL)
                        vstore_upto(row + c,
                                    vload_upto(row + c, to - c) +
                                        w * vload_upto(sums + c - from, to - c),
                                    to - c);
                }
            }
        }
    }
}

FNN_EXPORT(resize, FNN_RESIZE)
