/* Moving elements without computing: copies between any strides, conversions, triangles. */
#include "../kernel.h"

/* A copy as the loops see it: strides in bytes, sizes of one dropped, dimensions in falling order
 * of the output's strides, neighbours merged where both sides step evenly. */
typedef struct {
    int ndim;
    int64_t shape[FNN_DIMS], out[FNN_DIMS], in[FNN_DIMS];
} box;

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

static void normalize(box *b, const int64_t *shape, const int64_t *out, const int64_t *in, int ndim,
                      int64_t bytes)
{
    int used = 0;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] == 1) continue;
        int at = used++;
        for (; at > 0 && magnitude(b->out[at - 1]) < magnitude(out[d] * bytes); at--) {
            b->shape[at] = b->shape[at - 1];
            b->out[at] = b->out[at - 1];
            b->in[at] = b->in[at - 1];
        }
        b->shape[at] = shape[d];
        b->out[at] = out[d] * bytes;
        b->in[at] = in[d] * bytes;
    }
    int last = 0;
    for (int d = 1; d < used; d++) {
        if (b->out[last] == b->out[d] * b->shape[d] && b->in[last] == b->in[d] * b->shape[d]) {
            b->shape[last] *= b->shape[d];
        } else {
            b->shape[++last] = b->shape[d];
        }
        b->out[last] = b->out[d];
        b->in[last] = b->in[d];
    }
    b->ndim = used ? last + 1 : 1;
    if (!used) {
        b->shape[0] = 1;
        b->out[0] = b->in[0] = bytes;
    }
}

/* One share: a piece of the outermost dimension that is long enough, or else of the longest. */
static void cut(box *b, char **out, const char **in, int part, int parts)
{
    if (parts == 1) return;
    int d = 0;
    while (d < b->ndim - 1 && b->shape[d] < parts) d++;
    for (int k = 0; k < b->ndim; k++)
        if (b->shape[d] < parts && b->shape[k] > b->shape[d]) d = k;
    int64_t begin, end;
    share(b->shape[d], d == b->ndim - 1 ? 64 : 1, part, parts, &begin, &end);
    *out += begin * b->out[d];
    *in += begin * b->in[d];
    b->shape[d] = end - begin;
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define TILES 1
#endif
#endif
typedef uint32_t four __attribute__((vector_size(16)));
typedef uint64_t two __attribute__((vector_size(16)));
typedef uint32_t four_unaligned __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint64_t two_unaligned __attribute__((vector_size(16), aligned(8), may_alias));

/* Exchanges rows and columns of a 4x4 or 2x2 tile; strides in bytes from row to row. */
#ifdef TILES
static inline void tile_4(char *y, int64_t out, const char *x, int64_t in)
{
    four a = *(const four_unaligned *)x, b = *(const four_unaligned *)(x + in);
    four c = *(const four_unaligned *)(x + 2 * in), d = *(const four_unaligned *)(x + 3 * in);
    four ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    four cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    four ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    four cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four_unaligned *)y = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
    *(four_unaligned *)(y + out) = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
    *(four_unaligned *)(y + 2 * out) = __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5);
    *(four_unaligned *)(y + 3 * out) = __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
}

static inline void tile_8(char *y, int64_t out, const char *x, int64_t in)
{
    two a = *(const two_unaligned *)x, b = *(const two_unaligned *)(x + in);
    *(two_unaligned *)y = __builtin_shufflevector(a, b, 0, 2);
    *(two_unaligned *)(y + out) = __builtin_shufflevector(a, b, 1, 3);
}
#define STEP_4 4
#define STEP_8 2
#else
#define STEP_4 1
#define STEP_8 1
#define tile_4(y, out, x, in) (*(uint32_t *)(y) = *(const uint32_t *)(x))
#define tile_8(y, out, x, in) (*(uint64_t *)(y) = *(const uint64_t *)(x))
#endif
#define STEP_1 1
#define tile_1(y, out, x, in) (*(y) = *(x))

/* row_<bytes>: one dimension, any strides. turn_<bytes>: two dimensions, rows x columns of the
 * output, whose rows are dense where the input's columns are: blocks of 64 x 64 stay in cache. */
