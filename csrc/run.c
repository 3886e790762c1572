/* Runs a list of Calls with one team of threads: the only OpenMP in the house. */
#define _GNU_SOURCE
#include "ending.h"
#include "fastnn.h"
#include "team.h"
#include <stdatomic.h>

#if defined(FNN_OPENMP)
#include <omp.h>
#if defined(_WIN32)
#include <windows.h>
#define yield() SwitchToThread()
#else
#include <pthread.h>
#include <sched.h>
#include <time.h>
#define yield() sched_yield()
#endif
#endif

static int refused(const fnn_call *c)
{
    return (c->flags & FNN_CHECK) && *(const int64_t *)c->args.p[0] != 0;
}

#define LONG_WORK 1e8   /* from here on, some ms, a run can be ended early */
#define ASK_NS 20000000 /* how often its caller asks whether it is to */

int (*fnn_ask)(void);
static _Thread_local struct {
    atomic_int *ended; /* of the run that this thread works on, if that is a long one */
    int64_t next;      /* when to ask; 0: it is the run of another thread */
} here;

int fnn_ending(void)
{
    if (!here.ended) return 0;
    if (here.next) {
        int64_t now = fnn_now();
        if (now >= here.next) {
            if (fnn_ask()) atomic_store_explicit(here.ended, 1, memory_order_relaxed);
            here.next = fnn_now() + ASK_NS;
        }
    }
    return atomic_load_explicit(here.ended, memory_order_relaxed);
}

static int64_t run_alone(const fnn_call *calls, int64_t begin, int64_t count)
{
    const int asks = here.ended != 0;
    for (int64_t i = begin; i < count; i++) {
        if (asks && fnn_ending()) return i;
        calls[i].kernel(&calls[i].args, 0, 1);
        if (refused(&calls[i])) return i;
    }
    return count;
}

#if defined(FNN_OPENMP)
#define MOST_PARTS 256
#define SPIN_NS 50000     /* a pure spin barrier collapses when two threads share a CPU */
#define CROWDED_NS 200000 /* a yield that takes so long has let somebody else run */
#define CROWDED_FOR_NS 100000000
#define FINE_WORK 2e7   /* from here on two parts for each thread: who is held up does fewer */
#define LOST_NS 3000000 /* waiting this long, and half of a region, is not worth its other half */

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

/* One team in the process: a second Python thread that comes meanwhile runs alone, so that threads
 * never multiply. Turns are counted on from region to region, so nothing need be reset. */
static struct {
    _Alignas(64) atomic_int busy;     /* the team is taken */
    _Alignas(64) atomic_llong turn;   /* the Call at work: the region's first turn + its index */
    _Alignas(64) atomic_int finished; /* parts of the turn that are done */
    atomic_int stop;                  /* leave the rest of the Calls to one thread */
    int paced;                        /* the region's Calls run again and again, see pace.c */
    int64_t start;                    /* when the region began */
    int64_t end;                      /* the first Call that the team does not run */
    int refused;                      /* calls[end] refused its data */
    struct {
        _Alignas(64) atomic_llong claimed; /* the turn after the last in which the part was taken */
        int64_t came;                      /* ns until the thread was there */
        int64_t useful;                    /* ns that it did not wait */
    } part[MOST_PARTS];
} team;

