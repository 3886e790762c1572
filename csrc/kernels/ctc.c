/* Connectionist temporal classification: all ways to say a sequence of labels in T steps, summed.
 *
 * Letters: T steps, N samples, C classes, S labels at most. A sample's path walks the L = 2 S + 1
 * places blank, label 1, blank, label 2, ..., blank: at each step it stays, goes one place on, or
 * two where that leaves out a blank between two different labels. Everything is a logarithm.
 *
 * A row of places is `width` wide: two places of log 0 at the left, so that place l stands at l +
 * 2, and at least a vector of them at the right.   Source: Graves et al. (2006), torch.nn.CTCLoss
 */
#include "../rows.h"
#include "../vmath.h"

enum { LEFT = 2, SKIP = 0, EMIT = 1, BETA = 2, ROWS = 4 }; /* rows of scratch per sample */
enum { T, N, C, S, WIDTH, BLANK, FORGIVE };

typedef struct sample {
    int64_t places, steps; /* 2 S + 1 for its own number of labels, and its own number of steps */
    const int64_t *labels;
    real *skip, *emit, *beta; /* rows of scratch */
    const real *x;            /* its log-probabilities: (T, C), a step is N C apart */
} sample;

/* label at place l */
static inline int64_t label_at(const sample *s, int64_t blank, int64_t l)
{
    return l % 2 ? s->labels[l / 2] : blank;
}

static inline void log_zero(real *row, int64_t width)
{
    for (int64_t i = 0; i < width; i++) row[i] = -INFINITY;
}

/* p: 1 scratch (N, ROWS, width), 2 alpha (N, T, width), 3 x (T, N, C), 4 labels, 5 steps (N), 6
 * counts of labels (N)   n: T N C S width blank forgive; S = 0: the labels of one sample stand
 * behind another's */
static sample begin_sample(const fnn_args *a, int64_t i)
{
    const int64_t *counts = a->p[6], width = a->n[WIDTH];
    real *scratch = (real *)a->p[1] + i * ROWS * width;
    int64_t first = i * a->n[S];
    if (!a->n[S])
        for (int64_t k = 0; k < i; k++) first += counts[k];
    sample s = {.places = 2 * counts[i] + 1,
                .steps = ((const int64_t *)a->p[5])[i],
                .labels = (const int64_t *)a->p[4] + first,
                .skip = scratch + SKIP * width,
                .emit = scratch + EMIT * width,
                .beta = scratch + BETA * width,
                .x = (const real *)a->p[3] + i * a->n[C]};
    log_zero(s.skip, width);
    log_zero(s.emit, width);
    for (int64_t l = 3; l < s.places; l += 2) /* from place l - 2 to place l */
        if (s.labels[l / 2] != s.labels[l / 2 - 1]) s.skip[l + LEFT] = 0;
    return s;
}

static void emit(const sample *s, const fnn_args *a, int64_t t)
{
    const real *x = s->x + t * a->n[N] * a->n[C];
    for (int64_t l = 0; l < s->places; l++) s->emit[l + LEFT] = x[label_at(s, a->n[BLANK], l)];
}

/* log(exp(a) + exp(b) + exp(c)) + e */
static inline vec join(vec a, vec b, vec c, vec e)
{
    vec top = vmax(vmax(a, b), c);
    top = vselect(top > vset(-INFINITY), top, (vec){0});
    return top + vlog(vexp(a - top) + vexp(b - top) + vexp(c - top)) + e;
}

/* p: loss (N), and as above
 * loss = -log of the sum over all paths; where there is none: infinity, or (forgive) 0 */
