"""NaN and infinity: an error that says where they came up first."""

import math

import numpy as np

import fastnn


class NonFiniteError(ArithmeticError):
    """A loss that is NaN or infinite."""


def nonfinite_error(trainer, inputs, target, value, where):
    """The error for the loss `value` of a batch: names the first place that is not finite."""
    place = first_nonfinite(trainer.model, inputs, target)
    lr = trainer.optimizer.param_groups[0]["lr"]
    return NonFiniteError(
        f"loss is {value} in epoch {trainer.epoch}, {where}: {place}. "
        f"If the data is in order, the learning rate ({lr:g}) may be too high: try {lr / 10:g}"
    )


def first_nonfinite(model, inputs, target):
    """The first input, target, weight or layer's output with NaN or infinity, in words."""
    for i, x in enumerate(inputs):
        at = _where(x)
        if at is not None:
            name = "the input" if len(inputs) == 1 else f"input {i}"
            return f"{name} holds {x.numpy()[at]} at row {at[0]} of the batch, position {at[1:]}"
    at = _where(target)
    if at is not None:
        return f"the target holds {target.numpy()[at]} at row {at[0]} of the batch"
    for kind, named in (("weight", model.named_parameters()), ("buffer", model.named_buffers())):
        for name, t in named:
            at = _where(t)
            if at is not None:
                return f"{kind} {name} holds {t.detach().numpy()[at]} at {at}"
    return _first_layer(model, inputs)


def _first_layer(model, inputs):
    """Runs the batch once more and looks at what every layer gives."""
    found = []

    def look(name, module):
        def hook(_module, _args, output):
            outputs = output if isinstance(output, (tuple, list)) else (output,)
            for y in outputs:
                if not found and isinstance(y, fastnn.Tensor) and _where(y) is not None:
                    layer = f"{name or '(model)'} ({type(module).__name__})"
                    found.append(f"layer {layer} gives {y.detach().numpy()[_where(y)]}")

        return module.register_forward_hook(hook)

    state = {name: np.array(t.numpy()) for name, t in model.state_dict().items()}
    draws = fastnn.get_default_generator().get_state()
    # layers before the model itself: a layer's hook runs when it is done, so order of execution
    handles = [look(name, module) for name, module in model.named_modules()]
    try:
        with fastnn.no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        model.load_state_dict(state)  # running statistics moved
        fastnn.get_default_generator().set_state(draws)
    return found[0] if found else "every layer's output is finite, the loss itself is not"


def _where(x):
    """Index of the first NaN or infinity of a tensor, or None."""
    if not x.is_floating_point():
        return None
    a = x.detach().numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(a.sum(dtype=np.float64)):
            return None
    bad = np.argwhere(~np.isfinite(a))
    return tuple(int(i) for i in bad[0]) if len(bad) else None
