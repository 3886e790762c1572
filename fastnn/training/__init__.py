"""The Trainer, its callbacks, its records and its checkpoints."""

from fastnn.training.callback import Callback
from fastnn.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    ModelCheckpoint,
    load_checkpoint,
    save_checkpoint,
)
from fastnn.training.early_stopping import EarlyStopping
from fastnn.training.history import History
from fastnn.training.nonfinite import NonFiniteError
from fastnn.training.progress import Progress
from fastnn.training.step import TrainingStep, compile_step
from fastnn.training.trainer import Trainer

__all__ = [
    "Callback",
    "Checkpoint",
    "CheckpointError",
    "EarlyStopping",
    "History",
    "ModelCheckpoint",
    "NonFiniteError",
    "Progress",
    "Trainer",
    "TrainingStep",
    "compile_step",
    "load_checkpoint",
    "save_checkpoint",
]