#define MOVES(bytes, type)                                                                         \
    static void row_##bytes(char *y, int64_t out, const char *x, int64_t in, int64_t count)        \
    {                                                                                              \
        if (out == bytes && in == bytes) {                                                         \
            memcpy(y, x, (size_t)(count * bytes));                                                 \
        } else if (out == bytes && in == 0) {                                                      \
            const type v = *(const type *)x;                                                       \
            for (int64_t i = 0; i < count; i++) ((type *)y)[i] = v;                                \
        } else if (out == bytes) {                                                                 \
            for (int64_t i = 0; i < count; i++) ((type *)y)[i] = *(const type *)(x + i * in);      \
        } else {                                                                                   \
            for (int64_t i = 0; i < count; i++)                                                    \
                *(type *)(y + i * out) = *(const type *)(x + i * in);                              \
        }                                                                                          \
    }                                                                                              \
    static void turn_##bytes(char *y, int64_t out, const char *x, int64_t in, int64_t rows,        \
                             int64_t columns)                                                      \
    {                                                                                              \
        for (int64_t r0 = 0; r0 < rows; r0 += 64)                                                  \
            for (int64_t c0 = 0; c0 < columns; c0 += 64) {                                         \
                int64_t r1 = r0 + 64 < rows ? r0 + 64 : rows;                                      \
                int64_t c1 = c0 + 64 < columns ? c0 + 64 : columns;                                \
                int64_t r = r0;                                                                    \
                for (; r + STEP_##bytes <= r1; r += STEP_##bytes) {                                \
                    int64_t c = c0;                                                                \
                    for (; c + STEP_##bytes <= c1; c += STEP_##bytes)                              \
                        tile_##bytes(y + r * out + c * bytes, out, x + c * in + r * bytes, in);    \
                    for (; c < c1; c++)                                                            \
                        for (int64_t i = r; i < r + STEP_##bytes; i++)                             \
                            *(type *)(y + i * out + c * bytes) =                                   \
                                *(const type *)(x + c * in + i * bytes);                           \
                }                                                                                  \
                for (; r < r1; r++)                                                                \
                    row_##bytes(y + r * out + c0 * bytes, bytes, x + c0 * in + r * bytes, in,      \
                                c1 - c0);                                                          \
            }                                                                                      \
    }
MOVES(1, char)
MOVES(4, uint32_t)
MOVES(8, uint64_t)

static void move_row(int64_t bytes, char *y, int64_t out, const char *x, int64_t in, int64_t count)
{
    if (bytes == 4)
        row_4(y, out, x, in, count);
    else if (bytes == 8)
        row_8(y, out, x, in, count);
    else
        row_1(y, out, x, in, count);
}

static void turn(int64_t bytes, char *y, int64_t out, const char *x, int64_t in, int64_t rows,
                 int64_t columns)
{
    if (bytes == 4)
        turn_4(y, out, x, in, rows, columns);
    else if (bytes == 8)
        turn_8(y, out, x, in, rows, columns);
    else
        turn_1(y, out, x, in, rows, columns);
}

/* y[i0, ..., i7] = x[i0, ..., i7], elements of 1, 4 or 8 bytes, any strides: negative, and for x
 * also zero. Serves packing, transposing, slicing, concatenation, repetition and filling.
 * p: y first element, x first element
 * n: 0 dimensions, 1 bytes per element, 2.. shape[8], 10.. strides of y[8], 18.. strides of x[8] */
static void strided_copy(const fnn_args *a, int part, int parts)
{
    box b;
    const int64_t bytes = a->n[1];
    char *y = a->p[0];
    const char *x = a->p[1];
    for (int d = 0; d < (int)a->n[0]; d++)
        if (a->n[2 + d] == 0) return;
    normalize(&b, a->n + 2, a->n + 10, a->n + 18, (int)a->n[0], bytes);
    cut(&b, &y, &x, part, parts);

    int inner = b.ndim - 1, row = -1; /* row: where the input is dense, if not along `inner` */
    if (b.out[inner] == bytes && b.in[inner] != bytes)
        for (int d = 0; d < inner; d++)
            if (b.in[d] == bytes) row = d;

    int64_t at[FNN_DIMS] = {0}, outer = 1;
    for (int d = 0; d < inner; d++)
        if (d != row) outer *= b.shape[d];
    if (b.shape[inner] == 0 || (row >= 0 && b.shape[row] == 0)) return;
    for (int64_t k = 0; k < outer; k++) {
        if (row < 0)
            move_row(bytes, y, b.out[inner], x, b.in[inner], b.shape[inner]);
        else
            turn(bytes, y, b.out[row], x, b.in[inner], b.shape[row], b.shape[inner]);
        for (int d = inner - 1; d >= 0; d--) { /* the next place of the outer dimensions */
            if (d == row) continue;
            y += b.out[d];
            x += b.in[d];
            if (++at[d] < b.shape[d]) break;
            y -= b.out[d] * b.shape[d];
            x -= b.in[d] * b.shape[d];
            at[d] = 0;
        }
    }
}

/* y = x in another dtype, both dense; from floating point to integer towards zero, to bool != 0.
 * p: y (count), x (count)   n: 0 count, 1 dtype of y, 2 dtype of x (enum fnn_dtype) */
static void cast(const fnn_args *a, int part, int parts)
{
    int64_t begin, end;
    share(a->n[0], 64, part, parts, &begin, &end);
#define CONVERT(to, from)                                                                          \
    for (int64_t i = begin; i < end; i++) ((to *)a->p[0])[i] = (to)((const from *)a->p[1])[i];     \
    break;
#define CONVERT_BOOL(from)                                                                         \
    for (int64_t i = begin; i < end; i++)                                                          \
        ((uint8_t *)a->p[0])[i] = ((const from *)a->p[1])[i] != 0;                                 \
    break;
#define CONVERT_FROM(code, from)                                                                   \
    case FNN_F32 *FNN_NUM_DTYPES + code:                                                           \
        CONVERT(float, from)                                                                       \
    case FNN_F64 *FNN_NUM_DTYPES + code:                                                           \
        CONVERT(double, from)                                                                      \
    case FNN_I64 *FNN_NUM_DTYPES + code:                                                           \
        CONVERT(int64_t, from)                                                                     \
    case FNN_I32 *FNN_NUM_DTYPES + code:                                                           \
        CONVERT(int32_t, from)                                                                     \
    case FNN_BOOL *FNN_NUM_DTYPES + code:                                                          \
        CONVERT_BOOL(from)
    switch (a->n[1] * FNN_NUM_DTYPES + a->n[2]) {
        CONVERT_FROM(FNN_F32, float)
        CONVERT_FROM(FNN_F64, double)
        CONVERT_FROM(FNN_I64, int64_t)
        CONVERT_FROM(FNN_I32, int32_t)
        CONVERT_FROM(FNN_BOOL, uint8_t)
    }
#undef CONVERT
#undef CONVERT_BOOL
#undef CONVERT_FROM
}

/* y = value.   p: y (count), dense   n: 0 count, 1 dtype of y, 2 value for integers   s: 0 value */
static void fill(const fnn_args *a, int part, int parts)
{
    int64_t begin, end;
    share(a->n[0], 64, part, parts, &begin, &end);
#define FILL(type, value)                                                                          \
    for (int64_t i = begin; i < end; i++) ((type *)a->p[0])[i] = (type)(value);                    \
    break;
    switch (a->n[1]) {
    case FNN_F32:
        FILL(float, a->s[0])
    case FNN_F64:
        FILL(double, a->s[0])
    case FNN_I64:
        FILL(int64_t, a->n[2])
    case FNN_I32:
        FILL(int32_t, a->n[2])
    case FNN_BOOL:
        FILL(uint8_t, a->n[2] != 0)
    }
#undef FILL
}

/* y[b,i,j] = x[b,i,j] where j - i <= k (lower) or j - i >= k (upper), else 0; dense.
 * p: y, x (batch, rows, columns)   n: 0 batch * rows, 1 rows, 2 columns, 3 k, 4 upper, not lower */
static void triangle(const fnn_args *a, int part, int parts)
{
    const int64_t rows = a->n[1], columns = a->n[2], upper = a->n[4];
    int64_t begin, end;
    share(a->n[0], 1, part, parts, &begin, &end);
    for (int64_t r = begin; r < end; r++) {
        real *y = (real *)a->p[0] + r * columns;
        const real *x = (const real *)a->p[1] + r * columns;
        int64_t edge = r % rows + a->n[3] + !upper; /* first column of the upper part */
        edge = edge < 0 ? 0 : edge > columns ? columns : edge;
        const int64_t from = upper ? edge : 0, to = upper ? columns : edge;
        memset(y, 0, (size_t)from * sizeof(real));
        memcpy(y + from, x + from, (size_t)(to - from) * sizeof(real));
        memset(y + to, 0, (size_t)(columns - to) * sizeof(real));
    }
}

FNN_EXPORT(shape, FNN_SHAPE)
