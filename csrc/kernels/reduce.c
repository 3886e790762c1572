/* Reductions over the middle axis of x (outer, R, inner), and what backward makes of them.
 *
 * A long axis is cut into blocks of fixed size: the kernel writes one result per block, y (outer,
 * B, inner) with B = ceil(R / block), and a second Call reduces those. inner = 1 are rows. */
#include "../rows.h"

#define WIDE 4 /* vectors of a row that are folded together down a column */

enum { OUTER, LENGTH, INNER, BLOCK };

static inline int64_t num_blocks(const fnn_args *a)
{
    return a->n[LENGTH] > 0 ? (a->n[LENGTH] + a->n[BLOCK] - 1) / a->n[BLOCK] : 1;
}

/* the block that result row `item` of (outer, B) covers: where it begins, how long it is */
static inline int64_t block_of(const fnn_args *a, int64_t item, int64_t *first)
{
    *first = item % num_blocks(a) * a->n[BLOCK];
    return least(a->n[BLOCK], a->n[LENGTH] - *first);
}
static inline int64_t offset_of(const fnn_args *a, int64_t item, int64_t first)
{
    return (item / num_blocks(a) * a->n[LENGTH] + first) * a->n[INNER];
}

/* fewer columns than lanes: VL rows are `inner` whole vectors, folded lane by lane at the end */
static inline __attribute__((always_inline)) void narrow_fold(int op, const real *x, int64_t rows,
                                                              int64_t inner, real *y)
{
    const real identity = fold_identity(op);
    vec s[VBYTES / sizeof(real)];
    for (int64_t j = 0; j < inner; j++) s[j] = vset(identity);
    for (int64_t at = 0, j = 0; at < rows * inner; at += VL, j = j + 1 < inner ? j + 1 : 0)
        s[j] =
            fold_merge(op, s[j], fold_value(op, vload_fill(x + at, rows * inner - at, identity)));
    const real *flat = (const real *)s;
    for (int64_t i = 0; i < inner; i++) {
        vec lanes;
        for (int l = 0; l < VL; l++) lanes[l] = flat[l * inner + i];
        y[i] = fold_lanes(op, lanes);
    }
}

static inline __attribute__((always_inline)) void wide_fold(int op, const real *x, int64_t rows,
                                                            int64_t inner, int64_t columns, real *y)
{
    const real identity = fold_identity(op);
    vec total[WIDE], s[WIDE];
    UNROLL for (int u = 0; u < WIDE; u++) total[u] = vset(identity);
    for (int64_t begin = 0; begin < rows; begin += 32) {
        int64_t end = least(begin + 32, rows);
        UNROLL for (int u = 0; u < WIDE; u++) s[u] = vset(identity);
        if (columns == WIDE * VL)
            for (int64_t r = begin; r < end; r++)
                UNROLL for (int u = 0; u < WIDE; u++) s[u] =
                    fold_merge(op, s[u], fold_value(op, vload(x + r * inner + u * VL)));
        else
            for (int64_t r = begin; r < end; r++)
                for (int u = 0; u * VL < columns; u++)
                    s[u] = fold_merge(
                        op, s[u],
                        fold_value(op, vload_upto(x + r * inner + u * VL, columns - u * VL)));
        UNROLL for (int u = 0; u < WIDE; u++) total[u] = fold_merge(op, total[u], s[u]);
    }
    for (int u = 0; u * VL < columns; u++) vstore_upto(y + u * VL, total[u], columns - u * VL);
}

/* y = finish(fold of f(x) over each block), finish(t) = t / s[0], its root where s[1] is set.
 * p: y (outer, B, inner), x (outer, R, inner). n: outer, R, inner, block. s: divisor, root */
static inline __attribute__((always_inline)) void fold(int op, const fnn_args *a, int part,
                                                       int parts)
{
    real *y = a->p[0];
    const real *x = a->p[1];
    int64_t inner = a->n[INNER], items = a->n[OUTER] * num_blocks(a), begin, end, first;
    int64_t cuts = inner < VL ? 1 : (inner + WIDE * VL - 1) / (WIDE * VL);
    share(items * cuts, 1, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k++) {
        int64_t item = k / cuts, c = k % cuts * WIDE * VL, length = block_of(a, item, &first);
        int64_t columns = least(inner - c, WIDE * VL);
        const real *from = x + offset_of(a, item, first) + c;
        real *to = y + item * inner + c;
        if (inner == 1)
            *to = row_fold(op, from, length);
        else if (inner < VL)
            narrow_fold(op, from, length, inner, to);
        else
            wide_fold(op, from, length, inner, columns, to);
        real divisor = (real)a->s[0];
        if (divisor != 1)
            for (int64_t i = 0; i < columns; i++) to[i] /= divisor;
        if (a->s[1] != 0)
            for (int64_t i = 0; i < columns; i++) to[i] = (real)sqrt(to[i]);
    }
}

