/* Convolutions whose vectors are channels of y: for rows of y that are no whole vectors.
 *
 * The frame has all channels of a pixel side by side. What a pixel of y meets of one row of the
 * filter is then one run of it, and those of neighbouring pixels are the rows of a matrix, which
 * conv_tile.h's sums multiply by the filters. */
#ifndef FASTNN_CONV_PIXELS_H
#define FASTNN_CONV_PIXELS_H

#include "conv_weight.h"

#define PIXELS 48 /* of a row of y, at most, that are computed before they go to y */

/* where most lanes have a channel */
static inline int reads_pixels(const struct conv *g)
{
    const int64_t lanes = (g->out + VL - 1) / VL * VL;
    return fnn_conv_pixels(g) && g->ow % VL != 0 && 4 * g->out >= 3 * lanes;
}

/* panels(taps, in, NR), one behind another, = w (out, in, taps); taps as they lie in the frame */
static void pack_filters(real *panels, const struct conv *g, const real *w)
{
    const int64_t taps = g->kh * g->kw, k_all = g->in * taps, row = g->in * NR;
    const int64_t first = g->transposed ? (taps - 1) * row : 0, step = g->transposed ? -row : row;
    for (int64_t o = 0; o < g->out; o += NR, panels += k_all * NR)
        for (int64_t j = 0; j < NR && o + j < g->out; j += VL)
            for (int64_t c = 0; c < g->in; c++)
                pack_across(panels + first + c * NR + j, step, w + (o + j) * k_all + c * taps,
                            k_all, taps, g->out - o - j);
}

/* y(channels, row of pixels) = tile(pixels, NR) */
static inline void unpack_pixels(real *y, int64_t plane, const real *tile, int64_t pixels,
                                 int64_t channels)
{
    for (int64_t o = 0; o < channels; o += VL)
        for (int64_t i = 0; i < pixels; i += VL) {
            vec t[VL];
            UNROLL for (int lane = 0; lane < VL; lane++) t[lane] =
                i + lane < pixels ? vload(tile + (i + lane) * NR + o) : (vec){0};
            transpose(t);
            for (int lane = 0; lane < VL && o + lane < channels; lane++)
                vstore_upto(y + (o + lane) * plane + i, t[lane], pixels - i);
        }
}

/* Rows oy0..oy1 of all y of one image and group: per pixel and channel one sum, in the order of the
 * filter's rows, then columns, then channels. */
static void conv_pixels(const struct conv *g, const real *x, const real *panels, const real *bias,
                        real *y, int64_t oy0, int64_t oy1, real *frame)
{
    real tile[PIXELS * NR] __attribute__((aligned(64)));
    int64_t at[KC];
    const int64_t C = g->in, cols = fnn_conv_frame_cols(g), depth = g->kw * C;
    const int64_t stride_h = g->transposed ? 1 : g->stride_h;
    const int64_t stride_w = g->transposed ? 1 : g->stride_w;
    const int64_t top = shift_of(g, g->transposed ? g->kh - 1 : 0, 0);
    const int64_t left = shift_of(g, g->transposed ? g->kw - 1 : 0, 1);
    for (int64_t i = 0; i < depth; i++) at[i] = i * NR;
    frame_pixels(frame, g, x, oy0 * stride_h + top, left, fnn_conv_frame_rows(g, oy1 - oy0), cols);
    for (int64_t o = 0; o < g->out; o += NR, panels += g->kh * depth * NR) {
        const int64_t channels = least(NR, g->out - o), vecs = (channels + VL - 1) / VL;
        for (int64_t oy = oy0; oy < oy1; oy++) {
            if (fnn_ending()) return;
            const int64_t from = oy * stride_h + top; /* the filter's rows within the image */
            const int64_t k0 = from < 0 ? least(ceil_div(-from, g->dilation_h), g->kh) : 0;
            const int64_t end = least(ceil_div(g->ih - from, g->dilation_h), g->kh);
            const int64_t row = (oy - oy0) * stride_h + k0 * g->dilation_h;
            const struct sums s = {end > k0 ? end - k0 : 0,
                                   depth,
                                   stride_w * C,
                                   g->dilation_h * cols * C,
                                   depth * NR,
                                   NR,
                                   at};
            for (int64_t ox = 0; ox < g->ow; ox += PIXELS) {
                const int64_t pixels = least(PIXELS, g->ow - ox);
                struct target to[NV];
                for (int64_t v = 0; v < vecs; v++) {
                    const vec b =
                        bias ? vload_upto(bias + o + v * VL, channels - v * VL) : (vec){0};
                    for (int64_t i = 0; i < pixels; i++) vstore(tile + i * NR + v * VL, b);
                    to[v] = (struct target){.b = panels + k0 * depth * NR + v * VL, .lanes = VL};
                }
                for (int64_t t = 0; t < tiles_of(pixels); t++) {
                    const int64_t i = tile_begin(pixels, t), high = tile_begin(pixels, t + 1) - i;
                    for (int64_t v = 0; v < vecs; v++) to[v].c = tile + i * NR + v * VL;
                    sums[0][vecs - 1][high - 1](&s, frame + (row * cols + (ox + i) * stride_w) * C,
                                                to, 0, 0);
                }
                unpack_pixels(y + (o * g->oh + oy) * g->ow + ox, g->oh * g->ow, tile, pixels,
                              channels);
            }
        }
    }
}

#endif
