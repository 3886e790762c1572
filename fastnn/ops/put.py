"""Elements written at indices, out of place: index_fill, index_copy, index_put, scatter_reduce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops.along import gather, scatter
from fastnn.ops.argument import _dim as checked_dim
from fastnn.ops.argument import _named as named
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _several as several
from fastnn.ops.choose import where
from fastnn.ops.compare import eq
from fastnn.ops.creation import full_like, ones_like, zeros_like
from fastnn.ops.grid import broadcast_tensors

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


__all__ = ["index_copy", "index_fill", "index_put", "masked_scatter", "scatter_reduce", "take"]


def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at these places of the flattened input: ``torch.take``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    index : Tensor
        Any shape, int64 or int32; negative ones count from the end.

    Returns
    -------
    Tensor
        The shape of the index.

    Raises
    ------
    IndexError
        Places outside the input.
    TypeError
        An index that holds no integers.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.take(fastnn.tensor([[5, 6], [7, 8]]), fastnn.tensor([3, 0]))
    tensor([8, 5])
    """
    index = as_tensor(index)
    if index.dtype.kind != "i":
        raise TypeError(f"take: index must hold integers, got {index.dtype}")
    with named("take"):
        return as_tensor(input).reshape(-1)[index]


def _rows(index, dim, like):
    """The index of whole slices along dim, as `scatter` takes it."""
    shape = [1] * like.ndim
    shape[dim] = -1
    wanted = list(like.shape)
    wanted[dim] = index.numel()
    return index.reshape(*shape).expand(tuple(wanted))


def index_fill(input: Tensor, dim: int, index: Tensor, value: float | Tensor) -> Tensor:
    """The slices at these places of a dimension replaced by one number: ``torch.index_fill``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    dim : int
        Negative ones count from the end.
    index : Tensor
        (K,), int64 or int32.
    value : number or 0-d Tensor
        What to write.

    Returns
    -------
    Tensor
        Of the input's shape and dtype.

    Raises
    ------
    IndexError
        Places outside the dimension.
    ValueError, TypeError
        A value that is not one number.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.index_fill(fastnn.ones(3), 0, fastnn.tensor([1]), 5.0)
    tensor([1., 5., 1.])
    """
    x, index = as_tensor(input), as_tensor(index)
    dim = checked_dim(dim, x, "index_fill")
    number(value, "index_fill: value")
    if hasattr(value, "expand"):
        if value.ndim:
            raise ValueError(
                f"index_fill: value must be one number, got shape {tuple(value.shape)}"
            )
        places = _rows(index, dim, x) if x.ndim else None
        return scatter(x, dim, places, value.expand(tuple(places.shape))) if x.ndim else value
    if x.ndim == 0:
        return full_like(x, value)
    return scatter(
        x, dim, _rows(index, dim, x), value=float(value) if x.is_floating_point() else value
    )


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """The slices at these places of a dimension replaced by those of source: ``torch.index_copy``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    dim : int
        Negative ones count from the end.
    index : Tensor
        (K,), int64 or int32.
    source : Tensor
        The input's shape with K at `dim`.

    Returns
    -------
    Tensor
        Of the input's shape and dtype.

    Raises
    ------
    IndexError
        Places outside the dimension.
    ValueError
        Shapes that do not fit.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.index_copy(fastnn.ones(3), 0, fastnn.tensor([1]), fastnn.tensor([5.0]))
    tensor([1., 5., 1.])
    """
    x, index, source = as_tensor(input), as_tensor(index), as_tensor(source)
    dim = checked_dim(dim, x, "index_copy")
    if x.ndim == 0:
        return source.reshape(())
    rows = _rows(index, dim, x)
    wanted = (*x.shape[:dim], index.numel(), *x.shape[dim + 1 :])
    if tuple(source.shape) != wanted:
        raise ValueError(f"index_copy: source must have shape {wanted}, got {tuple(source.shape)}")
    return scatter(x, dim, rows, source)


def index_put(
    input: Tensor, indices: tuple[Tensor, ...], values: Tensor, accumulate: bool = False
) -> Tensor:
    """The elements at ``input[indices]`` replaced by values, or values added to them.

    Has the behaviour of ``torch.index_put``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    indices : tuple of Tensor
        Integers or bools, as in ``input[indices]``.
    values : Tensor or number
        Broadcast to the elements' shape.
    accumulate : bool
        Add instead of replacing; elements named twice are added twice. Default False.

    Returns
    -------
    Tensor
        Of the input's shape and dtype.

    Raises
    ------
    IndexError
        Places outside the input.
    ValueError
        Shapes that do not fit.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.index_put(fastnn.ones(3), (fastnn.tensor([1]),), fastnn.tensor([5.0]))
    tensor([1., 5., 1.])
    """
    x, values = as_tensor(input), as_tensor(values)
    places = tuple(as_tensor(i) for i in several(indices, "index_put: indices"))
    with named("index_put"):
        return _put(x, places, values, accumulate)


