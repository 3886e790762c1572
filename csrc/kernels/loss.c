/* Softmax, and the losses of classes: cross-entropy, negative log likelihood.
 *
 * Letters: N rows, C classes. Losses leave one number per row; a second Call folds those in a fixed
 * order. Exponents are taken from the largest logit of the row. */

/* gcc's scheduler mixes what stands side by side, as in activation.c */
#if defined(__GNUC__) && !defined(__clang__) && !defined(__AVX512F__)
#pragma GCC optimize("schedule-insns", "sched-pressure")
#endif

#include "../rows.h"

#define FEW 64 /* classes up to which VL rows share one logarithm */

/* down a column, VL columns at once */
static inline __attribute__((always_inline)) void
softmax_columns(int log, real *y, const real *x, int64_t n, int64_t step, int64_t lanes)
{
    vec top = vset(-(real)INFINITY), s = {0};
    for (int64_t i = 0; i < n; i++) top = vmax(vload_upto(x + i * step, lanes), top);
    for (int64_t i = 0; i < n; i++) {
        vec v = vexp_flush(vload_upto(x + i * step, lanes) - top);
        if (!log) vstore_upto(y + i * step, v, lanes);
        s += v;
    }
    s = log ? vlog(s) : vset(1) / s;
    for (int64_t i = 0; i < n; i++) {
        vec v =
            log ? vload_upto(x + i * step, lanes) - top - s : vload_upto(y + i * step, lanes) * s;
        vstore_upto(y + i * step, v, lanes);
    }
}

/* softmax: y = exp(x - top) / sum; log_softmax: y = x - top - log(sum), along the middle axis.
 * p: y, x (outer, C, inner). n: outer, C, inner */
static inline __attribute__((always_inline)) void softmax(int log, const fnn_args *a, int part,
                                                          int parts)
{
    int64_t C = a->n[1], inner = a->n[2], begin, end, cuts = (inner + VL - 1) / VL;
    int64_t group = C <= FEW ? VL : 1;
    real top[VBYTES / sizeof(real)], sum[VBYTES / sizeof(real)] = {0};
    share(a->n[0] * cuts, group, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k += inner == 1 ? group : 1) {
        int64_t c = k % cuts * VL, at = k / cuts * C * inner + c, rows = least(group, end - k);
        real *y = (real *)a->p[0] + at;
        const real *x = (const real *)a->p[1] + at;
        if (inner > 1) {
            softmax_columns(log, y, x, C, inner, inner - c);
            continue;
        }
        for (int64_t r = 0; r < rows; r++)
            sum[r] = exp_any(log ? NULL : y + r * C, x + r * C, C, top + r);
        vec scale = log ? vlog(vload(sum)) : vset(1) / vload(sum);
        for (int64_t r = 0; r < rows; r++, x += C, y += C) {
            vec s = vset(scale[r]), t = vset(top[r]);
            int64_t i = 0;
            for (; i + VL <= C; i += VL)
                vstore(y + i, log ? vload(x + i) - t - s : vload(y + i) * s);
            if (i == C) continue;
            vec v = log ? vload_part(x + i, C - i) - t - s : vload_part(y + i, C - i) * s;
            vstore_part(y + i, v, C - i);
        }
    }
}
static void softmax_forward(const fnn_args *a, int part, int parts) { softmax(0, a, part, parts); }
static void log_softmax_forward(const fnn_args *a, int part, int parts)
{
    softmax(1, a, part, parts);
}

/* softmax: dx = y * (dy - sum(dy * y)); log_softmax: dx = dy - exp(y) * sum(dy).
 * p: dx, dy, y (outer, C, inner). n: outer, C, inner */
static inline __attribute__((always_inline)) vec softmax_term(int log, vec g, vec y)
{
    return log ? g : g * y;
}
static inline __attribute__((always_inline)) vec softmax_slope(int log, vec g, vec y, vec s)
{
    return log ? g - vexp_flush(y) * s : y * (g - s);
}

static inline __attribute__((always_inline)) void
softmax_row_gradient(int log, real *dx, const real *dy, const real *y, int64_t C)
{
    vec s[2] = {{0}, {0}}, sum;
    int64_t i = 0, k = C % VL;
    for (; i + 2 * VL <= C; i += 2 * VL)
        UNROLL for (int u = 0; u < 2; u++) s[u] +=
            softmax_term(log, vload(dy + i + u * VL), vload(y + i + u * VL));
    for (; i < C; i += VL)
        s[0] += softmax_term(log, vload_upto(dy + i, C - i), vload_upto(y + i, C - i));
    sum = vset(vsum(s[0] + s[1]));
    for (i = 0; i + VL <= C; i += VL)
        vstore(dx + i, softmax_slope(log, vload(dy + i), vload(y + i), sum));
    if (k) {
        vec v = softmax_slope(log, vload_part(dy + i, k), vload_part(y + i, k), sum);
        vstore_part(dx + i, v, k);
    }
}

