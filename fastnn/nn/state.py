"""What `Module.state_dict` gives and `Module.load_state_dict` takes."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Tensor, as_tensor_

if TYPE_CHECKING:
    from typing import Any

    from fastnn.nn.module import Module


class LoadResult(namedtuple("LoadResult", "missing_keys unexpected_keys")):
    """Names that a lenient load did not find, and names that it did not know."""

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()


def save_state(module: Module, prefix: str, keep_vars: bool) -> dict[str, Tensor]:
    """Name to tensor of all parameters and persistent buffers, shared ones under each name."""
    state = {}
    for path, owner in module.named_modules(prefix=prefix.rstrip("."), remove_duplicate=False):
        for name, value in owner._own("parameter"):
            state[f"{path}.{name}" if path else name] = value
        for name, value in owner._own("buffer"):
            state[f"{path}.{name}" if path else name] = value
    return state if keep_vars else {name: value.detach() for name, value in state.items()}


def load_state(module: Module, state_dict: dict[str, Any], strict: bool) -> Any:
    """Check all, then copy all."""
    if not hasattr(state_dict, "keys"):
        raise TypeError(
            f"load_state_dict: expected a mapping of names to tensors, got {type(state_dict).__name__}"
        )
    targets = save_state(module, "", True)
    missing = [name for name in targets if name not in state_dict]
    unexpected = [name for name in state_dict if name not in targets]
    values, problems = {}, []
    for name in targets:
        if name in state_dict:
            values[name] = _tensor(name, state_dict[name])
            if values[name].shape != targets[name].shape:
                problems.append(
                    f"wrong shape: {name} is {targets[name].shape}, the state has {values[name].shape}"
                )
    if strict:
        problems += [f"missing: {name} {targets[name].shape}" for name in missing]
        problems += [
            f"unexpected: {name} {tuple(np.shape(state_dict[name]))}" for name in unexpected
        ]
    if problems:
        lines = "\n  ".join(problems)
        raise RuntimeError(
            f"load_state_dict: the state does not fit {type(module).__name__}; nothing loaded\n  {lines}"
        )
    for name, value in values.items():
        targets[name].data = value
    return LoadResult(missing, unexpected)


def _tensor(name, value):
    if isinstance(value, Tensor):
        return value.detach()
    if hasattr(value, "detach"):  # a PyTorch tensor
        value = value.detach().cpu().numpy()
    try:
        return as_tensor_(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"load_state_dict: {name} is no tensor or array ({type(value).__name__})"
        ) from error
