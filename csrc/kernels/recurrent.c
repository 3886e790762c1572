/* Recurrent layers: one direction of one layer through all of time, forward and backward.
 *
 * A part takes rows of the batch, and goes through time with them on its own: nobody waits.
 * Letters: T time, N batch, H cells, P size of h (H, or the projection's), G gates per cell. A
 * "row" is one (time, batch) pair: of a tensor (rows, width) it is t * n[6] + b * n[7], or, with
 * batch_sizes(T), the b-th behind all rows of earlier times (PyTorch's PackedSequence). */
#include "../ending.h"
#include "../recurrent.h"
#include "../vmath.h"
#include "packed.h"

#define ROWS FNN_RECURRENT_ROWS

/* panels(k, NR): the same block of columns of each group side by side; behind them a bias, or
 * zeros. p: panels, w(k, groups * cols), bias(groups * cols) or null n: k, cols, groups, row step
 * and column step of w: one of them is 1 */
static void recurrent_pack(const fnn_args *a, int part, int parts)
{
    const int64_t k = a->n[0], cols = a->n[1], groups = a->n[2], row = a->n[3], col = a->n[4];
    const int64_t total = (cols + NR - 1) / NR * groups;
    real *panels = a->p[0], *biases = panels + total * k * NR;
    const real *w = a->p[1], *bias = a->p[2];
    int64_t begin, end;
    share(total, 1, part, parts, &begin, &end);
    for (int64_t q = begin; q < end; q++) {
        const int64_t first = q / groups * NR, width = least(NR, cols - first);
        const int64_t at = q % groups * cols + first;
        pack_panel(panels + q * k * NR, w + at * col, row, col, k, width);
        for (int64_t j = 0; j < NR; j++) biases[q * NR + j] = bias && j < width ? bias[at + j] : 0;
    }
}

struct layer {
    int64_t T, N, H, P, G;
    int mode, reverse;
    int64_t time_step, batch_step, saved_width, state_width, total;
    const int64_t *sizes;
};

static struct layer layer_of(const int64_t *n, const int64_t *sizes)
{
    struct layer l = {.T = n[0], .N = n[1], .H = n[2], .P = n[3], .mode = (int)n[4]};
    l.reverse = (int)n[5], l.time_step = n[6], l.batch_step = n[7];
    l.saved_width = n[8], l.state_width = n[9], l.total = n[10], l.sizes = sizes;
    l.G = l.mode == FNN_RNN_LSTM ? 4 : l.mode == FNN_RNN_GRU ? 3 : 1;
    return l;
}

/* Time's way: how many of rows r0..r0+rows are there at its step number `s`, and the first's place.
 * `ahead` is 0 at the first step. */
static int64_t rows_at(const struct layer *l, int upwards, int64_t s, int64_t r0, int64_t rows,
                       int64_t *ahead, int64_t *first)
{
    const int64_t t = upwards ? s : l->T - 1 - s;
    if (!l->sizes) {
        *first = t * l->time_step + r0 * l->batch_step;
        return rows;
    }
    const int64_t begin = upwards ? *ahead : l->total - *ahead - l->sizes[t];
    *ahead += l->sizes[t];
    *first = begin + r0;
    return least(rows, l->sizes[t] - r0 > 0 ? l->sizes[t] - r0 : 0);
}

/* --- forward -------------------------------------------------------------------------------------
 */

/* One vector of cells: x: what came in, G vectors H apart, replaced by the gates; pre: what the
 * state adds, G vectors ROWS * NR apart; h: this row's state (and c behind it, at h + P); lanes:
 * how many exist. Returns the cells' output; keeps in `saved` what backward wants. */
