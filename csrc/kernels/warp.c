/* Images read at places between their pixels, and the gradients of image and places.
 * N images, C channels of H x W pixels, P places for each image. */
#include "../rows.h"

enum { LINEAR, NEAREST, CUBIC };
enum { ZEROS, BORDER, REFLECTION };
enum { AT_ONCE = 64, TAPS = 16 };

/* n: N, C, H, W, P, LINEAR.., ZEROS.., align_corners */
struct warp {
    int64_t N, C, H, W, P, mode, padding, align;
};

static inline struct warp warp_of(const fnn_args *a)
{
    const int64_t *n = a->n;
    return (struct warp){n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]};
}

/* For AT_ONCE places: the pixels that have a part in each (-1: none), their weights, and how these
 * change with the place's x and y. */
struct taps {
    int64_t at[TAPS][AT_ONCE];
    real w[TAPS][AT_ONCE], dx[TAPS][AT_ONCE], dy[TAPS][AT_ONCE];
};

/* along one axis: up to four pixels (-1: beyond the border), weights and slopes */
struct axis {
    int64_t at[4];
    real w[4], slope[4];
};

static inline real reflected(real at, int64_t size, int64_t align, real *slope)
{
    const real low = align ? 0 : (real)-0.5, span = (real)(align ? size - 1 : size);
    if (span == 0) return *slope = 0;
    if (at < low) *slope = -*slope;
    const real far = (real)fabs(at - low), turns = (real)floor(far / span);
    const real rest = far - turns * span;
    if (turns - 2 * (real)floor(turns / 2) == 0) return rest + low;
    *slope = -*slope;
    return span - rest + low;
}

static inline real kept_inside(const struct warp *g, real at, int64_t size, real *slope)
{
    if (g->padding == ZEROS) return at;
    if (g->padding == REFLECTION) at = reflected(at, size, g->align, slope);
    if (at > 0 && at < (real)(size - 1)) return at;
    *slope = 0;
    return at > 0 ? (real)(size - 1) : 0;
}

/* a whole place as a pixel's number, or -1 */
static inline int64_t pixel(real at, int64_t size)
{
    return at >= 0 && at < (real)size ? (int64_t)at : -1;
}

/* Source: Keys (1981), with the slope -0.75 that PyTorch has */
static inline void cubic(real t, real slope, real *w, real *change)
{
    const real A = (real)-0.75, s[4] = {t + 1, t, 1 - t, 2 - t};
    for (int k = 0; k < 4; k++) {
        const int near = k == 1 || k == 2;
        w[k] = near ? ((A + 2) * s[k] - (A + 3)) * s[k] * s[k] + 1
                    : ((A * s[k] - 5 * A) * s[k] + 8 * A) * s[k] - 4 * A;
        const real d = near ? (3 * (A + 2) * s[k] - 2 * (A + 3)) * s[k]
                            : (3 * A * s[k] - 10 * A) * s[k] + 8 * A;
        change[k] = k < 2 ? d * slope : -d * slope;
    }
}

/* v: from -1 to 1; returns how many pixels there are */
static inline int axis_of(const struct warp *g, real v, int64_t size, struct axis *out)
{
    real slope = (real)(g->align ? size - 1 : size) / 2;
    real at = g->align ? (v + 1) * slope : ((v + 1) * (real)size - 1) / 2;
    if (g->mode != CUBIC) at = kept_inside(g, at, size, &slope);
    if (!(at > -1e8 && at < 1e8)) at = -100, slope = 0; /* NaN, too: nothing is read there */
    if (g->mode == NEAREST) {
        *out = (struct axis){.at = {pixel((real)rint(at), size)}, .w = {1}};
        return 1;
    }
    const real first = (real)floor(at), t = at - first;
    if (g->mode == LINEAR) {
        *out = (struct axis){.at = {pixel(first, size), pixel(first + 1, size)},
                             .w = {1 - t, t},
                             .slope = {-slope, slope}};
        return 2;
    }
    cubic(t, slope, out->w, out->slope);
    for (int k = 0; k < 4; k++) {
        real ignored = 0;
        out->at[k] = pixel(kept_inside(g, first + (real)(k - 1), size, &ignored), size);
    }
    return 4;
}

