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
/* before a loop of constant length, over vectors in registers: gcc takes it apart from -O3 on only
 */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
/* Half a second of each of 186 compilations would be for parts of immintrin.h that we don't use:
 * ask gcc for ours alone, which wants that header's guard. */
#if defined(__SSE2__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 15
#define _IMMINTRIN_H_INCLUDED
#include <smmintrin.h>
#ifdef __AVX2__
#include <avxintrin.h>
#include <avx2intrin.h>
#endif
#ifdef __AVX512F__
#include <avx512fintrin.h>
#endif
#elif defined(__SSE2__)
#include <immintrin.h>
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

/* lane numbers, and a mask of the first n lanes */
static inline ivec viota(void)
{
    ivec v;
    for (int i = 0; i < VL; i++) v[i] = i;
    return v;
}
static inline mask vfirst(int64_t n) { return viota() < viset((integer)n); }

/* the first n (0 <= n < VL) elements; the rest reads as zero, and is not written */
#if defined(__AVX512F__) && FNN_REAL == 32
static inline vec vload_part(const real *p, int64_t n)
{
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
static inline void vstore_part(real *p, vec v, int64_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#elif defined(__AVX512F__)
static inline vec vload_part(const real *p, int64_t n)
{
    return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
}
static inline void vstore_part(real *p, vec v, int64_t n)
{
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
}
#elif defined(__AVX2__) && FNN_REAL == 32
/* by halves: a masked load or store takes ten cycles on Zen (the store on later ones as well) */
static inline vec vload_part(const real *p, int64_t n)
{
    const real *rest = p + (n & 4);
    __m128 part = _mm_setzero_ps();
    if (n & 1) part = _mm_load_ss(rest + (n & 2));
    if (n & 2) part = _mm_loadl_pi(_mm_movelh_ps(part, part), (const __m64 *)rest);
    return (vec)(n & 4 ? _mm256_set_m128(part, _mm_loadu_ps(p)) : _mm256_zextps128_ps256(part));
}
static inline void vstore_part(real *p, vec v, int64_t n)
{
    __m128 part = _mm256_castps256_ps128((__m256)v);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps((__m256)v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, part);
}
#elif defined(__AVX2__)
static inline vec vload_part(const real *p, int64_t n)
{
    const __m128d last = n & 1 ? _mm_load_sd(p + (n & 2)) : _mm_setzero_pd();
    return (vec)(n & 2 ? _mm256_set_m128d(last, _mm_loadu_pd(p)) : _mm256_zextpd128_pd256(last));
}
static inline void vstore_part(real *p, vec v, int64_t n)
{
    __m128d part = _mm256_castpd256_pd128((__m256d)v);
    if (n & 2) {
        _mm_storeu_pd(p, part);
        part = _mm256_extractf128_pd((__m256d)v, 1);
    }
    if (n & 1) _mm_store_sd(p + (n & 2), part);
}
#else /* at most three elements: a call of memcpy would cost more */
static inline vec vload_part(const real *p, int64_t n)
{
    vec v = {0};
    if (n > 0) v[0] = p[0];
    if (n > 1) v[1 % VL] = p[1];
    if (n > 2) v[2 % VL] = p[2];
    return v;
}
static inline void vstore_part(real *p, vec v, int64_t n)
{
    if (n > 0) p[0] = v[0];
    if (n > 1) p[1] = v[1 % VL];
    if (n > 2) p[2] = v[2 % VL];
}
#endif

static inline vec vbits(ivec i) { return (vec)i; }
static inline ivec vibits(vec v) { return (ivec)v; }
static inline vec vselect(mask m, vec a, vec b) { return (vec)((m & (ivec)a) | (~m & (ivec)b)); }

/* one x86 instruction by its stem, for this length and element type: VX86(max)(a, b) */
#if FNN_REAL == 32
#define VX86_TYPE(stem) stem##_ps
#else
#define VX86_TYPE(stem) stem##_pd
#endif
#if VBYTES == 64
#define VX86(stem) VX86_TYPE(_mm512_##stem)
#elif VBYTES == 32
#define VX86(stem) VX86_TYPE(_mm256_##stem)
#elif defined(__SSE4_1__)
#define VX86(stem) VX86_TYPE(_mm_##stem)
#endif

/* max and min give b where either is NaN; round goes to the nearest even */
#ifdef VX86
#if VBYTES == 64
#define VROUND VX86(roundscale)
#else
#define VROUND VX86(round)
#endif
static inline vec vmax(vec a, vec b) { return (vec)VX86(max)(a, b); }
static inline vec vmin(vec a, vec b) { return (vec)VX86(min)(a, b); }
static inline vec vsqrt(vec a) { return (vec)VX86(sqrt)(a); }
static inline vec vround(vec a) { return (vec)VROUND(a, 8); }
static inline vec vfloor(vec a) { return (vec)VROUND(a, 9); }
static inline vec vceil(vec a) { return (vec)VROUND(a, 10); }
static inline vec vtrunc(vec a) { return (vec)VROUND(a, 11); }
#else
#define VLANES(f, a)                                                                               \
    vec y = a; /* gcc takes lanes written one by one for uninitialized ones */                     \
    for (int i = 0; i < VL; i++) y[i] = (real)f(a[i]);                                             \
    return y
static inline vec vmax(vec a, vec b) { return vselect(a > b, a, b); }
static inline vec vmin(vec a, vec b) { return vselect(a < b, a, b); }
static inline vec vsqrt(vec a) { VLANES(__builtin_sqrt, a); }
static inline vec vround(vec a) { VLANES(__builtin_rint, a); }
static inline vec vfloor(vec a) { VLANES(__builtin_floor, a); }
static inline vec vceil(vec a) { VLANES(__builtin_ceil, a); }
static inline vec vtrunc(vec a) { VLANES(__builtin_trunc, a); }
#endif
static inline vec vabs(vec a) { return (vec)((ivec)a & ~(ivec)vset((real)-0.0)); }
/* a >= 0 with the sign of `sign` */
static inline vec vcopysign(vec a, vec sign)
{
    return (vec)((ivec)a | ((ivec)sign & (ivec)vset((real)-0.0)));
}

/* some lane is set */
static inline int vany(mask m)
{
#if VBYTES == 32
    return _mm256_movemask_epi8((__m256i)m) != 0;
#elif VBYTES == 16 && defined(__SSE2__)
    return _mm_movemask_epi8((__m128i)m) != 0;
#else
    int64_t t[VBYTES / 8], any = 0;
    memcpy(t, &m, sizeof m);
    for (int i = 0; i < VBYTES / 8; i++) any |= t[i];
    return any != 0;
#endif
}

/* horizontal sums and maxima in a fixed tree: halves are folded until one element is left */
typedef real vec16 __attribute__((vector_size(16)));
typedef real vec32 __attribute__((vector_size(32)));
#define VADD(a, b) ((a) + (b))
#define VTOP(a, b)                                                                                 \
    ((__typeof__(a))((((a) > (b)) & (__typeof__((a) > (b)))(a)) |                                  \
                     (~((a) > (b)) & (__typeof__((a) > (b)))(b))))
#if VBYTES == 64
#define VFOLD_64(OP, v)                                                                            \
    OP((vec32)_mm512_castpd512_pd256((__m512d)(v)), (vec32)_mm512_extractf64x4_pd((__m512d)(v), 1))
#endif
#if VBYTES >= 32
#define VFOLD_32(OP, v)                                                                            \
    OP((vec16)_mm256_castpd256_pd128((__m256d)(v)), (vec16)_mm256_extractf128_pd((__m256d)(v), 1))
#endif

static inline real vsum(vec v)
{
#if VBYTES == 64
    vec32 h = VFOLD_64(VADD, v);
    vec16 q = VFOLD_32(VADD, h);
#elif VBYTES == 32
    vec16 q = VFOLD_32(VADD, v);
#else
    vec16 q = v;
#endif
#if FNN_REAL == 32
    return (q[0] + q[2]) + (q[1] + q[3]);
#else
    return q[0] + q[1];
#endif
}

/* the largest lane; a lane that is NaN is not reliably seen */
static inline real vtop(vec v)
{
#if VBYTES == 64
    vec32 h = VFOLD_64(VTOP, v);
    vec16 q = VFOLD_32(VTOP, h);
#elif VBYTES == 32
    vec16 q = VFOLD_32(VTOP, v);
#else
    vec16 q = v;
#endif
#if FNN_REAL == 32
    vec16 r = {q[2], q[3], q[2], q[3]};
    q = VTOP(q, r);
#endif
    return q[0] > q[1] ? q[0] : q[1];
}

#endif
