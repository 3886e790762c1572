/* Matrix products and column sums. */
#include "../ending.h"
#include "../epilogue.h"
#include "linear_tile.h"
#include "linear_vector.h"

/* One product, or the share of one that a part computes: C(m, n) = init + A(m, k) B(k, n). Rows of
 * C are contiguous; of the steps of A, and of B, one is 1. */
struct product {
    int64_t m, n, k;
    const real *a, *b, *init;
    real *c, *scratch;
    int64_t a_row, a_col, b_row, b_col, c_row, init_row;
    int64_t activation; /* its forward kernel's id, or 0 */
    const double *s;    /* its constants */
};

/* The sizes of matmul.h for this instruction set. A panel of B, NR columns of MOST_K elements, is
 * to stay in the first-level cache while tiles go down a column, and a block of A in the second. */
#if VBYTES == 64
#define MOST_K FNN_MATMUL_DEPTH
#define MOST_M 384
#else
#define MOST_K FNN_MATMUL_MOST_DEPTH
#define MOST_M 144
#endif
#define MOST_N FNN_MATMUL_COLS
#define GROUP (4 * NR) /* columns of B that are packed together: rows may lie far apart */

/* Whether the left operand of so many columns of C is packed: where its rows or columns share few
 * cache sets, a power of two of bytes apart, and where columns are used again and again. */
static int worth_packing(int64_t row, int64_t col, int64_t n, int64_t k)
{
    if (col == 1) return n > 2 * NR && row * (int64_t)sizeof(real) % 4096 == 0 && row;
    return col * (int64_t)sizeof(real) % 1024 ? n > 8 * NR && k > 128 : n > 2 * NR;
}

/* k is cut into equal blocks by its own size alone, so that the order of sums is fixed */
static inline int64_t depth_of(int64_t k)
{
    const int64_t blocks = (k + MOST_K - 1) / MOST_K;
    return blocks > 1 ? ((k + blocks - 1) / blocks + 3) / 4 * 4 : MOST_K;
}

/* A block of the left operand: as it lies, or packed tile by tile. */
struct left {
    const real *a;
    int64_t row, col;
    int64_t tile; /* if packed, the elements of a tile */
};

/* NR elements, or somewhat more: hints may point anywhere */
#define FETCH(p)                                                                                   \
    for (int byte_ = 0; byte_ < NV * VBYTES; byte_ += 64)                                          \
    __builtin_prefetch((const char *)(p) + byte_)

/* The block of the left operand to come, asked for while tiles compute: another CPU may have it. */
struct wanted {
    const char *row;
    int64_t rows, bytes, step, at;
};

static inline void ask(struct wanted *w, int64_t lines)
{
    for (; lines > 0 && w->rows > 0; lines--) {
        __builtin_prefetch(w->row + w->at, 0, 2);
        w->at += 64;
        if (w->at < w->bytes) continue;
        w->at = 0, w->row += w->step, w->rows--;
    }
}

/* A column of tiles. Where they take long, each asks for the next one's part of C, and for its
 * share of the panel of B to come, wherever it now lies, and of A. */
static void column_of_tiles(int64_t rows, int64_t vecs, int64_t k, const struct left *left,
                            const real *b, int64_t b_row, real *c, int64_t c_row, const real *init,
                            int64_t init_row, int64_t last, const real *next, int64_t next_row,
                            struct wanted *w, int64_t lines)
{
    const int64_t count = (rows + MR - 1) / MR, each = rows / count, rest = rows % count;
    const int ahead = k >= 128 && count > 2;
    const real *a = left->a;
    for (int64_t t = 0; t < count; t++) {
        const int64_t r = each + (t < rest);
        if (ahead)
            for (int64_t i = r; i < 2 * r && t < count - 1; i++) FETCH(c + i * c_row);
        if (ahead && next)
            for (int64_t i = k * t / count; i < k * (t + 1) / count; i++)
                FETCH(next + i * next_row);
        if (ahead && w) ask(w, lines);
        tiles[vecs - 1][r - 1](k, a, left->row, left->col, b, b_row, c, c_row, init, init_row,
                               last);
        a += left->tile ? left->tile : r * left->row;
        c += r * c_row;
        if (init) init += r * init_row;
    }
}