def _put(x, places, values, accumulate):
    y = x.clone()
    if not accumulate:
        y[places] = values
        return y
    spots = zeros_like(x.detach()).reshape(-1)
    import numpy as np

    numbers = as_tensor(np.arange(x.numel()).reshape(tuple(x.shape)))[places]
    add = values.expand(tuple(numbers.shape)).reshape(-1)
    return (x.reshape(-1) + spots.index_add(0, numbers.reshape(-1), add)).reshape(tuple(x.shape))


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Where the mask holds, the elements of source, in their order: ``torch.masked_scatter``.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    mask : Tensor
        bool, broadcast to the input's shape.
    source : Tensor
        At least as many elements as the mask holds.

    Returns
    -------
    Tensor
        Of the input's shape and dtype.

    Raises
    ------
    ValueError
        Too few elements.
    TypeError
        A mask that is not bool.

    Examples
    --------
    >>> import fastnn
    >>> mask = fastnn.tensor([True, False, True])
    >>> fastnn.masked_scatter(fastnn.zeros(3), mask, fastnn.tensor([5.0, 6.0]))
    tensor([5., 0., 6.])
    """
    x, mask = as_tensor(input), as_tensor(mask)
    if mask.dtype != bool:
        raise TypeError(f"masked_scatter: mask must be bool, got {mask.dtype}")
    x, chosen = broadcast_tensors(x, mask)
    y = x.clone()
    count = int(chosen.sum())
    source = as_tensor(source).reshape(-1)
    if source.numel() < count:
        raise ValueError(
            f"masked_scatter: the mask asks for {count} elements, source has {source.numel()}"
        )
    with named("masked_scatter"):
        y[chosen] = source[:count]
    return y


def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Elements of src sent to places along a dimension, and those that meet reduced.

    Parameters
    ----------
    input : Tensor
    dim : int
    index : Tensor of int64
        Where along dim each element of src goes.
    src : Tensor
    reduce : {"sum", "mean", "amax", "amin"}
    include_self : bool
        Whether the element of input counts too. Default True.

    Returns
    -------
    Tensor
        Of the input's shape.

    Raises
    ------
    ValueError
        If reduce is none of these.

    Notes
    -----
    Has the behaviour of ``torch.scatter_reduce``, without its "prod". Equal extremes share the
    gradient.

    Examples
    --------
    >>> import fastnn
    >>> x, at = fastnn.zeros(2), fastnn.tensor([0, 0, 1])
    >>> fastnn.scatter_reduce(x, 0, at, fastnn.tensor([1.0, 3.0, 5.0]), "amax")
    tensor([3., 5.])
    """
    x, index, src = as_tensor(input), as_tensor(index), as_tensor(src)
    src = _fitted(src, index)
    met = zeros_like(x.detach()).scatter_add(dim, index, ones_like(src.detach()))
    if reduce in ("sum", "mean"):
        total = _base(x, met, include_self, 0.0).scatter_add(dim, index, src)
        if reduce == "sum":
            return total
        return total / (met + (1 if include_self else eq(met, 0).to(x.dtype))).clamp(min=1)
    if reduce in ("amax", "amin"):
        return _extreme(x, dim, index, src, reduce == "amax", include_self, met)
    raise ValueError(
        f"scatter_reduce: reduce must be 'sum', 'mean', 'amax' or 'amin', got {reduce!r}"
    )


def _fitted(src, index):
    for d in range(index.ndim):
        if src.shape[d] != index.shape[d]:
            src = src.narrow(d, 0, index.shape[d])
    return src


def _base(x, met, include_self, neutral):
    return x if include_self else where(met > 0, neutral, x)


def _extreme(x, dim, index, src, largest, include_self, met):
    import numpy as np

    low = -np.inf if largest else np.inf
    base = np.array(x.detach().numpy())
    if not include_self:
        base[np.array(met.numpy()) > 0] = low
    places = list(np.indices(tuple(index.shape)))
    places[dim] = np.array(index.numpy())
    ufunc = np.maximum if largest else np.minimum
    ufunc.at(base, tuple(places), np.array(src.detach().numpy()))
    best = as_tensor(base)
    won = eq(src.detach(), gather(best, dim, index)).to(x.dtype)
    own = eq(x.detach(), best).to(x.dtype)
    if not include_self:
        own = own * eq(met, 0).to(x.dtype)
    count = (own + zeros_like(best).scatter_add(dim, index, won)).clamp(min=1)
    share = zeros_like(best).scatter_add(dim, index, (src - src.detach()) * won)
    return best + ((x - x.detach()) * own + share) / count
