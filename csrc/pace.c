/* Whether a list of Calls that runs again and again is worth the team: learnt by trying, for its
 * bits are the same. */
#include "fastnn.h"
#include "team.h"

/* What a way takes is a mean over a time, not over so many runs: a run that the scheduler held up
 * for some ms weighs as much as it comes often. */
#define MEMORY_NS 100000000
#define MEMORY_RUNS 16 /* at least */

/* Now and then the other way has its trial, sooner when the way in use seems the slower one: a run
 * to warm up, two that count, and if they are faster, as many more as the scheduler needs to show
 * what others on our CPUs do to it. The time between trials is many times theirs. */
#define TEAM_WORK 5e6 /* floating point operations from which on the team comes first */
#define COLD 2
#define TRIAL 3
#define TRIAL_NS 10000000
#define LEAST 8
#define REST 16
#define REST_MOST 256
#define SOONER 16

static double mean_of(const fnn_pace *pace, int team)
{
    return pace->runs[team] > 0 ? pace->ns[team] / pace->runs[team] : 0;
}

static void remember(fnn_pace *pace, int team, int64_t ns)
{
    if (pace->ns[team] > MEMORY_NS && pace->runs[team] >= MEMORY_RUNS)
        pace->ns[team] /= 2, pace->runs[team] /= 2;
    pace->ns[team] += (double)ns;
    pace->runs[team] += 1;
}

int fnn_pace_next(fnn_pace *pace, double work)
{
    if (pace->rest == 0) pace->rest = REST, pace->team = work > TEAM_WORK;
    const int due = pace->since >= LEAST && pace->used_ns >= pace->rest_ns;
    if (pace->trial == 0 && due) pace->trial = 1, pace->used_ns = 0;
    return pace->trial ? !pace->team : pace->team;
}

void fnn_pace_took(fnn_pace *pace, int team, int64_t ns)
{
    const double other = mean_of(pace, !team);
    pace->used_ns += ns;
    if (pace->trial == 0) {
        if (++pace->since <= COLD && other == 0) return;
        remember(pace, team, ns);
        if (other > 0 && mean_of(pace, team) > other) pace->used_ns += pace->rest_ns / SOONER;
        return;
    }
    if (pace->trial++ == 1) {
        pace->ns[team] = pace->runs[team] = 0;
        return;
    }
    remember(pace, team, ns);
    const int better = mean_of(pace, team) < 0.97 * other;
    if (pace->trial <= TRIAL || (better && pace->used_ns < TRIAL_NS)) return;
    if (better) pace->team = team;
    pace->rest = better ? REST : pace->rest < REST_MOST ? 2 * pace->rest : pace->rest;
    pace->rest_ns = pace->rest * (better ? TRIAL * ns : pace->used_ns);
    pace->trial = pace->since = 0;
    pace->used_ns = 0;
}
