"""Members of a module: their kinds, their conversion, the mistake of hiding them in a list."""

import copy
import warnings

from fastnn._engine.engine import Parameter, _adopt, from_numpy, world_changed

PARAMETER, BUFFER, TRANSIENT, MODULE = "parameter", "buffer", "transient buffer", "module"


def warn_of_hidden_members(owner, name, value, module_class):
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


def differs(owner, name, value):
    """Whether an attribute is there already and assigning `value` would change it."""
    before = owner.__dict__.get(name, getattr(type(owner), name, value))
    if before is value:
        return False
    plain = type(value) in (int, float, bool, str) and type(before) is type(value)
    return not plain or before != value


def convert_in_place(member, dtype):
    """A parameter or buffer, and its gradient, in another dtype; all who hold the tensor see it."""
    grad, member.grad = member.grad, None
    _adopt(member, converted(member, dtype))
    world_changed()
    if grad is not None:
        member.grad = converted(grad, dtype)


def converted(tensor, dtype):
    """A copy with another dtype and the same order of dimensions in memory."""
    array = tensor.detach().numpy().astype(dtype, order="K")
    return copy.deepcopy(from_numpy(array))  # into aligned memory
