"""Ctrl-C that lets a step finish, or ends at once what can be put back."""

import contextlib
import math
import signal
import sys
import threading
import time

import numpy as np

import fastnn
from fastnn.training.state import capture, random_state, restore, set_random_state

_LONG = 0.05  # seconds: a batch that takes longer is not waited for


class Interrupted(KeyboardInterrupt):
    """Raised by Ctrl-C in the middle of work that its maker puts back."""


class Interruption:
    """Context manager: the first Ctrl-C only sets `requested`; a second one interrupts at once.

    Where `at_once` is set, the first one also raises `Interrupted`, within a few hundredths of a
    second even inside a long operation. Python delivers signals to the main thread alone, so in other
    threads nothing changes there.
    """

    def __init__(self):
        self.requested = self.at_once = False
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
        self.at_once = False
        self._restore()

    @contextlib.contextmanager
    def leaving_at_once(self):
        """Context: Ctrl-C in it raises `Interrupted`; who goes on from there draws the same numbers again."""
        self.at_once, drawn = True, random_state()
        try:
            yield
        finally:
            self.at_once = False
            if self.requested:
                set_random_state(drawn)

    def _note(self, number, frame):
        self.requested = True
        self._restore()
        print("\nstopping; Ctrl-C again stops without saving", file=sys.stderr)
        if self.at_once:
            self.at_once = False
            raise Interrupted

    def _restore(self):
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None


class Undo:
    """What a batch changes before its optimizer's step, noted while batches take long, and put back.

    These are running statistics, gradients of a window that is not full, and the random generators;
    where the optimizer computes the loss itself, several times in a step, all the rest, too.
    """

    def __init__(self):
        self._began, self._put_back = -math.inf, None

    def keep(self, trainer):
        """Before a batch is loaded: whether it is expected to take long, so that it can be undone."""
        now = time.perf_counter()
        takes_long, self._began = now - self._began > _LONG, now
        self._put_back = _noted(trainer) if takes_long else None
        return takes_long

    def put_back(self):
        """Make the batch undone."""
        self._put_back()


def _noted(trainer):
    """A function that makes undone what happens from now on, up to the optimizer's step."""
    if trainer.update.by_closure:
        state, epoch = capture(trainer), trainer.epoch

        def put_all_back():
            restore(trainer, state)
            trainer.epoch = epoch

        return put_all_back
    buffers = [(b, np.array(b.numpy())) for b in trainer.model.buffers()]
    gradients, drawn = trainer.update.pending_gradients(), random_state()
    for name, gradient in gradients.get("gradients", {}).items():
        gradients["gradients"][name] = np.array(gradient)

    def put_back():
        for buffer, values in buffers:
            buffer.copy_(fastnn.tensor(values))
        trainer.update.load_pending_gradients(gradients)
        set_random_state(drawn)

    return put_back
