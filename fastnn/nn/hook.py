"""Hooks of modules: their handles, and a call with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._engine.engine import Tensor, hook_removed, hook_stops_recording, world_changed
from fastnn.autograd import Function, is_grad_enabled

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fastnn.nn.module import Module


KINDS = ("_pre_hooks", "_post_hooks", "_back_pre_hooks", "_back_hooks")


class ModuleHook:
    """One hook of a module, and the handle that removes it."""

    def __init__(
        self, module: Module, where: Any, hook: Callable, prepend: bool, with_kwargs: bool
    ) -> None:
        if not callable(hook):
            raise TypeError(f"hook: expected a callable, got {type(hook).__name__}")
        self.hook, self.with_kwargs = hook, with_kwargs
        self._entries = module.__dict__.setdefault(where, [])
        self._entries.insert(0 if prepend else len(self._entries), self)
        module.__dict__["_has_hooks"] = True
        world_changed()

    def remove(self) -> None:
        """Take the hook away; doing so twice is harmless."""
        if self in self._entries:
            self._entries.remove(self)
            hook_removed()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.remove()


class Hooked:
    """What a module has of hooks."""

    _has_hooks = False  # a class attribute until the first hook: calls look at one flag

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> ModuleHook:
        """Call ``hook(module, args)`` before forward; what it returns replaces the arguments.

        With `with_kwargs` it is ``hook(module, args, kwargs)``, returning None or both. Returns a
        handle whose ``remove()`` takes the hook away.
        `prepend`: call it before the other hooks.
        """
        return ModuleHook(self, "_pre_hooks", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> ModuleHook:
        """Call ``hook(module, args, output)`` after forward; what it returns replaces the output.

        With `with_kwargs` it is ``hook(module, args, kwargs, output)``. Returns a handle whose
        ``remove()`` takes the hook away.
        `prepend`: call it before the other hooks.
        """
        return ModuleHook(self, "_post_hooks", hook, prepend, with_kwargs)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> ModuleHook:
        """Call ``hook(module, grad_input, grad_output)`` in backward; what it returns replaces grad_input.
        `prepend`: call it before the other hooks.
        """
        return ModuleHook(self, "_back_hooks", hook, prepend, False)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> ModuleHook:
        """Call ``hook(module, grad_output)`` first; what it returns replaces grad_output.
        `prepend`: call it before the other hooks.
        """
        return ModuleHook(self, "_back_pre_hooks", hook, prepend, False)


def has_hooks(module: Module) -> bool:
    """Whether a module has hooks now; its flag says whether it ever had."""
    return module._has_hooks and any(module.__dict__.get(kind) for kind in KINDS)


def call_with_hooks(module: Module, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The module's output, its hooks called around forward."""
    if has_hooks(module):
        hook_stops_recording(f"a hook of {type(module).__name__}")
    for entry in list(module.__dict__.get("_pre_hooks", ())):
        if entry.with_kwargs:
            result = entry.hook(module, args, kwargs)
            if result is not None:
                args, kwargs = result
        else:
            result = entry.hook(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
    before, after = (module.__dict__.get(name, ()) for name in ("_back_pre_hooks", "_back_hooks"))
    if (before or after) and is_grad_enabled():
        call = _Backward(module)
        output = call.watch_outputs(module.forward(*call.watch_inputs(args), **kwargs))
    else:
        output = module.forward(*args, **kwargs)
    for entry in list(module.__dict__.get("_post_hooks", ())):
        given = (args, kwargs, output) if entry.with_kwargs else (args, output)
        result = entry.hook(module, *given)
        if result is not None:
            output = result
    return output


class _Backward:
    """One call of a module with backward hooks: what its gradients will meet on their way back."""

    def __init__(self, module):
        self.module, self.dy, self.num_inputs, self.places = module, (), 0, []

    def watch_inputs(self, args):
        """The arguments; tensors that want a gradient pass a station that calls the hooks."""
        self.num_inputs = len(args)
        self.places = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
        if not self.places:
            return args
        watched = _Inputs.apply(self, *[args[i] for i in self.places])
        args = list(args)
        for i, x in zip(self.places, watched if isinstance(watched, tuple) else (watched,)):
            args[i] = x
        return tuple(args)

    def watch_outputs(self, output):
        """The output; its tensors pass a station that keeps their gradients."""
        single = isinstance(output, Tensor)
        values = [output] if single else list(output) if isinstance(output, (tuple, list)) else []
        places = [i for i, y in enumerate(values) if isinstance(y, Tensor) and y.requires_grad]
        if not places:
            return output
        watched = _Outputs.apply(self, *[values[i] for i in places])
        for i, y in zip(places, watched if isinstance(watched, tuple) else (watched,)):
            values[i] = y
        return values[0] if single else type(output)(values)

    def outputs_done(self, dy):
        self.dy = dy
        for entry in list(self.module.__dict__.get("_back_pre_hooks", ())):
            result = entry.hook(self.module, self.dy)
            if result is not None:
                self.dy = _as_tuple(result, len(self.dy), "register_full_backward_pre_hook")
        if not self.places:
            self.inputs_done(())
        return self.dy

    def inputs_done(self, dx):
        gradients = [None] * self.num_inputs
        for i, g in zip(self.places, dx):
            gradients[i] = g
        gradients = tuple(gradients)
        for entry in list(self.module.__dict__.get("_back_hooks", ())):
            result = entry.hook(self.module, gradients, self.dy)
            if result is not None:
                gradients = _as_tuple(result, self.num_inputs, "register_full_backward_hook")
        return tuple(gradients[i] for i in self.places)


def _as_tuple(result, count, what):
    result = result if isinstance(result, tuple) else (result,)
    if len(result) != count:
        raise RuntimeError(f"{what}: the hook returned {len(result)} gradients, expected {count}")
    return result


class _Inputs(Function):
    @staticmethod
    def forward(ctx, call, *tensors):
        ctx.call = call
        return tensors

    @staticmethod
    def backward(ctx, *gradients):
        return (None, *ctx.call.inputs_done(gradients))


class _Outputs(Function):
    @staticmethod
    def forward(ctx, call, *tensors):
        ctx.call = call
        return tensors

    @staticmethod
    def backward(ctx, *gradients):
        return (None, *ctx.call.outputs_done(gradients))
