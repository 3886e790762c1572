"""The report: a Markdown table, a CSV file with every number, a plot of the ratios."""

import csv
import math

from .measure import LIBRARIES, best


def markdown(cases, about, command, limits=None):
    """The report as text."""
    lines = ["# fastnn benchmarks", "", f"`{command}`", ""]
    lines += ["| | |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in about), ""]
    limits = limits or {}
    for suite in dict.fromkeys(case.suite for case in cases):
        table = [c for c in cases if c.suite == suite]
        if table[0].size is None:
            lines += [*_table(table, suite, limits.get("flops")), ""]
        else:
            lines += [*_kernel_table(table, suite, limits), ""]
    lines.append(
        "Medians of interleaved rounds, each library in a process of its own, at its better thread "
        "count (in brackets). Ratios: the median over the rounds of peer / fastnn's best; larger is "
        "better for fastnn. Losses of the first steps agree with the reference in every row."
    )
    return "\n".join(lines) + "\n"


def _table(cases, suite, limit):
    names = list(dict.fromkeys(r.name for c in cases for r in c.results))
    peers = list(dict.fromkeys(r.name for c in cases for r in c.peers()))
    head = [f"{suite}", *names, *(f"{p} / fastnn" for p in peers)]
    with_flops = limit and any(c.flops for c in cases)
    if with_flops:
        head.append("of the arithmetic limit")
    with_floor = any(c.floor() for c in cases)
    if with_floor:
        head.append("floor / fastnn")
    lines = [f"## {suite}", "", _row(head), _row(["---"] * len(head))]
    for case in cases:
        cells = [f"{case.name}, {case.unit}"]
        by_name = {n: best([r for r in case.results if r.name == n]) for n in names}
        for n in names:
            cells.append(_value(by_name[n]) or _failure([r for r in case.results if r.name == n]))
        for p in peers:
            ratio = case.ratio(by_name[p]) if by_name[p] else math.nan
            cells.append("-" if math.isnan(ratio) else f"**{ratio:.3g}**")
        if with_flops:
            ours = case.ours()
            share = case.flops / limit / (ours.median * 1e-6) if ours and case.flops else None
            cells.append("-" if share is None else f"{100 * share:.0f}%")
        if with_floor:
            cells.append(f"{100 * case.ratio(case.floor()):.0f}%" if case.floor() else "-")
        lines.append(_row(cells))
    return lines


def _kernel_table(cases, family, limits):
    """One line per kernel: who needs how long, the ratios, and how near the machine's limit it is."""
    libraries = list(dict.fromkeys(r.library for c in cases for r in c.results))
    head = [
        f"{family}, µs",
        *libraries,
        "best peer / fastnn",
        "on 1 thread",
        "rate",
        "of the limit",
    ]
    lines = [f"## {family}", "", _row(head), _row(["---"] * len(head))]
    for case in cases:
        cells = [case.name]
        for library in libraries:
            results = [r for r in case.results if r.library == library]
            cells.append(_value(best(results)) or _failure(results))
        single = [r for r in case.results if r.threads == 1]
        cells += [_ratio(case, case.results), _ratio(case, single)]
        ours = case.ours()
        kind, unit = ("flops", "GFLOP/s") if case.flops else ("bytes", "GB/s")
        rate = (case.flops or case.bytes) / (1e-6 * ours.median) if ours else math.nan
        cells.append(f"{1e-9 * rate:.3g} {unit}")
        cells.append(f"{100 * rate / limits[kind]:.0f}%" if kind in limits else "-")
        lines.append(_row(cells))
    return lines


def _ratio(case, results):
    """How many times the best peer of `results` needs more than the best fastnn of them."""
    ours = best([r for r in results if r.library == "fastnn"])
    peer = best([r for r in results if r.library != "fastnn"])
    return f"**{case.ratio(peer, ours):.2f}**" if ours and peer else "-"


def _failure(results):
    """Why there is no number."""
    errors = dict.fromkeys(f"{r.error} ({r.threads})" for r in results if r.error)
    return "; ".join(errors).replace("|", "\\|").replace("\n", " ") or "-"


def _value(result):
    if result is None:
        return None
    note = f"; {result.note}" if result.note else ""
    return f"{result.median:.3g} ({result.threads}{note})"


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def write_csv(path, cases):
    """One line per case, contestant and thread count."""
    with open(path, "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(
            [
                "suite",
                "case",
                "library",
                "mode",
                "threads",
                "unit",
                "median",
                "quartile1",
                "quartile3",
                "rounds",
                "ratio_to_fastnn",
                "note",
            ]
        )
        for case in cases:
            for r in case.results:
                low, high = r.spread()
                numbers = [f"{v:.6g}" for v in (r.median, low, high)]
                out.writerow(
                    [
                        case.suite,
                        case.name,
                        r.library,
                        r.mode,
                        r.threads,
                        case.unit,
                        *numbers,
                        len(r.values),
                        f"{case.ratio(r):.4g}",
                        r.error or r.note,
                    ]
                )


def plot_kernels(path, cases):
    """One picture per family: GFLOP/s, or GB/s, over the size; one line per operation and library."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    families = list(dict.fromkeys(c.suite for c in cases))
    if not families:
        return
    figure, grid = plt.subplots(
        len(families), figsize=(9, 4.5 * len(families)), layout="constrained", squeeze=False
    )
    for axes, family in zip(grid[:, 0], families, strict=True):
        members = [c for c in cases if c.suite == family]
        for i, library in enumerate(LIBRARIES):
            lines = {}  # one per operation, over its sizes
            for c in members:
                if result := best([r for r in c.results if r.library == library]):
                    rate = (c.flops or c.bytes) / (1e3 * result.median)
                    lines.setdefault(c.op, []).append((c.size, rate))
            for k, points in enumerate(lines.values()):
                x, y = zip(*sorted(points), strict=True)
                label = None if k else library
                axes.plot(
                    x, y, f"{'o.x+'[i]}-", color=f"C{i}", label=label, markersize=4, linewidth=0.7
                )
        axes.set(xscale="log", yscale="log", title=family, xlabel="size")
        axes.set_ylabel("GFLOP/s" if members[0].flops else "GB/s")
        axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot(path, cases):
    """Bars: how many times each peer needs more than fastnn, logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    cases = [c for c in cases if c.ours() and best(c.peers()) and c.unit in ("µs", "ms", "s")]
    if not cases:
        return False
    peers = list(dict.fromkeys(r.library for c in cases for r in c.peers()))
    height = 0.8 / len(peers)
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.45 * len(cases)), layout="constrained")
    for i, library in enumerate(peers):
        ratios = []
        for case in cases:
            peer = best([r for r in case.peers() if r.library == library])
            ratios.append(case.ratio(peer) if peer else math.nan)
        places = [k + i * height for k in range(len(cases))]
        bars = axes.barh(places, ratios, height, label=library)
        axes.bar_label(bars, [f"{r:.3g}" if r == r else "" for r in ratios], fontsize=7, padding=2)
    axes.set_yticks([k + 0.4 - height / 2 for k in range(len(cases))])
    axes.set_yticklabels([f"{c.suite}: {c.name}" for c in cases], fontsize=7)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.set_xlabel("time, in multiples of fastnn's")
    axes.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return True
