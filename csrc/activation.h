/* Every activation as a function of one vector, and its gradient: what kernels/activation.c loops
 * over.
 *
 * y = act_<name>(x, s), dx = act_<name>_grad(dy, v, s); s[0..3] are its constants; v is x or, where
 * the comment says so, y. NaN goes through. Sources: the PyTorch functions of the same names. */
#ifndef FASTNN_ACTIVATION_H
#define FASTNN_ACTIVATION_H

#include "vmath.h"

#define UNUSED __attribute__((unused))
#define ACT(name) static inline vec act_##name(vec x, const vec *s UNUSED)
#define GRAD(name, v) static inline vec act_##name##_grad(vec dy, vec v, const vec *s UNUSED)
#define ZERO vset(R(0))
#define ONE vset(R(1))

/* max(x, 0) */
ACT(relu) { return vmax(ZERO, x); }
GRAD(relu, y) { return vselect(y <= ZERO, ZERO, dy); }

/* 1 / (1 + exp(-x)) */
ACT(sigmoid) { return vsigmoid(x); }
GRAD(sigmoid, y) { return dy * (ONE - y) * y; }

ACT(tanh) { return vtanh(x); }
GRAD(tanh, y) { return dy * (ONE - y * y); }

/* x > 0: x, else s0 x */
ACT(leaky_relu) { return vselect(x > ZERO, x, x * s[0]); }
GRAD(leaky_relu, x) { return vselect(x > ZERO, dy, dy * s[0]); }

/* x > 0: s1 x, else s0 (exp(s2 x) - 1): ELU, SELU and CELU */
ACT(elu) { return vselect(x > ZERO, s[1] * x, s[0] * vexpm1(s[2] * x)); }
GRAD(elu, x) { return dy * vselect(x > ZERO, s[1], s[0] * s[2] * vexp(s[2] * x)); }

/* x sigmoid(s0 x): SiLU, and GELU's approximation by sigmoid with s0 = 1.702 */
ACT(silu) { return x * vsigmoid(s[0] * x); }
GRAD(silu, x)
{
    vec z = s[0] * x, q = vsigmoid(z);
    return dy * q * (ONE + z * (ONE - q));
}

/* x tanh(log(1 + exp(x))) = x w / (w + 2), w = e (e + 2), e = exp(x); from 40 on it is x.
 * Misra 2019, arXiv:1908.08681 */
ACT(mish)
{
    vec e = vexp(vmin(vset(R(40)), x)), w = e * (e + R(2));
    return x * (w / (w + R(2)));
}
GRAD(mish, x)
{
    vec e = vexp(vmin(vset(R(40)), x)), w = e * (e + R(2)), d = ONE / (w + R(2));
    return dy * (w * d + R(4) * x * (e * (e + R(1)) * d * d));
}

/* x times the normal distribution below x, from the tail beyond |x|. Hendrycks, Gimpel 2016,
 * arXiv:1606.08415 */
ACT(gelu)
{
    vec a = vmin(vset(TAIL_END), vabs(x));
    return vmax(ZERO, x) - a * vnormal_tail(a);
}
GRAD(gelu, x)
{
    vec a = vmin(vset(TAIL_END), vabs(x)), tail = vnormal_tail(a);
    vec density = vexp_near(R(-0.5) * a * a) * R(0.39894228040143267794);
    return dy * (vselect(x < ZERO, tail, ONE - tail) + vcopysign(a * density, x));
}

/* x/2 (1 + tanh(u)) = x / (1 + exp(-2 u)), u = sqrt(2/pi) (x + 0.044715 x^3) */
#define GELU_SLOPE R(-1.5957691216057307117) /* -2 sqrt(2/pi) */
ACT(gelu_tanh) { return x / (ONE + vexp(GELU_SLOPE * x * (ONE + R(0.044715) * x * x))); }
GRAD(gelu_tanh, x)
{
    /* beyond 9 the derivative is 0 or 1 to the last bit */
    x = vmax(vset(R(-9)), vmin(vset(R(9)), x));
    vec z = R(0.044715) * x * x, e = vexp_near(GELU_SLOPE * x * (ONE + z)), q = ONE / (ONE + e);
    return dy * (q - GELU_SLOPE * x * (ONE + R(3) * z) * (e * q * q));
}

/* log(1 + exp(s0 x)) / s0, and x where s0 x > s1; s2 = 1 / s0 */
ACT(softplus)
{
    vec z = s[0] * x;
    vec y = s[2] * (vmax(ZERO, z) + vlog1p_unit(vexp(-vabs(z))));
    return vselect(z > s[1], x, y);
}
GRAD(softplus, x)
{
    vec z = s[0] * x;
    return dy * vselect(z > s[1], ONE, vsigmoid(z));
}

/* log(sigmoid(x)) */
ACT(logsigmoid) { return vmin(ZERO, x) - vlog1p_unit(vexp(-vabs(x))); }
GRAD(logsigmoid, x) { return dy * vsigmoid(-x); }

/* x / (1 + |x|) */
ACT(softsign) { return x / (ONE + vabs(x)); }
GRAD(softsign, x)
{
    vec d = ONE + vabs(x);
    return dy / (d * d);
}

/* x cut to [s0, s1]: Hardtanh, ReLU6 */
ACT(hardtanh) { return vmin(s[1], vmax(s[0], x)); }
GRAD(hardtanh, x) { return vselect((x <= s[0]) | (x >= s[1]), ZERO, dy); }

/* (x + 3) / 6 cut to [0, 1]; Howard et al. 2019, arXiv:1905.02244 */
ACT(hardsigmoid) { return vmin(vset(R(6)), vmax(ZERO, x + R(3))) * R(1.0 / 6); }
GRAD(hardsigmoid, x) { return vselect(vabs(x) < R(3), dy * R(1.0 / 6), ZERO); }

/* x hardsigmoid(x) */
ACT(hardswish) { return x * act_hardsigmoid(x, s); }
GRAD(hardswish, x)
{
    vec inside = dy * (x * R(1.0 / 3) + R(0.5));
    return vselect(x <= R(-3), ZERO, vselect(x < R(3), inside, dy));
}

/* x > s0: x, else s1 */
ACT(threshold) { return vselect(x <= s[0], s[1], x); }
GRAD(threshold, x) { return vselect(x <= s[0], ZERO, dy); }

/* 0 where |x| <= s0, else x */
ACT(hardshrink) { return vselect(vabs(x) <= s[0], ZERO, x); }
GRAD(hardshrink, x) { return vselect(vabs(x) <= s[0], ZERO, dy); }

/* |x| <= s0: 0, else x moved by s0 towards 0 */
ACT(softshrink) { return vselect(vabs(x) <= s[0], ZERO, x - vcopysign(s[0], x)); }
GRAD(softshrink, x) { return vselect(vabs(x) <= s[0], ZERO, dy); }

/* x - tanh(x) */
ACT(tanhshrink) { return x - vtanh(x); }
GRAD(tanhshrink, x)
{
    vec t = vtanh(x);
    return dy * t * t;
}

#endif
