"""Sequences of different lengths as one tensor: padded, or packed without the padding."""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from fastnn._engine.engine import Tensor, from_numpy
from fastnn.ops.border import pad
from fastnn.ops.join import cat, stack

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class PackedSequence(
    namedtuple("PackedSequence", "data batch_sizes sorted_indices unsorted_indices")
):
    """Sequences of different lengths, time by time, without padding: what `nn.LSTM` and others take.

    Parameters
    ----------
    data : Tensor
        (rows, ...): the first elements of all sequences, longest first, then all second ones, ...
    batch_sizes : Tensor of int64
        How many sequences have an element at each time; falling.
    sorted_indices, unsorted_indices : Tensor of int64, optional
        The sequences' order, longest first, and its inverse; None where they came in order.

    Raises
    ------
    TypeError
        If data is no Tensor.

    Notes
    -----
    `pack_padded_sequence` and `pack_sequence` make it: ``torch.nn.utils.rnn.PackedSequence``.

    Examples
    --------
    >>> import fastnn
    >>> rnn = fastnn.nn.utils.rnn
    >>> packed = rnn.pack_sequence([fastnn.tensor([1.0, 2.0, 3.0]), fastnn.tensor([7.0])])
    >>> packed.data, packed.batch_sizes
    (tensor([1., 7., 2., 3.]), tensor([2, 1, 1]))
    """

    __slots__ = ()

    def __new__(cls, data, batch_sizes, sorted_indices=None, unsorted_indices=None):
        if not isinstance(data, Tensor):
            raise TypeError(f"PackedSequence: data must be a Tensor, got {type(data).__name__}")
        if unsorted_indices is None and sorted_indices is not None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes another one.

    Parameters
    ----------
    permutation : Tensor of int64 or None
        (n,), each of 0 to n - 1 once.

    Returns
    -------
    Tensor of int64 or None

    Raises
    ------
    ValueError
        If it is no permutation, which ``torch.nn.utils.rnn.invert_permutation`` does not look at.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.utils.rnn.invert_permutation(fastnn.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    order = np.asarray(permutation)
    if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order), np.arange(order.size)):
        expected = "the integers from 0 to n - 1, each once"
        raise ValueError(f"invert_permutation: expected {expected}, got {permutation!r:.80}")
    return from_numpy(np.argsort(order))


def _lengths(lengths, what):
    found = np.asarray(lengths.numpy() if isinstance(lengths, Tensor) else lengths)
    if found.ndim != 1 or found.dtype.kind not in "iu" or found.size == 0:
        raise ValueError(f"{what}: lengths must be whole numbers in one dimension, got {lengths!r}")
    if found.min() < 1:
        raise ValueError(f"{what}: lengths must be positive, got {found.min()}")
    return found.astype(np.int64)