static void ctc_forward(const fnn_args *a, int part, int parts)
{
    const int64_t width = a->n[WIDTH];
    int64_t i, end;
    share(a->n[N], 1, part, parts, &i, &end);
    for (; i < end; i++) {
        sample s = begin_sample(a, i);
        real *alpha = (real *)a->p[2] + i * a->n[T] * width, loss;
        log_zero(alpha, a->n[T] * width);
        if (s.steps == 0)
            loss = s.places == 1 ? 0 : INFINITY;
        else {
            emit(&s, a, 0);
            for (int64_t l = 0; l < 2 && l < s.places; l++) alpha[l + LEFT] = s.emit[l + LEFT];
            for (int64_t t = 1; t < s.steps; t++, alpha += width) {
                emit(&s, a, t);
                for (int64_t l = LEFT; l < s.places + LEFT; l += VL)
                    vstore(alpha + width + l,
                           join(vload(alpha + l), vload(alpha + l - 1),
                                vload(alpha + l - 2) + vload(s.skip + l), vload(s.emit + l)));
            }
            const real *ends = alpha + s.places - 1 + LEFT;
            const real top = ends[0] > ends[-1] ? ends[0] : ends[-1];
            if (top == -INFINITY)
                loss = INFINITY;
            else
                loss = -(real)(top +
                               log(exp((double)(ends[0] - top)) + exp((double)(ends[-1] - top))));
        }
        ((real *)a->p[0])[i] = a->n[FORGIVE] && loss == (real)INFINITY ? 0 : loss;
    }
}

/* The gradient behind log_softmax: exp(x) - (how probable it is to say c at step t), as torch's.
 * p: dx (T, N, C), and as above, 7 dy (N), 8 loss (N) */
static void ctc_backward(const fnn_args *a, int part, int parts)
{
    const int64_t width = a->n[WIDTH], classes = a->n[C], step = a->n[N] * classes;
    int64_t i, end;
    share(a->n[N], 1, part, parts, &i, &end);
    for (; i < end; i++) {
        sample s = begin_sample(a, i);
        const real dy = ((const real *)a->p[7])[i], loss = ((const real *)a->p[8])[i];
        const real *alpha = (const real *)a->p[2] + i * a->n[T] * width;
        real *dx = (real *)a->p[0] + i * classes, *next = s.beta, *beta = s.beta + width, *other;
        const real *ends = alpha + (s.steps ? s.steps - 1 : 0) * width + s.places - 1 + LEFT;
        const int lost = /* no path leads to the end */
            s.steps == 0 || (ends[0] == (real)-INFINITY && ends[-1] == (real)-INFINITY);
        for (int64_t t = 0; t < a->n[T]; t++)
            for (int64_t c = 0; c < classes; c++)
                dx[t * step + c] = lost && t < s.steps && !a->n[FORGIVE] ? (real)NAN : 0;
        if (lost) continue;
        log_zero(next, 2 * width);
        for (int64_t t = s.steps - 1; t >= 0; t--) {
            emit(&s, a, t);
            if (t == s.steps - 1)
                for (int64_t l = s.places - 1; l >= 0 && l >= s.places - 2; l--)
                    beta[l + LEFT] = s.emit[l + LEFT];
            else
                for (int64_t l = LEFT; l < s.places + LEFT; l += VL)
                    vstore(beta + l,
                           join(vload(next + l), vload(next + l + 1),
                                vload(next + l + 2) + vload(s.skip + l + 2), vload(s.emit + l)));
            const real *x = s.x + t * step;
            real *d = dx + t * step;
            for (int64_t l = 0; l < s.places; l++) {
                const real both = alpha[t * width + l + LEFT] + beta[l + LEFT];
                if (both > (real)-INFINITY)
                    d[label_at(&s, a->n[BLANK], l)] -=
                        (real)exp((double)(both + loss - s.emit[l + LEFT]));
            }
            for (int64_t c = 0; c < classes; c += VL) {
                const vec v = vexp(vload_upto(x + c, classes - c)) + vload_upto(d + c, classes - c);
                vstore_upto(d + c, vset(dy) * v, classes - c);
            }
            other = next, next = beta, beta = other;
        }
    }
}

FNN_EXPORT(ctc, FNN_CTC)
