"""The families that layers and losses are made of; all their functions are `fastnn.ops.<name>` too."""

import sys

from fastnn.ops.adaptive_pool import *
from fastnn.ops.attention import *
from fastnn.ops.bag import *
from fastnn.ops.batchnorm import *
from fastnn.ops.binary_loss import *
from fastnn.ops.conv import *
from fastnn.ops.ctc import *
from fastnn.ops.divergence import *
from fastnn.ops.dropout import *
from fastnn.ops.embedding import *
from fastnn.ops.image import *
from fastnn.ops.likelihood import *
from fastnn.ops.loss import *
from fastnn.ops.margin import *
from fastnn.ops.patches import *
from fastnn.ops.pool import *
from fastnn.ops.ranking import *
from fastnn.ops.recurrent import *
from fastnn.ops.regression import *
from fastnn.ops.resample import *
from fastnn.ops.rownorm import *
from fastnn.ops.warp import *
from fastnn.ops import (
    adaptive_pool,
    attention,
    bag,
    batchnorm,
    binary_loss,
    conv,
    ctc,
    divergence,
    image,
    likelihood,
    loss,
    margin,
    patches,
    pool,
    ranking,
    recurrent,
    regression,
    resample,
    rownorm,
    warp,
)
from fastnn.ops import dropout as _dropout  # shares its name with its op
from fastnn.ops import embedding as _embedding  # shares its name with its op

_FAMILIES = (
    adaptive_pool,
    attention,
    bag,
    batchnorm,
    binary_loss,
    conv,
    ctc,
    divergence,
    _dropout,
    _embedding,
    image,
    likelihood,
    loss,
    margin,
    patches,
    pool,
    ranking,
    recurrent,
    regression,
    resample,
    rownorm,
    warp,
)
__all__ = [name for family in _FAMILIES for name in family.__all__]

for _package in ("fastnn.ops", "fastnn"):  # where they are looked for
    vars(sys.modules[_package]).update({name: globals()[name] for name in __all__})
