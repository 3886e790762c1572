/* Random numbers and dropout: uniform, normal, truncated normal, Bernoulli, integers,
 * permutations; dropout and alpha dropout.
 *
 * Every kernel reads n[FNN_SEED] and n[FNN_STREAM]; element i is made from words of the chunk
 * i / (elements per chunk) of that stream (philox.h), so shares cut at whole chunks give the same
 * bits for any number of threads. float32 and float64 dropout drop the same elements. */
#include "../kernel.h"
#include "../philox.h"
#include "../vmath.h"

#define PER_CHUNK                                                                                  \
    ((int64_t)(PHILOX_CHUNK * 4 / sizeof(real))) /* one element per real-sized word                \
                                                  */
#define WORD_CHUNK ((int64_t)PHILOX_CHUNK)       /* one element per 32-bit word */
#define SEED (a->n[FNN_SEED])
#define STREAM (a->n[FNN_STREAM])

static inline int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }

#if FNN_REAL == 32
typedef uint32_t bits;
#define MANTISSA 23
#define ONE_BITS 0x3f800000u
#else
typedef uint64_t bits;
#define MANTISSA 52
#define ONE_BITS 0x3ff0000000000000u
#endif
#define REAL_BITS ((int)(8 * sizeof(real)))
typedef bits vword __attribute__((vector_size(VBYTES)));

/* [1, 2) from the highest bits of w */
static inline vec one_to_two(vword w) { return (vec)((w >> (REAL_BITS - MANTISSA)) | ONE_BITS); }

/* [0, 1): 24 bits for float, 52 for double */
static inline vec unit(vword w)
{
#if FNN_REAL == 32
    return __builtin_convertvector((ivec)(w >> 8), vec) * (real)0x1p-24;
#else
    return one_to_two(w) - 1;
#endif
}

/* (0, 1], with as many bits near zero as the word has, for the logarithm: 31 or 52 */
static inline vec unit_positive(vword w)
{
#if FNN_REAL == 32
    return (__builtin_convertvector((ivec)(w >> 1), vec) + 1) * (real)0x1p-31;
#else
    return 2 - one_to_two(w);
#endif
}

/* cosine and sine of a uniform angle: a quadrant from two bits, Taylor series around its middle */
static inline void unit_circle(vword w, vec *cosine, vec *sine)
{
    vec t = (one_to_two(w << 2) - (real)1.5) * (real)1.57079632679489661923, q = t * t;
    vec c = {0}, s = {0};
    for (int k = FNN_REAL == 32 ? 10 : 18; k > 0; k -= 2) {
        c = 1 - c * q * (real)(1.0 / (k * (k - 1)));
        s = 1 - s * q * (real)(1.0 / (k * (k + 1)));
    }
    s *= t;
    vword quadrant = w >> (REAL_BITS - 2);
    mask odd = -(ivec)(quadrant & 1);
    ivec flip = (ivec)(quadrant >> 1 << (REAL_BITS - 1));
    *cosine = vbits(vibits(vselect(odd, s, c)) ^ flip);
    *sine = vbits(vibits(vselect(odd, c, s)) ^ flip);
}

/* y[i] = low + (high - low) u, u in [0, 1).
 * p: y(size)   n: size   s: low, high   Source: torch.Tensor.uniform_ */
static void random_uniform(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const int64_t size = a->n[0];
    const vec low = vset((real)a->s[0]), width = vset((real)(a->s[1] - a->s[0]));
    int64_t begin, end;
    share(size, PER_CHUNK, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += PER_CHUNK) {
        vword w[PHILOX_CHUNK * 4 / VBYTES];
        philox_chunk(SEED, STREAM, i / PER_CHUNK, (uint32_t *)w);
        real out[PER_CHUNK];
        for (int64_t j = 0; j < PER_CHUNK; j += VL) vstore(out + j, low + width * unit(w[j / VL]));
        memcpy(y + i, out, (size_t)least(PER_CHUNK, end - i) * sizeof(real));
    }
}

/* y[i] = mean + std z, z standard normal: Box-Muller on the two halves of a chunk.
 * p: y(size)   n: size   s: mean, std   Source: Box and Muller (1958); torch.Tensor.normal_ */
static void random_normal(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const int64_t size = a->n[0], half = PER_CHUNK / 2;
    const vec mean = vset((real)a->s[0]), std = vset((real)a->s[1]);
    int64_t begin, end;
    share(size, PER_CHUNK, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += PER_CHUNK) {
        vword w[PHILOX_CHUNK * 4 / VBYTES];
        philox_chunk(SEED, STREAM, i / PER_CHUNK, (uint32_t *)w);
        real out[PER_CHUNK];
        for (int64_t j = 0; j < half; j += VL) {
            vec radius = std * vsqrt(-2 * vlog(unit_positive(w[j / VL]))), c, s;
            unit_circle(w[(half + j) / VL], &c, &s);
            vstore(out + j, mean + radius * c);
            vstore(out + half + j, mean + radius * s);
        }
        memcpy(y + i, out, (size_t)least(PER_CHUNK, end - i) * sizeof(real));
    }
}

