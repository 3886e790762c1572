/* Optimizer updates, gradient norms and clipping.
 *
 * Parameters, gradients and state of a group are flat arrays in one arena. Each slot begins at a
 * multiple of 64 bytes and is padded with zeros up to one, so updates see whole vectors only: n[0]
 * is the padded size. Hyperparameters are read from `hyper`, float64 cells, so that schedules act
 * on recorded steps too; `step` holds float64 cells that <optimizer>_advance, run once before the
 * update, prepares: {steps taken, first correction, second correction, status}. The status becomes
 * the number of the first step that met a gradient with an infinity or NaN. */
#include "../kernel.h"

#define GRAIN 1024 /* elements: a share is a multiple of it */
#define BLOCK 4096 /* elements of one partial norm */

enum hyper_cell { LR, WEIGHT_DECAY, SIGN, FIRST, SECOND, THIRD }; /* SIGN: 1, or -1 to maximize */
enum step_cell { STEPS, CORRECTION1, CORRECTION2, STATUS };

#define HYPER(i) vset((real)hyper[i])

/* g - g is 0 where g is finite, NaN elsewhere: gathers non-zero bits */
static inline ivec not_finite(vec g) { return vibits(g - g); }

static inline void report(double *step, ivec bad)
{
    integer any = 0;
    for (int i = 0; i < VL; i++) any |= bad[i];
    if (any != 0 && step[STATUS] == 0) step[STATUS] = step[STEPS];
}

/* --- SGD: b = momentum b + (1 - dampening) g (first step: b = g); p -= lr (g + momentum b if
 * nesterov, else b), g = sign gradient + weight_decay p.   Source: torch.optim.SGD --- */

/* p: step(4), hyper {lr, weight_decay, sign, momentum, dampening, nesterov} */
static void sgd_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (part != 0) return;
    const int first = step[STEPS] == 0;
    step[STEPS] += 1;
    step[CORRECTION1] = first ? 0 : hyper[FIRST];
    step[CORRECTION2] = first ? 1 : 1 - hyper[SECOND];
}

/* p: p(n0), b(n0) or null without momentum, step, g(n0), hyper   n: n0 */
static void sgd_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *b = a->p[1];
    double *step = a->p[2];
    const real *g = a->p[3];
    const double *hyper = a->p[4];
    const vec rate = HYPER(LR), decay = HYPER(WEIGHT_DECAY), sign = HYPER(SIGN);
    const vec momentum = HYPER(FIRST), keep = vset((real)step[CORRECTION1]);
    const vec blend = vset((real)step[CORRECTION2]);
    const int nesterov = hyper[THIRD] != 0;
    ivec bad = {0};
    int64_t begin, end;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = vload(g + i);
        bad |= not_finite(d);
        d = sign * d + decay * x;
        if (b) {
            vec buffer = keep * vload(b + i) + blend * d;
            vstore(b + i, buffer);
            d = nesterov ? d + momentum * buffer : buffer;
        }
        vstore(p + i, x - rate * d);
    }
    report(step, bad);
}

/* --- Adagrad: s += g^2; p -= lr / (1 + (t-1) lr_decay) g / (sqrt(s) + eps)
 * Source: Duchi et al. (2011); torch.optim.Adagrad --- */

/* p: step(4), hyper {lr, weight_decay, sign, lr_decay, eps} */
static void adagrad_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (part != 0) return;
    step[CORRECTION1] = hyper[LR] / (1 + step[STEPS] * hyper[FIRST]);
    step[STEPS] += 1;
}

/* p: p(n0), s(n0), step, g(n0), hyper   n: n0 */
static void adagrad_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *s = a->p[1];
    double *step = a->p[2];
    const real *g = a->p[3];
    const double *hyper = a->p[4];
    const vec rate = vset((real)step[CORRECTION1]), eps = HYPER(SECOND);
    const vec decay = HYPER(WEIGHT_DECAY), sign = HYPER(SIGN);
    ivec bad = {0};
    int64_t begin, end;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = vload(g + i);
        bad |= not_finite(d);
        d = sign * d + decay * x;
        vec sum = vload(s + i) + d * d;
        vstore(s + i, sum);
        vstore(p + i, x - rate * d / (vsqrt(sum) + eps));
    }
    report(step, bad);
}

