/* pow on vectors: log2 and the product in two words, so that large exponents keep their digits. */
#ifndef FASTNN_VPOW_H
#define FASTNN_VPOW_H

#include "vmath.h"

#if FNN_REAL == 32
static const real log_far_coef[] = {0.399999982f, 0.285718765f, 0.221848716f, 0.194702693f};
static const real exp2_coef[] = {0.693147207f,   0.240226511f,   0.0555032654f,
                                 0.00961803521f, 0.00134007005f, 0.00015467621f};
#else
static const real log_far_coef[] = {0.40000000000002284, 0.28571428570084934, 0.22222222522564219,
                                    0.18181784132750706, 0.1538676829545883,  0.13256558348825356,
                                    0.13198774609897174};
static const real exp2_coef[] = {
    0.69314718055994529,    0.24022650695910072,    0.055504108664821701,   0.009618129107628489,
    0.0013333558146389737,  0.00015403530393353184, 1.5252733856925912e-05, 1.3215486823696437e-06,
    1.0178050912527732e-07, 7.0548915733757001e-09, 4.4567201086786702e-10, 2.5737395861082182e-11};
#endif

/* what a * b loses: products of halves of the mantissas are exact */
static inline vec vlost(vec a, vec b, vec product)
{
    ivec upper = viset(-((integer)1 << (MANTISSA / 2 + 1)));
    vec ah = (vec)((ivec)a & upper), bh = (vec)((ivec)b & upper);
    vec al = a - ah, bl = b - bh;
    return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
}

/* log2(x) + lost, for 0 < x < infinity */
static inline vec vlog2_exact(vec x, vec *lost)
{
    vec n, f = vlog_split(x, &n), d = f + R(2);
    vec s = f / d, p = s * d;
    vec sl = (((f - p) - vlost(s, d, p)) - s * (f - (d - R(2)))) / d;
    vec z = s * s, zl = vlost(s, s, z) + R(2) * s * sl;
    vec w = z * s, wl = vlost(z, s, w) + z * sl + zl * s;
    vec c = vset(R(2.0 / 3)), t = w * c; /* 2 s + 2/3 s^3 + s^5 P(s^2) */
    vec tl = vlost(w, c, t) + wl * c + w * R(2.0 / 3 - (double)R(2.0 / 3));
    vec hi = R(2) * s + t;
    vec lo = (R(2) * s - hi) + t + (tl + R(2) * sl + w * z * VPOLY(z, log_far_coef));
    vec e = vset(LOG2E), h = hi * e;
    vec l =
        vlost(hi, e, h) + lo * e + hi * R(FNN_REAL == 32 ? 0x1.4ae0cp-26 : 0x1.777d0ffda0d24p-56);
    vec y = n + h;
    *lost = (n - y) + h + l;
    return y;
}

static inline vec vpow(vec x, vec y)
{
    const real end = R(FNN_REAL == 32 ? 160 : 1100), most = R(0x1p80);
    vec a = vabs(x), cut = vmax(vset(-most), vmin(vset(most), y));
    vec lost, l = vlog2_exact(a, &lost), product = cut * l;
    vec e = vmax(vset(-end), vmin(vset(end), product));
    vec t = e + MAGIC, n = t - MAGIC;
    vec r = (e - n) + vselect(e == product, vlost(cut, l, product) + cut * lost, vset(R(0)));
    vec z = vscale(R(1) + r * VPOLY(r, exp2_coef), t);
    mask up = y > R(0);
    z = vselect(a == R(0), vselect(up, vset(R(0)), vset(INFINITY)), z);
    z = vselect(a == vset(INFINITY), vselect(up, vset(INFINITY), vset(R(0))), z);
    vec half = y * R(0.5);
    mask whole = vround(y) == y, odd = whole & (vround(half) != half);
    mask negative = (ivec)x < 0;
    z = (vec)((ivec)z ^ (negative & odd & (ivec)vset(R(-0.0))));
    z = vselect(negative & (a != R(0)) & (a != vset(INFINITY)) & ~whole, vset(NAN), z);
    z = vselect((x != x) | (y != y), x + y, z);
    return vselect((x == R(1)) | (y == R(0)) | ((a == R(1)) & (vabs(y) == vset(INFINITY))),
                   vset(R(1)), z);
}

#endif
