"""Gradient modes, gradients without ``.grad``, and custom operations: ``torch.autograd``."""

import functools

from fastnn._engine.engine import (
    GradMode,
    Tensor,
    _apply_function,
    _grad_mode,
    _set_grad_enabled,
    backward,
    grad,
    is_grad_enabled,
)

__all__ = [
    "Function",
    "backward",
    "enable_grad",
    "grad",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]


def _decorated(mode, function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        before = _set_grad_enabled(mode)
        try:
            return function(*args, **kwargs)
        finally:
            _set_grad_enabled(before)

    return wrapped


class _GradMode(GradMode):
    """A context manager and decorator that switches the recording of the graph."""

    __slots__ = ()
    _mode = True
    __new__ = staticmethod(_grad_mode)

    def __call__(self, function):
        return _decorated(self._mode, function)


class no_grad(_GradMode):
    """Context manager and decorator: operations inside are not recorded for `backward`.

    ``no_grad()`` serves a ``with``; ``no_grad(function)`` is the function without recording.

    Has the behaviour of ``torch.no_grad``. TypeError for another argument.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> with fastnn.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    __slots__ = ()
    _mode = False


class inference_mode(no_grad):
    """The same as `no_grad`: see there. Named as ``torch.inference_mode``."""

    __slots__ = ()


class enable_grad(_GradMode):
    """Context manager and decorator: operations inside are recorded, even within `no_grad`.

    ``enable_grad()`` serves a ``with``; ``enable_grad(function)`` is the function with recording.

    Has the behaviour of ``torch.enable_grad``. TypeError for another argument.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> with fastnn.no_grad(), fastnn.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    __slots__ = ()


class set_grad_enabled:
    """Switch the recording on or off, at once; as a context manager, until its end.

    Parameters
    ----------
    mode : bool
        Whether operations are recorded.

    Notes
    -----
    Has the behaviour of ``torch.set_grad_enabled``.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> with fastnn.set_grad_enabled(False):
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __init__(self, mode):
        self._mode = bool(mode)
        self._before = [_set_grad_enabled(self._mode)]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        _set_grad_enabled(self._before.pop())

    def __call__(self, function):
        _set_grad_enabled(self._before.pop())
        return _decorated(self._mode, function)


class Context:
    """What a custom operation keeps between `forward` and `backward` (``ctx``)."""

    def __init__(self, needs_input_grad):
        self.needs_input_grad = needs_input_grad
        self._saved = ()
        self._outputs = {}  # place in _saved -> number of the output that it is

    def save_for_backward(self, *tensors):
        """Keep tensors for `backward`, where they are ``ctx.saved_tensors``."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward: expected Tensors or None, got {type(t).__name__}"
                )
        self._saved = tensors

    @property
    def saved_tensors(self):
        """The tensors given to `save_for_backward`."""
        return self._saved

    def _keep_outputs(self, outputs):
        # an output kept as it is would own the graph that owns it: a cycle
        saved = list(self._saved)
        for k, t in enumerate(saved):
            for i, y in enumerate(outputs):
                if t is y:
                    saved[k] = y.detach()
                    self._outputs[k] = i
        self._saved = tuple(saved)


class Function:
    """A custom differentiable operation: subclass it, define `forward` and `backward`, call `apply`.

    ``forward(ctx, *args)`` computes on tensors outside the graph and returns a Tensor or a tuple;
    ``backward(ctx, *grad_outputs)`` returns one gradient (or None) for each argument of `forward`.
    Both are static methods (TypeError: one is missing, or a result is no Tensor). If `backward` uses
    differentiable operations, gradients of gradients work too. Has the behaviour of ``torch.autograd.Function``.

    Examples
    --------
    >>> import fastnn
    >>> class Cube(fastnn.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, dy):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x * x * dy
    >>> x = fastnn.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    @staticmethod
    def forward(ctx, *args):
        """Compute the result; to be defined by the subclass."""
        raise TypeError("autograd.Function: define forward(ctx, *args) as a static method")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Compute the gradients of the inputs from those of the outputs; `ctx` as in `forward`.

        To be defined by the subclass, else TypeError.
        """
        raise TypeError("autograd.Function: define backward(ctx, *grad_outputs) as a static method")

    @classmethod
    def apply(cls, *args):
        """Run `forward` with `args` and connect its results to the graph.

        TypeError where it is not defined, or one of its results is no Tensor.
        """
        needs = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        ctx = Context(needs)
        with no_grad():
            result = cls.forward(ctx, *args)
        outputs = result if isinstance(result, tuple) else (result,)
        for y in outputs:
            if not isinstance(y, Tensor):
                raise TypeError(
                    f"{cls.__name__}.forward: expected Tensors as results, got {type(y).__name__}"
                )
        if any(needs) and is_grad_enabled():
            # an output that is one of the arguments would make the graph point at itself
            outputs = tuple(y.detach() if any(y is a for a in args) else y for y in outputs)
            _apply_function(cls, ctx, args, outputs)
        return outputs if isinstance(result, tuple) else outputs[0]
