/* Runs a list of Calls with one team of threads: the only OpenMP in the house. */
#define _GNU_SOURCE
#include "fastnn.h"
#include "team.h"

#if defined(FNN_OPENMP)
#include <omp.h>
#include <stdatomic.h>
#if defined(_WIN32)
#include <windows.h>
#define yield() SwitchToThread()
#else
#include <sched.h>
#define yield() sched_yield()
#endif
#endif

static int refused(const fnn_call *c)
{
    return (c->flags & FNN_CHECK) && *(const int64_t *)c->args.p[0] != 0;
}

static int64_t run_alone(const fnn_call *calls, int64_t begin, int64_t count)
{
    for (int64_t i = begin; i < count; i++) {
        calls[i].kernel(&calls[i].args, 0, 1);
        if (refused(&calls[i])) return i;
    }
    return count;
}

#if defined(FNN_OPENMP)
#define SPIN_NS 50000  /* a pure spin barrier collapses when two threads share a CPU */
#define GAP_NS 200000  /* between two looks at the clock, by far more than a yield on a free CPU */
#define LATE_NS 500000 /* waking a team on a free CPU takes 50 to 120 us */

#if defined(__x86_64__) || defined(__i386__)
#define relax() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define relax() __asm__ volatile("yield")
#else
#define relax() ((void)0)
#endif

/* The team computes in the caller's floating-point mode (rounding, denormals), so that its bits are
 * the caller's; the sticky flags stay each thread's own. */
#if defined(__x86_64__)
#define get_mode() (__builtin_ia32_stmxcsr() & ~0x3fu)
#define set_mode(mode) __builtin_ia32_ldmxcsr(mode)
#elif defined(__aarch64__)
static uint64_t get_mode(void)
{
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
}
static void set_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
#define get_mode() 0
#define set_mode(mode) ((void)(mode))
#endif

/* One team in the process: a second Python thread that comes meanwhile runs alone, so that
 * threads never multiply. Each counter has its own cache line. */
static struct {
    _Alignas(64) atomic_int busy;    /* the team is taken */
    _Alignas(64) atomic_int arrived; /* threads at the meeting point */
    _Alignas(64) atomic_int round;   /* meetings done */
    atomic_int waited;               /* somebody waited longer than SPIN_NS for this meeting */
    int64_t end;                     /* the first Call that the team does not run */
    int refused;                     /* calls[end] refused its data */
} team;

/* Spins, then yields. A gap between two looks at the clock: something else ran on this CPU. */
static void wait_while(atomic_int *value, int same)
{
    int64_t begin = 0, last = 0;
    for (int spins = 1; atomic_load_explicit(value, memory_order_acquire) == same; spins++) {
        relax();
        if (spins % 64) continue;
        int64_t now = fnn_now();
        if (begin == 0) begin = last = now;
        if (now - last > GAP_NS) fnn_crowded();
        last = now;
        if (now - begin < SPIN_NS) continue;
        atomic_store_explicit(&team.waited, 1, memory_order_relaxed);
        yield();
    }
    if (begin && fnn_now() - last > GAP_NS) fnn_crowded();
}

/* The last to arrive kept others waiting: its CPU was taken away, or it got one late (late: how
 * long after the region began). Shares of unequal length make no switches. */
static int lost_cpu(int64_t late)
{
    static _Thread_local int64_t seen;
    int64_t before = seen;
    seen = fnn_switches();
    return seen != before || late > LATE_NS;
}

/* Thread `me` of `n` has done its share of calls[i]; the last to arrive looks how it went. */
static void meet(int me, int n, const fnn_call *calls, int64_t i, int64_t count, int64_t late)
{
    int round = atomic_load_explicit(&team.round, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&team.arrived, 1, memory_order_acq_rel) == n - 1) {
        if (refused(&calls[i])) team.refused = 1, team.end = i;
        if (atomic_load_explicit(&team.waited, memory_order_relaxed)) {
            if (lost_cpu(late)) {
                fnn_crowded();
                if (!team.refused) team.end = i + 1;
            }
            atomic_store_explicit(&team.waited, 0, memory_order_relaxed);
        }
        atomic_store_explicit(&team.arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&team.round, round + 1, memory_order_release);
    } else if (me == 0 || i + 1 < count) { /* at the end only the caller waits */
        wait_while(&team.round, round);
    }
}

static int parts_of(const fnn_call *c, int parts)
{
    if (c->max_parts && parts > c->max_parts) parts = c->max_parts;
    return c->flags & FNN_SERIAL ? 1 : fnn_share(c->work, parts);
}

/* Runs calls[0..count), or fewer when a check fails or others take our CPUs; returns team.end. */
static int64_t run_team(const fnn_call *calls, int64_t count, int parts)
{
    int64_t start = fnn_now();
    uint64_t mode = get_mode();
    team.end = count;
    team.refused = 0;
#pragma omp parallel num_threads(parts)
    {
        int me = omp_get_thread_num(), n = omp_get_num_threads(); /* may be fewer than parts */
        int64_t late = fnn_now() - start;
        if (me == 0 && late > LATE_NS) fnn_crowded(); /* OpenMP itself waited for its threads */
        uint64_t own = get_mode();
        if (own != mode) set_mode(mode);
        for (int64_t i = 0; i < count; i++) {
            int use = parts_of(&calls[i], n);
            if (me < use) calls[i].kernel(&calls[i].args, me, use);
            if (i + 1 < count && use == 1 && !(calls[i].flags & FNN_CHECK) &&
                parts_of(&calls[i + 1], n) == 1)
                continue; /* thread 0 does both: nobody needs to wait */
            meet(me, n, calls, i, count, late);
            if (i + 1 >= count || team.end <= i + 1) break;
            late = 0;
        }
        if (own != mode) set_mode(own);
    }
    fnn_region_ended();
    return team.end;
}
#endif

int64_t fnn_run(const fnn_call *calls, int64_t count)
{
    int64_t done = 0;
#if defined(FNN_OPENMP)
    double work = 0, most = 0;
    for (int64_t i = 0; i < count; i++)
        if (parts_of(&calls[i], 2) > 1) {
            work += calls[i].work;
            if (calls[i].work > most) most = calls[i].work;
        }
    int parts = fnn_parts(work);
    if (parts > 1) parts = fnn_share(most, parts);
    if (parts > 1 && !atomic_exchange_explicit(&team.busy, 1, memory_order_acquire)) {
        done = run_team(calls, count, parts);
        int stop = team.refused;
        atomic_store_explicit(&team.busy, 0, memory_order_release);
        if (stop) return done;
    }
#endif
    return run_alone(calls, done, count);
}