def pack_padded_sequence(
    input: Tensor,
    lengths: Tensor | list[int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """The elements of padded sequences, without the padding.

    Parameters
    ----------
    input : Tensor
        (time, batch, ...), with `batch_first` (batch, time, ...).
    lengths : Tensor or sequence of int
        Of the sequences, each from 1 to time.
    batch_first : bool
        Default False.
    enforce_sorted : bool
        Sequences must come longest first (the default); False: they are sorted here.

    Returns
    -------
    PackedSequence

    Raises
    ------
    ValueError
        If the lengths do not fit, or are not sorted.

    Notes
    -----
    Has the behaviour of ``torch.nn.utils.rnn.pack_padded_sequence``.

    Examples
    --------
    >>> import fastnn
    >>> rnn = fastnn.nn.utils.rnn
    >>> x = fastnn.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> rnn.pack_padded_sequence(x, [2, 1], batch_first=True).data
    tensor([1., 3., 2.])
    """
    what = "pack_padded_sequence"
    lengths = _lengths(lengths, what)
    if input.ndim < 2 or input.shape[0 if batch_first else 1] != len(lengths):
        raise ValueError(
            f"{what}: {len(lengths)} lengths, but input has shape {tuple(input.shape)}"
        )
    time = input.shape[1 if batch_first else 0]
    if lengths.max() > time:
        raise ValueError(f"{what}: a length is {lengths.max()}, but input has {time} steps")
    order = np.argsort(-lengths, kind="stable")
    if enforce_sorted and (np.diff(lengths) > 0).any():
        raise ValueError(
            f"{what}: lengths must fall, got {lengths.tolist()}; pass enforce_sorted=False"
        )
    sizes = (lengths[:, None] > np.arange(lengths.max())).sum(0)
    times = np.repeat(np.arange(len(sizes)), sizes)
    places = order[np.concatenate([np.arange(n) for n in sizes])]
    rows = places * time + times if batch_first else times * len(lengths) + places
    data = input.flatten(0, 1).index_select(0, from_numpy(rows))
    if enforce_sorted:
        return PackedSequence(data, from_numpy(sizes))
    return PackedSequence(data, from_numpy(sizes), from_numpy(order), None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded tensor and the lengths of a `PackedSequence`.

    Parameters
    ----------
    sequence : PackedSequence
    batch_first : bool
        Default False.
    padding_value : float
        Default 0.
    total_length : int, optional
        Steps of the result. Default: the longest length.

    Returns
    -------
    tuple of Tensor
        (time, batch, ...), or (batch, time, ...); and the lengths, int64, in the original order.

    Raises
    ------
    ValueError
        If total_length is less than a length.

    Notes
    -----
    Has the behaviour of ``torch.nn.utils.rnn.pad_packed_sequence``.

    Examples
    --------
    >>> import fastnn
    >>> rnn = fastnn.nn.utils.rnn
    >>> packed = rnn.pack_sequence([fastnn.tensor([1.0, 2.0]), fastnn.tensor([7.0])])
    >>> rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1., 2.],
            [7., 0.]]), tensor([2, 1]))
    """
    data, sizes, _, unsorted = sequence
    sizes = sizes.numpy()
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise ValueError(
            f"pad_packed_sequence: total_length {steps} is less than the longest length, {len(sizes)}"
        )
    place = np.full((steps, sizes[0]), len(data), np.int64)  # one row of padding stands at the end
    here = np.arange(sizes[0]) < sizes[:, None]
    place[: len(sizes)][here] = np.arange(len(data))
    lengths = here.sum(0)
    if unsorted is not None:
        place, lengths = place[:, unsorted.numpy()], lengths[unsorted.numpy()]
    if batch_first:
        place = np.ascontiguousarray(place.T)
    padding = data.detach()[:1] * 0 + padding_value
    padded = cat([data, padding]).index_select(0, from_numpy(place.reshape(-1)))
    return padded.reshape(*place.shape, *data.shape[1:]), from_numpy(lengths)


def pad_sequence(
    sequences: list[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences of different lengths as one tensor, filled up.

    Parameters
    ----------
    sequences : sequence of Tensor
        (time_i, ...), with the same dimensions after the first.
    batch_first : bool
        Default False.
    padding_value : float
        Default 0.
    padding_side : str
        "right" (default) or "left".

    Returns
    -------
    Tensor
        (longest time, batch, ...), or (batch, longest time, ...).

    Raises
    ------
    ValueError
        If there are no sequences, or padding_side is neither.

    Notes
    -----
    Has the behaviour of ``torch.nn.utils.rnn.pad_sequence``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.utils.rnn.pad_sequence([fastnn.ones(2), fastnn.ones(1)], batch_first=True)
    tensor([[1., 1.],
            [1., 0.]])
    """
    if padding_side not in ("left", "right"):
        raise ValueError(
            f"pad_sequence: padding_side must be 'left' or 'right', got {padding_side!r}"
        )
    sequences = list(sequences)
    if not sequences:
        raise ValueError("pad_sequence: expected at least one sequence")
    steps = max(len(s) for s in sequences)
    padded = []
    for s in sequences:
        missing = steps - len(s)
        ends = (0, missing) if padding_side == "right" else (missing, 0)
        padded.append(pad(s, (0, 0) * (s.ndim - 1) + ends, value=padding_value) if missing else s)
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor | list[int], batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded tensor: the inverse of `pad_sequence`.

    Parameters
    ----------
    padded_sequences : Tensor
        (time, batch, ...), or (batch, time, ...).
    lengths : Tensor or sequence of int
    batch_first : bool
        Default False.

    Returns
    -------
    list of Tensor

    Raises
    ------
    ValueError
        If a length is not positive or no int.
    IndexError
        If there are more lengths than sequences.

    Notes
    -----
    ``torch.nn.utils.rnn.unpad_sequence``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.utils.rnn.unpad_sequence(fastnn.ones(2, 3), [2, 1, 1])
    [tensor([1., 1.]), tensor([1.]), tensor([1.])]
    """
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [x[i, :n] for i, n in enumerate(_lengths(lengths, "unpad_sequence").tolist())]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """A `PackedSequence` of sequences of different lengths.

    Parameters
    ----------
    sequences : sequence of Tensor
        (time_i, ...).
    enforce_sorted : bool
        They must come longest first (the default); False: they are sorted here.

    Returns
    -------
    PackedSequence

    Raises
    ------
    ValueError
        If they are not sorted, or one is empty.

    Notes
    -----
    ``torch.nn.utils.rnn.pack_sequence``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.utils.rnn.pack_sequence([fastnn.ones(2), fastnn.zeros(1)]).data
    tensor([1., 0., 1.])
    """
    lengths = [len(s) for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, False, enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a `PackedSequence`, in their original order.

    Parameters
    ----------
    packed_sequences : PackedSequence

    Returns
    -------
    list of Tensor

    Notes
    -----
    ``torch.nn.utils.rnn.unpack_sequence``.

    Examples
    --------
    >>> import fastnn
    >>> rnn = fastnn.nn.utils.rnn
    >>> rnn.unpack_sequence(rnn.pack_sequence([fastnn.ones(2), fastnn.zeros(1)]))
    [tensor([1., 1.]), tensor([0.])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