/* The block of A behind the one at (i0, k0): further down, or else further right; or nothing. */
static struct wanted block_after(const struct product *p, int64_t i0, int64_t k0, int64_t height,
                                 int64_t depth)
{
    const int64_t i = i0 + height < p->m ? i0 + height : 0, k = i ? k0 : k0 + depth;
    const int64_t rows = least(height, p->m - i), cols = least(depth, p->k - k);
    if (k >= p->k) return (struct wanted){0};
    const char *a = (const char *)(p->a + i * p->a_row + k * p->a_col);
    const int64_t offset = (int64_t)((uintptr_t)a % 64), size = sizeof(real);
    if (p->a_col == 1)
        return (struct wanted){a - offset, rows, cols * size + offset, p->a_row * size, 0};
    return (struct wanted){a - offset, cols, rows * size + offset, p->a_col * size, 0};
}

/* By tiles: a block of A serves all columns; a panel of B, packed when the first rows come to it,
 * serves all rows. */
static void multiply(const struct product *p)
{
    real panel[MOST_K * NR] __attribute__((aligned(64)));
    real *const panels = p->scratch ? p->scratch + fnn_matmul_left(p->m, p->n, p->k) : panel;
    const int64_t wide = p->scratch ? MOST_N : NR;
    const int64_t depth = depth_of(p->k), blocks = (p->m + MOST_M - 1) / MOST_M;
    const int64_t height = ((p->m + blocks - 1) / blocks + MR - 1) / MR * MR;
    const int pack = p->scratch && worth_packing(p->a_row, p->a_col, p->n, p->k);
    for (int64_t j0 = 0; j0 < p->n; j0 += wide)
        for (int64_t k0 = 0; k0 < p->k || k0 == 0; k0 += depth) {
            const int64_t k = least(depth, p->k - k0), end = least(j0 + wide, p->n);
            for (int64_t i0 = 0; i0 < p->m; i0 += height) {
                if (fnn_ending()) return;
                const int64_t m = least(height, p->m - i0);
                struct left left = {p->a + i0 * p->a_row + k0 * p->a_col, p->a_row, p->a_col, 0};
                if (pack) {
                    pack_left(p->scratch, left.a, left.row, left.col, m, k);
                    left = (struct left){p->scratch, 1, LEFT, LEFT_TILE(k)};
                }
                struct wanted w = block_after(p, i0, k0, height, depth);
                const int64_t tiles_now = (end - j0 + NR - 1) / NR * ((m + MR - 1) / MR);
                const int64_t lines = 1 + w.rows * (w.bytes / 64 + 1) / tiles_now;
                for (int64_t j = j0; j < end; j += NR) {
                    const int64_t n = least(NR, end - j), vecs = (n + VL - 1) / VL;
                    const int64_t member = (j - j0) % GROUP, cols = least(GROUP, end - j + member);
                    const real *b = p->b + k0 * p->b_row + j * p->b_col;
                    real *const to = panels + (j - j0) * k;
                    const real *next = 0;
                    int64_t b_row = p->b_row, next_row = b_row;
                    if (p->b_col != 1 && p->n > 1) {
                        if (i0 == 0) pack_columns(to, b, p->b_col, k, n);
                        b = to, b_row = NR;
                    } else if (cols % VL || (m > 2 * MR && k * b_row > 4096)) {
                        if (j + GROUP < end) next = b + GROUP;
                        if (i0 == 0 && member == 0) pack_rows(to, b, b_row, k, cols);
                        b = to, b_row = NR;
                    }
                    if (i0) next = b == to && j + NR < end ? to + k * NR : 0, next_row = NR;
                    real *c = p->c + i0 * p->c_row + j;
                    const real *init = k0 ? c : p->init ? p->init + i0 * p->init_row + j : 0;
                    column_of_tiles(m, vecs, k, &left, b, b_row, c, p->c_row, init,
                                    k0 ? p->c_row : p->init_row, n - (vecs - 1) * VL, next,
                                    next_row, &w, lines);
                    if (k0 + k >= p->k) epilogue(p->activation, p->s, c, p->c_row, m, n);
                }
            }
        }
}

