"""The operations, one file per family; `methods` makes them methods of Tensor.

Each family names its public functions in ``__all__``; all of them are also ``fastnn.<name>``.
"""

from fastnn.ops import (
    arrange,
    axes,
    border,
    extreme,
    moment,
    reduce,
    shape,
    window,
)
from fastnn.ops import methods as methods
from fastnn.ops.arrange import *
from fastnn.ops.axes import *
from fastnn.ops.border import *
from fastnn.ops.extreme import *
from fastnn.ops.moment import *
from fastnn.ops.reduce import *
from fastnn.ops.shape import *
from fastnn.ops.window import *

_FAMILIES = (
    arrange,
    axes,
    border,
    extreme,
    moment,
    reduce,
    shape,
    window,
)
__all__ = [name for family in _FAMILIES for name in family.__all__]
