/* Reading and writing at places given by indices or masks.
 *
 * Indices are int64 or int32, checked by index_check before, and may count from the end (-1 is the
 * last). Kernels that write at indices go through them in order and cut their work by output, so
 * that the bits do not depend on the number of threads. */
#include "../kernel.h"

static inline int64_t index_at(const void *index, int64_t width, int64_t i, int64_t size)
{
    int64_t j = width == 8 ? ((const int64_t *)index)[i] : ((const int32_t *)index)[i];
    return j < 0 ? j + size : j;
}

/* Are all low <= index < limit, or index == ignore?
 * p: status int64[3] {1 if one is not, its position, its value}, index (count)
 * n: 0 count, 1 bytes per index, 2 limit, 3 low (0, or -limit), 4 ignore (INT64_MIN for none) */
static void index_check(const fnn_args *a, int part, int parts)
{
    int64_t *status = a->p[0];
    const int64_t count = a->n[0], limit = a->n[2], low = a->n[3], ignore = a->n[4];
    const int none = ignore == INT64_MIN; /* then an index of that value is bad, too */
    (void)parts;
    if (part) return;
    status[0] = status[1] = status[2] = 0;
#define SCAN(type)                                                                                 \
    {                                                                                              \
        const type *index = a->p[1];                                                               \
        int64_t bad = 0;                                                                           \
        for (int64_t i = 0; i < count; i++) {                                                      \
            int64_t j = index[i];                                                                  \
            bad |= ((j < low) | (j >= limit)) & (none | (j != ignore));                            \
        }                                                                                          \
        for (int64_t i = 0; bad && i < count; i++) {                                               \
            int64_t j = index[i];                                                                  \
            if (((j < low) | (j >= limit)) & (none | (j != ignore))) {                             \
                status[0] = 1;                                                                     \
                status[1] = i;                                                                     \
                status[2] = j;                                                                     \
                return;                                                                            \
            }                                                                                      \
        }                                                                                          \
    }
    if (a->n[1] == 8)
        SCAN(int64_t)
    else
        SCAN(int32_t)
#undef SCAN
}

/* y[i] = sum over d of index_d[i] * step_d: one index into several dimensions taken as one.
 * p: y int64 (count), index_0 ... int64 (count)
 * n: 0 count, 1 dimensions (1 to 8), 2.. size of each, 10.. step of each */
static void linear_index(const fnn_args *a, int part, int parts)
{
    int64_t *y = a->p[0];
    int64_t begin, end;
    share(a->n[0], 64, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int64_t at = 0;
        for (int d = 0; d < (int)a->n[1]; d++)
            at += index_at(a->p[1 + d], 8, i, a->n[2 + d]) * a->n[10 + d];
        y[i] = at;
    }
}

/* Asks for the beginning of the row that is copied next: the hardware sees no pattern in random
 * rows before it has met their first lines (python -m benchmarks.loader). */
static inline void ahead(const fnn_args *a, int64_t i, const char *x)
{
    const char *row = x + index_at(a->p[2], a->n[4], i, a->n[3]) * a->n[5];
    for (int64_t k = 0; k < a->n[2]; k += 64) __builtin_prefetch(row + k);
}

/* Long rows are copied side by side: one alone is over before the hardware has seen that it is read
 * in order (python -m benchmarks.loader: a quarter less time). Rows of a multiple of a page meet in
 * the same few places of the cache, so there are fewer of them. */
#define LONG_ROW 512 /* bytes */
#define SIDE 8
#define LINE 64

static inline int side_by_side(int64_t bytes) { return bytes % 2048 ? SIDE : SIDE / 2; }

static inline void copy_side_by_side(char *y, const char *const *row, int rows, int64_t bytes)
{
    int64_t k = 0;
    for (; k + LINE <= bytes; k += LINE)
        for (int r = 0; r < rows; r++) memcpy(y + r * bytes + k, row[r] + k, LINE);
    if (k == bytes) return;
    for (int r = 0; r < rows; r++) memcpy(y + r * bytes + k, row[r] + k, (size_t)(bytes - k));
}

/* y[o,i,:] = x[o,index[i],:]: rows of any bytes; a batch is gathered with o = 1.
 * p: y (outer, count, row), x (outer, size, row; rows dense), index (count)
 * n: 0 outer, 1 count, 2 bytes per row, 3 size, 4 bytes per index,
 *    5 bytes between rows of x, 6 bytes between outers of x */
