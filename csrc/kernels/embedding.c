/* Rows of a table looked up by number, and the gradient of the table.
 * N look-ups, V rows, D columns. Indices were checked before: 0 <= index < V. */
#include "../kernel.h"

/* y[i] = w[index[i]]; zeros where index[i] == padding.
 * p: y(N, D), w(V, D), index(N) int64   n: N, D, row stride of w, padding (-1: none)
 * Source: torch.nn.functional.embedding */
static void embedding_forward(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const real *w = a->p[1];
    const int64_t *index = a->p[2];
    const int64_t d = a->n[1], stride = a->n[2], padding = a->n[3];
    int64_t begin, end;
    share(a->n[0], 1, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        if (index[i] == padding)
            memset(y + i * d, 0, (size_t)d * sizeof(real));
        else
            memcpy(y + i * d, w + index[i] * stride, (size_t)d * sizeof(real));
    }
}

/* dw[v] = (dw[v] if accumulate) + sum of dy[i] over index[i] == v in order of i; row `padding` gets
 * none. A share owns rows of dw and looks at all indices, so the order never changes.
 * p: dw(V, D), dy(N, D), index(N) int64   n: N, D, V, padding (-1: none), accumulate */
static void embedding_backward(const fnn_args *a, int part, int parts)
{
    real *dw = a->p[0];
    const real *dy = a->p[1];
    const int64_t *index = a->p[2];
    const int64_t n = a->n[0], d = a->n[1], padding = a->n[3];
    int64_t begin, end;
    share(a->n[2], 1, part, parts, &begin, &end);
    if (!a->n[4]) memset(dw + begin * d, 0, (size_t)((end - begin) * d) * sizeof(real));
    for (int64_t i = 0; i < n; i++) {
        if (index[i] < begin || index[i] >= end || index[i] == padding) continue;
        real *row = dw + index[i] * d;
        const real *add = dy + i * d;
        int64_t j = 0;
        for (; j + VL <= d; j += VL) vstore(row + j, vload(row + j) + vload(add + j));
        vstore_part(row + j, vload_part(row + j, d - j) + vload_part(add + j, d - j), d - j);
    }
}

FNN_EXPORT(embedding, FNN_EMBEDDING)
