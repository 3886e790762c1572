/* Convolutions as matrix products whose right operand, the patches, is read from a frame (an image
 * with its padding), or where rows of y are too short for that, packed one panel at a time. */
#include "../epilogue.h"
#include "conv_frame.h"
#include "conv_pixels.h"

static void rows_of_tiles(int64_t rows, int64_t vecs, int64_t k, const real *a, int64_t a_row,
                          const real *b, int64_t b_row, real *c, int64_t c_row, int64_t last)
{
    const int64_t count = (rows + MR - 1) / MR, each = rows / count, rest = rows % count;
    for (int64_t t = 0; t < count; t++) {
        const int64_t r = each + (t < rest);
        tiles[vecs - 1][r - 1](k, a, a_row, 1, b, b_row, c, c_row, c, c_row, last);
        a += r * a_row;
        c += r * c_row;
    }
}

/* y rows = bias (or zero), in columns 0..cols */
static void fill_rows(real *y, int64_t row, int64_t rows, int64_t cols, const real *bias)
{
    for (int64_t r = 0; r < rows; r++, y += row) {
        const vec b = vset(bias ? bias[r] : 0);
        int64_t j = 0;
        for (; j + VL <= cols; j += VL) vstore(y + j, b);
        if (j < cols) vstore_part(y + j, b, cols - j);
    }
}

/* one tap of one channel for each output: y[i] += w x[...], taps in order */
static void depthwise(const struct conv *g, const real *x, const real *w, real *y)
{
    for (int64_t oy = 0; oy < g->oh; oy++, y += g->ow)
        for (int64_t t = 0; t < g->kh * g->kw; t++) {
            const int64_t ky = t / g->kw, kx = t - ky * g->kw;
            const struct run row =
                run_of(oy, oy + 1, g->stride_h, shift_of(g, ky, 0), g->ih, g->transposed);
            const struct run run =
                run_of(0, g->ow, g->stride_w, shift_of(g, kx, 1), g->iw, g->transposed);
            if (row.begin >= row.end || run.begin >= run.end) continue;
            const real *from = x + row.source * g->iw + run.source;
            const int64_t step = g->transposed ? 1 : g->stride_w;
            int64_t i = run.begin;
            if (step == 1 && run.step == 1) {
                for (; i + VL <= run.end; i += VL, from += VL)
                    vstore(y + i, vload(y + i) + vset(w[t]) * vload(from));
                if (i < run.end)
                    vstore_part(y + i,
                                vload_part(y + i, run.end - i) +
                                    vset(w[t]) * vload_part(from, run.end - i),
                                run.end - i);
            } else {
                for (; i < run.end; i += run.step, from += step) y[i] += w[t] * *from;
            }
        }
}

/* y[n,o,p] = act(bias[o] + sum over c and taps t of w[o,c,t] x[n, c, input of p under t])
 * p: y (num, groups * out, oh, ow), scratch or null, x (num, groups * in, ih, iw),
 *    w (groups * out, in, kh, kw), bias (groups * out) or null. Scratch has fnn_conv_scratch(n)
 *    elements for each part.
 * n: struct conv, activation (id of its forward kernel, or 0). s: its constants. Parts share
 * (image, group, rows or panel of outputs); each element's sum has one order. Source:
 * torch.nn.functional.conv2d; with n[16] (transposed) the gradient of its input, and
 * conv_transpose2d, for w with its first two dimensions exchanged. */
