/* Normalization: of rows (layer norm, RMS norm) and of channels (batch norm), forward and backward.
 *
 * xhat = (x - mean) * rstd, y = xhat * weight + bias, rstd = 1 / sqrt(variance + eps).
 * Letters: M rows, D features; N batch, C channels, L positions. A weight or bias that is NULL is
 * one or zero. x - mean is taken before the product: a mean far from zero costs no digits. */
#include "../rows.h"

#define TOGETHER 4 /* rows of layer norm's backward that share one pass over weight and sums */
#define CHUNK 512  /* channels whose sums are kept on the stack */
/* rows that are read side by side: the prefetcher loses more streams than these */
#define ABREAST 4
#define SUPER 256 /* rows whose sums are gathered before they join the total */

static inline vec vload_or(const real *p, int64_t i, int64_t lanes, real otherwise)
{
    return p ? vload_upto(p + i, lanes) : vset(otherwise);
}

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

/* moments of one channel: those of its N stretches of L positions, merged in double precision */
static inline void channel_moments(const real *x, int64_t N, int64_t stride, int64_t L, real *mean,
                                   real *m2)
{
    double m = 0, q = 0;
    for (int64_t n = 0; n < N; n++) {
        real mean_b, m2_b;
        row_moments(x + n * stride, L, *x, &mean_b, &m2_b);
        double delta = mean_b - m, share_b = 1.0 / (double)(n + 1);
        m += delta * share_b;
        q += m2_b + delta * delta * share_b * (double)(n * L);
    }
    *mean = (real)(m + *x);
    *m2 = (real)q;
}

/* y = (x - m) * r + b for `rows` rows of so many channels */
INLINE void scale_rows(const int rows, real *y, const real *x, int64_t step, int64_t channels,
                       const real *m, const real *r, const real *b)
{
    EACH_VECTOR(i, 0, channels, lanes, {
        const vec mi = vload(m + i), ri = vload(r + i), bi = vload(b + i);
        UNROLL for (int u = 0; u < rows; u++)
        {
            const int64_t j = u * step + i;
            vstore_upto(y + j, (vload_upto(x + j, lanes) - mi) * ri + bi, lanes);
        }
    });
}

/* Channels are shared out; each share takes the statistics and then normalizes.
 * In training the running statistics move by the factor s[1] (1 / count if it is negative) towards
 * the batch's mean and unbiased variance; otherwise they stand for the batch's. (Ioffe, Szegedy
 * 2015) p: y (N, C, L), mean (C), rstd (C), running_mean, running_var (C) or NULL, x (N, C, L),
 * weight, bias (C) or NULL, count (int64). n: N, C, L, training. s: eps, momentum */
