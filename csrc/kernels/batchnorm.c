/* Batch norm, forward and backward: of channels over a batch and its positions.
 *
 * xhat = (x - mean) * rstd, y = xhat * weight + bias, rstd = 1 / sqrt(variance + eps). Letters: N
 * batch, C channels, L positions. A weight or bias that is NULL is one or zero. x - mean is taken
 * before the product: a mean far from zero costs no digits.
 *
 * batch_norm_* share the channels out. Many rows of (N, C) are for batch_rows_*: parts take whole
 * rows, for a part of each of them falls into a part of the cache's sets only. */
#include "../rows.h"

#define CHUNK 512   /* channels whose sums are kept on the stack */
#define TOGETHER 32 /* rows whose gradients share a chunk's factors */
/* rows that are read side by side: the prefetcher loses more streams than these */
#define ABREAST 4
#define SUPER 256 /* rows whose sums are gathered before they join the total */

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

/* y = (x - mean) * rstd * weight + bias for N rows and channels first..last of C */
static void normalize(real *y, const real *x, const real *mean, const real *rstd,
                      const real *weight, const real *bias, int64_t N, int64_t C, int64_t first,
                      int64_t last)
{
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

/* Channels first..last. In training, mean (less `pivot`, where there is one) and rstd hold moments
 * of `size` values, and the running statistics move by the factor `momentum` (1 / *count if that is
 * negative) towards the batch's mean and unbiased variance; otherwise they stand for the batch's.
 * (Ioffe, Szegedy 2015) */
static void finish_statistics(real *mean, real *rstd, real *running_mean, real *running_var,
                              const real *pivot, const int64_t *count, int64_t first, int64_t last,
                              int64_t size, int training, double eps, double momentum)
{
    const real n = (real)size, e = (real)eps;
    const real f = (real)(momentum < 0 && training && count ? 1.0 / (double)*count : momentum);
    for (int64_t c = first; c < last; c++) {
        if (pivot) mean[c] += pivot[c];
        if (training && running_mean) {
            running_mean[c] += f * (mean[c] - running_mean[c]);
            running_var[c] += f * (rstd[c] / (n - 1) - running_var[c]);
        }
        if (!training) mean[c] = running_mean[c];
        rstd[c] = 1 / (real)sqrt((training ? rstd[c] / n : running_var[c]) + e);
    }
}

/* Channels are shared out; each share takes the statistics and then normalizes.
 * p: y (N, C, L), mean (C), rstd (C), running_mean, running_var (C) or NULL, x (N, C, L),
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
    finish_statistics(mean, rstd, running_mean, running_var, training && L == 1 ? x : 0, count,
                      first, last, N * L, training != 0, a->s[0], a->s[1]);
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
    normalize(y, x, mean, rstd, weight, bias, N, C, first, last);
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

/* dx of N rows and at most CHUNK columns of C */
static void columns_gradient(real *dx, const real *dy, const real *x, const real *mean,
                             const real *rstd, const real *weight, const real *s, const real *q,
                             int64_t N, int64_t C, int64_t columns)
{
    real m[CHUNK], r[CHUNK], shift[CHUNK], slope[CHUNK]; /* whole vectors of each are read */
    for (int64_t i = 0; i < columns; i += VL) {
        const int64_t lanes = columns - i;
        vstore(m + i, vload_upto(mean + i, lanes));
        vstore(r + i, vload_upto(rstd + i, lanes) * vload_or(weight, i, lanes, 1));
        vstore(shift + i, vload_upto(s + i, lanes));
        vstore(slope + i, vload_upto(q + i, lanes));
    }
    int64_t n = 0, at = 0;
    for (; n + 2 <= N; n += 2, at += 2 * C)
        rows_gradient(2, dx + at, dy + at, x + at, C, columns, m, r, shift, slope);
    if (n < N) rows_gradient(1, dx + at, dy + at, x + at, C, columns, m, r, shift, slope);
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
        columns_gradient(dx + chunk, dy + chunk, x + chunk, mean + chunk, rstd + chunk,
                         weight ? weight + chunk : 0, sum, dot, N, C, columns);
    }
}

/* ---- many rows of (N, C): the same in three calls each way ------------------------------------
 */

static inline int64_t num_blocks(int64_t N, int64_t block) { return (N + block - 1) / block; }

/* Moments of each block of rows, means less x's first row. p: moments (B, 2, C), x (N, C). n: N, C,
 * rows of a block. Parts share blocks. */
static void batch_rows_moments(const fnn_args *a, int part, int parts)
{
    const real *x = a->p[1];
    const int64_t N = a->n[0], C = a->n[1], block = a->n[2];
    int64_t b, end;
    share(num_blocks(N, block), 1, part, parts, &b, &end);
    for (; b < end; b++) {
        real *mean = (real *)a->p[0] + 2 * b * C;
        const int64_t rows = least(block, N - b * block);
        column_moments(x + b * block * C, x, rows, C, C, mean, mean + C);
    }
}

/* p: mean, rstd (C), running_mean, running_var (C) or NULL, moments (B, 2, C), x (N, C), count
 * (int64) or NULL. n: N, C, rows of a block. s: eps, momentum. Parts share channels. */