/* the inverse of the standard normal distribution function
 * Source: Wichura, algorithm AS241 (1988), PPND16: relative error below 1e-15 */
static double normal_quantile(double p)
{
    static const double tables[3][2][8] = {
        {{3.3871328727963666080e+0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
          1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
          3.3430575583588128105e+4, 2.5090809287301226727e+3},
         {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
          2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
          5.2264952788528545610e+3}},
        {{1.42343711074968357734e+0, 4.63033784615654529590e+0, 5.76949722146069140550e+0,
          3.64784832476320460504e+0, 1.27045825245236838258e+0, 2.41780725177450611770e-1,
          2.27238449892691845833e-2, 7.74545014278341407640e-4},
         {1.0, 2.05319162663775882187e+0, 1.67638483018380384940e+0, 6.89767334985100004550e-1,
          1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
          1.05075007164441684324e-9}},
        {{6.65790464350110377720e+0, 5.46378491116411436990e+0, 1.78482653991729133580e+0,
          2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
          2.71155556874348757815e-5, 2.01033439929228813265e-7},
         {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
          7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
          2.04426310338993978564e-15}}};
    double q = p - 0.5, x;
    int t = 0;
    if (fabs(q) <= 0.425) {
        x = 0.180625 - q * q;
    } else {
        x = sqrt(-log(q < 0 ? p : 1 - p));
        t = x <= 5 ? 1 : 2;
        x -= t == 1 ? 1.6 : 5;
    }
    double top = 0, bottom = 0;
    for (int i = 7; i >= 0; i--) {
        top = top * x + tables[t][0][i];
        bottom = bottom * x + tables[t][1][i];
    }
    return t == 0 ? q * top / bottom : q < 0 ? -top / bottom : top / bottom;
}

/* y[i] = mean + std z, clamped to [low, high], z standard normal, given that its distribution
 * function lies in [from, to]: the inverse distribution function of a uniform number.
 * p: y(size)   n: size   s: mean, std (negative: mirrored), low, high, from, to
 * Source: torch.nn.init.trunc_normal_ */
static void random_trunc_normal(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const double mean = a->s[0], std = a->s[1], low = a->s[2], high = a->s[3];
    const double from = a->s[4], width = a->s[5] - a->s[4];
    const int64_t size = a->n[0], per_chunk = PHILOX_CHUNK / 2;
    int64_t begin, end;
    share(size, per_chunk, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += per_chunk) {
        uint64_t w[PHILOX_CHUNK / 2];
        philox_chunk(SEED, STREAM, i / per_chunk, (uint32_t *)w);
        for (int64_t j = 0; j < least(per_chunk, end - i); j++) {
            double u = ((double)(w[j] >> 11) + 0.5) * 0x1p-53;
            double z = mean + std * normal_quantile(from + width * u);
            y[i + j] = (real)(z < low ? low : z > high ? high : z);
        }
    }
}

/* y[i] = 1 with probability q[i], else 0.
 * p: y(size), q(size) or null for one probability   n: size   s: that probability
 * Source: torch.bernoulli */
static void random_bernoulli(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const real *q = a->p[1], same = (real)a->s[0];
    int64_t begin, end;
    share(a->n[0], PER_CHUNK, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += PER_CHUNK) {
        vword w[PHILOX_CHUNK * 4 / VBYTES];
        philox_chunk(SEED, STREAM, i / PER_CHUNK, (uint32_t *)w);
        real u[PER_CHUNK];
        for (int64_t j = 0; j < PER_CHUNK; j += VL) vstore(u + j, unit(w[j / VL]));
        for (int64_t j = 0; j < least(PER_CHUNK, end - i); j++)
            y[i + j] = u[j] < (q ? q[i + j] : same);
    }
}

/* x scaled into [0, range): the high word of a product; bias below range / 2^64 */
static inline uint64_t scale_word(uint64_t x, uint64_t range)
{
    return (uint64_t)(((unsigned __int128)x * range) >> 64);
}

/* y[i] = low + uniform integer below range.
 * p: y(size) int64   n: size, low, range (as uint64; 0 stands for 2^64)   Source: torch.randint */
static void random_integers(const fnn_args *a, int part, int parts)
{
    int64_t *y = a->p[0];
    const uint64_t low = (uint64_t)a->n[1], range = (uint64_t)a->n[2];
    const int64_t per_chunk = PHILOX_CHUNK / 2;
    int64_t begin, end;
    share(a->n[0], per_chunk, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += per_chunk) {
        uint64_t w[PHILOX_CHUNK / 2];
        philox_chunk(SEED, STREAM, i / per_chunk, (uint32_t *)w);
        for (int64_t j = 0; j < least(per_chunk, end - i); j++)
            y[i + j] = (int64_t)(low + (range ? scale_word(w[j], range) : w[j]));
    }
}

/* y = a uniformly random order of 0..size-1: Fisher-Yates, one thread.
 * p: y(size) int64   n: size   Source: torch.randperm; Durstenfeld (1964) */
