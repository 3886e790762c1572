/* The only header that Cython reads: the Call, the table of kernels, the runner. */
#ifndef FASTNN_H
#define FASTNN_H

#include "kernels.h"
#include <stdint.h>

#define FNN_DIMS 8     /* most dimensions of a tensor */
#define FNN_BUFFERS 10 /* most buffers of a Call */
#define FNN_SIZES 32   /* most sizes and strides of a Call */
#define FNN_SCALARS 8  /* most constants of a Call */

enum fnn_dtype { FNN_F32, FNN_F64, FNN_I64, FNN_I32, FNN_BOOL, FNN_NUM_DTYPES };

/* What a kernel reads. The meaning of each slot stands at the kernel.
 * Outputs come first in p. Sizes and strides count elements, never bytes. */
typedef struct fnn_args {
    void *p[FNN_BUFFERS];
    int64_t n[FNN_SIZES];
    double s[FNN_SCALARS];
} fnn_args;

/* Does share `part` of `parts` (0 <= part < parts). Never waits, allocates or fails. */
typedef void (*fnn_kernel)(const fnn_args *a, int part, int parts);

#define FNN_SEED (FNN_SIZES - 2)
#define FNN_STREAM (FNN_SIZES - 1)

#ifndef FNN_REAL /* kernels need none of this: a change leaves them as they are */
enum fnn_flags {
    FNN_SERIAL = 1, /* one part, whatever the work */
    FNN_RANDOM =
        2, /* n[FNN_SEED], n[FNN_STREAM] are drawn from the generator, anew at each replay */
    FNN_CHECK = 4,   /* p[0] is an int64 status, not zero afterwards when the data was refused */
    FNN_NO_WAIT = 8, /* the next Call neither needs nor changes what this one and others before it
                      * that nobody has waited for read and write; never together with FNN_CHECK */
    FNN_WHOLE = 16,  /* once begun, the run goes on to its end: weights half updated are lost */
};

/* One job: a kernel and all it needs. Run at once (eager), kept in a Plan (recorded), run again. */
typedef struct fnn_call {
    fnn_kernel kernel;
    fnn_args args;
    int32_t id;      /* enum fnn_id */
    int32_t dtype;   /* FNN_F32 or FNN_F64: which copy of the kernel */
    int32_t buffers; /* how many of args.p are set */
    int32_t outputs; /* args.p[0..outputs) are written */
    int32_t flags;
    int32_t max_parts; /* 0: any number; else as many as its scratch was made for */
    double work;       /* about how many floating point operations: decides how many threads */
    void *owner[FNN_BUFFERS];   /* the Storage behind each buffer; only the engine reads it */
    int64_t bytes[FNN_BUFFERS]; /* how far each buffer reaches, or -1: the whole Storage; only set
                                 * and read while recording */
} fnn_call;

#define FNN_ID(name) FNN_##name,
#define FNN_IDS(stem, LIST) LIST(FNN_ID)
enum fnn_id { FNN_STEMS(FNN_IDS) FNN_NUM_KERNELS };

/* dispatch.c */
extern fnn_kernel fnn_table[2][FNN_NUM_KERNELS]; /* [FNN_F32 or FNN_F64][id], filled by fnn_init */
extern const char *const fnn_names[FNN_NUM_KERNELS];
int fnn_init(const char *isa); /* NULL: the best that this CPU has; 0, or -1 if it has not got it */
const char *fnn_isa(void);     /* the chosen instruction set */
const char *fnn_isas(void);    /* those built in and supported here, separated by spaces */
int fnn_vector_bytes(void);    /* vector length of the chosen instruction set */
const char *fnn_compiler(void); /* its name and version */
const char *fnn_flags(void);    /* how the kernels were compiled, beside the instruction set */

/* cpus.c */
int fnn_cpus(void);                 /* CPUs that affinity and the cgroup quota allow */
double fnn_quota(const char *root); /* CPUs that the cgroups below this folder grant; 0: no limit */

/* threads.c */
int fnn_threads(void);    /* most threads a Call may use now */
int fnn_most_parts(void); /* most shares that a Call may be cut into now */
void fnn_set_threads(int n);
void fnn_after_fork(void); /* in the child: one thread from now on */
int fnn_openmp(void);      /* the OpenMP version that was built in, or 0 */

/* run.c: runs calls[0..count) in order; returns count, or the index of the Call whose check failed,
 * or -1: ended early, because fnn_ask gave nonzero. It is called now and then, by the thread that
 * called fnn_run, while that takes long. */
extern int (*fnn_ask)(void);
int64_t fnn_run(const fnn_call *calls, int64_t count);

/* pace.c: whether a team pays for a list of Calls that runs again and again, learnt from how long
 * it takes alone [0] and with the team [1]: ns of so many runs of late. All zero at the start. */
typedef struct {
    double ns[2], runs[2];
    int team, since, trial, rest;
    int64_t used_ns, rest_ns;
} fnn_pace;
int64_t fnn_run_paced(const fnn_call *calls, int64_t count, fnn_pace *pace);
#endif

#endif
