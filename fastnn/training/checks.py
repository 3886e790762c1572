"""What fit looks at before the first step: the mistakes that are met most, each with its cure."""

import warnings

import numpy as np

import fastnn
from fastnn.training.feed import arrays_of, cast

_CLASS_LOSSES = ("CrossEntropyLoss", "NLLLoss")
_BINARY_LOSSES = ("BCEWithLogitsLoss", "BCELoss")
_UNSCALED = 100.0  # standard deviation of a feature above which training is known to suffer


def check_setup(model, optimizer):
    """The model has something to train, and the optimizer has all of it."""
    named = dict(model.named_parameters())
    trained = {name: p for name, p in named.items() if p.requires_grad}
    if not named:
        raise ValueError(f"Trainer: the model ({type(model).__name__}) has no parameters")
    if not trained:
        raise ValueError(
            f"Trainer: all {len(named)} parameters of the model are frozen; "
            "unfreeze some with requires_grad_(True)"
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not held & {id(p) for p in trained.values()}:
        raise ValueError(
            "Trainer: the optimizer holds none of the model's parameters that are to be trained; "
            "make it after the model: optimizer = Adam(model.parameters())"
        )
    missing = [name for name, p in trained.items() if id(p) not in held]
    if missing:
        raise ValueError(
            f"Trainer: the optimizer does not hold {', '.join(missing)}: the model was changed "
            "after the optimizer was made. Make the optimizer anew, or freeze what is not to be "
            "trained (requires_grad_(False))"
        )


def check_data(model, loss, loader, what, dtype):
    """Finite values, targets that fit the loss and the model, batches that batch norm can take."""
    arrays = arrays_of(loader)
    if arrays is None:
        return
    *inputs, target = arrays
    for i, x in enumerate(inputs):
        _check_finite(x, f"{what}: {'x' if len(inputs) == 1 else f'input {i}'}")
    _check_finite(target, f"{what}: y")
    _check_single_row_batch(model, loader, what)
    output = _probe(model, inputs, dtype, what)
    if not isinstance(output, fastnn.Tensor):
        return  # several outputs: the loss knows what they mean
    if type(loss).__name__ in _CLASS_LOSSES and output.ndim == 2:
        _check_labels(loss, target, output.numpy(), what)
    if type(loss).__name__ in _BINARY_LOSSES:
        _check_shares(loss, target, what)
    if what == "train":
        _warn_unscaled(inputs)


def _check_finite(a, what):
    if a.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(a.sum(dtype=np.float64)):  # one pass, no temporary array
            return
    bad = np.argwhere(~np.isfinite(a))
    if len(bad):
        at = tuple(int(i) for i in bad[0])
        place = f"row {at[0]}" + (f", column {', '.join(map(str, at[1:]))}" if at[1:] else "")
        rows = len(np.unique(bad[:, 0]))
        raise ValueError(
            f"{what} holds {a[at]} in {place} ({rows} such row{'s'[: rows > 1]}); fill in or drop them before fit"
        )


def _check_single_row_batch(model, loader, what):
    if what != "train" or loader.drop_last or loader.sampler is not None:
        return
    if len(loader.dataset) % loader.batch_size == 1 or loader.batch_size == 1:
        for name, module in model.named_modules():
            if type(module).__name__.startswith("BatchNorm"):
                layer = f"{type(module).__name__} ({name or 'the model'})"
                raise ValueError(
                    f"fit: {len(loader.dataset)} rows in batches of {loader.batch_size} leave a "
                    f"batch with a single row, of which {layer} cannot take a variance; "
                    "change batch_size, or use DataLoader(..., drop_last=True)"
                )


def _probe(model, inputs, dtype, what):
    """The model's output for the first two rows, leaving no trace in it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    draws = fastnn.get_default_generator().get_state()
    try:
        with fastnn.no_grad():
            return model(*(cast(np.array(x[:2]), dtype) for x in inputs))
    except TypeError as error:
        if len(inputs) > 1:
            error.args = (f"{error} ({what}: the model was called with {len(inputs)} inputs)",)
        elif inputs[0].dtype.kind in "iu":
            cure = "layers other than Embedding take fractions: x.astype(np.float32)"
            error.args = (f"{what}: x holds integers ({inputs[0].dtype}); {cure} ({error})",)
        raise
    finally:
        for module, training in modes:
            module.training = training
        fastnn.get_default_generator().set_state(draws)


def _check_labels(loss, target, output, what):
    name, classes = type(loss).__name__, output.shape[1]
    if target.ndim == 2 and target.shape[1] == 1 and classes > 1:
        raise ValueError(
            f"{what}: y has shape {target.shape}, {name} expects ({len(target)},): use y.ravel()"
        )
    if target.ndim != 1:
        return  # class probabilities: the loss checks them
    if target.dtype.kind in "fb":
        raise TypeError(
            f"{what}: y is {target.dtype}, {name} expects integer classes 0 to {classes - 1}: "
            "use y.astype(np.int64)"
        )
    ignored = target == getattr(loss, "ignore_index", None)
    wrong = np.flatnonzero(((target < 0) | (target >= classes)) & ~ignored)
    if wrong.size:
        low, high = target[~ignored].min(), target[~ignored].max()
        cure = f"give the model {high + 1} outputs"
        if low == 1 and high == classes:
            cure = "classes are numbered from 0: use y - 1"
        elif low < 0:
            cure = "number the classes from 0: classes, y = np.unique(y, return_inverse=True)"
        raise ValueError(
            f"{what}: y[{wrong[0]}] is {target[wrong[0]]}, but the model's {classes} outputs are "
            f"for classes 0 to {classes - 1} (y goes from {low} to {high}); {cure}"
        )
    if what == "train" and target.min() == target.max() and len(target) > 1:
        warnings.warn(
            f"{what}: all labels are {target[0]}; a classifier needs rows of at least two classes",
            stacklevel=4,
        )
    # the loss itself looks at the first call of the process alone
    sums_to_1 = (output >= 0).all() and np.abs(output.sum(1) - 1).max() < 1e-4
    if what == "train" and name == "CrossEntropyLoss" and classes > 1 and sums_to_1:
        warnings.warn(
            "the model's outputs sum to 1, as probabilities do, but CrossEntropyLoss expects "
            "logits; leave out the softmax at the end of the model",
            stacklevel=4,
        )


def _check_shares(loss, target, what):
    wrong = np.argwhere((target < 0) | (target > 1))
    if len(wrong):
        at = tuple(int(i) for i in wrong[0])
        raise ValueError(
            f"{what}: y holds {target[at]} in row {at[0]}, {type(loss).__name__} expects 0 or 1 (or "
            "numbers between); for more than two classes use CrossEntropyLoss"
        )


def _warn_unscaled(inputs):
    for x in inputs:
        if x.dtype.kind != "f" or x.ndim != 2 or len(x) < 2:
            continue
        with np.errstate(over="ignore"):
            spread = x[:10_000].std(0)
        if spread.max() > _UNSCALED:
            warnings.warn(
                f"train: feature {spread.argmax()} has a standard deviation of {spread.max():.3g}; "
                "scale the features first: data.Standardizer().fit(x_train)",
                stacklevel=4,
            )


def check_progress(trainer, first_loss, last_loss):
    """After the first epoch: whether the loss ran away."""
    if last_loss > 10 * max(first_loss, 1.0):
        lr = trainer.optimizer.param_groups[0]["lr"]
        warnings.warn(
            f"the loss grew from {first_loss:.3g} to {last_loss:.3g} within the first epoch: "
            f"the learning rate ({lr:g}) is probably too high; try {lr / 10:g}",
            stacklevel=4,
        )