static void conv_forward(const fnn_args *a, int part, int parts)
{
    real panel[KC * NR] __attribute__((aligned(64)));
    const struct conv g = fnn_conv_of(a->n);
    const struct depth d = fnn_conv_depth(&g, KC);
    const int64_t outputs = g.oh * g.ow, panels = (outputs + NR - 1) / NR, taps = g.kh * g.kw;
    const int64_t plane = g.ih * g.iw, k_all = g.in * taps;
    const int direct = taps == 1 && !g.transposed && g.stride_h == 1 && g.stride_w == 1 &&
                       g.pad_h == 0 && g.pad_w == 0;
    const real *bias = a->p[4];
    const int64_t act = a->n[17];
    int64_t item, end;
    if (g.in == 1 && g.out == 1 && !reads_frames(&g)) {
        share(g.num * g.groups, 1, part, parts, &item, &end);
        for (; item < end; item++) {
            real *y = (real *)a->p[0] + item * outputs;
            const int64_t group = item % g.groups;
            fill_rows(y, 0, 1, outputs, bias ? bias + group : 0);
            depthwise(&g, (const real *)a->p[2] + item * plane,
                      (const real *)a->p[3] + group * taps, y);
            epilogue(act, a->s, y, outputs, 1, outputs);
        }
        return;
    }
    if (reads_frames(&g) || reads_pixels(&g)) {
        const int pixels = reads_pixels(&g);
        real *frame = (real *)a->p[1] + part * fnn_conv_scratch(a->n);
        real *panels = frame + fnn_conv_frame(&g, g.in);
        int64_t packed = -1; /* the group whose filters these are */
        const int64_t bands = (g.oh + FNN_CONV_ROWS - 1) / FNN_CONV_ROWS;
        const int64_t channels = pixels ? g.in : fnn_conv_depth(&g, FNN_CONV_DEPTH).channels;
        const int64_t most = fnn_conv_rows(&g, channels) / FNN_CONV_ROWS;
        share(g.num * g.groups * bands, 1, part, parts, &item, &end);
        while (item < end) {
            const int64_t image = item / bands, group = image % g.groups, band = item % bands;
            int64_t count = bands - band < most ? bands - band : most;
            if (count > end - item) count = end - item;
            const int64_t oy0 = band * FNN_CONV_ROWS, after = oy0 + count * FNN_CONV_ROWS;
            const int64_t oy1 = after < g.oh ? after : g.oh;
            real *y = (real *)a->p[0] + image * g.out * outputs;
            const real *x = (const real *)a->p[2] + image * g.in * plane;
            const real *w = (const real *)a->p[3] + group * g.out * k_all;
            const real *b = bias ? bias + group * g.out : 0;
            if (pixels && packed != group) pack_filters(panels, &g, w), packed = group;
            if (pixels)
                conv_pixels(&g, x, panels, b, y, oy0, oy1, frame);
            else
                conv_rows(&g, x, w, b, y, oy0, oy1, frame);
            epilogue(act, a->s, y + oy0 * g.ow, outputs, g.out, (oy1 - oy0) * g.ow);
            item += count;
        }
        return;
    }
    share(g.num * g.groups * panels, 1, part, parts, &item, &end);
    for (; item < end; item++) {
        if (fnn_ending()) return;
        const int64_t image = item / panels, group = image % g.groups, p0 = item % panels * NR;
        const int64_t cols = outputs - p0 < NR ? outputs - p0 : NR, vecs = (cols + VL - 1) / VL;
        const real *x = (const real *)a->p[2] + image * g.in * plane;
        const real *w = (const real *)a->p[3] + group * g.out * k_all;
        real *y = (real *)a->p[0] + image * g.out * outputs + p0;
        fill_rows(y, outputs, g.out, cols, bias ? bias + group * g.out : 0);
        for (int64_t c0 = 0; c0 < g.in; c0 += d.channels) {
            const int64_t c1 = c0 + d.channels < g.in ? c0 + d.channels : g.in;
            for (int64_t t0 = 0; t0 < taps; t0 += d.taps) {
                const int64_t t1 = t0 + d.taps < taps ? t0 + d.taps : taps;
                const real *b = panel;
                int64_t b_row = NR;
                if (direct && cols % VL == 0)
                    b = x + c0 * plane + p0, b_row = plane;
                else
                    pack_patches(panel, NR, &g, x, c0, c1, t0, t1, p0, p0 + cols);
                rows_of_tiles(g.out, vecs, (c1 - c0) * (t1 - t0), w + c0 * taps + t0, k_all, b,
                              b_row, y, outputs, cols - (vecs - 1) * VL);
            }
        }
        epilogue(act, a->s, y, outputs, g.out, cols);
    }
}

