/* Attention by blocks: the matrix of all scores is never stored.
 *
 * Letters: B batch, H heads, L queries, S keys, E size of a query or key, EV of a value. The last
 * dimension of q, k, v, y and of their gradients has step 1; a gradient has the steps of its
 * tensor. One thread computes a block of queries (forward), or all of one head of keys (backward),
 * in an order that depends on the shapes alone. */
#include "../attention.h"
#include "../ending.h"
#include "../philox.h"
#include "../vmath.h"
#include "packed.h"

#define QUERIES FNN_ATTENTION_ROWS
#define KEYS FNN_ATTENTION_COLS
#define ROW (KEYS + FNN_ATTENTION_PAD) /* step of a block of scores */

struct attention {
    const int64_t *n;
    int64_t L, S, E, EV;
    const void *mask;
    int64_t seed, stream;
    real scale, keep;
};

static struct attention attention_of(const fnn_args *a, const void *mask)
{
    const int64_t *n = a->n;
    struct attention t = {.n = n, .L = n[FNN_ATT_L], .S = n[FNN_ATT_S], .E = n[FNN_ATT_E]};
    t.EV = n[FNN_ATT_EV], t.mask = mask;
    t.scale = (real)a->s[0], t.keep = (real)a->s[1];
    return t;
}

static inline int64_t place(const int64_t *steps, int64_t batch, int64_t head)
{
    return batch * steps[0] + head * steps[1];
}

/* C(m, n) = init + A(m, k) B(k, n), B's rows contiguous; space: for a copy of B with whole vectors
 */
static void times(real *c, int64_t c_row, const real *a, int64_t a_row, int64_t a_col, int64_t m,
                  int64_t n, int64_t k, const real *b, int64_t b_row, const real *init,
                  int64_t init_row, real *space)
{
    if (n % VL) {
        pack_panels(space, b, b_row, 1, k, n);
        times_packed(c, c_row, a, a_row, a_col, m, n, k, space, init, init_row);
        return;
    }
    for (int64_t j = 0; j < n; j += NR)
        times_panel(c + j, c_row, a, a_row, a_col, m, least(NR, n - j), k, b + j, b_row,
                    init ? init + j : init, init_row);
}

/* bytes j ... of a row of a mask, `step` apart, as integers; zeros behind the first n */
static inline ivec bytes_at(const int8_t *m, int64_t step, int64_t j, int64_t n)
{
    typedef int8_t bytes __attribute__((vector_size(VL)));
    bytes b = {0};
    if (step == 1 && n >= VL)
        memcpy(&b, m + j, VL);
    else
        for (int64_t lane = 0; lane < least(VL, n); lane++) b[lane] = m[(j + lane) * step];
    return __builtin_convertvector(b, ivec);
}

/* one row of a block of scores: scaled, masked; -infinity where a key is not to be looked at, and
 * behind the last of `cols` keys. `row` and `first` number the query and the first key. */
static void finish_scores(const struct attention *t, real *s, int64_t batch, int64_t head,
                          int64_t row, int64_t first, int64_t cols)
{
    const int64_t *step = t->n + FNN_ATT_MASK, kind = t->n[FNN_ATT_MASK_KIND];
    const int64_t at = batch * step[0] + head * step[1] + row * step[2] + first * step[3];
    const int64_t seen = t->n[FNN_ATT_CAUSAL] ? least(cols, row + 1 - first) : cols;
    const vec scale = vset(t->scale), never = vset(-(real)INFINITY);
    for (int64_t j = 0; j < cols; j += VL) {
        vec x = vload(s + j) * scale;
        if (kind == 2) {
            const real *m = (const real *)t->mask + at;
            x += step[3] ? vload_upto(m + j, cols - j) : vset(m[0]);
        } else if (kind == 1) {
            const ivec allowed = bytes_at((const int8_t *)t->mask + at, step[3], j, cols - j);
            x = vselect(allowed != 0, x, never);
        }
        vstore(s + j, j + VL <= seen ? x : vselect(vfirst(seen - j < 0 ? 0 : seen - j), x, never));
    }
}

