/* Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): words that
 * depend on (seed, stream, position) alone, so that any thread can make any of them.
 *
 * Words come in chunks of 64, from 16 counters. The order inside a chunk is the same for every
 * vector length: 64-bit lane i of the first half holds words 0 and 1 of counter i, lane i of the
 * second half its words 2 and 3. */
#ifndef FASTNN_PHILOX_H
#define FASTNN_PHILOX_H

#include "lanes.h"
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

#define PHILOX_CHUNK 64 /* 32-bit words */
#define PHILOX_LANES ((int)(VBYTES / 8))
#define PHILOX_ABREAST 2 /* vectors of counters side by side: a round waits for its product */

typedef uint64_t vwide __attribute__((vector_size(VBYTES)));

/* the full products of the low halves of the lanes: compilers do not find this instruction */
static inline vwide multiply_low(vwide a, vwide b)
{
#if defined(__AVX512F__)
    return (vwide)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (vwide)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__x86_64__) || defined(_M_X64)
    return (vwide)_mm_mul_epu32((__m128i)a, (__m128i)b);
#elif defined(__aarch64__)
    return (vwide)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
    return (a & 0xffffffff) * (b & 0xffffffff);
#endif
}

/* the 64 words of a chunk; all state is kept in the low halves of 64-bit lanes */
static __attribute__((noinline, unused)) void
philox_chunk(int64_t seed, int64_t stream, int64_t chunk, uint32_t words[PHILOX_CHUNK])
{
    const vwide zero = {0}, low = zero + 0xffffffff;
    vwide lane = {0};
    for (int i = 0; i < PHILOX_LANES; i++) lane[i] = (uint64_t)i;
    for (int first = 0; first < 16; first += PHILOX_ABREAST * PHILOX_LANES) {
        vwide x0[PHILOX_ABREAST], x1[PHILOX_ABREAST], x2[PHILOX_ABREAST], x3[PHILOX_ABREAST];
        UNROLL for (int g = 0; g < PHILOX_ABREAST; g++)
        {
            x0[g] = lane + ((uint64_t)chunk * 16 + (uint64_t)(first + g * PHILOX_LANES));
            x1[g] = x0[g] >> 32;
            x2[g] = zero + ((uint64_t)stream & 0xffffffff);
            x3[g] = zero + ((uint64_t)stream >> 32);
        }
        uint32_t k0 = (uint32_t)(uint64_t)seed, k1 = (uint32_t)((uint64_t)seed >> 32);
        for (int round = 0; round < 10; round++) {
            UNROLL for (int g = 0; g < PHILOX_ABREAST; g++)
            {
                const vwide p0 = multiply_low(x0[g], zero + 0xD2511F53u);
                const vwide p1 = multiply_low(x2[g], zero + 0xCD9E8D57u);
                x0[g] = (p1 >> 32) ^ x1[g] ^ (uint64_t)k0;
                x2[g] = (p0 >> 32) ^ x3[g] ^ (uint64_t)k1;
                x1[g] = p1;
                x3[g] = p0;
            }
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        UNROLL for (int g = 0; g < PHILOX_ABREAST; g++)
        {
            const vwide a = (x0[g] & low) | (x1[g] << 32), b = (x2[g] & low) | (x3[g] << 32);
            memcpy(words + 2 * (first + g * PHILOX_LANES), &a, sizeof a);
            memcpy(words + 32 + 2 * (first + g * PHILOX_LANES), &b, sizeof b);
        }
    }
}

/* Which of a chunk's 64 places dropout keeps: factor[j] = scale or 0; threshold = p 2^32. */
static inline void dropout_factors(int64_t seed, int64_t stream, int64_t chunk, uint64_t threshold,
                                   real scale, real factor[PHILOX_CHUNK])
{
    uint32_t w[PHILOX_CHUNK];
    philox_chunk(seed, stream, chunk, w);
    if (threshold > 0xffffffff) { /* p = 1 */
        memset(factor, 0, PHILOX_CHUNK * sizeof(real));
        return;
    }
    const uint32_t t = (uint32_t)threshold;
    for (int j = 0; j < PHILOX_CHUNK; j++) factor[j] = w[j] >= t ? scale : 0;
}

#endif
