"""What a model of a table did, in words, tables and pictures."""

import math

_MOST_CLASSES = 15  # of a confusion matrix that is shown whole


def about(table, model, train, test):
    """What was found in the file and what is going to be trained: several lines."""
    kinds = [model.prepare.needs[name] for name in model.prepare.needs]
    lines = [
        f"{table.source}: {len(table):,} rows; {kinds.count('number')} columns of numbers, "
        f"{kinds.count('category')} of categories"
    ]
    lines += [f"  left out: {name!r}: {reason}" for name, reason in model.left_out.items()]
    if model.classes:
        shown = ", ".join(model.classes[:10]) + (", ..." if len(model.classes) > 10 else "")
        what = f"classification into {len(model.classes)} classes: {shown}"
    else:
        what = "regression"
    lines.append(f"target {model.target!r}: {what} (--task says otherwise)")
    held = math.ceil(0.15 * train)
    lines.append(f"rows: {train - held:,} to train, {held:,} to watch, {test:,} to test")
    lines.append(f"model: hidden layers of {', '.join(map(str, model.hidden))}")
    return "\n".join(lines)


def results(model, result):
    """Metrics, and the confusion matrix or the residuals, as text."""
    return _classes(model, result) if model.classes else _numbers(model, result)


def _classes(model, result):
    from fastnn.metrics import format_confusion_matrix

    matrix = result["confusion_matrix"]
    lines = [
        f"accuracy {100 * result['accuracy']:.2f}% ({matrix.trace():,} of {matrix.sum():,}; "
        f"always saying the most frequent class: {100 * result['baseline']:.2f}%)",
        f"F1 (mean over the classes) {result['f1']:.4f}"
        + (f", area under the ROC curve {result['roc_auc']:.4f}" if "roc_auc" in result else ""),
        "",
    ]
    if len(matrix) <= _MOST_CLASSES:
        lines.append(format_confusion_matrix(matrix, model.classes))
    else:
        wrong = matrix.copy()
        for i in range(len(wrong)):
            wrong[i, i] = 0
        lines.append("most frequent mistakes:")
        for place in wrong.ravel().argsort(kind="stable")[::-1][:10]:
            true, taken = divmod(int(place), len(wrong))
            if wrong[true, taken]:
                names = f"{model.classes[true]} taken for {model.classes[taken]}"
                lines.append(f"  {wrong[true, taken]:5} {names}")
    return "\n".join(lines)


def _numbers(model, result):
    import numpy as np

    residuals = result["residuals"]
    lines = [
        f"mean absolute error {result['mae']:.6g} "
        f"(always saying the median: {result['baseline']:.6g})",
        f"root mean squared error {result['rmse']:.6g}",
        f"R2 {result['r2']:.4f} (1: exact, 0: no better than the mean)",
        "",
        f"residuals, {model.target} - prediction:",
    ]
    shares = (0, 5, 25, 50, 75, 95, 100)
    names = ("least", "5%", "25%", "median", "75%", "95%", "largest")
    values = [f"{v:.4g}" for v in np.percentile(residuals, shares)]
    width = max(map(len, (*names, *values))) + 2
    lines.append("".join(name.rjust(width) for name in names))
    lines.append("".join(value.rjust(width) for value in values))
    return "\n".join(lines)


def jsonable(result):
    """The result as JSON can hold it; residuals, which are many, left out."""
    facts = {name: value for name, value in result.items() if name != "residuals"}
    if "confusion_matrix" in facts:
        facts["confusion_matrix"] = facts["confusion_matrix"].tolist()
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in facts.items()}


def plot(path, history, draw):
    """Draw the losses, and beside them what ``draw(axes)`` draws, into a PNG file; False where
    matplotlib is missing."""
    try:
        from matplotlib.figure import Figure  # no pyplot: it would look for a screen
    except ImportError:
        return False
    from fastnn.data.atomic import replacing

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set(xlabel="epoch", ylabel="loss", title="Loss")
    if history.num_epochs:
        _draw_losses(left, history)
    draw(right)
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=120)
    return True


def _draw_losses(ax, history):
    ax.plot(history["epoch"], history["loss"], label="training rows")
    ax.plot(history["epoch"], history["val_loss"], label="watched rows")
    best, _ = history.best("val_loss")
    ax.axvline(best, color="gray", lw=1, ls=":", label=f"epoch {best}, whose weights were kept")
    losses = [v for v in (*history["loss"], *history["val_loss"]) if v > 0]
    if losses and max(losses) > 10 * min(losses):
        ax.set_yscale("log")
    ax.legend(frameon=False)


def draw_confusion(ax, matrix, classes, target):
    """The confusion matrix as an image, with its numbers."""
    shares = matrix / matrix.sum(1, keepdims=True).clip(1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ax.set(xlabel=f"predicted {target}", ylabel=f"true {target}")
    ax.set_title(f"Test rows: accuracy {100 * matrix.trace() / matrix.sum():.1f}%")
    if len(matrix) > _MOST_CLASSES:
        return
    ticks, slanted = range(len(matrix)), max(map(len, classes)) > 3
    ax.set_xticks(
        ticks, classes, rotation=45 if slanted else 0, ha="right" if slanted else "center"
    )
    ax.set_yticks(ticks, classes)
    for i in ticks:
        for j in ticks:
            if matrix[i, j]:
                color = "white" if shares[i, j] > 0.5 else "black"
                ax.text(j, i, str(matrix[i, j]), ha="center", va="center", color=color)


def draw_predictions(ax, truth, result, target):
    """Predicted over true numbers."""
    ax.scatter(truth, truth - result["residuals"], s=9, alpha=0.5)
    low, high = truth.min(), truth.max()
    ax.plot([low, high], [low, high], color="gray", lw=1)
    ax.set(xlabel=f"true {target}", ylabel=f"predicted {target}")
    ax.set_title(f"Test rows: R2 {result['r2']:.3f}")


def plot_rates(path, found):
    """Draw loss over learning rate into a PNG file."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("--plot needs matplotlib: pip install 'fastnn[plot]'") from None
    from fastnn.data.atomic import replacing

    figure = Figure(figsize=(6, 4), layout="constrained")
    found.plot(figure.subplots())
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=120)
