"""Which functions are methods of Tensor too: an explicit list, so that a search finds each."""

from fastnn._engine.engine import add_methods
from fastnn.ops import (
    activation,
    along,
    angle,
    arrange,
    axes,
    border,
    choose,
    compare,
    compound,
    convert,
    cumulative,
    draw,
    elementwise,
    expand,
    extreme,
    index,
    inplace,
    logic,
    mask,
    moment,
    numpy_protocol,
    order,
    power,
    probability,
    product,
    random,
    rectifier,
    reduce,
    rounding,
    shape,
    slices,
    window,
)

# one block per family, as in  add_methods({"tanh": activation.tanh, ...})
add_methods(
    {
        "broadcast_to": expand.broadcast_to,
        "expand": expand._expand,
        "expand_as": expand._expand_as,
        "flatten": shape.flatten,
        "reshape": shape._reshape,
        "reshape_as": shape._reshape_as,
        "squeeze": shape.squeeze,
        "unflatten": shape.unflatten,
        "unsqueeze": shape.unsqueeze,
        "view": shape._view,
        "view_as": shape._view_as,
    }
)
add_methods(
    {
        "__array_function__": numpy_protocol._array_function,
        "__array_ufunc__": numpy_protocol._array_ufunc,
    }
)
add_methods(
    {
        "H": property(axes._H),
        "T": property(axes._T),
        "mT": property(axes._mT),
        "movedim": axes.movedim,
        "permute": axes._permute,
        "swapaxes": axes.swapaxes,
        "swapdims": axes.swapdims,
        "t": axes.t,
        "transpose": axes.transpose,
    }
)
add_methods(
    {
        "chunk": window.chunk,
        "diagonal": window.diagonal,
        "narrow": window.narrow,
        "select": window.select,
        "split": window.split,
        "unbind": window.unbind,
    }
)
add_methods(
    {
        "clone": arrange.clone,
        "contiguous": arrange._contiguous,
        "flip": arrange._flip,
        "repeat": arrange._repeat,
        "repeat_interleave": arrange.repeat_interleave,
        "roll": arrange.roll,
        "tile": arrange._tile,
    }
)
add_methods(
    {
        "diag": border.diag,
        "diag_embed": border.diag_embed,
        "tril": border.tril,
        "triu": border.triu,
    }
)
add_methods(
    {
        "amax": extreme.amax,
        "amin": extreme.amin,
        "argmax": extreme.argmax,
        "argmin": extreme.argmin,
        "max": extreme.max,
        "min": extreme.min,
    }
)
add_methods({"norm": moment.norm, "std": moment.std, "var": moment.var})
add_methods(
    {
        "all": reduce.all,
        "any": reduce.any,
        "cumsum": cumulative.cumsum,
        "logsumexp": reduce.logsumexp,
        "mean": reduce.mean,
        "prod": reduce.prod,
        "sum": reduce.sum,
    }
)
add_methods(
    {
        "argsort": order.argsort,
        "copy_": index._copy_,
        "gather": along.gather,
        "index_add": slices.index_add,
        "index_add_": slices._index_add_,
        "index_select": slices.index_select,
        "masked_fill": mask.masked_fill,
        "masked_fill_": mask._masked_fill_,
        "masked_select": mask.masked_select,
        "nonzero": mask.nonzero,
        "scatter": along.scatter,
        "scatter_": along._scatter_,
        "scatter_add": along.scatter_add,
        "scatter_add_": along._scatter_add_,
        "sort": order.sort,
        "take_along_dim": along.take_along_dim,
        "topk": order.topk,
    }
)
add_methods(
    {
        "addmm": product.addmm,
        "bmm": product.bmm,
        "dot": product.dot,
        "matmul": product.matmul,
        "mm": product.mm,
        "mv": product.mv,
        "outer": product.outer,
    }
)
add_methods(
    {
        "add": elementwise.add,
        "div": elementwise.div,
        "divide": elementwise.divide,
        "mul": elementwise.mul,
        "multiply": elementwise.multiply,
        "pow": elementwise.pow,
        "sub": elementwise.sub,
        "subtract": elementwise.subtract,
        "true_divide": elementwise.true_divide,
    }
)
add_methods(
    {
        "cos": angle.cos,
        "erf": power.erf,
        "exp": power.exp,
        "expm1": power.expm1,
        "log": power.log,
        "log10": power.log10,
        "log1p": power.log1p,
        "log2": power.log2,
        "reciprocal": power.reciprocal,
        "rsqrt": power.rsqrt,
        "sin": angle.sin,
        "sqrt": power.sqrt,
        "square": power.square,
        "tan": angle.tan,
    }
)
add_methods(
    {
        "abs": rounding.abs,
        "absolute": rounding.absolute,
        "ceil": rounding.ceil,
        "clamp": rounding.clamp,
        "clip": rounding.clip,
        "fix": rounding.fix,
        "floor": rounding.floor,
        "frac": rounding.frac,
        "neg": rounding.neg,
        "negative": rounding.negative,
        "round": rounding.round,
        "sign": rounding.sign,
        "trunc": rounding.trunc,
    }
)


