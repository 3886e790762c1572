/* Optimizer updates: Adadelta, Adamax, NAdam, RAdam, Rprop, Lion, ASGD. Their surroundings are told
 * in optim.h. */
#include "../optim.h"

/* --- Adadelta: s = rho s + (1-rho) g^2; d = sqrt(a + eps) / sqrt(s + eps) g;
 * a = rho a + (1-rho) d^2; p -= lr d.   Source: Zeiler (2012), algorithm 1; torch.optim.Adadelta */

/* p: step, hyper, gate */
static void adadelta_advance(const fnn_args *a, int part, int parts)
{
    (void)parts;
    advance(a, part);
}

/* p: p(n0), s(n0), a(n0), step, g(n0), hyper {lr, weight_decay, sign, rho, eps}, gate or null
 * n: n0 */
static void adadelta_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *squares = a->p[1], *deltas = a->p[2];
    double *step = a->p[3];
    const real *g = a->p[4];
    const double *hyper = a->p[5];
    const vec rate = HYPER(LR), rho = HYPER(FIRST), blend = vset((real)(1 - hyper[FIRST]));
    const vec eps = HYPER(SECOND);
    struct descent s = descent(hyper, a->p[6], 0);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = descend(&s, &x, vload(g + i), 0);
        vec square = settled(rho * vload(squares + i) + blend * d * d), delta = vload(deltas + i);
        d *= vsqrt(delta + eps) / vsqrt(square + eps);
        vstore(squares + i, square);
        vstore(deltas + i, settled(rho * delta + blend * d * d));
        vstore(p + i, x - rate * d);
    }
    report(step, s.bad);
}

/* --- Adamax: m = beta1 m + (1-beta1) g; u = max(beta2 u, |g| + eps); p -= lr / (1-beta1^t) m / u
 * Source: Kingma and Ba (2015), algorithm 2; torch.optim.Adamax --- */

/* p: step, hyper {lr, weight_decay, sign, beta1, beta2, eps}, gate */
static void adamax_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (!advance(a, part)) return;
    step[CORRECTION1] = hyper[LR] / (1 - pow(hyper[FIRST], step[STEPS]));
}

/* p: p(n0), m(n0), u(n0), step, g(n0), hyper, gate or null   n: n0 */
static void adamax_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *m = a->p[1], *u = a->p[2];
    double *step = a->p[3];
    const real *g = a->p[4];
    const double *hyper = a->p[5];
    const vec blend = vset((real)(1 - hyper[FIRST])), beta2 = HYPER(SECOND), eps = HYPER(THIRD);
    const vec rate = vset((real)step[CORRECTION1]);
    struct descent s = descent(hyper, a->p[6], 0);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = descend(&s, &x, vload(g + i), 0);
        vec mean = vload(m + i), size = vabs(d) + eps, top = beta2 * vload(u + i);
        mean = settled(mean + blend * (d - mean));
        top = vselect(size <= top, top, size); /* keeps a NaN */
        vstore(m + i, mean);
        vstore(u + i, top);
        vstore(p + i, x - rate * mean / top);
    }
    report(step, s.bad);
}

/* --- NAdam: Adam with Nesterov momentum mu_t = beta1 (1 - 0.96^(t decay) / 2), M_t = prod mu:
 * p -= (lr (1-mu_t) / (1-M_t) g + lr mu_(t+1) / (1-M_(t+1)) m) / (sqrt(v / (1-beta2^t)) + eps)
 * RAdam: as Adam once the length rho_t of the average of squares is above 5, times
 * sqrt((rho_t-4)(rho_t-2) rho / ((rho-4)(rho-2) rho_t)), rho = 2 / (1-beta2) - 1; before, as SGD.
 * Source: Dozat (2016); Liu et al. (2020), algorithm 2; torch.optim.NAdam, RAdam --- */

