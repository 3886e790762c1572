/* Normalization of groups of channels, with a weight and a bias for each channel (Wu, He 2018).
 * N samples, C channels of L positions, G groups of K = C / G channels, D = K L.
 * xhat = (x - mean) rstd, y = xhat weight + bias; a weight or bias that is NULL is one or zero. */
#include "../rows.h"

/* p: y (N, C, L), mean (N, G), rstd (N, G), x (N, C, L), weight (C), bias (C)   n: N, C, L, G
 * s: eps */
static void group_norm_forward(const fnn_args *a, int part, int parts)
{
    const int64_t C = a->n[1], L = a->n[2], G = a->n[3], K = C / G, D = K * L;
    const real *weight = a->p[4], *bias = a->p[5];
    real *mean = a->p[1], *rstd = a->p[2];
    int64_t i, end;
    share(a->n[0] * G, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        const real *x = (const real *)a->p[3] + i * D;
        real *y = (real *)a->p[0] + i * D, m2;
        row_moments(x, D, 0, mean + i, &m2);
        rstd[i] = 1 / (real)sqrt(m2 / (real)D + (real)a->s[0]);
        const vec m = vset(mean[i]);
        for (int64_t c = i % G * K, last = c + K; c < last; c++, x += L, y += L) {
            const vec scale = vset(rstd[i] * (weight ? weight[c] : 1));
            const vec shift = vset(bias ? bias[c] : 0);
            EACH_VECTOR(l, 0, L, lanes, {
                vstore_upto(y + l, (vload_upto(x + l, lanes) - m) * scale + shift, lanes);
            });
        }
    }
}

/* dx = rstd (dy weight - mean(dy weight) - xhat mean(dy weight xhat)), means over the group; sums:
 * of dy xhat and of dy over a channel's positions, for each sample; norm_parameters adds them up.
 * p: dx (N, C, L) or NULL, sums (N, 2, C), dy, x, mean, rstd, weight   n: N, C, L, G */
static void group_norm_backward(const fnn_args *a, int part, int parts)
{
    const int64_t C = a->n[1], L = a->n[2], G = a->n[3], K = C / G, D = K * L;
    const real *mean = a->p[4], *rstd = a->p[5], *weight = a->p[6];
    int64_t i, end;
    share(a->n[0] * G, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        const int64_t first = i % G * K;
        const real *dy = (const real *)a->p[2] + i * D, *x = (const real *)a->p[3] + i * D;
        real *dw = (real *)a->p[1] + i / G * 2 * C + first, *db = dw + C, plain = 0, with_x = 0;
        for (int64_t k = 0; k < K; k++) {
            const real w = weight ? weight[first + k] : 1;
            vec sum = {0}, dot = {0};
            add_products(dy + k * L, x + k * L, L, vset(mean[i]), &sum, &dot);
            db[k] = vsum(sum);
            dw[k] = vsum(dot) * rstd[i];
            with_x += w * dw[k];
            plain += w * db[k];
        }
        if (!a->p[0]) continue;
        real *dx = (real *)a->p[0] + i * D;
        const vec m = vset(mean[i]), r = vset(rstd[i]);
        const vec shift = vset(plain / (real)D * rstd[i]);
        const vec slope = vset(with_x / (real)D * rstd[i] * rstd[i]);
        for (int64_t k = 0; k < K; k++, dy += L, x += L, dx += L) {
            const vec scale = weight ? vset(weight[first + k]) * r : r;
            EACH_VECTOR(l, 0, L, lanes, {
                const vec centred = vload_upto(x + l, lanes) - m;
                const vec g = vload_upto(dy + l, lanes) * scale;
                vstore_upto(dx + l, g - shift - centred * slope, lanes);
            });
        }
    }
}

FNN_EXPORT(group, FNN_GROUP)
