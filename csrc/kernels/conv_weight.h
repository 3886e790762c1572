/* The gradient of a convolution's weight: products of dy with a frame whose pixels hold all
 * channels side by side, so that neighbouring taps and channels make up whole vectors. */
#ifndef FASTNN_CONV_WEIGHT_H
#define FASTNN_CONV_WEIGHT_H

#include "conv_frame.h"

/* frame(rows, cols, in) = rows y0.. and columns x0.. of x (in, ih, iw), zero outside */
static void frame_pixels(real *frame, const struct conv *g, const real *x, int64_t y0, int64_t x0,
                         int64_t rows, int64_t cols)
{
    const int64_t plane = g->ih * g->iw, C = g->in;
    const struct run run = run_of(0, cols, 1, x0, g->iw, 0);
    for (int64_t y = y0; y < y0 + rows; y++, frame += cols * C) {
        if (y < 0 || y >= g->ih || run.begin >= run.end) {
            memset(frame, 0, (size_t)(cols * C) * sizeof(real));
            continue;
        }
        memset(frame, 0, (size_t)(run.begin * C) * sizeof(real));
        memset(frame + run.end * C, 0, (size_t)((cols - run.end) * C) * sizeof(real));
        const real *from = x + y * g->iw + run.source;
        real *to = frame + run.begin * C;
        const int64_t width = run.end - run.begin;
        if (C == 1) {
            copy_rows(to, 0, from, 0, 1, width);
            continue;
        }
        for (int64_t c = 0; c < C; c += VL)
            for (int64_t i = 0; i < width; i += VL) {
                vec t[VL];
                UNROLL for (int lane = 0; lane < VL; lane++) t[lane] =
                    c + lane < C ? vload_upto(from + (c + lane) * plane + i, width - i) : (vec){0};
                transpose(t);
                for (int64_t lane = 0; lane < VL && i + lane < width; lane++)
                    vstore_upto(to + (i + lane) * C + c, t[lane], C - c);
            }
    }
}

/* dw (out, kh, kw, in) of tiles t0..t1 += dy times the frame of output rows oy0..oy1 */
static void add_rows(const struct conv *g, const real *frame, const real *dy, real *dw, int64_t t0,
                     int64_t t1, int64_t oy0, int64_t oy1, int fresh)
{
    int64_t at[KC];
    const int64_t C = g->in, cols = fnn_conv_frame_cols(g), k_all = C * g->kh * g->kw;
    /* columns of the product: all taps of a row where they read neighbours, else tap by tap */
    const int64_t joint = g->dilation_w == 1 ? g->kw : 1;
    for (int64_t ky = 0; ky < g->kh; ky++) {
        struct run rows = run_of(oy0, oy1, g->stride_h, shift_of(g, ky, 0), g->ih, 0);
        if (rows.begin >= rows.end) rows.begin = rows.end = oy0;
        for (int64_t ox = 0; ox < g->ow; ox += KC) {
            const int64_t width = g->ow - ox < KC ? g->ow - ox : KC;
            for (int64_t i = 0; i < width; i++) at[i] = i * g->stride_w * C;
            const struct sums s = {rows.end - rows.begin,
                                   width,
                                   g->oh * g->ow,
                                   g->ow,
                                   g->stride_h * cols * C,
                                   k_all,
                                   at};
            for (int64_t kx = 0; kx < g->kw; kx += joint) {
                const int64_t lanes = joint * C, vecs = (lanes + VL - 1) / VL;
                const real *b = frame +
                                ((rows.begin - oy0) * g->stride_h + ky * g->dilation_h) * cols * C +
                                (kx * g->dilation_w + ox * g->stride_w) * C;
                for (int64_t tile = t0; tile < t1; tile++) {
                    const int64_t o = tile_begin(g->out, tile);
                    const int64_t high = tile_begin(g->out, tile + 1) - o;
                    real *c = dw + o * k_all + (ky * g->kw + kx) * C;
                    for (int64_t v = 0; v < vecs; v += NV) {
                        struct target to[NV];
                        for (int64_t u = 0; u < NV; u++) {
                            const int64_t j = (v + u) * VL;
                            to[u] = (struct target){.b = b + j, .c = c + j, .lanes = lanes - j};
                        }
                        sums[0][vecs - v < NV ? 0 : NV - 1][high - 1](
                            &s, dy + o * g->oh * g->ow + rows.begin * g->ow + ox, to,
                            fresh && ox == 0, 0);
                    }
                }
            }
        }
    }
}

#define DOTS 9 /* taps whose sums are kept in registers */

/* dw (kh, kw) += dy's rows oy0..oy1 times the image below each tap: where one channel goes into
 * one, there is nothing but taps to make vectors of, and so pixels are summed up side by side. */
static void add_dots(const struct conv *g, real *frame, const real *x, const real *dy, real *dw,
                     int64_t oy0, int64_t oy1, int fresh)
{
    const int64_t set = fnn_conv_frame_set(g), cols = fnn_conv_frame_cols(g);
    const int64_t taps = g->kh * g->kw, down = g->stride_h * cols, whole = g->ow - g->ow % VL;
    frame_image(frame, g, x, 1, oy0 * g->stride_h - g->pad_h, -g->pad_w,
                fnn_conv_frame_rows(g, oy1 - oy0), g->stride_w, set);
    for (int64_t first = 0; first < taps; first += DOTS) {
        vec sum[DOTS];
        const real *from[DOTS];
        UNROLL for (int i = 0; i < DOTS; i++)
        {
            const int64_t t = first + i < taps ? first + i : first; /* some twice: not kept */
            const int64_t j = t % g->kw * g->dilation_w;
            from[i] =
                frame + t / g->kw * g->dilation_h * cols + j % g->stride_w * set + j / g->stride_w;
            sum[i] = (vec){0};
        }
        for (int64_t oy = oy0; oy < oy1; oy++) {
            const real *row = dy + oy * g->ow;
            const int64_t at = (oy - oy0) * down;
            for (int64_t i = 0; i < whole; i += VL) {
                const vec d = vload(row + i);
                UNROLL for (int t = 0; t < DOTS; t++) sum[t] += d * vload(from[t] + at + i);
            }
            if (whole == g->ow) continue;
            const vec d = vload_part(row + whole, g->ow - whole);
            UNROLL for (int t = 0; t < DOTS; t++) sum[t] +=
                d * vload_part(from[t] + at + whole, g->ow - whole);
        }
        for (int t = 0; t < DOTS && first + t < taps; t++)
            dw[first + t] = vsum(sum[t]) + (fresh ? 0 : dw[first + t]);
    }
}

/* rows of dw (rows, taps, channels) become (rows, channels, taps) */
static void exchange_taps(real *dw, int64_t rows, int64_t channels, int64_t taps, real *copy)
{
    if (channels == 1 || taps == 1) return;
    for (int64_t r = 0; r < rows; r++, dw += channels * taps) {
        memcpy(copy, dw, (size_t)(channels * taps) * sizeof(real));
        for (int64_t t = 0; t < taps; t++)
            for (int64_t c = 0; c < channels; c++) dw[c * taps + t] = copy[t * channels + c];
    }
}

#endif
