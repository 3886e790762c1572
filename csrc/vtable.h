/* exp, log and tanh of float32 vectors of AVX-512, whose permutations look 16 or 32 values up in
 * registers.
 *
 * A table takes over what a longer polynomial would do: half of the multiplications. The largest
 * errors, over the whole range: exp 1.1 ulp, log 1.6, tanh 1.9 (tests/test_accuracy.py). */
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

/* x = 2^n m, 0.75 <= m < 1.5, and m = (1 + r) / i, |r| < 1/32: log x = n ln 2 - log i + log(1 + r).
 * The i are near the middle of 32 parts of m's range, where their logarithm lies next to a float32;
 * beside m = 1 they are 1, so that nothing cancels. Instructions that take a number apart do it for
 * denormals, 0, infinity and NaN alike. */
TABLE log_inverse[32] = {1.0f,       0.9552043f, 0.9275087f,  0.9015071f,  0.8768798f, 0.8534205f,
                         0.8311185f, 0.8100589f, 0.7902937f,  0.77118164f, 0.7530798f, 0.7354064f,
                         0.719033f,  0.7031499f, 0.68825334f, 0.6738138f,  1.3199116f, 1.292993f,
                         1.2670481f, 1.2427001f, 1.219414f,   1.1963296f,  1.1746466f, 1.1531721f,
                         1.1331172f, 1.1134409f, 1.0941396f,  1.0756179f,  1.0575074f, 1.041103f,
                         1.0244112f, 1.0f};
TABLE log_table[32] = {0.0f,          0.045830026f, 0.07525309f,   0.10368738f,   0.13138534f,
                       0.15850289f,   0.18498287f,  0.21064833f,   0.23535064f,   0.25983134f,
                       0.28358412f,   0.307332f,    0.32984802f,   0.35218516f,   0.37359828f,
                       0.39480144f,   -0.27756476f, -0.25695965f,  -0.23668988f,  -0.21728651f,
                       -0.19837041f,  -0.1792582f,  -0.16096735f,  -0.14251652f,  -0.12497242f,
                       -0.107455105f, -0.08996828f, -0.072895296f, -0.055914626f, -0.040280733f,
                       -0.02411801f,  0.0f};

static inline vec vlog(vec x)
{
    vec m = (vec)_mm512_getmant_ps((__m512)x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
    vec n = (vec)_mm512_getexp_ps((__m512)x), i = (vec)((uvec)m >> 18);
    n = vselect(m < R(1), n + R(1), n);
    vec r = m * vlookup32(log_inverse, i) - R(1);
    vec rest = r * r * (R(-0.5) + r * (R(0.333333333) + r * (R(-0.25) + r * R(0.2))));
    return (n * LN2_HI + vlookup32(log_table, i)) + (r + (rest + n * LN2_LO));
}

#endif
