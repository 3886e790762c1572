/* The loop of every elementwise kernel: one output, up to three operands that broadcast.
 *
 * p: y (dense), operands; an operand that is NULL is the constant s[its number]
 * n: 0 inner size, 1..3 outer sizes, the fastest first; then for each operand 4 numbers from
 *    n[4 + 4 k] on: its inner step (0 or 1), its 3 outer strides
 * s: 0..2 constants in place of operands, 4..7 constants of the formula
 * y may be the memory of an operand that has y's layout. */
#ifndef FASTNN_BROADCAST_H
#define FASTNN_BROADCAST_H

#include "kernel.h"

#define INLINE static inline __attribute__((always_inline))

/* v: the operands' vectors; s: the formula's constants */
typedef vec (*formula)(const vec *v, const vec *s);
enum kinds { REALS, MASK_OUT = 1, MASK_IN = 2 }; /* bools out; bools in as operand 0 */

typedef struct rows {
    const char *p[3];     /* where the operands' current row begins */
    real constant[3];     /* ... of operands that are constants */
    int64_t step[3];      /* along a row */
    int64_t stride[3][3]; /* bytes, [dimension][operand] */
    int64_t size[3], index[3];
} rows;

typedef unsigned char vec_bools __attribute__((vector_size(VBYTES / sizeof(real))));

INLINE mask load_bools(const unsigned char *p, int64_t n)
{
    unsigned char b[VBYTES / sizeof(real)] = {0};
    if (n == VL)
        memcpy(b, p, sizeof b);
    else
        for (int64_t i = 0; i < n; i++) b[i] = p[i];
    vec_bools v;
    memcpy(&v, b, sizeof v);
    return __builtin_convertvector(v, ivec) != 0;
}

INLINE void store_bools(unsigned char *p, mask m, int64_t n)
{
    vec_bools v = __builtin_convertvector(m & 1, vec_bools);
    if (n == VL)
        memcpy(p, &v, sizeof v);
    else
        for (int64_t i = 0; i < n; i++) p[i] = v[i];
}

/* the operand's vector at element i, n of them: along a step of 1, or one value for all */
INLINE vec load(const char *p, int64_t step, int64_t i, int64_t n, int bools)
{
    if (bools) return (vec)(step ? load_bools((const unsigned char *)p + i, n) : viset(-(*p != 0)));
    const real *x = (const real *)p;
    return step ? (n == VL ? vload(x + i) : vload_part(x + i, n)) : vset(*x);
}

INLINE void one_vector(char *y, const char *const *p, int64_t i, int64_t n, const int64_t *step,
                       const vec *s, int operands, int kinds, formula f)
{
    vec v[3] = {{0}, {0}, {0}};
    for (int k = 0; k < operands; k++)
        v[k] = load(p[k], step[k], i, n, k == 0 && (kinds & MASK_IN));
    vec x = f(v, s);
    if (kinds & MASK_OUT)
        store_bools((unsigned char *)y + i, (mask)x, n);
    else if (n == VL)
        vstore((real *)y + i, x);
    else
        vstore_part((real *)y + i, x, n);
}

INLINE void one_row(char *y, const rows *r, int64_t n, const int64_t *step, const vec *s,
                    int operands, int kinds, formula f)
{
    const char *const p[3] = {r->p[0], r->p[1], r->p[2]};
    int64_t i = 0;
    for (; i + VL <= n; i += VL) one_vector(y, p, i, VL, step, s, operands, kinds, f);
    if (i < n) one_vector(y, p, i, n - i, step, s, operands, kinds, f);
}

static inline void next_row(rows *r)
{
    for (int d = 0; d < 3; d++) {
        for (int k = 0; k < 3; k++) r->p[k] += r->stride[d][k];
        if (++r->index[d] < r->size[d]) return;
        r->index[d] = 0;
        for (int k = 0; k < 3; k++) r->p[k] -= r->stride[d][k] * r->size[d];
    }
}

/* the operands' rows, standing at row number `row` */
static inline rows begin_rows(const fnn_args *a, int operands, int kinds, int64_t row)
{
    rows r = {0};
    for (int k = 0; k < operands; k++) {
        const int64_t *n = a->n + 4 + 4 * k;
        int64_t bytes = k == 0 && (kinds & MASK_IN) ? 1 : sizeof(real);
        r.constant[k] = (real)a->s[k];
        r.p[k] = a->p[1 + k];
        if (!r.p[k]) continue;
        r.step[k] = n[0];
        for (int d = 0; d < 3; d++) r.stride[d][k] = n[1 + d] * bytes;
    }
    for (int d = 0; d < 3; d++) {
        r.size[d] = a->n[1 + d];
        r.index[d] = row % r.size[d];
        row /= r.size[d];
        for (int k = 0; k < 3; k++)
            if (r.p[k]) r.p[k] += r.index[d] * r.stride[d][k];
    }
    return r;
}

INLINE void broadcast(const fnn_args *a, int part, int parts, int operands, int kinds, formula f)
{
    static const int64_t dense[3] = {1, 1, 1}, left[3] = {1, 0, 0}, right[3] = {0, 1, 0};
    int64_t inner = a->n[0], total = inner * a->n[1] * a->n[2] * a->n[3], at, end;
    share(total, 256, part, parts, &at, &end);
    if (at == end) return;
    vec s[4];
    for (int i = 0; i < 4; i++) s[i] = vset((real)a->s[4 + i]);
    rows r = begin_rows(a, operands, kinds, at / inner);
    int64_t skip = at % inner, all = 1;
    for (int k = 0; k < operands; k++) {
        all &= r.step[k];
        if (!r.p[k]) r.p[k] = (const char *)&r.constant[k];
        r.p[k] += skip * r.step[k] * (k == 0 && (kinds & MASK_IN) ? 1 : sizeof(real));
    }
    char *y = a->p[0];
    int64_t bytes = kinds & MASK_OUT ? 1 : sizeof(real);
    while (at < end) {
        int64_t n = inner - skip < end - at ? inner - skip : end - at;
        if (all)
            one_row(y + at * bytes, &r, n, dense, s, operands, kinds, f);
        else if (operands == 2 && r.step[0])
            one_row(y + at * bytes, &r, n, left, s, operands, kinds, f);
        else if (operands == 2 && r.step[1])
            one_row(y + at * bytes, &r, n, right, s, operands, kinds, f);
        else
            one_row(y + at * bytes, &r, n, r.step, s, operands, kinds, f);
        at += n;
        for (int k = 0; k < operands; k++)
            r.p[k] -= skip * r.step[k] * (k == 0 && (kinds & MASK_IN) ? 1 : sizeof(real));
        skip = 0;
        next_row(&r);
    }
}

#endif
