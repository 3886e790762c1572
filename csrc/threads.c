/* How many threads a Call may use. */
#include "fastnn.h"

static int threads = 1;

int fnn_cpus(void) { return 1; }
int fnn_threads(void) { return threads; }
void fnn_set_threads(int n) { threads = n < 1 ? 1 : n; }
int fnn_parts(double work) { return work > 0 ? 1 : 1; }
void fnn_after_fork(void) { threads = 1; }
int fnn_openmp(void) { return 0; }
