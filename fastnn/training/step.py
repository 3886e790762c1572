"""compile_step: a whole step of training, recorded once and replayed in C."""

import inspect

from fastnn._engine.engine import CompiledFunction
from fastnn.nn.utils import clip_grad_norm_, clip_grad_value_
from fastnn.optim.plateau import ReduceLROnPlateau
from fastnn.optim.swa_utils import AveragedModel


def compile_step(
    model,
    loss_fn,
    optimizer,
    *,
    clip_norm=None,
    clip_value=None,
    accumulate=1,
    ema=None,
    schedule=None,
    with_output=False,
):
    """Make ``step(x, y) -> loss``: forward, loss, backward, clipping and update as one recorded step.

    The first two calls of each signature (shapes and dtypes of x and y) run eagerly and are recorded;
    later ones are replayed in C, with the same bits: see `fastnn.compile`. Gradients of the step before
    are forgotten first.

    Parameters
    ----------
    model : callable
        Called with x; with ``*x`` if x is a tuple.
    loss_fn : callable
        ``loss_fn(output, y)`` gives a Tensor with one element.
    optimizer : Optimizer
        Updates its own parameters, whichever they are.
    clip_norm : float, optional
        Largest common norm of the optimizer's gradients: `Optimizer.clip_norm`, which is part of the
        update's one pass and leaves ``.grad`` as it is.
    clip_value : float, optional
        Largest absolute value of a gradient's elements: `nn.utils.clip_grad_value_`. With `clip_norm`
        after `nn.utils.clip_grad_norm_`.
    accumulate : int
        Calls that make one update, with the mean of their losses' gradients. Default 1.
    ema : object, optional
        Its ``update_parameters(model)`` is called after each update, as `optim.swa_utils.AveragedModel`
        wants it. One of these with a rule of its own module is part of the recorded step.
    schedule : learning-rate schedule, optional
        Its ``step()`` is called after each update. A changed rate needs no new recording.
    with_output : bool
        Return ``(loss, output)``. Default False.

    Returns
    -------
    TrainingStep
        Call it with x and y; the loss is a Tensor without graph, not divided by `accumulate`.

    Raises
    ------
    TypeError, ValueError
        For arguments that cannot work: named in the message.

    Examples
    --------
    >>> import fastnn
    >>> model = fastnn.nn.Linear(2, 1)
    >>> adam = fastnn.optim.Adam(model.parameters(), lr=0.1)
    >>> step = fastnn.compile_step(model, fastnn.nn.MSELoss(), adam, clip_norm=1.0)
    >>> x = fastnn.tensor([[1.0, 2.0], [3.0, 1.0], [0.0, 1.0]])
    >>> losses = [step(x, x.sum(1, keepdim=True)).item() for _ in range(200)]
    >>> losses[-1] < 1e-4
    True
    >>> step.replayed > 190
    True
    """
    _check(model, loss_fn, optimizer, clip_norm, clip_value, accumulate, ema, schedule)

    def gather(x, y):
        output = model(*x) if isinstance(x, tuple) else model(x)
        loss = loss_fn(output, y)
        (loss if accumulate == 1 else loss / accumulate).backward()
        return (loss.detach(), output.detach()) if with_output else loss.detach()

    inside, outside = (ema, None) if _records(ema) else (None, ema)

    def update():
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        if clip_value is None and clip_norm is not None and hasattr(optimizer, "clip_norm"):
            optimizer.clip_norm(clip_norm)
        elif clip_norm is not None:
            clip_grad_norm_(parameters, clip_norm)
        if clip_value is not None:
            clip_grad_value_(parameters, clip_value)
        optimizer.step()
        if inside is not None:
            inside.update_parameters(model)

    def train(x, y):
        optimizer.zero_grad()
        result = gather(x, y)
        update()
        return result

    name = getattr(model, "__qualname__", type(model).__name__)
    train.__name__ = train.__qualname__ = f"step of {name}"
    if accumulate == 1 and outside is None and schedule is None:
        return TrainingStep(train)

    def first(x, y):
        optimizer.zero_grad()
        return gather(x, y)

    def last(x, y):
        result = gather(x, y)
        update()
        return result

    def rest(pending):
        for p in (p for group in optimizer.param_groups for p in group["params"]):
            if p.grad is not None:
                p.grad.mul_(accumulate / pending)
        update()

    def after():
        if outside is not None:
            outside.update_parameters(model)
        if schedule is not None:
            schedule.step()

    for function in (first, gather, last):
        function.__name__ = function.__qualname__ = train.__name__
    return _LongStep(train, first, gather, last, rest, after, accumulate)


