"""Optimizers and learning-rate schedules, under PyTorch's names."""

from fastnn.optim import lr_scheduler, swa_utils
from fastnn.optim.adadelta import Adadelta
from fastnn.optim.adagrad import Adagrad
from fastnn.optim.adam import Adam, AdamW
from fastnn.optim.adamax import Adamax
from fastnn.optim.asgd import ASGD
from fastnn.optim.lbfgs import LBFGS
from fastnn.optim.lion import Lion
from fastnn.optim.nadam import NAdam
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.radam import RAdam
from fastnn.optim.rmsprop import RMSprop
from fastnn.optim.rprop import Rprop
from fastnn.optim.sgd import SGD

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
]
