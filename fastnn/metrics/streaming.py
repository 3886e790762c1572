"""Metrics that take an epoch batch by batch and keep no more of it than they must."""

from __future__ import annotations

import numpy as np

from fastnn.metrics.checks import checked_classes, checked_finite, checked_numbers, whole_or_none
from fastnn.metrics.classification import averaged
from fastnn.metrics.ranking import cross_entropies, roc_auc, top_k_accuracy
from fastnn.ops.argument import _whole as whole


class Stream:
    """Base class: ``update(target, prediction)`` for every batch, then ``compute()``.

    The result is that of the function of the same name on all rows together, up to rounding in the
    last place; shapes, dtypes, errors and the constructor's arguments are those of the function, too.
    Without rows `compute` raises ValueError. ``reset()`` begins anew. A subclass defines the three,
    else they raise TypeError.

    Examples
    --------
    >>> from fastnn.metrics import Accuracy
    >>> accuracy = Accuracy()
    >>> for target, prediction in (([0, 1], [0, 0]), ([1, 1], [1, 1])):
    ...     accuracy.update(target, prediction)
    >>> accuracy.compute()
    0.75
    """

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        """Forget all batches. TypeError in a class that does not define it."""
        raise TypeError(f"{type(self).__name__}: define reset(self)")

    def update(self, target, prediction) -> None:
        """Take in `target` and `prediction` of a batch's rows.

        TypeError in a class that does not define it.
        """
        raise TypeError(f"{type(self).__name__}: define update(self, target, prediction)")

    def compute(self):
        """The metric of all rows since the last reset.

        TypeError in a class that does not define it.
        """
        raise TypeError(f"{type(self).__name__}: define compute(self)")

    def _check_rows(self, count):
        if count == 0:
            raise ValueError(f"{type(self).__name__}.compute: no rows; call update first")


class _Share(Stream):
    """Right rows of all rows."""

    def reset(self) -> None:
        """Forget all batches."""
        self._right = self._rows = 0

    def compute(self) -> float:
        """Share of the rows that are right."""
        self._check_rows(self._rows)
        return self._right / self._rows


class Accuracy(_Share):
    """`accuracy`, batch by batch: see there.

    Examples
    --------
    >>> from fastnn.metrics import Accuracy
    >>> accuracy = Accuracy()
    >>> accuracy.update([0, 1], [[2.0, 1.0], [3.0, 1.0]])
    >>> accuracy.compute()
    0.5
    """

    def update(self, target, prediction) -> None:
        """Classes, shape (N,); and classes or scores, shape (N,) or (N, C)."""
        target, prediction = checked_classes(target, prediction, "Accuracy")
        self._right += int(np.count_nonzero(target == prediction))
        self._rows += len(target)


class TopKAccuracy(_Share):
    """`top_k_accuracy`, batch by batch: see there.

    Parameters
    ----------
    k : int
        Default 5.

    Examples
    --------
    >>> from fastnn.metrics import TopKAccuracy
    >>> topkaccuracy = TopKAccuracy(k=2)
    >>> topkaccuracy.update([0, 2], [[0.2, 0.5, 0.3], [0.6, 0.3, 0.4]]); topkaccuracy.compute()
    0.5
    """

    def __init__(self, k: int = 5):
        self.k = whole(k, "TopKAccuracy: k", 1)
        super().__init__()

    def update(self, target, scores) -> None:
        """Classes, shape (N,); and scores, shape (N, C)."""
        share = top_k_accuracy(target, scores, self.k)
        self._right += round(share * len(target))
        self._rows += len(target)


