"""Penalties on weights as terms of the loss: L1, L2, elastic.

Optimizers take the gradients of both in their own pass: `weight_decay` is the factor of L2's half,
`l1_decay` that of L1.
"""

from collections.abc import Iterable

from fastnn._engine.engine import Tensor


def _tensors(params, what):
    found = [params] if isinstance(params, Tensor) else list(params)
    found = [p[1] if isinstance(p, tuple) and len(p) == 2 else p for p in found]
    if not found:
        raise ValueError(f"{what}: no parameters")
    for p in found:
        if not isinstance(p, Tensor):
            raise TypeError(f"{what}: expected Tensors, got {type(p).__name__}")
    return found


def l1_penalty(params: Tensor | Iterable) -> Tensor:
    """The sum of absolute values of all elements of all parameters.

    Parameters
    ----------
    params : Tensor, or iterable of Tensors or (name, Tensor) pairs
        Those to keep small: usually weights, not biases.

    Returns
    -------
    Tensor
        A scalar, to be multiplied by a factor and added to the loss.

    Raises
    ------
    ValueError
        If there are no parameters.
    TypeError
        If one is no Tensor.

    Notes
    -----
    Lasso's penalty: Tibshirani (1996); Keras' ``regularizers.L1`` with factor 1.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.l1_penalty([fastnn.tensor([1.0, -2.0]), fastnn.tensor([3.0])])
    tensor(6.)
    """
    return sum(abs(p).sum() for p in _tensors(params, "l1_penalty"))


def l2_penalty(params: Tensor | Iterable) -> Tensor:
    """Half the sum of squares of all elements of all parameters: its gradient is the weight.

    Parameters
    ----------
    params : Tensor, or iterable of Tensors or (name, Tensor) pairs
        Those to keep small: usually weights, not biases.

    Returns
    -------
    Tensor
        A scalar; times a factor it is what that ``weight_decay`` does.

    Raises
    ------
    ValueError
        If there are no parameters.
    TypeError
        If one is no Tensor.

    Notes
    -----
    Weight decay as a term of the loss: Krogh, Hertz (1991); half of Keras' ``regularizers.L2``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.l2_penalty([fastnn.tensor([1.0, -2.0]), fastnn.tensor([3.0])])
    tensor(7.)
    """
    return sum((p * p).sum() for p in _tensors(params, "l2_penalty")) * 0.5


def elastic_penalty(params: Tensor | Iterable, l1: float, l2: float) -> Tensor:
    """l1 times `l1_penalty` and l2 times `l2_penalty`: the elastic net (Zou and Hastie, 2005).

    Parameters
    ----------
    params : Tensor, or iterable of Tensors or (name, Tensor) pairs
        Those to keep small: usually weights, not biases.
    l1, l2 : float
        Not negative.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ValueError
        If a factor is negative.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.elastic_penalty(fastnn.tensor([1.0, -2.0]), 0.5, 1.0)
    tensor(4.)
    """
    if not (l1 >= 0 and l2 >= 0):
        raise ValueError(f"elastic_penalty: factors must not be negative, got {l1} and {l2}")
    params = _tensors(params, "elastic_penalty")
    return l1 * l1_penalty(params) + l2 * l2_penalty(params)
