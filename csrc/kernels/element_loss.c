/* Losses of single elements: distances, binary cross-entropies, margins, divergences.
 *
 * One pass forward, one backward; sums are taken over fixed blocks, which a second Call folds. */
#include "../rows.h"

/* Prediction x, target t, d = x - t, weight w, k and m constants of the loss.
 *   mse        d^2
 *   l1         |d|
 *   smooth_l1  d^2 / (2 k) if |d| < k, else |d| - k / 2     (Girshick 2015, eq. 3)
 *   huber      d^2 / 2 if |d| <= k, else k (|d| - k / 2)    (Huber 1964)
 *   asymmetric_huber  huber with k where d < 0, m where d >= 0
 *   quantile   -k d if d < 0, (1 - k) d otherwise           (Koenker and Bassett 1978)
 *   wing       k log(1 + |d| / m) if |d| < k, else |d| - k + k log(1 + k / m)  (Feng 2018, eq. 5)
 *   bce        -(t log x + (1 - t) log(1 - x)), logarithms at least -100
 *   bce_with_logits  (1 - t) x + r (log(1 + exp(-|x|)) + max(-x, 0)), r = 1 + (pos_weight - 1) t
 *   kl_div     t (log t - x), 0 where t = 0;   kl_div_log  exp(t) (t - x)
 *   hinge      x if t = 1, max(0, k - x) if t = -1
 *   soft_margin  log(1 + exp(-t x))
 *   poisson    x - t log(x + k);   poisson_log  exp(x) - t x;   both, if m != 0, plus Stirling's
 *              t log t - t + log(2 pi t) / 2 where t > 1 */
enum {
    MSE,
    L1,
    SMOOTH_L1,
    HUBER,
    ASYMMETRIC_HUBER,
    QUANTILE,
    WING,
    BCE,
    BCE_WITH_LOGITS,
    KL_DIV,
    KL_DIV_LOG,
    HINGE,
    SOFT_MARGIN,
    POISSON,
    POISSON_LOG
};

/* log(1 + exp(x)) */
static inline vec soft_plus(vec x)
{
    const vec zero = {0};
    return vlog1p(vexp(-vabs(x))) + vselect(x > zero, x, zero);
}

static inline vec stirling(vec t)
{
    const vec one = vset(1), two_pi = vset((real)6.283185307179586477);
    vec y = t * vlog(t) - t + vset((real)0.5) * vlog(two_pi * t);
    return vselect(t > one, y, (vec){0});
}

static inline __attribute__((always_inline)) vec element_loss(int op, vec x, vec t, vec pos, real k,
                                                              real m)
{
    const vec zero = {0}, one = vset(1), half = vset((real)0.5);
    vec d = x - t, size = vabs(d), vk = vset(k), vm = vset(m);
    if (op == MSE) return d * d;
    if (op == L1) return size;
    if (op == SMOOTH_L1) return vselect(size < vk, d * d * half / vk, size - vk * half);
    if (op == ASYMMETRIC_HUBER) vk = vselect(d < zero, vk, vm);
    if (op == HUBER || op == ASYMMETRIC_HUBER)
        return vselect(size <= vk, d * d * half, vk * (size - vk * half));
    if (op == QUANTILE) return d * (vselect(d < zero, zero, one) - vk);
    if (op == WING)
        return vselect(size < vk, vk * vlog1p(size / vm), size - vk + vk * vlog1p(vk / vm));
    if (op == BCE) {
        vec floor = vset(-100), log_x = vlog(x), log_not = vlog1p(-x);
        log_x = vselect(log_x < floor, floor, log_x);
        log_not = vselect(log_not < floor, floor, log_not);
        return (t - one) * log_not - t * log_x;
    }
    if (op == KL_DIV) return vselect(t == zero, zero, t * vlog(t)) - t * x;
    if (op == KL_DIV_LOG) return vexp(t) * (t - x);
    if (op == HINGE) {
        vec gap = vk - x;
        return vselect(t == one, x, vselect(gap > zero, gap, zero * gap));
    }
    if (op == SOFT_MARGIN) return soft_plus(-t * x);
    if (op == POISSON || op == POISSON_LOG) {
        vec y = op == POISSON ? x - t * vlog(x + vk) : vexp(x) - t * x;
        return m != 0 ? y + stirling(t) : y;
    }
    vec r = one + (pos - one) * t;
    return (one - t) * x + r * soft_plus(-x);
}

