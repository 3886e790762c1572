"""All parameters as one vector, and back: ``torch.nn.utils.parameters_to_vector``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.autograd import no_grad
from fastnn.ops.join import cat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastnn._engine.engine import Tensor


__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one after the other, in the graph.

    Parameters
    ----------
    parameters : iterable of Tensor

    Returns
    -------
    Tensor
        1-d.

    Raises
    ------
    ValueError
        If there are none.

    Notes
    -----
    Has the behaviour of ``torch.nn.utils.parameters_to_vector``.

    Examples
    --------
    >>> import fastnn
    >>> model = fastnn.nn.Linear(3, 2)
    >>> fastnn.nn.utils.parameters_to_vector(model.parameters()).shape
    (8,)
    """
    parts = [p.reshape(-1) for p in parameters]
    if not parts:
        raise ValueError("parameters_to_vector: there are no parameters")
    return cat(parts)


@no_grad()
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector into the parameters, in their order.

    Parameters
    ----------
    vec : Tensor
        1-d, as long as all parameters together.
    parameters : iterable of Tensor

    Raises
    ------
    ValueError
        If the vector is too short or too long; nothing is written then.

    Notes
    -----
    Has the behaviour of ``torch.nn.utils.vector_to_parameters``, which does not mind a longer vector.

    Examples
    --------
    >>> import fastnn
    >>> model = fastnn.nn.Linear(1, 1)
    >>> fastnn.nn.utils.vector_to_parameters(fastnn.tensor([2.0, 3.0]), model.parameters())
    >>> model(fastnn.tensor([10.0])).item()
    23.0
    """
    vec, parameters = as_tensor(vec), list(parameters)
    wanted = sum(p.numel() for p in parameters)
    if vec.ndim != 1 or vec.shape[0] != wanted:
        raise ValueError(
            f"vector_to_parameters: the parameters have {wanted} elements, the vector has shape "
            f"{tuple(vec.shape)}"
        )
    at = 0
    for p in parameters:
        p.detach().copy_(vec[at : at + p.numel()].reshape(tuple(p.shape)))
        at += p.numel()
