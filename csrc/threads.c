/* How many threads a Call may use: the limits, and when a team is worth waking. */
#define _GNU_SOURCE
#include "fastnn.h"
#include "team.h"

#include <stdatomic.h>
#include <stdlib.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#endif
#if defined(FNN_OPENMP)
#include <omp.h>
static int omp_start; /* OpenMP's own limit when the library was loaded */
#endif

/* Work below which a second thread costs more than it saves, in floating point operations, and how
 * long a team stays awake after a region: benchmarks/threads.py measures both. */
#define WARM_WORK 2e5
#define COLD_WORK 1e7
#define WARM_NS 1000000

/* When others take our CPUs, one thread for this long; longer each time it is still so. */
#define LEAVE_NS 10000000
#define LEAVE_MOST_NS 500000000

static atomic_int wanted; /* set_num_threads, or the start value; 0: not asked yet */
static atomic_int forked; /* this process is a child of fork */
static atomic_llong crowded_until, leave = LEAVE_NS;

/* OpenMP keeps one team per thread that starts regions */
static _Thread_local int64_t last_region, last_missed;
static _Thread_local double missed; /* work done by one thread since the team fell asleep */

int64_t fnn_now(void)
{
#if defined(_WIN32)
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (int64_t)((double)count.QuadPart * (1e9 / (double)frequency.QuadPart));
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
#endif
}

int fnn_openmp(void)
{
#if defined(FNN_OPENMP)
    return _OPENMP;
#else
    return 0;
#endif
}

/* A child of fork has none of its parent's threads, but OpenMP believes it has: never call it. */
void fnn_after_fork(void) { atomic_store(&forked, 1); }

__attribute__((constructor)) static void start(void)
{
    int n = 1;
#if defined(FNN_OPENMP)
    const char *variable = getenv("OMP_NUM_THREADS");
    omp_start = omp_get_max_threads();
    n = variable && *variable ? omp_start : fnn_cpus();
#if !defined(_WIN32)
    pthread_atfork(NULL, NULL, fnn_after_fork);
#endif
#endif
    atomic_store(&wanted, n);
}

void fnn_set_threads(int n) { atomic_store(&wanted, n < 1 ? 1 : n); }

int fnn_threads(void)
{
#if defined(FNN_OPENMP)
    if (atomic_load_explicit(&forked, memory_order_relaxed)) return 1;
    int n = atomic_load_explicit(&wanted, memory_order_relaxed);
    int limit = omp_get_max_threads(); /* lowered since: threadpoolctl, or another library's call */
    return limit < omp_start && limit < n ? limit : n;
#else
    return 1;
#endif
}

int fnn_share(double work, int parts)
{
    double worth = work / (WARM_WORK / 2);
    return work < WARM_WORK ? 1 : worth < parts ? (int)worth : parts;
}

int fnn_parts(double work)
{
    if (work < WARM_WORK) return 1;
    int parts = fnn_threads();
    if (parts == 1) return 1;
    int64_t now = fnn_now();
    if (now < atomic_load_explicit(&crowded_until, memory_order_relaxed)) return 1;
    if (now - last_region > WARM_NS) { /* asleep: wake it for enough work, at once or in a row */
        missed = work + (now - last_missed > WARM_NS ? 0 : missed);
        last_missed = now;
        if (missed < COLD_WORK) return 1;
    }
    missed = 0;
    return fnn_share(work, parts);
}

void fnn_region_ended(void) { last_region = fnn_now(); }

void fnn_crowded(void)
{
    int64_t now = fnn_now(), until = atomic_load(&crowded_until), time = atomic_load(&leave);
    if (now < until) return;
    /* crowded again soon after the last retry: stay away twice as long */
    time = now - until < 2 * time ? 2 * time : LEAVE_NS;
    if (time > LEAVE_MOST_NS) time = LEAVE_MOST_NS;
    atomic_store(&leave, time);
    atomic_store(&crowded_until, now + time);
}

int64_t fnn_switches(void)
{
#if defined(_WIN32)
    return 0;
#else
    struct rusage usage;
#if defined(RUSAGE_THREAD)
    getrusage(RUSAGE_THREAD, &usage);
#else
    getrusage(RUSAGE_SELF, &usage);
#endif
    return usage.ru_nivcsw;
#endif
}
