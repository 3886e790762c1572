"""The DataLoader: batches of a dataset, in an order that seed and epoch determine."""

import operator

import numpy as np

from fastnn.data.dataset import rows_of
from fastnn.data.order import draw_key, permutation
from fastnn.data.prefetch import prefetched
from fastnn.ops.argument import _several as several


class DataLoader:
    """Iterate over a dataset in batches.

    The order of a pass is a function of (seed, epoch) alone: pass number e over the loader is epoch
    e, and `set_epoch` goes to any other. `state_dict` tells where the loader stands, also within a
    pass, so a run that was stopped goes on with the very batches it would have had.

    Parameters
    ----------
    dataset : Dataset
        Anything with ``__len__`` and ``__getitem__``; rows of a `TensorDataset` are gathered in C.
    batch_size : int
        Rows of a batch. Default 1.
    shuffle : bool
        Whether each epoch has a new order. Default False.
    sampler : Sampler or iterable of int, optional
        The row numbers of a pass, instead of all rows in order, such as `StratifiedSampler` gives
        them; excludes `shuffle`.
    drop_last : bool
        Whether a last batch with fewer than `batch_size` rows is left out. Default False.
    collate_fn : callable, optional
        Makes a batch from a list of rows. Default: `collate`.
    transform : callable, optional
        ``transform(batch, epoch, step)`` changes a batch before it is given out, such as `Augment`
        does; step counts the batches of a pass from 0.
    prefetch : int
        How many batches a background thread makes ahead, while the caller computes. It pays where
        rows come from a disk, are changed by `transform` or are made by a `Dataset` of your own.
        The batches are the same. Default 0: none.
    seed : int, optional
        Fixes the orders. Default: drawn from `generator`.
    generator : Generator, optional
        Default: `fastnn.get_default_generator()`, which `fastnn.manual_seed` sets.

    Raises
    ------
    ValueError
        An empty dataset, a `batch_size` below 1, or one above the number of rows with `drop_last`
        (no batch would be left), a negative `prefetch`.
    TypeError
        Something that is no dataset or no integer where these are expected.

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
        transform=None,
        prefetch=0,
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
        batch_size = _at_least(1, batch_size, "batch_size")
        if sampler is not None:
            several(sampler, "DataLoader: sampler")
        for name, function in (("collate_fn", collate_fn), ("transform", transform)):
            if function is not None and not callable(function):
                raise TypeError(f"DataLoader: {name} must be callable, got {function!r:.40}")
        if shuffle and sampler is not None:
            raise ValueError("DataLoader: shuffle and sampler exclude each other")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = bool(shuffle)
        self.sampler = sampler
        self.drop_last = bool(drop_last)
        self.collate_fn = collate_fn
        self.transform = transform
        self.prefetch = _at_least(0, prefetch, "prefetch")
        self.epoch = 0
        self._first = 0  # the batch that the next pass begins with
        self._current = None  # (epoch, batches given out) of a pass that has not ended
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

    def set_epoch(self, epoch, position=0):
        """Make `epoch` (an int from 0) the next pass, beginning with its batch `position`.

        ValueError where one is negative, TypeError where one is no int.
        """
        self.epoch = _at_least(0, epoch, "epoch")
        self._first, self._current = _at_least(0, position, "position"), None

    def order(self, epoch=None):
        """Row numbers of the pass `epoch` (default: the next one), int64 array."""
        epoch = self.epoch if epoch is None else epoch
        if self.sampler is None:
            rows = len(self.dataset)
            return permutation(rows, self._key, epoch) if self.shuffle else np.arange(rows)
        if hasattr(self.sampler, "order"):
            return self.sampler.order(epoch)
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)
        return np.fromiter(self.sampler, np.int64)

    def state_dict(self):
        """Where the loader stands, as JSON can hold it.

        Returns
        -------
        dict
            "epoch" and "position": the pass that is under way and how many of its batches were
            given out, or the next pass and 0; what fixes the orders; "rows" and "batch_size".
        """
        epoch, position = self._current or (self.epoch, self._first)
        state = {"epoch": epoch, "position": position, "key": self._key and list(self._key)}
        for name in ("sampler", "transform"):
            if hasattr(getattr(self, name), "state_dict"):
                state[name] = getattr(self, name).state_dict()
        return state | {"rows": len(self.dataset), "batch_size": self.batch_size}

    def load_state_dict(self, state):
        """Go to where `state_dict` was taken: the next pass gives the batches that were left.

        Raises
        ------
        ValueError
            A state from within a pass over another number of rows or with another batch size.
        """
        for name, own in (("rows", len(self.dataset)), ("batch_size", self.batch_size)):
            if state["position"] and state[name] != own:
                raise ValueError(
                    f"DataLoader: the state was taken after {state['position']} batches of a pass "
                    f"with {name} {state[name]}, this loader has {own}; go on with the same data "
                    "and batch size, or from the start of an epoch"
                )
        self.set_epoch(state["epoch"], state["position"])
        self._key = state["key"] and tuple(state["key"])
        for name in ("sampler", "transform"):
            if hasattr(getattr(self, name), "load_state_dict") and name in state:
                getattr(self, name).load_state_dict(state[name])

    def __iter__(self):
        epoch, first = self.epoch, self._first
        self.epoch, self._first, self._current = epoch + 1, 0, (epoch, first)
        return self._deliver(epoch, first)

    def _deliver(self, epoch, first):
        if self.prefetch:
            batches = prefetched(lambda wanted: self._batches(epoch, first, wanted), self.prefetch)
        else:
            batches = self._batches(epoch, first)
        for position, batch in enumerate(batches, first + 1):
            self._current = epoch, position
            yield batch
            del batch  # its memory is free for the next one
        self._current = None

    def _batches(self, epoch, first, *wanted):
        order = self.order(epoch)
        dataset, size, collate_fn, transform = (
            self.dataset,
            self.batch_size,
            self.collate_fn,
            self.transform,
        )
        stop = len(order) - len(order) % size if self.drop_last else len(order)
        for start in range(first * size, stop, size):
            batch = rows_of(dataset, order[start : min(start + size, stop)], collate_fn, *wanted)
            if batch is None:
                return
            yield batch if transform is None else transform(batch, epoch, start // size)

    def __repr__(self):
        return (
            f"DataLoader({len(self.dataset)} rows, batch_size={self.batch_size}, "
            f"shuffle={self.shuffle}, drop_last={self.drop_last})"
        )


def _at_least(least, value, name):
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"DataLoader: {name} must be an integer, got {value!r}") from None
    if value < least:
        raise ValueError(f"DataLoader: {name} must be at least {least}, got {value}")
    return value
