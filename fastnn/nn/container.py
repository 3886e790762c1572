"""Modules that hold others: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter, Tensor
from fastnn.nn.argument import several
from fastnn.nn.module import Module

if TYPE_CHECKING:
    from typing import Any


class _Numbered(Module):
    """Members named "0", "1", ... in order."""

    def _checked(self, value):
        if not isinstance(value, Module):
            raise TypeError(f"{type(self).__name__}: expected Modules, got {type(value).__name__}")
        return value

    def _values(self):
        return [self.__dict__[name] for name in self._members]

    def _refill(self, values):
        names = list(self._members)
        for name in names:
            delattr(self, name)
        for i, value in enumerate(values):
            setattr(self, str(i), value)

    def _index(self, index):
        i, n = operator.index(index), len(self._members)
        if not -n <= i < n:
            raise IndexError(f"{type(self).__name__}: index {i} is out of range for {n} members")
        return list(self._members)[i]

    def __len__(self):
        return len(self._members)

    def __iter__(self):
        return iter(self._values())

    def __contains__(self, value):
        return any(v is value for v in self._values())

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)._of(list(self._members.items())[index], self)
        return self.__dict__[self._index(index)]

    @classmethod
    def _of(cls, members, owner):
        return cls([owner.__dict__[name] for name, _ in members])

    def __setitem__(self, index, value):
        setattr(self, self._index(index), self._checked(value))

    def __delitem__(self, index):
        values = self._values()
        del values[index]
        self._refill(values)

    def append(self, value):
        """Add one at the end; returns the container."""
        setattr(self, str(len(self)), self._checked(value))
        return self

    def extend(self, values):
        """Add several at the end; returns the container."""
        for value in several(values, type(self).__name__):
            self.append(value)
        return self

    def insert(self, index, value):
        """Insert one before position `index`; returns the container."""
        values = self._values()
        values.insert(index, self._checked(value))
        self._refill(values)
        return self

    def pop(self, index=-1):
        """Remove and return one."""
        value = self[index]
        del self[index]
        return value


class Sequential(_Numbered):
    """Modules applied one after another: ``torch.nn.Sequential``.

    Parameters
    ----------
    *modules : Module, or one dict of name to Module
        In order of use.

    Raises
    ------
    TypeError
        If one is no Module, or the modules come as one list.

    Examples
    --------
    >>> from fastnn import nn
    >>> net = nn.Sequential(nn.Flatten(), nn.Identity())
    >>> len(net), net[0]
    (2, Flatten(start_dim=1, end_dim=-1))
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                setattr(self, name, self._checked(module))
            return
        for i, module in enumerate(modules):
            if isinstance(module, (list, tuple)):
                raise TypeError(
                    "Sequential: expected Modules, got a list; write Sequential(*modules)"
                )
            setattr(self, str(i), self._checked(module))

    @classmethod
    def _of(cls, members, owner):
        return cls({name: owner.__dict__[name] for name, _ in members})

    def _refill(self, values):
        if all(name == str(i) for i, name in enumerate(self._members)):
            super()._refill(values)
            return
        names = {id(value): name for name, value in self.named_children()}
        for name in list(self._members):
            delattr(self, name)
        for i, value in enumerate(values):
            setattr(self, names.get(id(value), str(i)), value)

    def forward(self, input: Tensor) -> Any:
        """The output of the last module."""
        values = self.__dict__
        for name in self._members:
            input = values[name](input)
        return input