/* A part belongs to whoever claims it first: a thread that wakes late keeps nobody waiting. */
static int claim(int part, int64_t turn)
{
    long long last = atomic_load_explicit(&team.part[part].claimed, memory_order_relaxed);
    return last <= turn &&
           atomic_compare_exchange_strong_explicit(&team.part[part].claimed, &last, turn + 1,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

#if !defined(_WIN32)
/* Where others use our CPUs, who waits had better sleep: each yield costs a turn of theirs, some
 * ms, and the right to run soon after. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    atomic_int count;
} sleepers = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void sleep_on(int64_t turn)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ASK_NS;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&sleepers.lock);
    atomic_fetch_add(&sleepers.count, 1);
    if (atomic_load(&team.turn) == turn)
        pthread_cond_timedwait(&sleepers.woken, &sleepers.lock, &until);
    atomic_fetch_sub(&sleepers.count, 1);
    pthread_mutex_unlock(&sleepers.lock);
}

static void wake_sleepers(void)
{
    if (atomic_load(&sleepers.count) == 0) return;
    pthread_mutex_lock(&sleepers.lock);
    pthread_cond_broadcast(&sleepers.woken);
    pthread_mutex_unlock(&sleepers.lock);
}
#else
#define sleep_on(turn) yield()
#define wake_sleepers() ((void)0)
#endif

/* Spins, then yields or sleeps; returns how long, in ns, or 0 if that was too short to look at the
 * clock. before: how long this thread has waited in this region. */
static int64_t wait_turn(int64_t turn, int64_t before)
{
    static _Thread_local int64_t crowded_until;
    int64_t begin = 0, now = 0;
    for (int spins = 1; atomic_load_explicit(&team.turn, memory_order_acquire) == turn; spins++) {
        relax();
        if (spins % 64) continue;
        fnn_ending();
        now = fnn_now();
        if (begin == 0) begin = now;
        if (now - begin > SPIN_NS && now < crowded_until)
            sleep_on(turn);
        else if (now - begin > SPIN_NS) {
            yield();
            if (fnn_now() - now > CROWDED_NS) crowded_until = now + CROWDED_FOR_NS;
        }
        int64_t waited = before + now - begin;
        if (waited > LOST_NS && waited > (now - team.start) / 2)
            atomic_store_explicit(&team.stop, 1, memory_order_relaxed);
    }
    return now - begin;
}

static int parts_of(const fnn_call *c, int parts, int paced)
{
    if (c->flags & FNN_SERIAL) return 1;
    if (c->work > FINE_WORK) parts *= FINE_PARTS;
    if (parts > MOST_PARTS) parts = MOST_PARTS;
    if (c->max_parts && parts > c->max_parts) parts = c->max_parts;
    return fnn_share(c->work, parts, paced);
}

/* The Calls from calls[i] on that need not wait for one another are done in one turn: returns the
 * first after them; total: all their parts. */
static int64_t group_of(const fnn_call *calls, int64_t i, int64_t count, int n, int *total)
{
    *total = parts_of(&calls[i], n, team.paced);
    for (; i + 1 < count && calls[i].flags & FNN_NO_WAIT; i++) {
        int more = *total + parts_of(&calls[i + 1], n, team.paced);
        if (more > MOST_PARTS) break;
        *total = more;
    }
    return i + 1;
}

/* What one thread `me` of `n` does in a region; returns the ns that it waited for others. */
static int64_t work_through(const fnn_call *calls, int64_t count, int64_t first, int me, int n)
{
    const int asks = here.ended != 0;
    int64_t waited = 0, i;
    while ((i = atomic_load_explicit(&team.turn, memory_order_acquire) - first) < team.end) {
        int total, base = 0;
        int64_t after = group_of(calls, i, count, n, &total), next = i;
        for (int64_t j = i; j < after && me < total; j++) {
            int use = parts_of(&calls[j], n, team.paced);
            for (int k = 0; k < use; k++) {
                int part = (me * use / n + k) % use; /* what lies side by side, first */
                if (!claim(base + part, first + i)) continue;
                if (!asks || !fnn_ending()) calls[j].kernel(&calls[j].args, part, use);
                if (atomic_fetch_add_explicit(&team.finished, 1, memory_order_acq_rel) == total - 1)
                    next = after;
            }
            base += use;
        }
        if (next == i) { /* others are still at it */
            int64_t ns = wait_turn(first + i, waited);
            if (total >= n) waited += ns;
            continue;
        }
        /* this thread finished the turn; thread 0 also runs what follows and is for one thread */
        int bad = refused(&calls[next - 1]);
        while (!bad && me == 0 && next < count && parts_of(&calls[next], n, team.paced) == 1) {
            if (!asks || !fnn_ending()) calls[next].kernel(&calls[next].args, 0, 1);
            bad = refused(&calls[next++]);
        }
        if (bad)
            team.refused = 1, team.end = next - 1;
        else if (atomic_load_explicit(&team.stop, memory_order_relaxed))
            team.end = next;
        atomic_store_explicit(&team.finished, 0, memory_order_relaxed);
        atomic_store(&team.turn, first + next);
        wake_sleepers();
    }
    return waited;
}

#if defined(__linux__)
/* The kernel often wakes a thread on the waker's CPU and takes several ticks to part the two, while
 * OpenMP's spinning keeps either from running: the second to sit on a CPU moves to a free one. */
static void take_seat(int64_t region)
{
    static atomic_llong seats[CPU_SETSIZE]; /* 1 + the last region in which the CPU was taken */
    int cpu = sched_getcpu();
    if (cpu < 0 || cpu >= CPU_SETSIZE) return;
    if (atomic_exchange_explicit(&seats[cpu], region + 1, memory_order_relaxed) != region + 1)
        return;
    cpu_set_t allowed, free;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) return;
    free = allowed;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (atomic_load_explicit(&seats[i], memory_order_relaxed) == region + 1) CPU_CLR(i, &free);
    if (CPU_COUNT(&free) == 0 || sched_setaffinity(0, sizeof free, &free)) return;
    sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
#define take_seat(region) ((void)(region))
#endif

/* Runs calls[0..count), or fewer when a check fails or others take our CPUs; returns team.end. */
static int64_t run_team(const fnn_call *calls, int64_t count, int parts, int paced, int asleep)
{
    int64_t first = atomic_load_explicit(&team.turn, memory_order_relaxed);
    int threads = 1;
    uint64_t mode = get_mode();
    atomic_int *ended = here.ended;
    team.start = fnn_now();
    team.end = count;
    team.refused = 0;
    team.paced = paced;
    atomic_store_explicit(&team.stop, 0, memory_order_relaxed);
#pragma omp parallel num_threads(parts)
    {
        int me = omp_get_thread_num(), n = omp_get_num_threads(); /* may be fewer than parts */
        int64_t begin = fnn_now();
        uint64_t own = get_mode();
        if (me == 0) threads = n;
        take_seat(first);
        if (own != mode) set_mode(mode);
        if (me) here.ended = ended, here.next = 0;
        if (me == 0 && asleep) yield(); /* a thread that woke on this CPU must run to leave it */
        int64_t waited = work_through(calls, count, first, me, n);
        if (own != mode) set_mode(own);
        if (me) here.ended = 0;
        team.part[me].came = begin - team.start;
        team.part[me].useful = fnn_now() - begin - waited;
    }
    int64_t least = team.part[0].useful, last = 0;
    for (int i = 1; i < threads; i++) {
        if (team.part[i].useful < least) least = team.part[i].useful;
        if (team.part[i].came > last) last = team.part[i].came;
    }
    /* parts are equal: one thread alone would have taken about `threads` times the least */
    fnn_region_ended(threads * least - (fnn_now() - team.start), last, paced, asleep);
    return team.end;
}
#endif

#if defined(FNN_OPENMP)
/* work: of all Calls that several threads may share; most: of the largest */
static double shared_work(const fnn_call *calls, int64_t count, int paced, double *most)
{
    double work = 0;
    for (int64_t i = 0; i < count; i++)
        if (parts_of(&calls[i], 2, paced) > 1) {
            work += calls[i].work;
            if (calls[i].work > *most) *most = calls[i].work;
        }
    return work;
}
#endif

static int64_t run(const fnn_call *calls, int64_t count, int paced)
{
    int64_t done = 0;
#if defined(FNN_OPENMP)
    double most = 0;
    int asleep = 0, parts = fnn_parts(shared_work(calls, count, paced, &most), paced, &asleep);
    if (parts > 1) parts = fnn_share(most, parts, paced);
    if (parts > MOST_PARTS) parts = MOST_PARTS;
    if (parts > 1 && !atomic_exchange_explicit(&team.busy, 1, memory_order_acquire)) {
        done = run_team(calls, count, parts, paced, asleep);
        int stop = team.refused;
        atomic_store_explicit(&team.busy, 0, memory_order_release);
        if (stop) return done;
    } else if (parts == 1 && asleep) {
        done = run_alone(calls, 0, count);
        fnn_ran_alone();
        return done;
    }
#else
    (void)paced;
#endif
    return run_alone(calls, done, count);
}

/* with a pace: as its trials have shown to be faster */
static int64_t run_at(const fnn_call *calls, int64_t count, fnn_pace *pace)
{
#if defined(FNN_OPENMP)
    double most = 0;
    double work = pace ? shared_work(calls, count, 1, &most) : 0;
    if (work > 0 && fnn_threads() > 1) {
        int with_team = fnn_pace_next(pace, work);
        int64_t begin = fnn_now();
        int64_t done = with_team ? run(calls, count, 1) : run_alone(calls, 0, count);
        fnn_pace_took(pace, with_team, fnn_now() - begin);
        return done;
    }
#else
    (void)pace;
#endif
    return run(calls, count, 0);
}

int64_t fnn_run(const fnn_call *calls, int64_t count) { return fnn_run_paced(calls, count, 0); }

int64_t fnn_run_paced(const fnn_call *calls, int64_t count, fnn_pace *pace)
{
    double work = 0;
    int64_t whole = count, done = 0;
    for (int64_t i = count - 1; i >= 0; i--) {
        work += calls[i].work;
        if (calls[i].flags & FNN_WHOLE) whole = i;
    }
    if (work < LONG_WORK || !fnn_ask) return run_at(calls, count, pace);
    atomic_int ended = 0;
    atomic_int *outer = here.ended; /* what is asked may run Calls of its own */
    int64_t next = here.next;
    here.ended = &ended, here.next = fnn_now() + ASK_NS;
    if (whole) done = run_at(calls, whole, pace);
    here.ended = 0;
    if (atomic_load_explicit(&ended, memory_order_relaxed))
        done = -1;
    else if (done == whole && whole < count)
        done += run(calls + whole, count - whole, 0);
    here.ended = outer, here.next = next;
    return done;
}
