/* Integers and bools, element by element: comparisons, logic, sums, choices. Operands broadcast as
 * in broadcast.h, with these differences: they and y are int64, int32 or bool (8, 4 or 1 bytes).
 *
 * Computed as int64 in pieces of a row; a sum that is too large wraps around. */
#include "../broadcast.h"

enum { PIECE = 256 };
enum { EQ, NE, LT, LE, GT, GE, AND, OR, XOR, ADD, SUB, MUL, MAX, MIN }; /* as in ops/integer.pyx */

static inline int64_t one(const void *p, int64_t at, int bytes)
{
    if (bytes == 8) return ((const int64_t *)p)[at];
    if (bytes == 4) return ((const int32_t *)p)[at];
    return ((const uint8_t *)p)[at];
}

/* elements [first, first + count) of row `row` of operand k */
static void take(int64_t *v, const fnn_args *a, int k, int bytes, int64_t row, int64_t first,
                 int64_t count)
{
    const int64_t *n = a->n, *step = a->n + 4 + 4 * k;
    const void *p = a->p[1 + k];
    const int64_t at = row % n[1] * step[1] + row / n[1] % n[2] * step[2] +
                       row / n[1] / n[2] * step[3] + first * step[0];
    if (!p || !step[0]) {
        const int64_t value = p ? one(p, at, bytes) : (int64_t)a->s[k];
        for (int64_t i = 0; i < count; i++) v[i] = value;
    } else if (bytes == 8)
        memcpy(v, (const int64_t *)p + at, (size_t)count * sizeof *v);
    else if (bytes == 4)
        for (int64_t i = 0; i < count; i++) v[i] = ((const int32_t *)p)[at + i];
    else
        for (int64_t i = 0; i < count; i++) v[i] = ((const uint8_t *)p)[at + i];
}

static void put(void *p, const int64_t *v, int bytes, int64_t at, int64_t count)
{
    if (bytes == 8)
        memcpy((int64_t *)p + at, v, (size_t)count * sizeof *v);
    else if (bytes == 4)
        for (int64_t i = 0; i < count; i++) ((int32_t *)p)[at + i] = (int32_t)v[i];
    else
        for (int64_t i = 0; i < count; i++) ((uint8_t *)p)[at + i] = (uint8_t)v[i];
}

/* the share's pieces: row, first, count */
#define EACH_PIECE(a)                                                                              \
    const int64_t inner = (a)->n[0], cuts = (inner + PIECE - 1) / PIECE;                           \
    int64_t piece, last;                                                                           \
    share(cuts *(a)->n[1] * (a)->n[2] * (a)->n[3], 16, part, parts, &piece, &last);                \
    for (int64_t row, first, count; piece < last; piece++)                                         \
        if (row = piece / cuts, first = piece % cuts * PIECE,                                      \
            count = inner - first < PIECE ? inner - first : PIECE, count > 0)

#define OP(name, expression)                                                                       \
    case name:                                                                                     \
        for (int64_t i = 0; i < count; i++) u[i] = (expression);                                   \
        break;

/* y = a op b.   p: y, a, b   s: 0, 1 constants; 4 the operation; 5 to 7 bytes of a, b, y */
static void integer_binary(const fnn_args *args, int part, int parts)
{
    int64_t u[PIECE], v[PIECE];
    EACH_PIECE(args)
    {
        take(u, args, 0, (int)args->s[5], row, first, count);
        take(v, args, 1, (int)args->s[6], row, first, count);
        switch ((int)args->s[4]) {
            OP(EQ, u[i] == v[i])
            OP(NE, u[i] != v[i])
            OP(LT, u[i] < v[i])
            OP(LE, u[i] <= v[i])
            OP(GT, u[i] > v[i])
            OP(GE, u[i] >= v[i])
            OP(AND, u[i] & v[i])
            OP(OR, u[i] | v[i])
            OP(XOR, u[i] ^ v[i])
            OP(ADD, (int64_t)((uint64_t)u[i] + (uint64_t)v[i]))
            OP(SUB, (int64_t)((uint64_t)u[i] - (uint64_t)v[i]))
            OP(MUL, (int64_t)((uint64_t)u[i] * (uint64_t)v[i]))
            OP(MAX, u[i] > v[i] ? u[i] : v[i])
            OP(MIN, u[i] < v[i] ? u[i] : v[i])
        }
        put(args->p[0], u, (int)args->s[7], row * inner + first, count);
    }
}

/* y = mask ? a : b.   p: y, mask (bool), a, b   s: 1, 2 constants; 5 to 7 bytes of a, b, y */
static void integer_where(const fnn_args *args, int part, int parts)
{
    int64_t m[PIECE], u[PIECE], v[PIECE];
    EACH_PIECE(args)
    {
        take(m, args, 0, 1, row, first, count);
        take(u, args, 1, (int)args->s[5], row, first, count);
        take(v, args, 2, (int)args->s[6], row, first, count);
        for (int64_t i = 0; i < count; i++) u[i] = m[i] ? u[i] : v[i];
        put(args->p[0], u, (int)args->s[7], row * inner + first, count);
    }
}

/* p: y int64 (outer, inner), x (outer, length, inner)   n: outer, length, inner, bytes of x */
static void integer_sum(const fnn_args *args, int part, int parts)
{
    const int64_t length = args->n[1], inner = args->n[2];
    int64_t i, end;
    share(args->n[0] * inner, 16, part, parts, &i, &end);
    for (; i < end; i++) {
        const int64_t at = i / inner * length * inner + i % inner;
        uint64_t sum = 0;
        for (int64_t r = 0; r < length; r++)
            sum += (uint64_t)one(args->p[1], at + r * inner, (int)args->n[3]);
        ((int64_t *)args->p[0])[i] = (int64_t)sum;
    }
}

FNN_EXPORT(integer, FNN_INTEGER)