class ModuleList(_Numbered):
    """A list of Modules whose parameters are found: ``torch.nn.ModuleList``.

    Parameters
    ----------
    modules : iterable of Module, optional

    Raises
    ------
    TypeError
        If one is no Module.
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> from fastnn import nn
    >>> layers = nn.ModuleList([nn.Identity() for _ in range(3)])
    >>> len(layers[1:])
    2
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.extend(() if modules is None else modules)

    def __iadd__(self, modules):
        return self.extend(modules)

    def __add__(self, modules):
        return ModuleList([*self, *modules])


class ParameterList(_Numbered):
    """A list of Parameters that belong to the module: ``torch.nn.ParameterList``.

    Parameters
    ----------
    values : iterable of Tensor, optional
        Tensors become Parameters.

    Raises
    ------
    TypeError
        If one is no Tensor of float32 or float64.
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> len(nn.ParameterList([fastnn.zeros(2), fastnn.zeros(3)]))
    2
    """

    def __init__(self, values: Any = None) -> None:
        super().__init__()
        self.extend(() if values is None else values)

    def _checked(self, value):
        return _parameter(self, value)

    def extra_repr(self) -> str:
        return "\n".join(f"({n}): {_described(self.__dict__[n])}" for n in self._members)


class _Named(Module):
    """Members by name, like a dict."""

    def __len__(self):
        return len(self._members)

    def __iter__(self):
        return iter(list(self._members))

    def __contains__(self, name):
        return name in self._members

    def __getitem__(self, name):
        if name not in self._members:
            raise KeyError(name)
        return self.__dict__[name]

    def __setitem__(self, name, value):
        self._register(name, *self._checked(value))

    def __delitem__(self, name):
        if name not in self._members:
            raise KeyError(name)
        delattr(self, name)

    def keys(self):
        """The names."""
        return self._members.keys()

    def values(self):
        """The members, a list."""
        return [self.__dict__[name] for name in self._members]

    def items(self):
        """(name, member), a list."""
        return [(name, self.__dict__[name]) for name in self._members]

    def update(self, members):
        """Add or replace members from a mapping or (name, member) pairs."""
        pairs = members.items() if isinstance(members, (Mapping, _Named)) else members
        for name, value in several(pairs, type(self).__name__):
            self[name] = value

    def pop(self, name):
        """Remove and return one."""
        value = self[name]
        del self[name]
        return value

    def clear(self):
        """Remove all."""
        for name in list(self._members):
            del self[name]


class ModuleDict(_Named):
    """Modules by name: ``torch.nn.ModuleDict``.

    Parameters
    ----------
    modules : mapping or iterable of (str, Module), optional

    Raises
    ------
    TypeError
        If a value is no Module, or a name no string.
    KeyError
        If a name is empty or has a dot, or there is none of that name.

    Examples
    --------
    >>> from fastnn import nn
    >>> heads = nn.ModuleDict({"a": nn.Identity(), "b": nn.Flatten()})
    >>> list(heads), heads["a"]
    (['a', 'b'], Identity())
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(() if modules is None else modules)

    def _checked(self, value):
        if not isinstance(value, Module):
            raise TypeError(f"ModuleDict: expected Modules, got {type(value).__name__}")
        return value, "module"


class ParameterDict(_Named):
    """Parameters by name: ``torch.nn.ParameterDict``.

    Parameters
    ----------
    parameters : mapping or iterable of (str, Tensor), optional
        Tensors become Parameters.

    Raises
    ------
    TypeError
        If a value is no Tensor of float32 or float64, or a name no string.
    KeyError
        If a name is empty or has a dot, or there is none of that name.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> list(nn.ParameterDict({"scale": fastnn.ones(2)}))
    ['scale']
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update(() if parameters is None else parameters)

    def get(self, name: str, default: Any = None) -> Any:
        """The parameter of that name, or `default`."""
        return self.__dict__[name] if name in self._members else default

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The parameter of that name; if there is none, `default` becomes it.

        TypeError where that is no Tensor.
        """
        if name not in self:
            self[name] = default
        return self[name]

    def popitem(self) -> tuple[str, Any]:
        """Remove and return the newest one: (name, parameter). IndexError if there is none."""
        name = list(self._members)[-1]
        return name, self.pop(name)

    def copy(self) -> ParameterDict:
        """Another ParameterDict with the same parameters."""
        return ParameterDict(self)

    def _checked(self, value):
        return _parameter(self, value), "parameter"

    def extra_repr(self) -> str:
        return "\n".join(f"({n}): {_described(self.__dict__[n])}" for n in self._members)


def _parameter(owner, value):
    if isinstance(value, Parameter):
        return value
    if not isinstance(value, Tensor):
        raise TypeError(f"{type(owner).__name__}: expected Tensors, got {type(value).__name__}")
    return Parameter(value)


def _described(parameter):
    return f"Parameter of shape {parameter.shape}, {parameter.dtype}"
