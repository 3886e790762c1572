/* Pooling: windows of planes become their maximum, their mean or their norm. */
#include "../kernel.h"
#include "../lanes.h"

/* planes (planes, ih, iw) -> (planes, oh, ow); adaptive windows where kh is 0 */
struct pool {
    int64_t planes, ih, iw, oh, ow, kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h,
        dilation_w;
    int64_t count_pad, divisor; /* average: padding counts; a divisor of its own, or 0 */
};

static inline struct pool pool_of(const fnn_args *a)
{
    const int64_t *n = a->n;
    return (struct pool){n[0], n[1], n[2],  n[3],  n[4],  n[5],  n[6], n[7],
                         n[8], n[9], n[10], n[11], n[12], n[13], n[14]};
}

/* the window of output o: inputs begin, begin + step, ... below end; `full` counts padding too */
struct window {
    int64_t begin, end, step, full;
};

static inline struct window window_of(int64_t o, int64_t in, int64_t out, int64_t k, int64_t stride,
                                      int64_t pad, int64_t dilation)
{
    struct window w = {0, 0, dilation, 0};
    if (k == 0) { /* adaptive: from floor(o in / out) to ceil((o + 1) in / out) */
        w.begin = o * in / out;
        w.end = ((o + 1) * in + out - 1) / out;
        w.full = w.end - w.begin;
        return w;
    }
    w.begin = o * stride - pad;
    w.end = w.begin + (k - 1) * dilation + 1;
    w.full = (w.end < in + pad ? w.end : in + pad) - w.begin;
    if (w.begin < 0) w.begin += (-w.begin + dilation - 1) / dilation * dilation;
    if (w.end > in) w.end = in;
    return w;
}

/* Outputs of a row whose windows lie inside of the input, of one width: these are taken as vectors.
 * None where windows differ (adaptive) or their places do not fit into a lane. */
struct inner {
    int64_t begin, end;
};

static struct inner inner_of(const struct pool *g)
{
    struct inner in = {0, 0};
    const int64_t reach = (g->kw - 1) * g->dilation_w - g->pad_w, room = g->iw - reach;
    if (g->kw == 0 || g->ih * g->iw > INT32_MAX || room <= 0) return in;
    in.begin = (g->pad_w + g->stride_w - 1) / g->stride_w;
    in.end = (room - 1) / g->stride_w + 1;
    if (in.end > g->ow) in.end = g->ow;
    return in;
}

/* x[0], x[stride], ...: n elements, 0 < n <= VL */
INLINE vec take(const real *x, int64_t stride, int64_t n)
{
    if (stride == 1) return vload_upto(x, n);
    if (stride == 2) return take_second(x, n);
    real t[VL] = {0};
    for (int64_t i = 0; i < n; i++) t[i] = x[i * stride];
    return vload(t);
}

static void max_of_window(const struct pool *g, const struct window *v, int64_t ox, const real *x,
                          real *y, int64_t *index)
{
    const struct window h =
        window_of(ox, g->iw, g->ow, g->kw, g->stride_w, g->pad_w, g->dilation_w);
    int64_t at = v->begin * g->iw + h.begin;
    real best = x[at];
    for (int64_t iy = v->begin; iy < v->end; iy += v->step)
        for (int64_t ix = h.begin; ix < h.end; ix += h.step) {
            const real value = x[iy * g->iw + ix];
            const int better = (value > best) | ((value != value) & (best == best));
            best = better ? value : best;
            at = better ? iy * g->iw + ix : at;
        }
    y[ox] = best;
    index[ox] = at;
}

/* n windows side by side, the first at x + at */
INLINE void max_of_windows(const struct pool *g, const struct window *v, int64_t stride, int64_t n,
                           const real *x, int64_t at, real *y, int64_t *index)
{
    vec best = take(x + at, stride, n);
    ivec place = {0};
    integer places[VL];
    for (int64_t iy = v->begin; iy < v->end; iy += v->step)
        for (int64_t k = 0; k < g->kw; k++) {
            const int64_t tap = (iy - v->begin) * g->iw + k * g->dilation_w;
            const vec value = take(x + at + tap, stride, n);
            const mask better = ~(value <= best) & (best == best);
            best = vselect(better, value, best);
            place = (better & viset((integer)tap)) | (~better & place);
        }
    vstore_upto(y, best, n);
    memcpy(places, &place, sizeof places);
    for (int64_t i = 0; i < n; i++) index[i] = at + i * stride + places[i];
}