def _where(self, condition, other):
    """The tensor's elements where `condition` holds, those of `other` elsewhere: see `fastnn.where`."""
    return choose.where(condition, self, other)


add_methods(
    {
        "eq": compare.eq,
        "ge": compare.ge,
        "greater": compare.greater,
        "greater_equal": compare.greater_equal,
        "gt": compare.gt,
        "le": compare.le,
        "less": compare.less,
        "less_equal": compare.less_equal,
        "lt": compare.lt,
        "maximum": choose.maximum,
        "minimum": choose.minimum,
        "ne": compare.ne,
        "not_equal": compare.not_equal,
        "where": _where,
    }
)
add_methods(
    {
        "addcdiv": compound.addcdiv,
        "addcmul": compound.addcmul,
        "floor_divide": compound.floor_divide,
        "fmod": compound.fmod,
        "lerp": compound.lerp,
        "remainder": compound.remainder,
    }
)
add_methods(
    {
        "allclose": logic.allclose,
        "equal": logic.equal,
        "isclose": logic.isclose,
        "isfinite": logic.isfinite,
        "isinf": logic.isinf,
        "isnan": logic.isnan,
        "logical_and": logic.logical_and,
        "logical_not": logic.logical_not,
        "logical_or": logic.logical_or,
        "logical_xor": logic.logical_xor,
    }
)
add_methods(
    {
        "add_": inplace._add_,
        "addcdiv_": inplace._addcdiv_,
        "addcmul_": inplace._addcmul_,
        "clamp_": inplace._clamp_,
        "div_": inplace._div_,
        "fill_": inplace._fill_,
        "lerp_": inplace._lerp_,
        "mul_": inplace._mul_,
        "pow_": inplace._pow_,
        "sub_": inplace._sub_,
        "zero_": inplace._zero_,
        "cos_": inplace._in_place_form(angle.cos),
        "exp_": inplace._in_place_form(power.exp),
        "expm1_": inplace._in_place_form(power.expm1),
        "log_": inplace._in_place_form(power.log),
        "log10_": inplace._in_place_form(power.log10),
        "log1p_": inplace._in_place_form(power.log1p),
        "log2_": inplace._in_place_form(power.log2),
        "reciprocal_": inplace._in_place_form(power.reciprocal),
        "rsqrt_": inplace._in_place_form(power.rsqrt),
        "sin_": inplace._in_place_form(angle.sin),
        "sqrt_": inplace._in_place_form(power.sqrt),
        "square_": inplace._in_place_form(power.square),
        "tan_": inplace._in_place_form(angle.tan),
        "erf_": inplace._in_place_form(power.erf),
        "abs_": inplace._in_place_form(rounding.abs),
        "ceil_": inplace._in_place_form(rounding.ceil),
        "floor_": inplace._in_place_form(rounding.floor),
        "neg_": inplace._in_place_form(rounding.neg),
        "round_": inplace._in_place_form(rounding.round),
        "trunc_": inplace._in_place_form(rounding.trunc),
        "sign_": inplace._in_place_form(rounding.sign),
    }
)
add_methods(
    {
        "relu": rectifier.relu,
        "relu_": inplace._in_place_form(rectifier.relu),
        "sigmoid": activation.sigmoid,
        "sigmoid_": inplace._in_place_form(activation.sigmoid),
        "tanh": activation.tanh,
        "tanh_": inplace._in_place_form(activation.tanh),
    }
)
add_methods({"log_softmax": probability.log_softmax, "softmax": probability.softmax})
add_methods(
    {
        "bernoulli": random.bernoulli,
        "bernoulli_": draw.bernoulli_,
        "normal_": draw.normal_,
        "uniform_": draw.uniform_,
    }
)
add_methods(
    {
        "bool": convert._bool,
        "cpu": convert._cpu,
        "double": convert._double,
        "float": convert._float,
        "int": convert._int,
        "long": convert._long,
        "to": convert._to,
        "type_as": convert._type_as,
    }
)