class ConfusionMatrix(Stream):
    """`confusion_matrix`, batch by batch: see there. It grows with the classes that come.

    Parameters
    ----------
    num_classes : int, optional
        Default: the largest class that came, plus 1.

    Examples
    --------
    >>> from fastnn.metrics import ConfusionMatrix
    >>> matrix = ConfusionMatrix()
    >>> matrix.update([0, 0], [0, 1])
    >>> matrix.update([1], [1])
    >>> matrix.compute()
    array([[1, 1],
           [0, 1]])
    """

    _most = 10_000  # classes, without num_classes: larger ones are no numbers of classes

    def __init__(self, num_classes: int | None = None):
        self.num_classes = whole_or_none(num_classes, "ConfusionMatrix: num_classes", 1)
        super().__init__()

    def reset(self) -> None:
        """Forget all batches."""
        self._matrix = np.zeros((self.num_classes or 0,) * 2, np.int64)

    def update(self, target, prediction) -> None:
        """Classes, shape (N,); and classes or scores, shape (N,) or (N, C).

        ValueError for a class out of range.
        """
        columns = np.shape(prediction)[1] if np.ndim(prediction) == 2 else 0
        target, prediction = checked_classes(target, prediction, type(self).__name__)
        largest = int(max(target.max(), prediction.max(), columns - 1))
        smallest = int(min(target.min(), prediction.min()))
        limit = self.num_classes or self._most
        if smallest < 0 or largest >= limit:
            wrong = smallest if smallest < 0 else largest
            raise ValueError(
                f"{type(self).__name__}: classes must be 0 to {limit - 1}, got {wrong}; number the "
                "classes from 0"
            )
        size = len(self._matrix)
        if largest >= size:
            more = largest + 1 - size
            self._matrix = np.pad(self._matrix, ((0, more), (0, more)))
            size = largest + 1
        np.add.at(self._matrix, (target, prediction), 1)

    def compute(self) -> np.ndarray:
        """The matrix, int64, shape (C, C)."""
        return self._matrix.copy()


class _Averaged(ConfusionMatrix):
    """What is computed from right, true and predicted rows of every class."""

    def __init__(self, average: str | None = "macro"):
        if average not in ("macro", "micro", "weighted", None):
            raise ValueError(
                f"{type(self).__name__}: average must be 'macro', 'micro', 'weighted' or None, "
                f"got {average!r}"
            )
        self.average = average
        super().__init__()

    def compute(self):
        """The metric of all rows: a float, or an array where `average` is None."""
        self._check_rows(self._matrix.sum())
        right, true, predicted = (
            self._matrix.diagonal(),
            self._matrix.sum(1),
            self._matrix.sum(0),
        )
        occurs = true + predicted > 0
        right, true, predicted = right[occurs], true[occurs], predicted[occurs]
        return averaged(
            *self._share(right, true, predicted), true, self.average, type(self).__name__
        )


class Precision(_Averaged):
    """`precision`, batch by batch: see there.

    Parameters
    ----------
    average : {"macro", "micro", "weighted", None}
        Default "macro".
    """

    def _share(self, right, true, predicted):
        return right, predicted


class Recall(_Averaged):
    """`recall`, batch by batch: see there.

    Parameters
    ----------
    average : {"macro", "micro", "weighted", None}
        Default "macro".
    """

    def _share(self, right, true, predicted):
        return right, true


class F1(_Averaged):
    """`f1`, batch by batch: see there.

    Parameters
    ----------
    average : {"macro", "micro", "weighted", None}
        Default "macro".

    Examples
    --------
    >>> from fastnn.metrics import F1
    >>> f1 = F1()
    >>> f1.update([0, 1, 1], [0, 1, 1]); f1.compute()
    1.0
    """

    def _share(self, right, true, predicted):
        return 2 * right, true + predicted


class ROCAUC(Stream):
    """`roc_auc`, batch by batch: see there. Ranks need all scores, so these are kept.

    Examples
    --------
    >>> from fastnn.metrics import ROCAUC
    >>> rocauc = ROCAUC()
    >>> rocauc.update([0, 1], [0.1, 0.9]); rocauc.compute()
    1.0
    """

    def reset(self) -> None:
        """Forget all batches."""
        self._targets, self._scores = [], []

    def update(self, target, scores) -> None:
        """Classes, shape (N,); and scores, shape (N,) or (N, C)."""
        self._targets.append(np.array(target))
        self._scores.append(np.array(checked_finite(scores, "ROCAUC: scores")))

    def compute(self) -> float:
        """The area of all rows."""
        self._check_rows(len(self._targets))
        return roc_auc(np.concatenate(self._targets), np.concatenate(self._scores))


