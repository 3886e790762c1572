/* Arithmetic, comparisons and functions of one, two or three broadcast operands.
 *
 * One line each: name, formula. The slots are those of broadcast.h: p: y, then the operands;
 * n: sizes and strides; s: 0..2 constant operands, 4.. constants of the formula. The backward
 * kernels give dx of the operand that the comment names; dy is their first operand. */
#include "../broadcast.h"
#include "../vpow.h"
#include "../vtrig.h"

#define KERNEL(name, operands, kinds, expression)                                                  \
    INLINE vec name##_of(const vec *v, const vec *s __attribute__((unused)))                       \
    {                                                                                              \
        return (vec)(expression);                                                                  \
    }                                                                                              \
    BROADCAST(name, operands, kinds)
#define UNARY(name, expression) KERNEL(name, 1, REALS, expression)
#define BINARY(name, expression) KERNEL(name, 2, REALS, expression)
#define TERNARY(name, expression) KERNEL(name, 3, REALS, expression)
#define COMPARE(name, expression) KERNEL(name, 2, MASK_OUT, expression)
#define X v[0] /* operands of a forward kernel */
#define Y v[1]
#define Z v[2]
#define DY v[0] /* operands of a backward kernel */
#define A v[1]
#define B v[2]
#define ZERO vset(R(0))
#define ONE vset(R(1))

/* ---- one operand -------------------------------------------------------------------------- */

UNARY(copy_forward, X)
UNARY(neg_forward, -X)
UNARY(abs_forward, vabs(X))
UNARY(exp_forward, vexp(X))
UNARY(expm1_forward, vexpm1(X))
UNARY(log_forward, vlog(X))
UNARY(log1p_forward, vlog1p(X))
UNARY(log2_forward, vlog2(X))
UNARY(log10_forward, vlog10(X))
UNARY(sqrt_forward, vsqrt(X))
UNARY(rsqrt_forward, ONE / vsqrt(X))
UNARY(square_forward, X *X)
UNARY(reciprocal_forward, ONE / X)
UNARY(sign_forward, vselect(X > ZERO, ONE, vselect(X < ZERO, -ONE, ZERO)))
UNARY(sin_forward, vsin(X))
UNARY(cos_forward, vcos(X))
UNARY(tan_forward, vsin(X) / vcos(X))
UNARY(floor_forward, vfloor(X))
UNARY(ceil_forward, vceil(X))
UNARY(round_forward, vround(X))
UNARY(trunc_forward, vtrunc(X))
UNARY(erf_forward, verf(X))

/* X cut to [s4, s5]; the gradient passes at the bounds too */
UNARY(clamp_forward, vmin(s[1], vmax(s[0], X)))
BINARY(clamp_backward, vselect((A < s[0]) | (A > s[1]), ZERO, DY))

/* A is x, or where it says so y */
BINARY(abs_backward, vselect(A > ZERO, DY, vselect(A < ZERO, -DY, ZERO)))
BINARY(expm1_backward, DY *(A + ONE)) /* y */
BINARY(log_backward, DY / (A * s[0])) /* s4: log of the base */
BINARY(log1p_backward, DY / (A + ONE))
BINARY(sqrt_backward, DY / (R(2) * A))             /* y */
BINARY(rsqrt_backward, R(-0.5) * DY * (A * A * A)) /* y */
BINARY(square_backward, R(2) * DY * A)
BINARY(reciprocal_backward, -DY *(A *A)) /* y */
BINARY(sin_backward, DY *vcos(A))
BINARY(cos_backward, -DY *vsin(A))
BINARY(tan_backward, DY *(ONE + A * A)) /* y */
BINARY(erf_backward, DY *R(1.1283791670955125739) * vexp(-(A * A)))

/* ---- two and three operands ---------------------------------------------------------------- */

/* libm's remainder with the sign of x: exact for every quotient, which x - y trunc(x / y) is not */
static __attribute__((noinline)) vec vfmod(vec x, vec y)
{
    vec z;
    for (int i = 0; i < VL; i++)
        z[i] = FNN_REAL == 32 ? (real)fmodf(x[i], y[i]) : (real)fmod(x[i], y[i]);
    return z;
}

/* ... with the sign of y */
static vec vremainder(vec x, vec y)
{
    vec z = vfmod(x, y);
    return vselect((z != ZERO) & ((z < ZERO) != (y < ZERO)), z + y, z);
}

/* The largest whole number that is not above the exact quotient; x / y may round up to the next.
 * Source: Python's floor division, which torch.floor_divide has as well. */
static vec vfloor_divide(vec x, vec y)
{
    vec z = vfmod(x, y), q = (x - z) / y;
    q = vselect((z != ZERO) & ((z < ZERO) != (y < ZERO)), q - ONE, q);
    vec whole = vfloor(q);
    whole = vselect(q - whole > R(0.5), whole + ONE, whole); /* q is a rounded whole number */
    whole = vselect(q == ZERO, vcopysign(ZERO, x / y), whole);
    return vselect(y == ZERO, x / y, whole);
}

/* NaN where either is; > and the like never see it */
static inline vec either_nan(vec x, vec y, vec z) { return vselect((x != x) | (y != y), x + y, z); }

BINARY(add_forward, X + Y)
BINARY(sub_forward, X - Y)
BINARY(mul_forward, X *Y)
BINARY(div_forward, X / Y)
BINARY(pow_forward, vpow(X, Y))
BINARY(fmod_forward, vfmod(X, Y))
BINARY(remainder_forward, vremainder(X, Y))
BINARY(floor_divide_forward, vfloor_divide(X, Y))
BINARY(maximum_forward, either_nan(X, Y, vmax(X, Y)))
BINARY(minimum_forward, either_nan(X, Y, vmin(X, Y)))
BINARY(add_scaled, X + s[0] * Y)
BINARY(lerp_forward, X + s[0] * (Y - X))
TERNARY(addcmul_forward, X + s[0] * Y * Z)
TERNARY(addcdiv_forward, X + s[0] * Y / Z)
KERNEL(where_forward, 3, MASK_IN, vselect((mask)X, Y, Z))

/* of b in a / b */
TERNARY(div_backward, -(DY / B) * (A / B))
/* of a in a^b, and of b */
TERNARY(pow_backward, vselect(B == ZERO, ZERO, DY *(B *vpow(A, B - ONE))))
TERNARY(pow_exponent_backward, vselect((A == ZERO) & (B >= ZERO), ZERO, DY *(vpow(A, B) * vlog(A))))
/* of a in max(a, b): half where they are equal */
TERNARY(maximum_backward, vselect(A > B, DY, vselect(A == B, R(0.5) * DY, ZERO)))

COMPARE(eq_forward, X == Y)
COMPARE(ne_forward, X != Y)
COMPARE(lt_forward, X < Y)
COMPARE(le_forward, X <= Y)
COMPARE(gt_forward, X > Y)
COMPARE(ge_forward, X >= Y)

/* y += x, both dense and of one size.   p: y (count), x (count)   n: 0 count */
static void accumulate(const fnn_args *a, int part, int parts)
{
    real *y = a->p[0];
    const real *x = a->p[1];
    int64_t i, end;
    share(a->n[0], 1024, part, parts, &i, &end);
    for (; i + VL <= end; i += VL) vstore(y + i, vload(y + i) + vload(x + i));
    if (i < end)
        vstore_part(y + i, vload_part(y + i, end - i) + vload_part(x + i, end - i), end - i);
}

FNN_EXPORT(elementwise, FNN_ELEMENTWISE)
