"""ParamGroup: a dict of hyperparameters that kernels see the moment it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class ParamGroup(dict):
    """What ``optimizer.param_groups`` holds: ``params`` and hyperparameters, as in PyTorch.

    Values are copied into float64 cells that the kernels read, so that a new learning rate acts on
    the next step, recorded or not.
    """

    def __init__(self, values: dict[str, Any], changed: Any) -> None:
        super().__init__(values)
        self._changed = changed

    def __setitem__(self, name, value):
        if name == "params":
            raise ValueError(
                "param_groups: parameters are added by add_param_group, not by assignment"
            )
        before = dict(self)
        super().__setitem__(name, value)
        try:
            self._changed(self)
        except (TypeError, ValueError):
            super().clear()
            super().update(before)
            raise

    def update(self, *values: Any, **named: Any) -> None:
        """Set several; each is checked."""
        for name, value in dict(*values, **named).items():
            self[name] = value

    def setdefault(self, name: str, value: Any = None) -> Any:
        """The value, set first if missing."""
        if name not in self:
            self[name] = value
        return self[name]

    def __reduce__(self):
        return dict, (dict(self),)

    def __deepcopy__(self, memo):
        import copy

        return copy.deepcopy(dict(self), memo)
