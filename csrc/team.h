/* What run.c asks of threads.c. */
#ifndef FASTNN_TEAM_H
#define FASTNN_TEAM_H

#include <stdint.h>

int64_t fnn_now(void);                 /* monotonic, in nanoseconds */
int64_t fnn_switches(void);            /* how often this thread lost its CPU to another */
int fnn_share(double work, int parts); /* parts worth using, of a team that is already awake */
void fnn_region_ended(void);           /* the calling thread's team is awake now */
void fnn_crowded(void);                /* others use our CPUs: one thread for a while */

#endif
