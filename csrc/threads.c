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
#include <time.h>
#endif
#if defined(FNN_OPENMP)
#include <omp.h>
static int omp_start; /* OpenMP's own limit when the library was loaded */
#endif

/* Work below which a second thread costs more than it saves, in floating point operations, even
 * when the team is awake: benchmarks/threads.py measures it. */
#define WARM_WORK 2e5
#define SHARE_WORK 1e5  /* of one part */
#define PACED_WORK 2e4  /* the same where threads only meet between Calls, and pace.c watches */
#define WARM_NS 2000000 /* how long a team stays awake after a region */
#define FLOPS_PER_NS 20 /* of one thread, about */

/* Waking a team costs 50 us on one machine and 3 ms on another (a virtual CPU that must be woken
 * too), so that is measured. A team is woken when one thread has been busy for as long as waking
 * takes, in a row: who rents until the rent has come to the price pays at most twice. */
#define WAKE_NS 100000
#define WAKE_LEAST_NS 20000
#define WAKE_MOST_NS 3000000

/* Regions earn credit by the time that they save over one thread, and lose it by what they take
 * longer: without credit, because others use our CPUs, one thread for a while; each time longer
 * until the credit is full again. */
#define CREDIT_MOST_NS 5000000
#define CREDIT_RETRY_NS 2000000
#define LOSS_MOST_NS 2000000 /* of one region: a single mishap decides nothing */
#define LEAVE_NS 20000000
#define LEAVE_MOST_NS 1000000000

static atomic_int wanted; /* set_num_threads, or the start value; 0: not asked yet */
static atomic_int forked; /* this process is a child of fork */
static atomic_llong alone_until;
static int64_t credit = CREDIT_MOST_NS, leave = LEAVE_NS; /* the team's owner's alone */

static atomic_llong wake_ns = WAKE_NS;

/* OpenMP keeps one team per thread that starts regions */
static _Thread_local int64_t last_region;
static _Thread_local int64_t alone_begin, alone_end, alone_ns; /* busy without the sleeping team */

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

int fnn_most_parts(void) { return FINE_PARTS * fnn_threads(); }

int fnn_share(double work, int parts, int paced)
{
    const double worth = work / (paced ? PACED_WORK : SHARE_WORK);
    return worth < 2 ? 1 : worth < parts ? (int)worth : parts;
}

int fnn_parts(double work, int paced, int *asleep)
{
    if (work < WARM_WORK) return 1;
    int parts = fnn_threads();
    if (parts == 1) return 1;
    int64_t now = fnn_now();
    *asleep = now - last_region > WARM_NS;
    if (paced) return fnn_share(work, parts, 1);
    if (now < atomic_load_explicit(&alone_until, memory_order_relaxed)) return 1;
    if (*asleep) {
        if (now - alone_end > WARM_NS) alone_ns = 0; /* it would have fallen asleep meanwhile */
        const double saves = (double)alone_ns + work / (2 * FLOPS_PER_NS);
        alone_begin = now;
        if (saves < (double)atomic_load_explicit(&wake_ns, memory_order_relaxed)) return 1;
    }
    return fnn_share(work, parts, 0);
}

void fnn_ran_alone(void)
{
    alone_end = fnn_now();
    alone_ns += alone_end - alone_begin;
}

void fnn_region_ended(int64_t saved, int64_t came, int paced, int asleep)
{
    last_region = fnn_now();
    if (asleep) {
        int64_t wake = atomic_load_explicit(&wake_ns, memory_order_relaxed);
        wake += (came - wake) / 4;
        wake = wake < WAKE_LEAST_NS ? WAKE_LEAST_NS : wake > WAKE_MOST_NS ? WAKE_MOST_NS : wake;
        atomic_store_explicit(&wake_ns, wake, memory_order_relaxed);
        alone_ns = 0;
    }
    if (paced || asleep) return;
    credit += saved > -LOSS_MOST_NS ? saved : -LOSS_MOST_NS;
    if (credit >= CREDIT_MOST_NS) {
        credit = CREDIT_MOST_NS;
        leave = LEAVE_NS;
    } else if (credit < 0) {
        credit = CREDIT_RETRY_NS;
        atomic_store_explicit(&alone_until, last_region + leave, memory_order_relaxed);
        leave = 2 * leave < LEAVE_MOST_NS ? 2 * leave : LEAVE_MOST_NS;
    }
}
