/* Recurrences along an axis: (outer, length, inner), one after the other along `length`. */
#include "../rows.h"

enum { OUTER, LENGTH, INNER, REVERSE, LARGEST = REVERSE, COLUMNS = 64 };

/* the share's pieces of `inner`: at most COLUMNS neighbours, walked together */
#define EACH_PIECE(a)                                                                              \
    const int64_t length = (a)->n[LENGTH], inner = (a)->n[INNER];                                  \
    const int64_t cuts = (inner + COLUMNS - 1) / COLUMNS;                                          \
    int64_t piece, last;                                                                           \
    share((a)->n[OUTER] * cuts, 1, part, parts, &piece, &last);                                    \
    for (int64_t at, columns; piece < last; piece++)                                               \
        if (at = piece / cuts * length * inner + piece % cuts * COLUMNS,                           \
            columns = least(inner - piece % cuts * COLUMNS, COLUMNS), length > 0)

/* h[i] = a[i] h[i-1] + b[i], from nothing: h[0] = b[0]. Reversed: h[i] = a[i] h[i+1] + b[i].
 * p: h, a, b (outer, length, inner)   n: outer, length, inner, reversed */
static void linear_scan(const fnn_args *args, int part, int parts)
{
    const int64_t step = args->n[REVERSE] ? -args->n[INNER] : args->n[INNER];
    EACH_PIECE(args)
    {
        if (step < 0) at += (length - 1) * inner;
        real *h = (real *)args->p[0] + at;
        const real *a = (const real *)args->p[1] + at, *b = (const real *)args->p[2] + at;
        memcpy(h, b, (size_t)columns * sizeof(real));
        for (int64_t r = 1; r < length; r++)
            for (int64_t i = r * step; i < r * step + columns; i++)
                h[i] = a[i] * h[i - step] + b[i];
    }
}

/* index[i] = place of the largest (smallest) of x[0..i], the last where equal; NaN wins.
 * p: index int64, x (outer, length, inner)   n: outer, length, inner, largest
 * Source: torch.cummax, cummin */
static void extreme_scan(const fnn_args *args, int part, int parts)
{
    const int64_t largest = args->n[LARGEST];
    EACH_PIECE(args)
    {
        int64_t *index = (int64_t *)args->p[0] + at;
        const real *x = (const real *)args->p[1] + at;
        memset(index, 0, (size_t)columns * sizeof(int64_t));
        for (int64_t r = 1; r < length; r++)
            for (int64_t i = 0; i < columns; i++) {
                const real v = x[r * inner + i], best = x[index[(r - 1) * inner + i] * inner + i];
                const int wins = largest ? v >= best : v <= best;
                index[r * inner + i] = wins || v != v ? r : index[(r - 1) * inner + i];
            }
    }
}

/* y[i] = log(exp(x[0]) + ... + exp(x[i])), carried on in double precision.
 * p: y, x (outer, length, inner)   n: outer, length, inner    Source: torch.logcumsumexp */
static void logcumsumexp(const fnn_args *args, int part, int parts)
{
    EACH_PIECE(args)
    {
        real *y = (real *)args->p[0] + at;
        const real *x = (const real *)args->p[1] + at;
        for (int64_t i = 0; i < columns; i++) {
            double sum = (double)x[i];
            y[i] = x[i];
            for (int64_t r = 1; r < length; r++) {
                const double v = (double)x[r * inner + i], top = v > sum ? v : sum;
                const double low = v > sum ? sum : v;
                sum = top == low && isinf(top) ? top : top + log1p(exp(low - top));
                if (v != v) sum = v;
                y[r * inner + i] = (real)sum;
            }
        }
    }
}

FNN_EXPORT(scan, FNN_SCAN)
