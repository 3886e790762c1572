/* exp, log, tanh, sigmoid and erf on vectors: range reduction and polynomials.
 *
 * No tables but for vtable.h's, no calls of libm. Errors over the whole range,
 * infinities, NaN and denormals included, are held by tests/test_accuracy.py: 2 ulp at most for
 * exp, expm1, log, log1p, tanh, sigmoid and erf. The coefficients are minimax fits, weighted by the
 * share that a polynomial has in its result. Nothing here relies on fused multiply-add. */
#ifndef FASTNN_VMATH_H
#define FASTNN_VMATH_H

#include "simd.h"

#define R(x) ((real)(x))
#if FNN_REAL == 32
typedef uint32_t uinteger;
#else
typedef uint64_t uinteger;
#endif
typedef uinteger uvec __attribute__((vector_size(VBYTES))); /* for sums of bits that may overflow */

/* The long way, for arguments that are rare: for all of a vector that has one, with the same bits.
 * AVX-512 always goes it: scalef and its masks make it a short one. */
#if VBYTES == 64
#define COLD inline
#define RARELY(m) ((void)(m), 1)
#else
#define COLD __attribute__((noinline, cold))
#define RARELY(m) __builtin_expect(vany(m), 0)
#endif
#define BEYOND(x, end) ((ivec)vabs(x) > (ivec)vset(end)) /* or NaN: whose bits are the largest */
#define VPOLY(x, c) vpoly(x, c, (int)(sizeof(c) / sizeof(real)))

#if FNN_REAL == 32
#define MANTISSA 23
#define BIAS 127
#define EXP_MAX R(89)         /* exp: infinity */
#define EXP_MIN R(-105)       /* exp: zero */
#define EXP_NEAR R(87)        /* up to here exp is a normal number */
#define EXP_ZERO R(-88.0297)  /* -BIAS ln 2 */
#define LN2_HI R(0x1.62e4p-1) /* n * LN2_HI is exact for every exponent n */
#define LN2_LO R(0x1.7f7d1cp-20)
#define LOG10_2_HI R(0x1.344p-2)
#define LOG10_2_LO R(0x1.3509f8p-18)
#else
#define MANTISSA 52
#define BIAS 1023
#define EXP_MAX R(710)
#define EXP_MIN R(-746)
#define EXP_NEAR R(708)
#define EXP_ZERO R(-709.0896)
#define LN2_HI R(0x1.62e42feep-1)
#define LN2_LO R(0x1.a39ef35793c76p-33)
#define LOG10_2_HI R(0x1.34413509f6p-2)
#define LOG10_2_LO R(0x1.9fef311f12b36p-42)
#endif
#define LN2 R(0.69314718055994530942)
#define LOG2E R(1.4426950408889634)
#define LOG10E R(0.43429448190325182765)
#define MAGIC R(1.5 * (double)((int64_t)1 << MANTISSA)) /* added: rounds to an integer */
#define LOWEST_NORMAL R(FNN_REAL == 32 ? 0x1p-126 : 0x1p-1022)

/* c[0] + c[1] x + ... */
static inline vec vpoly(vec x, const real *c, int n)
{
    vec z = x * x, y = vset(c[n - 1]);
    if (VBYTES == 64 || n <= 3) {
        UNROLL for (int i = n - 2; i >= 0; i--) y = y * x + c[i];
    } else { /* Horner's rule for pairs, in x^2: half as long a chain for one product more */
        if (n % 2 == 0) y = c[n - 2] + x * y;
        UNROLL for (int i = (n - 1) / 2 * 2 - 2; i >= 0; i -= 2) y = y * z + (c[i] + x * c[i + 1]);
    }
    return y;
}

/* ---- 2^n and exp ------------------------------------------------------------------------- */

/* 2^n for n + MAGIC, as rounding by MAGIC leaves it; n is the exponent of a normal number */
static inline vec vpow2(vec n_magic)
{
    return (vec)(((uvec)n_magic << MANTISSA) + ((uinteger)BIAS << MANTISSA));
}

/* a * 2^n for normal numbers: a and the result */
static inline vec vscale_near(vec a, vec n_magic)
{
    return (vec)((uvec)a + ((uvec)n_magic << MANTISSA));
}

/* a * 2^n for every n, one rounding where the result is denormal */
static inline vec vscale(vec a, vec n_magic)
{
#if VBYTES == 64
    return (vec)VX86(scalef)(a, n_magic - MAGIC);
#else
    vec half = (n_magic - MAGIC) * R(0.5) + MAGIC;
    vec rest = (vec)((uvec)n_magic - (uvec)half + (uvec)vset(MAGIC));
    return a * vpow2(half) * vpow2(rest);
#endif
}

