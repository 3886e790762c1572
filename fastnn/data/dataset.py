"""Datasets: things with a length whose rows can be asked for, one or many at a time."""

import operator

import numpy as np

import fastnn
from fastnn import index_select
from fastnn.data.order import draw_key, permutation
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _several as several


class Dataset:
    """Rows that are asked for by number: subclass it, define ``__getitem__`` and ``__len__``.

    A row is a tensor, an array, a number or a tuple of these, such as ``(image, label)``. A
    subclass that can deliver many rows at once also defines ``batch(indices)``, which takes an
    int64 array and returns a tuple of tensors; `DataLoader` then asks for batches, not for rows.

    Notes
    -----
    Has the behaviour of ``torch.utils.data.Dataset``.

    Examples
    --------
    >>> from fastnn.data import DataLoader, Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, i):
    ...         return float(i), float(i * i)
    >>> for x, y in DataLoader(Squares(), batch_size=3):
    ...     print(x, y)
    tensor([0., 1., 2.]) tensor([0., 1., 4.])
    tensor([3.]) tensor([9.])
    """

    def __getitem__(self, index):
        raise TypeError(f"{type(self).__name__}: define __getitem__(self, index)")

    def __len__(self):
        raise TypeError(f"{type(self).__name__}: define __len__(self)")


class TensorDataset(Dataset):
    """Arrays or tensors with one row per sample: row i is ``(tensors[0][i], tensors[1][i], ...)``.

    Parameters
    ----------
    *tensors : Tensor or array_like, shape (N, ...)
        All of the same length. NumPy arrays of float32, float64, int64, int32 and bool are shared,
        not copied; other integers become int64.

    Raises
    ------
    ValueError
        No tensor, a 0-d tensor, or lengths that differ.

    Notes
    -----
    Has the behaviour of ``torch.utils.data.TensorDataset``, and takes arrays too.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import TensorDataset
    >>> data = TensorDataset(np.eye(3, dtype=np.float32), [0, 1, 2])
    >>> len(data), data[1]
    (3, (tensor([0., 1., 0.]), tensor(1)))
    """

    def __init__(self, *tensors):
        if not tensors:
            raise ValueError("TensorDataset: expected at least one tensor, got none")
        self.tensors = tuple(
            _with_rows(fastnn.as_tensor(t), f"TensorDataset: tensor {i}")
            for i, t in enumerate(tensors)
        )
        lengths = [len(t) for t in self.tensors]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"TensorDataset: all tensors need the same number of rows, got {lengths}"
            )

    def __len__(self):
        return len(self.tensors[0])

    def __getitem__(self, index):
        return tuple(t[index] for t in self.tensors)

    def batch(self, indices):
        """The rows `indices` (int64 array, shape (B,)) of every tensor: a tuple of new tensors.

        IndexError: one is out of range.
        """
        indices = fastnn.as_tensor(indices)
        return tuple([index_select(t, 0, indices) for t in self.tensors])  # a list: half a us less


class Subset(Dataset):
    """Some rows of another dataset.

    Parameters
    ----------
    dataset : Dataset
    indices : array_like of int, shape (M,)
        Row numbers of `dataset`, from 0 to ``len(dataset) - 1``.

    Raises
    ------
    IndexError
        A row number out of range (named with its position).
    TypeError
        Indices that are no integers.

    Notes
    -----
    Has the behaviour of ``torch.utils.data.Subset``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Subset, TensorDataset
    >>> part = Subset(TensorDataset(np.arange(10)), [7, 3])
    >>> part[0]
    (tensor(7),)
    """

    def __init__(self, dataset, indices):
        empty = rows_in(indices, "Subset: indices") == 0
        indices = np.array(indices, dtype=np.int64 if empty else None)
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise TypeError(
                f"Subset: indices must be a list of integers, got {indices.dtype} "
                f"of shape {indices.shape}"
            )
        self.dataset = dataset
        self.indices = indices.astype(np.int64)
        rows = rows_in(dataset, "Subset: dataset")
        wrong = np.flatnonzero((self.indices < 0) | (self.indices >= rows))
        if wrong.size:
            raise IndexError(
                f"Subset: index {self.indices[wrong[0]]} at position {wrong[0]} is out of range "
                f"for a dataset of {len(dataset)} rows"
            )

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.dataset[int(self.indices[operator.index(index)])]

    def batch(self, indices):
        """The rows `indices` (int64 array, shape (B,)) of this subset: a tuple of tensors.

        IndexError: one is out of range.
        """
        return rows_of(self.dataset, self.indices[np.asarray(indices)])


