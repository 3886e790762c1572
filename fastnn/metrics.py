"""Metrics: numbers that say how good predictions are. Arguments are (target, prediction)."""

import numpy as np

__all__ = [
    "accuracy",
    "confusion_matrix",
    "f1",
    "format_confusion_matrix",
    "mae",
    "precision",
    "r2",
]
__all__ += ["recall", "rmse", "roc_auc", "top_k_accuracy"]


def accuracy(target, prediction):
    """Share of rows whose class is right.

    Parameters
    ----------
    target : array_like of int, shape (N,)
        True classes.
    prediction : array_like, shape (N,) or (N, C)
        Predicted classes, or scores, logits or probabilities of which the largest counts.

    Returns
    -------
    float
        Equal to ``sklearn.metrics.accuracy_score``.

    Raises
    ------
    TypeError, ValueError
        Classes that are no integers, lengths that differ, no rows.

    Examples
    --------
    >>> from fastnn.metrics import accuracy
    >>> accuracy([0, 1, 1, 2], [0, 1, 2, 2])
    0.75
    """
    target, prediction = _classes(target, prediction, "accuracy")
    return float(np.mean(target == prediction))


def confusion_matrix(target, prediction, num_classes=None):
    """How often each true class (row) was taken for each class (column).

    Parameters
    ----------
    target, prediction
        As in `accuracy`; classes are 0 to C-1.
    num_classes : int, optional
        C. Default: the largest class that occurs, plus 1 (for scores: their columns).

    Returns
    -------
    array, shape (C, C), int64
        Equal to ``sklearn.metrics.confusion_matrix(..., labels=range(C))``.

    Raises
    ------
    ValueError
        A class outside 0 to C-1, and what `accuracy` raises.

    Examples
    --------
    >>> from fastnn.metrics import confusion_matrix
    >>> confusion_matrix([0, 0, 1], [0, 1, 1])
    array([[1, 1],
           [0, 1]])
    """
    scores = np.ndim(prediction) == 2
    if num_classes is None and scores:
        num_classes = np.shape(prediction)[1]
    target, prediction = _classes(target, prediction, "confusion_matrix")
    largest = int(max(target.max(), prediction.max()))
    smallest = int(min(target.min(), prediction.min()))
    size = largest + 1 if num_classes is None else num_classes
    if smallest < 0 or largest >= size:
        wrong = smallest if smallest < 0 else largest
        raise ValueError(f"confusion_matrix: classes must be 0 to {size - 1}, got {wrong}")
    if num_classes is None and size > 10_000:
        raise ValueError(
            f"confusion_matrix: the largest class is {largest}; number the classes from 0, "
            "or give num_classes="
        )
    return np.bincount(target * size + prediction, minlength=size * size).reshape(size, size)


def precision(target, prediction, average="macro"):
    """Share of the rows predicted as a class that are of it: TP / (TP + FP), 0 where none were.

    Parameters
    ----------
    target, prediction
        As in `accuracy`.
    average : {"macro", "micro", "weighted", None}
        Mean over the classes that occur, over all rows together, or over the classes weighted by
        their true rows; None gives one number per class that occurs. Default "macro".

    Returns
    -------
    float, or array for ``average=None``
        Equal to ``sklearn.metrics.precision_score(..., zero_division=0)``.

    Examples
    --------
    >>> from fastnn.metrics import precision
    >>> precision([0, 1, 1, 1], [0, 0, 1, 1])
    0.75
    """
    right, true, predicted = _counts(target, prediction, "precision")
    return _average(right, predicted, true, average, "precision")


def recall(target, prediction, average="macro"):
    """Share of a class's rows that were predicted as it: TP / (TP + FN), 0 where it has none.

    Parameters and result as in `precision`; equals ``sklearn.metrics.recall_score``.

    Examples
    --------
    >>> from fastnn.metrics import recall
    >>> recall([0, 1, 1, 1], [0, 0, 1, 1], average="micro")
    0.75
    """
    right, true, _ = _counts(target, prediction, "recall")
    return _average(right, true, true, average, "recall")


def f1(target, prediction, average="macro"):
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    Parameters and result as in `precision`; equals ``sklearn.metrics.f1_score``.

    Examples
    --------
    >>> from fastnn.metrics import f1
    >>> f1([0, 1, 1, 1], [0, 0, 1, 1], average=None)
    array([0.66666667, 0.8       ])
    """
    right, true, predicted = _counts(target, prediction, "f1")
    return _average(2 * right, true + predicted, true, average, "f1")


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

    Examples
    --------
    >>> from fastnn.metrics import top_k_accuracy
    >>> top_k_accuracy([0, 2], [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], k=2)
    0.0
    """
    scores = _finite(scores, "top_k_accuracy: scores")
    target = _integers(target, "top_k_accuracy: target")
    if scores.ndim != 2 or target.shape != scores.shape[:1] or len(target) == 0:
        given = f"{target.shape} and {scores.shape}"
        raise ValueError(f"top_k_accuracy: expected target (N,) and scores (N, C), got {given}")
    classes = scores.shape[1]
    if not 1 <= k <= classes:
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
    scores = _finite(scores, "roc_auc: scores")
    target = _integers(target, "roc_auc: target")
    if scores.ndim not in (1, 2) or target.shape != scores.shape[:1]:
        given = f"{target.shape} and {scores.shape}"
        raise ValueError(f"roc_auc: expected target (N,) and scores (N,) or (N, C), got {given}")
    if scores.ndim == 2:
        return float(np.mean([_auc(target == c, s, c) for c, s in enumerate(scores.T)]))
    if not np.isin(target, (0, 1)).all():
        raise ValueError("roc_auc: with one score per row, target must be 0 or 1")
    return _auc(target == 1, scores, 1)