#if FNN_REAL == 32
static const real expm1_coef[] = {0.5f, 0.16666518151f, 0.04166620597f, 0.00836904160f,
                                  0.00139505427f};
#else
static const real expm1_coef[] = {
    0.50000000000000133,    0.16666666666666691,   0.041666666666511865,   0.0083333333333113092,
    0.0013888888947950788,  0.0001984126990913205, 2.4801488960018442e-05, 2.7557223252143859e-06,
    2.7631637598245754e-07, 2.5115763866063321e-08};
#endif

/* x = n ln 2 + r: returns r and n + MAGIC; exp(r) - 1 = r + rest */
static inline vec vexp_split(vec x, vec *n_magic, vec *rest)
{
    vec t = x * LOG2E + MAGIC, n = t - MAGIC;
    vec r = x - n * LN2_HI - n * LN2_LO;
    *n_magic = t;
    *rest = r * r * VPOLY(r, expm1_coef);
    return r;
}

/* a + r + rest, where a is 0 or larger than r: what a + r loses is kept */
static inline vec vexp_join(vec a, vec r, vec rest)
{
    vec y = a + r;
    return y + ((r - (y - a)) + rest);
}

#if VBYTES == 64 && FNN_REAL == 32
#include "vtable.h"
#else
/* exp where neither x nor the result needs care: |x| < 87 (708 in float64) */
static inline vec vexp_near(vec x)
{
    vec n, rest, r = vexp_split(x, &n, &rest);
    return ((r + rest) + R(1)) * vpow2(n);
}

static COLD vec vexp_far(vec x)
{
    vec n, rest, r = vexp_split(vmax(vset(EXP_MIN), vmin(vset(EXP_MAX), x)), &n, &rest);
    return vscale((r + rest) + R(1), n);
}

static inline vec vexp(vec x)
{
    vec n, rest, r = vexp_split(x, &n, &rest);
    vec y = vscale_near((r + rest) + R(1), n);
    return RARELY(BEYOND(x, EXP_NEAR)) ? vexp_far(x) : y;
}
#define vexp_negative vexp /* where x <= 0 */

/* exp for x that is not large: 0 stands for most denormal results, as vpow2 makes 0 of 2^-BIAS */
static inline vec vexp_flush(vec x) { return vexp_near(vmax(vset(EXP_ZERO), x)); }
#endif

static inline vec vexpm1(vec x)
{
    vec n, rest, r = vexp_split(vmax(vset(R(-40)), vmin(vset(EXP_MAX), x)), &n, &rest);
    vec inverse = vpow2(vset(R(2) * MAGIC) - vmin(vset(MAGIC + R(100)), n));
    vec y = vscale(vexp_join(R(1) - inverse, r, rest), n);
    return vselect(vabs(x) < LOWEST_NORMAL, x, y);
}

/* ---- log ---------------------------------------------------------------------------------- */

#if FNN_REAL == 32
static const real log_coef[] = {0.66666662693f, 0.40000435709f, 0.28531920909f, 0.23671442270f};
static const real log1p_coef[] = {0.666666756f, 0.399988771f, 0.286168978f, 0.214275451f,
                                  0.243012842f};
#else
static const real log_coef[] = {0.66666666666668117, 0.39999999999003177, 0.28571428820716405,
                                0.22222191431463184, 0.18183902009077332, 0.15306061629690879,
                                0.14870741504824303};
static const real log1p_coef[] = {0.66666666666666674,  0.39999999999993974, 0.28571428572510443,
                                  0.22222222125451335,  0.1818182320340069,  0.15384451926115317,
                                  0.13336805835628784,  0.11715951216263627, 0.10972559169482965,
                                  0.069942885283983777, 0.1646754932506348};
#endif

/* x = 2^n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), for a normal number x > 0; returns f */
static inline vec vlog_near(vec x, vec *n)
{
    /* exponents are counted from sqrt(1/2): move the 1 of 1.0 onto it, and take the upper bits */
    const uvec root = (uvec)vset(R(0.70710678118654752440));
    uvec bits = (uvec)x + ((uvec)vset(R(1)) - root);
    *n = (vec)((uvec)vset(MAGIC) + (bits >> MANTISSA)) - (MAGIC + R(BIAS));
    return (vec)((bits & (((uinteger)1 << MANTISSA) - 1)) + root) - R(1);
}

/* x times 2^less, which makes a denormal a normal number */
static inline vec vlog_normal(vec x, vec *less)
{
    mask small = x < LOWEST_NORMAL;
    *less = vselect(small, vset(R(MANTISSA)), vset(R(0)));
    return vselect(small, x * R((int64_t)1 << MANTISSA), x);
}

