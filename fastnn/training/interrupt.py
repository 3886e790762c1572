"""Ctrl-C that lets the batch finish."""

import signal
import sys
import threading


class Interruption:
    """Context manager: the first Ctrl-C only sets `requested`; a second one interrupts at once.

    Python delivers signals to the main thread alone, so in other threads nothing changes there.
    """

    def __init__(self):
        self.requested = False
        self._before = None

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            # where the program has its own idea of Ctrl-C, or ignores it, that stands
            if before is signal.default_int_handler:
                self._before = before
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exc):
        self._restore()

    def _note(self, number, frame):
        self.requested = True
        self._restore()
        print("\nstopping after this batch; Ctrl-C again stops at once", file=sys.stderr)

    def _restore(self):
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