class TrainingStep(CompiledFunction):
    """What `compile_step` returns: call it with x and y, get the loss.

    Attributes
    ----------
    recorded, replayed, eager : int
        How many calls were recorded, replayed and run eagerly.
    pending : int
        Calls since the last update; 0 unless gradients are accumulated.
    """

    pending = 0

    def flush(self):
        """Update with the gradients gathered so far, if any: after the last batch of an epoch.

        They count as the mean over the calls that there were.
        """


class _LongStep(TrainingStep):
    """A step of several calls, or with something to do in Python after each update."""

    def __init__(self, train, first, gather, last, rest, after, accumulate):
        super().__init__(train)
        self._parts = [CompiledFunction(f) for f in (first, gather, last)]
        self._rest, self._after, self._accumulate = rest, after, accumulate

    def __call__(self, x, y):
        if self._accumulate == 1:
            result = super().__call__(x, y)
        else:
            self.pending += 1
            part = 0 if self.pending == 1 else 2 if self.pending == self._accumulate else 1
            try:
                result = self._parts[part](x, y)
            except BaseException:
                self.pending -= 1
                raise
            if part != 2:
                return result
            self.pending = 0
        self._after()
        return result

    def flush(self):
        if self.pending:
            self._rest(self.pending)
            self.pending = 0
            self._after()

    flush.__doc__ = TrainingStep.flush.__doc__

    @property
    def recorded(self):
        return super().recorded + sum(part.recorded for part in self._parts)

    @property
    def replayed(self):
        return super().replayed + sum(part.replayed for part in self._parts)

    @property
    def eager(self):
        return super().eager + sum(part.eager for part in self._parts)

    def plans(self):
        """The confirmed plans, a list."""
        return super().plans() + [plan for part in self._parts for plan in part.plans()]

    def __repr__(self):
        return f"<{self.__name__}, {len(self.plans())} plans, {self.replayed} replays>"


def _records(ema):
    """Whether updating it is kernel calls alone, and no Python that a replay would leave out."""
    update = getattr(ema, "update_parameters", None)
    plain = getattr(update, "__func__", None) is AveragedModel.update_parameters
    return plain and ema.has_own_rule


def _check(model, loss_fn, optimizer, clip_norm, clip_value, accumulate, ema, schedule):
    for name, value in (("model", model), ("loss_fn", loss_fn)):
        if not callable(value):
            raise TypeError(f"compile_step: {name} must be callable, got {type(value).__name__}")
        if isinstance(value, type):
            raise TypeError(f"compile_step: {name} is the class {value.__name__}; pass an object")
    for method in ("step", "zero_grad", "param_groups"):
        if not hasattr(optimizer, method) or isinstance(optimizer, type):
            raise TypeError(f"compile_step: optimizer must be an Optimizer, got {optimizer!r:.80}")
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise TypeError(
            f"compile_step: {type(optimizer).__name__} computes the loss several times in one step; "
            "call optimizer.step(closure) instead"
        )
    for name, value in (("clip_norm", clip_norm), ("clip_value", clip_value)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"compile_step: {name} must be a number, got {value!r}")
        if not value > 0:
            raise ValueError(f"compile_step: {name} must be positive, got {value}")
    if isinstance(accumulate, bool) or not isinstance(accumulate, int):
        raise TypeError(f"compile_step: accumulate must be an int, got {accumulate!r}")
    if accumulate < 1:
        raise ValueError(f"compile_step: accumulate must be at least 1, got {accumulate}")
    if ema is not None and not hasattr(ema, "update_parameters"):
        raise TypeError(f"compile_step: ema must have update_parameters(model), got {ema!r:.80}")
    if schedule is not None and not hasattr(schedule, "step"):
        raise TypeError(f"compile_step: schedule must have step(), got {schedule!r:.80}")
    if isinstance(schedule, ReduceLROnPlateau):
        raise TypeError(
            "compile_step: ReduceLROnPlateau looks at the validation loss; "
            "call its step(loss) yourself after each validation"
        )