/* vlog_near for denormals too */
static inline vec vlog_split(vec x, vec *n)
{
    vec less, f = vlog_near(vlog_normal(x, &less), n);
    *n -= less;
    return f;
}

/* what log gives where x is not a positive finite number, else y */
static inline vec vlog_special(vec x, vec y)
{
    y = vselect(x < vset(INFINITY), y, x);
    return vselect(x > R(0), y, vselect(x == R(0), vset(-INFINITY), vset(NAN)));
}

/* log(1 + f) = f - (f^2/2 - rest) */
static inline vec vlog_rest(vec f)
{
    vec s = f / (f + R(2)), z = s * s;
    return s * (R(0.5) * f * f + z * VPOLY(z, log_coef));
}

static inline vec vlog_join(vec f, vec n)
{
    vec tail = R(0.5) * f * f - (vlog_rest(f) + n * LN2_LO);
    return n * LN2_HI - (tail - f);
}

#ifndef FASTNN_VTABLE_H
/* the formula is there once: a * b + c * d has two ways to be fused, whose bits differ */
static inline vec vlog(vec x)
{
    const mask rare = ~((x >= LOWEST_NORMAL) & (x < vset(INFINITY)));
    vec n, less = vset(R(0)), f = vlog_near(RARELY(rare) ? vlog_normal(x, &less) : x, &n), y;
    y = vlog_join(f, n - less);
    return RARELY(rare) ? vlog_special(x, y) : y;
}
#endif

static inline vec vlog2(vec x)
{
    vec n, f = vlog_split(x, &n);
    return vlog_special(x, n + (f - (R(0.5) * f * f - vlog_rest(f))) * LOG2E);
}

static inline vec vlog10(vec x)
{
    vec n, f = vlog_split(x, &n);
    vec y = (f - (R(0.5) * f * f - vlog_rest(f))) * LOG10E;
    return vlog_special(x, n * LOG10_2_HI + (y + n * LOG10_2_LO));
}

static inline vec vlog1p(vec x)
{
    vec u = x + R(1), lost = (x - (u - R(1))) / u;
    vec n, f = vlog_split(u, &n);
    vec tail = R(0.5) * f * f - (vlog_rest(f) + (n * LN2_LO + lost));
    vec y = vlog_special(u, n * LN2_HI - (tail - f));
    return vselect(vabs(x) < LOWEST_NORMAL, x, y);
}

/* log(1 + x) for 0 <= x <= 1: one polynomial, no splitting */
static inline vec vlog1p_unit(vec x)
{
    vec s = x / (x + R(2)), z = s * s;
    return R(2) * s + s * (z * VPOLY(z, log1p_coef));
}

/* ---- tanh, sigmoid, erf ------------------------------------------------------------------- */

#ifndef FASTNN_VTABLE_H
#if FNN_REAL == 32
#define TANH_END R(10)
static const real tanh_coef[] = {-0.333332264f, 0.133233641f, -0.0513118565f};
#else
#define TANH_END R(20)
static const real tanh_coef[] = {
    -0.33333333333332981,   0.1333333333313557,    -0.053968253664046175, 0.021869467783644246,
    -0.0088624998251641811, 0.0035779723727864669, -0.0013146363284196860};
#endif
/* With t = exp(2|x|) - 1 it is t / (t + 2), and one word of ln 2 is enough: what it lacks grows as
 * tanh stops to. Below 1/4, where that takes three roundings too many, x + x^3 P(x^2). */
static inline vec vtanh(vec x)
{
    vec a = vmin(vset(TANH_END), vabs(x)), x2 = a + a, z = a * a;
    vec n = x2 * LOG2E + MAGIC, r = x2 - (n - MAGIC) * LN2, s = vpow2(n);
    vec t = s * (r + r * r * VPOLY(r, expm1_coef)) + (s - R(1));
    vec small = a + a * (z * VPOLY(z, tanh_coef));
    return vcopysign(vselect(a < R(0.256), small, t / (t + R(2))), x);
}
#endif

/* with e = exp(-|x|), which never overflows, and q = e / (1 + e): 1 - q or e - e q */
static COLD vec vsigmoid_far(vec x)
{
    vec e = vexp_negative((vec)((ivec)x | (ivec)vset(R(-0.0)))), q = e / (e + R(1));
    vec y = vselect(x < R(0), e, vset(R(1)));
    return y - y * q;
}

/* 1 / (1 + exp(-x)), exp(-x) = s + s (r + rest): s, a power of two, goes last, exactly if x > 0 */
static inline vec vsigmoid(vec x)
{
#if VBYTES == 64
    return vsigmoid_far(x);
#else
    const mask far = BEYOND(x, EXP_NEAR);
    vec n, rest, r = vexp_split(-x, &n, &rest), s = vpow2(n);
    vec y = R(1) / (s + (R(1) + s * (r + rest)));
    return RARELY(far) ? vselect(far, vsigmoid_far(x), y) : y;
#endif
}

