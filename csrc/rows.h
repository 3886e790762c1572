/* Folds along contiguous rows and down columns, shared by reduce.c, norm.c, batchnorm.c and loss.c.
 *
 * Every order of addition depends on the length alone. Sums run in sub-blocks, so that rounding
 * errors grow far slower than the length. */
#ifndef FASTNN_ROWS_H
#define FASTNN_ROWS_H

#include "kernel.h"
#include "lanes.h"
#include "vmath.h"

#define SUB_BLOCK (128 * VL) /* elements of a row that go into one set of accumulators */
#if VBYTES == 64
#define EXPS 2 /* exponentials side by side */
#else
#define EXPS 4
#endif
#define GROUP 8 /* rows whose moments are taken while they are in registers */

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* the first n elements, any n > 0; the lanes past them read as `fill` */
static inline vec vload_fill(const real *p, int64_t n, real fill)
{
    return n >= VL ? vload(p) : vselect(vfirst(n), vload_part(p, n), vset(fill));
}
/* v, with zero in the lanes past the first n */
static inline vec vkeep(vec v, int64_t n) { return n >= VL ? v : vselect(vfirst(n), v, (vec){0}); }

enum fold { FOLD_SUM, FOLD_SQUARES, FOLD_ABS, FOLD_PROD, FOLD_MAX, FOLD_MIN, FOLD_ANY, FOLD_ALL };

static inline real fold_identity(int op)
{
    return op == FOLD_PROD || op == FOLD_ALL ? 1
           : op == FOLD_MAX                  ? -(real)INFINITY
           : op == FOLD_MIN                  ? (real)INFINITY
                                             : 0;
}

/* what an element contributes; `op` is a constant wherever these are inlined */
static inline vec fold_value(int op, vec x)
{
    if (op == FOLD_SQUARES) return x * x;
    if (op == FOLD_ABS) return vabs(x);
    if (op == FOLD_ANY || op == FOLD_ALL) return vselect(x != (vec){0}, vset(1), (vec){0});
    return x;
}

/* maxima and minima are NaN as soon as one element is, as PyTorch's */
static inline vec fold_merge(int op, vec a, vec b)
{
    if (op == FOLD_PROD) return a * b;
    if (op == FOLD_MAX || op == FOLD_ANY) return vselect((a > b) | (a != a), a, b);
    if (op == FOLD_MIN || op == FOLD_ALL) return vselect((a < b) | (a != a), a, b);
    return a + b;
}

/* the same for vectors of any length */
#define PICK(m, a, b) ((__typeof__(a))(((m) & (__typeof__(m))(a)) | (~(m) & (__typeof__(m))(b))))
#define MERGE_MAX(a, b) PICK(((a) > (b)) | ((a) != (a)), a, b)
#define MERGE_MIN(a, b) PICK(((a) < (b)) | ((a) != (a)), a, b)
#define MERGE_PROD(a, b) ((a) * (b))
#if VBYTES == 64
#define FOLD_HALVES(OP, v)                                                                         \
    vec32 h = VFOLD_64(OP, v);                                                                     \
    vec16 q = VFOLD_32(OP, h)
#elif VBYTES == 32
#define FOLD_HALVES(OP, v) vec16 q = VFOLD_32(OP, v)
#else
#define FOLD_HALVES(OP, v) vec16 q = v
#endif
#if FNN_REAL == 32
#define FOLD_TREE(OP, v)                                                                           \
    FOLD_HALVES(OP, v);                                                                            \
    vec16 upper = {q[2], q[3], q[2], q[3]};                                                        \
    q = OP(q, upper);                                                                              \
    vec16 second = {q[1], q[1], q[1], q[1]};                                                       \
    return OP(q, second)[0]
#else
#define FOLD_TREE(OP, v)                                                                           \
    FOLD_HALVES(OP, v);                                                                            \
    vec16 second = {q[1], q[1]};                                                                   \
    return OP(q, second)[0]
#endif

static inline real lanes_max(vec v) { FOLD_TREE(MERGE_MAX, v); }
static inline real lanes_min(vec v) { FOLD_TREE(MERGE_MIN, v); }
static inline real lanes_prod(vec v) { FOLD_TREE(MERGE_PROD, v); }

static inline real fold_lanes(int op, vec v)
{
    if (op == FOLD_PROD) return lanes_prod(v);
    if (op == FOLD_MAX || op == FOLD_ANY) return lanes_max(v);
    if (op == FOLD_MIN || op == FOLD_ALL) return lanes_min(v);
    return vsum(v);
}

