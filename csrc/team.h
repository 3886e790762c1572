/* What run.c asks of threads.c and pace.c. */
#ifndef FASTNN_TEAM_H
#define FASTNN_TEAM_H

#include <stdint.h>

#include "fastnn.h"

#define FINE_PARTS 2 /* for each thread, where the work is worth it */

int64_t fnn_now(void); /* monotonic, in nanoseconds */
/* parts worth using, of a team that is already awake */
int fnn_share(double work, int parts, int paced);

/* threads worth using; asleep: they must be woken; paced: somebody else judges whether it pays */
int fnn_parts(double work, int paced, int *asleep);
void fnn_ran_alone(void); /* after fnn_parts gave 1 because the team is asleep */
/* came: ns until the last thread was there; the team is awake now */
void fnn_region_ended(int64_t saved, int64_t came, int paced, int asleep);

int fnn_pace_next(fnn_pace *pace, double work); /* whether the next run is with the team */
void fnn_pace_took(fnn_pace *pace, int team, int64_t ns);

#endif
