"""Identity, Flatten and Unflatten: modules that only change how data is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn.argument import several, whole
from fastnn.nn.module import Module
from fastnn.ops.shape import flatten

if TYPE_CHECKING:
    from typing import Any

    from fastnn._engine.engine import Tensor


class Identity(Module):
    """y = x: ``torch.nn.Identity``. Takes and ignores any arguments, to stand in for other layers.

    Examples
    --------
    >>> from fastnn import nn
    >>> nn.Identity(54)
    Identity()
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """input itself."""
        return input


class Flatten(Module):
    """Join dimensions `start_dim` to `end_dim` into one: ``torch.nn.Flatten``.

    Parameters
    ----------
    start_dim, end_dim : int
        Default 1 and -1: all but the batch.

    Shapes
    ------
    (N, C, H, W) to (N, C*H*W) by default; any dtype.

    Raises
    ------
    IndexError
        When called, if the input has no such dimension.
    ValueError
        If start_dim comes after end_dim.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Flatten()(fastnn.zeros(2, 3, 4)).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """input with the dimensions joined."""
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split one dimension into several: ``torch.nn.Unflatten``.

    Parameters
    ----------
    dim : int
        Which one.
    unflattened_size : sequence of int
        Its new sizes; one may be -1.

    Shapes
    ------
    (..., size, ...) to (..., *unflattened_size, ...); any dtype.

    Raises
    ------
    ValueError
        If the sizes do not multiply to the dimension's.
    IndexError
        If the input has no dimension `dim`.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Unflatten(1, (3, -1))(fastnn.zeros(2, 12)).shape
    (2, 3, 4)
    """

    def __init__(self, dim: int | None, unflattened_size: tuple[int, ...]) -> None:
        super().__init__()
        self.dim = whole(dim, "Unflatten: dim")
        self.unflattened_size = tuple(several(unflattened_size, "Unflatten: unflattened_size"))
        if not self.unflattened_size:
            raise ValueError("Unflatten: unflattened_size must not be empty")

    def forward(self, input: Tensor) -> Tensor:
        """input with the dimension split."""
        input = as_tensor(input)
        dim = self.dim + input.ndim if self.dim < 0 else self.dim
        if not 0 <= dim < input.ndim:
            raise IndexError(f"Unflatten: dim {self.dim} is out of range for shape {input.shape}")
        try:
            return input.reshape(input.shape[:dim] + self.unflattened_size + input.shape[dim + 1 :])
        except (ValueError, RuntimeError) as error:
            raise ValueError(
                f"Unflatten: {input.shape[dim]} elements of dim {self.dim} do not make {self.unflattened_size}"
            ) from error

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
