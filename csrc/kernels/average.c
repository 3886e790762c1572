/* Running averages of weights: exponential moving average and stochastic weight averaging.
 *
 * The averaged weights y lie in memory as their sources x do, so that all that neighbours in an
 * arena take one pass. The weight of the newest x is a float64 cell that average_weight, run once
 * before, computes from the number of averages so far; recorded steps need no Python for it. */
#include "../kernel.h"

#define GRAIN 1024 /* elements: a share is a multiple of it */

/* weight = 1 for the first, then 1 - decay, or 1 / (number + 1) where decay < 0; number += 1.
 * p: weight(1) float64, number(1) int64, decay(1) float64 */
static void average_weight(const fnn_args *a, int part, int parts)
{
    double *weight = a->p[0];
    int64_t *number = a->p[1];
    const double decay = *(const double *)a->p[2];
    (void)parts;
    if (part != 0) return;
    *weight = *number == 0 ? 1 : decay < 0 ? 1 / (double)(*number + 1) : 1 - decay;
    *number += 1;
}

/* y += w (x - y), from the nearer end; y = x where w is 1.   p: y(n0), weight(1), x(n0)   n: n0
 * Source: Polyak and Juditsky (1992); Izmailov et al. (2018), eq. 2; torch.lerp */
static void average_update(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const double weight = *(const double *)a->p[1];
    const real *x = a->p[2];
    const int near = weight < 0.5;
    const vec factor = vset((real)(near ? weight : 1 - weight));
    int64_t i, end;
    share(a->n[0], GRAIN, part, parts, &i, &end);
    if (weight == 1) {
        if (i < end) memcpy(y + i, x + i, (size_t)(end - i) * sizeof(real));
        return;
    }
    for (; i < end; i += VL) {
        const int whole = end - i >= VL;
        vec s = whole ? vload(x + i) : vload_part(x + i, end - i);
        vec v = whole ? vload(y + i) : vload_part(y + i, end - i);
        v = near ? v + factor * (s - v) : s - factor * (s - v);
        if (whole)
            vstore(y + i, v);
        else
            vstore_part(y + i, v, end - i);
    }
}

/* Counts, cut to integers.   p: y(n0) int64, weight(1), x(n0) int64   n: n0 */
static void average_integers(const fnn_args *a, int part, int parts)
{
    int64_t *y = a->p[0], i, end;
    const double weight = *(const double *)a->p[1];
    const int64_t *x = a->p[2];
    share(a->n[0], GRAIN, part, parts, &i, &end);
    for (; i < end; i++)
        y[i] = weight == 1 ? x[i] : (int64_t)((double)y[i] * (1 - weight) + (double)x[i] * weight);
}

FNN_EXPORT(average, FNN_AVERAGE)
