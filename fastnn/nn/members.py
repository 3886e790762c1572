"""Members of a module: their kinds, their conversion, the mistake of hiding them in a list."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING

from fastnn._engine.engine import Parameter, _adopt, from_numpy, world_changed

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import DTypeLike

    from fastnn._engine.engine import Tensor


PARAMETER, BUFFER, TRANSIENT, MODULE = "parameter", "buffer", "transient buffer", "module"


def warn_of_hidden_members(owner: Any, name: str, value: Any, module_class: type) -> None:
    """A plain list or dict of Modules or Parameters: nothing in it would be trained or saved."""
    values = value.values() if isinstance(value, dict) else value
    hidden = next((v for v in values if isinstance(v, (module_class, Parameter))), None)
    if hidden is not None:
        kind = "Module" if isinstance(hidden, module_class) else "Parameter"
        wanted = f"{kind}{'Dict' if isinstance(value, dict) else 'List'}"
        warnings.warn(
            f"{owner}.{name} is a plain {type(value).__name__} with a {type(hidden).__name__}: its parameters "
            f"will be neither trained nor saved; wrap it in nn.{wanted}",
            stacklevel=3,
        )


def differs(owner: Any, name: str, value: Any) -> bool:
    """Whether an attribute is there already and assigning `value` would change it."""
    before = owner.__dict__.get(name, getattr(type(owner), name, value))
    if before is value:
        return False
    plain = type(value) in (int, float, bool, str) and type(before) is type(value)
    return not plain or before != value


def convert_in_place(member: Any, dtype: DTypeLike) -> None:
    """A parameter or buffer, and its gradient, in another dtype; all who hold the tensor see it."""
    grad, member.grad = member.grad, None
    _adopt(member, converted(member, dtype))
    world_changed()
    if grad is not None:
        member.grad = converted(grad, dtype)


def converted(tensor: Tensor, dtype: DTypeLike) -> Any:
    """A copy with another dtype and the same order of dimensions in memory."""
    array = tensor.detach().numpy().astype(dtype, order="K")
    return copy.deepcopy(from_numpy(array))  # into aligned memory
