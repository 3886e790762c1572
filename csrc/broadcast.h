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
#include "lanes.h"

enum kinds { REALS, MASK_OUT = 1, MASK_IN = 2 }; /* bools out; bools in as operand 0 */

typedef struct rows {
    const char *p[3];     /* where the operands' current row begins */
    real constant[3];     /* ... of operands that are constants */
    int64_t step[3];      /* along a row */
    int64_t stride[3][3]; /* bytes, [dimension][operand] */
    int64_t size[3], index[3];
} rows;

/* v: the operands' vectors; s: the formula's constants */
typedef vec (*formula)(const vec *v, const vec *s);
/* the kernel itself: `count` rows of n elements; dense: every operand has a value for each */
typedef void (*rows_kernel)(char *y, const rows *r, int64_t n, int64_t count, int dense,
                            const vec *s);

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

/* bytes of an element of operand k; of y with k = -1 */
INLINE int64_t size_of(int k, int kinds)
{
    return (k == 0 && (kinds & MASK_IN)) || (k < 0 && (kinds & MASK_OUT)) ? 1 : sizeof(real);
}

/* one vector of the output, from m elements (m <= VL) of each operand from element i on */
INLINE void one_vector(char *y, const char *const *p, int64_t i, int64_t m, const int64_t *step,
                       const vec *s, int operands, int kinds, formula f)
{
    vec v[3] = {{0}, {0}, {0}};
    y += i * size_of(-1, kinds);
    UNROLL for (int k = 0; k < operands; k++)
    {
        const char *at = p[k] + i * (step ? step[k] : size_of(k, kinds));
        if (k == 0 && (kinds & MASK_IN))
            v[k] = (vec)load_bools((const unsigned char *)at, m);
        else
            v[k] = vload_upto((const real *)at, m);
    }
    vec x = f(v, s);
    if (kinds & MASK_OUT)
        store_bools((unsigned char *)y, (mask)x, m);
    else
        vstore_upto((real *)y, x, m);
}

/* Whole vectors by two loops that share no test: all operands dense, and any other mixture, where
 * an operand that is one value along the row is read from a vector of copies. Then what is left. */
INLINE void some_rows(char *y, const rows *r, int64_t n, int64_t count, int dense, const vec *s,
                      int operands, int kinds, formula f)
{
    const int64_t tail = n % VL, whole = n - tail;
    for (int64_t row = 0; row < count; row++, y += n * size_of(-1, kinds)) {
        const char *p[3];
        vec copies[3];
        int64_t step[3]; /* bytes per element */
        UNROLL for (int k = 0; k < operands; k++)
        {
            p[k] = r->p[k] + row * r->stride[0][k];
            step[k] = r->step[k] * size_of(k, kinds);
            if (dense || step[k]) continue;
            if (k == 0 && (kinds & MASK_IN))
                memset(&copies[k], *p[k], VL);
            else
                copies[k] = vset(*(const real *)p[k]);
            p[k] = (const char *)&copies[k];
        }
        if (dense)
            for (int64_t i = 0; i < whole; i += VL)
                one_vector(y, p, i, VL, 0, s, operands, kinds, f);
        else
            for (int64_t i = 0; i < whole; i += VL)
                one_vector(y, p, i, VL, step, s, operands, kinds, f);
        if (tail) one_vector(y, p, whole, tail, step, s, operands, kinds, f);
    }
}

/* past `count` rows, of one line of dimension 0 */
static inline void next_row(rows *r, int64_t count)
{
    for (int d = 0; d < 3; d++, count = 1) {
        for (int k = 0; k < 3; k++) r->p[k] += r->stride[d][k] * count;
        r->index[d] += count;
        if (r->index[d] < r->size[d]) return;
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
        r.constant[k] = (real)a->s[k];
        r.p[k] = a->p[1 + k];
        if (!r.p[k]) continue;
        r.step[k] = n[0];
        for (int d = 0; d < 3; d++) r.stride[d][k] = n[1 + d] * size_of(k, kinds);
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

/* all that the kernels have in common; a function of its own, for it is most of their text */
static __attribute__((noinline, unused)) void broadcast(const fnn_args *a, int part, int parts,
                                                        int operands, int kinds, rows_kernel f)
{
    int64_t inner = a->n[0], total = inner * a->n[1] * a->n[2] * a->n[3], at, end;
    share(total, 256, part, parts, &at, &end);
    if (at == end) return;
    vec s[4];
    for (int i = 0; i < 4; i++) s[i] = vset((real)a->s[4 + i]);
    rows r = begin_rows(a, operands, kinds, at / inner);
    int dense = 1;
    for (int k = 0; k < operands; k++) {
        dense &= r.step[k] == 1;
        if (!r.p[k]) r.p[k] = (const char *)&r.constant[k];
    }
    char *y = a->p[0];
    for (int64_t skip = at % inner, n, count; at < end; at += n * count, skip = 0) {
        n = inner - skip < end - at ? inner - skip : end - at;
        count = n == inner ? (end - at) / inner : 1; /* a part of a row stands alone */
        if (count > r.size[0] - r.index[0]) count = r.size[0] - r.index[0];
        for (int k = 0; k < operands; k++) r.p[k] += skip * r.step[k] * size_of(k, kinds);
        f(y + at * size_of(-1, kinds), &r, n, count, dense, s);
        for (int k = 0; k < operands; k++) r.p[k] -= skip * r.step[k] * size_of(k, kinds);
        next_row(&r, count);
    }
}

/* the kernel `name` from its formula name##_of */
#define BROADCAST(name, operands, kinds)                                                           \
    static void name##_rows(char *y, const rows *r, int64_t n, int64_t count, int dense,           \
                            const vec *s)                                                          \
    {                                                                                              \
        some_rows(y, r, n, count, dense, s, operands, kinds, name##_of);                           \
    }                                                                                              \
    static void name(const fnn_args *a, int part, int parts)                                       \
    {                                                                                              \
        broadcast(a, part, parts, operands, kinds, name##_rows);                                   \
    }

#endif
