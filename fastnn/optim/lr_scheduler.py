"""All learning-rate schedules, at PyTorch's path: ``torch.optim.lr_scheduler``."""

from fastnn.optim.combined import (
    ChainedScheduler,
    SequentialLR,
    WarmUpLR,
)
from fastnn.optim.cycle import (
    CyclicLR,
    OneCycleLR,
)
from fastnn.optim.decay import (
    InverseTimeLR,
    LinearMomentum,
    NewBobLR,
    TwoStageExponentialLR,
)
from fastnn.optim.function import (
    LambdaLR,
    MultiplicativeLR,
)
from fastnn.optim.plateau import (
    ReduceLROnPlateau,
)
from fastnn.optim.ramp import (
    ConstantLR,
    LinearLR,
    PolynomialLR,
)
from fastnn.optim.restart import CosineAnnealingWarmRestarts
from fastnn.optim.schedule import (
    CosineAnnealingLR,
    ExponentialLR,
    LRScheduler,
    MultiStepLR,
    StepLR,
)

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "InverseTimeLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "LinearMomentum",
    "MultiStepLR",
    "MultiplicativeLR",
    "NewBobLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "TwoStageExponentialLR",
    "WarmUpLR",
]
