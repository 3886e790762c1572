"""Splits into training, validation and test rows: seeded, stratified, without overlap."""

import math

import numpy as np

import fastnn
from fastnn.data.dataset import rows_in
from fastnn.data.order import draw_key, permutation
from fastnn.ops.argument import _several as several
from fastnn.ops.argument import _whole as whole


def train_test_split(*arrays, test_size=0.25, stratify=None, seed=None):
    """Split arrays into random training and test rows.

    Parameters
    ----------
    *arrays : array_like or Tensor, shape (N, ...)
        All of the same length.
    test_size : float or int
        Share of the rows (between 0 and 1), or their number. Default 0.25.
    stratify : array_like, shape (N,), optional
        Classes whose shares both parts keep, usually the labels. Default: none.
    seed : int, optional
        Fixes the split. Default: a draw from the default generator.

    Returns
    -------
    list
        ``[train_0, test_0, train_1, test_1, ...]``, arrays for arrays and tensors for tensors.

    Raises
    ------
    ValueError
        Lengths that differ, an empty part, or a class with a single row.

    Notes
    -----
    Has the order of results of ``sklearn.model_selection.train_test_split``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import train_test_split
    >>> labels = np.repeat([0, 1], 10)
    >>> train, test = train_test_split(labels, test_size=0.2, stratify=labels, seed=0)
    >>> test.sum(), len(test)
    (np.int64(2), 4)
    """
    if not arrays:
        raise ValueError("train_test_split: expected at least one array, got none")
    arrays = [a if isinstance(a, fastnn.Tensor) else np.asarray(a) for a in arrays]
    lengths = [len(a) for a in arrays]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"train_test_split: all arrays need the same number of rows, got {lengths}"
        )
    train, test = split_rows(lengths[0], test_size, stratify, seed)
    parts = []
    for a in arrays:
        parts += [_take(a, train), _take(a, test)]
    return parts


def split_rows(rows, test_size=0.25, stratify=None, seed=None):
    """Row numbers ``(train, test)`` of such a split of `rows` rows; see `train_test_split`."""
    if isinstance(test_size, (float, np.floating)):
        if not 0 < test_size < 1:
            raise ValueError(
                f"train_test_split: test_size must be between 0 and 1, got {test_size}"
            )
        held = math.ceil(rows * test_size)
    else:
        held = whole(test_size, "train_test_split: test_size")
    if not 0 < held < rows:
        raise ValueError(
            f"train_test_split: {held} of {rows} rows for testing leaves one part empty"
        )
    order = permutation(rows, draw_key(seed))
    if stratify is None:
        return order[held:], order[:held]
    classes, code, counts = _classes(stratify, rows, "train_test_split")
    if counts.min() < 2:
        raise ValueError(
            f"train_test_split: class {classes[counts.argmin()]!r} has a single row; "
            "stratify needs at least 2 of each"
        )
    share = _largest_remainders(counts * (held / rows), held)
    rank = _rank_within_class(code[order], counts)
    is_test = rank < share[code[order]]
    return order[~is_test], order[is_test]


def stratified_kfold(labels, n_splits=5, seed=None):
    """Row numbers of `n_splits` (train, test) pairs, each with the classes' shares of the whole.

    Every row is in exactly one test part. The shares of a class differ by at most one row between
    the parts.

    Parameters
    ----------
    labels : array_like, shape (N,)
        Classes: integers or text.
    n_splits : int
        At least 2, and at most the number of rows of the smallest class. Default 5.
    seed : int, optional
        Fixes the split. Default: a draw from the default generator.

    Returns
    -------
    list of (train, test)
        Pairs of int64 arrays of row numbers.

    Raises
    ------
    ValueError
        `n_splits` out of that range.

    Notes
    -----
    Like ``sklearn.model_selection.StratifiedKFold`` with ``shuffle=True``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import stratified_kfold
    >>> labels = np.repeat([0, 1], 6)
    >>> [len(test) for train, test in stratified_kfold(labels, 3, seed=0)]
    [4, 4, 4]
    """
    labels = np.asarray(several(labels, "stratified_kfold: labels"))
    classes, code, counts = _classes(labels, len(labels), "stratified_kfold")
    if not 2 <= whole(n_splits, "stratified_kfold: n_splits") <= counts.min():
        raise ValueError(
            f"stratified_kfold: n_splits must be from 2 to the {counts.min()} rows of the smallest "
            f"class, {classes[counts.argmin()]!r}; got {n_splits}"
        )
    order = permutation(len(labels), draw_key(seed))
    code = code[order]
    # classes are dealt out one after the other, so that the parts' sizes differ by at most one too
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    fold = (first[code] + _rank_within_class(code, counts)) % n_splits
    return [(order[fold != k], order[fold == k]) for k in range(n_splits)]


def _take(a, rows):
    return fastnn.index_select(a, 0, rows) if isinstance(a, fastnn.Tensor) else a[rows]


def _classes(labels, rows, what):
    labels = np.asarray(labels)
    if labels.shape != (rows,):
        raise ValueError(f"{what}: expected {rows} labels, shape ({rows},), got {labels.shape}")
    return np.unique(labels, return_inverse=True, return_counts=True)


def _largest_remainders(wanted, total):
    """Whole numbers near `wanted` that sum to `total`."""
    share = np.floor(wanted).astype(np.int64)
    largest = np.argsort(share - wanted, kind="stable")
    share[largest[: total - share.sum()]] += 1
    return share


def _rank_within_class(code, counts):
    """How many rows of the same class come before each row."""
    by_class = np.argsort(code, kind="stable")
    rank = np.empty(len(code), np.int64)
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    rank[by_class] = np.arange(len(code)) - np.repeat(first, counts)
    return rank


def kfold(rows, n_splits=5, seed=None):
    """Row numbers of `n_splits` random (train, test) pairs; see `stratified_kfold` for classes.

    Every row is in exactly one test part; the parts' sizes differ by at most one.

    Parameters
    ----------
    rows : int or array_like, shape (N, ...)
        Number of rows, or something with so many.
    n_splits : int
        From 2 to the number of rows. Default 5.
    seed : int, optional
        Fixes the split. Default: a draw from the default generator.

    Returns
    -------
    list of (train, test)
        Pairs of int64 arrays of row numbers.

    Raises
    ------
    ValueError
        `n_splits` out of that range.

    Examples
    --------
    >>> from fastnn.data import kfold
    >>> [len(test) for train, test in kfold(10, 3, seed=0)]
    [4, 3, 3]
    """
    if not isinstance(rows, (int, np.integer)):
        rows = rows_in(rows, "kfold: rows")
    if not 2 <= whole(n_splits, "kfold: n_splits") <= rows:
        raise ValueError(f"kfold: n_splits must be from 2 to the {rows} rows, got {n_splits}")
    order = permutation(rows, draw_key(seed))
    fold = np.arange(rows) % n_splits
    return [(order[fold != k], order[fold == k]) for k in range(n_splits)]