#define FOLD(name, OP)                                                                             \
    static void name(const fnn_args *a, int part, int parts) { fold(OP, a, part, parts); }
FOLD(sum, FOLD_SUM)
FOLD(sum_squares, FOLD_SQUARES)
FOLD(sum_abs, FOLD_ABS)
FOLD(prod, FOLD_PROD)
FOLD(amax, FOLD_MAX)
FOLD(amin, FOLD_MIN)
FOLD(any, FOLD_ANY) /* 1 or 0 */
FOLD(all, FOLD_ALL)

/* Values and positions of the extremes of each block, counted along R; NaN is the most extreme.
 * p: values, positions (int64) (outer, B, inner), x (outer, R, inner), source: positions (int64)
 * that x itself came from (outer, R, inner), or NULL. n: outer, R, inner, block */
static inline __attribute__((always_inline)) void extreme(int largest, const fnn_args *a, int part,
                                                          int parts)
{
    real *values = a->p[0];
    int64_t *positions = a->p[1];
    const real *x = a->p[2];
    const int64_t *source = a->p[3];
    int64_t inner = a->n[INNER], items = a->n[OUTER] * num_blocks(a), begin, end, first;
    int64_t cuts = (inner + VL - 1) / VL;
    share(items * cuts, 1, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k++) {
        int64_t item = k / cuts, c = k % cuts * VL, length = block_of(a, item, &first);
        int64_t offset = offset_of(a, item, first) + c, columns = least(inner - c, VL);
        const real *from = x + offset;
        real *to = values + item * inner + c;
        if (inner == 1) {
            int64_t *position = positions + item;
            row_extreme(largest, from, length, to, position);
            *position = source ? source[offset + *position] : first + *position;
            continue;
        }
        vec best = vload_upto(from, columns);
        ivec where = {0};
        for (int64_t r = 1; r < length; r++) {
            vec v = vload_upto(from + r * inner, columns);
            mask m = beats(largest, v, best);
            best = vselect(m, v, best);
            where = (m & viset((integer)r)) | (~m & where);
        }
        for (int64_t i = 0; i < columns; i++) {
            int64_t r = where[i];
            to[i] = best[i];
            positions[item * inner + c + i] = source ? source[offset + r * inner + i] : first + r;
        }
    }
}
static void max_position(const fnn_args *a, int part, int parts) { extreme(1, a, part, parts); }
static void min_position(const fnn_args *a, int part, int parts) { extreme(0, a, part, parts); }

/* variance from squared deviations: m2 / max(0, R - correction), its root where s[1] is set */
static inline void finish_variance(const fnn_args *a, real *m2, int64_t count)
{
    double divisor = (double)a->n[LENGTH] - a->s[0];
    for (int64_t i = 0; i < count; i++) {
        real v = m2[i] / (real)(divisor > 0 ? divisor : 0);
        m2[i] = a->s[1] != 0 ? (real)sqrt(v) : v;
    }
}

/* Variance (or its root) and mean; of blocks, where there are several: sum of squared deviations
 * and mean less the first element, which var_merge combines. p: var, mean (outer, B, inner), x
 * (outer, R, inner). n: outer, R, inner, block. s: correction, root */
static void var(const fnn_args *a, int part, int parts)
{
    real *m2 = a->p[0], *mean = a->p[1];
    const real *x = a->p[2];
    int64_t inner = a->n[INNER], items = a->n[OUTER] * num_blocks(a), begin, end, first;
    int64_t cuts = (inner + WIDE * VL - 1) / (WIDE * VL);
    share(items * cuts, 1, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k++) {
        int64_t item = k / cuts, c = k % cuts * WIDE * VL, length = block_of(a, item, &first);
        int64_t to = item * inner + c, columns = least(inner - c, WIDE * VL);
        const real *from = x + offset_of(a, item, first) + c, *pivot = from - first * inner;
        if (inner == 1)
            row_moments(from, length, *pivot, mean + to, m2 + to);
        else
            column_moments(from, pivot, length, inner, columns, mean + to, m2 + to);
        if (num_blocks(a) > 1) continue;
        finish_variance(a, m2 + to, columns);
        for (int64_t i = 0; i < columns; i++) mean[to + i] += pivot[i];
    }
}

