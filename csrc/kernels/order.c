/* Places that put rows in order. */
#include "../kernel.h"

enum { RUN = 16 }; /* so many are sorted by insertion; longer runs are merged */

/* A stable merge sort of places by the values there. FIRST(a, b): a must stand before b. */
#define SORT(name, type, FIRST)                                                                    \
    static void name(int64_t *places, int64_t *spare, const type *x, int64_t n)                    \
    {                                                                                              \
        int64_t *from = places, *to = spare, *other;                                               \
        for (int64_t begin = 0; begin < n; begin += RUN)                                           \
            for (int64_t i = begin, k; i < n && i < begin + RUN; i++) {                            \
                for (k = i; k > begin && FIRST(x[i], x[from[k - 1]]); k--) from[k] = from[k - 1];  \
                from[k] = i;                                                                       \
            }                                                                                      \
        for (int64_t width = RUN; width < n; width *= 2) {                                         \
            for (int64_t begin = 0; begin < n; begin += 2 * width) {                               \
                int64_t left = begin, middle = begin + width < n ? begin + width : n;              \
                int64_t right = middle, end = middle + width < n ? middle + width : n;             \
                for (int64_t i = begin; i < end; i++) {                                            \
                    const int take =                                                               \
                        left == middle || (right < end && FIRST(x[from[right]], x[from[left]]));   \
                    to[i] = from[take ? right++ : left++];                                         \
                }                                                                                  \
            }                                                                                      \
            other = from, from = to, to = other;                                                   \
        }                                                                                          \
        if (from != places) memcpy(places, from, (size_t)n * sizeof *places);                      \
    }

#define LESS(a, b) ((a) < (b))
#define MORE(a, b) ((a) > (b))
#define LESS_OR_NAN(a, b) ((a) < (b) || ((b) != (b) && (a) == (a))) /* NaN is largest */
#define MORE_OR_NAN(a, b) ((a) > (b) || ((a) != (a) && (b) == (b)))

SORT(rise_reals, real, LESS_OR_NAN)
SORT(fall_reals, real, MORE_OR_NAN)
SORT(rise_longs, int64_t, LESS)
SORT(fall_longs, int64_t, MORE)
SORT(rise_ints, int32_t, LESS)
SORT(fall_ints, int32_t, MORE)
SORT(rise_bools, uint8_t, LESS)
SORT(fall_bools, uint8_t, MORE)

/* Equal elements stay in order.
 * p: places int64, scratch int64, x (rows, length)
 * n: rows, length, descending, bytes of x where it holds integers or bools, else 0 */
static void order_rows(const fnn_args *a, int part, int parts)
{
    const int64_t length = a->n[1], descending = a->n[2];
    int64_t i, end;
    share(a->n[0], 1, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t *places = (int64_t *)a->p[0] + i * length, *spare = (int64_t *)a->p[1] + i * length;
        if (a->n[3] == 8)
            (descending ? fall_longs : rise_longs)(places, spare,
                                                   (const int64_t *)a->p[2] + i * length, length);
        else if (a->n[3] == 4)
            (descending ? fall_ints : rise_ints)(places, spare,
                                                 (const int32_t *)a->p[2] + i * length, length);
        else if (a->n[3] == 1)
            (descending ? fall_bools : rise_bools)(places, spare,
                                                   (const uint8_t *)a->p[2] + i * length, length);
        else
            (descending ? fall_reals : rise_reals)(places, spare,
                                                   (const real *)a->p[2] + i * length, length);
    }
}

FNN_EXPORT(order, FNN_ORDER)