static void random_permutation(const fnn_args *a, int part, int parts)
{
    int64_t *y = a->p[0];
    const int64_t size = a->n[0], per_chunk = PHILOX_CHUNK / 2;
    (void)parts;
    if (part != 0) return;
    uint64_t w[PHILOX_CHUNK / 2];
    for (int64_t i = 0; i < size; i++) {
        if (i % per_chunk == 0) philox_chunk(SEED, STREAM, i / per_chunk, (uint32_t *)w);
        int64_t j = (int64_t)scale_word(w[i % per_chunk], (uint64_t)i + 1);
        y[i] = y[j]; /* inside-out: y[i] itself when j == i, set in the next line */
        y[j] = i;
    }
}

/* y = x * m / (1 - p), m = 1 with probability 1 - p, else 0; one m for each group of `inner`
 * neighbours.
 * p: y(groups, inner), m(groups) bytes, x(groups, inner)   n: groups, inner, threshold = p 2^32
 * s: scale = 1 / (1 - p)   Source: Srivastava et al. (2014), inverted; torch.nn.functional.dropout
 */
static void dropout_forward(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0], factor[PHILOX_CHUNK];
    uint8_t *m = a->p[1];
    const real *x = a->p[2];
    const int64_t inner = a->n[1];
    int64_t begin, end;
    share(a->n[0], WORD_CHUNK, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += WORD_CHUNK) {
        const int64_t count = least(WORD_CHUNK, end - i);
        dropout_factors(SEED, STREAM, i / WORD_CHUNK, (uint64_t)a->n[2], (real)a->s[0], factor);
        if (inner == 1 && count == WORD_CHUNK) {
            for (int j = 0; j < WORD_CHUNK; j++) m[i + j] = factor[j] != 0;
            for (int j = 0; j < WORD_CHUNK; j++) y[i + j] = x[i + j] * factor[j];
            continue;
        }
        for (int64_t j = 0; j < count; j++) {
            m[i + j] = factor[j] != 0;
            for (int64_t k = (i + j) * inner; k < (i + j + 1) * inner; k++) y[k] = x[k] * factor[j];
        }
    }
}

/* dx = dy * m / (1 - p).   p: dx(groups, inner), dy(groups, inner), m(groups)   n: groups, inner
 * s: scale */
static void dropout_backward(const fnn_args *a, int part, int parts)
{
    real *dx = a->p[0];
    const real *dy = a->p[1], scale = (real)a->s[0];
    const uint8_t *m = a->p[2];
    const int64_t inner = a->n[1];
    int64_t begin, end;
    share(a->n[0], WORD_CHUNK, part, parts, &begin, &end);
    if (inner == 1) {
        for (int64_t i = begin; i < end; i++) dx[i] = dy[i] * ((real)m[i] * scale);
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        const real factor = (real)m[i] * scale;
        for (int64_t k = i * inner; k < (i + 1) * inner; k++) dx[k] = dy[k] * factor;
    }
}

/* y = what attention's dropout multiplied with, scale or 0, made again from the draw's ticket.
 * p: y(size), ticket {seed, stream} int64   n: size, threshold   s: scale */
static void dropout_again(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0], factor[PHILOX_CHUNK];
    const int64_t *ticket = a->p[1];
    int64_t begin, end;
    share(a->n[0], WORD_CHUNK, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += WORD_CHUNK) {
        dropout_factors(ticket[0], ticket[1], i / WORD_CHUNK, (uint64_t)a->n[1], (real)a->s[0],
                        factor);
        memcpy(y + i, factor, (size_t)least(WORD_CHUNK, end - i) * sizeof(real));
    }
}

/* y = x * scale + shift where kept, else the constant `dropped`, which keeps mean 0 and variance 1.
 * The backward pass is dropout_backward with this scale.
 * p: y(groups, inner), m(groups) bytes, x(groups, inner)   n: groups, inner, threshold = p 2^32
 * s: scale, shift, dropped   Source: Klambauer et al. (2017), section 3; torch.nn.AlphaDropout */
static void alpha_dropout_forward(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0], keep[PHILOX_CHUNK];
    uint8_t *m = a->p[1];
    const real *x = a->p[2];
    const int64_t inner = a->n[1];
    const real scale = (real)a->s[0], shift = (real)a->s[1], dropped = (real)a->s[2];
    int64_t begin, end;
    share(a->n[0], WORD_CHUNK, part, parts, &begin, &end);
    for (int64_t i = begin; i < end; i += WORD_CHUNK) {
        const int64_t count = least(WORD_CHUNK, end - i);
        dropout_factors(SEED, STREAM, i / WORD_CHUNK, (uint64_t)a->n[2], 1, keep);
        for (int64_t j = 0; j < count; j++) {
            m[i + j] = keep[j] != 0;
            for (int64_t k = (i + j) * inner; k < (i + j + 1) * inner; k++)
                y[k] = keep[j] != 0 ? x[k] * scale + shift : dropped;
        }
    }
}

FNN_EXPORT(dropout, FNN_DROPOUT)
