/* What the optimizers' updates share: cells, penalties, and the look-out for gradients gone bad.
 *
 * Parameters, gradients and state of a group are flat arrays in one arena. Each slot begins at a
 * multiple of 64 bytes and is padded with zeros up to one, so updates see whole vectors only: n[0]
 * is the padded size. Hyperparameters are read from `hyper`, float64 cells, so that schedules act
 * on recorded steps too; `step` holds float64 cells that <optimizer>_advance, run once before the
 * update, prepares. The status becomes the number of the first step that met a gradient with an
 * infinity or NaN. `gate`, where there is one, holds {factor for all gradients, whether to skip
 * this step}: clip.c computes it from their norm. */
#ifndef FASTNN_OPTIM_H
#define FASTNN_OPTIM_H

#include "kernel.h"

#define GRAIN 1024 /* elements: a share is a multiple of it */
#define AHEAD 256  /* elements: how early the next ones are asked for */
/* vectors side by side: as many as the padding of slots allows, but for 16-byte ones */
#define ABREAST (VBYTES == 64 ? 1 : 2)

/* SIGN: 1, or -1 to maximize; L1: factor of the sign of p, beside WEIGHT_DECAY's of p */
enum hyper_cell { LR, WEIGHT_DECAY, SIGN, FIRST, SECOND, THIRD, FOURTH, L1 };
/* MORE and AFTER are for what the optimizer counts beside its steps; SKIP: leave all as it is */
enum step_cell { STEPS, CORRECTION1, CORRECTION2, STATUS, MORE, AFTER, SKIP };
enum gate_cell { SCALE, SKIP_STEP, SKIPPED };

#define HYPER(i) vset((real)hyper[i])

/* One more step, unless it is skipped. p: step, hyper, gate or NULL */
static inline int advance(const fnn_args *a, int part)
{
    double *step = a->p[0];
    const double *gate = a->p[2];
    if (part != 0) return 0;
    step[SKIP] = gate && gate[SKIP_STEP] != 0;
    if (step[SKIP] != 0) return 0;
    step[STEPS] += 1;
    return 1;
}

/* What all updates do with p and g first. */
struct descent {
    vec sign, decay, lasso, shrink;
    ivec bad;
    int has_lasso;
};

/* Penalties are part of the gradient; or decoupled: p shrinks by lr times them before the step. */
static inline struct descent descent(const double *hyper, const double *gate, int decoupled)
{
    const double away = decoupled ? hyper[LR] : 0;
    struct descent d = {0};
    d.sign = vset((real)(hyper[SIGN] * (gate ? gate[SCALE] : 1)));
    d.decay = vset(decoupled ? 0 : (real)hyper[WEIGHT_DECAY]);
    d.shrink = vset((real)(1 - away * hyper[WEIGHT_DECAY]));
    d.lasso = vset((real)(decoupled ? away * hyper[L1] : hyper[L1]));
    d.has_lasso = hyper[L1] != 0;
    return d;
}

static inline vec sign_of(vec x)
{
    const vec zero = {0}, one = vset(1);
    return vselect(x > zero, one, vselect(x < zero, -one, x)); /* keeps a NaN */
}

/* *x shrinks where penalties are decoupled; returns the gradient with the others */
static inline __attribute__((always_inline)) vec descend(struct descent *d, vec *x, vec g,
                                                         int decoupled)
{
    d->bad |= vibits(g - g); /* 0 where g is finite, NaN elsewhere: gathers non-zero bits */
    const vec push = d->has_lasso ? d->lasso * sign_of(*x) : (vec){0};
    if (decoupled) {
        *x = d->shrink * *x - push;
        return d->sign * g;
    }
    return d->sign * g + d->decay * *x + push;
}

/* A moving mean of zeros ends at a denormal that rounds to itself for ever, and each use of one
 * costs a hundred cycles: dead units would make every step slower. */
static inline vec settled(vec mean)
{
    return vselect(vabs(mean) < vset((real)(FNN_REAL == 32 ? 0x1p-126 : 0x1p-1022)), (vec){0},
                   mean);
}

static inline void report(double *step, ivec bad)
{
    integer any = 0;
    for (int i = 0; i < VL; i++) any |= bad[i];
    if (any != 0 && step[STATUS] == 0) step[STATUS] = step[STEPS];
}

#endif
