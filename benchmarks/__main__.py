"""``python -m benchmarks [suites] [--quick] [--threads N] [--peers torch,jax] [--out FOLDER]``."""

import argparse
import importlib.util
import os
import shlex
import sys
from pathlib import Path

from . import machine, report
from .measure import LIBRARIES, Contestant
from .suites import SUITES, summary


class Options:
    """What was asked for on the command line, and the contestants that run."""

    def __init__(self, args):
        self.args = args
        self.quick, self.data, self.wheel = args.quick, args.data, args.wheel
        self.rounds = args.rounds or (5 if args.quick else 15)
        self.seconds = 0.01 if args.quick else 0.04
        self.epochs = args.epochs
        self.threads, self.only = args.threads, args.only
        wanted = ["fastnn", *(p for p in args.peers.split(",") if p)]
        unknown = [p for p in wanted if p.split("-")[0] not in LIBRARIES]
        if unknown:
            raise SystemExit(
                f"--peers: expected some of numpy, torch, torch-compile, jax, got {unknown[0]}"
            )
        self.libraries = [
            p
            for p in dict.fromkeys(w.split("-")[0] for w in wanted)
            if importlib.util.find_spec(p) is not None
        ]
        self.torch_modes = [
            m
            for m in ("eager", "compile")
            if ("torch" if m == "eager" else "torch-compile") in wanted
        ]
        self.running, self.started = [], {}

    def fresh(self):
        """(library, threads, mode) of all contestants: fastnn at all threads, peers at 1 and all."""
        found = []
        for library in self.libraries:
            counts = [self.threads] if library == "fastnn" else sorted({1, self.threads})
            modes = {
                "fastnn": ("recorded", "eager"),
                "torch": self.torch_modes,
                "jax": ("jit",),
                "numpy": ("by hand",),
            }[library]
            found += [(library, n, mode) for n in counts for mode in modes]
        return found

    def start(self, library, threads):
        """A new contestant."""
        return Contestant(library, threads)

    def teams(self):
        """Contestants at 1 and at all threads, each in a process that stays; NumPy first."""
        libraries = sorted(self.libraries, key=lambda library: library != "numpy")
        for library in libraries:
            for n in sorted({1, self.threads}):
                if (library, n) not in self.started:
                    self.started[library, n] = self.start(library, n)
        return [c for (library, n), c in self.started.items() if library in libraries]

    def pairs(self):
        """(contestant, mode) pairs, with processes that stay for all suites; NumPy, the reference, first."""
        if not self.running:
            for library, threads, mode in self.fresh():
                key = library, threads
                if key not in self.started:
                    self.started[key] = self.start(library, threads)
                self.running.append((self.started[key], mode))
            self.running.sort(key=lambda pair: pair[0].library != "numpy")
        return self.running

    def close(self):
        for contestant in self.started.values():
            contestant.close()
        self.running, self.started = [], {}


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", help=f"of {', '.join(SUITES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument("--threads", type=int, default=cpus, help="peers run at 1 and at this many")
    parser.add_argument("--peers", default="numpy,torch,jax", help="also: torch-compile")
    parser.add_argument(
        "--only", default="", help="networks, or kernels and families, whose name has this text"
    )
    parser.add_argument("--rounds", type=int, help="default 15, quick 5")
    parser.add_argument(
        "--out", default="benchmark-results", help="folder for report.md, .csv, .png"
    )
    parser.add_argument("--data", help="folder with MNIST's IDX files, for the suite mnist")
    parser.add_argument("--epochs", type=int, default=3, help="of the suite mnist")
    parser.add_argument("--wheel", help="a built wheel, whose size is reported")
    args = parser.parse_args()
    for name in args.suites:
        if name not in SUITES:
            parser.error(f"suite {name!r}: expected some of {', '.join(SUITES)}")
    options = Options(args)
    limits = machine.limits(options.threads)
    about = machine.describe(options.threads, limits)
    for key, value in about:
        print(f"{key}: {value}")
    cases = []
    try:
        for name in args.suites or SUITES:
            for case in SUITES[name](options):
                cases.append(case)
                print(summary(case), flush=True)
    finally:
        options.close()
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    (out / "report.md").write_text(report.markdown(cases, about, command, limits))
    report.write_csv(out / "report.csv", cases)
    plotted = importlib.util.find_spec("matplotlib") is not None
    if plotted:
        report.plot(out / "report.png", [c for c in cases if c.size is None])
        report.plot_kernels(out / "kernels.png", [c for c in cases if c.size is not None])
    print(
        f"\n{(out / 'report.md').read_text()}\nwritten to {out}/"
        + ("" if plotted else " (no plot)")
    )


if __name__ == "__main__":
    main()
