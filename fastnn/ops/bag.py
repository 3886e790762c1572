"""Bags of embeddings: the rows of each bag become their sum, mean or maximum."""

import numpy as np

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.along import gather
from fastnn.ops.argument import _whole as whole
from fastnn.ops.choose import where
from fastnn.ops.creation import zeros
from fastnn.ops.embedding import embedding
from fastnn.ops.slices import index_add

__all__ = ["embedding_bag"]

_MODES = ("sum", "mean", "max")


def _bags(index, offsets, include_last_offset):
    """(flat indices, NumPy starts, NumPy ends) of the bags."""
    if index.ndim == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: a 2-d input has no offsets: each row is a bag")
        B, L = index.shape
        starts = np.arange(B) * L
        return index.reshape(-1), starts, starts + L
    if index.ndim != 1:
        raise ValueError(f"embedding_bag: input must be 1-d or 2-d, got shape {tuple(index.shape)}")
    if offsets is None:
        raise ValueError("embedding_bag: a 1-d input needs offsets, where each bag begins")
    starts = np.array(as_tensor(offsets).numpy())
    if starts.ndim != 1 or starts.dtype.kind != "i":
        raise TypeError(
            "embedding_bag: offsets must be integers in one dimension, got "
            f"{starts.dtype} of shape {starts.shape}"
        )
    count = index.shape[0]
    if len(starts) == 0 or starts[0] != 0 or (np.diff(starts) < 0).any() or starts[-1] > count:
        raise ValueError(
            f"embedding_bag: offsets must rise from 0 to at most {count}, got {starts.tolist()}"
        )
    if include_last_offset:
        return index, starts[:-1], starts[1:]
    return index, starts, np.append(starts[1:], count)


def embedding_bag(
    input,
    weight,
    offsets=None,
    max_norm=None,
    norm_type=2.0,
    scale_grad_by_freq=False,
    mode="mean",
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """The sum, mean or maximum of the rows of `weight` that each bag names.

    Parameters
    ----------
    input : Tensor
        Row numbers: (B, L), a bag in each row, or (T,) with `offsets`.
    weight : Tensor
        (V, D).
    offsets : Tensor of int, optional
        (B,): where each bag begins in a 1-d input.
    max_norm : float, optional
        Longer rows are first scaled down to it, in place.
    norm_type : float
        Which norm. Default 2.
    scale_grad_by_freq : bool
        Divide a row's gradient by how often the batch names it. Default False.
    mode : {"sum", "mean", "max"}
        Default "mean".
    sparse : bool
        Only False.
    per_sample_weights : Tensor, optional
        Of the input's shape: factors, for mode "sum".
    include_last_offset : bool
        The last offset is the end of the last bag. Default False.
    padding_idx : int, optional
        This row counts nowhere.

    Returns
    -------
    Tensor
        (B, D); zeros for an empty bag.

    Raises
    ------
    ValueError, TypeError, IndexError
        If arguments do not fit.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.embedding_bag``.

    Examples
    --------
    >>> import fastnn
    >>> table = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> fastnn.nn.functional.embedding_bag(fastnn.tensor([[0, 1]]), table)
    tensor([[2., 3.]])
    """
    if mode not in _MODES:
        raise ValueError(f"embedding_bag: mode must be one of {_MODES}, got {mode!r}")
    if sparse:
        raise ValueError("embedding_bag: sparse gradients do not exist in fastnn: sparse=False")
    if scale_grad_by_freq and mode == "max":
        raise ValueError("embedding_bag: mode 'max' has no scale_grad_by_freq")
    index, w = as_tensor(input), as_tensor(weight)
    padding_idx = None if padding_idx is None else whole(padding_idx, "embedding_bag: padding_idx")
    if per_sample_weights is not None:
        if mode != "sum":
            raise ValueError("embedding_bag: per_sample_weights go with mode 'sum'")
        per_sample_weights = as_tensor(per_sample_weights)
        if tuple(per_sample_weights.shape) != tuple(index.shape):
            raise ValueError(
                f"embedding_bag: per_sample_weights have shape {tuple(per_sample_weights.shape)}, "
                f"input has {tuple(index.shape)}"
            )
    index, starts, ends = _bags(index, offsets, include_last_offset)
    rows = embedding(
        index, w, padding_idx, max_norm=max_norm, norm_type=norm_type,
        scale_grad_by_freq=scale_grad_by_freq,
    )  # fmt: skip
    bag = np.repeat(np.arange(len(starts)), ends - starts)
    if mode == "max":
        if padding_idx is not None:
            kept = np.array(index.numpy() != padding_idx % w.shape[0])
            bag, rows = bag[kept], rows[kept]
        return _largest(rows, bag, np.bincount(bag, minlength=len(starts)))
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    bag = as_tensor(bag)
    if padding_idx is not None:
        kept = (index != padding_idx % w.shape[0]).unsqueeze(1)
        rows = where(kept, rows, 0.0)
    y = index_add(zeros(len(starts), w.shape[1], dtype=w.dtype), 0, bag, rows)
    if mode == "mean" and padding_idx is not None:
        sizes = index_add(zeros(len(starts), 1, dtype=w.dtype), 0, bag, kept.to(w.dtype))
        y = y / sizes.clamp(min=1)
    elif mode == "mean":
        y = y / as_tensor(np.maximum(ends - starts, 1).astype(w.dtype)[:, None])
    return y


def _largest(rows, bag, sizes):
    """Of each bag, through a table (B, longest bag, D) that repeats the last of shorter bags."""
    B, D, longest = len(sizes), rows.shape[1], max(int(sizes.max(initial=0)), 1)
    if rows.shape[0] == 0:
        return zeros(B, D, dtype=rows.dtype)
    starts = np.cumsum(sizes) - sizes
    steps = np.minimum(np.arange(longest), np.maximum(sizes, 1)[:, None] - 1)
    places = np.minimum(starts[:, None] + steps, rows.shape[0] - 1)
    table = rows[places]
    first = table.detach().argmax(1)  # one place gets the gradient, as in PyTorch
    y = gather(table, 1, first.unsqueeze(1)).squeeze(1)
    return y * as_tensor((sizes > 0).astype(rows.dtype)[:, None])