INLINE vec cell_forward(int mode, real *x, const real *pre, real *h, real *saved, int64_t H,
                        int64_t P, int64_t at, int64_t lanes)
{
    vec v[4];
    const int G = mode == FNN_RNN_LSTM ? 4 : mode == FNN_RNN_GRU ? 3 : 1;
    for (int g = 0; g < G; g++) v[g] = vload_upto(x + g * H + at, lanes);
    for (int g = 0; g < G; g++)
        if (mode != FNN_RNN_GRU || g < 2) v[g] += vload(pre + g * ROWS * NR);
    if (mode == FNN_RNN_RELU) {
        v[0] = vselect(v[0] < R(0), (vec){0}, v[0]);
    } else if (mode == FNN_RNN_TANH) {
        v[0] = vtanh(v[0]);
    } else if (mode == FNN_RNN_LSTM) {
        v[0] = vsigmoid(v[0]), v[1] = vsigmoid(v[1]), v[2] = vtanh(v[2]), v[3] = vsigmoid(v[3]);
    } else {
        const vec inner = vload(pre + 2 * ROWS * NR);
        v[0] = vsigmoid(v[0]), v[1] = vsigmoid(v[1]);
        v[2] = vtanh(v[2] + v[0] * inner);
        if (saved) vstore_upto(saved + P + at, inner, lanes);
    }
    for (int g = 0; g < G; g++) vstore_upto(x + g * H + at, v[g], lanes);
    if (mode == FNN_RNN_LSTM) {
        const vec before = vload_upto(h + P + at, lanes), c = v[1] * before + v[0] * v[2];
        const vec t = vtanh(c);
        vstore_upto(h + P + at, c, lanes);
        if (saved) {
            vstore_upto(saved + P + at, before, lanes);
            vstore_upto(saved + P + H + at, t, lanes);
        }
        return v[3] * t;
    }
    if (mode == FNN_RNN_GRU) return v[2] + v[1] * (vload_upto(h + at, lanes) - v[2]);
    return v[0];
}

/* all cells of `rows` rows at one time: outputs to `out` */
INLINE void cells_forward(int mode, const struct layer *l, int64_t rows, real *gates, real *out,
                          int64_t out_row, real *state, real *saved, real *pre, const real *packed)
{
    const int64_t H = l->H, P = l->P, G = l->G, step = l->batch_step;
    const real *bias = packed + (H + NR - 1) / NR * G * P * NR;
    for (int64_t j = 0; j < H; j += NR) {
        const int64_t width = least(NR, H - j), vecs = (width + VL - 1) / VL;
        for (int64_t g = 0; g < G; g++, packed += P * NR, bias += NR)
            times_panel(pre + g * ROWS * NR, NR, state, l->state_width, 1, rows, vecs * VL, P,
                        packed, NR, bias, 0);
        for (int64_t r = 0; r < rows; r++) {
            /* rows of gates lie far apart: the next but one is asked for */
            for (int64_t g = 0; g < G && r + 2 < rows; g++)
                for (int byte = 0; byte < NV * VBYTES; byte += 64)
                    __builtin_prefetch((char *)(gates + ((r + 2) * step * G + g) * H + j) + byte);
            real *keep = saved ? saved + r * step * l->saved_width : 0;
            EACH_VECTOR(v, 0, width, lanes, {
                const vec y = cell_forward(mode, gates + r * step * G * H, pre + r * NR + v,
                                           state + r * l->state_width, keep, H, P, j + v, lanes);
                vstore_upto(out + r * out_row + j + v, y, lanes);
            });
        }
    }
}

/* h(t) = W_hr m, or m;  m = cell(x(t) + W_hh h(t-1) + b_hh)
 *
 *   RNN   m = relu or tanh
 *   LSTM  i, f, g, o = sigmoid, sigmoid, tanh, sigmoid;  c = f c' + i g;  m = o tanh(c)
 *   GRU   r, z = sigmoid, sigmoid;  n = tanh(x_n + r (W_hn h' + b_hn));  m = (1 - z) n + z h'
 *
 * p: y(rows, P), state(N, width) [h, LSTM: c]: initial, then final; gates(rows, G H): the inputs'
 *    products with W_ih, then the gates; saved(rows, width) or null [h', LSTM: c', tanh c, and m
 *    where there is a projection; GRU: W_hn h' + b_hn]; scratch; W_hh packed (k = P, G groups of H)
 *    with b_hh; W_hr packed (k = H) or null; batch_sizes(T) int64 or null; state and gates again
 * n: T, N, H, P, mode, backwards in time, rows per step in time and in the batch, widths of saved
 *    and state, rows in all
 * Source: Hochreiter and Schmidhuber (1997); Cho et al. (2014); torch.nn.LSTM, GRU, RNN */
