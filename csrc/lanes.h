/* Elements among the lanes of vectors: parts of vectors, transposing, strides of two. */
#ifndef FASTNN_LANES_H
#define FASTNN_LANES_H

#include "simd.h"

#define INLINE static inline __attribute__((always_inline))

/* the first n (0 <= n <= VL) elements; the rest reads as zero, and is not written */
INLINE vec vload_upto(const real *p, int64_t n) { return n >= VL ? vload(p) : vload_part(p, n); }
INLINE void vstore_upto(real *p, vec v, int64_t n)
{
    if (n >= VL)
        vstore(p, v);
    else
        vstore_part(p, v, n);
}

/* `otherwise` where there is no p */
INLINE vec vload_or(const real *p, int64_t i, int64_t lanes, real otherwise)
{
    return p ? vload_upto(p + i, lanes) : vset(otherwise);
}

/* The statements for i = begin, begin + VL ... below end; `lanes` of each vector exist. They stand
 * there twice: for whole vectors lanes is a constant, so that nothing need be asked. */
#define EACH_VECTOR(i, begin, end, lanes, ...)                                                     \
    do {                                                                                           \
        int64_t i = (begin);                                                                       \
        for (; i + VL <= (end); i += VL) {                                                         \
            const int64_t lanes = VL;                                                              \
            __VA_ARGS__                                                                            \
        }                                                                                          \
        if (i < (end)) {                                                                           \
            const int64_t lanes = (end) - i;                                                       \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    } while (0)

#if VBYTES / (FNN_REAL / 8) == 2
#define LANES(f, h) f(h, 0), f(h, 1)
#elif VBYTES / (FNN_REAL / 8) == 4
#define LANES(f, h) f(h, 0), f(h, 1), f(h, 2), f(h, 3)
#elif VBYTES / (FNN_REAL / 8) == 8
#define LANES(f, h) f(h, 0), f(h, 1), f(h, 2), f(h, 3), f(h, 4), f(h, 5), f(h, 6), f(h, 7)
#else
#define LANES(f, h)                                                                                \
    f(h, 0), f(h, 1), f(h, 2), f(h, 3), f(h, 4), f(h, 5), f(h, 6), f(h, 7), f(h, 8), f(h, 9),      \
        f(h, 10), f(h, 11), f(h, 12), f(h, 13), f(h, 14), f(h, 15)
#endif
#if defined(__clang__)
#define MIX(a, b, f, h) __builtin_shufflevector(a, b, LANES(f, h))
#else
#define MIX(a, b, f, h) __builtin_shuffle(a, b, (ivec){LANES(f, h)})
#endif

/* transposing VL x VL elements: log2(VL) rounds of exchanging halves */
#define LOW(h, lane) ((lane) & (h) ? VL + ((lane) ^ (h)) : (lane))
#define HIGH(h, lane) ((lane) & (h) ? VL + (lane) : ((lane) ^ (h)))
#define ROUND(h)                                                                                   \
    UNROLL for (int i = 0; i < VL; i++) if (!(i & (h)))                                            \
    {                                                                                              \
        vec low = t[i], high = t[i | (h)];                                                         \
        t[i] = MIX(low, high, LOW, h);                                                             \
        t[i | (h)] = MIX(low, high, HIGH, h);                                                      \
    }

INLINE void transpose(vec *t)
{
    ROUND(1)
#if VBYTES / (FNN_REAL / 8) >= 4
    ROUND(2)
#endif
#if VBYTES / (FNN_REAL / 8) >= 8
    ROUND(4)
#endif
#if VBYTES / (FNN_REAL / 8) >= 16
    ROUND(8)
#endif
}

/* every second element of a and b, from the first on; and the lower (upper) halves of a and b, one
 * from each in turn */
#define EVEN(h, lane) (2 * (lane))
#define ZIP(h, lane) ((lane) % 2 * VL + (lane) / 2 + (h))
INLINE vec even_lanes(vec a, vec b) { return MIX(a, b, EVEN, 0); }
INLINE vec zip_low(vec a, vec b) { return MIX(a, b, ZIP, 0); }
INLINE vec zip_high(vec a, vec b) { return MIX(a, b, ZIP, VBYTES / (FNN_REAL / 8) / 2); }

/* x[0], x[2], ...: n elements, n > 0 */
INLINE vec take_second(const real *x, int64_t n)
{
    const int64_t span = 2 * n - 1;
    return even_lanes(vload_upto(x, span), span > VL ? vload_upto(x + VL, span - VL) : (vec){0});
}

#endif