/* the factors 0 or 1 / (1 - p) of keys first .. first + cols of one row */
static void factors_of(const struct attention *t, int64_t row, int64_t first, int64_t cols,
                       real *factor)
{
    const int64_t chunk = row * fnn_attention_chunks(t->S) + first / PHILOX_CHUNK;
    for (int64_t j = 0; j < cols; j += PHILOX_CHUNK)
        dropout_factors(t->seed, t->stream, chunk + j / PHILOX_CHUNK,
                        (uint64_t)t->n[FNN_ATT_THRESHOLD], t->keep, factor + j);
}

static inline int64_t whole_vectors(int64_t cols) { return (cols + VL - 1) / VL * VL; }

/* Online softmax of a block: scores become exp(s - top), the rows' tops and sums follow, and what
 * was added up in y so far is scaled to the new top. Source: Milakov and Gimelshein (2018); Rabe
 * and Staats (2021) */
static void soften(const struct attention *t, real *scores, int64_t rows, int64_t cols, real *top,
                   real *sum, real *y, int64_t y_row, int64_t number, int64_t first)
{
    real factor[KEYS];
    for (int64_t r = 0; r < rows; r++) {
        real *s = scores + r * ROW;
        vec highest = vset(top[r]), total = {0};
        for (int64_t j = 0; j < cols; j += VL) highest = vmax(vload(s + j), highest);
        const real now = vtop(highest);
        const vec base = vset(now == -(real)INFINITY ? 0 : now);
        if (t->n[FNN_ATT_THRESHOLD]) factors_of(t, number + r, first, cols, factor);
        for (int64_t j = 0; j < cols; j += VL) {
            const vec e = vexp_flush(vload(s + j) - base);
            total += e;
            vstore(s + j, t->n[FNN_ATT_THRESHOLD] ? e * vload(factor + j) : e);
        }
        if (first) {
            const vec shrink = vexp_flush(vset(top[r]) - base);
            for (int64_t j = 0; j < t->EV; j += VL)
                vstore_upto(y + r * y_row + j, vload_upto(y + r * y_row + j, t->EV - j) * shrink,
                            t->EV - j);
            sum[r] *= shrink[0];
        }
        sum[r] += vsum(total);
        top[r] = now;
    }
}

/* y = softmax(scale q k^T + mask) v: each query's mean of the values, weighed by its keys.
 * p: y, stats(B H L) [log of the sum of exponents; +infinity where a query sees no key] with the
 *    ticket of dropout (two int64) behind it, scratch, q(B, H, L, E), k(B, HK, S, E),
 *    v(B, HK, S, EV), mask or null      n: enum fnn_attention     s: scale, 1 / (1 - p)
 * Head h looks at head h HK / H of the keys. A query that sees no key gives zeros.
 * Source: Vaswani et al. (2017); torch.nn.functional.scaled_dot_product_attention */