static void recurrent_forward(const fnn_args *a, int part, int parts)
{
    const struct layer l = layer_of(a->n, a->p[7]);
    const int64_t H = l.H, P = l.P, G = l.G, step = l.batch_step;
    real *y = a->p[0], *state = a->p[1], *gates = a->p[2], *saved = a->p[3];
    real *pre = (real *)a->p[4] + part * fnn_recurrent_scratch(H, G);
    real *cells = pre + fnn_recurrent_scratch(H, G) - ROWS * H;
    const real *packed = a->p[5], *projection = a->p[6];
    int64_t begin, end;
    share(l.N, 1, part, parts, &begin, &end);
    for (int64_t r0 = begin; r0 < end; r0 += ROWS) {
        int64_t ahead = 0, first;
        for (int64_t s = 0; s < l.T; s++) {
            if (fnn_ending()) return;
            const int64_t rows =
                rows_at(&l, !l.reverse, s, r0, least(ROWS, end - r0), &ahead, &first);
            real *h = state + r0 * l.state_width, *to = y + first * P, *x = gates + first * G * H;
            real *keep = saved ? saved + first * l.saved_width : 0;
            real *m = projection ? cells : to;
            const int64_t m_row = projection ? H : step * P;
            for (int64_t r = 0; r < rows && keep; r++)
                memcpy(keep + r * step * l.saved_width, h + r * l.state_width,
                       (size_t)P * sizeof(real));
            if (l.mode == FNN_RNN_LSTM)
                cells_forward(FNN_RNN_LSTM, &l, rows, x, m, m_row, h, keep, pre, packed);
            else if (l.mode == FNN_RNN_GRU)
                cells_forward(FNN_RNN_GRU, &l, rows, x, m, m_row, h, keep, pre, packed);
            else if (l.mode == FNN_RNN_TANH)
                cells_forward(FNN_RNN_TANH, &l, rows, x, m, m_row, h, keep, pre, packed);
            else
                cells_forward(FNN_RNN_RELU, &l, rows, x, m, m_row, h, keep, pre, packed);
            if (projection) {
                times_packed(to, step * P, cells, H, 1, rows, P, H, projection, 0, 0);
                for (int64_t r = 0; r < rows && keep; r++)
                    memcpy(keep + r * step * l.saved_width + P + 2 * H, cells + r * H,
                           (size_t)H * sizeof(real));
            }
            for (int64_t r = 0; r < rows; r++)
                memcpy(h + r * l.state_width, to + r * step * P, (size_t)P * sizeof(real));
        }
    }
}

/* --- backward ------------------------------------------------------------------------------------
 */

/* One vector of cells: dm: gradient of their output; ds: this row's gradient of the state, to be
 * replaced by what the cells themselves hand back; d, e: gradients of the pre-activations as the
 * inputs and as the state see them (they differ in GRU's last gate alone) */
INLINE void cell_backward(int mode, vec dm, const real *gates, const real *saved, real *ds, vec *d,
                          vec *e, int64_t H, int64_t P, int64_t at, int64_t lanes)
{
    const vec one = vset(R(1));
    vec v[4];
    const int G = mode == FNN_RNN_LSTM ? 4 : mode == FNN_RNN_GRU ? 3 : 1;
    for (int g = 0; g < G; g++) v[g] = vload_upto(gates + g * H + at, lanes);
    if (mode == FNN_RNN_RELU) {
        d[0] = vselect(v[0] <= R(0), (vec){0}, dm);
    } else if (mode == FNN_RNN_TANH) {
        d[0] = dm * (one - v[0] * v[0]);
    } else if (mode == FNN_RNN_LSTM) {
        const vec before = vload_upto(saved + P + at, lanes);
        const vec t = vload_upto(saved + P + H + at, lanes);
        const vec dc = vload_upto(ds + P + at, lanes) + dm * v[3] * (one - t * t);
        d[0] = dc * v[2] * v[0] * (one - v[0]);
        d[1] = dc * before * v[1] * (one - v[1]);
        d[2] = dc * v[0] * (one - v[2] * v[2]);
        d[3] = dm * t * v[3] * (one - v[3]);
        vstore_upto(ds + P + at, dc * v[1], lanes);
    } else {
        const vec before = vload_upto(saved + at, lanes), inner = vload_upto(saved + P + at, lanes);
        d[2] = dm * (one - v[1]) * (one - v[2] * v[2]);
        d[1] = dm * (before - v[2]) * v[1] * (one - v[1]);
        d[0] = d[2] * inner * v[0] * (one - v[0]);
        vstore_upto(ds + at, dm * v[1], lanes);
    }
    for (int g = 0; g < G; g++) e[g] = d[g];
    if (mode == FNN_RNN_GRU) e[2] = d[2] * v[0];
}

/* all cells of `rows` rows at one time; m: gradients of their outputs, m_row apart; null: those of
 * y (or nothing) and of the state together */
