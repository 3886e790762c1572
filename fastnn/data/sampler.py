"""Samplers: which rows a pass goes through, and in which order."""

import numpy as np

from fastnn.data.order import draw_key, permutation, uniforms
from fastnn.ops.argument import _whole as whole


class Sampler:
    """Base class: the order of a pass is a function of (seed, epoch) alone.

    A subclass defines ``order(epoch)``, which gives row numbers as an int64 array, and
    ``__len__``. Every pass over the sampler itself is a new epoch.

    Parameters
    ----------
    seed : int, optional
        Fixes the orders. Default: drawn from `generator`.
    generator : Generator, optional
        Default: `fastnn.get_default_generator()`, which `fastnn.manual_seed` sets.

    Raises
    ------
    TypeError
        A seed that is no integer; a subclass without ``order`` or ``__len__``.
    ValueError
        A seed outside 0 to 2**64 - 1, or beside a generator.

    Notes
    -----
    Like ``torch.utils.data.Sampler``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import DataLoader, Sampler, TensorDataset
    >>> class Backwards(Sampler):
    ...     def order(self, epoch):
    ...         return np.arange(4)[::-1]
    ...     def __len__(self):
    ...         return 4
    >>> [x.tolist() for x, in DataLoader(TensorDataset(np.arange(4)), 2, sampler=Backwards())]
    [[3, 2], [1, 0]]
    """

    def __init__(self, seed=None, generator=None):
        self.epoch = 0
        self._key = draw_key(seed, generator)

    def order(self, epoch):
        """Row numbers of the pass `epoch`, int64 array.

        TypeError in a class that does not define it.
        """
        raise TypeError(f"{type(self).__name__}: define order(self, epoch)")

    def __len__(self):
        raise TypeError(f"{type(self).__name__}: define __len__(self)")

    def __iter__(self):
        self.epoch += 1
        return iter(self.order(self.epoch - 1).tolist())

    def state_dict(self):
        """What fixes the orders, as JSON can hold it."""
        return {"key": list(self._key)}

    def load_state_dict(self, state):
        """Take over `state`, what `state_dict` gave. KeyError: not such a state."""
        self._key = tuple(state["key"])


class StratifiedSampler(Sampler):
    """Every batch has nearly the classes' shares of the whole.

    Each class is shuffled and its rows are spread evenly over the pass, so any run of B rows holds
    about ``B * share`` rows of a class, give or take one or two.

    Parameters
    ----------
    labels : array_like, shape (N,)
        Classes: integers or text.
    seed, generator
        As in `Sampler`.

    Raises
    ------
    ValueError
        No labels, or more than one dimension.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import DataLoader, StratifiedSampler, TensorDataset
    >>> y = np.repeat([0, 1], [30, 10])
    >>> loader = DataLoader(TensorDataset(y), 8, sampler=StratifiedSampler(y, seed=0))
    >>> [int(batch.sum()) for batch, in loader]
    [2, 2, 2, 2, 2]
    """

    def __init__(self, labels, seed=None, generator=None):
        labels = np.asarray(labels)
        if labels.ndim != 1 or not len(labels):
            raise ValueError(
                f"StratifiedSampler: expected labels of shape (N,), got {labels.shape}"
            )
        super().__init__(seed, generator)
        _, self._code, self._counts = np.unique(labels, return_inverse=True, return_counts=True)

    def __len__(self):
        return len(self._code)

    def order(self, epoch):
        """Row numbers of the pass `epoch`, int64 array."""
        order = permutation(len(self), self._key, epoch)
        code = self._code[order]
        by_class = np.argsort(code, kind="stable")
        first = np.cumsum(self._counts) - self._counts
        rank = np.empty(len(self))
        rank[by_class] = np.arange(len(self)) - first[code[by_class]]
        offset = uniforms(len(self._counts), (self._key[0], self._key[1] ^ 1), epoch)
        place = (rank + offset[code]) / self._counts[code]
        return order[np.argsort(place, kind="stable")]


class WeightedRandomSampler(Sampler):
    """Rows drawn at random with probabilities proportional to their weights.

    Parameters
    ----------
    weights : array_like, shape (N,)
        Not negative. ``1 / count[y]`` shows every class equally often.
    num_samples : int, optional
        Rows of a pass. Default: N.
    replacement : bool
        Whether a row can come more than once in a pass. Default True.
    seed, generator
        As in `Sampler`.

    Raises
    ------
    ValueError
        Weights that are negative, not finite or all zero; without replacement, fewer rows of
        positive weight than `num_samples`.
    TypeError
        Weights that are no numbers, a `num_samples` that is no int.

    Notes
    -----
    Has the arguments of ``torch.utils.data.WeightedRandomSampler``. Without replacement: the rows
    with the smallest E / weight, E exponential (P. Efraimidis, P. Spirakis, 2006).

    Examples
    --------
    >>> from fastnn.data import WeightedRandomSampler
    >>> sampler = WeightedRandomSampler([0.0, 1.0, 3.0], 1000, seed=0)
    >>> [round(sum(i == k for i in sampler) / 100) for k in range(3)]
    [0, 2, 8]
    """

    def __init__(self, weights, num_samples=None, replacement=True, seed=None, generator=None):
        weights = np.asarray(weights)
        if weights.dtype.kind not in "fiub":
            raise TypeError(f"WeightedRandomSampler: weights must be numbers, got {weights.dtype}")
        self._weights = weights.astype(np.float64)
        if self._weights.ndim != 1 or not len(self._weights):
            raise ValueError(
                f"WeightedRandomSampler: expected weights of shape (N,), got {self._weights.shape}"
            )
        wrong = np.flatnonzero(~(np.isfinite(self._weights) & (self._weights >= 0)))
        if wrong.size:
            raise ValueError(
                f"WeightedRandomSampler: weight {wrong[0]} is {self._weights[wrong[0]]}; weights "
                "must be finite and not negative"
            )
        self._count = (
            len(self._weights)
            if num_samples is None
            else whole(num_samples, "WeightedRandomSampler: num_samples")
        )
        possible = int(np.count_nonzero(self._weights))
        if self._count < 1 or not possible or (not replacement and self._count > possible):
            raise ValueError(
                f"WeightedRandomSampler: cannot draw {self._count} rows from {possible} rows of "
                f"positive weight {'with' if replacement else 'without'} replacement"
            )
        super().__init__(seed, generator)
        self._replacement = bool(replacement)

    def __len__(self):
        return self._count

    def order(self, epoch):
        """Row numbers of the pass `epoch`, int64 array."""
        if self._replacement:
            total = np.cumsum(self._weights)
            drawn = uniforms(self._count, self._key, epoch) * total[-1]
            # rounding may reach the total itself: then the last row of positive weight
            return np.minimum(
                np.searchsorted(total, drawn, side="right"), np.flatnonzero(self._weights)[-1]
            )
        exponential = -np.log1p(-uniforms(len(self._weights), self._key, epoch))
        with np.errstate(divide="ignore", invalid="ignore"):
            times = np.where(self._weights > 0, exponential / self._weights, np.inf)
        return np.argsort(times, kind="stable")[: self._count]
