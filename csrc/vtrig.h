/* sin and cos on vectors: range reduction and polynomials, libm for huge angles alone. */
#ifndef FASTNN_VTRIG_H
#define FASTNN_VTRIG_H

#include "vmath.h"

#if FNN_REAL == 32
#define ANGLE_END R(12000) /* n has at most 13 bits, so n times a part of 11 bits is exact */
static const real half_pi[] = {0x1.92p+0f, 0x1.fb4p-12f, 0x1.444p-24f, 0x1.68c234p-39f};
static const real sin_coef[] = {-0.166666666f, 0.00833332914f, -0.000198392556f, 2.71755677e-06f};
static const real cos_coef[] = {0.0416666666f, -0.00138888834f, 2.47994346e-05f, -2.72031772e-07f};
#else
#define ANGLE_END R(1e6)
static const real half_pi[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69};
static const real sin_coef[] = {-0.16666666666666627,    0.008333333333321237,
                                -0.00019841269828840076, 2.7557313347383181e-06,
                                -2.5050702883806917e-08, 1.5893525314135314e-10};
static const real cos_coef[] = {0.041666666666666588,   -0.001388888888887255,
                                2.4801587288465453e-05, -2.7557314049754946e-07,
                                2.0875681045801969e-09, -1.1357409426436869e-11};
#endif

/* y, but libm's where an angle is huge */
static __attribute__((noinline)) vec vsin_far(vec x, vec y, mask huge, int quarter)
{
    for (int i = 0; i < VL; i++)
        if (huge[i]) y[i] = (real)(quarter ? cos((double)x[i]) : sin((double)x[i]));
    return y;
}

/* sin(x + quarter pi/2); angles too large for the reduction take libm's, one by one */
static inline vec vsin_quarter(vec x, int quarter)
{
    vec t = x * R(0.63661977236758134308) + MAGIC, n = t - MAGIC, r = x;
    UNROLL for (int i = 0; i < (int)(sizeof(half_pi) / sizeof(real)); i++) r -= n * half_pi[i];
    ivec q = (ivec)((uvec)t + (uinteger)quarter);
    vec z = r * r;
    vec s = r + r * z * VPOLY(z, sin_coef);
    vec c = R(1) - (R(0.5) * z - z * z * VPOLY(z, cos_coef));
    vec y = vselect((q & 1) == 0, s, c);
    y = (vec)((ivec)y ^ (((q & 2) != 0) & (ivec)vset(R(-0.0))));
    mask huge = vabs(x) > ANGLE_END;
    return __builtin_expect(vany(huge), 0) ? vsin_far(x, y, huge, quarter) : y;
}

static inline vec vsin(vec x) { return vselect(x == R(0), x, vsin_quarter(x, 0)); }
static inline vec vcos(vec x) { return vsin_quarter(x, 1); }

#endif
