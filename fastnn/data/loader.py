"""The DataLoader: batches of a dataset, in an order that seed and epoch determine."""

import operator

import numpy as np

from fastnn.data.dataset import rows_of
from fastnn.data.order import draw_key, permutation


class DataLoader:
    """Iterate over a dataset in batches.

    The order of a pass is a function of (seed, epoch) alone: pass number e over the loader is epoch
    e, and `set_epoch` goes to any other, so a run that was stopped goes on with the very order it
    would have had.

    Parameters
    ----------
    dataset : Dataset
        Anything with ``__len__`` and ``__getitem__``; rows of a `TensorDataset` are gathered in C.
    batch_size : int
        Rows of a batch. Default 1.
    shuffle : bool
        Whether each epoch has a new order. Default False.
    sampler : iterable of int, optional
        The row numbers of a pass, instead of all rows in order; excludes `shuffle`.
    drop_last : bool
        Whether a last batch with fewer than `batch_size` rows is left out. Default False.
    collate_fn : callable, optional
        Makes a batch from a list of rows. Default: `collate`.
    seed : int, optional
        Fixes the orders. Default: drawn from `generator`.
    generator : Generator, optional
        Default: `fastnn.get_default_generator()`, which `fastnn.manual_seed` sets.

    Raises
    ------
    ValueError
        An empty dataset, a `batch_size` below 1, or one above the number of rows with `drop_last`
        (no batch would be left).

    Notes
    -----
    Has the behaviour of ``torch.utils.data.DataLoader``; order by (seed, epoch) is its own.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2, shuffle=True, seed=0)
    >>> len(loader), sorted(int(i) for (batch,) in loader for i in batch)
    (3, [0, 1, 2, 3, 4])
    """

    def __init__(
        self,
        dataset,
        batch_size=1,
        shuffle=False,
        sampler=None,
        drop_last=False,
        *,
        collate_fn=None,
        seed=None,
        generator=None,
    ):
        for method in ("__len__", "__getitem__"):
            if not hasattr(dataset, method):
                raise TypeError(
                    f"DataLoader: dataset has no {method} ({type(dataset).__name__}); "
                    "wrap arrays as TensorDataset(x, y)"
                )
        if isinstance(dataset, tuple):
            raise TypeError(
                "DataLoader: dataset is a tuple of arrays; wrap it as TensorDataset(*arrays)"
            )
        try:
            batch_size = operator.index(batch_size)
        except TypeError:
            raise TypeError(
                f"DataLoader: batch_size must be an integer, got {batch_size!r}"
            ) from None
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be at least 1, got {batch_size}")
        if shuffle and sampler is not None:
            raise ValueError("DataLoader: shuffle and sampler exclude each other")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = bool(shuffle)
        self.sampler = sampler
        self.drop_last = bool(drop_last)
        self.collate_fn = collate_fn
        self.epoch = 0
        self._key = draw_key(seed, generator) if shuffle or seed is not None else None
        rows = len(dataset)
        if rows == 0:
            raise ValueError("DataLoader: the dataset is empty")
        if drop_last and sampler is None and batch_size > rows:
            raise ValueError(
                f"DataLoader: batch_size {batch_size} is larger than the dataset's {rows} rows, "
                f"and drop_last leaves no batch; use batch_size={rows} or less"
            )

    def __len__(self):
        """Number of batches of a pass."""
        rows = len(self.dataset) if self.sampler is None else len(self.sampler)
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def set_epoch(self, epoch):
        """Make `epoch` (an int from 0) the one that the next pass runs through."""
        self.epoch = operator.index(epoch)

    def order(self, epoch=None):
        """Row numbers of the pass `epoch` (default: the next one), int64 array."""
        if self.sampler is not None:
            return np.fromiter(self.sampler, np.int64)
        if not self.shuffle:
            return np.arange(len(self.dataset))
        return permutation(len(self.dataset), self._key, self.epoch if epoch is None else epoch)

    def __iter__(self):
        order = self.order()
        self.epoch += 1
        dataset, size, collate_fn = self.dataset, self.batch_size, self.collate_fn
        stop = len(order) - len(order) % size if self.drop_last else len(order)
        for start in range(0, stop, size):
            yield rows_of(dataset, order[start : min(start + size, stop)], collate_fn)

    def __repr__(self):
        return (
            f"DataLoader({len(self.dataset)} rows, batch_size={self.batch_size}, "
            f"shuffle={self.shuffle}, drop_last={self.drop_last})"
        )