def random_split(dataset, lengths, generator=None):
    """Split a dataset into parts at random, without overlap.

    Parameters
    ----------
    dataset : Dataset
    lengths : list of int, or list of float that sum to 1
        Rows of each part; fractions are rounded down and the rest handed out one by one from the
        first part on.
    generator : Generator, optional
        Default: `fastnn.get_default_generator()`, which `fastnn.manual_seed` sets.

    Returns
    -------
    list of Subset

    Raises
    ------
    ValueError
        Lengths that are negative or do not add up.

    Notes
    -----
    Has the behaviour of ``torch.utils.data.random_split``. For classification see
    `train_test_split`, which keeps the share of every class.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import TensorDataset, random_split
    >>> [len(part) for part in random_split(TensorDataset(np.arange(10)), [0.75, 0.25])]
    [8, 2]
    """
    rows = rows_in(dataset, "random_split: dataset")
    lengths = [
        number(n, "random_split: lengths") for n in several(lengths, "random_split: lengths")
    ]
    if any(length < 0 for length in lengths):
        raise ValueError(f"random_split: lengths must not be negative, got {lengths}")
    if all(isinstance(length, float) for length in lengths) and abs(sum(lengths) - 1) < 1e-6:
        parts = [int(rows * length) for length in lengths]
        for i in range(rows - sum(parts)):
            parts[i % len(parts)] += 1
    elif sum(lengths) == rows:
        parts = [operator.index(length) for length in lengths]
    else:
        raise ValueError(
            f"random_split: lengths must add up to the {rows} rows of the dataset, or to 1.0 as "
            f"fractions; got {lengths}, sum {sum(lengths)}"
        )
    order = permutation(rows, draw_key(generator=generator))
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(parts)[:-1])]


def rows_in(dataset, what):
    """How many rows it has."""
    try:
        return len(dataset)
    except TypeError:
        raise TypeError(f"{what} must have a length, got {dataset!r:.40}") from None


def rows_of(dataset, indices, collate_fn=None, wanted=lambda: True):
    """Many rows of any dataset: by its own ``batch`` if it has one, else row by row.

    None where they are not `wanted` any more before the last one is there.
    """
    if collate_fn is None and hasattr(dataset, "batch"):
        return dataset.batch(indices)
    samples = []
    for i in indices:
        if not wanted():
            return None
        samples.append(dataset[int(i)])
    return collate(samples) if collate_fn is None else collate_fn(samples)


def collate(samples):
    """Stack samples into a batch: a tuple of tensors for tuples, a dict for dicts, else a tensor.

    Parameters
    ----------
    samples : list
        Tensors, arrays or numbers of one shape, or tuples, lists or dicts of these.

    Raises
    ------
    ValueError
        Samples whose shapes differ.
    TypeError
        Samples that are no numbers.

    Notes
    -----
    Like ``torch.utils.data.default_collate``.

    Examples
    --------
    >>> from fastnn.data import collate
    >>> collate([(1.0, 0), (2.0, 1)])
    (tensor([1., 2.]), tensor([0, 1]))
    """
    first = samples[0]
    if isinstance(first, (tuple, list)):
        return tuple(collate(list(column)) for column in zip(*samples, strict=True))
    if isinstance(first, dict):
        return {key: collate([sample[key] for sample in samples]) for key in first}
    arrays = [np.asarray(sample) for sample in samples]
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1:
        raise ValueError(f"collate: shapes differ: {sorted(shapes)}; give collate_fn=")
    stacked = np.stack(arrays)
    if stacked.dtype == np.float64 and isinstance(first, float):
        stacked = stacked.astype(np.float32)  # Python numbers take the default dtype
    return fastnn.tensor(stacked)


def _with_rows(tensor, what):
    if tensor.ndim == 0:
        raise ValueError(f"{what} has no rows: expected shape (N, ...), got a 0-d tensor")
    return tensor.detach() if tensor.requires_grad else tensor
