"""Hooks of modules: their handles, and a call with them."""

from fastnn._engine.engine import world_changed


class ModuleHook:
    """One hook of a module, and the handle that removes it."""

    def __init__(self, module, where, hook, prepend, with_kwargs):
        if not callable(hook):
            raise TypeError(f"hook: expected a callable, got {type(hook).__name__}")
        self.hook, self.with_kwargs = hook, with_kwargs
        self._entries = module.__dict__.setdefault(where, [])
        self._entries.insert(0 if prepend else len(self._entries), self)
        module.__dict__["_has_hooks"] = True
        world_changed()

    def remove(self):
        """Take the hook away; doing so twice is harmless."""
        if self in self._entries:
            self._entries.remove(self)
            world_changed()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.remove()


def call_with_hooks(module, args, kwargs):
    """The module's output, its hooks called around forward."""
    for entry in list(module.__dict__.get("_pre_hooks", ())):
        if entry.with_kwargs:
            result = entry.hook(module, args, kwargs)
            if result is not None:
                args, kwargs = result
        else:
            result = entry.hook(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
    output = module.forward(*args, **kwargs)
    for entry in list(module.__dict__.get("_post_hooks", ())):
        given = (args, kwargs, output) if entry.with_kwargs else (args, output)
        result = entry.hook(module, *given)
        if result is not None:
            output = result
    return output
