/* Arithmetic element by element. */
#include "../kernel.h"

/* y += x, both dense and of one size.   p: y (count), x (count)   n: 0 count */
static void accumulate(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const real *x = a->p[1];
    int64_t i, end;
    share(a->n[0], 1024, part, parts, &i, &end);
    for (; i + VL <= end; i += VL) vstore(y + i, vload(y + i) + vload(x + i));
    if (i < end) vstore_part(y + i, vload_part(y + i, end - i) + vload_part(x + i, end - i), end - i);
}

FNN_EXPORT(elementwise, FNN_ELEMENTWISE)