static inline __attribute__((always_inline)) void softmax_gradient(int log, const fnn_args *a,
                                                                   int part, int parts)
{
    int64_t C = a->n[1], inner = a->n[2], begin, end, cuts = (inner + VL - 1) / VL;
    share(a->n[0] * cuts, 1, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k++) {
        int64_t c = k % cuts * VL, at = k / cuts * C * inner + c, lanes = inner - c;
        real *dx = (real *)a->p[0] + at;
        const real *dy = (const real *)a->p[1] + at, *y = (const real *)a->p[2] + at;
        if (inner == 1) {
            softmax_row_gradient(log, dx, dy, y, C);
            continue;
        }
        vec s = {0};
        for (int64_t i = 0; i < C * inner; i += inner)
            s += softmax_term(log, vload_upto(dy + i, lanes), vload_upto(y + i, lanes));
        for (int64_t i = 0; i < C * inner; i += inner) {
            vec g = vload_upto(dy + i, lanes), v = vload_upto(y + i, lanes);
            vstore_upto(dx + i, softmax_slope(log, g, v, s), lanes);
        }
    }
}
static void softmax_backward(const fnn_args *a, int part, int parts)
{
    softmax_gradient(0, a, part, parts);
}
static void log_softmax_backward(const fnn_args *a, int part, int parts)
{
    softmax_gradient(1, a, part, parts);
}

/* Cross-entropy of logits x with targets q, smoothed: q' = (1 - eps) q + eps / C:
 *   loss = sum_c w_c q'_c (log(sum) - (x_c - top)), sum = sum_c exp(x_c - top).
 * Targets are class numbers, or (soft) probabilities. Keeps e = exp(x - top) and its sum for the
 * backward pass, which then needs no exponential (Szegedy 2016, eq. 7 for the smoothing). */

/* p: loss (N), weight that the row counts with (N), sum (N), e (N, C) or NULL, x (N, C),
 * target (N) int64 or (N, C) real, w (C) or NULL. n: N, C, ignored class. s: eps */
static inline __attribute__((always_inline)) void cross_entropy(int soft, const fnn_args *a,
                                                                int part, int parts)
{
    real *loss = a->p[0], *counts = a->p[1], *sums = a->p[2], *e = a->p[3];
    const real *x = a->p[4], *w = a->p[6], *q = a->p[5];
    const int64_t *target = a->p[5];
    int64_t C = a->n[1], begin, end;
    real eps = (real)a->s[0], uniform = eps / (real)C;
    real total = w ? row_fold(FOLD_SUM, w, C) : (real)C;
    share(a->n[0], VL, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        const real *row = x + i * C;
        real top, spread = 0;
        sums[i] = e ? exp_any(e + i * C, row, C, &top) : exp_any(NULL, row, C, &top);
        loss[i] = 0;
        counts[i] = 0;
        if (soft || eps > 0) { /* the distances from the top, weighted */
            vec s = {0}, count = {0};
            for (int64_t c = 0; c < C; c += VL) {
                int64_t lanes = C - c;
                vec g = vset(uniform);
                if (soft) g += vload_upto(q + i * C + c, lanes) * vset(1 - eps);
                if (w) g *= vload_upto(w + c, lanes);
                s += vkeep(g * (vset(top) - vload_upto(row + c, lanes)), lanes);
                count += vkeep(g, lanes);
            }
            spread = vsum(s);
            counts[i] = soft ? vsum(count) : 0;
            loss[i] = spread;
        }
        if (!soft && target[i] != a->n[2]) {
            real wt = w ? w[target[i]] : 1;
            loss[i] = spread + (1 - eps) * wt * (top - row[target[i]]);
            counts[i] = wt;
        }
    }
    for (int64_t i = begin; i < end; i += VL) { /* add log(sum) times the weights of the row */
        int64_t lanes = end - i;
        vec count = vload_upto(counts + i, lanes), share_of_log = count;
        if (!soft) share_of_log = count * vset(1 - eps) + vset(uniform * total);
        vec v = vload_upto(loss + i, lanes) + share_of_log * vlog(vload_upto(sums + i, lanes));
        vstore_upto(loss + i, v, lanes);
    }
    for (int64_t i = begin; i < end && !soft; i++)
        if (target[i] == a->n[2]) loss[i] = 0;
}
static void cross_entropy_forward(const fnn_args *a, int part, int parts)
{
    cross_entropy(0, a, part, parts);
}
static void cross_entropy_soft_forward(const fnn_args *a, int part, int parts)
{
    cross_entropy(1, a, part, parts);
}

/* dx = g (e / sum * sum_c(w_c q'_c) - w q'), g = dy * scale, in place of e.
 * p: dx (N, C), holding e, dy (N), or one number if n[3] = 0, scale (1) or NULL, sum, count (N),
 * target, w (C) or NULL. n: N, C, ignored class, dy's step. s: eps */
