"""Softmax layers: a distribution over the classes from scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn.argument import whole
from fastnn.nn.module import Module
from fastnn.ops.probability import log_softmax, softmax, softmin

if TYPE_CHECKING:
    from fastnn._engine.engine import Tensor


class _Along(Module):
    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim if dim is None else whole(dim, f"{type(self).__name__}: dim")

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_Along):
    """exp(x_i) / sum_j exp(x_j) along `dim`: ``torch.nn.Softmax``. Not before CrossEntropyLoss.

    Parameters
    ----------
    dim : int, optional
        Along which dimension. Without it there is a warning at each call, and PyTorch's old choice.

    Shapes
    ------
    Any, and the same; float32 or float64.

    Raises
    ------
    IndexError
        When called, if the input has no dimension `dim`.
    TypeError
        If it is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Softmax(0)(fastnn.tensor([5.0, 2.0, -1.0, 3.0]))
    tensor([0.842 , 0.0419, 0.0021, 0.114 ])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Numbers from 0 to 1 that sum to 1 along `dim`."""
        return softmax(input, self.dim)


class LogSoftmax(_Along):
    """log(softmax(x)) along `dim`: ``torch.nn.LogSoftmax``.

    Parameters
    ----------
    dim : int, optional
        Along which dimension. Without it there is a warning at each call, and PyTorch's old choice.

    Shapes
    ------
    Any, and the same; float32 or float64.

    Raises
    ------
    IndexError
        When called, if the input has no dimension `dim`.
    TypeError
        If it is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LogSoftmax(0)(fastnn.tensor([0.0, 0.0]))
    tensor([-0.6931, -0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Log-probabilities."""
        return log_softmax(input, self.dim)


class Softmin(_Along):
    """softmax(-x) along `dim`: ``torch.nn.Softmin``.

    Parameters
    ----------
    dim : int, optional
        Along which dimension. Without it there is a warning at each call, and PyTorch's old choice.

    Shapes
    ------
    Any, and the same; float32 or float64.

    Raises
    ------
    IndexError
        When called, if the input has no dimension `dim`.
    TypeError
        If it is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Softmin(0)(fastnn.tensor([0.0, 0.0]))
    tensor([0.5, 0.5])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Numbers from 0 to 1 that sum to 1 along `dim`."""
        return softmin(input, self.dim)


class Softmax2d(Module):
    """Softmax over the channels of each pixel: ``torch.nn.Softmax2d``.

    Shapes
    ------
    (N, C, H, W) or (C, H, W), and the same. float32 or float64.

    Raises
    ------
    ValueError
        If the input has other dimensions.
    TypeError
        If it is not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Softmax2d()(fastnn.zeros(2, 1, 1))
    tensor([[[0.5]],
    <BLANKLINE>
            [[0.5]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Numbers from 0 to 1 that sum to 1 over the channels."""
        input = as_tensor(input)
        if input.ndim not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected 3-d or 4-d input, got shape {tuple(input.shape)}"
            )
        return softmax(input, -3)