INLINE real row_fold(int op, const real *x, int64_t n)
{
    const real identity = fold_identity(op);
    vec total = vset(identity);
    for (int64_t begin = 0; begin < n; begin += SUB_BLOCK) {
        int64_t i = begin, end = least(begin + SUB_BLOCK, n);
        vec s[4] = {vset(identity), vset(identity), vset(identity), vset(identity)};
        for (; i + 4 * VL <= end; i += 4 * VL)
            UNROLL for (int u = 0; u < 4; u++) s[u] =
                fold_merge(op, s[u], fold_value(op, vload(x + i + u * VL)));
        for (; i < end; i += VL)
            s[0] = fold_merge(op, s[0], fold_value(op, vload_fill(x + i, end - i, identity)));
        vec low = fold_merge(op, s[0], s[1]), high = fold_merge(op, s[2], s[3]);
        total = fold_merge(op, total, fold_merge(op, low, high));
    }
    return fold_lanes(op, total);
}

/* a beats b: larger (or smaller), or NaN; an equal one does not, so that the first of equals wins
 */
INLINE mask beats(int largest, vec a, vec b) { return ~(largest ? a <= b : a >= b) & (b == b); }

/* of a row: lane by lane, then the first of the best lanes; blocks are short enough for real to
 * count their positions exactly */
INLINE void row_extreme(int largest, const real *x, int64_t n, real *value, int64_t *position)
{
    const real worst = largest ? -(real)INFINITY : (real)INFINITY;
    vec lane, best = vload_fill(x, n, worst);
    for (int l = 0; l < VL; l++) lane[l] = (real)l;
    vec where = lane;
    for (int64_t i = VL; i < n; i += VL) {
        vec v = vload_fill(x + i, n - i, worst);
        mask m = beats(largest, v, best);
        best = vselect(m, v, best);
        where = vselect(m, vset((real)i) + lane, where);
    }
    *value = fold_lanes(largest ? FOLD_MAX : FOLD_MIN, best);
    mask first = (best == vset(*value)) | (best != best);
    *position = (int64_t)fold_lanes(FOLD_MIN, vselect(first, where, vset((real)INFINITY)));
}

/* the largest element, for shifting exponents: unlike FOLD_MAX it may overlook a NaN */
INLINE real row_top(const real *x, int64_t n)
{
    const vec lowest = vset(-(real)INFINITY);
    vec t[4] = {lowest, lowest, lowest, lowest};
    int64_t i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL)
        UNROLL for (int u = 0; u < 4; u++) t[u] = vmax(vload(x + i + u * VL), t[u]);
    for (; i < n; i += VL) t[0] = vmax(vload_fill(x + i, n - i, -(real)INFINITY), t[0]);
    return vtop(vmax(vmax(t[0], t[1]), vmax(t[2], t[3])));
}

/* sum of exp(x - top), which is also kept in e unless that is NULL */
INLINE real exp_row(real *e, const real *x, int64_t n, real top)
{
    vec t = vset(top), s[EXPS] = {{0}};
    int64_t i = 0;
    for (; i + EXPS * VL <= n; i += EXPS * VL) {
        vec v[EXPS];
        UNROLL for (int u = 0; u < EXPS; u++) v[u] = vexp_flush(vload(x + i + u * VL) - t);
        UNROLL for (int u = 0; u < EXPS; u++)
        {
            if (e) vstore(e + i + u * VL, v[u]);
            s[u] += v[u];
        }
    }
    for (; i < n; i += VL) {
        vec v = vkeep(vexp_flush(vload_upto(x + i, n - i) - t), n - i);
        if (e) vstore_upto(e + i, v, n - i);
        s[0] += v;
    }
    UNROLL for (int u = EXPS / 2; u > 0; u /= 2) UNROLL for (int k = 0; k < u; k++) s[k] +=
        s[k + u];
    return vsum(s[0]);
}

/* the same in one go for a row that fits two vectors */
INLINE real exp_short(real *e, const real *x, int64_t n, real *top)
{
    const int64_t rest = n - VL;
    const vec none = vset(-(real)INFINITY);
    vec v = vload_fill(x, n, none[0]), w = rest > 0 ? vload_fill(x + VL, rest, none[0]) : none;
    *top = vtop(vmax(w, v));
    v = vexp_flush(v - vset(*top));
    if (e) vstore_upto(e, v, n);
    if (rest <= 0) return vsum(v);
    w = vexp_flush(w - vset(*top));
    if (e) vstore_upto(e + VL, w, rest);
    return vsum(v + w);
}
INLINE real exp_any(real *e, const real *x, int64_t n, real *top)
{
    if (n <= 2 * VL) return exp_short(e, x, n, top);
    *top = row_top(x, n);
    return exp_row(e, x, n, *top);
}

