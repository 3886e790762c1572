"""Layers, losses and containers, under PyTorch's names."""

from fastnn._engine.engine import Parameter
from fastnn.nn import init, utils
from fastnn.nn.container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from fastnn.nn.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d
from fastnn.nn.embedding import Embedding
from fastnn.nn.flatten import Flatten, Identity, Unflatten
from fastnn.nn.linear import Bilinear, Linear
from fastnn.nn.module import Module
from fastnn.nn.summary import summary