/* p: var, mean (outer, inner), m2, means of the blocks (outer, B, inner), x. n, s: as var's */
static void var_merge(const fnn_args *a, int part, int parts)
{
    real *m2 = a->p[0], *mean = a->p[1];
    const real *m2s = a->p[2], *means = a->p[3], *x = a->p[4];
    int64_t inner = a->n[INNER], blocks = num_blocks(a), begin, end;
    share(a->n[OUTER] * inner, 16, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k++) {
        int64_t from = k / inner * blocks * inner + k % inner, n = 0;
        double m = 0, q = 0;
        for (int64_t b = 0; b < blocks; b++, from += inner) {
            int64_t count = least(a->n[BLOCK], a->n[LENGTH] - n);
            double delta = means[from] - m, share_b = (double)count / (double)(n + count);
            m += delta * share_b;
            q += m2s[from] + delta * delta * share_b * (double)n;
            n += count;
        }
        mean[k] = (real)(m + x[k / inner * a->n[LENGTH] * inner + k % inner]);
        m2[k] = (real)q;
        finish_variance(a, m2 + k, 1);
    }
}

/* log of the sum of exponentials: m + log(sum exp(x - m)), m the largest.
 * p: y (outer, inner), x (outer, R, inner). n: outer, R, inner */
static void logsumexp(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const real *x = a->p[1];
    int64_t length = a->n[LENGTH], inner = a->n[INNER], begin, end;
    int64_t cuts = (inner + VL - 1) / VL;
    const vec huge = vset((real)INFINITY);
    share(a->n[OUTER] * cuts, 1, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k++) {
        int64_t c = k % cuts * VL, columns = least(inner - c, VL);
        const real *from = x + k / cuts * length * inner + c;
        vec top = vset(-(real)INFINITY), s = {0};
        if (inner == 1) {
            real t = row_top(from, length), shift = t - t == 0 ? t : 0;
            for (int64_t i = 0; i < length; i += VL)
                s += vkeep(vexp(vload_upto(from + i, length - i) - vset(shift)), length - i);
            top = vset(shift);
            s = vset(vsum(s));
        } else {
            for (int64_t r = 0; r < length; r++)
                top = vmax(vload_upto(from + r * inner, columns), top);
            top = vselect(vabs(top) == huge, (vec){0}, top);
            for (int64_t r = 0; r < length; r++)
                s += vexp(vload_upto(from + r * inner, columns) - top);
        }
        vstore_upto(y + k / cuts * inner + c, top + vlog(s), columns);
    }
}

/* Running sum along R, from its end where n[3] is set, in double precision.
 * p: y, x (outer, R, inner). n: outer, R, inner, reverse */
static void cumsum(const fnn_args *a, int part, int parts)
{
    enum { COLUMNS = 32 };
    int64_t length = a->n[LENGTH], inner = a->n[INNER], begin, end;
    int64_t cuts = (inner + COLUMNS - 1) / COLUMNS;
    share(a->n[OUTER] * cuts, 1, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k++) {
        int64_t at = k / cuts * length * inner + k % cuts * COLUMNS, step = inner;
        int64_t columns = least(inner - k % cuts * COLUMNS, COLUMNS);
        double s[COLUMNS] = {0};
        if (a->n[3]) {
            at += (length - 1) * inner;
            step = -inner;
        }
        for (int64_t r = 0; r < length; r++, at += step) {
            const real *x = (const real *)a->p[1] + at;
            real *y = (real *)a->p[0] + at;
            for (int64_t i = 0; i < columns; i++) y[i] = (real)(s[i] += x[i]);
        }
    }
}

/* What each element gets of the gradient g = s[0] dy / z (z: 1 if NULL; 0 where z is 0):
 * SPREAD g; SPREAD_EXP g exp(x - y); SPREAD_CENTRED g (x - y) (y: 0 if NULL); SPREAD_SIGN g
 * sign(x). p: dx (outer, R, inner), dy (outer, inner), x (outer, R, inner), y, z (outer, inner). n:
 * outer, R, inner. s: scale */
enum { SPREAD, SPREAD_EXP, SPREAD_CENTRED, SPREAD_SIGN };

static inline __attribute__((always_inline)) vec spread_value(int op, vec g, const real *x, vec y,
                                                              int64_t lanes)
{
    if (op == SPREAD) return g;
    vec v = vload_upto(x, lanes);
    if (op == SPREAD_EXP) return g * vexp(v - y);
    if (op == SPREAD_CENTRED) return g * (v - y);
    return vselect(v > (vec){0}, g, vselect(v < (vec){0}, -g, (vec){0}));
}

