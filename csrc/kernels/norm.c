/* Normalization of rows: layer norm, RMS norm, forward and backward.
 *
 * xhat = (x - mean) * rstd, y = xhat * weight + bias, rstd = 1 / sqrt(variance + eps).
 * Letters: M rows, D features. A weight or bias that is NULL is one or zero. x - mean is taken
 * before the product: a mean far from zero costs no digits. */
#include "../rows.h"

#define TOGETHER 4 /* rows of layer norm's backward that share one pass over weight and sums */

/* one row: y = (x - mean) * rstd * weight + bias */
static inline void normalize_row(real *y, const real *x, int64_t n, real mean, real rstd,
                                 const real *weight, const real *bias)
{
    const vec m = vset(mean), r = vset(rstd);
    EACH_VECTOR(i, 0, n, lanes, {
        const vec xhat = (vload_upto(x + i, lanes) - m) * r;
        const vec shift = vload_or(bias, i, lanes, 0);
        vstore_upto(y + i, xhat * vload_or(weight, i, lanes, 1) + shift, lanes);
    });
}

/* p: y (M, D), mean (M), rstd (M), x (M, D), weight (D), bias (D). n: M, D. s: eps */
static void layer_norm_forward(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0], *mean = a->p[1], *rstd = a->p[2];
    const real *x = a->p[3];
    int64_t D = a->n[1], begin, end;
    share(a->n[0], 1, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        real m2;
        row_moments(x + i * D, D, 0, mean + i, &m2);
        rstd[i] = 1 / (real)sqrt(m2 / (real)D + (real)a->s[0]);
        normalize_row(y + i * D, x + i * D, D, mean[i], rstd[i], a->p[4], a->p[5]);
    }
}

/* y = x * rstd * weight, rstd = 1 / sqrt(mean(x^2) + eps) (Zhang, Sennrich 2019, eq. 4).
 * p: y (M, D), rstd (M), x (M, D), weight (D). n: M, D. s: eps */
static void rms_norm_forward(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0], *rstd = a->p[1];
    const real *x = a->p[2];
    int64_t D = a->n[1], begin, end;
    share(a->n[0], 1, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        real mean_square = row_fold(FOLD_SQUARES, x + i * D, D) / (real)D;
        rstd[i] = 1 / (real)sqrt(mean_square + (real)a->s[0]);
        normalize_row(y + i * D, x + i * D, D, 0, rstd[i], a->p[3], NULL);
    }
}

/* What the backward passes over `rows` rows need: of each its mean, rstd, and the means of g and of
 * g * xhat, g = dy * weight; only if centred the first and third. */
struct rows {
    int64_t D;
    const real *dy, *x, *weight;
    real *dx, *dw, *db;
    vec m[TOGETHER], r[TOGETHER], s[TOGETHER], q[TOGETHER];
};

INLINE void rows_sums(const int rows, const int64_t lanes, struct rows *t, int64_t i)
{
    const vec w = vload_or(t->weight, i, lanes, 1);
    UNROLL for (int u = 0; u < rows; u++)
    {
        const vec g = vload_upto(t->dy + u * t->D + i, lanes) * w;
        t->s[u] += g;
        t->q[u] += g * (vload_upto(t->x + u * t->D + i, lanes) - t->m[u]);
    }
}

/* dx = rstd * (g - mean(g) - xhat * mean(g * xhat)); adds dy * xhat to dw and dy to db */
INLINE void rows_gradients(const int rows, const int64_t lanes, const struct rows *t, int64_t i)
{
    vec w = vload_or(t->weight, i, lanes, 1), gw = {0}, gb = {0};
    UNROLL for (int u = 0; u < rows; u++)
    {
        const vec g = vload_upto(t->dy + u * t->D + i, lanes);
        const vec xhat = (vload_upto(t->x + u * t->D + i, lanes) - t->m[u]) * t->r[u];
        if (t->dx)
            vstore_upto(t->dx + u * t->D + i, t->r[u] * (g * w - t->s[u] - xhat * t->q[u]), lanes);
        gw += g * xhat;
        gb += g;
    }
    if (t->dw) vstore_upto(t->dw + i, vload_upto(t->dw + i, lanes) + gw, lanes);
    if (t->db) vstore_upto(t->db + i, vload_upto(t->db + i, lanes) + gb, lanes);
}

