/* exp and tanh of float32 vectors of AVX-512, whose permutations look 16 or 32 values up in
 * registers.
 *
 * A table takes over what a longer polynomial would do: half of the multiplications. The largest
 * errors, over the whole range: exp 1.1 ulp, tanh 1.9 (tests/test_accuracy.py). */
#ifndef FASTNN_VTABLE_H
#define FASTNN_VTABLE_H

/* the entry that the lowest bits of i name */
static inline vec vlookup16(const real *table, vec i)
{
    return (vec)_mm512_permutexvar_ps((__m512i)i, _mm512_load_ps(table));
}
static inline vec vlookup32(const real *table, vec i)
{
    return (vec)_mm512_permutex2var_ps(_mm512_load_ps(table), (__m512i)i,
                                       _mm512_load_ps(table + 16));
}
#define TABLE static const _Alignas(64) real

/* 2^(i/16) */
TABLE exp2_table[16] = {1.0f,       1.0442737f, 1.0905077f, 1.1387886f, 1.1892071f, 1.2418578f,
                        1.2968396f, 1.3542556f, 1.4142135f, 1.4768262f, 1.5422108f, 1.6104903f,
                        1.6817929f, 1.7562522f, 1.8340081f, 1.9152066f};

/* x = (n + i/16) ln 2 + r, so exp(x) = 2^n 2^(i/16) exp(r) with |r| < 0.022 */
static inline vec vexp_near(vec x)
{
    const real round16 =
        MAGIC / R(16); /* added: rounds to sixteenths, counted by the lowest bits */
    vec t = x * LOG2E + round16, n = t - round16;
    vec r = x - n * LN2_HI - n * LN2_LO, z = vlookup16(exp2_table, t);
    vec rest = r + r * r * (R(0.5) + R(0.16666667) * r);
    return (vec)_mm512_scalef_ps((__m512)(z + z * rest), (__m512)n); /* takes the floor of n */
}
static inline vec vexp(vec x) { return vexp_near(vmax(vset(EXP_MIN), vmin(vset(EXP_MAX), x))); }
static inline vec vexp_negative(vec x) { return vexp_near(vmax(vset(EXP_MIN), x)); }
static inline vec vexp_flush(vec x) { return vexp_negative(x); }

/* Points near the multiples of TANH_STEP whose tanh happens to lie next to a float32: what rounding
 * takes from either entry is then far below the result's own rounding (Gal's accurate tables, 1986)
 */
#define TANH_STEP R(0.2890625)
TABLE tanh_at[32] = {
    0.0f,       0.2890687f, 0.5781554f, 0.8671638f, 1.1562693f, 1.4452629f, 1.7343248f, 2.0233216f,
    2.3126402f, 2.6015992f, 2.8907285f, 3.1795743f, 3.4688804f, 3.7578883f, 4.0471587f, 4.3356895f,
    4.6247926f, 4.914048f,  5.2030025f, 5.492391f,  5.781536f,  6.0705986f, 6.359661f,  6.6487236f,
    6.937214f,  7.2262764f, 7.515339f,  7.8044014f, 8.094322f,  8.38224f,   8.671303f,  8.960365f};
TABLE tanh_table[32] = {
    0.0f,        0.28127742f, 0.52132344f, 0.69993025f, 0.81982034f, 0.8947522f, 0.93956494f,
    0.96563876f, 0.98058844f, 0.98906225f, 0.9938505f,  0.9965443f,  0.998061f,  0.99891174f,
    0.99938965f, 0.9996572f,  0.9998077f,  0.9998922f,  0.9999395f,  0.9999661f, 0.999981f,
    0.99998933f, 0.99999404f, 0.99999666f, 0.9999981f,  0.9999989f,  0.9999994f, 0.99999964f,
    0.9999998f,  0.9999999f,  0.99999994f, 0.99999994f};

/* tanh(c + t) = tanh c + (1 - tanh^2 c) u / (1 + u tanh c), u = tanh t, |t| < 0.145 */
static inline vec vtanh(vec x)
{
    vec a = vmin(vset(R(31.49) * TANH_STEP), vabs(x)), i = a * (R(1) / TANH_STEP) + MAGIC;
    vec t = a - vlookup32(tanh_at, i), c = vlookup32(tanh_table, i), t2 = t * t;
    vec u = t + t * t2 * (R(-0.333323285) + R(0.131775949) * t2);
    return vcopysign(c + u * (R(1) - c * c) / (R(1) + u * c), x);
}

#endif