def mae(target, prediction):
    """Mean absolute error: mean |target - prediction|.

    Parameters
    ----------
    target, prediction : array_like, shape (N,) or (N, D)
        Of the same shape.

    Returns
    -------
    float
        Equal to ``sklearn.metrics.mean_absolute_error``.

    Raises
    ------
    ValueError
        Shapes that differ ((N, 1) against (N,) too), no rows, NaN or infinity.

    Examples
    --------
    >>> from fastnn.metrics import mae
    >>> mae([1.0, 2.0], [1.5, 2.0])
    0.25
    """
    target, prediction = _numbers(target, prediction, "mae")
    return float(np.mean(np.abs(target - prediction)))


def rmse(target, prediction):
    """Root of the mean squared error, averaged over the columns where there are several.

    Parameters, result and errors as in `mae`; equals ``sklearn.metrics.root_mean_squared_error``.

    Examples
    --------
    >>> from fastnn.metrics import rmse
    >>> rmse([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    target, prediction = _numbers(target, prediction, "rmse")
    return float(np.mean(np.sqrt(np.mean(np.square(target - prediction), axis=0))))


def r2(target, prediction):
    """Share of the variance explained: 1 - sum (t - p)^2 / sum (t - mean t)^2.

    Averaged over the columns where there are several. A column that never varies counts 1 if it is
    predicted exactly, else 0. Parameters and errors as in `mae`; needs at least 2 rows; equals
    ``sklearn.metrics.r2_score``.

    Examples
    --------
    >>> from fastnn.metrics import r2
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    target, prediction = _numbers(target, prediction, "r2")
    if len(target) < 2:
        raise ValueError("r2: expected at least 2 rows, got 1")
    residual = np.square(target - prediction).sum(0)
    total = np.square(target - target.mean(0)).sum(0)
    varies = total != 0
    share = np.where(varies, 1 - residual / np.where(varies, total, 1), residual == 0)
    return float(np.mean(share))


def format_confusion_matrix(matrix, names=None):
    """The confusion matrix as a table for reading, with the recall of every class.

    `matrix`, shape (C, C), is what `confusion_matrix` gives; `names`, a list of str, are the names
    of the classes, by default their numbers.

    Examples
    --------
    >>> from fastnn.metrics import format_confusion_matrix
    >>> print(format_confusion_matrix([[8, 1], [0, 3]], ["cat", "dog"]))
    true \\ predicted  cat  dog   recall
                 cat    8    1    88.9%
                 dog    .    3   100.0%
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"format_confusion_matrix: expected shape (C, C), got {matrix.shape}")
    names = [str(n) for n in (range(len(matrix)) if names is None else names)]
    if len(names) != len(matrix):
        raise ValueError(f"format_confusion_matrix: expected {len(matrix)} names, got {len(names)}")
    cells = [[str(n) if n else "." for n in row] for row in matrix.tolist()]
    width = max(map(len, [*names, *(cell for row in cells for cell in row)])) + 2
    corner = "true \\ predicted"
    left = max(len(corner), *map(len, names))
    lines = [corner.rjust(left) + "".join(n.rjust(width) for n in names) + "   recall"]
    for i, (name, row) in enumerate(zip(names, cells, strict=True)):
        rows = matrix[i].sum()
        share = f"{100 * matrix[i, i] / rows:.1f}%" if rows else "-"
        lines.append(name.rjust(left) + "".join(c.rjust(width) for c in row) + share.rjust(9))
    return "\n".join(lines)


def _integers(labels, what):
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise TypeError(f"{what} must be integer classes, got {labels.dtype}")
    return labels.astype(np.int64, copy=False)


def _classes(target, prediction, what):
    prediction = np.asarray(prediction)
    if prediction.ndim == 2 and prediction.dtype.kind == "f" and prediction.shape[1]:
        prediction = prediction.argmax(1)
    target = _integers(target, f"{what}: target")
    prediction = _integers(prediction, f"{what}: prediction")
    if target.ndim != 1 or target.shape != prediction.shape:
        given = f"{target.shape} and {prediction.shape}"
        raise ValueError(f"{what}: expected shapes (N,) and (N,), got {given}")
    if len(target) == 0:
        raise ValueError(f"{what}: no rows")
    return target, prediction


def _counts(target, prediction, what):
    """Per class that occurs: rows that are right, true rows, predicted rows."""
    target, prediction = _classes(target, prediction, what)
    classes, codes = np.unique(np.concatenate([target, prediction]), return_inverse=True)
    true, predicted = np.split(codes, 2)
    count = len(classes)
    right = np.bincount(true[true == predicted], minlength=count)
    return right, np.bincount(true, minlength=count), np.bincount(predicted, minlength=count)


def _average(hits, total, weights, average, what):
    if average == "micro":
        return float(hits.sum() / total.sum())
    each = hits / np.maximum(total, 1)
    if average is None:
        return each
    if average == "macro":
        return float(each.mean())
    if average == "weighted":
        return float(np.average(each, weights=weights))
    choice = "'macro', 'micro', 'weighted' or None"
    raise ValueError(f"{what}: average must be {choice}, got {average!r}")


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


def _finite(values, what):
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{what} must be numbers, got {values.dtype}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{what} must be finite, got NaN or infinity")
    return values


def _numbers(target, prediction, what):
    target = _finite(target, f"{what}: target").astype(np.float64)
    prediction = _finite(prediction, f"{what}: prediction").astype(np.float64)
    if target.shape != prediction.shape:
        given = f"target has shape {target.shape}, prediction {prediction.shape}"
        raise ValueError(f"{what}: {given}; they must be equal")
    if target.ndim == 0 or len(target) == 0:
        raise ValueError(f"{what}: no rows")
    return target, prediction
