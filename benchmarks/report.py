"""The report: a Markdown table, a CSV file with every number, a plot of the ratios."""

import csv
import math

from .measure import best


def markdown(cases, about, command):
    """The report as text."""
    lines = ["# fastnn benchmarks", "", f"`{command}`", ""]
    lines += ["| | |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in about), ""]
    limit = dict(about).get("float32 multiply-add peak")
    limit = float(limit.split()[0]) * 1e9 if limit else None
    for suite in dict.fromkeys(case.suite for case in cases):
        lines += [*_table([c for c in cases if c.suite == suite], suite, limit), ""]
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
        lines.append(_row(cells))
    return lines


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
