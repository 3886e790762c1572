"""Pictures of a history: loss, a metric with the gap between its two curves, learning rate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.data.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRAIN, _VAL, _GAP = "#1f77b4", "#d95f02", "#d95f02"


def plot_loss(history: Mapping, log: bool = False, ax: Any = None) -> Any:
    """Draw training and validation loss over epochs.

    Parameters
    ----------
    history : History or dict of lists
    log : bool
        Whether the y-axis is logarithmic. Default False.
    ax : matplotlib Axes, optional
        Where to draw. Default: a new figure, of which no window knows.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install 'fastnn[plot]'``.

    Examples
    --------
    >>> from fastnn.training import plot_loss
    >>> plot_loss({"epoch": [1, 2], "loss": [1.0, 0.1], "val_loss": [1.1, 0.3]}, log=True).get_yscale()
    'log'
    """
    ax = _axes(ax)
    _curves(ax, history, "loss")
    if log:
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="loss", title="loss, logarithmic" if log else "loss")
    ax.legend(frameon=False)
    return ax


def plot_metric(history: Mapping, name: str = "accuracy", ax: Any = None) -> Any:
    """Draw a metric of the training and the validation rows, and the gap between them.

    A gap that grows while the training curve still improves is overfitting.

    Parameters
    ----------
    history : History or dict of lists
    name : str
        A column; its validation column is ``val_`` and the name. Default "accuracy".
    ax : matplotlib Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    KeyError
        No such column.

    Examples
    --------
    >>> from fastnn.training import plot_metric
    >>> history = {"epoch": [1, 2], "accuracy": [0.8, 0.9], "val_accuracy": [0.8, 0.85]}
    >>> plot_metric(history).get_title()
    'accuracy: 0.9 in training, 0.85 in validation, gap 0.05'
    """
    ax = _axes(ax)
    train, val = _curves(ax, history, name)
    title = name
    if train is not None and val is not None:
        epochs = np.arange(1, len(train) + 1)
        ax.fill_between(epochs, train, val, color=_GAP, alpha=0.15, label="gap")
        gap = abs(train[-1] - val[-1])
        title = f"{name}: {train[-1]:.4g} in training, {val[-1]:.4g} in validation, gap {gap:.4g}"
    ax.set(xlabel="epoch", ylabel=name, title=title)
    ax.legend(frameon=False)
    return ax


def plot_lr(history: Mapping, ax: Any = None) -> Any:
    """Draw the learning rate of every epoch, over a logarithmic axis.

    Parameters
    ----------
    history : History or dict of lists
    ax : matplotlib Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    KeyError
        A history without learning rates.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from fastnn.training import plot_lr
    >>> plot_lr({"epoch": [1, 2], "lr": [0.1, 0.01]}).get_ylabel()
    'learning rate'
    """
    ax = _axes(ax)
    rates = _column(history, "lr")
    if rates is None:
        raise KeyError("history has no column 'lr'")
    ax.step(np.arange(1, len(rates) + 1), rates, where="mid", color=_TRAIN)
    if (rates > 0).all():
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="learning rate", title="learning rate")
    return ax


def plot_history(history: Mapping, path: Any = None, metric: str | None = None) -> Any:
    """Draw everything: loss (linear and logarithmic), a metric with its gap, and the learning rate.

    Parameters
    ----------
    history : History or dict of lists
    path : str or path, optional
        Where to save the picture; its ending (``.png``, ``.svg``, ``.pdf``) says how.
    metric : str, optional
        Default: the first column that has a validation column, besides the loss.

    Returns
    -------
    array of matplotlib Axes

    Raises
    ------
    ValueError
        An ending that matplotlib does not know.

    Examples
    --------
    >>> from fastnn.training import plot_history
    >>> len(plot_history({"epoch": [1], "loss": [1.0], "lr": [0.1]}))
    3
    """
    if metric is None:
        metric = next((n for n in history if n != "loss" and f"val_{n}" in history), None)
    if metric is None:
        left_out = ("epoch", "loss", "lr", "seconds")
        metric = next((n for n in history if n not in left_out and not n.startswith("val_")), None)
    count = 3 if metric is None else 4
    columns = count if count == 3 else 2
    figure = _figure((5 * columns, 4 * (count // columns)))
    axes = figure.subplots(count // columns, columns).ravel()
    plot_loss(history, ax=axes[0])
    plot_loss(history, log=True, ax=axes[1])
    plot_lr(history, ax=axes[-1])
    if metric is not None:
        plot_metric(history, metric, ax=axes[2])
    if path is not None:
        save(figure, path)
    return axes


def save(figure: Any, path: Any) -> None:
    """Save a figure as its name's ending says, whole or not at all."""
    ending = os.path.splitext(os.fspath(path))[1][1:].lower()
    if ending not in figure.canvas.get_supported_filetypes():
        raise ValueError(f"plot: the name must end in .png, .svg or .pdf, got {os.fspath(path)!r}")
    with replacing(path) as file:
        figure.savefig(file, format=ending)


def _curves(ax, history, name):
    """Training and validation column, drawn and returned, None where there is none."""
    train, val = _column(history, name), _column(history, f"val_{name}")
    if train is None and val is None:
        raise KeyError(f"history has no column {name!r}; there are {list(history)}")
    for column, label, colour in ((train, "training", _TRAIN), (val, "validation", _VAL)):
        if column is not None:
            marker = "o" if len(column) < 20 else None
            epochs = np.arange(1, len(column) + 1)
            ax.plot(epochs, column, label=label, color=colour, marker=marker, markersize=3)
    return train, val


def _column(history, name):
    if name not in history:
        return None
    return np.array([np.nan if v is None else v for v in history[name]], dtype=float)


def _axes(ax):
    return _figure((6, 4)).add_subplot() if ax is None else ax


def _figure(size):
    """A figure of its own: none that pyplot keeps or a window shows."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'fastnn[plot]'") from None
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