/* Moments are given as mean - pivot, and the sum of squared deviations m2. The pivot, some value
 * among the data or zero, keeps the digits of means that are to be merged.
 *
 * A row, by the corrected two-pass formula: d = x - m, m2 = sum d^2 - (sum d)^2 / n, mean = m + sum
 * d / n, where m is the rounded mean (Chan, Golub, LeVeque 1983, eq. 1.7) */
static inline void row_moments(const real *x, int64_t n, real pivot, real *mean, real *m2)
{
    real m = row_fold(FOLD_SUM, x, n) / (real)n;
    vec total = {0}, total2 = {0}, vm = vset(m);
    for (int64_t begin = 0; begin < n; begin += SUB_BLOCK) {
        int64_t i = begin, end = least(begin + SUB_BLOCK, n);
        vec s[2] = {{0}, {0}}, q[2] = {{0}, {0}};
        for (; i + 2 * VL <= end; i += 2 * VL) UNROLL for (int u = 0; u < 2; u++)
            {
                vec d = vload(x + i + u * VL) - vm;
                s[u] += d;
                q[u] += d * d;
            }
        for (; i < end; i += VL) {
            vec d = vkeep(vload_upto(x + i, end - i) - vm, end - i);
            s[0] += d;
            q[0] += d * d;
        }
        total += s[0] + s[1];
        total2 += q[0] + q[1];
    }
    real d = vsum(total);
    *mean = (m - pivot) + d / (real)n;
    *m2 = vsum(total2) - d * d / (real)n;
}

/* adds to moments (mean, m2) over n elements those over k more (Chan, Golub, LeVeque 1983) */
static inline void merge_moments(vec *mean, vec *m2, int64_t n, vec mean_b, vec m2_b, int64_t k)
{
    vec delta = mean_b - *mean;
    real share_b = (real)k / (real)(n + k);
    *mean += delta * share_b;
    *m2 += m2_b + delta * delta * (share_b * (real)n);
}

/* sums of dy, and of dy (x - mean), over n elements: added to each lane's */
static inline void add_products(const real *dy, const real *x, int64_t n, vec mean, vec *sum,
                                vec *dot)
{
    for (int64_t begin = 0; begin < n; begin += SUB_BLOCK) {
        const int64_t end = least(begin + SUB_BLOCK, n);
        vec s[2] = {{0}}, q[2] = {{0}};
        int64_t i = begin;
        for (; i + 2 * VL <= end; i += 2 * VL) UNROLL for (int u = 0; u < 2; u++)
            {
                const vec d = vload(dy + i + u * VL);
                s[u] += d;
                q[u] += d * (vload(x + i + u * VL) - mean);
            }
        for (; i < end; i += VL) {
            const vec d = vload_upto(dy + i, end - i);
            s[0] += d;
            q[0] += d * (vload_upto(x + i, end - i) - mean);
        }
        *sum += s[0] + s[1];
        *dot += q[0] + q[1];
    }
}

/* `columns` columns of x (rows, stride), pivot (columns): one pass over x, the moments of GROUP
 * rows at a time taken in registers and merged */
static inline void column_moments(const real *x, const real *pivot, int64_t rows, int64_t stride,
                                  int64_t columns, real *mean, real *m2)
{
    for (int64_t r = 0; r < rows; r += GROUP) {
        int64_t k = least(GROUP, rows - r);
        for (int64_t c = 0; c < columns; c += VL) {
            const real *p = x + r * stride + c;
            int64_t lanes = columns - c;
            vec v[GROUP], base = vload_upto(pivot + c, lanes), m = {0}, q = {0}, a = {0}, b = {0};
            if (k == GROUP && lanes >= VL) {
                UNROLL for (int u = 0; u < GROUP; u++) v[u] = vload(p + u * stride) - base;
                UNROLL for (int u = 0; u < GROUP; u++) m += v[u];
                m *= vset((real)(1.0 / GROUP));
                UNROLL for (int u = 0; u < GROUP; u++) q += (v[u] - m) * (v[u] - m);
            } else {
                for (int64_t u = 0; u < k; u++) m += vload_upto(p + u * stride, lanes) - base;
                m /= vset((real)k);
                for (int64_t u = 0; u < k; u++) {
                    vec d = vload_upto(p + u * stride, lanes) - base - m;
                    q += d * d;
                }
            }
            if (r > 0) {
                a = vload_upto(mean + c, lanes);
                b = vload_upto(m2 + c, lanes);
            }
            merge_moments(&a, &b, r, m, q, k);
            vstore_upto(mean + c, a, lanes);
            vstore_upto(m2 + c, b, lanes);
        }
    }
}

#endif