static void attention_forward(const fnn_args *a, int part, int parts)
{
    struct attention t = attention_of(a, a->p[6]);
    const int64_t *n = a->n, H = n[FNN_ATT_HEADS], blocks = (t.L + QUERIES - 1) / QUERIES;
    const int64_t group = H / n[FNN_ATT_KV_HEADS], rows_all = n[FNN_ATT_BATCH] * H * t.L;
    const int64_t q_row = n[FNN_ATT_Q + 2], k_row = n[FNN_ATT_K + 2], v_row = n[FNN_ATT_V + 2];
    const int64_t y_row = n[FNN_ATT_Y + 2];
    real *stats = a->p[1], *scores = (real *)a->p[2] + part * fnn_attention_scratch(t.E, t.EV);
    real *keys = scores + 2 * QUERIES * ROW, *space = keys + (t.E + t.EV) * KEYS;
    int64_t *ticket = (int64_t *)(stats + (rows_all + 1) / 2 * 2);
    int64_t begin, end;
    t.seed = n[FNN_SEED], t.stream = n[FNN_STREAM];
    if (part == 0 && n[FNN_ATT_THRESHOLD]) ticket[0] = t.seed, ticket[1] = t.stream;
    share(n[FNN_ATT_BATCH] * H * blocks, 1, part, parts, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t i = unit % blocks * QUERIES, head = unit / blocks % H;
        const int64_t batch = unit / blocks / H, number = (batch * H + head) * t.L + i;
        const int64_t rows = least(QUERIES, t.L - i);
        const int64_t S = n[FNN_ATT_CAUSAL] ? least(t.S, i + rows) : t.S;
        const real *q = (real *)a->p[3] + place(n + FNN_ATT_Q, batch, head) + i * q_row;
        const real *k = (real *)a->p[4] + place(n + FNN_ATT_K, batch, head / group);
        const real *v = (real *)a->p[5] + place(n + FNN_ATT_V, batch, head / group);
        real *y = (real *)a->p[0] + place(n + FNN_ATT_Y, batch, head) + i * y_row;
        real top[QUERIES], sum[QUERIES];
        for (int64_t r = 0; r < rows; r++) top[r] = -(real)INFINITY, sum[r] = 0;
        for (int64_t j = 0; j < S; j += KEYS) {
            if (fnn_ending()) return;
            const int64_t cols = least(KEYS, S - j), wide = whole_vectors(cols);
            pack_panels(keys, k + j * k_row, 1, k_row, t.E, cols);
            times_packed(scores, ROW, q, q_row, 1, rows, wide, t.E, keys, 0, 0);
            for (int64_t r = 0; r < rows; r++)
                finish_scores(&t, scores + r * ROW, batch, head, i + r, j, cols);
            soften(&t, scores, rows, cols, top, sum, y, y_row, number, j);
            times(y, y_row, scores, ROW, 1, rows, t.EV, cols, v + j * v_row, v_row, j ? y : 0,
                  y_row, space);
        }
        for (int64_t r = 0; r < rows; r++) {
            const int none = sum[r] == 0;
            const vec inverse = vset(1 / sum[r]);
            for (int64_t j = 0; j < t.EV; j += VL) {
                const vec x = none ? (vec){0} : vload_upto(y + r * y_row + j, t.EV - j) * inverse;
                vstore_upto(y + r * y_row + j, x, t.EV - j);
            }
            stats[number + r] = none ? (real)INFINITY : top[r] + vlog(vset(sum[r]))[0];
        }
    }
}

static inline real dot(const real *x, const real *y, int64_t n)
{
    vec s = {0};
    for (int64_t j = 0; j < n; j += VL) s += vload_upto(x + j, n - j) * vload_upto(y + j, n - j);
    return vsum(s);
}

/* scores -> the weights that went to the values (dropout included), dp -> gradient of q k^T */
static void weigh(const struct attention *t, real *scores, real *dp, int64_t rows, int64_t cols,
                  const real *stats, const real *y, int64_t y_row, const real *dy, int64_t number,
                  int64_t first)
{
    real factor[KEYS];
    for (int64_t r = 0; r < rows; r++) {
        real *s = scores + r * ROW, *d = dp + r * ROW;
        const vec base = vset(stats[r]), mean = vset(dot(y + r * y_row, dy + r * y_row, t->EV));
        if (t->n[FNN_ATT_THRESHOLD]) factors_of(t, number + r, first, cols, factor);
        for (int64_t j = 0; j < cols; j += VL) {
            const vec p = vexp_flush(vload(s + j) - base);
            vec used = p, g = vload(d + j);
            if (t->n[FNN_ATT_THRESHOLD]) {
                const vec f = vload(factor + j);
                used *= f;
                g *= f;
            }
            vstore(s + j, used);
            vstore(d + j, p * (g - mean) * t->scale);
        }
    }
}

static void clear_rows(real *x, int64_t row, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++) memset(x + r * row, 0, (size_t)cols * sizeof(real));
}

/* Gradients of q, k and v, from scores that are computed again.
 * p: dq, dk and dv (one memory, n says where each begins), scratch, dy (steps of y), q, k, v, y,
 *    stats with the ticket, mask or null      n, s: as attention_forward
 * Source: Dao et al. (2022), algorithm 4 */
