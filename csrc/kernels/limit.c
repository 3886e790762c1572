/* What the machine can do at most: nothing but arithmetic, to hold other kernels against. */
#include "../kernel.h"

#define CHAINS 16 /* enough for two multiply-adds a cycle, each of four or five cycles */

/* n[0] times CHAINS independent vectors x = x a + b.   p: sink (parts, 64)   n: 0 count */
static void multiply_add(const fnn_args *args, int part, int parts)
{
    vec x[CHAINS], a = vset((real)0.999), b = vset((real)0.001), sum = {0};
    (void)parts;
    for (int k = 0; k < CHAINS; k++) x[k] = vset((real)k);
    for (int64_t i = 0; i < args->n[0]; i++)
        for (int k = 0; k < CHAINS; k++) x[k] = x[k] * a + b;
    for (int k = 0; k < CHAINS; k++) sum += x[k];
    vstore((real *)((double *)args->p[0] + 64 * part), sum);
}

FNN_EXPORT(limit, FNN_LIMIT)
