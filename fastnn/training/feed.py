"""From what a user passes as data to batches that the Trainer can take."""

import itertools

import numpy as np

import fastnn
from fastnn.data import DataLoader, TensorDataset
from fastnn.data.order import checked_seed
from fastnn.ops.argument import _number as number

_TENSOR = fastnn.Tensor
_ARRAYS = (np.ndarray, fastnn.Tensor)


def as_loader(data, what, *, dtype, batch_size=None, shuffle=False, seed=None):
    """A DataLoader over arrays, a dataset, or a loader (which is taken as it is).

    `what` is the argument's name in messages. Arrays, and the arrays of a TensorDataset, are
    converted to the model's `dtype` here, once. Without `batch_size` it is 32, or all rows where
    there are fewer.
    """
    if isinstance(data, DataLoader):
        return data
    if isinstance(data, dict):
        raise TypeError(f"{what}: expected a pair of arrays (x, y), got a dict of {list(data)[:4]}")
    if isinstance(data, (tuple, list)) and not isinstance(data, TensorDataset):
        if len(data) < 2 or not all(hasattr(d, "__len__") for d in data):
            raise TypeError(f"{what}: expected a pair of arrays (x, y), got {_kinds(data)}")
        data = _dataset(data, what, dtype)
    elif isinstance(data, _ARRAYS):
        raise TypeError(
            f"{what} is an array without targets; pass a pair: fit((x, y), val=(x_val, y_val))"
        )
    elif type(data) is TensorDataset:
        data = _dataset(data.tensors, what, dtype)
    elif hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        if not hasattr(data, "__len__"):
            raise TypeError(f"{what}: expected a loader with a length, got {type(data).__name__}")
        return data
    elif not hasattr(data, "__len__") or not hasattr(data, "__getitem__"):
        raise TypeError(
            f"{what}: expected (x, y), a Dataset or a DataLoader, got {type(data).__name__}"
        )
    rows = len(data)
    if rows == 0:
        raise ValueError(f"{what}: there are no rows")
    if batch_size is not None and number(batch_size, "fit: batch_size") > rows and shuffle:
        raise ValueError(
            f"fit: batch_size {batch_size} is larger than the {rows} rows of {what}; "
            f"use batch_size={rows} (one step per epoch) or less"
        )
    size = min(rows, 32) if batch_size is None else batch_size
    seed = None if seed is None else checked_seed(seed)
    return DataLoader(data, batch_size=size, shuffle=shuffle, seed=seed if shuffle else None)


def pair(train, val):
    """Training and validation data of `fit`: an array and another of its length are x and y."""
    if not isinstance(train, _ARRAYS) and not hasattr(train, "to_numpy"):
        return train, val
    has_rows = isinstance(val, (*_ARRAYS, list)) or hasattr(val, "to_numpy")
    if has_rows and np.ndim(train) > 0 and len(val) == len(train):
        return (train, val), None
    raise TypeError(
        "train is an array without targets; pass a pair: fit((x, y), val=(x_val, y_val))"
        + (f"; x has {len(train)} rows, y {len(val)}" if has_rows and np.ndim(train) else "")
    )


def inputs_of(data, what, dtype, batch_size):
    """The inputs of every batch for `predict`, a tuple each; targets are left out."""
    if isinstance(data, (*_ARRAYS, list)) or hasattr(data, "to_numpy"):
        data = (data,)
    if isinstance(data, tuple):
        data = _dataset(data, what, dtype, targets=False)
        yield from DataLoader(data, batch_size=batch_size)
        return
    for batch in as_loader(data, what, dtype=dtype, batch_size=batch_size):
        fields = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
        yield tuple(cast(x, dtype) for x in (fields[:-1] if len(fields) > 1 else fields))


def batches_from(loader, epoch, start):
    """The batches of an epoch from number `start` on; a foreign loader's are drawn and passed over."""
    if isinstance(loader, DataLoader):
        loader.set_epoch(epoch, start)
        return iter(loader)
    if hasattr(loader, "set_epoch"):
        loader.set_epoch(epoch)
    return itertools.islice(loader, start, None)


def split_batch(batch, dtype):
    """Inputs (a sequence) and target of a batch, floating point inputs in the model's dtype."""
    if type(batch) is tuple and len(batch) == 2:  # nearly always, and as it should be
        x, target = batch
        if type(x) is _TENSOR and x.dtype is dtype and type(target) is _TENSOR and target.ndim:
            return (x,), target
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise TypeError(
            f"the loader's batches must be (x, y), got {_kinds(batch)}; "
            "a dataset's rows are (input, target): TensorDataset(x, y)"
        )
    *inputs, target = batch
    if type(target) is not _TENSOR:
        target = fastnn.as_tensor(target)
    if target.ndim == 0:
        raise ValueError("the loader's targets have no rows: expected shape (N, ...), got ()")
    return [
        x if type(x) is _TENSOR and x.dtype is dtype else cast(x, dtype) for x in inputs
    ], target


def dtype_of(model):
    """The dtype of the model's parameters."""
    for parameter in model.parameters():
        return parameter.dtype
    return fastnn.float32


def cast(x, dtype):
    """A tensor; a floating point one in `dtype`."""
    x = fastnn.as_tensor(x)
    return fastnn.as_tensor(x, dtype) if x.dtype != dtype and x.is_floating_point() else x


def arrays_of(loader):
    """The arrays (inputs..., target) behind a loader, or None where they are not in memory."""
    dataset = getattr(loader, "dataset", None)
    if type(dataset) is TensorDataset and len(dataset.tensors) > 1 and not loader.collate_fn:
        return tuple(t.numpy() for t in dataset.tensors)
    return None


def _dataset(columns, what, dtype, targets=True):
    tensors = []
    for i, column in enumerate(columns):
        name = "y" if targets and i == len(columns) - 1 else "x"
        if not isinstance(column, fastnn.Tensor):
            column = _array(column, f"{what}: {name}", name == "y")
        tensors.append(cast(column, dtype))
    rows = [len(t) for t in tensors]
    if len(set(rows)) > 1:
        raise ValueError(f"{what}: x and y need the same number of rows, got {rows}")
    return TensorDataset(*tensors)


def _array(column, what, is_target):
    if hasattr(column, "to_numpy"):  # pandas
        column = column.to_numpy()
    try:
        array = np.asarray(column)
    except ValueError:
        lengths = sorted({np.size(row) for row in column})
        raise ValueError(f"{what} has rows of different lengths: {lengths[:5]}") from None
    if array.dtype.kind in "USO":
        if is_target and array.dtype.kind in "US":
            raise TypeError(
                f"{what} is text (such as {array.ravel()[0].item()!r}); number the classes first: "
                "classes, y = np.unique(y, return_inverse=True)"
            )
        cells = array.ravel().tolist()
        wrong = next((v for v in cells if not isinstance(v, (int, float, np.number))), None)
        if wrong is not None or None in cells:
            cure = "; if these are numbers: x.astype(np.float32)" if isinstance(wrong, str) else ""
            raise TypeError(f"{what} must hold numbers, got {wrong!r}{cure}")
        array = np.array(cells).reshape(array.shape)
    if array.ndim == 0:
        raise TypeError(f"{what}: expected an array with one row per sample, got {column!r}")
    return array


def _kinds(batch):
    if isinstance(batch, (tuple, list)):
        return f"{type(batch).__name__} of {len(batch)}: {[type(b).__name__ for b in batch[:4]]}"
    return type(batch).__name__
