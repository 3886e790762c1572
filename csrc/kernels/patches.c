/* Patches of images as columns, and columns added up to images: each is the other's transpose. */
#include "../kernel.h"

/* planes (planes, ih, iw), columns (planes, kh * kw, oh * ow) */
struct patches {
    int64_t planes, ih, iw, oh, ow, kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h,
        dilation_w;
};

static inline struct patches patches_of(const fnn_args *a)
{
    const int64_t *n = a->n;
    return (struct patches){n[0], n[1], n[2], n[3],  n[4],  n[5], n[6],
                            n[7], n[8], n[9], n[10], n[11], n[12]};
}

/* outputs [*first, *end) of `out` whose tap, `shift` from o * stride, lies within the input */
static inline void inside(int64_t out, int64_t in, int64_t stride, int64_t shift, int64_t *first,
                          int64_t *end)
{
    *first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    *end = in > shift ? (in - shift + stride - 1) / stride : 0;
    if (*end > out) *end = out;
    if (*first > *end) *first = *end;
}

/* y[p, tap, o] = x[p, input of o under the tap], zero outside of the image.
 * p: y (columns), x (planes)   n: struct patches   Source: torch.nn.functional.unfold */
static void unfold_forward(const fnn_args *a, int part, int parts)
{
    const struct patches g = patches_of(a);
    int64_t i, end;
    share(g.planes * g.kh * g.kw, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        const int64_t taps = g.kh * g.kw, ky = i % taps / g.kw, kx = i % g.kw;
        const real *x = (const real *)a->p[1] + i / taps * g.ih * g.iw;
        real *y = (real *)a->p[0] + i * g.oh * g.ow;
        int64_t y0, y1, x0, x1, dy = ky * g.dilation_h - g.pad_h, dx = kx * g.dilation_w - g.pad_w;
        inside(g.oh, g.ih, g.stride_h, dy, &y0, &y1);
        inside(g.ow, g.iw, g.stride_w, dx, &x0, &x1);
        memset(y, 0, (size_t)(g.oh * g.ow) * sizeof(real));
        for (int64_t oy = y0; oy < y1; oy++) {
            const real *row = x + (oy * g.stride_h + dy) * g.iw + dx;
            if (g.stride_w == 1)
                memcpy(y + oy * g.ow + x0, row + x0, (size_t)(x1 - x0) * sizeof(real));
            else
                for (int64_t ox = x0; ox < x1; ox++) y[oy * g.ow + ox] = row[ox * g.stride_w];
        }
    }
}

/* y[p, i] = sum of x[p, tap, o] over taps and outputs that meet i, in that order.
 * p: y (planes), x (columns)   n: struct patches   Source: torch.nn.functional.fold */
static void fold_forward(const fnn_args *a, int part, int parts)
{
    const struct patches g = patches_of(a);
    const int64_t taps = g.kh * g.kw;
    int64_t i, end;
    share(g.planes, 1, part, parts, &i, &end);
    for (; i < end; i++) {
        real *y = (real *)a->p[0] + i * g.ih * g.iw;
        memset(y, 0, (size_t)(g.ih * g.iw) * sizeof(real));
        for (int64_t t = 0; t < taps; t++) {
            const real *x = (const real *)a->p[1] + (i * taps + t) * g.oh * g.ow;
            int64_t y0, y1, x0, x1;
            const int64_t dy = t / g.kw * g.dilation_h - g.pad_h;
            const int64_t dx = t % g.kw * g.dilation_w - g.pad_w;
            inside(g.oh, g.ih, g.stride_h, dy, &y0, &y1);
            inside(g.ow, g.iw, g.stride_w, dx, &x0, &x1);
            for (int64_t oy = y0; oy < y1; oy++) {
                real *row = y + (oy * g.stride_h + dy) * g.iw + dx;
                for (int64_t ox = x0; ox < x1; ox++) row[ox * g.stride_w] += x[oy * g.ow + ox];
            }
        }
    }
}

FNN_EXPORT(patches, FNN_PATCHES)