/* the derivative by x */
static inline __attribute__((always_inline)) vec element_slope(int op, vec x, vec t, vec pos,
                                                               real k, real m)
{
    const vec zero = {0}, one = vset(1);
    vec d = x - t, size = vabs(d), vk = vset(k), vm = vset(m);
    vec sign = vselect(d > zero, one, vselect(d < zero, -one, d * zero));
    if (op == MSE) return d + d;
    if (op == L1) return sign;
    if (op == SMOOTH_L1) return vselect(size < vk, d / vk, sign);
    if (op == ASYMMETRIC_HUBER) vk = vselect(d < zero, vk, vm);
    if (op == HUBER || op == ASYMMETRIC_HUBER) return vselect(size <= vk, d, vk * sign);
    if (op == QUANTILE) return vselect(d > zero, one - vk, vselect(d < zero, -vk, d * zero));
    if (op == WING) return vselect(size < vk, sign * vk / (vm + size), sign);
    if (op == BCE) {
        vec slope = (one - x) * x, least_slope = vset((real)1e-12);
        return d / vselect(slope < least_slope, least_slope, slope);
    }
    if (op == KL_DIV) return -t;
    if (op == KL_DIV_LOG) return -vexp(t);
    if (op == HINGE) return vselect(t == one, one, vselect(x < vk, -one, zero));
    if (op == SOFT_MARGIN) return -t * vsigmoid(-t * x);
    if (op == POISSON) return one - t / (x + vk);
    if (op == POISSON_LOG) return vexp(x) - t;
    vec r = one + (pos - one) * t, e = vexp(-vabs(x));
    return (one - t) - r * vselect(x < zero, one, e) / (one + e);
}

/* Each element's loss; or, where n[1] > 0, the sum over each block of n[1] elements, over s[1].
 * p: y (n or B), x, t, w, pos_weight (n), the last two NULL for ones. n: n, block. s: k, divisor, m
 */
static inline __attribute__((always_inline)) void element_forward(int op, const fnn_args *a,
                                                                  int part, int parts)
{
    real *y = a->p[0];
    const real *x = a->p[1], *t = a->p[2], *w = a->p[3], *pos = a->p[4];
    int64_t size = a->n[0], block = a->n[1], grain = block > 0 ? block : 16, begin, end;
    share(size, grain, part, parts, &begin, &end);
    for (int64_t from = begin; from < end; from += grain) {
        vec s = {0};
        int64_t last = least(from + grain, end);
        for (int64_t i = from; i < last; i += VL) {
            int64_t lanes = last - i;
            vec p = pos ? vload_upto(pos + i, lanes) : vset(1);
            vec v = element_loss(op, vload_upto(x + i, lanes), vload_upto(t + i, lanes), p,
                                 (real)a->s[0], (real)a->s[2]);
            if (w) v *= vload_upto(w + i, lanes);
            if (block == 0)
                vstore_upto(y + i, v, lanes);
            else
                s += vkeep(v, lanes);
        }
        if (block > 0) y[from / block] = vsum(s) / (real)a->s[1];
    }
}

/* dx = dy * s[1] * w * slope. p: dx, dy (n, or one number if n[1] = 0), x, t, w, pos_weight (n).
 * n: n, dy's step. s: k, scale, m */
static inline __attribute__((always_inline)) void element_backward(int op, const fnn_args *a,
                                                                   int part, int parts)
{
    real *dx = a->p[0];
    const real *dy = a->p[1], *x = a->p[2], *t = a->p[3], *w = a->p[4], *pos = a->p[5];
    const vec scale = vset((real)a->s[1]);
    int64_t begin, end;
    share(a->n[0], 16, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        int64_t lanes = end - i;
        vec p = pos ? vload_upto(pos + i, lanes) : vset(1);
        vec g = (a->n[1] ? vload_upto(dy + i, lanes) : vset(*dy)) * scale;
        if (w) g *= vload_upto(w + i, lanes);
        vec v = element_slope(op, vload_upto(x + i, lanes), vload_upto(t + i, lanes), p,
                              (real)a->s[0], (real)a->s[2]);
        vstore_upto(dx + i, g * v, lanes);
    }
}

#define ELEMENT_LOSS(name, OP)                                                                     \
    static void name##_loss_forward(const fnn_args *a, int part, int parts)                        \
    {                                                                                              \
        element_forward(OP, a, part, parts);                                                       \
    }                                                                                              \
    static void name##_loss_backward(const fnn_args *a, int part, int parts)                       \
    {                                                                                              \
        element_backward(OP, a, part, parts);                                                      \
    }
ELEMENT_LOSS(mse, MSE)
ELEMENT_LOSS(l1, L1)
ELEMENT_LOSS(smooth_l1, SMOOTH_L1)
ELEMENT_LOSS(huber, HUBER)
ELEMENT_LOSS(asymmetric_huber, ASYMMETRIC_HUBER)
ELEMENT_LOSS(quantile, QUANTILE)
ELEMENT_LOSS(wing, WING)
ELEMENT_LOSS(bce, BCE)
ELEMENT_LOSS(bce_with_logits, BCE_WITH_LOGITS)
ELEMENT_LOSS(kl_div, KL_DIV)
ELEMENT_LOSS(kl_div_log, KL_DIV_LOG)
ELEMENT_LOSS(hinge, HINGE)
ELEMENT_LOSS(soft_margin, SOFT_MARGIN)
ELEMENT_LOSS(poisson, POISSON)
ELEMENT_LOSS(poisson_log, POISSON_LOG)

FNN_EXPORT(element_loss, FNN_ELEMENT_LOSS)
