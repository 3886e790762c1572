/* What the machine can do at most: multiply-adds per second, bytes read per second, and how soon
 * one CPU sees what another has written. */
#include <stdatomic.h>
#include <stddef.h>

typedef float vec __attribute__((vector_size(VBYTES)));

/* 12 independent chains hide the latency of two FMA units; names, not an array: arrays spill */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define SET(i) vec a##i = y * (float)i;
#define FMA(i) a##i = a##i * x + y;
#define SUM(i) y += a##i;

/* 24 * (VBYTES / 4) floating-point operations per turn */
float fma_peak(long turns)
{
    vec x, y;
    for (int i = 0; i < VBYTES / 4; i++) x[i] = 0.999f, y[i] = 1e-3f;
    EACH(SET)
    for (long t = 0; t < turns; t++) {
        EACH(FMA)
    }
    EACH(SUM)
    return y[0] + y[1];
}

/* reads n floats, n a multiple of 8 vectors */
float read_all(const float *p, size_t n)
{
    vec s[8] = {0};
    float sum = 0;
    for (size_t i = 0; i < n; i += 8 * VBYTES / 4)
        for (int j = 0; j < 8; j++) s[j] += *(const vec *)(p + i + j * VBYTES / 4);
    for (int j = 0; j < 8; j++) sum += s[j][0];
    return sum;
}

/* two threads, `me` 0 and 1, hand a ball to and fro */
void play(int me, long turns)
{
    static _Alignas(64) atomic_int ball;
    for (long t = 0; t < turns; t++) {
        while (atomic_load_explicit(&ball, memory_order_acquire) != me);
        atomic_store_explicit(&ball, !me, memory_order_release);
    }
}