static void batch_norm_forward(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0], *mean = a->p[1], *rstd = a->p[2], *running_mean = a->p[3];
    real *running_var = a->p[4];
    const real *x = a->p[5], *weight = a->p[6], *bias = a->p[7];
    const int64_t *count = a->p[8];
    int64_t N = a->n[0], C = a->n[1], L = a->n[2], training = a->n[3], first, last;
    share(C, 4 * VL, part, parts, &first, &last);
    if (first == last) return;
    if (training && L == 1)
        column_moments(x + first, x + first, N, C, last - first, mean + first, rstd + first);
    else if (training)
        for (int64_t c = first; c < last; c++)
            channel_moments(x + c * L, N, C * L, L, mean + c, rstd + c);
    real size = (real)(N * L), eps = (real)a->s[0];
    real f = (real)(a->s[1] < 0 && training && count ? 1.0 / (double)*count : a->s[1]);
    for (int64_t c = first; c < last; c++) {
        if (training && L == 1) mean[c] += x[c];
        if (training && running_mean) {
            running_mean[c] += f * (mean[c] - running_mean[c]);
            running_var[c] += f * (rstd[c] / (size - 1) - running_var[c]);
        }
        if (!training) mean[c] = running_mean[c];
        rstd[c] = 1 / (real)sqrt((training ? rstd[c] / size : running_var[c]) + eps);
    }
    if (L != 1) {
        for (int64_t n = 0; n < N; n++)
            for (int64_t c = first; c < last; c++) {
                int64_t at = (n * C + c) * L;
                vec w = vset(weight ? weight[c] : 1), b = vset(bias ? bias[c] : 0);
                vec m = vset(mean[c]), r = vset(rstd[c]);
                EACH_VECTOR(i, at, at + L, lanes, {
                    vstore_upto(y + i, (vload_upto(x + i, lanes) - m) * r * w + b, lanes);
                });
            }
        return;
    }
    for (int64_t chunk = first; chunk < last; chunk += 2 * CHUNK) {
        const int64_t columns = least(2 * CHUNK, last - chunk);
        real m[2 * CHUNK], r[2 * CHUNK], b[2 * CHUNK];
        for (int64_t i = 0; i < columns; i += VL) {
            const int64_t c = chunk + i, lanes = columns - i;
            vstore(m + i, vload_upto(mean + c, lanes));
            vstore(r + i, vload_upto(rstd + c, lanes) * vload_or(weight, c, lanes, 1));
            vstore(b + i, vload_or(bias, c, lanes, 0));
        }
        int64_t n = 0, at = chunk;
        for (; n + 2 <= N; n += 2, at += 2 * C) scale_rows(2, y + at, x + at, C, columns, m, r, b);
        if (n < N) scale_rows(1, y + at, x + at, C, columns, m, r, b);
    }
}

/* A new batch has been seen. p: count (int64) */
static void batch_norm_count(const fnn_args *a, int part, int parts)
{
    (void)parts;
    if (part == 0) ++*(int64_t *)a->p[0];
}

/* sums of dy and of dy * (x - mean) down at most CHUNK columns of (N, C) */
static inline void column_sums(const real *dy, const real *x, const real *mean, int64_t N,
                               int64_t C, int64_t columns, real *sum, real *dot)
{
    real s[CHUNK], q[CHUNK];
    memset(sum, 0, CHUNK * sizeof(real));
    memset(dot, 0, CHUNK * sizeof(real));
    for (int64_t super = 0; super < N; super += SUPER) {
        memset(s, 0, sizeof s);
        memset(q, 0, sizeof q);
        for (int64_t n = super; n < least(super + SUPER, N); n += ABREAST)
            for (int64_t c = 0; c < columns; c += VL) {
                const int64_t lanes = columns - c, rows = least(ABREAST, N - n), at = n * C + c;
                vec m = vload_upto(mean + c, lanes), t = {0}, u = {0};
                if (rows == ABREAST && lanes >= VL) UNROLL for (int i = 0; i < ABREAST; i++)
                    {
                        const vec g = vload(dy + at + i * C);
                        t += g;
                        u += g * (vload(x + at + i * C) - m);
                    }
                else
                    for (int64_t i = 0; i < rows; i++) {
                        const vec g = vload_upto(dy + at + i * C, lanes);
                        t += g;
                        u += g * (vload_upto(x + at + i * C, lanes) - m);
                    }
                vstore(s + c, vload(s + c) + t);
                vstore(q + c, vload(q + c) + u);
            }
        for (int i = 0; i < CHUNK; i++) {
            sum[i] += s[i];
            dot[i] += q[i];
        }
    }
}

/* the same for one channel of (N, C, L) */
static inline void channel_sums(const real *dy, const real *x, real mean, int64_t N, int64_t stride,
                                int64_t L, real *sum, real *dot)
{
    vec total = {0}, total_dot = {0};
    for (int64_t n = 0; n < N; n++)
        add_products(dy + n * stride, x + n * stride, L, vset(mean), &total, &total_dot);
    *sum = vsum(total);
    *dot = vsum(total_dot);
}

