/* What the convolution kernels and their caller agree on: the geometry, and how much scratch it
 * wants. */
#ifndef FASTNN_CONV_H
#define FASTNN_CONV_H

#include "matmul.h"
#include <stdint.h>

/* A convolution: x (num, groups * in, ih, iw), y (num, groups * out, oh, ow),
 * weight (groups * out, in, kh, kw), read from n in this order. */
struct conv {
    int64_t num, groups, in, ih, iw, out, oh, ow, kh, kw;
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int64_t
        transposed; /* x is read as if stride_h - 1, stride_w - 1 zeros stood between its rows and
                       columns, and the filter slides by one: a convolution's input gradient */
};

static inline struct conv fnn_conv_of(const int64_t *n)
{
    return (struct conv){n[0], n[1],  n[2],  n[3],  n[4],  n[5],  n[6],  n[7], n[8],
                         n[9], n[10], n[11], n[12], n[13], n[14], n[15], n[16]};
}

/* channels and taps that are summed up in registers, at most `most` of both: whole channels where
 * they fit */
struct depth {
    int64_t channels, taps;
};

static inline struct depth fnn_conv_depth(const struct conv *g, int64_t most)
{
    const int64_t taps = g->kh * g->kw;
    if (taps > most) return (struct depth){1, most};
    const int64_t blocks = (g->in + most / taps - 1) / (most / taps);
    return (struct depth){(g->in + blocks - 1) / blocks, taps};
}

#define FNN_CONV_DEPTH 320 /* summed up at once from a frame: with its weights half of L1 */
#define FNN_CONV_ROWS 8    /* rows of y that a part takes at least */
#define FNN_CONV_FRAME                                                                             \
    32768 /* elements of framed images: well inside of the second-level cache                      \
           */
#define FNN_CONV_FILTERS                                                                           \
    65536                 /* elements of filters that are packed at once: half of that cache       \
                           */
#define FNN_CONV_SLACK 64 /* whole vectors are read, up to here past the end */

/* A frame is a part of an image with its padding. For `rows` rows of y it has frame_rows rows of
 * `frame_cols` columns. */
static inline int64_t fnn_conv_frame_rows(const struct conv *g, int64_t rows)
{
    const int64_t stride = g->transposed ? 1 : g->stride_h;
    return (rows - 1) * stride + (g->kh - 1) * g->dilation_h + 1;
}

/* columns of each of the `stride` sets into which they are sorted, so that y's read neighbours */
static inline int64_t fnn_conv_frame_set(const struct conv *g)
{
    const int64_t stride = g->transposed ? 1 : g->stride_w;
    return g->ow + (g->kw - 1) * g->dilation_w / stride;
}

static inline int64_t fnn_conv_frame_cols(const struct conv *g)
{
    return fnn_conv_frame_set(g) * (g->transposed ? 1 : g->stride_w);
}

/* rows of y, a multiple of FNN_CONV_ROWS, whose frame of `channels` is kept at once */
static inline int64_t fnn_conv_rows(const struct conv *g, int64_t channels)
{
    const int64_t fit = FNN_CONV_FRAME / (channels * fnn_conv_frame_cols(g));
    const int64_t left = fit - fnn_conv_frame_rows(g, 1),
                  all = (g->oh + FNN_CONV_ROWS - 1) / FNN_CONV_ROWS * FNN_CONV_ROWS;
    int64_t rows = left < 0 ? 0 : left / (g->transposed ? 1 : g->stride_h) + 1;
    rows -= rows % FNN_CONV_ROWS;
    return rows < FNN_CONV_ROWS ? FNN_CONV_ROWS : rows < all ? rows : all;
}

static inline int64_t fnn_conv_frame(const struct conv *g, int64_t channels)
{
    const int64_t rows = fnn_conv_frame_rows(g, fnn_conv_rows(g, channels));
    return (rows * fnn_conv_frame_cols(g) * channels + FNN_CONV_SLACK + 15) / 16 * 16;
}

/* Whether a convolution may read y's neighbours from a frame instead of packing patches. */
static inline int fnn_conv_frames(const struct conv *g)
{
    return g->kh * g->kw > 1 && g->kh * g->kw <= FNN_MATMUL_DEPTH &&
           !(g->transposed && g->stride_h * g->stride_w > 1);
}

/* Whether y's channels, instead of its pixels, may make up vectors: the depth of a row of the
 * filter has to be worth a tile's start, and all filters are packed for each part. */
static inline int64_t fnn_conv_filters(const struct conv *g)
{
    return g->in * g->kh * g->kw * ((g->out + 31) / 32 * 32);
}
static inline int fnn_conv_pixels(const struct conv *g)
{
    return fnn_conv_frames(g) && g->dilation_w == 1 && g->out >= 8 && g->kw * g->in >= 16 &&
           g->kw * g->in <= FNN_MATMUL_DEPTH && fnn_conv_filters(g) <= FNN_CONV_FILTERS;
}

/* Elements of scratch that one part wants: for y, and for the weight's gradient: all channels of
 * the frame, and one filter. */
static inline int64_t fnn_conv_scratch(const int64_t *n)
{
    const struct conv g = fnn_conv_of(n);
    if (!fnn_conv_frames(&g)) return 0;
    const int64_t some = fnn_conv_frame(&g, fnn_conv_depth(&g, FNN_CONV_DEPTH).channels);
    if (!fnn_conv_pixels(&g)) return some;
    /* the instruction set decides which way it goes; more channels may want fewer rows */
    const int64_t all = fnn_conv_frame(&g, g.in) + fnn_conv_filters(&g);
    return some > all ? some : all;
}

static inline int64_t fnn_conv_weight_scratch(const int64_t *n)
{
    const struct conv g = fnn_conv_of(n);
    return fnn_conv_frame(&g, g.in) + (g.in * g.kh * g.kw + 15) / 16 * 16;
}

#endif