static inline __attribute__((always_inline)) void spread(int op, const fnn_args *a, int part,
                                                         int parts)
{
    real *dx = a->p[0];
    const real *dy = a->p[1], *x = a->p[2], *y = a->p[3], *z = a->p[4];
    int64_t length = a->n[LENGTH], inner = a->n[INNER], begin, end;
    const vec scale = vset((real)a->s[0]), none = {0};
    if (inner == 1) {
        share(a->n[OUTER] * length, 64, part, parts, &begin, &end);
        while (begin < end) {
            int64_t o = begin / length, stop = least(end, (o + 1) * length);
            vec g = vset(dy[o]) * scale, t = y ? vset(y[o]) : none;
            if (z) g = z[o] == 0 ? none : g / vset(z[o]);
            for (int64_t i = begin; i < stop; i += VL)
                vstore_upto(dx + i, spread_value(op, g, x + i, t, stop - i), stop - i);
            begin = stop;
        }
        return;
    }
    share(a->n[OUTER] * length, 1, part, parts, &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        int64_t at = row * inner, o = row / length * inner;
        for (int64_t i = 0; i < inner; i += VL) {
            int64_t lanes = inner - i;
            vec g = vload_upto(dy + o + i, lanes) * scale;
            vec t = y ? vload_upto(y + o + i, lanes) : none;
            if (z) {
                vec v = vload_upto(z + o + i, lanes);
                g = vselect(v == none, none, g / v);
            }
            vstore_upto(dx + at + i, spread_value(op, g, x + at + i, t, lanes), lanes);
        }
    }
}

#define SPREAD_KERNEL(name, OP)                                                                    \
    static void name(const fnn_args *a, int part, int parts) { spread(OP, a, part, parts); }
SPREAD_KERNEL(sum_backward, SPREAD)
SPREAD_KERNEL(logsumexp_backward, SPREAD_EXP)
SPREAD_KERNEL(centred_backward, SPREAD_CENTRED) /* of variance, standard deviation, 2-norm */
SPREAD_KERNEL(sum_abs_backward, SPREAD_SIGN)

/* The gradient of a selected element goes to its position, all others get 0.
 * p: dx (outer, R, inner), dy (outer, inner), unused, position (int64) (outer, inner). n: outer, R,
 * inner */
static void pick_backward(const fnn_args *a, int part, int parts)
{
    real *dx = a->p[0];
    const real *dy = a->p[1];
    const int64_t *position = a->p[3];
    int64_t length = a->n[LENGTH], inner = a->n[INNER], begin, end;
    share(a->n[OUTER], 1, part, parts, &begin, &end);
    memset(dx + begin * length * inner, 0, (size_t)((end - begin) * length * inner) * sizeof(real));
    for (int64_t k = begin * inner; k < end * inner; k++)
        dx[(k / inner * length + position[k]) * inner + k % inner] = dy[k];
}

/* Equal extremes share the gradient: dx = dy / count where x = y, count = how many are equal.
 * p: dx (outer, R, inner), dy (outer, inner), x, y (outer, inner). n: outer, R, inner */
static void ties_backward(const fnn_args *a, int part, int parts)
{
    enum { COLUMNS = 64 };
    int64_t length = a->n[LENGTH], inner = a->n[INNER], begin, end;
    int64_t cuts = (inner + COLUMNS - 1) / COLUMNS;
    share(a->n[OUTER] * cuts, 1, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k++) {
        int64_t o = k / cuts, c = k % cuts * COLUMNS, columns = least(inner - c, COLUMNS);
        real *dx = (real *)a->p[0] + o * length * inner + c;
        const real *dy = (const real *)a->p[1] + o * inner + c;
        const real *x = (const real *)a->p[2] + o * length * inner + c;
        const real *y = (const real *)a->p[3] + o * inner + c;
        int64_t count[COLUMNS] = {0};
        for (int64_t r = 0; r < length; r++)
            for (int64_t i = 0; i < columns; i++) count[i] += x[r * inner + i] == y[i];
        for (int64_t r = 0; r < length; r++)
            for (int64_t i = 0; i < columns; i++)
                dx[r * inner + i] = x[r * inner + i] == y[i] ? dy[i] / (real)count[i] : 0;
    }
}

/* dx = dy times the product of all the other elements, so that zeros in x are no special case.
 * p: dx (outer, R, inner), dy (outer, inner), x (outer, R, inner). n: outer, R, inner */
static void prod_backward(const fnn_args *a, int part, int parts)
{
    int64_t length = a->n[LENGTH], inner = a->n[INNER], begin, end;
    share(a->n[OUTER] * inner, 1, part, parts, &begin, &end);
    for (int64_t k = begin; k < end; k++) {
        int64_t at = k / inner * length * inner + k % inner;
        real *dx = (real *)a->p[0] + at;
        const real *x = (const real *)a->p[2] + at;
        real before = ((const real *)a->p[1])[k], after = 1;
        for (int64_t r = 0; r < length; r++) {
            dx[r * inner] = before;
            before *= x[r * inner];
        }
        for (int64_t r = length - 1; r >= 0; r--) {
            dx[r * inner] *= after;
            after *= x[r * inner];
        }
    }
}

FNN_EXPORT(reduce, FNN_REDUCE)