#define CHUNK 64 /* columns of C that are computed as rows, then transposed */
#define CHUNK_LEFT(k) ((CHUNK + MR - 1) / MR * LEFT_TILE(k))

/* C(rows, cols) = init + t(cols, NR) transposed */
static void put_transposed(const real *t, int64_t rows, int64_t cols, real *c, int64_t c_row,
                           const real *init, int64_t init_row)
{
    for (int64_t i = 0; i < rows; i += VL)
        for (int64_t j = 0; j < cols; j += VL) {
            vec block[VL];
            const int64_t width = cols - j < VL ? cols - j : VL;
            UNROLL for (int lane = 0; lane < VL; lane++) block[lane] =
                vload(t + (j + lane) * NR + i);
            transpose(block);
            for (int lane = 0; lane < VL; lane++) {
                if (i + lane >= rows) break;
                real *to = c + (i + lane) * c_row + j;
                if (init) block[lane] += vload_upto(init + (i + lane) * init_row + j, width);
                vstore_upto(to, block[lane], width);
            }
        }
}

/* The same by columns of C, for B with contiguous columns and few rows of A: the right operand is
 * then read element by element, and A, the smaller one, is packed. */
static void multiply_transposed(const struct product *p)
{
    real panel[MOST_K * NR] __attribute__((aligned(64)));
    real result[CHUNK * NR] __attribute__((aligned(64))) = {0};
    const int64_t depth = depth_of(p->k);
    const int pack = p->scratch && worth_packing(p->b_col, p->b_row, p->m, p->k);
    for (int64_t k0 = 0; k0 < p->k || k0 == 0; k0 += depth) {
        const int64_t k = least(depth, p->k - k0);
        for (int64_t j0 = 0; j0 < p->n; j0 += MOST_M) {
            if (fnn_ending()) return;
            const int64_t n = least(MOST_M, p->n - j0);
            const real *b = p->b + k0 * p->b_row + j0 * p->b_col;
            for (int64_t j = 0; pack && j < n; j += CHUNK)
                pack_left(p->scratch + j / CHUNK * CHUNK_LEFT(k), b + j * p->b_col, p->b_col,
                          p->b_row, least(CHUNK, n - j), k);
            for (int64_t i = 0; i < p->m; i += NR) {
                const int64_t m = least(NR, p->m - i), vecs = (m + VL - 1) / VL;
                const real *a = p->a + i * p->a_row + k0 * p->a_col;
                int64_t a_col = p->a_col;
                if (p->a_row != 1 && p->m > 1)
                    pack_columns(panel, a, p->a_row, k, m), a = panel, a_col = NR;
                else if (m % VL || k * a_col > 4096)
                    pack_rows(panel, a, a_col, k, m), a = panel, a_col = NR;
                for (int64_t j = 0; j < n; j += CHUNK) {
                    const int64_t cols = least(CHUNK, n - j);
                    struct left left = {b + j * p->b_col, p->b_col, p->b_row, 0};
                    if (pack)
                        left = (struct left){p->scratch + j / CHUNK * CHUNK_LEFT(k), 1, LEFT,
                                             LEFT_TILE(k)};
                    real *c = p->c + i * p->c_row + j0 + j;
                    const real *init = k0 ? c : p->init ? p->init + i * p->init_row + j0 + j : 0;
                    column_of_tiles(cols, vecs, k, &left, a, a_col, result, NR, 0, 0, VL, 0, 0, 0,
                                    0);
                    put_transposed(result, m, cols, c, p->c_row, init, k0 ? p->c_row : p->init_row);
                    if (k0 + k >= p->k) epilogue(p->activation, p->s, c, p->c_row, m, cols);
                }
            }
        }
    }
}

/* How `parts` parts share count products of m x n: [batch, rows, columns] of the grid of parts.
 * A part's cost is its tiles, and the rows of A and columns of B that it reads for them. */
