/* Which instruction set: chosen once, from CPUID and from what the system saves for us. */
#include "fastnn.h"

#include <stdio.h>
#include <string.h>

/* x86-64 has three builds of each kernel, other machines one; setup.py lists the same names */
#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#define ALL_ISAS(X) X(baseline, 16) X(avx2, 32) X(avx512, 64)
#elif defined(__aarch64__) || defined(_M_ARM64)
#define ALL_ISAS(X) X(neon, 16) /* part of every such CPU: a baseline under its own name */
#else
#define ALL_ISAS(X) X(baseline, 16)
#endif
#ifndef ISAS /* setup.py defines it where FASTNN_ISAS asks for fewer */
#define ISAS(X) ALL_ISAS(X)
#endif

fnn_kernel fnn_table[2][FNN_NUM_KERNELS];
fnn_kernel fnn_kernel_of(int is_float64, int64_t id) { return fnn_table[is_float64][id]; }

#define NAME(name) #name,
#define NAMES(stem, LIST) LIST(NAME)
const char *const fnn_names[FNN_NUM_KERNELS] = {FNN_STEMS(NAMES)};

/* one table per stem, instruction set and element type: fnn_<stem>_<isa>_<32 or 64> */
#define DECLARE(stem, LIST)                                                                        \
    extern const fnn_kernel fnn_##stem##_baseline_32[], fnn_##stem##_baseline_64[],                \
        fnn_##stem##_neon_32[], fnn_##stem##_neon_64[], fnn_##stem##_avx2_32[],                    \
        fnn_##stem##_avx2_64[], fnn_##stem##_avx512_32[], fnn_##stem##_avx512_64[];
FNN_STEMS(DECLARE)

#define ONE(name) +1
#define TAKE(stem, LIST, isa)                                                                      \
    memcpy(fnn_table[FNN_F32] + at, fnn_##stem##_##isa##_32, (0 LIST(ONE)) * sizeof(fnn_kernel));  \
    memcpy(fnn_table[FNN_F64] + at, fnn_##stem##_##isa##_64, (0 LIST(ONE)) * sizeof(fnn_kernel));  \
    at += 0 LIST(ONE);
#define TAKE_baseline(stem, LIST) TAKE(stem, LIST, baseline)
#define TAKE_neon(stem, LIST) TAKE(stem, LIST, neon)
#define TAKE_avx2(stem, LIST) TAKE(stem, LIST, avx2)
#define TAKE_avx512(stem, LIST) TAKE(stem, LIST, avx512)
#define FILL(isa, bytes)                                                                           \
    static void fill_##isa(void)                                                                   \
    {                                                                                              \
        int at = 0;                                                                                \
        FNN_STEMS(TAKE_##isa)                                                                      \
        (void)at;                                                                                  \
    }
ISAS(FILL)

#if defined(__x86_64__) || defined(_M_X64)
#define MAYBE __attribute__((unused)) /* a build may leave this set out */

/* CPUID bits of each set, and the state that the system must save for it (XCR0) */
static int has_baseline(void)
{
    unsigned a, b, c, d;
    unsigned need = bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & need) == need;
}

static unsigned saved_state(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return a;
}

MAYBE static int has_avx2(void)
{
    unsigned a, b, c, d, lzcnt = 1u << 5;
    unsigned need1 = bit_AVX | bit_FMA | bit_F16C, need7 = bit_AVX2 | bit_BMI | bit_BMI2;
    return has_baseline() && (saved_state() & 0x06) == 0x06 && __get_cpuid(1, &a, &b, &c, &d) &&
           (c & need1) == need1 && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (b & need7) == need7 && __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & lzcnt);
}

MAYBE static int has_avx512(void)
{
    unsigned a, b, c, d;
    unsigned need = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
    return has_avx2() && (saved_state() & 0xe6) == 0xe6 &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & need) == need;
}
#elif defined(__aarch64__) || defined(_M_ARM64)
static int has_neon(void) { return 1; }
#else
static int has_baseline(void) { return 1; }
#endif

static const struct isa {
    const char *name;
    int bytes;
    int (*has)(void);
    void (*fill)(void);
} isas[] = {
#define ENTRY(isa, bytes) {#isa, bytes, has_##isa, fill_##isa},
    ISAS(ENTRY)};
#define NUM_ISAS ((int)(sizeof(isas) / sizeof(*isas)))

static const struct isa *chosen = isas;

int fnn_init(const char *isa)
{
    for (int i = NUM_ISAS - 1; i >= 0; i--) {
        if (isa && strcmp(isa, isas[i].name) != 0) continue;
        if (!isas[i].has()) continue;
        chosen = &isas[i];
        chosen->fill();
        return 0;
    }
    return -1;
}

const char *fnn_isa(void) { return chosen->name; }

int fnn_vector_bytes(void) { return chosen->bytes; }

const char *fnn_isas(void)
{
    static char names[32 * NUM_ISAS];
    names[0] = 0;
    for (int i = 0; i < NUM_ISAS; i++)
        if (isas[i].has()) {
            if (names[0]) strcat(names, " ");
            strcat(names, isas[i].name);
        }
    return names;
}

const char *fnn_compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

const char *fnn_flags(void) { return FNN_FLAGS; }
