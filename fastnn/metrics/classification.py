"""Metrics of classes: accuracy, precision, recall, F1, the confusion matrix."""

import numpy as np

from fastnn.metrics.checks import checked_classes, whole_or_none


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
    target, prediction = checked_classes(target, prediction, "accuracy")
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
    TypeError, ValueError
        A class outside 0 to C-1, a `num_classes` that is none, and what `accuracy` raises.

    Examples
    --------
    >>> from fastnn.metrics import confusion_matrix
    >>> confusion_matrix([0, 0, 1], [0, 1, 1])
    array([[1, 1],
           [0, 1]])
    """
    scores = np.ndim(prediction) == 2
    num_classes = whole_or_none(num_classes, "confusion_matrix: num_classes", 1)
    if num_classes is None and scores:
        num_classes = np.shape(prediction)[1]
    target, prediction = checked_classes(target, prediction, "confusion_matrix")
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

    Raises
    ------
    TypeError, ValueError
        As in `accuracy`; another average.

    Examples
    --------
    >>> from fastnn.metrics import precision
    >>> precision([0, 1, 1, 1], [0, 0, 1, 1])
    0.75
    """
    right, true, predicted = _counts(target, prediction, "precision")
    return averaged(right, predicted, true, average, "precision")


def recall(target, prediction, average="macro"):
    """Share of a class's rows that were predicted as it: TP / (TP + FN), 0 where it has none.

    Parameters, result and errors as in `precision`; equals ``sklearn.metrics.recall_score``.

    Examples
    --------
    >>> from fastnn.metrics import recall
    >>> recall([0, 1, 1, 1], [0, 0, 1, 1], average="micro")
    0.75
    """
    right, true, _ = _counts(target, prediction, "recall")
    return averaged(right, true, true, average, "recall")


def f1(target, prediction, average="macro"):
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    Parameters, result and errors as in `precision`; equals ``sklearn.metrics.f1_score``.

    Examples
    --------
    >>> from fastnn.metrics import f1
    >>> f1([0, 1, 1, 1], [0, 0, 1, 1], average=None)
    array([0.66666667, 0.8       ])
    """
    right, true, predicted = _counts(target, prediction, "f1")
    return averaged(2 * right, true + predicted, true, average, "f1")


def format_confusion_matrix(matrix, names=None):
    """The confusion matrix as a table for reading, with the recall of every class.

    `matrix`, shape (C, C), is what `confusion_matrix` gives; `names`, a list of str, are the names
    of the classes, by default their numbers.

    Raises
    ------
    ValueError
        A matrix of another shape, or not one name for each class.

    Notes
    -----
    PyTorch and scikit-learn have none; the numbers are ``sklearn.metrics.confusion_matrix``'s.

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


def _counts(target, prediction, what):
    """Per class that occurs: rows that are right, true rows, predicted rows."""
    target, prediction = checked_classes(target, prediction, what)
    classes, codes = np.unique(np.concatenate([target, prediction]), return_inverse=True)
    true, predicted = np.split(codes, 2)
    count = len(classes)
    right = np.bincount(true[true == predicted], minlength=count)
    return right, np.bincount(true, minlength=count), np.bincount(predicted, minlength=count)


def averaged(hits, total, weights, average, what):
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