static void grid_of(int parts, int64_t count, int64_t m, int64_t n, int64_t grain, int grid[3])
{
    double best = 0;
    for (int i = 1; i <= parts; i++)
        for (int j = 1; i * j <= parts; j++) {
            if (parts % i || parts / i % j) continue;
            const int64_t products = (count + i - 1) / i, rows = (m + j - 1) / j;
            const int columns = parts / i / j;
            const int64_t cols = ((n + grain - 1) / grain + columns - 1) / columns * grain;
            const double cost = (double)products * (double)(rows * cols + 8 * rows + 16 * cols);
            if (best == 0 || cost < best) {
                best = cost;
                grid[0] = i;
                grid[1] = j;
                grid[2] = columns;
            }
        }
}

/* How a product is computed; decided by its shape and strides alone, for each has its own order of
 * sums. The vector forms are for one row or one column of C. */
enum form {
    TILES,
    TRANSPOSED_TILES,
    OUTER,       /* one column times one row */
    STRIPS,      /* one row of C: adds rows of B */
    STRIPS_OF_A, /* one column: adds columns of A */
    DOTS,        /* one row: columns of B times the row of A */
    DOTS_OF_A    /* one column: rows of A times the column of B */
};

static enum form form_of(const struct product *p)
{
    if (p->m == 1 && p->b_col == 1 && p->n > 1) return STRIPS;
    if (p->n == 1 && p->a_row == 1 && p->m > 1 && p->c_row == 1 && (!p->init || p->init_row == 1))
        return STRIPS_OF_A;
    if (p->m == 1 && p->b_row == 1 && p->a_col == 1) return DOTS;
    if (p->n == 1 && p->a_col == 1 && p->b_row == 1) return DOTS_OF_A;
    if (p->k == 1 && p->b_col == 1) return OUTER;
    /* one way packs B by columns, the other A, and transposes C */
    if (p->b_col != 1 && (p->a_col != 1 || p->k * (p->n - p->m) > p->m * p->n))
        return TRANSPOSED_TILES;
    /* both are read by whole vectors: of few columns, not whole vectors, make rows */
    if (p->a_col != 1 && p->n % VL && p->n <= 2 * NR && p->n < p->m && p->k >= 64)
        return TRANSPOSED_TILES;
    return TILES;
}

/* rows i0..i1 and columns j0..j1 of C */
static void multiply_region(struct product *p, enum form form, int64_t i0, int64_t i1, int64_t j0,
                            int64_t j1)
{
    const int64_t n = p->n, m = p->m;
    real *c = p->c;
    const real *init = p->init;
    p->m = i1 - i0, p->n = j1 - j0;
    p->a += i0 * p->a_row, p->b += j0 * p->b_col, p->c += i0 * p->c_row + j0;
    if (init) p->init += i0 * p->init_row + j0;
    switch (form) {
    case TILES:
        multiply(p);
        return;
    case TRANSPOSED_TILES:
        multiply_transposed(p);
        return;
    case OUTER:
        outer(p->c, p->c_row, p->m, p->n, p->a, p->a_row, p->b, p->init, p->init_row);
        break;
    case STRIPS:
        strips(c, p->a, p->a_col, p->k, p->b - j0, p->b_row, n, j0, j1, init);
        break;
    case STRIPS_OF_A:
        strips(c, p->b, p->b_row, p->k, p->a - i0, p->a_col, m, i0, i1, init);
        break;
    case DOTS:
        dots(p->c, 1, p->b, p->b_col, p->n, p->k, p->a, p->init, 1, n == 1);
        break;
    case DOTS_OF_A:
        dots(p->c, p->c_row, p->a, p->a_row, p->m, p->k, p->b, p->init, p->init_row, m == 1);
    }
    epilogue(p->activation, p->s, p->c, p->c_row, p->m, p->n);
}

