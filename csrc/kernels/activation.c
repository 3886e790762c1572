/* Activations, forward and backward; the formulas of those without parameters are in activation.h.
 *
 * <name>_forward:   p: y, x (count)                             n: 0 count   s: 0..3 constants
 * <name>_backward:  p: dx, dy, v (count), v being x or y        n: 0 count   s: 0..3 constants
 * As another kernel's epilogue, forward has n: 0 columns, 1 rows, 2 their distance. */

/* Independent vectors side by side, and gcc's scheduler told to mix them: a formula is one long
 * chain, and waiting for it took 17 us instead of 14 for sigmoid on 1e5 float32 (AVX-512). Four use
 * up AVX2's 16 registers: tanh takes 41 cycles per vector, with two 36 (Zen 1). */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("schedule-insns", "sched-pressure")
#endif
#if VBYTES == 64
#define ABREAST 4
#else
#define ABREAST 2
#endif

#include "../activation.h"
#include "../broadcast.h"

typedef vec (*activation)(vec x, const vec *s);
typedef vec (*gradient)(vec dy, vec v, const vec *s);

INLINE void forward(const fnn_args *a, int part, int parts, activation f)
{
    real *y = a->p[0];
    const real *x = a->p[1];
    int64_t begin, end;
    share(a->n[0], 256, part, parts, &begin, &end);
    vec s[4];
    UNROLL for (int k = 0; k < 4; k++) s[k] = vset((real)a->s[k]);
    for (int64_t row = 0; row == 0 || row < a->n[1]; row++, y += a->n[2], x += a->n[2]) {
        int64_t i = begin;
        for (; i + ABREAST * VL <= end; i += ABREAST * VL) {
            vec v[ABREAST];
            UNROLL for (int k = 0; k < ABREAST; k++) v[k] = f(vload(x + i + k * VL), s);
            UNROLL for (int k = 0; k < ABREAST; k++) vstore(y + i + k * VL, v[k]);
        }
        for (; i < end; i += VL) /* whole vectors and a part by one text: half as long */
            vstore_upto(y + i, f(vload_upto(x + i, end - i), s), end - i);
    }
}

INLINE void backward(const fnn_args *a, int part, int parts, gradient f)
{
    real *dx = a->p[0];
    const real *dy = a->p[1], *v = a->p[2];
    int64_t i, end;
    share(a->n[0], 256, part, parts, &i, &end);
    vec s[4];
    UNROLL for (int k = 0; k < 4; k++) s[k] = vset((real)a->s[k]);
    for (; i + ABREAST * VL <= end; i += ABREAST * VL) {
        vec u[ABREAST];
        UNROLL for (int k = 0; k < ABREAST; k++) u[k] =
            f(vload(dy + i + k * VL), vload(v + i + k * VL), s);
        UNROLL for (int k = 0; k < ABREAST; k++) vstore(dx + i + k * VL, u[k]);
    }
    for (; i < end; i += VL) {
        const vec u = f(vload_upto(dy + i, end - i), vload_upto(v + i, end - i), s);
        vstore_upto(dx + i, u, end - i);
    }
}

#define KERNELS(name)                                                                              \
    static void name##_forward(const fnn_args *a, int part, int parts)                             \
    {                                                                                              \
        forward(a, part, parts, act_##name);                                                       \
    }                                                                                              \
    static void name##_backward(const fnn_args *a, int part, int parts)                            \
    {                                                                                              \
        backward(a, part, parts, act_##name##_grad);                                               \
    }

KERNELS(relu)
KERNELS(sigmoid)
KERNELS(tanh)
KERNELS(leaky_relu)
KERNELS(elu)
KERNELS(silu)
KERNELS(mish)
KERNELS(gelu)
KERNELS(gelu_tanh)
KERNELS(softplus)
KERNELS(logsigmoid)
KERNELS(softsign)
KERNELS(hardtanh)
KERNELS(hardsigmoid)
KERNELS(hardswish)
KERNELS(threshold)
KERNELS(hardshrink)
KERNELS(softshrink)
KERNELS(tanhshrink)

/* ---- with parameters or two inputs: operands that broadcast, slots as in broadcast.h --------- */

#define KERNEL(name, operands, expression)                                                         \
    INLINE vec name##_of(const vec *v, const vec *s UNUSED) { return expression; }                 \
    BROADCAST(name, operands, REALS)

/* x, w: x > 0: x, else w x. He et al. 2015, arXiv:1502.01852. Backward: dy, x, w; and dy, x for
 * each element's part of dw */
KERNEL(prelu_forward, 2, vselect(v[0] > ZERO, v[0], v[0] * v[1]))
KERNEL(prelu_backward, 3, vselect(v[1] > ZERO, v[0], v[0] * v[2]))
KERNEL(prelu_slope_backward, 2, vselect(v[1] > ZERO, ZERO, v[0] * v[1]))

/* x, beta: x sigmoid(beta x). Ramachandran et al. 2017, arXiv:1710.05941. Backward: dy, x, beta;
 * and each element's part of dbeta */
static inline vec swish_slope(vec dy, vec x, vec beta)
{
    vec q = vsigmoid(beta * x);
    return dy * (x * x * (q * (ONE - q)));
}
KERNEL(swish_forward, 2, act_silu(v[0], v + 1))
KERNEL(swish_backward, 3, act_silu_grad(v[0], v[1], v + 2))
KERNEL(swish_beta_backward, 3, swish_slope(v[0], v[1], v[2]))

/* a, b: a sigmoid(b). Dauphin et al. 2016, arXiv:1612.08083 */
KERNEL(glu_forward, 2, v[0] * vsigmoid(v[1]))

/* p: dx (outer, 2, half), dy (outer, half), x (outer, 2, half)   n: 0 outer, 1 half */
static void glu_backward(const fnn_args *args, int part, int parts)
{
    int64_t half = args->n[1], row, end;
    share(args->n[0], 1, part, parts, &row, &end);
    for (; row < end; row++) {
        real *da = (real *)args->p[0] + 2 * half * row, *db = da + half;
        const real *dy = (const real *)args->p[1] + half * row;
        const real *a = (const real *)args->p[2] + 2 * half * row, *b = a + half;
        for (int64_t i = 0; i < half; i += VL) {
            const int64_t n = half - i;
            vec q = vsigmoid(vload_upto(b + i, n)), u = vload_upto(dy + i, n) * q;
            vec w = u * (ONE - q) * vload_upto(a + i, n);
            vstore_upto(da + i, u, n);
            vstore_upto(db + i, w, n);
        }
    }
}

FNN_EXPORT(activation, FNN_ACTIVATION)
