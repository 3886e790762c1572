/* Packing the patches of an image straight into the panel that the matmul micro-kernel reads. */
#ifndef FASTNN_CONV_PACK_H
#define FASTNN_CONV_PACK_H

#include "../conv.h"
#include "linear_tile.h"

static inline int64_t ceil_div(int64_t a, int64_t b)
{
    return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

/* Outputs o of [o0, o1) whose tap reads inside of `size` inputs form a run: first, last + 1, step.
 * The input of output o is o * stride + shift; transposed: (o + shift) / stride where that divides.
 */
struct run {
    int64_t begin, end, step, source;
};

static inline struct run run_of(int64_t o0, int64_t o1, int64_t stride, int64_t shift, int64_t size,
                                int64_t transposed)
{
    struct run r = {o0, o1, 1, 0};
    if (!transposed) {
        const int64_t first = ceil_div(-shift, stride), end = ceil_div(size - shift, stride);
        if (first > r.begin) r.begin = first;
        if (end < r.end) r.end = end;
        r.source = r.begin * stride + shift;
        return r;
    }
    const int64_t first = -shift, end = (size - 1) * stride + 1 - shift;
    if (first > r.begin) r.begin = first;
    if (end < r.end) r.end = end;
    const int64_t past = (r.begin + shift) % stride;
    if (r.begin < r.end && past) r.begin += stride - past;
    r.step = stride;
    r.source = (r.begin + shift) / stride;
    return r;
}

/* how far the tap k of a row or column is from the output that it contributes to */
static inline int64_t shift_of(const struct conv *g, int64_t k, int horizontal)
{
    const int64_t shift = horizontal ? k * g->dilation_w - g->pad_w : k * g->dilation_h - g->pad_h;
    return g->transposed ? -shift : shift;
}

/* panel(k, width) = patches: row (c - c0) * taps + t holds, for outputs p0..p1 of one image and
 * group, what tap t of channel c meets, zero outside of the image. Taps t0..t1 of channels c0..c1;
 * x is the group's first channel. Rows of the panel hold `width` elements, and are zero from p1 -
 * p0 on. */
static void pack_patches(real *panel, int64_t width, const struct conv *g, const real *x,
                         int64_t c0, int64_t c1, int64_t t0, int64_t t1, int64_t p0, int64_t p1)
{
    const int64_t plane = g->ih * g->iw, taps = t1 - t0;
    const int64_t step = g->transposed ? 1 : g->stride_w;
    memset(panel, 0, (size_t)((c1 - c0) * taps * width) * sizeof(real));
    for (int64_t p = p0; p < p1;) {
        const int64_t oy = p / g->ow, o0 = p - oy * g->ow;
        const int64_t o1 = o0 + (p1 - p) < g->ow ? o0 + (p1 - p) : g->ow;
        for (int64_t t = t0; t < t1; t++) {
            const int64_t ky = t / g->kw, kx = t - ky * g->kw;
            const struct run row =
                run_of(oy, oy + 1, g->stride_h, shift_of(g, ky, 0), g->ih, g->transposed);
            if (row.begin >= row.end) continue;
            const struct run run =
                run_of(o0, o1, g->stride_w, shift_of(g, kx, 1), g->iw, g->transposed);
            if (run.begin >= run.end) continue;
            const real *from = x + c0 * plane + row.source * g->iw + run.source;
            real *to = panel + (t - t0) * width + (p - p0) + (run.begin - o0);
            const int64_t count = (run.end - run.begin + run.step - 1) / run.step;
            if (step == 1 && run.step == 1 && count <= VL) {
                for (int64_t c = c0; c < c1; c++, from += plane, to += taps * width)
                    if (count == VL)
                        vstore(to, vload(from));
                    else
                        vstore_part(to, vload_part(from, count), count);
            } else if (step == 1 && run.step == 1) {
                for (int64_t c = c0; c < c1; c++, from += plane, to += taps * width) {
                    int64_t i = 0;
                    for (; i + VL <= count; i += VL) vstore(to + i, vload(from + i));
                    if (i < count) vstore_part(to + i, vload_part(from + i, count - i), count - i);
                }
            } else {
                for (int64_t c = c0; c < c1; c++, from += plane, to += taps * width)
                    for (int64_t i = 0; i < count; i++) to[i * run.step] = from[i * step];
            }
        }
        p += o1 - o0;
    }
}

#endif