/* the standard normal distribution's tail below -a. float32: P(a)^-8 / 2, whose error times a is at
 * most 6e-8. float64: exp(P(a)), error 2e-17 up to 8.6. Both fall on to nothing up to TAIL_END. */
#if FNN_REAL == 32
#define TAIL_END R(13)
static const real tail_coef[] = {1.0f,
                                 0.0997345597f,
                                 0.0447730757f,
                                 0.00863395538f,
                                 0.000925534987f,
                                 0.000149976666f,
                                 8.27505719e-05f,
                                 -1.38192318e-05f,
                                 2.70099622e-06f};
static inline vec vnormal_tail(vec a)
{
    vec p = VPOLY(a, tail_coef), p2 = p * p, p4 = p2 * p2;
    return R(0.5) / (p4 * p4);
}
#else
#define TAIL_END R(10)
static const real tail_coef[] = {
    -0.69314718055994529,    -0.79788456080285697,    -0.31830988618420542,
    -0.036335602349413479,   0.0047821116694322938,   3.6981253386931741e-05,
    -0.00021202787841555294, 5.2166229537067557e-05,  -1.6301193144962165e-06,
    -2.8298824536641475e-06, 9.0390213065353297e-07,  -5.1172821614358036e-08,
    -6.2789776401730366e-08, 3.0595318338157833e-08,  -8.2434524211448111e-09,
    1.4862200116649848e-09,  -1.7098339027157856e-10, 7.1185756095642658e-12,
    1.5750264318207689e-12,  -3.8480111708803428e-13, 4.3987538372549501e-14,
    -3.0174315577422398e-15, 1.1952788611635982e-16,  -2.1201719285766402e-18};
static inline vec vnormal_tail(vec a) { return vexp_near(VPOLY(a, tail_coef)); }
#endif

#if FNN_REAL == 32
/* 1 - exp(-w), w = -log erfc(|x|) = |x| + |x| P(|x|). One word of ln 2 is enough: what it lacks
 * grows as exp(-w) falls. */
#define ERF_END R(3.93)
static const real erfc_coef[] = {-0.128379166f, -0.636619389f,   -0.102777831f,
                                 0.0191530641f, 0.000160395517f, -0.00166702701f,
                                 0.0006328366f, -0.00011764119f, 9.256255e-06f};
static const real erf_exp_coef[] = {0.5f,           0.166666657f,   0.0416663624f,
                                    0.00833338965f, 0.00139406254f, 0.000198458773f};
static inline vec verf(vec x)
{
    vec a = vmin(vset(ERF_END), vabs(x)), w = a * VPOLY(a, erfc_coef) - a;
    vec t = w * LOG2E + MAGIC, r = w - (t - MAGIC) * LN2, s = vpow2(t);
    return vcopysign((R(1) - s) - s * (r + r * r * VPOLY(r, erf_exp_coef)), x);
}
#else
/* |x| < 1: x + x P(x^2); else 1 - exp(log erfc(|x|)), and that logarithm is a polynomial */
#define ERF_END R(6)
static const real erf_coef[] = {
    0.12837916709551256,     -0.37612638903183548,    0.11283791670945247,
    -0.026866170643275133,   0.0052239776074150665,   -0.00085483259893158242,
    0.00012055295309694985,  -1.4924744466233375e-05, 1.6447515362066499e-06,
    -1.6209158985563537e-07, 1.3722906241767135e-08,  -7.801063600723226e-10};
static const real erfc_coef[] = {
    -1.8451885860039178e-07, -1.1283772810994537,     -0.63662870959378304,
    -0.10274662623474343,    0.019076923769352588,    0.00028227323972149145,
    -0.0017709731284566009,  0.00064287320685700784,  -4.5981601285600831e-05,
    -6.9737293707249507e-05, 4.4764587339332091e-05,  -1.6419777449427651e-05,
    4.3013534804987989e-06,  -8.4511074283805077e-07, 1.2481899394152093e-07,
    -1.3521000429049833e-08, 1.0169623207021032e-09,  -4.7513644332350736e-11,
    1.0389917349993904e-12};
static inline vec verf(vec x)
{
    vec a = vmin(vset(ERF_END), vabs(x));
    vec large = R(1) - vexp_near(VPOLY(a, erfc_coef));
    vec small = a + a * VPOLY(a * a, erf_coef);
    return vcopysign(vselect(a < R(1), small, large), x);
}
#endif

#endif
