"""Which functions are methods of Tensor too: an explicit list, so that a search finds each."""

from fastnn._engine.engine import add_methods
from fastnn.ops import (
    along,
    arrange,
    axes,
    border,
    extreme,
    mask,
    moment,
    order,
    product,
    reduce,
    shape,
    slices,
    window,
)

# one block per family, as in  add_methods({"tanh": activation.tanh, ...})
add_methods(
    {
        "broadcast_to": shape.broadcast_to,
        "expand": shape._expand,
        "expand_as": shape._expand_as,
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
        "cumsum": reduce.cumsum,
        "logsumexp": reduce.logsumexp,
        "mean": reduce.mean,
        "prod": reduce.prod,
        "sum": reduce.sum,
    }
)
add_methods(
    {
        "argsort": order.argsort,
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
