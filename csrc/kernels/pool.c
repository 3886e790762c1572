/* Pooling: windows of planes become their maximum, their mean or their norm. */
#include "../kernel.h"

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

/* y = largest of each window, the first where equal; NaN wins. index: its place in the plane.
 * p: y (planes, oh, ow), index int64 (planes, oh, ow), x (planes, ih, iw)   n: struct pool
 * Source: torch.nn.functional.max_pool2d */
static void max_pool_forward(const fnn_args *a, int part, int parts)
{
    const struct pool g = pool_of(a);
    int64_t i, end;
    share(g.planes, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        const real *x = (const real *)a->p[2] + i * g.ih * g.iw;
        real *y = (real *)a->p[0] + i * g.oh * g.ow;
        int64_t *index = (int64_t *)a->p[1] + i * g.oh * g.ow;
        for (int64_t oy = 0; oy < g.oh; oy++) {
            const struct window v =
                window_of(oy, g.ih, g.oh, g.kh, g.stride_h, g.pad_h, g.dilation_h);
            for (int64_t ox = 0; ox < g.ow; ox++) {
                const struct window h =
                    window_of(ox, g.iw, g.ow, g.kw, g.stride_w, g.pad_w, g.dilation_w);
                int64_t at = v.begin * g.iw + h.begin;
                real best = x[at];
                for (int64_t iy = v.begin; iy < v.end; iy += v.step)
                    for (int64_t ix = h.begin; ix < h.end; ix += h.step) {
                        const real value = x[iy * g.iw + ix];
                        const int take = (value > best) | ((value != value) & (best == best));
                        best = take ? value : best;
                        at = take ? iy * g.iw + ix : at;
                    }
                *y++ = best;
                *index++ = at;
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

/* y = mean of each window.
 * p: y (planes, oh, ow), x (planes, ih, iw)   n: struct pool (dilation 1)
 * Source: torch.nn.functional.avg_pool2d, adaptive_avg_pool2d */
static void avg_pool_forward(const fnn_args *a, int part, int parts)
{
    const struct pool g = pool_of(a);
    int64_t i, end;
    share(g.planes, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        const real *x = (const real *)a->p[1] + i * g.ih * g.iw;
        real *y = (real *)a->p[0] + i * g.oh * g.ow;
        for (int64_t oy = 0; oy < g.oh; oy++) {
            const struct window v = window_of(oy, g.ih, g.oh, g.kh, g.stride_h, g.pad_h, 1);
            for (int64_t ox = 0; ox < g.ow; ox++) {
                const struct window h = window_of(ox, g.iw, g.ow, g.kw, g.stride_w, g.pad_w, 1);
                real sum = 0;
                for (int64_t iy = v.begin; iy < v.end; iy++)
                    for (int64_t ix = h.begin; ix < h.end; ix++) sum += x[iy * g.iw + ix];
                *y++ = sum / divisor_of(&g, &v, &h);
            }
        }
    }
}

/* dx = each window's dy, divided as in the forward pass, added up.
 * p: dx (planes, ih, iw), dy (planes, oh, ow)   n: struct pool (dilation 1) */
static void avg_pool_backward(const fnn_args *a, int part, int parts)
{
    const struct pool g = pool_of(a);
    int64_t i, end;
    share(g.planes, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        real *dx = (real *)a->p[0] + i * g.ih * g.iw;
        const real *dy = (const real *)a->p[1] + i * g.oh * g.ow;
        memset(dx, 0, (size_t)(g.ih * g.iw) * sizeof(real));
        for (int64_t oy = 0; oy < g.oh; oy++) {
            const struct window v = window_of(oy, g.ih, g.oh, g.kh, g.stride_h, g.pad_h, 1);
            for (int64_t ox = 0; ox < g.ow; ox++) {
                const struct window h = window_of(ox, g.iw, g.ow, g.kw, g.stride_w, g.pad_w, 1);
                const real each = *dy++ / divisor_of(&g, &v, &h);
                for (int64_t iy = v.begin; iy < v.end; iy++)
                    for (int64_t ix = h.begin; ix < h.end; ix++) dx[iy * g.iw + ix] += each;
            }
        }
    }
}

FNN_EXPORT(pool, FNN_POOL)
