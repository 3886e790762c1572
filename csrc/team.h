/* What run.c asks of threads.c. */
#ifndef FASTNN_TEAM_H
#define FASTNN_TEAM_H

#include <stdint.h>

#define FINE_PARTS 2 /* for each thread, where the work is worth it */

int64_t fnn_now(void);                   /* monotonic, in nanoseconds */
int fnn_share(double work, int parts);   /* parts worth using, of a team that is already awake */
int fnn_parts(double work, int *asleep); /* threads worth using; asleep: they must be woken */
void fnn_region_ended(int64_t saved, int asleep); /* ns; the team is awake now */

#endif
