# Hooks on the gradients of tensors.

class HookHandle:
    """What `register_hook` returns: `remove()` takes the hook away again."""

    def __init__(self, hooks, hook):
        if not callable(hook):
            raise TypeError(f"hook: expected a callable, got {type(hook).__name__}")
        world_changed()
        self._hooks, self._hook = hooks, hook
        hooks.append(hook)

    def remove(self):
        """Take the hook away; doing so twice is harmless."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)
            hook_removed()


cdef object add_hook(Tensor t, object hook):
    if not t.wants_grad:
        raise RuntimeError("register_hook: the tensor does not require grad")
    if t.node is not None:
        if t.node.hooks is None:
            t.node.hooks = []
        return HookHandle(t.node.hooks, hook)
    if t.hooks is None:
        t.hooks = []
    return HookHandle(t.hooks, hook)


def _keep_gradient(Tensor t):
    """`retain_grad`: a hook that knows the tensor by a weak reference, so that it makes no cycle."""
    if not t.wants_grad:
        raise RuntimeError("retain_grad: the tensor does not require grad")
    if t.node is None:
        return
    import weakref
    me = weakref.ref(t)
    if any([getattr(hook, "retains", None) is me for hook in t.node.hooks or ()]):
        return

    def keep(dy):
        cdef Tensor alive = me()
        if alive is not None:
            alive.grad_ = dy if alive.grad_ is None else alive.grad_ + dy
    keep.retains = me
    t.register_hook(keep)