static void batch_rows_statistics(const fnn_args *a, int part, int parts)
{
    real *mean = a->p[0], *rstd = a->p[1];
    const int64_t N = a->n[0], C = a->n[1], block = a->n[2];
    int64_t first, last;
    share(C, 4 * VL, part, parts, &first, &last);
    for (int64_t c = first; c < last; c += VL) {
        const real *p = (const real *)a->p[4] + c;
        const int64_t lanes = last - c;
        vec m = vload_upto(p, lanes), q = vload_upto(p + C, lanes);
        for (int64_t n = block; n < N; n += block) {
            p += 2 * C;
            merge_moments(&m, &q, n, vload_upto(p, lanes), vload_upto(p + C, lanes),
                          least(block, N - n));
        }
        vstore_upto(mean + c, m, lanes);
        vstore_upto(rstd + c, q, lanes);
    }
    finish_statistics(mean, rstd, a->p[2], a->p[3], a->p[5], a->p[6], first, last, N, 1, a->s[0],
                      a->s[1]);
}

/* p: y, x (N, C), mean, rstd (C), weight, bias (C) or NULL. n: N, C. Parts share rows. */
static void batch_rows_normalize(const fnn_args *a, int part, int parts)
{
    const int64_t C = a->n[1];
    int64_t n, end;
    share(a->n[0], 2, part, parts, &n, &end);
    normalize((real *)a->p[0] + n * C, (const real *)a->p[1] + n * C, a->p[2], a->p[3], a->p[4],
              a->p[5], end - n, C, 0, C);
}

/* Sums of dy and dy (x - mean) of each block of rows. p: sums (B, 2, C), dy, x (N, C), mean (C).
 * n: N, C, rows of a block. Parts share blocks. */
static void batch_rows_sums(const fnn_args *a, int part, int parts)
{
    const int64_t N = a->n[0], C = a->n[1], block = a->n[2];
    real sum[CHUNK], dot[CHUNK];
    int64_t b, end;
    share(num_blocks(N, block), 1, part, parts, &b, &end);
    for (; b < end; b++)
        for (int64_t c = 0; c < C; c += CHUNK) {
            const int64_t columns = least(CHUNK, C - c), at = b * block * C + c;
            real *to = (real *)a->p[0] + 2 * b * C + c;
            column_sums((const real *)a->p[1] + at, (const real *)a->p[2] + at,
                        (const real *)a->p[3] + c, least(block, N - b * block), C, columns, sum,
                        dot);
            memcpy(to, sum, (size_t)columns * sizeof(real));
            memcpy(to + C, dot, (size_t)columns * sizeof(real));
        }
}

/* p: shift, slope (2, C): what dx takes of one and of x - mean, dw, db (C) or NULL, sums (B, 2, C),
 * rstd (C). n: N, C, rows of a block, training, onto dw, onto db. Parts share channels. */
static void batch_rows_parameters(const fnn_args *a, int part, int parts)
{
    real *shift = a->p[0], *dw = a->p[1], *db = a->p[2];
    const real *rstd = a->p[4];
    const int64_t N = a->n[0], C = a->n[1], blocks = num_blocks(N, a->n[2]);
    int64_t first, last;
    share(C, 4 * VL, part, parts, &first, &last);
    for (int64_t c = first; c < last; c += VL) {
        const real *p = (const real *)a->p[3] + c;
        const int64_t lanes = last - c;
        const vec size = vset((real)N), r = vload_upto(rstd + c, lanes);
        vec s = {0}, q = {0};
        for (int64_t b = 0; b < blocks; b++, p += 2 * C) {
            s += vload_upto(p, lanes);
            q += vload_upto(p + C, lanes);
        }
        if (dw) {
            const vec before = a->n[4] ? vload_upto(dw + c, lanes) : (vec){0};
            vstore_upto(dw + c, q * r + before, lanes);
        }
        if (db) {
            const vec before = a->n[5] ? vload_upto(db + c, lanes) : (vec){0};
            vstore_upto(db + c, s + before, lanes);
        }
        vstore_upto(shift + c, a->n[3] ? s / size : (vec){0}, lanes);
        vstore_upto(shift + C + c, a->n[3] ? q * r * r / size : (vec){0}, lanes);
    }
}

/* p: dx, dy, x (N, C), mean, rstd (C), weight (C) or NULL, shift and slope (2, C). n: N, C. Parts
 * share rows. */
static void batch_rows_gradient(const fnn_args *a, int part, int parts)
{
    const real *mean = a->p[3], *rstd = a->p[4], *weight = a->p[5], *shift = a->p[6];
    const int64_t C = a->n[1];
    int64_t n, end;
    share(a->n[0], 2, part, parts, &n, &end);
    for (; n < end; n += TOGETHER) /* not all rows of one chunk first: whole rows are in order */
        for (int64_t c = 0; c < C; c += CHUNK) {
            const int64_t at = n * C + c;
            columns_gradient((real *)a->p[0] + at, (const real *)a->p[1] + at,
                             (const real *)a->p[2] + at, mean + c, rstd + c,
                             weight ? weight + c : 0, shift + c, shift + C + c,
                             least(TOGETHER, end - n), C, least(CHUNK, C - c));
        }
}

FNN_EXPORT(batchnorm, FNN_BATCHNORM)
