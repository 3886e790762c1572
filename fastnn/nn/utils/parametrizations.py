"""Weight norm and spectral norm: ``torch.nn.utils.parametrizations``."""

from __future__ import annotations

from fastnn.autograd import no_grad
from fastnn.nn.module import Module
from fastnn.nn.utils.parametrize import register_parametrization
from fastnn.ops.distance import normalize
from fastnn.ops.moment import norm
from fastnn.ops.random import randn

__all__ = ["spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def _length(self, v):
        if self.dim == -1:
            return norm(v)
        others = tuple(d for d in range(v.ndim) if d != self.dim % v.ndim)
        return norm(v, 2, others, True)

    def forward(self, g, v):
        return v * (g / self._length(v))

    def right_inverse(self, weight):
        return self._length(weight), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train length and direction of a weight apart: w = g v / |v|.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter. Default "weight".
    dim : int or None
        One length for each index of this dimension; None: one for all. Default 0.

    Returns
    -------
    Module
        The module; g and v are ``parametrizations.<name>.original0`` and ``original1``.

    Raises
    ------
    ValueError
        If the module has no such parameter.

    Notes
    -----
    Salimans, Kingma 2016, arXiv:1602.07868; ``torch.nn.utils.parametrizations.weight_norm``.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.utils.parametrizations.weight_norm(fastnn.nn.Linear(4, 3))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    return register_parametrization(module, name, _WeightNorm(dim))


class _SpectralNorm(Module):
    def __init__(self, weight, n_power_iterations, dim, eps):
        super().__init__()
        self.dim, self.n_power_iterations, self.eps = dim % weight.ndim, n_power_iterations, eps
        if weight.ndim > 1:
            matrix = self._matrix(weight.detach())
            h, w = matrix.shape
            self.register_buffer("_u", normalize(randn(h, dtype=weight.dtype), dim=0, eps=eps))
            self.register_buffer("_v", normalize(randn(w, dtype=weight.dtype), dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight):
        if self.dim:
            weight = weight.movedim(self.dim, 0)
        return weight.reshape(weight.shape[0], -1)

    def _iterate(self, matrix, times):
        with no_grad():
            u, v = self._u, self._v
            for _ in range(times):
                u = normalize(matrix @ v, dim=0, eps=self.eps)
                v = normalize(matrix.T @ u, dim=0, eps=self.eps)
            self._u.copy_(u)
            self._v.copy_(v)

    def forward(self, weight):
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / u.dot(matrix @ v)

    def right_inverse(self, weight):
        return weight


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value, estimated by the power method.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter. Default "weight".
    n_power_iterations : int
        Steps of the power method each time the weight is read in training. Default 1.
    eps : float
        Default 1e-12.
    dim : int, optional
        Which dimension counts the rows. Default: 1 for transposed convolutions, else 0.

    Returns
    -------
    Module
        The module; its weight is ``parametrizations.<name>.original``.

    Raises
    ------
    ValueError
        If the module has no such parameter.

    Notes
    -----
    Miyato et al. 2018, arXiv:1802.05957; ``torch.nn.utils.parametrizations.spectral_norm``.

    Examples
    --------
    >>> import fastnn
    >>> layer = fastnn.nn.utils.parametrizations.spectral_norm(fastnn.nn.Linear(4, 3))
    >>> list(layer.state_dict())[1:]
    ['parametrizations.weight.original', 'parametrizations.weight.0._u', 'parametrizations.weight.0._v']
    """
    if n_power_iterations < 1:
        raise ValueError(
            f"spectral_norm: n_power_iterations must be positive, got {n_power_iterations}"
        )
    weight = module.__dict__.get(name)
    if weight is None:
        raise ValueError(f"spectral_norm: {type(module).__name__} has no parameter '{name}'")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    return register_parametrization(
        module, name, _SpectralNorm(weight, n_power_iterations, dim, eps)
    )
