/* What every kernel file includes: its element type, its vectors, its share of the work, its table.
 *
 * Each file is compiled once per instruction set and element type, with
 * -DFNN_ISA=<name> -DFNN_REAL=32 or 64; nothing in it may have external linkage but what FNN_PASTE
 * names. */
#ifndef FASTNN_KERNEL_H
#define FASTNN_KERNEL_H

#include "fastnn.h"
#include "simd.h"

#define FNN_PASTE_(a, b, c) a##_##b##_##c
#define FNN_PASTE(a, b, c) FNN_PASTE_(a, b, c)
#define FNN_ENTRY(name) name,

/* At the end of kernels/<stem>.c: FNN_EXPORT(activation, FNN_ACTIVATION) */
#define FNN_EXPORT(stem, LIST)                                                                     \
    const fnn_kernel FNN_PASTE(fnn_##stem, FNN_ISA, FNN_REAL)[] = {LIST(FNN_ENTRY) 0};

/* Share `part` of `total` items, cut at multiples of `grain`: [*begin, *end). */
static inline void share(int64_t total, int64_t grain, int part, int parts, int64_t *begin,
                         int64_t *end)
{
    int64_t grains = (total + grain - 1) / grain;
    int64_t each = grains / parts, rest = grains % parts;
    int64_t first = part * each + (part < rest ? part : rest);
    int64_t last = first + each + (part < rest);
    *begin = first * grain < total ? first * grain : total;
    *end = last * grain < total ? last * grain : total;
}

#endif
