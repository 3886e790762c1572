"""Parameters computed from others: ``torch.nn.utils.parametrize``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter, world_changed
from fastnn.autograd import no_grad
from fastnn.nn.container import ModuleDict
from fastnn.nn.module import Module

if TYPE_CHECKING:
    from typing import Any

    from fastnn._engine.engine import Tensor


__all__ = ["is_parametrized", "register_parametrization", "remove_parametrizations"]


class ParametrizationList(Module):
    """What computes one parameter: the modules in turn, and the tensors they start from.

    Holds ``original``, or ``original0``, ``original1``, ... where the first module's `right_inverse`
    returns several tensors.
    """

    def __init__(self, modules: Any, value: Tensor) -> None:
        super().__init__()
        for i, module in enumerate(modules):
            self.register_module(str(i), module)
        with no_grad():
            for module in reversed(modules):
                if hasattr(module, "right_inverse"):
                    value = module.right_inverse(value)
        if isinstance(value, (tuple, list)):
            self.names = [f"original{i}" for i in range(len(value))]
            for name, v in zip(self.names, value, strict=True):
                self.register_parameter(name, Parameter(v.detach().clone()))
        else:
            self.names = ["original"]
            if not isinstance(value, Parameter):
                value = Parameter(value.detach().clone())
            self.register_parameter("original", value)

    def forward(self) -> Tensor:
        """The parameter's value."""
        modules = list(self.children())
        value = modules[0](*[getattr(self, name) for name in self.names])
        for module in modules[1:]:
            value = module(value)
        return value


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether `module` has parametrizations, or one of `tensor_name`.

    ``torch.nn.utils.parametrize.is_parametrized``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.utils.parametrize.is_parametrized(fastnn.nn.Linear(1, 1))
    False
    """
    found = module.__dict__.get("parametrizations")
    return bool(found) if tensor_name is None else found is not None and tensor_name in found


def register_parametrization(module: Module, tensor_name: str, parametrization: Module) -> Module:
    """Compute a module's parameter from others, by a module, each time that it is read.

    Parameters
    ----------
    module : Module
    tensor_name : str
        Name of one of its parameters.
    parametrization : Module
        ``parametrization(original)`` gives the parameter; its optional ``right_inverse(value)`` gives
        the original (or a tuple of several) for a value.

    Returns
    -------
    Module
        The module; what is trained is ``module.parametrizations.<name>.original``.

    Raises
    ------
    ValueError
        If the module has no such parameter, or the shape would change.

    Notes
    -----
    Has the behaviour of ``torch.nn.utils.parametrize.register_parametrization``; a parametrization is
    added to a parameter once.

    Examples
    --------
    >>> import fastnn
    >>> class Symmetric(fastnn.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = fastnn.nn.Linear(3, 3)
    >>> layer = fastnn.nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    >>> fastnn.equal(layer.weight, layer.weight.T)
    True
    """
    if is_parametrized(module, tensor_name):
        raise ValueError(f"register_parametrization: '{tensor_name}' is parametrized already")
    value = module.__dict__.get(tensor_name)
    if not isinstance(value, Parameter):
        raise ValueError(
            f"register_parametrization: {type(module).__name__} has no parameter '{tensor_name}'"
        )
    chain = ParametrizationList([parametrization], value)
    with no_grad():
        shape = tuple(chain().shape)
    if shape != tuple(value.shape):
        raise ValueError(
            f"register_parametrization: '{tensor_name}' has shape {tuple(value.shape)}, the "
            f"parametrization gives {shape}"
        )
    delattr(module, tensor_name)
    if not is_parametrized(module):
        base = type(module)
        module.__class__ = type(f"Parametrized{base.__name__}", (base,), {"_plain": base})
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = chain
    setattr(type(module), tensor_name, property(lambda self: self.parametrizations[tensor_name]()))
    world_changed()
    return module


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a parameter plain again: with its computed value, or with the original.

    Parameters
    ----------
    module : Module
    tensor_name : str
    leave_parametrized : bool
        False: keep the original's value. Default True.

    Returns
    -------
    Module

    Raises
    ------
    ValueError
        If it is not parametrized, or has several originals and one is asked for.

    Notes
    -----
    Has the behaviour of ``torch.nn.utils.parametrize.remove_parametrizations``.

    Examples
    --------
    >>> import fastnn
    >>> utils = fastnn.nn.utils
    >>> layer = utils.parametrizations.weight_norm(fastnn.nn.Linear(4, 3))
    >>> layer = utils.parametrize.remove_parametrizations(layer, "weight")
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: '{tensor_name}' is not parametrized")
    chain = module.parametrizations[tensor_name]
    if not leave_parametrized and len(chain.names) > 1:
        raise ValueError(
            "remove_parametrizations: there are several originals; none is the parameter"
        )
    with no_grad():
        value = chain() if leave_parametrized else chain.original
    del module.parametrizations[tensor_name]
    delattr(type(module), tensor_name)
    if not len(module.parametrizations):
        delattr(module, "parametrizations")
        module.__class__ = type(module)._plain
    setattr(module, tensor_name, Parameter(value.detach().clone()))
    return module
