"""Batches made ahead of their use, in a thread of their own."""

import queue
import threading


def prefetched(batches, depth):
    """The items of the iterable `batches`, in their order, made by a background thread.

    The thread is at most `depth` items ahead. An exception of `batches` comes up where its item was
    due. When the generator is closed or forgotten, the thread ends after the item that it is at.
    """
    ready, free, ending = queue.SimpleQueue(), threading.Semaphore(depth), threading.Event()
    thread = threading.Thread(
        target=_produce, args=(batches, ready, free, ending), name="fastnn-prefetch", daemon=True
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
        thread.join()


_END = object()


def _produce(batches, ready, free, ending):
    # holds no reference to the generator above, so that a forgotten one is collected
    try:
        iterator = iter(batches)
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