static inline __attribute__((always_inline)) void
cross_entropy_gradient(int soft, const fnn_args *a, int part, int parts)
{
    const real *dy = a->p[1], *sums = a->p[3], *counts = a->p[4], *q = a->p[5], *w = a->p[6];
    const int64_t *target = a->p[5];
    int64_t C = a->n[1], begin, end;
    real eps = (real)a->s[0], uniform = eps / (real)C, scale = a->p[2] ? *(const real *)a->p[2] : 1;
    real total = w ? row_fold(FOLD_SUM, w, C) : (real)C;
    share(a->n[0], 1, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        real *dx = (real *)a->p[0] + i * C, g = dy[i * a->n[3]] * scale;
        if (!soft && target[i] == a->n[2]) {
            memset(dx, 0, (size_t)C * sizeof(real));
            continue;
        }
        real mass = soft ? counts[i] : (1 - eps) * counts[i] + uniform * total;
        vec coefficient = vset(g * mass / sums[i]);
        for (int64_t c = 0; c < C; c += VL) {
            int64_t lanes = C - c;
            vec v = vload_upto(dx + c, lanes) * coefficient;
            if (soft || eps > 0) {
                vec t = vset(uniform);
                if (soft) t += vload_upto(q + i * C + c, lanes) * vset(1 - eps);
                if (w) t *= vload_upto(w + c, lanes);
                v -= t * vset(g);
            }
            vstore_upto(dx + c, v, lanes);
        }
        if (!soft) dx[target[i]] -= g * (1 - eps) * counts[i];
    }
}
static void cross_entropy_backward(const fnn_args *a, int part, int parts)
{
    cross_entropy_gradient(0, a, part, parts);
}
static void cross_entropy_soft_backward(const fnn_args *a, int part, int parts)
{
    cross_entropy_gradient(1, a, part, parts);
}

/* loss = -w[target] x[target]. p: loss (N), count (N), x (N, C), target (N), w (C) or NULL.
 * n: N, C, ignored class */
static void nll_forward(const fnn_args *a, int part, int parts)
{
    real *loss = a->p[0], *counts = a->p[1];
    const real *x = a->p[2], *w = a->p[4];
    const int64_t *target = a->p[3];
    int64_t begin, end;
    share(a->n[0], 16, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int used = target[i] != a->n[2];
        counts[i] = used ? (w ? w[target[i]] : 1) : 0;
        loss[i] = used ? -counts[i] * x[i * a->n[1] + target[i]] : 0;
    }
}

/* p: dx (N, C), dy (N) or one number if n[3] = 0, scale (1) or NULL, count (N), target (N).
 * n: N, C, ignored class, dy's step */
static void nll_backward(const fnn_args *a, int part, int parts)
{
    const real *dy = a->p[1], *counts = a->p[3];
    real scale = a->p[2] ? *(const real *)a->p[2] : 1;
    const int64_t *target = a->p[4];
    int64_t C = a->n[1], begin, end;
    share(a->n[0], 1, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        real *dx = (real *)a->p[0] + i * C;
        memset(dx, 0, (size_t)C * sizeof(real));
        if (target[i] != a->n[2]) dx[target[i]] = -counts[i] * dy[i * a->n[3]] * scale;
    }
}

/* Folds the rows' losses: their sum; or (n[1]) the sum over the counts; or (n[1] = 2) over N.
 * p: loss (1), scale = 1 / divisor (1), losses (N), counts (N). n: N, mean. One part. */
static void loss_fold(const fnn_args *a, int part, int parts)
{
    (void)parts;
    if (part > 0) return;
    real divisor = 1;
    if (a->n[1] == 1) divisor = row_fold(FOLD_SUM, a->p[3], a->n[0]);
    if (a->n[1] == 2) divisor = (real)a->n[0];
    *(real *)a->p[0] = row_fold(FOLD_SUM, a->p[2], a->n[0]) / divisor;
    *(real *)a->p[1] = 1 / divisor;
}

/* Is every x in [s0, s1]? NaN passes. Or (n[1]): is every x one of the two?
 * status: 0 or 1, the first position, its value as a double.
 * p: status (3, int64), x (count)   n: 0 count, 1 no others   s: 0 low, 1 high */
static void range_check(const fnn_args *a, int part, int parts)
{
    int64_t *status = a->p[0];
    const real *x = a->p[1], low = (real)a->s[0], high = (real)a->s[1];
    const int64_t count = a->n[0], strict = a->n[1];
    (void)parts;
    if (part) return;
    status[0] = status[1] = status[2] = 0;
#define OUTSIDE(x) (strict ? ((x) != low) & ((x) != high) : ((x) < low) | ((x) > high))
    mask bad = {0};
    int64_t i = 0;
    for (; i + VL <= count; i += VL) bad |= OUTSIDE(vload(x + i));
    int any = 0;
    for (int k = 0; k < VL; k++) any |= bad[k] != 0;
    for (; i < count; i++) any |= OUTSIDE(x[i]);
    if (!any) return;
    for (i = 0; !OUTSIDE(x[i]); i++) {
    }
    double value = x[i];
    status[0] = 1;
    status[1] = i;
    memcpy(status + 2, &value, sizeof value);
}

FNN_EXPORT(loss, FNN_LOSS)
