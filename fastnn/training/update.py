"""One step of gradient descent, in recorded parts: gradients, clipping, the optimizer's update.

The loss is looked at between gradients and update, so that a step with NaN is never taken.
"""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnn
from fastnn._engine.engine import CompiledFunction
from fastnn.nn.utils import clip_grad_norm_, clip_grad_value_
from fastnn.training.nonfinite import NonFinite
from fastnn.training.recording import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastnn import Tensor


class Update:
    """Makes steps for a model, a loss and an optimizer.

    Parameters
    ----------
    model : Module
    loss : callable
        ``loss(output, target)``.
    optimizer : Optimizer
    interrupt : Interruption
        From where a step can no longer be undone its `at_once` is taken back.
    clip_norm, clip_value : float or None
        Limits of the gradients' common norm, and of each element.
    accumulate : int
        Batches of a step. Their gradients are weighted by their rows, also in a last, shorter
        window, so that they are those of the mean over all its rows.
    ema : AveragedModel or None
        Takes the new weights in after each step.
    schedule : learning-rate schedule or None
        Stepped after each step.
    record : bool
        Whether steps are recorded and replayed; see `prepare`.
    wants_output : bool
        Whether calls give the model's output too.
    """

    def __init__(
        self,
        model: Any,
        loss: Callable,
        optimizer: Any,
        interrupt: Any,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        accumulate: int = 1,
        ema: Any = None,
        schedule: Any = None,
        record: bool = True,
        wants_output: bool = False,
    ):
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self._interrupt = interrupt
        self.clip_norm, self.clip_value, self.accumulate = clip_norm, clip_value, accumulate
        self.ema, self.schedule, self.wants_output = ema, schedule, wants_output
        self.by_closure = needs_closure(optimizer)
        self._plain = accumulate == 1 and clip_norm is None and clip_value is None
        self._record = record and not self.by_closure
        self.steps = self.pending = self._rows = 0
        self._parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._parts = (
            self._first_gradients,
            self._more_gradients,
            self._finish,
            self._apply,
            self._whole,
        )
        name = type(model).__name__
        self._recorded = [_named(CompiledFunction, part, name) for part in self._parts]
        self._now, self._watch = self._parts, Watch(model, loss)
        if optimizer.first_nonfinite_step is not None:  # an old story: start to count anew
            optimizer.load_state_dict(optimizer.state_dict())
        self.prepare()

    def prepare(self) -> None:
        """Before an epoch, and wherever others may have changed something: is recording safe now?"""
        safe = self._watch.is_safe() and self._record
        self._now = self._recorded if safe else self._parts
        # one recording of all costs less than two; but it can be left only before it or after it
        self._at_a_stroke = (
            safe
            and self._plain
            and self.ema is None
            and getattr(self.optimizer, "_can_look", False)
        )
        self._watched = [b for b in self.model.buffers() if b.is_floating_point() and b.numel()]

    def take_over(self, other: Update) -> None:
        """Go on where another update with other options has ended."""
        self.steps, self.pending, self._rows = other.steps, other.pending, other._rows

    @property
    def replays(self) -> bool:
        """Whether steps are replayed, all of them, from now on as far as one can know."""
        parts = self._recorded
        replayed, eager = sum(part.replayed for part in parts), sum(part.eager for part in parts)
        return self._now is parts and replayed > 0 and eager == 0

    def __call__(self, inputs: tuple, target: Tensor) -> tuple[float, Tensor | None]:
        """Gradients of a batch and, where the window is full, the step: the loss and the output.

        Raises
        ------
        NonFinite
            The loss, a gradient or a running statistic is NaN or infinite. The step is not taken,
            except where it is the optimizer's pass that meets the gradient.
        """
        if self.by_closure:
            return self._closure_step(inputs, target)
        whole = self._at_a_stroke and not self._interrupt.at_once
        result = self._now[4 if whole else 0 if self.pending == 0 else 1](*inputs, target)
        value = result[0].item()
        if value - value != 0 or self._watched:
            self._check(result)
        self._interrupt.at_once = False
        if whole:
            self._after()
        elif self._plain:  # nothing between gradients and step: their sizes need not be known
            self._now[3]()
            self._after()
        else:
            self.pending += 1
            self._rows += len(target)
            if self.pending == self.accumulate:
                self.flush()
        return value, result[1] if self.wants_output else None

    def flush(self) -> None:
        """Step with the gradients gathered so far, if any: after the last batch of an epoch."""
        if self.pending == 0:
            return
        if not self._plain:
            scale = fastnn.tensor(np.array(1.0 / self._rows)) if self.accumulate > 1 else None
            norm = self._now[2](*([] if scale is None else [scale]))
            if norm is not None and not math.isfinite(norm.item()):
                raise NonFinite("the gradients' norm", norm.item())
        self._now[3]()
        self.pending = self._rows = 0
        self._after()

    def _after(self):
        self.steps += 1
        if self.optimizer.first_nonfinite_step is not None:
            raise NonFinite("a gradient", math.nan)
        if self.schedule is not None:
            step_schedule(self.schedule)

    def _check(self, result):
        value = result[0].item()
        if not math.isfinite(value):
            raise NonFinite("loss", value)
        if self._watched and not math.isfinite(result[-1].item()):
            raise NonFinite("a running statistic", math.nan)

    # --- the parts that are recorded: functions of tensors alone ---

    def _first_gradients(self, *fields):
        self.optimizer.zero_grad()
        return self._more_gradients(*fields)

    def _more_gradients(self, *fields):
        *inputs, target = fields
        output = self.model(*inputs)
        loss = checked_loss(self.loss(output, target))
        (loss if self.accumulate == 1 else loss * len(target)).backward()
        result = [loss.detach()]
        if self.wants_output:
            result.append(output.detach())
        if self._watched:
            with fastnn.no_grad():
                result.append(fastnn.cat([b.reshape(-1) for b in self._watched]).sum())
        return result

    def _whole(self, *fields):
        """Gradients and step; the step is left out where what `_check` looks at is not finite."""
        result = self._first_gradients(*fields)
        self.optimizer._step_if_finite(result[0], *(result[-1:] if self._watched else ()))
        return result

    def _finish(self, *scale):
        norm = None
        for p in self._parameters if scale else ():
            if p.grad is not None:
                p.grad.mul_(scale[0].to(p.dtype))
        if self.clip_norm is not None:
            norm = clip_grad_norm_(self._parameters, self.clip_norm)
        if self.clip_value is not None:
            clip_grad_value_(self._parameters, self.clip_value)
        return norm

    def _apply(self):
        self.optimizer.step()
        if self.ema is not None:
            self.ema.update_parameters(self.model)

    # --- optimizers that compute the loss several times in one step, such as L-BFGS ---

    def _closure_step(self, inputs, target):
        kept = []

        def closure():
            result = self._first_gradients(*inputs, target)
            if not kept:
                self._check(result)
                kept.append(result)
            return result[0]

        self.optimizer.step(closure)
        self._interrupt.at_once = False
        if self.ema is not None:
            self.ema.update_parameters(self.model)
        self._after()
        (result,) = kept
        return result[0].item(), result[1] if self.wants_output else None

    # --- a window that is not full yet, in a checkpoint ---

    def pending_gradients(self) -> dict[str, Any]:
        """The gathered gradients of an unfinished window, by name, and its counts."""
        state = {"steps": self.steps, "pending": self.pending, "rows": self._rows}
        if self.pending:
            named = self.model.named_parameters()
            state["gradients"] = {n: p.grad.numpy() for n, p in named if p.grad is not None}
        return state

    def load_pending_gradients(self, state: dict[str, Any]) -> None:
        """Put back what `pending_gradients` gave."""
        self.steps, self.pending, self._rows = state["steps"], state["pending"], state["rows"]
        saved = state.get("gradients", {})
        named = [(p, saved.get(name)) for name, p in self.model.named_parameters()]
        for p, gradient in named:
            p.grad = None if gradient is None else fastnn.tensor(gradient)
        # into the optimizer's own memory: added to there, sums are rounded as without the stop
        self.optimizer.zero_grad(set_to_none=False)
        for p, gradient in named:
            if gradient is not None:
                p.grad.copy_(fastnn.tensor(gradient))


