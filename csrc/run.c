/* Runs a list of Calls. */
#include "fastnn.h"

int64_t fnn_run(const fnn_call *calls, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        calls[i].kernel(&calls[i].args, 0, 1);
        if ((calls[i].flags & FNN_CHECK) && *(const int64_t *)calls[i].args.p[0] != 0) return i;
    }
    return count;
}
