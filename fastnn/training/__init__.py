"""The Trainer, its callbacks, its records and its checkpoints."""

from fastnn.training.batch_size import BatchSize
from fastnn.training.callback import Callback
from fastnn.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from fastnn.training.early_stopping import EarlyStopping
from fastnn.training.history import History
from fastnn.training.limits import Target, TimeLimit
from fastnn.training.log_file import LogFile
from fastnn.training.lr_find import LRFind
from fastnn.training.model_checkpoint import ModelCheckpoint
from fastnn.training.nonfinite import NonFiniteError
from fastnn.training.plots import plot_history, plot_loss, plot_lr, plot_metric
from fastnn.training.progress import Progress
from fastnn.training.step import TrainingStep, compile_step
from fastnn.training.tensorboard import TensorBoard
from fastnn.training.trainer import Trainer

__all__ = [
    "BatchSize",
    "Callback",
    "Checkpoint",
    "CheckpointError",
    "EarlyStopping",
    "History",
    "LRFind",
    "LogFile",
    "ModelCheckpoint",
    "NonFiniteError",
    "Progress",
    "Target",
    "TensorBoard",
    "TimeLimit",
    "Trainer",
    "TrainingStep",
    "compile_step",
    "load_checkpoint",
    "plot_history",
    "plot_loss",
    "plot_lr",
    "plot_metric",
    "save_checkpoint",
]
