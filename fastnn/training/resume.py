"""Going on from a checkpoint: which file, and what of it is put back."""

import os

from fastnn.training.checkpoint import CheckpointError, load_checkpoint
from fastnn.training.model_checkpoint import ModelCheckpoint, newest
from fastnn.training.state import capture, restore


def run_state(trainer):
    """What a checkpoint holds beside its weights."""
    if trainer.update is None:
        raise RuntimeError("save_checkpoint: before the first fit there is nothing to go on from")
    state = capture(trainer)
    if trainer.ema is None:
        del state["model"]  # they are the checkpoint's weights
    return state


def load_run(trainer, resume, ckpt_path, lr):
    """Put the trainer, prepared for a fit, to where a checkpoint was saved; see `Trainer.fit`."""
    if resume is not None and ckpt_path is not None:
        raise ValueError("fit: resume and ckpt_path are the same thing; give one of them")
    path = _file(
        trainer, True if ckpt_path == "last" else resume if ckpt_path is None else ckpt_path
    )
    if path is not None:
        checkpoint = load_checkpoint(path)
        if checkpoint.training is None:
            raise CheckpointError(
                f"{path} holds weights alone, not a run: load_checkpoint(path, model) takes them"
            )
        try:
            restore(trainer, {"model": checkpoint.state, **checkpoint.training})
        except (ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
            raise CheckpointError(f"{path} does not fit this run: {error}") from None
        if trainer.batch > trainer.num_batches:
            raise CheckpointError(
                f"{path} was saved after {trainer.batch} batches of an epoch, the training data "
                f"gives {trainer.num_batches}; go on with the same data and batch_size"
            )
    if lr is not None:
        for group in trainer.optimizer.param_groups:
            group["lr"] = lr


def _file(trainer, resume):
    """The path that `resume` means, or None: nothing to go on from, and that is fine."""
    if resume is None or resume is False:
        return None
    if resume is True:
        folders = [c.dirpath for c in trainer.callbacks if isinstance(c, ModelCheckpoint)]
        if not folders:
            raise ValueError(
                "fit: resume=True looks in the folder of a ModelCheckpoint, but there is none among "
                "the callbacks; give the checkpoint's path"
            )
        return newest(folders[0]) if os.path.isdir(folders[0]) else None
    if os.path.isdir(resume):
        path = newest(resume)
        if path is None:
            raise CheckpointError(f"{resume}: no checkpoint of a run in this folder")
        return path
    return resume