/* --- RMSprop: s = alpha s + (1-alpha) g^2; centered: a = alpha a + (1-alpha) g, r = s - a^2, else
 * r = s; d = g / (sqrt(r) + eps); with momentum b = momentum b + d, d = b; p -= lr d
 * Source: Hinton's lecture 6e; Graves (2013) eq. 38-45; torch.optim.RMSprop --- */

/* p: step(4) */
static void rmsprop_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    (void)parts;
    if (part == 0) step[STEPS] += 1;
}

/* p: p(n0), s(n0), a(n0) or null (not centered), b(n0) or null (no momentum), step, g(n0),
 * hyper {lr, weight_decay, sign, alpha, eps, momentum}   n: n0 */
static void rmsprop_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *s = a->p[1], *average = a->p[2], *b = a->p[3];
    double *step = a->p[4];
    const real *g = a->p[5];
    const double *hyper = a->p[6];
    const vec rate = HYPER(LR), decay = HYPER(WEIGHT_DECAY), sign = HYPER(SIGN);
    const vec alpha = HYPER(FIRST), blend = vset((real)(1 - hyper[FIRST]));
    const vec eps = HYPER(SECOND), momentum = HYPER(THIRD);
    ivec bad = {0};
    int64_t begin, end;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = vload(g + i);
        bad |= not_finite(d);
        d = sign * d + decay * x;
        vec square = alpha * vload(s + i) + blend * d * d;
        vstore(s + i, square);
        if (average) {
            vec mean = vload(average + i);
            mean += blend * (d - mean);
            vstore(average + i, mean);
            square -= mean * mean;
        }
        d /= vsqrt(square) + eps;
        if (b) {
            d += momentum * vload(b + i);
            vstore(b + i, d);
        }
        vstore(p + i, x - rate * d);
    }
    report(step, bad);
}

/* --- Adam: m = beta1 m + (1-beta1) g; v = beta2 v + (1-beta2) g^2; amsgrad: w = max(w, v), else
 * w = v; p -= lr / (1-beta1^t) m / (sqrt(w / (1-beta2^t)) + eps). AdamW: p *= 1 - lr weight_decay
 * first, instead of g += weight_decay p.
 * Source: Kingma and Ba (2015), algorithm 1; Reddi et al. (2018); Loshchilov and Hutter (2019);
 * torch.optim.Adam, AdamW --- */

/* p: step(4), hyper {lr, weight_decay, sign, beta1, beta2, eps} */
static void adam_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (part != 0) return;
    step[STEPS] += 1;
    step[CORRECTION1] = hyper[LR] / (1 - pow(hyper[FIRST], step[STEPS]));
    step[CORRECTION2] = 1 / sqrt(1 - pow(hyper[SECOND], step[STEPS]));
}

/* p: p(n0), m(n0), v(n0), w(n0) or null (not amsgrad), step, g(n0), hyper   n: n0, decoupled */
static void adam_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *m = a->p[1], *v = a->p[2], *w = a->p[3];
    double *step = a->p[4];
    const real *g = a->p[5];
    const double *hyper = a->p[6];
    const int decoupled = a->n[1] != 0;
    const vec decay = vset(decoupled ? 0 : (real)hyper[WEIGHT_DECAY]), sign = HYPER(SIGN);
    const vec shrink = vset(decoupled ? (real)(1 - hyper[LR] * hyper[WEIGHT_DECAY]) : 1);
    const vec blend1 = vset((real)(1 - hyper[FIRST]));
    const vec beta2 = HYPER(SECOND), blend2 = vset((real)(1 - hyper[SECOND])), eps = HYPER(THIRD);
    const vec rate = vset((real)step[CORRECTION1]), root = vset((real)step[CORRECTION2]);
    ivec bad = {0};
    int64_t begin, end;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = shrink * vload(p + i), d = vload(g + i);
        bad |= not_finite(d);
        d = sign * d + decay * x;
        vec mean = vload(m + i);
        mean += blend1 * (d - mean);
        vec square = beta2 * vload(v + i) + blend2 * d * d;
        vstore(m + i, mean);
        vstore(v + i, square);
        if (w) {
            square = vmax(vload(w + i), square);
            vstore(w + i, square);
        }
        vstore(p + i, x - rate * mean / (vsqrt(square) * root + eps));
    }
    report(step, bad);
}

/* --- gradient norms and clipping --- */

enum norm_kind { SQUARES, ABSOLUTE, LARGEST, POWERS };