INLINE void cells_backward(int mode, const struct layer *l, int64_t rows, const real *m,
                           const real *dy, const real *gates, const real *saved, real *state,
                           real *dx, real *dh, real *copy)
{
    const int64_t H = l->H, P = l->P, G = l->G, step = l->batch_step, wide = G * H;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t row = r * step;
        real *ds = state + r * l->state_width;
        EACH_VECTOR(j, 0, H, lanes, {
            vec d[4] = {{0}, {0}, {0}, {0}}, e[4] = {{0}, {0}, {0}, {0}}, dm;
            if (m) {
                dm = vload_upto(m + r * H + j, lanes);
            } else {
                dm = vload_upto(ds + j, lanes);
                if (dy) dm += vload_upto(dy + row * P + j, lanes);
            }
            cell_backward(mode, dm, gates + row * wide, saved + row * l->saved_width, ds, d, e, H,
                          P, j, lanes);
            for (int64_t g = 0; g < G; g++) {
                vstore_upto(dx + row * wide + g * H + j, d[g], lanes);
                vstore_upto(copy + r * (wide + FNN_RECURRENT_PAD) + g * H + j, e[g], lanes);
                if (mode == FNN_RNN_GRU) vstore_upto(dh + row * wide + g * H + j, e[g], lanes);
            }
        });
    }
}

/* Gradients of the pre-activations at all times, and of the initial state.
 * p: d(rows, G H) [GRU: then (rows, G H) as the state sees them; with a projection: then (rows, P),
 *    the gradient of h]; state's gradient (N, width): final, then initial; scratch; dy(rows, P) or
 *    null; gates and saved, as recurrent_forward leaves them; W_hh packed (k = G H, one group of
 * P); W_hr packed (k = P, one group of H) or null; batch_sizes(T) or null; the state's gradient
 * again n: as recurrent_forward */
static void recurrent_backward(const fnn_args *a, int part, int parts)
{
    const struct layer l = layer_of(a->n, a->p[8]);
    const int64_t H = l.H, P = l.P, wide = l.G * H, step = l.batch_step, width = l.state_width;
    real *d = a->p[0], *second = d + l.total * wide, *state = a->p[1];
    real *copy = (real *)a->p[2] + part * fnn_recurrent_scratch(H, l.G);
    real *cells = copy + fnn_recurrent_scratch(H, l.G) - ROWS * H;
    const real *dy = a->p[3], *gates = a->p[4], *saved = a->p[5];
    const real *packed = a->p[6], *projection = a->p[7];
    int64_t begin, end;
    share(l.N, 1, part, parts, &begin, &end);
    for (int64_t r0 = begin; r0 < end; r0 += ROWS) {
        int64_t ahead = 0, first;
        for (int64_t s = 0; s < l.T; s++) {
            if (fnn_ending()) return;
            const int64_t rows =
                rows_at(&l, l.reverse, s, r0, least(ROWS, end - r0), &ahead, &first);
            const real *in = dy ? dy + first * P : 0, *keep = saved + first * l.saved_width;
            const real *v = gates + first * wide, *m = projection ? cells : 0;
            real *ds = state + r0 * width, *dx = d + first * wide, *dh = second + first * wide;
            if (projection) {
                real *to = second + first * P;
                for (int64_t r = 0; r < rows; r++)
                    for (int64_t j = 0; j < P; j += VL) {
                        vec sum = vload_upto(ds + r * width + j, P - j);
                        if (in) sum += vload_upto(in + r * step * P + j, P - j);
                        vstore_upto(to + r * step * P + j, sum, P - j);
                    }
                times_packed(cells, H, to, step * P, 1, rows, H, P, projection, 0, 0);
            }
            if (l.mode == FNN_RNN_LSTM)
                cells_backward(FNN_RNN_LSTM, &l, rows, m, in, v, keep, ds, dx, dh, copy);
            else if (l.mode == FNN_RNN_GRU)
                cells_backward(FNN_RNN_GRU, &l, rows, m, in, v, keep, ds, dx, dh, copy);
            else if (l.mode == FNN_RNN_TANH)
                cells_backward(FNN_RNN_TANH, &l, rows, m, in, v, keep, ds, dx, dh, copy);
            else
                cells_backward(FNN_RNN_RELU, &l, rows, m, in, v, keep, ds, dx, dh, copy);
            times_packed(ds, width, copy, wide + FNN_RECURRENT_PAD, 1, rows, P, wide, packed,
                         l.mode == FNN_RNN_GRU ? ds : 0, width);
        }
    }
}

FNN_EXPORT(recurrent, FNN_RECURRENT)
