/* Convolutions that read y's neighbours as vectors from a frame: an image with its padding. */
#ifndef FASTNN_CONV_FRAME_H
#define FASTNN_CONV_FRAME_H

#include "../ending.h"
#include "conv_pack.h"
#include "conv_tile.h"

#define PACKING 10 /* products of a vector that take about as long as packing one */

/* to[0..n) = from[0], from[step], ... */
static inline void copy_every(real *to, const real *from, int64_t step, int64_t n)
{
    if (step > 2) {
        for (int64_t i = 0; i < n; i++) to[i] = from[i * step];
        return;
    }
    for (int64_t i = 0; i < n; i += VL)
        if (step == 1)
            vstore_upto(to + i, vload_upto(from + i, n - i), n - i);
        else
            vstore_upto(to + i, take_second(from + 2 * i, n - i), n - i);
}

static inline void clear(real *to, int64_t n)
{
    for (int64_t i = 0; i < n; i += VL) vstore_upto(to + i, (vec){0}, n - i);
}

/* frame(channels, rows, stride, set) = rows y0.. and columns x0.. of x, zero outside of the image;
 * column j * stride + k is the j-th of set k */
static void frame_image(real *frame, const struct conv *g, const real *x, int64_t channels,
                        int64_t y0, int64_t x0, int64_t rows, int64_t stride, int64_t set)
{
    for (int64_t k = 0; k < stride; k++) {
        const struct run run = run_of(0, set, stride, x0 + k, g->iw, 0);
        real *to = frame + k * set;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t y = y0; y < y0 + rows; y++, to += stride * set) {
                if (y < 0 || y >= g->ih || run.begin >= run.end) {
                    clear(to, set);
                    continue;
                }
                clear(to, run.begin);
                copy_every(to + run.begin, x + (c * g->ih + y) * g->iw + run.source, stride,
                           run.end - run.begin);
                clear(to + run.end, set - run.end);
            }
    }
}

/* A vector of y has outputs of at most two rows; packing patches is for those with empty lanes. */
static inline int reads_frames(const struct conv *g)
{
    const int64_t lanes = 2 * g->ow < VL ? 2 * g->ow : VL;
    return fnn_conv_frames(g) && g->out * (VL - lanes) <= PACKING * lanes;
}

/* taps of the rows oy0..oy1 of y that meet the image: [begin, end) of kh */
static inline void rows_met(const struct conv *g, int64_t oy0, int64_t oy1, int64_t *begin,
                            int64_t *end)
{
    const int64_t stride = g->transposed ? 1 : g->stride_h;
    *begin = g->kh, *end = 0;
    for (int64_t k = 0; k < g->kh; k++) {
        const int64_t low = oy0 * stride + shift_of(g, k, 0), high = low + (oy1 - 1 - oy0) * stride;
        if (high < 0 || low >= g->ih) continue;
        if (k < *begin) *begin = k;
        *end = k + 1;
    }
}

/* Rows oy0..oy1 of all y of one image and group. Vectors of y go in pairs, each within a band of
 * FNN_CONV_ROWS rows, as oy0 is: so the pairs, and the bits, are always the same. */
static void conv_rows(const struct conv *g, const real *x, const real *w, const real *bias, real *y,
                      int64_t oy0, int64_t oy1, real *frame)
{
    int64_t at[KC];
    const int64_t taps = g->kh * g->kw, k_all = g->in * taps,
                  channels = fnn_conv_depth(g, FNN_CONV_DEPTH).channels;
    const int64_t stride_h = g->transposed ? 1 : g->stride_h;
    const int64_t stride_w = g->transposed ? 1 : g->stride_w;
    const int64_t set = fnn_conv_frame_set(g), cols = fnn_conv_frame_cols(g);
    const int64_t last = g->transposed ? g->kh - 1 : 0; /* the taps that read furthest up, left */
    const int64_t top = shift_of(g, last, 0), left = shift_of(g, g->transposed ? g->kw - 1 : 0, 1);
    const int64_t rows = fnn_conv_frame_rows(g, oy1 - oy0), outputs = (oy1 - oy0) * g->ow;
    const int64_t down = stride_h * cols; /* from a row of y to the next */
    const int64_t band = FNN_CONV_ROWS * g->ow;
    for (int64_t t = 0; t < taps; t++) {
        const int64_t i = shift_of(g, t / g->kw, 0) - top, j = shift_of(g, t % g->kw, 1) - left;
        at[t] = i * cols + j % stride_w * set + j / stride_w;
    }
    for (int64_t c0 = 0; c0 < g->in; c0 += channels) {
        const int64_t deep = c0 + channels < g->in ? channels : g->in - c0;
        frame_image(frame, g, x + c0 * g->ih * g->iw, deep, oy0 * stride_h + top, left, rows,
                    stride_w, set);
        for (int64_t tile = 0; tile < tiles_of(g->out); tile++) {
            if (fnn_ending()) return;
            const int64_t o = tile_begin(g->out, tile), high = tile_begin(g->out, tile + 1) - o;
            for (int64_t p = 0; p < outputs;) {
                struct target to[NV];
                const int64_t begin = p / g->ow;
                int64_t vecs = 0, cut = 0, k0, k1;
                const int64_t end = p - p % band + band < outputs ? p - p % band + band : outputs;
                for (; vecs < NV && p < end; vecs++) {
                    const int64_t row = p / g->ow, ox = p - row * g->ow;
                    int64_t lanes = 2 * g->ow - ox; /* of two rows */
                    if (lanes > VL) lanes = VL;
                    if (lanes > end - p) lanes = end - p;
                    to[vecs] = (struct target){.b = frame + row * down + ox,
                                               .c = y + (o * g->oh + oy0) * g->ow + p,
                                               .lanes = lanes,
                                               .cut = VL};
                    if (lanes > g->ow - ox) {
                        to[vecs].cut = g->ow - ox;
                        to[vecs].jump = down - g->ow;
                        cut = 1;
                    }
                    p += lanes;
                }
                rows_met(g, oy0 + begin, oy0 + (p - 1) / g->ow + 1, &k0, &k1);
                const struct sums s = {deep,           k1 > k0 ? (k1 - k0) * g->kw : 0,
                                       k_all,          taps,
                                       rows * cols,    g->oh * g->ow,
                                       at + k0 * g->kw};
                sums[cut][vecs - 1][high - 1](&s, w + o * k_all + c0 * taps + k0 * g->kw, to,
                                              c0 == 0, bias ? bias + o : 0);
            }
        }
    }
}

#endif
