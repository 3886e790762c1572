"""The state of a run: all that decides which bits come next, taken out of a Trainer and put back."""

import contextlib
import copy
import random

import numpy as np

import fastnn
from fastnn._engine.engine import world_changed
from fastnn.training.callback import named

_WHAT = "the run's state"


def capture(trainer):
    """Everything that a fit needs to go on as if it had not been stopped; shares no memory with it.

    Parameters
    ----------
    trainer : Trainer
        Between two batches.

    Returns
    -------
    dict
        Nested dicts, lists, numbers and arrays, as `pack` takes them: the position, the optimizer's
        state and the averages by parameter name, the schedule, the random generators, the loader's
        order, the epoch's sums, the history and what the callbacks remember.
    """
    return {
        "batch": trainer.batch,
        "sums": trainer.sums.state_dict(),
        "history": dict(trainer.history),
        "run": trainer.run,
        "model": weights_of(trainer.model),
        "averages": None if trainer.ema is None else weights_of(trainer.ema),
        "optimizer": optimizer_state(trainer.optimizer, trainer.model),
        "gradients": trainer.update.pending_gradients(),
        "schedule": _schedule_state(trainer.scheduler),
        "loader": trainer.loader.state_dict() if hasattr(trainer.loader, "state_dict") else None,
        "random": random_state(),
        "callbacks": {key: c.state_dict() for key, c in named(trainer.callbacks)},
    }


def restore(trainer, state):
    """Put back what `capture` gave; after an error nothing has changed."""
    before = capture(trainer)
    try:
        _put(trainer, state)
    except BaseException:
        _put(trainer, before)
        raise


@contextlib.contextmanager
def untouched(trainer, data):
    """What happens to a trainer in this block leaves no trace in it, nor in its model, optimizer,
    schedule, gradients and random generators, nor in `data`, if that is a loader."""
    passes = data.state_dict() if hasattr(data, "load_state_dict") else None
    attributes, parameters = dict(trainer.__dict__), list(trainer.model.parameters())
    gradients = [None if p.grad is None else np.array(p.grad.numpy()) for p in parameters]
    buffers = [(b, np.array(b.numpy())) for b in trainer.model.buffers()]
    modes = [(module, module.training) for module in trainer.model.modules()]
    weights, averages = weights_of(trainer.model), trainer.ema and weights_of(trainer.ema)
    optimizer = optimizer_state(trainer.optimizer, trainer.model)
    schedule, drawn = copy.deepcopy(_schedule_state(trainer.scheduler)), random_state()
    try:
        yield
    finally:
        if passes is not None:
            data.load_state_dict(passes)
        trainer.__dict__.clear()
        trainer.__dict__.update(attributes)
        trainer.model.load_state_dict(weights)
        for buffer, values in buffers:  # those that the state_dict leaves out
            buffer.copy_(fastnn.tensor(values))
        if averages:
            trainer.ema.load_state_dict(averages)
        load_optimizer_state(trainer.optimizer, trainer.model, optimizer)
        _load_schedule(trainer.scheduler, schedule)
        for p, gradient in zip(parameters, gradients, strict=True):
            p.grad = None if gradient is None else fastnn.tensor(gradient)
        for module, training in modes:
            module.__dict__["training"] = training
        world_changed()
        set_random_state(drawn)


def weights_of(model):
    """Name to array: a copy of the state_dict."""
    return {name: np.array(t.numpy()) for name, t in model.state_dict().items()}


def optimizer_state(optimizer, model):
    """The optimizer's state by parameter name, with its class and its groups."""
    saved, names = optimizer.state_dict(), _names(optimizer, model)
    return {
        "class": type(optimizer).__name__,
        "state": {names[number]: values for number, values in saved["state"].items()},
        "groups": [
            {**{k: v for k, v in group.items() if k not in ("params", "param_names")},
             "params": [names[number] for number in group["params"]]}
            for group in saved["param_groups"]
        ],
    }  # fmt: skip