class _Values(Stream):
    """Of numbers: sums over the rows, per column."""

    def reset(self) -> None:
        """Forget all batches."""
        self._rows, self._sum = 0, 0.0

    def update(self, target, prediction) -> None:
        """Numbers, shape (N,) or (N, D), both alike."""
        target, prediction = checked_numbers(target, prediction, type(self).__name__)
        self._add(target, prediction)
        self._rows += len(target)


class MAE(_Values):
    """`mae`, batch by batch: see there.

    Examples
    --------
    >>> from fastnn.metrics import MAE
    >>> mae = MAE()
    >>> mae.update([1.0, 2.0], [1.5, 2.0]); mae.compute()
    0.25
    """

    def _add(self, target, prediction):
        self._sum = self._sum + np.abs(target - prediction).sum(0)

    def compute(self) -> float:
        """The mean absolute error of all rows."""
        self._check_rows(self._rows)
        return float(np.mean(self._sum / self._rows))


class RMSE(_Values):
    """`rmse`, batch by batch: see there.

    Examples
    --------
    >>> from fastnn.metrics import RMSE
    >>> rmse = RMSE()
    >>> rmse.update([1.0], [3.0]); rmse.compute()
    2.0
    """

    def _add(self, target, prediction):
        self._sum = self._sum + np.square(target - prediction).sum(0)

    def compute(self) -> float:
        """The root of the mean squared error of all rows, averaged over the columns."""
        self._check_rows(self._rows)
        return float(np.mean(np.sqrt(self._sum / self._rows)))


class R2(_Values):
    """`r2`, batch by batch: see there.

    Notes
    -----
    Means and sums of squares of batches are merged by the formula of T. Chan, G. Golub, R. LeVeque,
    1979, which does not cancel as a difference of sums of squares does.

    Examples
    --------
    >>> from fastnn.metrics import R2
    >>> r2 = R2()
    >>> r2.update([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]); r2.compute()
    0.5
    """

    def reset(self) -> None:
        """Forget all batches."""
        super().reset()
        self._mean, self._total = 0.0, 0.0

    def _add(self, target, prediction):
        count, mean = len(target), target.mean(0)
        gap, rows = mean - self._mean, self._rows + count
        self._total = (
            self._total
            + np.square(target - mean).sum(0)
            + np.square(gap) * (self._rows * count / rows)
        )
        self._mean = self._mean + gap * (count / rows)
        self._sum = self._sum + np.square(target - prediction).sum(0)

    def compute(self) -> float:
        """The share of the variance explained, of all rows. ValueError for fewer than 2 rows."""
        if self._rows < 2:
            raise ValueError(f"R2.compute: expected at least 2 rows, got {self._rows}")
        varies = self._total != 0
        share = np.where(varies, 1 - self._sum / np.where(varies, self._total, 1), self._sum == 0)
        return float(np.mean(share))


class Perplexity(Stream):
    """`perplexity`, batch by batch: see there.

    Parameters
    ----------
    ignore_index : int, optional
        Places with this target do not count.

    Examples
    --------
    >>> from fastnn.metrics import Perplexity
    >>> perplexity = Perplexity()
    >>> perplexity.update([0, 1], [[0.0, 0.0], [0.0, 0.0]]); perplexity.compute()
    2.0
    """

    def __init__(self, ignore_index: int | None = None):
        self.ignore_index = whole_or_none(ignore_index, "Perplexity: ignore_index")
        super().__init__()

    def reset(self) -> None:
        """Forget all batches."""
        self._sum, self._rows = 0.0, 0

    def update(self, target, logits) -> None:
        """Classes, shape (...); and logits, shape (..., C)."""
        losses = cross_entropies(target, logits, self.ignore_index, "Perplexity")
        self._sum += losses.sum()
        self._rows += len(losses)

    def compute(self) -> float:
        """The perplexity of all places."""
        self._check_rows(self._rows)
        return float(np.exp(self._sum / self._rows))
