"""The operations, one file per family; `methods` makes them methods of Tensor.

Each family names its public functions in ``__all__``; all of them are also ``fastnn.<name>``.
Those that layers and losses are made of are in `networks`, which is imported with ``fastnn.nn`` or when
one of its names is first asked for: ``import fastnn`` stays as quick as NumPy's.
"""

from fastnn.ops import (
    activation,
    along,
    angle,
    arc,
    arrange,
    axes,
    bits,
    border,
    choose,
    compare,
    compound,
    contract,
    count,
    creation,
    cumulative,
    distance,
    elementwise,
    expand,
    exponential,
    extreme,
    gate,
    grid,
    join,
    layout,
    logic,
    mask,
    matrix,
    moment,
    noise,
    number,
    order,
    power,
    probability,
    product,
    put,
    random,
    quantiles,
    rank,
    rectifier,
    reduce,
    resize,
    rounding,
    scan,
    seeding,
    series,
    shape,
    signs,
    skipnan,
    slices,
    special,
    stacks,
    window,
)
from fastnn.ops import index as index
from fastnn.ops import linear as _linear  # shares its name with its op
from fastnn.ops import methods as methods
from fastnn.ops import methods_rare as methods_rare
from fastnn.ops.activation import *
from fastnn.ops.along import *
from fastnn.ops.angle import *
from fastnn.ops.arc import *
from fastnn.ops.arrange import *
from fastnn.ops.axes import *
from fastnn.ops.bits import *
from fastnn.ops.border import *
from fastnn.ops.choose import *
from fastnn.ops.compare import *
from fastnn.ops.compound import *
from fastnn.ops.contract import *
from fastnn.ops.count import *
from fastnn.ops.creation import *
from fastnn.ops.cumulative import *
from fastnn.ops.distance import *
from fastnn.ops.elementwise import *
from fastnn.ops.expand import *
from fastnn.ops.exponential import *
from fastnn.ops.extreme import *
from fastnn.ops.gate import *
from fastnn.ops.grid import *
from fastnn.ops.join import *
from fastnn.ops.layout import *
from fastnn.ops.linear import *
from fastnn.ops.logic import *
from fastnn.ops.mask import *
from fastnn.ops.matrix import *
from fastnn.ops.moment import *
from fastnn.ops.noise import *
from fastnn.ops.number import *
from fastnn.ops.order import *
from fastnn.ops.power import *
from fastnn.ops.probability import *
from fastnn.ops.product import *
from fastnn.ops.put import *
from fastnn.ops.random import *
from fastnn.ops.quantiles import *
from fastnn.ops.rank import *
from fastnn.ops.rectifier import *
from fastnn.ops.reduce import *
from fastnn.ops.resize import *
from fastnn.ops.rounding import *
from fastnn.ops.scan import *
from fastnn.ops.seeding import *
from fastnn.ops.series import *
from fastnn.ops.shape import *
from fastnn.ops.signs import *
from fastnn.ops.skipnan import *
from fastnn.ops.slices import *
from fastnn.ops.special import *
from fastnn.ops.stacks import *
from fastnn.ops.window import *

_FAMILIES = (
    activation,
    along,
    angle,
    arc,
    arrange,
    axes,
    bits,
    border,
    choose,
    compare,
    compound,
    contract,
    count,
    creation,
    cumulative,
    distance,
    elementwise,
    expand,
    exponential,
    extreme,
    gate,
    grid,
    join,
    layout,
    _linear,
    logic,
    mask,
    matrix,
    moment,
    noise,
    number,
    order,
    power,
    probability,
    product,
    put,
    random,
    quantiles,
    rank,
    rectifier,
    reduce,
    resize,
    rounding,
    scan,
    seeding,
    series,
    shape,
    signs,
    skipnan,
    slices,
    special,
    stacks,
    window,
)
__all__ = [name for family in _FAMILIES for name in family.__all__]


def __getattr__(name):
    if not name.startswith("_"):
        import importlib

        networks = importlib.import_module("fastnn.ops.networks")
        if name in networks.__all__:
            return getattr(networks, name)
    raise AttributeError(f"module 'fastnn.ops' has no attribute {name!r}")
