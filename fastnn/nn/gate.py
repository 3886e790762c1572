"""Layers of activations with parameters, and gates: PReLU, Swish, GLU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter
from fastnn.nn.argument import check_device, number, whole
from fastnn.nn.module import Module
from fastnn.nn.softmax import _Along
from fastnn.ops.creation import full
from fastnn.ops.gate import glu, prelu, swish

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


class _Learned(Module):
    """One number, or one per channel, that is learned: `start` at first."""

    def __init__(self, count, start: float, dtype: DTypeLike | None) -> None:
        super().__init__()
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(
                f"{type(self).__name__}: num_parameters must be a positive int, got {count!r}"
            )
        self.num_parameters, self.init = count, number(start, f"{type(self).__name__}: init")
        self.weight = Parameter(full((count,), start, dtype=dtype))

    def reset_parameters(self) -> None:
        """Start from the first value again."""
        self.weight.data = full((self.num_parameters,), self.init, dtype=self.weight.dtype)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class PReLU(_Learned):
    """y = x above 0, w x below, w learned: ``torch.nn.PReLU``.

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels C. Default 1.
    init : float
        First value of w. Default 0.25.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight : Parameter
        w, (num_parameters,).

    Shapes
    ------
    (N, C, ...), or any with one parameter.

    Raises
    ------
    ValueError
        If num_parameters is not positive, or, when called, neither 1 nor the input's channels.

    Notes
    -----
    He et al. 2015, arXiv:1502.01852.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.PReLU()(fastnn.tensor([1.0, -2.0])).tolist()
    [1.0, -0.5]
    """

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__(num_parameters, init, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """input, with its negative elements scaled by the weight."""
        return prelu(input, self.weight)


class Swish(_Learned):
    """y = x sigmoid(beta x), beta learned. Large beta gives ReLU.

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels C. Default 1.
    init : float
        First value of beta. Default 1, which is SiLU.
    device : str, optional
        The only one is "cpu".
    dtype : dtype, optional
        float32 (default) or float64.

    Attributes
    ----------
    weight : Parameter
        beta, (num_parameters,).

    Shapes
    ------
    (N, C, ...), or any with one parameter.

    Raises
    ------
    ValueError
        If num_parameters is not positive, or, when called, neither 1 nor the input's channels.

    Notes
    -----
    Ramachandran et al. 2017, arXiv:1710.05941.

    Examples
    --------
    >>> import fastnn
    >>> [round(y, 4) for y in fastnn.nn.Swish()(fastnn.tensor([1.0, -2.0])).tolist()]
    [0.7311, -0.2384]
    """

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 1.0,
        device: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        check_device(device)
        super().__init__(num_parameters, init, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """input sigmoid(weight input)."""
        return swish(input, self.weight)


class GLU(_Along):
    """y = a sigmoid(b), a and b the halves of x along dim: ``torch.nn.GLU``.

    Parameters
    ----------
    dim : int
        Of even size. Default -1.

    Shapes
    ------
    Any; float32 or float64.

    Raises
    ------
    ValueError
        When called, if the dimension's size is odd.
    IndexError
        If the input has no such dimension.

    Notes
    -----
    Dauphin et al. 2016, arXiv:1612.08083.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.GLU()(fastnn.tensor([1.0, 2.0, 0.0, 2.0]))
    tensor([0.5   , 1.7616])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__(whole(dim, "GLU: dim"))

    def forward(self, input: Tensor) -> Tensor:
        """The first half, gated by the second."""
        return glu(input, self.dim)