static void gather_rows(const fnn_args *a, int part, int parts)
{
    const int64_t count = a->n[1], bytes = a->n[2], size = a->n[3], width = a->n[4];
    int64_t begin, end;
    share(a->n[0] * count, 1, part, parts, &begin, &end);
    char *y = (char *)a->p[0] + begin * bytes;
    int64_t i = count ? begin % count : 0, o = count ? begin / count : 0;
    const char *x = (const char *)a->p[1] + o * a->n[6];
    const char *rows[SIDE];
    const int most = side_by_side(bytes);
    int waiting = 0;
#define ROWS(copy)                                                                                 \
    for (int64_t k = begin; k < end; k++) {                                                        \
        const char *row = x + index_at(a->p[2], width, i, size) * a->n[5];                         \
        copy;                                                                                      \
        if (++i == count) {                                                                        \
            i = 0;                                                                                 \
            x += a->n[6];                                                                          \
        }                                                                                          \
    }
#define COPY(n) (memcpy(y, row, n), y += (n))
    if (bytes == 4)
        ROWS(COPY(4))
    else if (bytes == 8)
        ROWS(COPY(8))
    else if (bytes < LONG_ROW)
        ROWS(ahead(a, i + 1 < count ? i + 1 : i, x); COPY((size_t)bytes))
    else
        ROWS(rows[waiting++] = row; if (waiting == most || k + 1 == end) {
            copy_side_by_side(y, rows, waiting, bytes);
            y += waiting * bytes;
            waiting = 0;
        })
#undef COPY
#undef ROWS
}

/* The rows or outers of the output that this share writes; all indices are read by every share. */
static void cut_rows(int64_t outer, int64_t size, int part, int parts, int64_t *outers,
                     int64_t *rows)
{
    outers[0] = rows[0] = 0;
    outers[1] = outer;
    rows[1] = size;
    if (outer >= parts)
        share(outer, 1, part, parts, outers, outers + 1);
    else
        share(size, 1, part, parts, rows, rows + 1);
}

/* y[o,index[i],:] += alpha * x[o,i,:], in the order of i.
 * p: y (outer, size, inner), x (outer, count, inner), index (count); dense
 * n: 0 outer, 1 count, 2 inner, 3 size, 4 bytes per index   s: 0 alpha */
static void scatter_add_rows(const fnn_args *a, int part, int parts)
{
    const int64_t count = a->n[1], inner = a->n[2], size = a->n[3], width = a->n[4];
    const real alpha = (real)a->s[0];
    int64_t outers[2], rows[2];
    cut_rows(a->n[0], size, part, parts, outers, rows);
    for (int64_t o = outers[0]; o < outers[1]; o++)
        for (int64_t i = 0; i < count; i++) {
            const int64_t row = index_at(a->p[2], width, i, size);
            if (row < rows[0] || row >= rows[1]) continue;
            real *y = (real *)a->p[0] + (o * size + row) * inner;
            const real *x = (const real *)a->p[1] + (o * count + i) * inner;
            int64_t k = 0;
            for (; k + VL <= inner; k += VL)
                vstore(y + k, vload(y + k) + vset(alpha) * vload(x + k));
            const int64_t rest = inner - k;
            if (rest) {
                vec sum = vload_part(y + k, rest) + vset(alpha) * vload_part(x + k, rest);
                vstore_part(y + k, sum, rest);
            }
        }
}

/* y[o,index[i],:] = x[o,i,:]: rows of any bytes; of equal indices the last one stays.
 * p: y (outer, size, row), x (outer, count, row), index (count); dense
 * n: 0 outer, 1 count, 2 bytes per row, 3 size, 4 bytes per index */
static void scatter_rows(const fnn_args *a, int part, int parts)
{
    const int64_t count = a->n[1], bytes = a->n[2], size = a->n[3], width = a->n[4];
    int64_t outers[2], rows[2];
    cut_rows(a->n[0], size, part, parts, outers, rows);
    for (int64_t o = outers[0]; o < outers[1]; o++)
        for (int64_t i = 0; i < count; i++) {
            const int64_t row = index_at(a->p[2], width, i, size);
            if (row < rows[0] || row >= rows[1]) continue;
            memcpy((char *)a->p[0] + (o * size + row) * bytes,
                   (const char *)a->p[1] + (o * count + i) * bytes, (size_t)bytes);
        }
}

/* Walks the places of an index array. FOR_EACH names `i`, the place in the dense arrays of the
 * index's shape, and `at`, the offset of the element of the strided array that it points to.
 * n: 0 dimensions, 1 axis, 2 size of the axis, 3 bytes per index, 4 bytes per element (gather_dim)
 *    5.. shape of the index[8], 13.. strides of the strided array[8], in elements
 * Shares are cut along the longest dimension but the axis, or by places on the axis that are
 * written, [low, high): equal indices then meet in one share, in order. */
typedef struct {
    int ndim;
    int64_t begin[FNN_DIMS], end[FNN_DIMS], dense[FNN_DIMS], low, high;
} walk;