INLINE void rows_backward(const int rows, const int centred, const fnn_args *a, int64_t row,
                          real *dw, real *db)
{
    const int64_t D = a->n[1], at = row * D;
    const real *rstd = (const real *)a->p[4] + row;
    const real *mean = centred ? (const real *)a->p[6] + row : NULL;
    struct rows t = {.D = D, .weight = a->p[5], .dw = dw, .db = centred ? db : NULL};
    t.dy = (const real *)a->p[2] + at, t.x = (const real *)a->p[3] + at;
    t.dx = a->p[0] ? (real *)a->p[0] + at : NULL;
    for (int u = 0; u < rows; u++) {
        t.r[u] = vset(rstd[u]);
        if (centred) t.m[u] = vset(mean[u]);
    }
    if (t.dx) {
        EACH_VECTOR(i, 0, D, lanes, rows_sums(rows, lanes, &t, i););
        for (int u = 0; u < rows; u++) {
            t.s[u] = vset(centred ? vsum(t.s[u]) / (real)D : 0);
            t.q[u] = vset(vsum(t.q[u]) * rstd[u] / (real)D);
        }
    }
    EACH_VECTOR(i, 0, D, lanes, rows_gradients(rows, lanes, &t, i););
}

static inline __attribute__((always_inline)) void norm_backward(int centred, const fnn_args *a,
                                                                int part, int parts)
{
    int64_t M = a->n[0], D = a->n[1], block = a->n[2], begin, end;
    share((M + block - 1) / block, 1, part, parts, &begin, &end);
    for (int64_t b = begin; b < end; b++) {
        int64_t row = b * block, last = least(row + block, M);
        real *dw = a->p[1] ? (real *)a->p[1] + b * 2 * D : NULL, *db = dw ? dw + D : NULL;
        if (dw) memset(dw, 0, 2 * (size_t)D * sizeof(real));
        for (; row + TOGETHER <= last; row += TOGETHER)
            rows_backward(TOGETHER, centred, a, row, dw, db);
        for (; row < last; row++) rows_backward(1, centred, a, row, dw, db);
    }
}

/* p: dx (M, D) or NULL, sums of blocks of rows for dw and db (B, 2, D) or NULL, dy (M, D),
 * x (M, D), rstd (M), weight (D), mean (M). n: M, D, rows of a block, B = ceil(M / rows) */
static void layer_norm_backward(const fnn_args *a, int part, int parts)
{
    norm_backward(1, a, part, parts);
}
static void rms_norm_backward(const fnn_args *a, int part, int parts)
{
    norm_backward(0, a, part, parts);
}

/* Adds up the blocks' sums; onto what dw or db holds if told.
 * p: dw (D) or NULL, db (D) or NULL, sums (B, 2, D). n: B, D, onto dw, onto db */
static void norm_parameters(const fnn_args *a, int part, int parts)
{
    const real *sums = a->p[2];
    int64_t D = a->n[1], begin, end;
    share(D, 4 * VL, part, parts, &begin, &end);
    for (int k = 0; k < 2; k++) {
        real *to = a->p[k];
        if (!to) continue;
        for (int64_t i = begin; i < end; i += VL) {
            vec s = {0};
            for (int64_t b = 0; b < a->n[0]; b++)
                s += vload_upto(sums + (2 * b + k) * D + i, end - i);
            if (a->n[2 + k]) s += vload_upto(to + i, end - i);
            vstore_upto(to + i, s, end - i);
        }
    }
}

FNN_EXPORT(norm, FNN_NORM)
