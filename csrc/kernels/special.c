/* Functions that training meets seldom: inverse and hyperbolic angles, erfc, the gamma family.
 *
 * Lane by lane in double precision, by libm where it has them: they are right to the last bits of
 * either dtype, and no vector code need be kept for them. Slots as in broadcast.h. */
#include "../broadcast.h"
#include "../vmath.h"

#include <math.h>

#define PI 3.14159265358979323846

#define KERNEL(name, operands, call)                                                               \
    static __attribute__((noinline)) vec name##_of(const vec *v, const vec *s)                     \
    {                                                                                              \
        vec y = {0};                                                                               \
        (void)s;                                                                                   \
        for (int i = 0; i < VL; i++) y[i] = (real)(call);                                          \
        return y;                                                                                  \
    }                                                                                              \
    BROADCAST(name, operands, REALS)
#define X ((double)v[0][i])
#define Y ((double)v[1][i])

KERNEL(asin_forward, 1, asin(X))
KERNEL(acos_forward, 1, acos(X))
KERNEL(atan_forward, 1, atan(X))
KERNEL(sinh_forward, 1, sinh(X))
KERNEL(cosh_forward, 1, cosh(X))
KERNEL(asinh_forward, 1, asinh(X))
KERNEL(acosh_forward, 1, acosh(X))
KERNEL(atanh_forward, 1, atanh(X))
KERNEL(exp2_forward, 1, exp2(X))
KERNEL(erfc_forward, 1, erfc(X))
KERNEL(lgamma_forward, 1, lgamma(X))
KERNEL(atan2_forward, 2, atan2(X, Y))
KERNEL(hypot_forward, 2, hypot(X, Y))
KERNEL(copysign_forward, 2, copysign(X, Y))

static double log_add(double a, double b)
{
    if (a == b) return a + 0.69314718055994530942; /* infinities too */
    const double top = a > b ? a : b, low = a > b ? b : a;
    return a != a || b != b ? a + b : top + log1p(exp(low - top));
}
KERNEL(logaddexp_forward, 2, log_add(X, Y))

/* Newton's method from a rational start (Giles 2010); erfc keeps the digits near 1 */
static double inverse_erf(double y)
{
    const double a = fabs(y);
    if (!(a < 1)) return a == 1 ? copysign(INFINITY, y) : NAN;
    const double w = -log((1 - a) * (1 + a)), u = w < 5 ? w - 2.5 : sqrt(w) - 3;
    double x = w < 5 ? 1.50140941 + u * (0.246640727 + u * (-0.00417768164 + u * -0.00125372503))
                     : 2.83297682 + u * (1.00167406 + u * (0.00943887047 + u * -0.0076224613));
    x *= a;
    for (int k = 0; k < 4; k++) {
        const double error = a < 0.5 ? erf(x) - a : (1 - a) - erfc(x);
        const double step = error * 0.88622692545275801365 * exp(x * x);
        x -= step / (1 + x * step);
    }
    return copysign(x, y);
}
KERNEL(erfinv_forward, 1, inverse_erf(X))

/* B_2k / (2k)! for k = 1, 2, ...: Euler and Maclaurin's corrections */
static const double bernoulli[] = {
    1.0 / 12,
    -1.0 / 720,
    1.0 / 30240,
    -1.0 / 1209600,
    1.0 / 47900160,
    -691.0 / 1307674368000.0,
    1.0 / 74724249600.0,
    -3617.0 / 10670622842880000.0,
};
enum { NUM_BERNOULLI = sizeof bernoulli / sizeof *bernoulli, FAR = 12 };

/* sum over k >= 0 of (x + k)^-s */
static double zeta(double s, double x)
{
    double sum = 0;
    for (; x < FAR; x++) sum += pow(x, -s);
    double term = s * pow(x, -s - 1);
    sum += pow(x, 1 - s) / (s - 1) + 0.5 * pow(x, -s);
    for (int k = 0; k < NUM_BERNOULLI; k++) {
        sum += bernoulli[k] * term;
        term *= (s + 2 * k + 1) * (s + 2 * k + 2) / (x * x);
    }
    return sum;
}

/* log x - 1 / (2 x) - sum B_2k / (2k x^2k), after steps up to FAR, and reflected from below 0 */
static double digamma(double x)
{
    if (x == 0) return copysign(INFINITY, -x);
    if (x < 0) {
        if (x == floor(x)) return NAN;
        return digamma(1 - x) - PI / tan(PI * (x - floor(x)));
    }
    double sum = 0;
    for (; x < FAR; x++) sum -= 1 / x;
    if (isinf(x)) return x;
    sum += log(x) - 0.5 / x;
    double term = 1 / (x * x);
    for (int k = 0; k < NUM_BERNOULLI; k++) {
        sum -= bernoulli[k] * term;
        term *= (2 * k + 2) * (2 * k + 3) / (x * x);
    }
    return sum;
}
KERNEL(digamma_forward, 1, digamma(X))

/* the n-th derivative of digamma, n > 0: (-1)^(n+1) n! zeta(n + 1, x); below 0 only n = 1,
 * reflected */
static double polygamma(double n, double x)
{
    if (n == 1 && x < 0.5) {
        const double sine = sin(PI * (x - floor(x)));
        return PI * PI / (sine * sine) - zeta(2, 1 - x);
    }
    if (x <= 0 && (x == floor(x) || x < -1e4)) return x == floor(x) ? INFINITY : NAN;
    return (fmod(n, 2) == 1 ? 1 : -1) * tgamma(n + 1) * zeta(n + 1, x);
}
KERNEL(polygamma_forward, 1, polygamma((double)s[0][i], X))

FNN_EXPORT(special, FNN_SPECIAL)