/* p: step {.., mu_product}, hyper {lr, weight_decay, sign, beta1, beta2, eps, decay}, gate */
static void nadam_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (!advance(a, part)) return;
    const double t = step[STEPS];
    const double mu = hyper[FIRST] * (1 - 0.5 * pow(0.96, t * hyper[FOURTH]));
    const double next = hyper[FIRST] * (1 - 0.5 * pow(0.96, (t + 1) * hyper[FOURTH]));
    step[MORE] = (t == 1 ? 1 : step[MORE]) * mu;
    step[CORRECTION1] = hyper[LR] * (1 - mu) / (1 - step[MORE]);
    step[CORRECTION2] = hyper[LR] * next / (1 - step[MORE] * next);
    step[AFTER] = 1 / sqrt(1 - pow(hyper[SECOND], t));
}

/* CORRECTION2: the factor of m where squares do not count yet, else AFTER holds it
 * p: step, hyper {lr, weight_decay, sign, beta1, beta2, eps}, gate */
static void radam_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (!advance(a, part)) return;
    const double t = step[STEPS], power = pow(hyper[SECOND], t);
    const double most = 2 / (1 - hyper[SECOND]) - 1, length = most - 2 * t * power / (1 - power);
    const double rate = hyper[LR] / (1 - pow(hyper[FIRST], t));
    const double rectified =
        sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)) *
        sqrt(1 - power);
    step[CORRECTION1] = length > 5;
    step[CORRECTION2] = length > 5 ? rate * rectified : rate;
}

/* p: p(n0), m(n0), v(n0), step, g(n0), hyper, gate or null   n: n0, decoupled */
static inline __attribute__((always_inline)) void
two_moments(int nesterov, int decoupled, const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *m = a->p[1], *v = a->p[2];
    double *step = a->p[3];
    const real *g = a->p[4];
    const double *hyper = a->p[5];
    const vec blend1 = vset((real)(1 - hyper[FIRST])), beta2 = HYPER(SECOND), eps = HYPER(THIRD);
    const vec blend2 = vset((real)(1 - hyper[SECOND])), rate1 = vset((real)step[CORRECTION1]);
    const vec rate2 = vset((real)step[CORRECTION2]), root = vset((real)step[AFTER]);
    const int rectified = step[CORRECTION1] != 0;
    struct descent s = descent(hyper, a->p[6], decoupled);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = descend(&s, &x, vload(g + i), decoupled), mean = vload(m + i);
        vec square = settled(beta2 * vload(v + i) + blend2 * d * d);
        mean = settled(mean + blend1 * (d - mean));
        vstore(m + i, mean);
        vstore(v + i, square);
        if (nesterov)
            x -= (rate1 * d + rate2 * mean) / (vsqrt(square) * root + eps);
        else
            x -= rectified ? rate2 * mean / (vsqrt(square) + eps) : rate2 * mean;
        vstore(p + i, x);
    }
    report(step, s.bad);
}
static void nadam_update(const fnn_args *a, int part, int parts)
{
    if (a->n[1] != 0)
        two_moments(1, 1, a, part, parts);
    else
        two_moments(1, 0, a, part, parts);
}
static void radam_update(const fnn_args *a, int part, int parts)
{
    if (a->n[1] != 0)
        two_moments(0, 1, a, part, parts);
    else
        two_moments(0, 0, a, part, parts);
}

/* --- Rprop: the step s of each weight, at first lr, grows by eta+ while the gradient keeps its
 * sign; where it turns, s shrinks by eta- and the gradient counts as 0; p -= s sign(g)
 * Source: Riedmiller and Braun (1993); torch.optim.Rprop --- */

/* p: step, hyper, gate */
static void rprop_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    (void)parts;
    if (advance(a, part)) step[CORRECTION1] = step[STEPS] == 1;
}

/* p: p(n0), previous gradient (n0), s(n0), step, g(n0), hyper {lr, 0, sign, eta-, eta+, least s,
 * most s}, gate or null   n: n0 */