/* Per block of images, dw[b,o,c,t] = sum over its images n and outputs p of dy[n,o,p] x[n, c, input
 * of p under t]; the blocks' sum is column_sums' work. As many blocks as the shape says, so that
 * the bits do not depend on parts. p: dw (blocks, groups * out, in, kh, kw), scratch of
 * fnn_conv_weight_scratch(n) elements for each part, dy (num, groups * out, oh, ow), x
 * n: struct conv, then blocks. Parts share (block, group, tile of out). */
static void conv_weight_backward(const fnn_args *a, int part, int parts)
{
    const struct conv g = fnn_conv_of(a->n);
    const int64_t blocks = a->n[17], taps = g.kh * g.kw, k_all = g.in * taps;
    const int64_t outputs = g.oh * g.ow, plane = g.ih * g.iw, tiles = tiles_of(g.out);
    const int64_t most = fnn_conv_rows(&g, g.in), cols = fnn_conv_frame_cols(&g);
    real *frame = (real *)a->p[1] + part * fnn_conv_weight_scratch(a->n);
    int64_t item, end;
    share(blocks * g.groups * tiles, 1, part, parts, &item, &end);
    while (item < end) {
        const int64_t t0 = item % tiles, group = item / tiles % g.groups;
        const int64_t block = item / tiles / g.groups;
        const int64_t t1 = tiles - t0 < end - item ? tiles : t0 + end - item;
        const int64_t o0 = tile_begin(g.out, t0), o1 = tile_begin(g.out, t1);
        real *dw = (real *)a->p[0] + (block * g.groups + group) * g.out * k_all;
        int64_t n0, n1;
        share(g.num, 1, (int)block, (int)blocks, &n0, &n1);
        if (n0 == n1) memset(dw + o0 * k_all, 0, (size_t)((o1 - o0) * k_all) * sizeof(real));
        for (int64_t n = n0; n < n1; n++)
            for (int64_t oy = 0; oy < g.oh; oy += most) {
                if (fnn_ending()) return;
                const int64_t rows = g.oh - oy < most ? g.oh - oy : most, i = n * g.groups + group;
                if (g.in == 1 && g.out == 1) {
                    add_dots(&g, frame, (const real *)a->p[3] + i * plane,
                             (const real *)a->p[2] + i * outputs, dw, oy, oy + rows,
                             n == n0 && oy == 0);
                    continue;
                }
                frame_pixels(frame, &g, (const real *)a->p[3] + i * g.in * plane,
                             oy * g.stride_h - g.pad_h, -g.pad_w, fnn_conv_frame_rows(&g, rows),
                             cols);
                add_rows(&g, frame, (const real *)a->p[2] + i * g.out * outputs, dw, t0, t1, oy,
                         oy + rows, n == n0 && oy == 0);
            }
        exchange_taps(dw + o0 * k_all, o1 - o0, g.in, taps, frame);
        item += t1 - t0;
    }
}

/* db[o] = init[o] + sum over n and p of dy[n,o,p]
 * p: db (channels), dy (num, channels, size), init (channels) or null    n: num, channels, size */
static void conv_bias_backward(const fnn_args *a, int part, int parts)
{
    const int64_t num = a->n[0], channels = a->n[1], size = a->n[2];
    const real *init = a->p[2];
    int64_t o, end;
    share(channels, 1, part, parts, &o, &end);
    for (; o < end; o++) {
        vec sum[2] = {{0}, {0}};
        for (int64_t n = 0; n < num; n++) {
            const real *dy = (const real *)a->p[1] + (n * channels + o) * size;
            vec image[2] = {{0}, {0}};
            int64_t i = 0;
            for (; i + 2 * VL <= size; i += 2 * VL) {
                image[0] += vload(dy + i);
                image[1] += vload(dy + i + VL);
            }
            if (i + VL <= size) image[0] += vload(dy + i), i += VL;
            if (i < size) image[1] += vload_part(dy + i, size - i);
            sum[0] += image[0];
            sum[1] += image[1];
        }
        ((real *)a->p[0])[o] = vsum(sum[0] + sum[1]) + (init ? init[o] : 0);
    }
}

FNN_EXPORT(conv, FNN_CONV)
