# Whose turn it is, among Python threads that replay.
#
# Two Python threads that replay meet at the interpreter's lock. Who finds it taken sleeps, and is often
# woken on the CPU of the one who had it, behind the next replay there: milliseconds are lost for the
# microseconds of Python between two replays. So a thread that comes from a replay first spins a little
# for its turn. Benchmark: benchmarks/recorded.py, two threads.
cdef extern from *:
    """
    #if defined(Py_GIL_DISABLED) || !(defined(__GNUC__) || defined(__clang__))
    #define leave_python() ((void)0)
    #define enter_python() ((void)0)
    #else
    #define MOST_SPINS 2000     /* some 50 us: who has the turn may never come back to give it */
    static void *fnn_turn = 0;  /* whose Python runs: the address of its fnn_me, or null */
    static FNN_THREAD_LOCAL char fnn_me;

    static void leave_python(void)
    {
        if (__atomic_load_n(&fnn_turn, __ATOMIC_RELAXED) == &fnn_me)
            __atomic_store_n(&fnn_turn, 0, __ATOMIC_RELEASE);
    }

    static void enter_python(void)
    {
        for (int i = 0; i < MOST_SPINS; i++) {
            void *nobody = 0;
            if (__atomic_compare_exchange_n(&fnn_turn, &nobody, &fnn_me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                return;
    #if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
    #endif
        }
        __atomic_store_n(&fnn_turn, (void *)&fnn_me, __ATOMIC_RELAXED);
    }
    #endif
    """
    void leave_python() nogil
    void enter_python() nogil
