/* Optimizer updates: SGD, Adagrad, RMSprop, Adam. Their surroundings are told in optim.h. */

/* gcc's scheduler mixes what stands side by side, as in activation.c: Adam takes 26 cycles for a
 * vector of AVX2, one after the other 31 (Zen 1) */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("schedule-insns", "sched-pressure")
#endif
#include "../lanes.h"
#include "../optim.h"

/* --- SGD: b = momentum b + (1 - dampening) g (first step: b = g); p -= lr (g + momentum b if
 * nesterov, else b), g = sign gradient + weight_decay p.   Source: torch.optim.SGD --- */

/* p: step, hyper {lr, weight_decay, sign, momentum, dampening, nesterov}, gate */
static void sgd_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (!advance(a, part)) return;
    const int first = step[STEPS] == 1;
    step[CORRECTION1] = first ? 0 : hyper[FIRST];
    step[CORRECTION2] = first ? 1 : 1 - hyper[SECOND];
}

/* p: p(n0), b(n0) or null without momentum, step, g(n0), hyper, gate or null   n: n0 */
static void sgd_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *b = a->p[1];
    double *step = a->p[2];
    const real *g = a->p[3];
    const double *hyper = a->p[4];
    const vec rate = HYPER(LR), momentum = HYPER(FIRST), keep = vset((real)step[CORRECTION1]);
    const vec blend = vset((real)step[CORRECTION2]);
    const int nesterov = hyper[THIRD] != 0;
    struct descent s = descent(hyper, a->p[5], 0);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = descend(&s, &x, vload(g + i), 0);
        if (b) {
            vec buffer = settled(keep * vload(b + i) + blend * d);
            vstore(b + i, buffer);
            d = nesterov ? d + momentum * buffer : buffer;
        }
        vstore(p + i, x - rate * d);
    }
    report(step, s.bad);
}

/* --- Adagrad: s += g^2; p -= lr / (1 + (t-1) lr_decay) g / (sqrt(s) + eps)
 * Source: Duchi et al. (2011); torch.optim.Adagrad --- */

/* p: step, hyper {lr, weight_decay, sign, lr_decay, eps}, gate */
static void adagrad_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (!advance(a, part)) return;
    step[CORRECTION1] = hyper[LR] / (1 + (step[STEPS] - 1) * hyper[FIRST]);
}

/* p: p(n0), s(n0), step, g(n0), hyper, gate or null   n: n0 */
static void adagrad_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *sums = a->p[1];
    double *step = a->p[2];
    const real *g = a->p[3];
    const double *hyper = a->p[4];
    const vec rate = vset((real)step[CORRECTION1]), eps = HYPER(SECOND);
    struct descent s = descent(hyper, a->p[5], 0);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = descend(&s, &x, vload(g + i), 0);
        vec sum = vload(sums + i) + d * d;
        vstore(sums + i, sum);
        vstore(p + i, x - rate * d / (vsqrt(sum) + eps));
    }
    report(step, s.bad);
}

/* --- RMSprop: s = alpha s + (1-alpha) g^2; centered: a = alpha a + (1-alpha) g, r = s - a^2, else
 * r = s; d = g / (sqrt(r) + eps); with momentum b = momentum b + d, d = b; p -= lr d
 * Source: Hinton's lecture 6e; Graves (2013) eq. 38-45; torch.optim.RMSprop --- */

/* p: step, hyper, gate */
static void rmsprop_advance(const fnn_args *a, int part, int parts)
{
    (void)parts;
    advance(a, part);
}

/* p: p(n0), s(n0), a(n0) or null (not centered), b(n0) or null (no momentum), step, g(n0),
 * hyper {lr, weight_decay, sign, alpha, eps, momentum}, gate or null   n: n0 */