/* C = act(init + A B), over up to six batch dimensions (products that share operands have step 0).
 * p: C(..., m, n), scratch or null, A(..., m, k), B(..., k, n), init or null. Scratch has
 *    fnn_matmul_scratch(m, n, k) elements for each part. init is C (accumulate), or (m, n), or (n):
 *    a bias.
 * n: m, n, k, row and column step of A, of B, row step of C and of init (0: a bias), activation (id
 *    of its forward kernel, or 0),
 *    number of batch dimensions, C's step from product to product, then per dimension its size and
 *    the steps of A and B. Of A's two steps, and of B's, one is 1; columns of C and init have 1.
 * s: 0..3 constants of the activation.
 * Source: Goto and van de Geijn (2008); Van Zee and van de Geijn (2015). */
static void matmul(const fnn_args *a, int part, int parts)
{
    const int64_t *n = a->n, dims = n[10];
    struct product p = {.m = n[0], .n = n[1], .k = n[2]};
    p.c = a->p[0], p.scratch = a->p[1], p.a = a->p[2], p.b = a->p[3], p.init = a->p[4];
    p.a_row = n[3], p.a_col = n[4], p.b_row = n[5], p.b_col = n[6];
    p.c_row = n[7], p.init_row = n[8], p.activation = n[9];
    p.s = a->s;
    if (p.init == p.c) p.init_row = p.c_row;
    const enum form form = form_of(&p);
    const int64_t grain_m = form == STRIPS_OF_A ? STRIP : form == DOTS_OF_A ? DOT_ROWS : 1;
    const int64_t grain_n = form == STRIPS  ? STRIP
                            : form == DOTS  ? DOT_ROWS
                            : form == TILES ? NR
                            : form == OUTER ? WIDTH
                                            : 1;
    int64_t count = 1, begin, end, i0, i1, j0, j1;
    int grid[3] = {1, 1, 1};
    for (int d = 0; d < dims; d++) count *= n[FNN_MATMUL_DIM(d)];
    if (parts > 1) grid_of(parts, count, p.m, p.n, grain_n, grid);
    share(count, 1, part / (grid[1] * grid[2]), grid[0], &begin, &end);
    share(p.m, grain_m, part / grid[2] % grid[1], grid[1], &i0, &i1);
    share(p.n, grain_n, part % grid[2], grid[2], &j0, &j1);
    if (i0 == i1 || j0 == j1) return;
    if (p.scratch) p.scratch += part * fnn_matmul_scratch(p.m, p.n, p.k);
    for (int64_t i = begin; i < end; i++) {
        struct product q = p;
        int64_t index = i;
        for (int d = (int)dims - 1; d >= 0; d--) {
            const int64_t *dim = n + FNN_MATMUL_DIM(d), at = index % dim[0];
            q.a += at * dim[1];
            q.b += at * dim[2];
            index /= dim[0];
        }
        q.c += i * n[11];
        if (p.init == p.c) q.init = q.c;
        multiply_region(&q, form, i0, i1, j0, j1);
    }
}

/* One row times a matrix whose columns threads had better not share, for each would read a piece of
 * every row: the terms are cut into blocks, to be added up by column_sums.
 * p: y(blocks, n), x(k), B(k, n)     n: blocks, n, k, step of x, row step of B */
static void strip_sums(const fnn_args *a, int part, int parts)
{
    const int64_t blocks = a->n[0], n = a->n[1], k = a->n[2], x_step = a->n[3], b_row = a->n[4];
    real *y = a->p[0];
    const real *x = a->p[1], *b = a->p[2];
    int64_t begin, end, i0, i1;
    share(blocks, 1, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        share(k, 8, (int)i, (int)blocks, &i0, &i1);
        sweep_all(y + i * n, x + i0 * x_step, x_step, i1 - i0, b + i0 * b_row, b_row, n);
    }
}

/* y = init + sum over i of x[i], rows added up in blocks, blocks in order: a bias's gradient.
 * p: y(n), x(m, n), init(n) or null     n: m, n, row step of x     (x's columns have step 1) */
static void column_sums(const fnn_args *a, int part, int parts)
{
    static const real one = 1;
    int64_t begin, end;
    share(a->n[1], STRIP, part, parts, &begin, &end);
    if (begin < end)
        strips(a->p[0], &one, 0, a->n[0], a->p[1], a->n[2], a->n[1], begin, end, a->p[2]);
}

FNN_EXPORT(linear, FNN_LINEAR)
