# Memory: 64-byte aligned blocks, cached by size class so that a training loop never meets malloc.

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(_WIN32)
    #include <malloc.h>
    #define fnn_block_alloc(n) _aligned_malloc((n), 64)
    #define fnn_block_free(p) _aligned_free(p)
    #else
    #include <sys/mman.h>
    static void *fnn_block_alloc(size_t n)
    {
        void *p = 0;
    #if defined(MADV_HUGEPAGE) /* fewer page faults and TLB misses; Linux's default is to be asked */
        const size_t page = (size_t)2 << 20;
        if (n >= 2 * page) {
            if (posix_memalign(&p, page, n)) return 0;
            madvise(p, n, MADV_HUGEPAGE);
            return p;
        }
    #endif
        return posix_memalign(&p, 64, n) ? 0 : p;
    }
    #define fnn_block_free(p) free(p)
    #endif
    """
    void *fnn_block_alloc(size_t n) nogil
    void fnn_block_free(void *p) nogil

cdef enum:
    NUM_BINS = 160
cdef int64_t CACHE_LIMIT = <int64_t>1 << 30      # bytes kept for reuse; the rest goes back to the system

cdef void *free_blocks[NUM_BINS]                 # a free block's first word points to the next one
cdef int64_t cached_bytes = 0
cdef int64_t live_bytes = 0
cdef int64_t peak_bytes = 0
cdef int64_t num_blocks = 0                      # tests: how often the system was asked for memory
cdef int64_t fail_countdown = -1                 # tests: the n-th allocation from now fails


cdef inline int size_bin(int64_t nbytes, int64_t *rounded) noexcept:
    """Size classes: multiples of 64 up to 256, then four steps per power of two."""
    cdef int64_t step = 64
    cdef int bin_ = 0
    if nbytes <= 256:
        bin_ = <int>((nbytes + 63) // 64)
        if bin_ == 0:
            bin_ = 1
        rounded[0] = 64 * bin_
        return bin_
    while nbytes > 8 * step:
        step *= 2
        bin_ += 4
    cdef int64_t steps = (nbytes + step - 1) // step        # 5 .. 8
    rounded[0] = steps * step
    return bin_ + <int>steps


cdef void release_cache() noexcept:
    """Give every cached block back to the system."""
    global cached_bytes
    cdef int i
    cdef void *block
    for i in range(NUM_BINS):
        while free_blocks[i] != NULL:
            block = free_blocks[i]
            free_blocks[i] = (<void **>block)[0]
            fnn_block_free(block)
    cached_bytes = 0


@cython.final
@cython.no_gc
@cython.freelist(256)
cdef class Storage:
    def __dealloc__(self):
        global cached_bytes, live_bytes
        cdef int64_t rounded
        if self.place is not None:
            self.place.storage = NULL
        if self.bin < 0 or self.data == NULL:
            return
        size_bin(self.nbytes, &rounded)
        live_bytes -= rounded
        if cached_bytes + rounded > CACHE_LIMIT:
            fnn_block_free(self.data)
            return
        (<void **>self.data)[0] = free_blocks[self.bin]
        free_blocks[self.bin] = self.data
        cached_bytes += rounded


cdef uint64_t storage_count = 0


cdef Storage new_storage(int64_t nbytes):
    global cached_bytes, live_bytes, peak_bytes, fail_countdown, storage_count, num_blocks
    cdef int64_t rounded
    cdef int bin_
    cdef void *block
    cdef Storage s
    if nbytes < 0 or nbytes > (<int64_t>1 << 46):
        raise MemoryError(f"cannot allocate {nbytes} bytes")
    if fail_countdown >= 0:
        fail_countdown -= 1
        if fail_countdown < 0:
            raise MemoryError("allocation refused by a test")
    bin_ = size_bin(nbytes, &rounded)
    block = free_blocks[bin_]
    if block != NULL:
        free_blocks[bin_] = (<void **>block)[0]
        cached_bytes -= rounded
    else:
        num_blocks += 1
        block = fnn_block_alloc(<size_t>rounded)
        if block == NULL:
            release_cache()
            block = fnn_block_alloc(<size_t>rounded)
            if block == NULL:
                raise MemoryError(f"cannot allocate {nbytes} bytes")
    s = Storage.__new__(Storage)
    s.data = <char *>block
    s.nbytes = nbytes
    s.bin = bin_
    storage_count += 1
    s.serial = storage_count
    if fnn_recorder != NULL:
        mark_unwritten(s)
    live_bytes += rounded
    if live_bytes > peak_bytes:
        peak_bytes = live_bytes
    return s


cdef Storage borrow(void *data, int64_t nbytes, object owner):
    """Storage over memory that `owner` keeps alive."""
    global storage_count
    cdef Storage s = Storage.__new__(Storage)
    storage_count += 1
    s.serial = storage_count
    s.data = <char *>data
    s.nbytes = nbytes
    s.bin = -1
    s.owner = owner
    return s


def empty_cache():
    """Give the memory that is kept for reuse back to the system.

    Tensors in use are not touched. Named after ``torch.cuda.empty_cache``.
    """
    release_cache()


def memory_stats():
    """Bytes in use, most bytes ever in use, and bytes kept for reuse.

    Returns
    -------
    dict
        ``allocated``, ``peak`` and ``cached``, in bytes, of memory that fastnn allocated itself
        (arrays shared with NumPy do not count).

    Examples
    --------
    >>> import fastnn
    >>> sorted(fastnn.memory_stats())
    ['allocated', 'cached', 'peak']
    """
    return {"allocated": live_bytes, "peak": peak_bytes, "cached": cached_bytes}


def reset_peak_memory():
    """Start counting ``memory_stats()["peak"]`` from what is in use now."""
    global peak_bytes
    peak_bytes = live_bytes


def _num_blocks():
    """How often memory was asked of the system, and how many Storages were ever made."""
    return num_blocks, storage_count


def _fail_allocation(int64_t n):
    """Let the n-th allocation from now (0 is the next) raise MemoryError; -1 switches it off."""
    global fail_countdown
    fail_countdown = n