static void rmsprop_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *squares = a->p[1], *average = a->p[2], *b = a->p[3];
    double *step = a->p[4];
    const real *g = a->p[5];
    const double *hyper = a->p[6];
    const vec rate = HYPER(LR), alpha = HYPER(FIRST), blend = vset((real)(1 - hyper[FIRST]));
    const vec eps = HYPER(SECOND), momentum = HYPER(THIRD);
    struct descent s = descent(hyper, a->p[7], 0);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = descend(&s, &x, vload(g + i), 0);
        vec square = settled(alpha * vload(squares + i) + blend * d * d);
        vstore(squares + i, square);
        if (average) {
            vec mean = vload(average + i);
            mean = settled(mean + blend * (d - mean));
            vstore(average + i, mean);
            square -= mean * mean;
        }
        d /= vsqrt(square) + eps;
        if (b) {
            d = settled(d + momentum * vload(b + i));
            vstore(b + i, d);
        }
        vstore(p + i, x - rate * d);
    }
    report(step, s.bad);
}

/* --- Adam: m = beta1 m + (1-beta1) g; v = beta2 v + (1-beta2) g^2; amsgrad: w = max(w, v), else
 * w = v; p -= lr / (1-beta1^t) m / (sqrt(w / (1-beta2^t)) + eps). AdamW: p *= 1 - lr weight_decay
 * first, instead of g += weight_decay p.
 * Source: Kingma and Ba (2015), algorithm 1; Reddi et al. (2018); Loshchilov and Hutter (2019);
 * torch.optim.Adam, AdamW --- */

/* p: step, hyper {lr, weight_decay, sign, beta1, beta2, eps}, gate */
static void adam_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (!advance(a, part)) return;
    step[CORRECTION1] = hyper[LR] / (1 - pow(hyper[FIRST], step[STEPS]));
    step[CORRECTION2] = 1 / sqrt(1 - pow(hyper[SECOND], step[STEPS]));
}

/* p: p(n0), m(n0), v(n0), w(n0) or null (not amsgrad), step, g(n0), hyper, gate or null
 * n: n0, decoupled */
static inline __attribute__((always_inline)) void adam(const int decoupled, const int lasso,
                                                       const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *m = a->p[1], *v = a->p[2], *w = a->p[3];
    double *step = a->p[4];
    const real *g = a->p[5];
    const double *hyper = a->p[6];
    const vec blend1 = vset((real)(1 - hyper[FIRST]));
    const vec beta2 = HYPER(SECOND), blend2 = vset((real)(1 - hyper[SECOND])), eps = HYPER(THIRD);
    const vec rate = vset((real)step[CORRECTION1]), root = vset((real)step[CORRECTION2]);
    struct descent s = descent(hyper, a->p[7], decoupled);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    s.has_lasso = lasso; /* a constant here: no look at it for each vector */
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += ABREAST * VL) {
        vec x[ABREAST], mean[ABREAST], square[ABREAST];
        __builtin_prefetch(p + i + AHEAD, 1); /* another CPU may have them, from forward */
        __builtin_prefetch(g + i + AHEAD);    /* and backward */
        UNROLL for (int u = 0; u < ABREAST; u++)
        {
            x[u] = vload(p + i + u * VL);
            vec d = descend(&s, &x[u], vload(g + i + u * VL), decoupled);
            vec old = vload(m + i + u * VL);
            mean[u] = settled(old + blend1 * (d - old));
            square[u] = settled(beta2 * vload(v + i + u * VL) + blend2 * d * d);
        }
        UNROLL for (int u = 0; u < ABREAST; u++)
        {
            vstore(m + i + u * VL, mean[u]);
            vstore(v + i + u * VL, square[u]);
            if (w) {
                square[u] = vmax(vload(w + i + u * VL), square[u]);
                vstore(w + i + u * VL, square[u]);
            }
        }
        UNROLL for (int u = 0; u < ABREAST; u++) x[u] -=
            rate * mean[u] / (vsqrt(square[u]) * root + eps);
        UNROLL for (int u = 0; u < ABREAST; u++) vstore(p + i + u * VL, x[u]);
    }
    report(step, s.bad);
}
static void adam_update(const fnn_args *a, int part, int parts)
{
    const int decoupled = a->n[1] != 0, lasso = ((const double *)a->p[6])[L1] != 0;
    if (lasso)
        decoupled ? adam(1, 1, a, part, parts) : adam(0, 1, a, part, parts);
    else
        decoupled ? adam(1, 0, a, part, parts) : adam(0, 0, a, part, parts);
}

FNN_EXPORT(optim, FNN_OPTIM)
