"""Whether steps may be replayed: what a recording cannot see change, looked at before it is used."""

from __future__ import annotations

from typing import Any

from fastnn._engine.engine import world_changed
from fastnn.nn.hook import has_hooks

_PLAIN = (int, float, str, tuple, list)


class Watch:
    """Looks at the modules of a model and of a loss.

    Hooks of modules are Python that a replay would not call. Numbers kept as attributes, such as a
    dropout's p, are part of a recording: where one has changed, recordings are compared again.
    """

    def __init__(self, *parts: Any):
        self._parts = [part for part in parts if hasattr(part, "modules")]
        self._settings = None

    def is_safe(self) -> bool:
        """Whether a replay does all that the model would do; notes what has changed."""
        modules = [module for part in self._parts for module in part.modules()]
        settings = [
            (name, tuple(value) if isinstance(value, list) else value)
            for module in modules
            for name, value in module.__dict__.items()
            if name not in ("training", "_members")
            and (isinstance(value, _PLAIN) or callable(value))
        ]
        if self._settings is not None and not _same(settings, self._settings):
            world_changed()
        self._settings = settings
        return not any(has_hooks(module) for module in modules)


def _same(a, b):
    try:
        return a == b
    except ValueError:  # arrays in a tuple
        return False
