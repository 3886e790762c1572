"""Module: a layer or network that knows its parameters, buffers and submodules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Parameter, Tensor, world_changed
from fastnn.nn.convert import Convertible
from fastnn.nn.hook import Hooked, call_with_hooks
from fastnn.nn.members import (
    BUFFER,
    MODULE,
    PARAMETER,
    TRANSIENT,
    differs,
    warn_of_hidden_members,
)
from fastnn.nn.state import load_state, save_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class Module(Convertible, Hooked):
    """Base class of all layers and networks.

    Subclasses make their parameters and submodules in ``__init__``, after ``super().__init__()``,
    by plain assignment, and compute in ``forward``. Behaviour and names are those of
    ``torch.nn.Module``.

    Attributes
    ----------
    training : bool
        True after `train`, False after `eval`; dropout and batch normalization look at it.

    Raises
    ------
    TypeError
        When called, if the class has no ``forward``.
    AttributeError
        A Parameter or Module assigned before ``super().__init__()``.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(fastnn.tensor([2.0]))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> [name for name, _ in Scale().named_parameters()]
    ['factor']
    """

    # Members live in the instance's own dict, so that reading one costs a plain attribute look-up;
    # _members tells by name, in order of registration, what is a parameter, a buffer or a module.

    def __init__(self) -> None:
        self.__dict__.update(_members={}, training=True)

    def __call__(self, *args, **kwargs):
        if self._has_hooks:
            return call_with_hooks(self, args, kwargs)
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output. Every subclass defines it."""
        raise TypeError(f"{type(self).__name__} has no forward: define forward(self, ...) in it")

    # --- members ---

    def __setattr__(self, name, value):
        members = self.__dict__.get("_members")
        kind = (
            PARAMETER
            if isinstance(value, Parameter)
            else MODULE
            if isinstance(value, Module)
            else None
        )
        if members is None:
            if kind is not None:
                raise AttributeError(
                    f"{type(self).__name__}.{name}: call super().__init__() before assigning a {kind}"
                )
        elif kind is not None:
            self._register(name, value, kind)
            return
        elif name in members:
            self._check_replacement(name, value, members[name])
        elif isinstance(value, (list, tuple, dict)):
            warn_of_hidden_members(type(self).__name__, name, value, Module)
        if differs(self, name, value):
            world_changed()  # recorded steps were made with the old value
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        object.__delattr__(self, name)
        self._members.pop(name, None)
        world_changed()

    def _register(self, name, value, kind):
        members = self.__dict__.get("_members")
        if members is None:
            raise AttributeError(
                f"{type(self).__name__}: call super().__init__() before registering '{name}'"
            )
        if not isinstance(name, str):
            raise TypeError(f"the name of a {kind} must be a string, got {type(name).__name__}")
        if name == "" or "." in name:
            raise KeyError(f"the name of a {kind} must not be empty or contain '.', got '{name}'")
        if hasattr(type(self), name) or (
            name in self.__dict__ and name not in members and name in _OWN
        ):
            raise KeyError(f"{type(self).__name__} has an attribute '{name}' already")
        if members.get(name) != kind:
            members.pop(name, None)
            members[name] = kind
        self.__dict__[name] = value
        world_changed()

    def _check_replacement(self, name, value, kind):
        expected = {PARAMETER: Parameter, MODULE: Module}.get(kind, Tensor)
        if value is not None and not isinstance(value, expected):
            raise TypeError(
                f"{type(self).__name__}.{name} is a {kind}: expected {expected.__name__} or None, "
                f"got {type(value).__name__}"
            )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add `param` as attribute `name`: a Parameter, or None for one that this instance lacks.

        TypeError for another type, KeyError for a name that is taken, empty or has a dot.
        """
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"register_parameter '{name}': expected Parameter or None, got {type(param).__name__}"
            )
        self._register(name, param, PARAMETER)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add `tensor`, or None, as attribute `name`: state that is not trained.

        `persistent`: in the state_dict. Raises as `register_parameter`.
        """
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"register_buffer '{name}': expected Tensor or None, got {type(tensor).__name__}"
            )
        self._register(name, tensor, BUFFER if persistent else TRANSIENT)

    def register_module(self, name: str, module: Module | None) -> None:
        """Add the submodule `module`, or None, as attribute `name`; also called `add_module`.

        Raises as `register_parameter`.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(
                f"register_module '{name}': expected Module or None, got {type(module).__name__}"
            )
        self._register(name, module, MODULE)

    add_module = register_module

    def _own(self, *kinds):
        """(name, value) of the members of these kinds that are not None."""
        values = self.__dict__
        return [
            (n, values[n])
            for n, kind in self._members.items()
            if kind in kinds and values[n] is not None
        ]

    # --- walking ---

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield (name, module) of the direct submodules, each module once."""
        seen = set()
        for name, module in self._own(MODULE):
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the direct submodules."""
        for _, module in self.named_children():
            yield module

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield (name, module) of this module (name `prefix`) and all below it, parents first.

        Each once, unless `remove_duplicate` is False; `memo` is a set of what to leave out."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        if remove_duplicate:
            memo.add(id(self))
        yield prefix, self
        for name, module in self._own(MODULE):
            yield from module.named_modules(
                memo, f"{prefix}.{name}" if prefix else name, remove_duplicate
            )

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it, parents first; each once unless `remove_duplicate` is False."""
        if not remove_duplicate:
            return (module for _, module in self.named_modules(remove_duplicate=False))
        return iter(self._everything())

    def _named(self, kinds, prefix, recurse, remove_duplicate):
        seen = set()
        modules = (
            self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        )
        for path, module in modules:
            for name, value in module._own(*kinds):
                if remove_duplicate:
                    if id(value) in seen:
                        continue
                    seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield (name, Parameter), names joined by dots, `prefix` first; with `recurse`, of all below.

        Shared ones once, unless `remove_duplicate` is False."""
        return self._named((PARAMETER,), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The Parameters, each once; with ``recurse=False`` of this module alone."""
        # clip_grad_norm_(model.parameters()) asks for them at every step: no generators inside
        modules = self._everything() if recurse else (self,)
        return iter({id(p): p for m in modules for _, p in m._own(PARAMETER)}.values())

    def _everything(self):
        """This module and all below it, parents first, each once."""
        found = {}
        _visit(self, found)
        return found.values()

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield (name, Tensor) of the buffers; `prefix`, `recurse`, `remove_duplicate`: see `named_parameters`."""
        return self._named((BUFFER, TRANSIENT), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers, each once; with ``recurse=False`` of this module alone."""
        for _, value in self.named_buffers(recurse=recurse):
            yield value

    def get_submodule(self, target: str) -> Module:
        """The module at the dotted path `target`; '' is this one. AttributeError if there is none."""
        return self._get(target, Module)

    def get_parameter(self, target: str) -> Parameter:
        """The Parameter at the dotted path `target`. AttributeError if there is none."""
        return self._get(target, Parameter)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at the dotted path `target`. AttributeError if there is none."""
        return self._get(target, Tensor)

    def _get(self, target, expected):
        found = self
        for name in target.split(".") if target else []:
            if not isinstance(found, Module) or name not in found._members:
                raise AttributeError(
                    f"{type(self).__name__}: nothing is registered at '{target}' (no '{name}')"
                )
            found = found.__dict__[name]
        if not isinstance(found, expected):
            raise AttributeError(f"{type(self).__name__}: '{target}' is no {expected.__name__}")
        return found

    # --- modes and conversion ---

    def train(self, mode: bool = True) -> Module:
        """Switch this module and all below it to training; returns it.

        With ``mode=False`` to evaluation; TypeError where `mode` is no bool.
        """
        if not isinstance(mode, (bool, np.bool_)):
            raise TypeError(f"train: mode must be a bool, got {type(mode).__name__}")
        for module in self.modules():
            if module.training != mode:
                module.__dict__["training"] = bool(mode)
                world_changed()  # recorded steps were made in the other mode
        return self

    def eval(self) -> Module:
        """The same as ``train(False)``."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Freeze (``requires_grad=False``) or unfreeze all parameters; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or (``set_to_none=False``) fill them with zeros."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = None if parameter.grad.requires_grad else parameter.grad.zero_()

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call ``fn(module)`` for every module, children first; returns this one.

        TypeError if it is no callable.
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # --- state ---

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """Parameters and persistent buffers by dotted name.

        Parameters
        ----------
        prefix : str
            Put before every name.
        keep_vars : bool
            Give the Parameters themselves instead of detached tensors. Both share memory with the
            module: copy what must not change.

        Returns
        -------
        dict
            Name to Tensor, with PyTorch's names and shapes.
        """
        return save_state(self, prefix, keep_vars)

    def load_state_dict(self, state_dict: dict[str, Any], strict: bool = True) -> Any:
        """Copy values into parameters and persistent buffers.

        Parameters
        ----------
        state_dict : mapping
            Name to Tensor, NumPy array or PyTorch tensor; converted to this module's dtypes.
        strict : bool
            Refuse missing and unexpected names. Wrong shapes are always refused.

        Returns
        -------
        named tuple
            ``missing_keys`` and ``unexpected_keys``, two lists.

        Raises
        ------
        RuntimeError
            Lists every missing and unexpected name and every wrong shape; nothing was changed then.
        """
        return load_state(self, state_dict, strict)

    # --- how it looks ---

    def extra_repr(self) -> str:
        """What stands between the brackets of the repr."""
        return ""

    def __repr__(self):
        extra = self.extra_repr()
        shown = ((n, self.__dict__[n]) for n, kind in self._members.items() if kind == MODULE)
        children = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in shown]
        if not children:
            return f"{type(self).__name__}({extra})"
        lines = ([*extra.split("\n")] if extra else []) + children
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


_OWN = ("training", "_members", "_has_hooks")
_OWN += ("_pre_hooks", "_post_hooks", "_back_hooks", "_back_pre_hooks")


def _visit(module, found):
    found[id(module)] = module
    values = module.__dict__
    for name, kind in values["_members"].items():
        if kind == MODULE and values[name] is not None and id(values[name]) not in found:
            _visit(values[name], found)