static void rprop_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *previous = a->p[1], *sizes = a->p[2];
    double *step = a->p[3];
    const real *g = a->p[4];
    const double *hyper = a->p[5];
    const vec rate = HYPER(LR), shorter = HYPER(FIRST), longer = HYPER(SECOND);
    const vec least = HYPER(THIRD), most = HYPER(FOURTH), zero = {0}, one = vset(1);
    const int first = step[CORRECTION1] != 0;
    struct descent s = descent(hyper, a->p[6], 0);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = descend(&s, &x, vload(g + i), 0);
        vec agrees = d * vload(previous + i), size = first ? rate : vload(sizes + i);
        size *= vselect(agrees > zero, longer, vselect(agrees < zero, shorter, one));
        size = vmin(vmax(size, least), most);
        d = vselect(agrees < zero, zero, d);
        vstore(sizes + i, size);
        vstore(previous + i, d);
        vstore(p + i, x - size * sign_of(d));
    }
    report(step, s.bad);
}

/* --- Lion: p -= lr (sign(beta1 m + (1-beta1) g) + weight_decay p); m = beta2 m + (1-beta2) g
 * Source: Chen et al. (2023), algorithm 2 --- */

/* p: step, hyper, gate */
static void lion_advance(const fnn_args *a, int part, int parts)
{
    (void)parts;
    advance(a, part);
}

/* p: p(n0), m(n0), step, g(n0), hyper {lr, weight_decay, sign, beta1, beta2}, gate or null
 * n: n0 */
static void lion_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *m = a->p[1];
    double *step = a->p[2];
    const real *g = a->p[3];
    const double *hyper = a->p[4];
    const vec rate = HYPER(LR), blend1 = vset((real)(1 - hyper[FIRST]));
    const vec blend2 = vset((real)(1 - hyper[SECOND]));
    struct descent s = descent(hyper, a->p[5], 1);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = descend(&s, &x, vload(g + i), 1), mean = vload(m + i);
        vstore(m + i, settled(mean + blend2 * (d - mean)));
        vstore(p + i, x - rate * sign_of(mean + blend1 * (d - mean)));
    }
    report(step, s.bad);
}

/* --- ASGD: p = (1 - lambd eta) p - eta g; ax = ax + mu (p - ax); then eta = lr / (1 + lambd lr
 * t)^alpha, mu = 1 / max(1, t - t0).   Source: Polyak, Juditsky (1992); torch.optim.ASGD --- */

/* p: step {.., eta and mu for the step after}, hyper {lr, weight_decay, sign, lambd, alpha, t0},
 * gate */
static void asgd_advance(const fnn_args *a, int part, int parts)
{
    double *step = a->p[0];
    const double *hyper = a->p[1];
    (void)parts;
    if (!advance(a, part)) return;
    const double t = step[STEPS], late = t - hyper[THIRD];
    step[CORRECTION1] = t == 1 ? hyper[LR] : step[MORE];
    step[CORRECTION2] = t == 1 ? 1 : step[AFTER];
    step[MORE] = hyper[LR] / pow(1 + hyper[FIRST] * hyper[LR] * t, hyper[SECOND]);
    step[AFTER] = 1 / (late > 1 ? late : 1);
}

/* p: p(n0), ax(n0), step, g(n0), hyper, gate or null   n: n0 */
static void asgd_update(const fnn_args *a, int part, int parts)
{
    real *p = a->p[0], *averages = a->p[1];
    double *step = a->p[2];
    const real *g = a->p[3];
    const double *hyper = a->p[4];
    const vec eta = vset((real)step[CORRECTION1]), mu = vset((real)step[CORRECTION2]);
    const vec shrink = vset((real)(1 - hyper[FIRST] * step[CORRECTION1]));
    const int copy = step[CORRECTION2] == 1;
    struct descent s = descent(hyper, a->p[5], 0);
    int64_t begin, end;
    if (step[SKIP] != 0) return;
    share(a->n[0], GRAIN, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += VL) {
        vec x = vload(p + i), d = descend(&s, &x, vload(g + i), 0), mean = vload(averages + i);
        x = shrink * x - eta * d;
        vstore(averages + i, copy ? x : mean + mu * (x - mean));
        vstore(p + i, x);
    }
    report(step, s.bad);
}

FNN_EXPORT(adaptive, FNN_ADAPTIVE)
