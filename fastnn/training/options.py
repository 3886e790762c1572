"""What the Trainer's arguments mean, and which values they may have."""

import copy

import numpy as np

import fastnn
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _several as several
from fastnn.training.callback import Callback
from fastnn.training.feed import arrays_of, dtype_of
from fastnn.training.measures import Measures
from fastnn.training.model_checkpoint import ModelCheckpoint
from fastnn.training.update import Update, needs_closure

_MODEL = "nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))"


def ordered(callbacks):
    """A list of callbacks; those that save come last, so that they save what the others have done."""
    if isinstance(callbacks, Callback):
        callbacks = [callbacks]
    callbacks = list(several(callbacks, "Trainer: callbacks"))
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"Trainer: {callback!r} is no Callback (an object, not a class)")
    return sorted(callbacks, key=lambda callback: isinstance(callback, ModelCheckpoint))


def check(trainer):
    """The arguments that are no data."""
    _check_kind("model", trainer.model, "named_parameters", _MODEL)
    _check_kind("loss", trainer.loss, "__call__", "nn.CrossEntropyLoss()")
    _check_kind(
        "optimizer", trainer.optimizer, "param_groups", "optim.Adam(model.parameters(), lr=1e-3)"
    )
    if trainer.scheduler is not None:
        example = "optim.lr_scheduler.StepLR(optimizer, step_size=10)"
        _check_kind("scheduler", trainer.scheduler, "step", example)
    for name in ("clip_grad_norm", "clip_grad_value"):
        value = getattr(trainer, name)
        if value is not None and not number(value, f"Trainer: {name}") > 0:
            raise ValueError(f"Trainer: {name} must be positive, got {value}")
    count = trainer.accumulate_grad_batches
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValueError(
            f"Trainer: accumulate_grad_batches must be an integer from 1, got {count!r}"
        )
    if trainer.scheduler_interval not in ("epoch", "step"):
        raise ValueError(
            f"Trainer: scheduler_interval must be 'epoch' or 'step', got {trainer.scheduler_interval!r}"
        )
    scheduler = trainer.scheduler
    if scheduler is not None:
        if getattr(scheduler, "optimizer", trainer.optimizer) is not trainer.optimizer:
            raise ValueError("Trainer: the scheduler was made for another optimizer")
        if hasattr(scheduler, "patience") and trainer.scheduler_interval == "step":
            raise ValueError(
                f"Trainer: {type(scheduler).__name__} looks at an epoch's loss; "
                "use scheduler_interval='epoch'"
            )
    if needs_closure(trainer.optimizer) and (
        count > 1 or trainer.clip_grad_norm or trainer.clip_grad_value
    ):
        raise ValueError(
            f"Trainer: {type(trainer.optimizer).__name__} computes the loss several times in one "
            "step; it goes with neither accumulate_grad_batches nor clipping"
        )


def default_adam(model):
    """The optimizer where none is given."""
    _check_kind("model", model, "named_parameters", _MODEL)
    return fastnn.optim.Adam(model.parameters())


def _check_kind(name, given, has, example):
    """An object that has this attribute, rather than its name or its class."""
    if isinstance(given, type):
        raise TypeError(f"Trainer: {name} is the class {given.__name__}; pass an object: {example}")
    if getattr(given, has, None) is None:
        raise TypeError(f"Trainer: {name} must be an object such as {example}, got {given!r:.60}")


def renewed_update(trainer):
    """The trainer's Update; a new one, which goes on where the old one is, if its options changed."""
    before, chosen = trainer.update, _of_update(trainer)
    asked = (trainer.model, trainer.loss, trainer.optimizer, *chosen.values())
    if before is not None and all(a is b for a, b in zip(asked, before.asked, strict=True)):
        return before
    loss = weighted_loss(
        trainer.loss, trainer.class_weight, trainer.loader, dtype_of(trainer.model)
    )
    update = Update(trainer.model, loss, trainer.optimizer, trainer._interrupt, **chosen)
    update.asked = asked
    if before is not None:
        update.take_over(before)
    return update


def _of_update(trainer):
    return {
        "clip_norm": trainer.clip_grad_norm,
        "clip_value": trainer.clip_grad_value,
        "accumulate": trainer.accumulate_grad_batches,
        "ema": trainer.ema,
        "schedule": trainer.scheduler if trainer.scheduler_interval == "step" else None,
        "record": trainer.compile,
        "wants_output": bool(trainer.sums.measures),
    }


def threshold(loss):
    """Above which a single output means class 1: half for probabilities, 0 for logits."""
    return 0.5 if type(loss).__name__ == "BCELoss" else 0.0


def measures(trainer, loader=None):
    """Of an epoch over a loader, what the Trainer's `metrics` ask for."""
    return Measures(trainer.metrics, threshold(trainer.loss), arrays_of(loader) is None)


def averaged(ema, model):
    """The AveragedModel that ``ema=`` asks for, or None."""
    if ema is None or isinstance(ema, fastnn.nn.Module):
        return ema
    if isinstance(ema, bool) or not isinstance(ema, (int, float)) or not 0 <= ema < 1:
        raise ValueError(f"Trainer: ema is a decay from 0 to below 1, such as 0.999, got {ema!r}")
    from fastnn.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema))


def weighted_loss(loss, class_weight, loader, dtype):
    """The training loss with ``class_weight=``: a copy of the given one with these weights."""
    if class_weight is None:
        return loss
    name = type(loss).__name__
    if name not in ("CrossEntropyLoss", "NLLLoss", "BCEWithLogitsLoss"):
        raise TypeError(
            f"Trainer: class_weight goes with CrossEntropyLoss, NLLLoss and BCEWithLogitsLoss, "
            f"not with {name}"
        )
    weights = _class_weights(class_weight, loader, name)
    loss = copy.deepcopy(loss)
    if name == "BCEWithLogitsLoss":
        if len(weights) != 2:
            raise ValueError(f"Trainer: class_weight for {name} has 2 weights, got {len(weights)}")
        loss.pos_weight = fastnn.tensor(np.asarray(weights[1] / weights[0], dtype))
    else:
        loss.weight = fastnn.tensor(weights.astype(dtype))
    return loss


def _class_weights(given, loader, name):
    if isinstance(given, str):
        if given != "balanced":
            raise ValueError(f"Trainer: class_weight={given!r}; the only word is 'balanced'")
        arrays = arrays_of(loader)
        if arrays is None:
            raise ValueError(
                "Trainer: class_weight='balanced' needs labels in memory (arrays or a "
                "TensorDataset); give the weights as a list"
            )
        labels = arrays[-1].reshape(-1)
        counts = np.bincount(labels.astype(np.int64))
        if (counts == 0).any():
            missing = int(np.flatnonzero(counts == 0)[0])
            raise ValueError(f"Trainer: class_weight='balanced', but no row has label {missing}")
        return len(labels) / (len(counts) * counts)
    if isinstance(given, dict):
        if sorted(given) != list(range(len(given))):
            raise ValueError(
                f"Trainer: class_weight has labels {sorted(given)}; give one weight for every "
                f"label from 0 to {max(given, default=0)}"
            )
        given = [given[label] for label in sorted(given)]
    try:
        weights = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"Trainer: class_weight must be numbers, got {given!r:.60}") from None
    if weights.ndim != 1 or not (weights > 0).all() or not np.isfinite(weights).all():
        raise ValueError(
            f"Trainer: class_weight must be positive numbers, one per class: {given!r}"
        )
    return weights
