"""What a recorded step says of itself: the table of its calls, and the picture."""

from fastnn._engine.engine import clock_step, machine_limits


def summary(rows, times, memory, limits):
    """The calls of `Plan.table` with their seconds; `memory`: bytes of values within the step."""
    step = clock_step()
    total = max(sum(times), step)
    most = machine_limits() if limits else None
    head = f"{'call':<26}{'dtype':<9}{'size':<24}{'MFLOP':>9}{'KiB':>10}{'us':>10}{'share':>8}"
    lines = [head + f"{'GFLOP/s':>10}{'GB/s':>8}" + ("  of limit" if limits else "")]
    for row, seconds in zip(rows, times):
        line = (
            f"{row['name']:<26}{row['dtype']:<9}{row['shape']:<24}{row['flops'] / 1e6:>9.3f}"
            f"{row['bytes'] / 1024:>10.1f}{seconds * 1e6:>10.2f}{seconds / total:>8.1%}"
        )
        if seconds < 4 * step:  # the clock is too coarse for a rate
            lines.append(line + f"{'-':>10}{'-':>8}" + (f"{'-':>10}" if limits else ""))
            continue
        line += f"{row['flops'] / seconds / 1e9:>10.1f}{row['bytes'] / seconds / 1e9:>8.1f}"
        lines.append(line + (f"{least_seconds(row, most) / seconds:>10.0%}" if limits else ""))
    flops = sum(row["flops"] for row in rows)
    line = f"{'total of ' + str(len(rows)) + ' calls':<59}{flops / 1e6:>9.3f}{'':>10}"
    line += f"{total * 1e6:>10.2f}{'':>8}{flops / total / 1e9:>10.1f}{'':>8}"
    if limits:
        line += f"{sum(least_seconds(row, most) for row in rows) / total:>10.0%}"
    lines.append(line)
    lines.append(
        f"{sum(row['waits'] for row in rows)} times all threads meet; "
        f"values within a step take {memory / 1024:.1f} KiB"
    )
    if limits:
        rates = [f"{rate / 1e9:.0f} GB/s at {size >> 10} KiB" for size, rate in most["memory"]]
        lines.append(
            f"limits with {most['threads']} threads: {most['float32'] / 1e9:.0f} GFLOP/s in "
            f"float32, {', '.join(rates)}"
        )
    return "\n".join(lines)


def least_seconds(row, limits):
    """The time that the limits allow: of arithmetic, or of memory at the nearest size above."""
    sizes = [rate for size, rate in limits["memory"] if row["bytes"] <= size]
    rate = sizes[0] if sizes else limits["memory"][-1][1]
    return max(row["flops"] / limits[row["dtype"]], row["bytes"] / rate)


def dot(shapes, rows, pieces):
    """Edges go from whoever wrote bytes of a buffer last to each call that touches them.

    `shapes`: the arguments'; `pieces`: per call, of each buffer that it writes, and of each that
    it reads, (number of the argument or -1, number of the buffer, first byte, end).
    """
    lines = ["digraph plan {", "  node [shape=box, fontname=monospace];"]
    for i, shape in enumerate(shapes):
        label = f"argument {i}\\n{'x'.join(map(str, shape))}"
        lines.append(f'  x{i} [label="{label}", shape=ellipse];')
    makers = {}
    for i, (row, (written, read)) in enumerate(zip(rows, pieces)):
        lines.append(f'  c{i} [label="{row["name"]}\\n{row["shape"]}"];')
        edges = {}
        for argument, place, low, high in written + read:
            if argument >= 0:
                edges.setdefault(f"x{argument}", set()).add((place, low, high))
            for maker, begin, end in makers.get(place, ()):
                if begin < high and low < end:
                    piece = place, max(begin, low), min(end, high)
                    edges.setdefault(f"c{maker}", set()).add(piece)
        for maker, found in edges.items():
            size = sum(high - low for _, low, high in found)
            lines.append(f'  {maker} -> c{i} [label="{size} B"];')
        for _, place, low, high in written:
            others = [m for m in makers.get(place, ()) if m[1] < low or m[2] > high]
            makers[place] = [*others, (i, low, high)]
    return "\n".join([*lines, "}"])
