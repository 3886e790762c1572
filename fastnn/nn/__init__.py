"""Layers, losses and containers, under PyTorch's names."""

from fastnn._engine.engine import Parameter
from fastnn.ops import networks as _networks  # first: it names what follows needs
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
from fastnn.nn.attention import MultiheadAttention
from fastnn.nn.cell import GRUCell, LSTMCell, RNNCell
from fastnn.nn.container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from fastnn.nn.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from fastnn.nn.distance import CosineSimilarity, PairwiseDistance
from fastnn.nn.dropout import (
    AlphaDropout,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    FeatureAlphaDropout,
)
from fastnn.nn.embedding import Embedding, EmbeddingBag
from fastnn.nn.flatten import Flatten, Identity, Unflatten
from fastnn.nn.gate import GLU, PReLU, Swish
from fastnn.nn.image import (
    ChannelShuffle,
    LocalResponseNorm,
    MaxUnpool1d,
    MaxUnpool2d,
    PixelShuffle,
    PixelUnshuffle,
)
from fastnn.nn.instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from fastnn.nn.calibration import TemperatureScaling, expected_calibration_error, reliability
from fastnn.nn.likelihood_loss import (
    CTCLoss,
    DistillationLoss,
    FocalLoss,
    GaussianNLLLoss,
    KLDivLoss,
    PoissonNLLLoss,
    SquaredEMDLoss,
)
from fastnn.nn.margin_loss import (
    CosineEmbeddingLoss,
    HingeEmbeddingLoss,
    MarginRankingLoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    SoftMarginLoss,
    TripletMarginLoss,
    TripletMarginWithDistanceLoss,
    WestonWatkinsLoss,
)
from fastnn.nn.lazy import (
    LazyBatchNorm1d,
    LazyBatchNorm2d,
    LazyBatchNorm3d,
    LazyConv1d,
    LazyConv2d,
    LazyConvTranspose1d,
    LazyConvTranspose2d,
    LazyInstanceNorm1d,
    LazyInstanceNorm2d,
    LazyInstanceNorm3d,
    LazyLinear,
)
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
from fastnn.nn.noise import RReLU
from fastnn.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from fastnn.nn.padding import (
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
)
from fastnn.nn.patches import Fold, Unfold
from fastnn.nn.pool import (
    AvgPool1d,
    AvgPool2d,
    LPPool1d,
    LPPool2d,
    MaxPool1d,
    MaxPool2d,
)
from fastnn.nn.adaptive_pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
)
from fastnn.nn.regression_loss import AsymmetricHuberLoss, QuantileLoss, WingLoss
from fastnn.nn.position import LearnedPositionalEncoding, SinusoidalPositionalEncoding
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
from fastnn.nn.recurrent import GRU, LSTM, RNN
from fastnn.nn.resize import Upsample, UpsamplingBilinear2d, UpsamplingNearest2d
from fastnn.nn.rownorm import GroupNorm, LayerNorm, RMSNorm
from fastnn.nn.softmax import LogSoftmax, Softmax, Softmax2d, Softmin
from fastnn.nn.summary import summary
from fastnn.nn.transformer import Transformer, TransformerDecoder, TransformerEncoder
from fastnn.nn.transformer_layer import TransformerDecoderLayer, TransformerEncoderLayer
