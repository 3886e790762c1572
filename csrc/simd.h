/* Vectors of `real` over the compiler's vector_size types: one text for every instruction set.
 *
 * real is float or double (FNN_REAL); vec holds VL of them; mask and ivec hold VL integers of the
 * same width. Comparisons of vec give a mask: all bits set where true. Tails are loaded into a
 * zero-padded vector, so that they take the same formula, and give the same bits, as full vectors.
 */
#ifndef FASTNN_SIMD_H
#define FASTNN_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define VBYTES 64
#elif defined(__AVX2__)
#define VBYTES 32
#else
#define VBYTES 16
#endif

#if FNN_REAL == 32
typedef float real;
typedef int32_t integer;
#else
typedef double real;
typedef int64_t integer;
#endif
#define VL ((int)(VBYTES / sizeof(real)))

typedef real vec __attribute__((vector_size(VBYTES)));
typedef real vec_unaligned __attribute__((vector_size(VBYTES), aligned(sizeof(real)), may_alias));
typedef integer ivec __attribute__((vector_size(VBYTES)));
typedef ivec mask;

static inline vec vload(const real *p) { return *(const vec_unaligned *)p; }
static inline void vstore(real *p, vec v) { *(vec_unaligned *)p = v; }
static inline vec vset(real x) { return x - (vec){0}; }
static inline ivec viset(integer x) { return x - (ivec){0}; }

/* the first n (0 <= n < VL) elements; the rest reads as zero, and is not written */
static inline vec vload_part(const real *p, int64_t n)
{
    vec v = {0};
    memcpy(&v, p, (size_t)n * sizeof(real));
    return v;
}
static inline void vstore_part(real *p, vec v, int64_t n)
{
    memcpy(p, &v, (size_t)n * sizeof(real));
}

static inline vec vbits(ivec i) { return (vec)i; }
static inline ivec vibits(vec v) { return (ivec)v; }
static inline vec vselect(mask m, vec a, vec b) { return (vec)((m & (ivec)a) | (~m & (ivec)b)); }
static inline vec vmax(vec a, vec b) { return vselect(a > b, a, b); } /* b where either is NaN */
static inline vec vmin(vec a, vec b) { return vselect(a < b, a, b); }
static inline vec vabs(vec a) { return (vec)((ivec)a & ~(ivec)vset((real)-0.0)); }

/* horizontal sums in a fixed tree: halves are added until one element is left */
static inline real vsum(vec v)
{
    real t[VBYTES / sizeof(real)];
    memcpy(t, &v, sizeof v);
    for (int h = VL / 2; h > 0; h /= 2)
        for (int i = 0; i < h; i++) t[i] += t[i + h];
    return t[0];
}

#endif