/* y = largest of each window, the first where equal; NaN wins. index: its place in the plane.
 * p: y (planes, oh, ow), index int64 (planes, oh, ow), x (planes, ih, iw)   n: struct pool
 * Source: torch.nn.functional.max_pool2d */
static void max_pool_forward(const fnn_args *a, int part, int parts)
{
    const struct pool g = pool_of(a);
    const struct inner inner = inner_of(&g);
    int64_t i, end;
    share(g.planes, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        const real *x = (const real *)a->p[2] + i * g.ih * g.iw;
        real *y = (real *)a->p[0] + i * g.oh * g.ow;
        int64_t *index = (int64_t *)a->p[1] + i * g.oh * g.ow;
        for (int64_t oy = 0; oy < g.oh; oy++, y += g.ow, index += g.ow) {
            const struct window v =
                window_of(oy, g.ih, g.oh, g.kh, g.stride_h, g.pad_h, g.dilation_h);
            for (int64_t ox = 0; ox < g.ow;) {
                if (ox < inner.begin || ox >= inner.end) {
                    max_of_window(&g, &v, ox, x, y, index);
                    ox++;
                    continue;
                }
                const int64_t n = inner.end - ox < VL ? inner.end - ox : VL;
                const int64_t at = v.begin * g.iw + ox * g.stride_w - g.pad_w;
                if (g.stride_w == 1)
                    max_of_windows(&g, &v, 1, n, x, at, y + ox, index + ox);
                else if (g.stride_w == 2)
                    max_of_windows(&g, &v, 2, n, x, at, y + ox, index + ox);
                else
                    max_of_windows(&g, &v, g.stride_w, n, x, at, y + ox, index + ox);
                ox += n;
            }
        }
    }
}

/* dx[index] += dy, the rest zero.
 * p: dx (planes, ih, iw), dy (planes, oh, ow), index int64   n: planes, ih * iw, oh * ow */
static void max_pool_backward(const fnn_args *a, int part, int parts)
{
    const int64_t in = a->n[1], out = a->n[2];
    int64_t i, end;
    share(a->n[0], 1, part, parts, &i, &end);
    for (; i < end; i++) {
        real *dx = (real *)a->p[0] + i * in;
        const real *dy = (const real *)a->p[1] + i * out;
        const int64_t *index = (const int64_t *)a->p[2] + i * out;
        memset(dx, 0, (size_t)in * sizeof(real));
        for (int64_t j = 0; j < out; j++) dx[index[j]] += dy[j];
    }
}

static inline real divisor_of(const struct pool *g, const struct window *v, const struct window *h)
{
    if (g->divisor) return (real)g->divisor;
    return (real)(g->count_pad ? v->full * h->full : (v->end - v->begin) * (h->end - h->begin));
}

/* sum of a window that no other is computed with */
static real sum_of_window(const struct pool *g, const struct window *v, const struct window *h,
                          const real *x)
{
    vec sum = {0};
    for (int64_t iy = v->begin; iy < v->end; iy++)
        for (int64_t ix = h->begin; ix < h->end; ix += VL)
            sum += vload_upto(x + iy * g->iw + ix, h->end - ix);
    return vsum(sum);
}

/* n windows side by side, the first at x */
INLINE vec sum_of_windows(const struct pool *g, int64_t rows, int64_t stride, int64_t n,
                          const real *x)
{
    vec sum = {0};
    for (int64_t iy = 0; iy < rows; iy++)
        for (int64_t k = 0; k < g->kw; k++) sum += take(x + iy * g->iw + k, stride, n);
    return sum;
}