static void cut_walk(walk *w, const fnn_args *a, int part, int parts)
{
    const int axis = (int)a->n[1];
    int longest = -1;
    w->ndim = (int)a->n[0];
    for (int64_t d = w->ndim - 1, dense = 1; d >= 0; d--) {
        w->begin[d] = 0;
        w->end[d] = a->n[5 + d];
        w->dense[d] = dense;
        dense *= a->n[5 + d];
        if (d != axis && (longest < 0 || w->end[d] > w->end[longest])) longest = (int)d;
    }
    w->low = 0;
    w->high = a->n[2];
    if (longest >= 0 && w->end[longest] >= parts)
        share(w->end[longest], 1, part, parts, &w->begin[longest], &w->end[longest]);
    else
        share(a->n[2], 1, part, parts, &w->low, &w->high);
}

#define FOR_EACH(body)                                                                             \
    {                                                                                              \
        walk w;                                                                                    \
        cut_walk(&w, a, part, parts);                                                              \
        const int inner = w.ndim - 1;                                                              \
        const int64_t *stride = a->n + 13;                                                         \
        int64_t place[FNN_DIMS], first = 0, base = 0;                                              \
        for (int d = 0; d < w.ndim; d++) {                                                         \
            if (w.begin[d] >= w.end[d]) return;                                                    \
            place[d] = w.begin[d];                                                                 \
            first += place[d] * w.dense[d];                                                        \
            if (d != a->n[1]) base += place[d] * stride[d];                                        \
        }                                                                                          \
        for (;;) {                                                                                 \
            const int64_t along = inner == a->n[1] ? 0 : stride[inner];                            \
            for (int64_t k = 0; k < w.end[inner] - w.begin[inner]; k++) {                          \
                const int64_t i = first + k;                                                       \
                const int64_t j = index_at(index, a->n[3], i, a->n[2]);                            \
                if (j < w.low || j >= w.high) continue;                                            \
                const int64_t at = base + k * along + j * stride[a->n[1]];                         \
                body;                                                                              \
            }                                                                                      \
            int d = inner - 1;                                                                     \
            for (; d >= 0; d--) {                                                                  \
                const int64_t step = d == a->n[1] ? 0 : stride[d];                                 \
                first += w.dense[d];                                                               \
                base += step;                                                                      \
                if (++place[d] < w.end[d]) break;                                                  \
                first -= w.dense[d] * (w.end[d] - w.begin[d]);                                     \
                base -= step * (w.end[d] - w.begin[d]);                                            \
                place[d] = w.begin[d];                                                             \
            }                                                                                      \
            if (d < 0) return;                                                                     \
        }                                                                                          \
    }

/* y[.., i, ..] = x[.., index[.., i, ..], ..] along the axis; elements of 1, 4 or 8 bytes.
 * p: y (index's shape, dense), x (strided), index (dense)   n: see walk */
static void gather_dim(const fnn_args *a, int part, int parts)
{
    const void *index = a->p[2];
    if (a->n[4] == 4)
        FOR_EACH(((uint32_t *)a->p[0])[i] = ((const uint32_t *)a->p[1])[at])
    else if (a->n[4] == 8)
        FOR_EACH(((uint64_t *)a->p[0])[i] = ((const uint64_t *)a->p[1])[at])
    else
        FOR_EACH(((char *)a->p[0])[i] = ((const char *)a->p[1])[at])
}

/* y[.., index[.., i, ..], ..] = x[.., i, ..] along the axis; of equal indices the last one stays.
 * p: y (strided), x (index's shape, dense), index (dense)   n: see walk */
static void scatter_dim(const fnn_args *a, int part, int parts)
{
    const void *index = a->p[2];
    if (a->n[4] == 4)
        FOR_EACH(((uint32_t *)a->p[0])[at] = ((const uint32_t *)a->p[1])[i])
    else if (a->n[4] == 8)
        FOR_EACH(((uint64_t *)a->p[0])[at] = ((const uint64_t *)a->p[1])[i])
    else
        FOR_EACH(((char *)a->p[0])[at] = ((const char *)a->p[1])[i])
}

/* y[.., index[.., i, ..], ..] += x[.., i, ..] along the axis, in the order of places.
 * p: y (strided), x (index's shape, dense), index (dense)   n: see walk */
static void scatter_add_dim(const fnn_args *a, int part, int parts)
{
    const void *index = a->p[2];
    FOR_EACH(((real *)a->p[0])[at] += ((const real *)a->p[1])[i])
}

/* y = value where the mask is set, else x.
 * p: y (count), x (count), mask uint8 (count); dense   n: 0 count   s: 0 value */
static void masked_fill(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const real *x = a->p[1];
    const uint8_t *set = a->p[2];
    const real value = (real)a->s[0];
    int64_t begin, end;
    share(a->n[0], 64, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) y[i] = set[i] ? value : x[i];
}

FNN_EXPORT(index, FNN_INDEX)
