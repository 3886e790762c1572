"""Batches made ahead of their use, in a thread of their own."""

import queue
import threading


def prefetched(make, depth):
    """The items of the iterable ``make(wanted)``, in their order, made by a background thread.

    The thread is at most `depth` items ahead. An exception comes up where its item was due. When the
    generator is closed or forgotten, ``wanted()`` is false from then on, and the thread ends.
    """
    ready, free, ending = queue.SimpleQueue(), threading.Semaphore(depth), threading.Event()
    thread = threading.Thread(
        target=_produce, args=(make, ready, free, ending), name="fastnn-prefetch", daemon=True
    )
    thread.start()
    try:
        while True:
            batch, error = ready.get()
            if error is not None:
                raise error
            if batch is _END:
                return
            yield batch
            del batch  # its memory is free for the next one
            free.release()
    finally:
        ending.set()
        free.release()
        thread.join(_PATIENCE)


_END = object()
_PATIENCE = 0.5  # seconds: a row that takes long is not waited for, so that Ctrl-C is answered


def _produce(make, ready, free, ending):
    # holds no reference to the generator above, so that a forgotten one is collected
    try:
        iterator = iter(make(lambda: not ending.is_set()))
        while True:
            free.acquire()
            if ending.is_set():
                return
            batch = next(iterator, _END)
            ready.put((batch, None))
            if batch is _END:
                return
            del batch
    except BaseException as error:
        ready.put((None, error))