static void attention_backward(const fnn_args *a, int part, int parts)
{
    struct attention t = attention_of(a, a->p[8]);
    const int64_t *n = a->n, H = n[FNN_ATT_HEADS], HK = n[FNN_ATT_KV_HEADS], group = H / HK;
    const int64_t q_row = n[FNN_ATT_Q + 2], k_row = n[FNN_ATT_K + 2], v_row = n[FNN_ATT_V + 2];
    const int64_t y_row = n[FNN_ATT_Y + 2], causal = n[FNN_ATT_CAUSAL];
    real *scores = (real *)a->p[1] + part * fnn_attention_scratch(t.E, t.EV);
    real *dp = scores + QUERIES * ROW, *keys = dp + QUERIES * ROW, *values = keys + t.E * KEYS;
    real *space = values + t.EV * KEYS;
    const real *stats = a->p[7];
    const int64_t *ticket = (const int64_t *)(stats + (n[FNN_ATT_BATCH] * H * t.L + 1) / 2 * 2);
    int64_t begin, end;
    if (n[FNN_ATT_THRESHOLD]) t.seed = ticket[0], t.stream = ticket[1];
    share(n[FNN_ATT_BATCH] * HK, 1, part, parts, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t batch = unit / HK, kv = unit % HK;
        const int64_t k_at = place(n + FNN_ATT_K, batch, kv),
                      v_at = place(n + FNN_ATT_V, batch, kv);
        for (int64_t h = kv * group; h < (kv + 1) * group && t.S == 0; h++)
            clear_rows((real *)a->p[0] + n[FNN_ATT_DQ] + place(n + FNN_ATT_Q, batch, h), q_row, t.L,
                       t.E);
        for (int64_t j = 0; j < t.S; j += KEYS) {
            if (fnn_ending()) return;
            const int64_t cols = least(KEYS, t.S - j), wide = whole_vectors(cols);
            const real *k = (real *)a->p[4] + k_at + j * k_row;
            const real *v = (real *)a->p[5] + v_at + j * v_row;
            real *dk = (real *)a->p[0] + n[FNN_ATT_DK] + k_at + j * k_row;
            real *dv = (real *)a->p[0] + n[FNN_ATT_DV] + v_at + j * v_row;
            int begun = 0;
            pack_panels(keys, k, 1, k_row, t.E, cols);
            pack_panels(values, v, 1, v_row, t.EV, cols);
            for (int64_t h = kv * group; h < (kv + 1) * group; h++)
                for (int64_t i = causal ? j / QUERIES * QUERIES : 0; i < t.L; i += QUERIES) {
                    const int64_t rows = least(QUERIES, t.L - i),
                                  number = (batch * H + h) * t.L + i;
                    const int64_t q_at = place(n + FNN_ATT_Q, batch, h) + i * q_row;
                    const int64_t y_at = place(n + FNN_ATT_Y, batch, h) + i * y_row;
                    const real *q = (real *)a->p[3] + q_at, *y = (real *)a->p[6] + y_at;
                    const real *dy = (real *)a->p[2] + y_at;
                    real *dq = (real *)a->p[0] + n[FNN_ATT_DQ] + q_at;
                    times_packed(scores, ROW, q, q_row, 1, rows, wide, t.E, keys, 0, 0);
                    for (int64_t r = 0; r < rows; r++)
                        finish_scores(&t, scores + r * ROW, batch, h, i + r, j, cols);
                    times_packed(dp, ROW, dy, y_row, 1, rows, wide, t.EV, values, 0, 0);
                    weigh(&t, scores, dp, rows, cols, stats + number, y, y_row, dy, number, j);
                    times(dv, v_row, scores, 1, ROW, cols, t.EV, rows, dy, y_row, begun ? dv : 0,
                          v_row, space);
                    times(dk, k_row, dp, 1, ROW, cols, t.E, rows, q, q_row, begun ? dk : 0, k_row,
                          space);
                    times(dq, q_row, dp, ROW, 1, rows, t.E, cols, k, k_row, j ? dq : 0, q_row,
                          space);
                    begun = 1;
                }
            if (!begun) {
                clear_rows(dk, k_row, cols, t.E);
                clear_rows(dv, v_row, cols, t.EV);
            }
        }
    }
}

FNN_EXPORT(attention, FNN_ATTENTION)