def load_optimizer_state(optimizer, model, state):
    """Put back what `optimizer_state` gave: to the parameters of these names, in whatever order."""
    if state["class"] != type(optimizer).__name__:
        raise ValueError(
            f"the optimizer is {type(optimizer).__name__}, the saved one is {state['class']}"
        )
    names = _names(optimizer, model)
    groups = optimizer.state_dict()["param_groups"]
    own = [sorted(names[number] for number in group["params"]) for group in groups]
    saved = [sorted(group["params"]) for group in state["groups"]]
    if own != saved:
        ours, theirs = ({name for group in groups for name in group} for groups in (own, saved))
        missing, extra = sorted(ours - theirs), sorted(theirs - ours)
        raise ValueError(
            f"the optimizer's parameters are others than the saved ones: not saved {missing}, "
            f"not here {extra}, groups of {list(map(len, own))} and {list(map(len, saved))}"
        )
    optimizer.load_state_dict(
        {
            "state": {n: state["state"][name] for n, name in names.items() if name in state["state"]},
            "param_groups": [
                {**group, "params": mine["params"]}
                for group, mine in zip(state["groups"], groups, strict=True)
            ],
        }
    )  # fmt: skip


def _put(trainer, state):
    """The order matters where one load may change what another has set."""
    trainer.model.load_state_dict(state["model"])
    if (trainer.ema is None) != (state["averages"] is None):
        raise ValueError(f"{_WHAT} was saved {'without' if trainer.ema else 'with'} ema=")
    if trainer.ema is not None:
        trainer.ema.load_state_dict(state["averages"])
    load_optimizer_state(trainer.optimizer, trainer.model, state["optimizer"])
    _load_schedule(trainer.scheduler, state["schedule"])
    loader, loader_state = trainer.loader, state["loader"]
    if loader_state is not None and hasattr(loader, "load_state_dict"):
        loader.load_state_dict(loader_state)
    trainer.sums.load_state_dict(state["sums"])
    trainer.history.clear()
    trainer.history.update({name: list(column) for name, column in state["history"].items()})
    trainer.epoch, trainer.batch = trainer.history.num_epochs, state["batch"]
    trainer.run = state["run"]
    trainer.update.load_pending_gradients(state["gradients"])
    for key, callback in named(trainer.callbacks):
        if key in state["callbacks"]:
            callback.load_state_dict(state["callbacks"][key])
    set_random_state(state["random"])


def _names(optimizer, model):
    """Number in the optimizer's state_dict to the parameter's name in the model."""
    named = {id(p): name for name, p in model.named_parameters()}
    held = [p for group in optimizer.param_groups for p in group["params"]]
    return {i: named.get(id(p), f"(parameter {i})") for i, p in enumerate(held)}


def _schedule_state(schedule):
    if schedule is None:
        return None
    return {"class": type(schedule).__name__, "state": schedule.state_dict()}


def _load_schedule(schedule, state):
    ours, saved = (
        (None if schedule is None else type(schedule).__name__),
        (state or {}).get("class"),
    )
    if ours != saved:
        raise ValueError(f"the schedule is {ours}, the saved one is {saved}")
    if schedule is not None:
        schedule.load_state_dict(state["state"])


def random_state():
    """Of the generators that a step may draw from: fastnn's, and those of users' own code."""
    version, integers, gauss = random.getstate()
    return {
        "fastnn": fastnn.get_default_generator().get_state(),
        "numpy": np.random.get_state(),
        "python": (version, np.array(integers), gauss),
    }


def set_random_state(state):
    """Put back what `random_state` gave."""
    fastnn.get_default_generator().set_state(tuple(state["fastnn"]))
    np.random.set_state(state["numpy"])
    version, integers, gauss = state["python"]
    random.setstate((version, tuple(int(n) for n in integers), gauss))