def needs_closure(optimizer: Any) -> bool:
    """Whether its step computes the loss itself, several times."""
    if isinstance(optimizer, fastnn.optim.LBFGS):
        return True
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    return closure is not None and closure.default is closure.empty


def checked_loss(loss: Tensor) -> Tensor:
    """The loss, if it is one number."""
    if not isinstance(loss, fastnn.Tensor):
        raise TypeError(
            f"Trainer: the loss is a {type(loss).__name__}, expected a Tensor that was computed from "
            "the output by operations on tensors"
        )
    if loss.numel() != 1:
        raise ValueError(
            f"Trainer: the loss has shape {tuple(loss.shape)}, expected one number; "
            "use reduction='mean'"
        )
    return loss


def step_schedule(schedule: Any, *metric: float) -> None:
    """The schedule's next rate, which must be a finite number."""
    try:
        schedule.step(*metric)
    except ValueError as error:
        raise NonFinite(f"schedule {type(schedule).__name__}", math.nan, str(error)) from None
    for group in schedule.optimizer.param_groups:
        if not math.isfinite(group["lr"]):
            raise NonFinite(f"schedule {type(schedule).__name__}", group["lr"], "as learning rate")


def _named(kind, function, name):
    """A compiled method, under a name that says in warnings whose step it is."""

    def part(*fields):
        return function(*fields)

    part.__name__ = part.__qualname__ = f"Trainer step of {name}"
    return kind(part)
