"""NaN and infinity: an error that says where they came up first, and the last good weights."""

import time

import numpy as np

import fastnn
from fastnn.training.state import weights_of


class NonFiniteError(ArithmeticError):
    """A loss, weight, gradient, statistic or learning rate that is NaN or infinite."""


class NonFinite(Exception):
    """Raised within a step, where it is not known yet how the value came about."""

    def __init__(self, what, value, why=""):
        super().__init__(what, value, why)
        self.what, self.value, self.why = what, value, why


class LastGood:
    """A copy of the weights from a little while ago, for when they are lost.

    Copies are made at most so often that they take a thousandth of the time.
    """

    def __init__(self, model):
        self._model, self._due, self._state, self.epoch = model, 0.0, None, 0

    def keep(self, epoch):
        """Copy the weights, if it is time and all are finite."""
        start = time.perf_counter()
        if start < self._due:
            return
        state = weights_of(self._model)
        if all(_is_finite(a) for a in state.values()):
            self._state, self.epoch = state, epoch
        end = time.perf_counter()
        self._due = end + 1000 * (end - start)

    def repair(self):
        """Where a weight is not finite, all go back; running statistics alone if only they are.

        Returns what was done, in words.
        """
        state = {name: np.asarray(t.numpy()) for name, t in self._model.state_dict().items()}
        lost = [name for name, a in state.items() if not _is_finite(a)]
        if not lost or self._state is None:
            return "The step was not taken; the weights are those from before it."
        weights = {name for name, _ in self._model.named_parameters()}
        if weights.isdisjoint(lost):
            self._model.load_state_dict({n: self._state[n] for n in lost}, strict=False)
            return "The step was not taken; running statistics went back to finite ones."
        self._model.load_state_dict(self._state)
        return f"The weights went back to those kept in epoch {self.epoch}."


def nonfinite_error(trainer, model, loss, inputs, target, found, where):
    """The error for what `found` (a NonFinite) tells of a batch: names the first place.

    What was lost of the weights is put back.
    """
    if found.what.startswith("schedule"):
        place = f"it gives {found.value} {found.why}"
        return NonFiniteError(f"{found.what} in epoch {trainer.epoch}, batch {where}: {place}")
    by_gradient = trainer.optimizer.first_nonfinite_step is not None
    repaired = (
        trainer.last_good.repair() if by_gradient else ""
    )  # else the place may be in the weights
    place = _first_place(trainer, model, loss, inputs, target)
    repaired = repaired or trainer.last_good.repair()
    lr = trainer.optimizer.param_groups[0]["lr"]
    what = f"loss is {found.value}" if found.what == "loss" else f"{found.what} is not finite"
    return NonFiniteError(
        f"{what} in epoch {trainer.epoch}, batch {where}: {place}. {repaired} "
        f"If the data is in order, the learning rate ({lr:g}) may be too high: try {lr / 10:g}"
    )


def _first_place(trainer, model, loss, inputs, target):
    """The first input, target, state, weight, layer's output or gradient that is not finite."""
    for i, x in enumerate(inputs):
        at = _where(x)
        if at is not None:
            name = "the input" if len(inputs) == 1 else f"input {i}"
            return f"{name} holds {x.numpy()[at]} at row {at[0]} of the batch, position {at[1:]}"
    at = _where(target)
    if at is not None:
        return f"the target holds {target.numpy()[at]} at row {at[0]} of the batch"
    return (
        _in_optimizer(trainer)
        or _in_model(model, "averaged " if model is not trainer.model else "")
        or _in_model(loss, "the loss's ")
        or _in_layers_and_gradients(trainer.optimizer, model, loss, inputs, target)
    )


def _in_optimizer(trainer):
    """State that is not finite although no gradient was that: somebody put it there."""
    if trainer.optimizer.first_nonfinite_step is not None:
        return None
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    for p, values in trainer.optimizer.state.items():
        for name, value in values.items():
            at = _where(value) if isinstance(value, fastnn.Tensor) else None
            if at is not None:
                of = names.get(id(p), "a parameter")
                return f"the optimizer's {name} of {of} holds {value.numpy()[at]} at {at}"
    return None


def _in_model(model, whose):
    if not isinstance(model, fastnn.nn.Module):
        return None
    for kind, named in (("weight", model.named_parameters()), ("buffer", model.named_buffers())):
        for name, t in named:
            at = _where(t)
            if at is not None:
                return f"{whose}{kind} {name} holds {t.detach().numpy()[at]} at {at}"
    return None


def _in_layers_and_gradients(optimizer, model, loss_of, inputs, target):
    """Runs the batch once more, forward and backward, and looks at what comes from every layer."""
    found = []

    def look(name, module):
        def hook(_module, _args, output):
            outputs = output if isinstance(output, (tuple, list)) else (output,)
            for y in outputs:
                if not found and isinstance(y, fastnn.Tensor) and _where(y) is not None:
                    layer = f"{name or '(model)'} ({type(module).__name__})"
                    found.append(f"layer {layer} gives {y.detach().numpy()[_where(y)]}")

        return module.register_forward_hook(hook)

    state, draws = weights_of(model), fastnn.get_default_generator().get_state()
    # layers before the model itself: a layer's hook runs when it is done, so order of execution
    handles = [look(name, module) for name, module in model.named_modules()]
    try:
        loss = loss_of(model(*inputs), target)
        if not found and _where(loss) is None and loss.requires_grad:
            _gradients(optimizer, model, loss, found)
    finally:
        for handle in handles:
            handle.remove()
        model.load_state_dict(state)  # running statistics moved
        fastnn.get_default_generator().set_state(draws)
    return found[0] if found else "every layer's output is finite, the loss itself is not"


def _gradients(optimizer, model, loss, found):
    optimizer.zero_grad()
    loss.backward()
    named = list(model.named_parameters())
    for name, p in reversed(named):  # backward comes to the last layers first
        at = None if p.grad is None else _where(p.grad)
        if at is not None:
            found.append(f"the gradient of {name} holds {p.grad.numpy()[at]} at {at}")
            return
    found.append("loss and gradients of this batch are finite when they are computed once more")


def _is_finite(a):
    return a.dtype.kind != "f" or _where_in(a) is None


def _where(x):
    """Index of the first NaN or infinity of a tensor, or None."""
    return _where_in(x.detach().numpy()) if x.is_floating_point() else None


def _where_in(a):
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(a.sum(dtype=np.float64)):  # one pass, no temporary array
            return None
    bad = np.argwhere(~np.isfinite(a))
    return tuple(int(i) for i in bad[0]) if len(bad) else None
