/* Gradient norms and clipping. */
#include "../kernel.h"

#define GRAIN 1024 /* elements: a share is a multiple of it */
#define BLOCK 4096 /* elements of one partial norm */

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
            UNROLL for (int u = 0; u < 4; u++) sum[u] =
                norm_terms(vload(x + i + u * VL), sum[u], kind, power);
        for (; i + VL <= last; i += VL) sum[0] = norm_terms(vload(x + i), sum[0], kind, power);
        sum[1] = norm_terms(vload_part(x + i, last - i), sum[1], kind, power);
        double total = 0;
        UNROLL for (int u = 0; u < 4; u++) for (int l = 0; l < VL; l++)
        {
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

/* What one step does with all its gradients: gate = {scale as above, whether to skip the step, how
 * many were skipped}. A step is skipped where s[2] asks for it and the norm is not finite.
 * p: total(1), gate(3) float64, partial(n0) float64   n: n0, kind   s: power, max_norm, skip */
static void norm_gate(const fnn_args *a, int part, int parts)
{
    double *gate = a->p[1];
    if (part != 0) return;
    norm_finish(a, part, parts);
    const real norm = *(const real *)a->p[0];
    gate[1] = a->s[2] != 0 && norm - norm != 0;
    gate[2] += gate[1];
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

FNN_EXPORT(clip, FNN_CLIP)
