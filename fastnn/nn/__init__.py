"""Layers, losses and containers, under PyTorch's names."""

from fastnn._engine.engine import Parameter
from fastnn.nn import functional, init, utils
from fastnn.nn.activation import (
    CELU,
    ELU,
    GELU,
    LogSigmoid,
    Mish,
    SELU,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
)
from fastnn.nn.container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from fastnn.nn.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from fastnn.nn.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d
from fastnn.nn.embedding import Embedding
from fastnn.nn.flatten import Flatten, Identity, Unflatten
from fastnn.nn.gate import GLU, PReLU, Swish
from fastnn.nn.linear import Bilinear, Linear
from fastnn.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from fastnn.nn.module import Module
from fastnn.nn.norm import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm1d, LayerNorm, RMSNorm
from fastnn.nn.pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    LPPool1d,
    LPPool2d,
    MaxPool1d,
    MaxPool2d,
)
from fastnn.nn.rectifier import (
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    ReLU,
    ReLU6,
    Softshrink,
    Tanhshrink,
    Threshold,
)
from fastnn.nn.softmax import LogSoftmax, Softmax, Softmin
from fastnn.nn.summary import summary