/* dx = r * (dy - s - (x - m) * q) for `rows` rows of so many channels */
INLINE void rows_gradient(const int rows, real *dx, const real *dy, const real *x, int64_t step,
                          int64_t channels, const real *m, const real *r, const real *s,
                          const real *q)
{
    EACH_VECTOR(i, 0, channels, lanes, {
        const vec mi = vload(m + i), ri = vload(r + i), si = vload(s + i), qi = vload(q + i);
        UNROLL for (int u = 0; u < rows; u++)
        {
            const int64_t j = u * step + i;
            const vec g = vload_upto(dy + j, lanes) - si, d = vload_upto(x + j, lanes) - mi;
            vstore_upto(dx + j, ri * (g - d * qi), lanes);
        }
    });
}

/* dw = sum(dy * xhat), db = sum(dy), added to what they hold if told;
 * dx = weight * rstd * (dy - db / n - xhat * dw / n), n = N L; without the means if not training.
 * p: dx (N, C, L), dw (C), db (C) or NULL, dy, x (N, C, L), mean, rstd, weight (C).
 * n: N, C, L, training, onto dw, onto db */
static void batch_norm_backward(const fnn_args *a, int part, int parts)
{
    real *dx = a->p[0], *dw = a->p[1], *db = a->p[2];
    const real *dy = a->p[3], *x = a->p[4], *mean = a->p[5], *rstd = a->p[6], *weight = a->p[7];
    int64_t N = a->n[0], C = a->n[1], L = a->n[2], training = a->n[3], first, last;
    real size = (real)(N * L), sum[CHUNK], dot[CHUNK];
    share(C, 4 * VL, part, parts, &first, &last);
    for (int64_t chunk = first; chunk < last; chunk += CHUNK) {
        int64_t columns = least(CHUNK, last - chunk), at = chunk * L;
        if (L == 1)
            column_sums(dy + chunk, x + chunk, mean + chunk, N, C, columns, sum, dot);
        else
            for (int64_t c = 0; c < columns; c++, at += L)
                channel_sums(dy + at, x + at, mean[chunk + c], N, C * L, L, sum + c, dot + c);
        for (int64_t i = 0; i < columns; i++) {
            int64_t c = chunk + i;
            if (dw) dw[c] = dot[i] * rstd[c] + (a->n[4] ? dw[c] : 0);
            if (db) db[c] = sum[i] + (a->n[5] ? db[c] : 0);
            sum[i] = training ? sum[i] / size : 0;
            dot[i] = training ? dot[i] * rstd[c] * rstd[c] / size : 0;
        }
        if (!dx) continue;
        for (int64_t n = 0; L > 1 && n < N; n++)
            for (int64_t i = 0; i < columns; i++) {
                int64_t c = chunk + i, from = (n * C + c) * L;
                vec m = vset(mean[c]), r = vset(rstd[c] * (weight ? weight[c] : 1));
                vec shift = vset(sum[i]), slope = vset(dot[i]);
                EACH_VECTOR(j, from, from + L, lanes, {
                    vec g = vload_upto(dy + j, lanes) - shift, d = vload_upto(x + j, lanes) - m;
                    vstore_upto(dx + j, r * (g - d * slope), lanes);
                });
            }
        if (L != 1) continue;
        real m[CHUNK], r[CHUNK];
        for (int64_t i = 0; i < columns; i += VL) {
            const int64_t c = chunk + i, lanes = columns - i;
            vstore(m + i, vload_upto(mean + c, lanes));
            vstore(r + i, vload_upto(rstd + c, lanes) * vload_or(weight, c, lanes, 1));
        }
        int64_t n = 0;
        for (at = chunk; n + 2 <= N; n += 2, at += 2 * C)
            rows_gradient(2, dx + at, dy + at, x + at, C, columns, m, r, sum, dot);
        if (n < N) rows_gradient(1, dx + at, dy + at, x + at, C, columns, m, r, sum, dot);
    }
}

FNN_EXPORT(norm, FNN_NORM)