/* y = mean of each window.
 * p: y (planes, oh, ow), x (planes, ih, iw)   n: struct pool (dilation 1)
 * Source: torch.nn.functional.avg_pool2d, adaptive_avg_pool2d */
static void avg_pool_forward(const fnn_args *a, int part, int parts)
{
    const struct pool g = pool_of(a);
    const struct inner inner = inner_of(&g);
    int64_t i, end;
    share(g.planes, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        const real *x = (const real *)a->p[1] + i * g.ih * g.iw;
        real *y = (real *)a->p[0] + i * g.oh * g.ow;
        for (int64_t oy = 0; oy < g.oh; oy++, y += g.ow) {
            const struct window v = window_of(oy, g.ih, g.oh, g.kh, g.stride_h, g.pad_h, 1);
            for (int64_t ox = 0; ox < g.ow;) {
                const struct window h = window_of(ox, g.iw, g.ow, g.kw, g.stride_w, g.pad_w, 1);
                const real divisor = divisor_of(&g, &v, &h);
                if (ox < inner.begin || ox >= inner.end) {
                    y[ox++] = sum_of_window(&g, &v, &h, x) / divisor;
                    continue;
                }
                const int64_t n = inner.end - ox < VL ? inner.end - ox : VL, s = g.stride_w;
                const int64_t rows = v.end - v.begin;
                const real *from = x + v.begin * g.iw + h.begin;
                const vec sum = s == 1   ? sum_of_windows(&g, rows, 1, n, from)
                                : s == 2 ? sum_of_windows(&g, rows, 2, n, from)
                                         : sum_of_windows(&g, rows, s, n, from);
                vstore_upto(y + ox, sum / vset(divisor), n);
                ox += n;
            }
        }
    }
}

/* x[0..n stride) = each of n elements `stride` times */
INLINE void repeat(real *x, int64_t stride, int64_t n, vec each)
{
    if (stride == 2) {
        vstore_upto(x, zip_low(each, each), 2 * n);
        if (2 * n > VL) vstore_upto(x + VL, zip_high(each, each), 2 * n - VL);
        return;
    }
    real t[VL];
    vstore(t, each);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < stride; k++) *x++ = t[i];
}

/* dx = each window's dy, divided as in the forward pass, added up.
 * p: dx (planes, ih, iw), dy (planes, oh, ow)   n: struct pool (dilation 1) */
static void avg_pool_backward(const fnn_args *a, int part, int parts)
{
    const struct pool g = pool_of(a);
    const int disjoint = g.kh == g.stride_h && g.kw == g.stride_w;
    const struct inner inner = disjoint ? inner_of(&g) : (struct inner){0, 0};
    int64_t i, end;
    share(g.planes, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        real *dx = (real *)a->p[0] + i * g.ih * g.iw;
        const real *dy = (const real *)a->p[1] + i * g.oh * g.ow;
        memset(dx, 0, (size_t)(g.ih * g.iw) * sizeof(real));
        for (int64_t oy = 0; oy < g.oh; oy++, dy += g.ow) {
            const struct window v = window_of(oy, g.ih, g.oh, g.kh, g.stride_h, g.pad_h, 1);
            for (int64_t ox = 0; ox < g.ow;) {
                const struct window h = window_of(ox, g.iw, g.ow, g.kw, g.stride_w, g.pad_w, 1);
                const real divisor = divisor_of(&g, &v, &h);
                if (ox < inner.begin || ox >= inner.end) {
                    const real each = dy[ox++] / divisor;
                    for (int64_t iy = v.begin; iy < v.end; iy++)
                        for (int64_t ix = h.begin; ix < h.end; ix++) dx[iy * g.iw + ix] += each;
                    continue;
                }
                const int64_t n = inner.end - ox < VL ? inner.end - ox : VL;
                const vec each = vload_upto(dy + ox, n) / vset(divisor);
                for (int64_t iy = v.begin; iy < v.end; iy++)
                    repeat(dx + iy * g.iw + h.begin, g.kw, n, each);
                ox += n;
            }
        }
    }
}

FNN_EXPORT(pool, FNN_POOL)
