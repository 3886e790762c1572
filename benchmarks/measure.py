"""Contestants take turns: each is a library in its own process, timed in interleaved rounds."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

# s after a turn with several threads: OpenBLAS's idle threads keep a CPU busy for 0.1 s
PAUSES = {"numpy": 0.15, "torch": 0.03, "jax": 0.03, "fastnn": 0.01}
LIBRARIES = ("fastnn", "numpy", "torch", "jax")


class Contestant:
    """A library with a number of threads, in a process of its own."""

    def __init__(self, library, threads):
        self.library, self.threads = library, threads
        env = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, [os.getcwd(), *sys.path])))
        for name in ("OMP", "OPENBLAS", "MKL", "FASTNN"):
            env[f"{name}_NUM_THREADS"] = str(threads)
        if library == "jax":
            env["JAX_PLATFORMS"] = "cpu"
            if threads == 1:
                env["XLA_FLAGS"] = (
                    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
                )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", library, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            text=True,
        )
        self.ask("hello")  # imports the library; one that fails fails again at its first task

    def ask(self, command, **arguments):
        """Send a command, wait for the answer; {} with "error" if the library failed."""
        try:
            self.process.stdin.write(json.dumps([command, arguments]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"error": self.how_it_ended()}

    def how_it_ended(self):
        """For the table, where an answer should have been."""
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            return "no answer"
        return f"killed by signal {-code}" if code < 0 else f"ended with code {code}"

    def close(self):
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(timeout=30)


@dataclass
class Measured:
    """What one contestant did in one case: a list of values, one per round."""

    library: str
    mode: str
    threads: int
    values: list = field(default_factory=list)
    error: str | None = None
    note: str = ""

    @property
    def name(self):
        return f"{self.library} {self.mode}".strip()

    def take(self, contestant, command, key, mode=None, **arguments):
        """The answer's `key`; None, and the error kept, once the contestant has failed."""
        if self.error is None and mode is not None:
            self.error = contestant.ask("select", mode=mode).get("error")
        if self.error is None:
            answer = contestant.ask(command, **arguments)
            self.error = answer.get("error")
        if self.error is None:
            return answer[key]
        self.values = []  # a median of some rounds would compare unlike things
        return None

    @property
    def median(self):
        return statistics.median(self.values) if self.values else float("nan")

    def spread(self):
        """First and third quartile."""
        if len(self.values) < 2:
            return self.median, self.median
        quartiles = statistics.quantiles(self.values, n=4, method="inclusive")
        return quartiles[0], quartiles[2]


@dataclass
class Case:
    """One line of the table: what was measured, in which unit, by whom."""

    suite: str
    name: str
    unit: str
    results: list
    flops: float | None = None
    bytes: float | None = None
    size: int | None = None  # its place on the x axis of a plot
    op: str = ""  # which line of the plot it is on

    def ours(self):
        """fastnn's best result, or None."""
        return best([r for r in self.results if r.library == "fastnn"])

    def peers(self):
        return [r for r in self.results if r.library not in ("fastnn", "floor")]

    def floor(self):
        """What nobody can go below, where that was measured, or None."""
        return best([r for r in self.results if r.library == "floor"])

    def ratio(self, peer, ours=None):
        """How many times the peer needs more than fastnn('s best): the median over the rounds."""
        ours = ours or self.ours()
        if ours is None or not peer.values:
            return float("nan")
        pairs = zip(peer.values, ours.values, strict=False)
        return statistics.median(p / o if o else float("inf") for p, o in pairs)  # no growth is 0


def best(results):
    """The result with the smallest median, or None."""
    return min((r for r in results if r.values), key=lambda r: r.median, default=None)


def interleaved(contestants, prepare, seconds, rounds, scale=1.0):
    """Let (contestant, mode) pairs take turns.

    prepare: (command, arguments) that builds the task; its answer's "values" must agree.
    seconds: of one turn; rounds: turns of each. Values are multiplied by `scale`.
    """
    command, arguments = prepare
    results, turns = [], []
    reference = None
    for contestant, mode in contestants:
        result = Measured(contestant.library, mode, contestant.threads)
        results.append(result)
        answer = contestant.ask(command, **arguments, mode=mode)
        result.error = answer.get("error") or disagreement(answer["values"], reference)
        if result.error:
            continue
        reference = reference or answer["values"]
        count = result.take(contestant, "calibrate", "count", seconds=seconds)
        turns.append((contestant, mode, count, result))
    for _ in range(rounds):
        for contestant, mode, count, result in turns:
            seconds = result.take(contestant, "time", "seconds", mode, count=count)
            time.sleep(PAUSES[contestant.library] if contestant.threads > 1 else 0)
            if seconds is not None:
                result.values.append(scale * seconds)
    return results


def disagreement(values, reference, tolerance=1e-3):
    """Whether the losses of two libraries differ by more than rounding, in words, or None."""
    for i, (a, b) in enumerate(zip(values, reference or [], strict=False)):
        if not abs(a - b) <= tolerance * (1 + abs(b)):
            return f"disagrees: loss {i} is {a:.6g}, the reference's {b:.6g}"
    return None
