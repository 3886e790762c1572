/* Ends a run before its last Call: what kernels whose parts take long ask between their tiles. */
#ifndef FASTNN_ENDING_H
#define FASTNN_ENDING_H

int fnn_ending(void); /* whether the rest of the work is no longer wanted: return, in any state */

#endif