static inline vec norm_terms(vec x, vec sum, int64_t kind, real power)
{
    switch (kind) {
    case SQUARES:
        return sum + x * x;
    case ABSOLUTE:
        return sum + vabs(x);
    case LARGEST:
        x = vabs(x);
        return vselect((x > sum) | (x != x), x, sum); /* keeps a NaN */
    default:
        for (int i = 0; i < VL; i++) sum[i] += (real)pow(fabs((double)x[i]), power);
        return sum;
    }
}

/* partial[b] = sum over block b of x^2, |x| or |x|^power, or max |x|: blocks of 4096 elements.
 * p: partial(ceil(n0 / 4096)) float64, x(n0)   n: n0, kind   s: power */
static void norm_partial(const fnn_args *a, int part, int parts)
{
    double *partial = a->p[0];
    const real *x = a->p[1];
    const int64_t size = a->n[0], kind = a->n[1];
    const real power = (real)a->s[0];
    int64_t begin, end;
    share(size, BLOCK, part, parts, &begin, &end);
    for (int64_t first = begin; first < end; first += BLOCK) {
        const int64_t last = first + BLOCK < end ? first + BLOCK : end;
        vec sum[4] = {{0}};
        int64_t i = first;
        for (; i + 4 * VL <= last; i += 4 * VL)
            for (int u = 0; u < 4; u++)
                sum[u] = norm_terms(vload(x + i + u * VL), sum[u], kind, power);
        for (; i + VL <= last; i += VL) sum[0] = norm_terms(vload(x + i), sum[0], kind, power);
        sum[1] = norm_terms(vload_part(x + i, last - i), sum[1], kind, power);
        double total = 0;
        for (int u = 0; u < 4; u++)
            for (int l = 0; l < VL; l++) {
                double t = (double)sum[u][l];
                total = kind != LARGEST ? total + t : t > total || t != t ? t : total;
            }
        partial[first / BLOCK] = total;
    }
}

/* total = the norm; scale = min(1, max_norm / (total + 1e-6)), NaN when the norm is.
 * p: total(1), scale(1) float64, partial(n0) float64   n: n0, kind   s: power, max_norm
 * Source: torch.nn.utils.clip_grad_norm_ */
static void norm_finish(const fnn_args *a, int part, int parts)
{
    real *total = a->p[0];
    double *scale = a->p[1], sum = 0;
    const double *partial = a->p[2];
    const int64_t kind = a->n[1];
    (void)parts;
    if (part != 0) return;
    for (int64_t i = 0; i < a->n[0]; i++) {
        double t = partial[i];
        sum = kind != LARGEST ? sum + t : t > sum || t != t ? t : sum;
    }
    sum = kind == SQUARES ? sqrt(sum) : kind == POWERS ? pow(sum, 1 / a->s[0]) : sum;
    *total = (real)sum;
    const double clip = a->s[1] / (sum + 1e-6);
    *scale = clip > 1 ? 1 : clip;
}

/* x *= scale, a float64 cell; nothing is touched when it is 1.
 * p: x(n0), scale(1) float64   n: n0 */
static void scale_values(const fnn_args *a, int part, int parts)
{
    real *x = a->p[0];
    const double factor = *(const double *)a->p[1];
    const vec scale = vset((real)factor);
    int64_t i, end;
    if (factor == 1) return;
    share(a->n[0], GRAIN, part, parts, &i, &end);
    for (; i + VL <= end; i += VL) vstore(x + i, scale * vload(x + i));
    vstore_part(x + i, scale * vload_part(x + i, end - i), end - i);
}

/* x = min(max(x, -limit), limit); NaN stays.
 * p: x(n0)   n: n0   s: limit   Source: torch.nn.utils.clip_grad_value_ */
static void clamp_values(const fnn_args *a, int part, int parts)
{
    real *x = a->p[0];
    const vec high = vset((real)a->s[0]), low = -high;
    int64_t i, end;
    share(a->n[0], GRAIN, part, parts, &i, &end);
    for (; i + VL <= end; i += VL) {
        vec v = vload(x + i);
        vstore(x + i, vselect(v > high, high, vselect(v < low, low, v)));
    }
    vec v = vload_part(x + i, end - i);
    vstore_part(x + i, vselect(v > high, high, vselect(v < low, low, v)), end - i);
}

/* x = 0.   p: x(n0)   n: n0 */
static void zero_values(const fnn_args *a, int part, int parts)
{
    int64_t begin, end;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    memset((real *)a->p[0] + begin, 0, (size_t)(end - begin) * sizeof(real));
}

FNN_EXPORT(optim, FNN_OPTIM)
