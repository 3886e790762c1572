"""One library in a process of its own: ``python -m benchmarks.worker torch 2``, told what to time.

Reads one JSON message per line, answers with one. While it waits it uses no CPU, so that the
benchmark can let contestants take turns, each with its own thread settings.
"""

import importlib
import json
import os
import sys
import time

CHECKED_STEPS = 5


class Worker:
    def __init__(self, library, threads):
        self.before = peak_memory()
        self.side = importlib.import_module(f"benchmarks.by_{library}")
        if hasattr(self.side, "setup"):
            self.side.setup(threads)
        self.imported = peak_memory()
        self.tasks = {}

    def hello(self):
        return {"version": self.side.version(), "modes": self.side.MODES}

    def step(self, net, mode):
        """Make a net; answers with its first losses without dropout, to be compared."""
        from .nets import NETS

        net = NETS[net]
        run, _ = self.side.step(net.without_dropout(), mode)
        losses = [self.side.value(run()) for _ in range(CHECKED_STEPS)]
        self.tasks[mode] = self.side.step(net, mode)
        return self.select(mode) | {"values": losses}

    def small_op(self, name, mode):
        self.tasks[mode] = self.side.small_op(name, mode)
        return self.select(mode) | {"values": []}

    def kernel(self, op, sizes, mode):
        """Make a kernel of `kernels.py`; answers with its result's size, to be compared."""
        import numpy as np

        from . import kernels

        run = kernels.build(sys.argv[1], op, sizes)
        result = run()
        result = np.asarray(result.detach() if hasattr(result, "detach") else result, np.float64)
        self.tasks[mode] = run, None
        return self.select(mode) | {"values": [float((result**2).sum())]}

    def module(self, name, mode):
        """Make a layer or loss of `modules.py`; answers with its gradient's size, to be compared."""
        import numpy as np

        run, comparable = self.side.module(name, mode)
        for _ in range(3):  # recorded, confirmed
            result = np.asarray(run(), np.float64)
        self.tasks[mode] = run, None
        return self.select(mode) | {"values": [float((result**2).sum())] if comparable else []}

    def epoch(self, folder, mode):
        run, self.test = self.side.epoch(folder, mode)
        self.tasks[mode] = run, None
        return self.select(mode) | {"values": []}

    def select(self, mode):
        """Which of the tasks made last is timed next."""
        self.run, self.wait = self.tasks[mode]
        return {}

    def accuracy(self):
        return {"accuracy": self.test()}

    def calibrate(self, seconds):
        """How many runs take about `seconds`."""
        count = 1
        while True:
            taken = self.time(count)["seconds"] * count
            if taken > seconds / 2:
                return {"count": max(1, round(count * seconds / taken))}
            count *= 2 if taken > seconds / 20 else 8

    def time(self, count):
        """Seconds per run: `count` runs after a few that warm caches and threads up."""
        self.loop(1 + count // 8)
        return {"seconds": self.loop(count)}

    def once(self):
        """Seconds of one run, no warm-up."""
        return {"seconds": self.loop(1)}

    def loop(self, count):
        run = self.run
        began = time.perf_counter()
        for _ in range(count):
            run()
        if self.wait is not None:
            self.wait()
        return (time.perf_counter() - began) / count

    def memory(self, steps):
        """MB: after the import, the peak, and growth over `steps` steps after as many."""
        self.loop(steps)
        before = resident_memory()
        self.loop(steps)
        return {
            "import": self.imported - self.before,
            "peak": peak_memory() - self.imported,
            "growth": resident_memory() - before,
        }


def peak_memory():
    """The most memory that the process ever held, MB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def resident_memory():
    """The memory that the process holds now, MB; 0 where /proc does not tell."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def main():
    # libraries may print: what they print goes to stderr
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        command, arguments = json.loads(line)
        try:
            answer = getattr(worker, command)(**arguments)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
