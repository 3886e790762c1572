"""What is measured: each suite is a function of the options that yields Cases."""

import subprocess
import sys
from pathlib import Path

from . import kernels as table
from . import machine, nets
from . import modules as layers
from .measure import Case, Measured, best, interleaved


def steps(options):
    """Whole training steps: forward, loss, backward, Adam."""
    for net in (net for net in nets.STEPS if options.only in net.name):
        seconds = options.seconds
        pairs = options.pairs()
        results = interleaved(pairs, ("step", {"net": net.name}), seconds, options.rounds, 1e6)
        yield Case("steps", net.name, "µs", results, net.flops())


def overhead(options):
    """What one small operation costs, eager: 32 x 64 float32, forward and backward. The floor is
    what its loops and Python's calls take alone."""
    pairs = [p for p in options.pairs() if p[0].library in ("fastnn", "torch") and p[1] == "eager"]
    floor = [(options.start("floor", 1), "C")] if machine.compiler() else []
    for name in ("relu", "add", "relu, forward only", "chain"):
        scale = 1e6 if name != "chain" else 1e4
        label = name if name != "chain" else "one of 100 operations in a chain"
        label += "" if "only" in name else ", forward and backward"
        contestants = pairs if name == "chain" else pairs + floor
        results = interleaved(
            contestants, ("small_op", {"name": name}), options.seconds, options.rounds, scale
        )
        yield Case("overhead", label, "µs", results)
    for contestant, _ in floor:
        contestant.close()


def startup(options):
    """Seconds until `import` is done, in a fresh process, and what an installation weighs."""
    modules = {"fastnn": "fastnn"} | {p: p for p in options.libraries if p != "fastnn"}
    results = {name: Measured(name, "", 1) for name in modules}
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    for _ in range(max(5, options.rounds)):
        for name, result in results.items():
            out = subprocess.run(
                [sys.executable, "-c", code.format(modules[name])], capture_output=True, text=True
            )
            if out.returncode:
                result.error = (out.stderr.strip().splitlines() or ["no output"])[-1]
            else:
                result.values.append(1e3 * float(out.stdout))
    yield Case("startup", "import", "ms", list(results.values()))
    if options.wheel:
        wheel = Measured("fastnn", "", 1, [Path(options.wheel).stat().st_size / 1e6])
        yield Case("startup", "wheel", "MB", [wheel])


def mnist(options):
    """Seconds per epoch of 784-512-256-10 on MNIST, Adam, batch 128; accuracy at the end."""
    if not options.data:
        print("mnist: skipped, it needs --data FOLDER with the four IDX files")
        return
    pairs = options.pairs()
    results, running = [], []
    for contestant, mode in pairs:
        result = Measured(contestant.library, mode, contestant.threads)
        results.append(result)
        answer = contestant.ask("epoch", folder=options.data, mode=mode)
        result.error = answer.get("error")
        if not result.error:
            running.append((contestant, mode, result))
    for _ in range(options.epochs):
        for contestant, mode, result in running:
            seconds = result.take(contestant, "once", "seconds", mode)
            if seconds is not None:
                result.values.append(seconds)
    for contestant, mode, result in running:
        accuracy = result.take(contestant, "accuracy", "accuracy", mode)
        if accuracy is not None:
            result.note = f"{100 * accuracy:.2f}% test accuracy"
    yield Case("mnist", f"{nets.MNIST.name}, one epoch", "s", results)


def memory(options):
    """Peak memory of training beyond the import, MB, and growth over 200 steps."""
    for net in (nets.STEPS[5], nets.STEPS[7]):
        peak, growth = [], []
        for library, threads, mode in options.fresh():
            contestant = options.start(library, threads)
            answer = contestant.ask("step", net=net.name, mode=mode)
            if "error" not in answer:
                answer = contestant.ask("memory", steps=200 if net.batch < 1000 else 20)
            contestant.close()
            for results, key in ((peak, "peak"), (growth, "growth")):
                result = Measured(library, mode, threads, error=answer.get("error"))
                result.values = [] if result.error else [answer[key]]
                results.append(result)
        yield Case("memory", f"{net.name}: peak", "MB", peak)
        yield Case("memory", f"{net.name}: growth", "MB", growth)


def width(options):
    """Step time over width at batch 32: no jumps."""
    for net in nets.WIDTHS:
        results = interleaved(
            options.pairs(), ("step", {"net": net.name}), options.seconds, options.rounds, 1e6
        )
        yield Case("width", net.name, "µs", results, net.flops())


def kernels(options):
    """Every kernel family over its sizes, each library at 1 and at all threads; --only FAMILY."""
    contestants = [(c, "") for c in options.teams()]
    for kernel in table.KERNELS:
        if options.only not in f"{kernel.family}: {kernel.name}":
            continue
        task = "kernel", {"op": kernel.op, "sizes": kernel.sizes}
        results = interleaved(contestants, task, options.seconds, options.rounds, 1e6)
        results = [r for r in results if "no such operation" not in (r.error or "")]
        work = kernel.flops, kernel.bytes, kernel.size, kernel.line
        yield Case(kernel.family, kernel.name, "µs", results, *work)


def modules(options):
    """Every layer and loss, forward and backward, recorded and eager; --only NAME."""
    pairs = [p for p in options.pairs() if p[0].library in ("fastnn", "torch")]
    for name in layers.BY_NAME:
        if options.only in name:
            task = "module", {"name": name}
            results = interleaved(pairs, task, options.seconds, options.rounds, 1e6)
            yield Case("modules", name, "µs", results)


SUITES = {f.__name__: f for f in (steps, overhead, kernels, modules, startup, mnist, memory, width)}


def summary(case):
    """One line for the terminal."""
    ours, peer = case.ours(), best(case.peers())
    line = f"{case.suite}: {case.name}: "
    if ours:
        line += f"fastnn {ours.median:.4g} {case.unit}"
    if peer:
        line += f", best peer {peer.name} {peer.median:.4g} {case.unit}"
    if ours and peer:
        line += f", {case.ratio(peer):.2f} times"
    errors = "; ".join(f"{r.name}: {r.error}" for r in case.results if r.error)
    return line + (f" [{errors}]" if errors else "")
