"""Metrics of scores: top-k accuracy, area under the ROC curve, perplexity."""

import numpy as np

from fastnn.metrics.checks import checked_finite, checked_integers, whole_or_none
from fastnn.ops.argument import _whole as whole


def top_k_accuracy(target, scores, k=5):
    """Share of rows whose true class is among the `k` with the largest scores.

    Parameters
    ----------
    target : array_like of int, shape (N,)
    scores : array_like, shape (N, C)
        Among equal scores the later class counts as larger.
    k : int
        1 to C. Default 5.

    Returns
    -------
    float
        Equal to ``sklearn.metrics.top_k_accuracy_score(..., labels=range(C))``.

    Raises
    ------
    TypeError
        Classes or a k that are no integers.
    ValueError
        Shapes that do not fit, a class or k out of range.

    Examples
    --------
    >>> from fastnn.metrics import top_k_accuracy
    >>> top_k_accuracy([0, 2], [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], k=2)
    0.0
    """
    scores = checked_finite(scores, "top_k_accuracy: scores")
    target = checked_integers(target, "top_k_accuracy: target")
    if scores.ndim != 2 or target.shape != scores.shape[:1] or len(target) == 0:
        given = f"{target.shape} and {scores.shape}"
        raise ValueError(f"top_k_accuracy: expected target (N,) and scores (N, C), got {given}")
    classes = scores.shape[1]
    if not 1 <= whole(k, "top_k_accuracy: k") <= classes:
        raise ValueError(f"top_k_accuracy: k must be 1 to {classes}, got {k}")
    if target.min() < 0 or target.max() >= classes:
        wrong = target.min() if target.min() < 0 else target.max()
        raise ValueError(f"top_k_accuracy: classes must be 0 to {classes - 1}, got {wrong}")
    own = scores[np.arange(len(target)), target][:, None]
    later = np.arange(classes) > target[:, None]
    ahead = ((scores > own) | ((scores == own) & later)).sum(1)
    return float(np.mean(ahead < k))


def roc_auc(target, scores):
    """Area under the ROC curve: how often a positive row scores above a negative one.

    By ranks, equal scores counting half (Mann-Whitney's U over the number of pairs).

    Parameters
    ----------
    target : array_like of int, shape (N,)
        0 or 1, or classes 0 to C-1 for scores with C columns.
    scores : array_like, shape (N,) or (N, C)
        Any monotone score. With C columns: the mean over the classes, each against the rest.

    Returns
    -------
    float
        Equal to ``sklearn.metrics.roc_auc_score`` (with ``multi_class="ovr"``).

    Raises
    ------
    ValueError
        A class without rows, or without any row outside it.

    Examples
    --------
    >>> from fastnn.metrics import roc_auc
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    scores = checked_finite(scores, "roc_auc: scores")
    target = checked_integers(target, "roc_auc: target")
    if scores.ndim not in (1, 2) or target.shape != scores.shape[:1]:
        given = f"{target.shape} and {scores.shape}"
        raise ValueError(f"roc_auc: expected target (N,) and scores (N,) or (N, C), got {given}")
    if scores.ndim == 2:
        return float(np.mean([_auc(target == c, s, c) for c, s in enumerate(scores.T)]))
    if not np.isin(target, (0, 1)).all():
        raise ValueError("roc_auc: with one score per row, target must be 0 or 1")
    return _auc(target == 1, scores, 1)


def perplexity(target, logits, ignore_index=None):
    """How many classes the model hesitates between: exp of the mean cross-entropy.

    exp(mean(-log softmax(logits)[target])), computed in float64.

    Parameters
    ----------
    target : array_like of int, shape (...)
        Classes 0 to C-1, such as the next characters of a text.
    logits : array_like, shape (..., C)
        Before the softmax.
    ignore_index : int, optional
        Places with this target do not count. Default: all count.

    Returns
    -------
    float
        From 1; the exponential of ``sklearn.metrics.log_loss`` of the softmax.

    Raises
    ------
    TypeError, ValueError
        Classes that are no integers or out of range, shapes that differ, no places.

    Examples
    --------
    >>> import math
    >>> from fastnn.metrics import perplexity
    >>> perplexity([0, 1], [[0.0, 0.0], [0.0, math.log(3)]])
    1.632993161855452
    """
    losses = cross_entropies(target, logits, ignore_index, "perplexity")
    if len(losses) == 0:
        raise ValueError("perplexity: no rows")
    return float(np.exp(losses.mean()))


def cross_entropies(target, logits, ignore_index, what):
    """The cross-entropies of all places that count, float64."""
    logits = checked_finite(logits, f"{what}: logits")
    target = checked_integers(target, f"{what}: target")
    if logits.ndim < 1 or target.shape != logits.shape[:-1]:
        given = f"{target.shape} and {logits.shape}"
        raise ValueError(f"{what}: expected target (...) and logits (..., C), got {given}")
    logits, target = logits.reshape(-1, logits.shape[-1]), target.reshape(-1)
    if whole_or_none(ignore_index, f"{what}: ignore_index") is not None:
        counts = target != ignore_index
        logits, target = logits[counts], target[counts]
    if len(target) == 0:
        return np.empty(0)
    if target.min() < 0 or target.max() >= logits.shape[1]:
        wrong = target.min() if target.min() < 0 else target.max()
        raise ValueError(f"{what}: classes must be 0 to {logits.shape[1] - 1}, got {wrong}")
    logits = logits.astype(np.float64)
    logits -= logits.max(1, keepdims=True)
    own = logits[np.arange(len(target)), target]
    return np.log(np.exp(logits).sum(1)) - own


def _auc(positive, scores, name):
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        missing = "no row of" if positives == 0 else "no row outside"
        raise ValueError(f"roc_auc: {missing} class {name}; the area is not defined")
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(count) - (count - 1) / 2
    wins = mean_rank[place][positive].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))