/* `count` places of (x, y) pairs; returns how many taps each has */
static int taps_of(const struct warp *g, const real *places, int64_t count, struct taps *t)
{
    int taps = 0;
    for (int64_t i = 0; i < count; i++) {
        struct axis x, y;
        const int kx = axis_of(g, places[2 * i], g->W, &x);
        const int ky = axis_of(g, places[2 * i + 1], g->H, &y);
        taps = kx * ky;
        for (int r = 0, k = 0; r < ky; r++)
            for (int c = 0; c < kx; c++, k++) {
                t->at[k][i] = x.at[c] < 0 || y.at[r] < 0 ? -1 : y.at[r] * g->W + x.at[c];
                t->w[k][i] = y.w[r] * x.w[c];
                t->dx[k][i] = y.w[r] * x.slope[c];
                t->dy[k][i] = y.slope[r] * x.w[c];
            }
    }
    return taps;
}

/* p: y (N, C, P), x (N, C, H W), places (N, P, 2)
 * Source: torch.nn.functional.grid_sample */
static void grid_sample_forward(const fnn_args *a, int part, int parts)
{
    const struct warp g = warp_of(a);
    const int64_t blocks = (g.P + AT_ONCE - 1) / AT_ONCE, pixels = g.H * g.W;
    struct taps t;
    int64_t b, end;
    share(g.N * blocks, 1, part, parts, &b, &end);
    for (; b < end; b++) {
        const int64_t n = b / blocks, p = b % blocks * AT_ONCE, count = least(AT_ONCE, g.P - p);
        const int taps = taps_of(&g, (const real *)a->p[2] + 2 * (n * g.P + p), count, &t);
        for (int64_t c = n * g.C; c < (n + 1) * g.C; c++) {
            real *y = (real *)a->p[0] + c * g.P + p;
            const real *x = (const real *)a->p[1] + c * pixels;
            memset(y, 0, (size_t)count * sizeof(real));
            for (int k = 0; k < taps; k++)
                for (int64_t i = 0; i < count; i++)
                    y[i] += t.at[k][i] < 0 ? 0 : t.w[k][i] * x[t.at[k][i]];
        }
    }
}

/* A share owns planes of dx; the taps are found once for all of its planes of an image.
 * p: dx (N, C, H W), dy (N, C, P), places */
static void grid_sample_backward(const fnn_args *a, int part, int parts)
{
    const struct warp g = warp_of(a);
    const int64_t pixels = g.H * g.W;
    real *dx = a->p[0];
    struct taps t;
    int64_t begin, end;
    share(g.N * g.C, 1, part, parts, &begin, &end);
    memset(dx + begin * pixels, 0, (size_t)((end - begin) * pixels) * sizeof(real));
    while (begin < end) {
        const int64_t n = begin / g.C, last = least(end, (n + 1) * g.C);
        for (int64_t p = 0; p < g.P; p += AT_ONCE) {
            const int64_t count = least(AT_ONCE, g.P - p);
            const int taps = taps_of(&g, (const real *)a->p[2] + 2 * (n * g.P + p), count, &t);
            for (int64_t c = begin; c < last; c++) {
                const real *dy = (const real *)a->p[1] + c * g.P + p;
                real *plane = dx + c * pixels;
                for (int k = 0; k < taps; k++)
                    for (int64_t i = 0; i < count; i++)
                        if (t.at[k][i] >= 0) plane[t.at[k][i]] += t.w[k][i] * dy[i];
            }
        }
        begin = last;
    }
}

/* p: dplaces (N, P, 2), dy (N, C, P), x (N, C, H W), places */
static void grid_sample_places_backward(const fnn_args *a, int part, int parts)
{
    const struct warp g = warp_of(a);
    const int64_t blocks = (g.P + AT_ONCE - 1) / AT_ONCE, pixels = g.H * g.W;
    struct taps t;
    int64_t b, end;
    share(g.N * blocks, 1, part, parts, &b, &end);
    for (; b < end; b++) {
        const int64_t n = b / blocks, p = b % blocks * AT_ONCE, count = least(AT_ONCE, g.P - p);
        const int taps = taps_of(&g, (const real *)a->p[3] + 2 * (n * g.P + p), count, &t);
        real along_x[AT_ONCE] = {0}, along_y[AT_ONCE] = {0};
        for (int64_t c = n * g.C; c < (n + 1) * g.C; c++) {
            const real *dy = (const real *)a->p[1] + c * g.P + p;
            const real *x = (const real *)a->p[2] + c * pixels;
            for (int k = 0; k < taps; k++)
                for (int64_t i = 0; i < count; i++) {
                    const real value = t.at[k][i] < 0 ? 0 : dy[i] * x[t.at[k][i]];
                    along_x[i] += t.dx[k][i] * value;
                    along_y[i] += t.dy[k][i] * value;
                }
        }
        real *out = (real *)a->p[0] + 2 * (n * g.P + p);
        for (int64_t i = 0; i < count; i++) out[2 * i] = along_x[i], out[2 * i + 1] = along_y[i];
    }
}

FNN_EXPORT(warp, FNN_WARP)
