/* Margin losses of classes: each class whose score comes too near to the right one's costs.
 *
 * Letters: N rows, C classes. One number per row; loss_fold adds them up. */
#include "../rows.h"

/* what a row's class adds: max(0, z), squared if p = 2, and its derivative by z */
static inline vec violation(vec z, int square)
{
    const vec zero = {0};
    z = vselect(z > zero, z, zero * z); /* keeps a NaN */
    return square ? z * z : z;
}
static inline vec violation_slope(vec z, int square)
{
    const vec zero = {0};
    return vselect(z > zero, square ? z + z : vset(1), zero * z);
}

/* multi_margin: loss = w_t sum_{c != t} max(0, margin - x_t + x_c)^p / divisor.
 * p: loss (N), x (N, C), target (N), w (C) or NULL.  n: N, C, p.  s: margin, divisor
 * Source: torch.nn.MultiMarginLoss; Weston and Watkins (1999) for divisor 1 */
static void multi_margin_forward(const fnn_args *a, int part, int parts)
{
    real *loss = a->p[0];
    const real *x = a->p[1], *w = a->p[3];
    const int64_t *target = a->p[2], C = a->n[1];
    const int square = a->n[2] == 2;
    const real margin = (real)a->s[0], divisor = (real)a->s[1];
    const real own = square ? margin * margin : margin;
    int64_t begin, end;
    share(a->n[0], 16, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        const real *row = x + i * C;
        const vec shift = vset(margin - row[target[i]]);
        vec s = {0};
        for (int64_t c = 0; c < C; c += VL)
            s += vkeep(violation(shift + vload_upto(row + c, C - c), square), C - c);
        const real sum = vsum(s) - (margin > 0 ? own : 0); /* the right class's own margin */
        loss[i] = (w ? w[target[i]] : 1) * sum / divisor;
    }
}

/* p: dx (N, C), dy (N) or one number if n[3] = 0, scale (1) or NULL, x, target, w or NULL.
 * n: N, C, p, dy's step.  s: margin, divisor */
static void multi_margin_backward(const fnn_args *a, int part, int parts)
{
    const real *dy = a->p[1], *x = a->p[3], *w = a->p[5];
    const int64_t *target = a->p[4], C = a->n[1];
    const int square = a->n[2] == 2;
    const real margin = (real)a->s[0], divisor = (real)a->s[1];
    const real scale = a->p[2] ? *(const real *)a->p[2] : 1;
    int64_t begin, end;
    share(a->n[0], 1, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        real *dx = (real *)a->p[0] + i * C;
        const real *row = x + i * C;
        const real g = dy[i * a->n[3]] * scale * (w ? w[target[i]] : 1) / divisor;
        const vec shift = vset(margin - row[target[i]]);
        vec s = {0};
        for (int64_t c = 0; c < C; c += VL) {
            vec v = vset(g) * violation_slope(shift + vload_upto(row + c, C - c), square);
            s += vkeep(v, C - c);
            vstore_upto(dx + c, v, C - c);
        }
        dx[target[i]] -= vsum(s);
    }
}

/* multilabel_margin: loss = sum over labels j and other classes c of max(0, 1 - x_j + x_c) / C;
 * labels are those before the first -1.
 * p: loss (N), is_label (N, C) of 0 and 1, x (N, C), target (N, C).  n: N, C
 * Source: torch.nn.MultiLabelMarginLoss */
static void multilabel_margin_forward(const fnn_args *a, int part, int parts)
{
    const int64_t C = a->n[1];
    int64_t begin, end;
    share(a->n[0], 1, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        real *is_label = (real *)a->p[1] + i * C;
        const real *row = (const real *)a->p[2] + i * C;
        const int64_t *target = (const int64_t *)a->p[3] + i * C;
        vec s = {0};
        memset(is_label, 0, (size_t)C * sizeof(real));
        for (int64_t j = 0; j < C && target[j] >= 0; j++) is_label[target[j]] = 1;
        for (int64_t j = 0; j < C && target[j] >= 0; j++) {
            const vec shift = vset(1 - row[target[j]]);
            for (int64_t c = 0; c < C; c += VL) {
                vec v = violation(shift + vload_upto(row + c, C - c), 0);
                s += vkeep(v * (vset(1) - vload_upto(is_label + c, C - c)), C - c);
            }
        }
        ((real *)a->p[0])[i] = vsum(s) / (real)C;
    }
}

/* p: dx (N, C), dy (N) or one number if n[3] = 0, scale (1) or NULL, x, target, is_label.
 * n: N, C, unused, dy's step */
static void multilabel_margin_backward(const fnn_args *a, int part, int parts)
{
    const real *dy = a->p[1], scale = a->p[2] ? *(const real *)a->p[2] : 1;
    const int64_t C = a->n[1];
    int64_t begin, end;
    share(a->n[0], 1, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        real *dx = (real *)a->p[0] + i * C;
        const real *row = (const real *)a->p[3] + i * C, *is_label = (const real *)a->p[5] + i * C;
        const int64_t *target = (const int64_t *)a->p[4] + i * C;
        const vec g = vset(dy[i * a->n[3]] * scale / (real)C);
        memset(dx, 0, (size_t)C * sizeof(real));
        for (int64_t j = 0; j < C && target[j] >= 0; j++) {
            const vec shift = vset(1 - row[target[j]]);
            vec s = {0};
            for (int64_t c = 0; c < C; c += VL) {
                const vec other = vset(1) - vload_upto(is_label + c, C - c);
                vec v = g * other * violation_slope(shift + vload_upto(row + c, C - c), 0);
                s += vkeep(v, C - c);
                vstore_upto(dx + c, vload_upto(dx + c, C - c) + v, C - c);
            }
            dx[target[j]] -= vsum(s);
        }
    }
}

FNN_EXPORT(margin_loss, FNN_MARGIN_LOSS)
