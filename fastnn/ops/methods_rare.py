"""Which of the less frequent functions are methods of Tensor too, and methods that are none."""

import numpy as np

from fastnn._engine.engine import add_methods
from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.ops import (
    arc,
    bits,
    contract,
    count,
    creation,
    distance,
    gate,
    grid,
    layout,
    matrix,
    noise,
    number,
    put,
    quantiles,
    rank,
    rectifier,
    scan,
    signs,
    skipnan,
    special,
)


def _unfold(self, dimension, size, step):
    """All pieces of `size` along `dimension`, `step` apart, in a new last dimension: a copy.

    ``torch.Tensor.unfold``, for any dtype. Raises ValueError where the size or step does not fit,
    IndexError where there is no such dimension.
    """
    if self.ndim == 0:
        return self.reshape(1)[: int(size)]
    d, n = dimension % self.ndim, self.shape[dimension]
    if not 0 <= size <= n or step < 1:
        raise ValueError(
            f"unfold: size must be from 0 to {n} and step positive, got {size}, {step}"
        )
    starts = np.arange(0, n - size + 1, step)
    places = (starts[:, None] + np.arange(size)).reshape(-1)
    pieces = self.index_select(d, as_tensor(places)).unflatten(d, (len(starts), size))
    return pieces.movedim(d + 1, -1)


def _new_zeros(self, *size, dtype=None, requires_grad=False):
    """Zeros, of shape `size`, of this tensor's dtype or `dtype`, with a gradient if `requires_grad`.

    Raises as `fastnn.zeros`.
    """
    return creation.zeros(*size, dtype=dtype or self.dtype, requires_grad=requires_grad)


def _new_ones(self, *size, dtype=None, requires_grad=False):
    """Ones, of shape `size`, of this tensor's dtype or `dtype`, with a gradient if `requires_grad`.

    Raises as `fastnn.ones`.
    """
    return creation.ones(*size, dtype=dtype or self.dtype, requires_grad=requires_grad)


def _new_empty(self, *size, dtype=None, requires_grad=False):
    """Memory as it was, of shape `size`; dtype and `requires_grad` as in `new_zeros`: see there."""
    return creation.empty(*size, dtype=dtype or self.dtype, requires_grad=requires_grad)


def _new_full(self, size, fill_value, *, dtype=None, requires_grad=False):
    """The number `fill_value` everywhere, of shape `size`; `dtype` and `requires_grad` see `new_zeros`."""
    return creation.full(size, fill_value, dtype=dtype or self.dtype, requires_grad=requires_grad)


def _new_tensor(self, data, *, dtype=None, requires_grad=False):
    """A copy of `data`, an array or sequence; `dtype` and `requires_grad` see `new_zeros`."""
    array = np.array(
        data.detach().numpy() if hasattr(data, "detach") else data, dtype or self.dtype
    )
    tensor = as_tensor(array)
    return tensor.requires_grad_() if requires_grad else tensor


def _nelement(self):
    """The number of elements: `numel`."""
    return self.numel()


def _ndimension(self):
    """The number of dimensions: `dim`."""
    return self.ndim


def _split_with_sizes(self, split_sizes, dim=0):
    """Pieces of the sizes `split_sizes` along `dim`: see `split`."""
    return self.split(list(split_sizes), dim)


def _in_place_form(function):
    """The method that writes function(self, ...) over self."""

    def method(self, *args, **kwargs):
        return self.copy_(function(self, *args, **kwargs))

    method.__name__ = f"{function.__name__}_"
    method.__doc__ = f"`fastnn.{function.__name__}`, in place."
    return method


add_methods(
    {
        "ndimension": _ndimension,
        "nelement": _nelement,
        "new_empty": _new_empty,
        "new_full": _new_full,
        "new_ones": _new_ones,
        "new_tensor": _new_tensor,
        "new_zeros": _new_zeros,
        "split_with_sizes": _split_with_sizes,
        "unfold": _unfold,
    }
)
add_methods(
    {
        "acos": arc.acos,
        "acosh": arc.acosh,
        "arccos": arc.arccos,
        "arccosh": arc.arccosh,
        "arcsin": arc.arcsin,
        "arcsinh": arc.arcsinh,
        "arctan": arc.arctan,
        "arctan2": arc.arctan2,
        "arctanh": arc.arctanh,
        "asin": arc.asin,
        "asinh": arc.asinh,
        "atan": arc.atan,
        "atan2": arc.atan2,
        "atanh": arc.atanh,
        "copysign": arc.copysign,
        "cosh": arc.cosh,
        "hypot": arc.hypot,
        "sinh": arc.sinh,
    }
)
add_methods(
    {
        "digamma": special.digamma,
        "erfc": special.erfc,
        "erfinv": special.erfinv,
        "exp2": special.exp2,
        "lgamma": special.lgamma,
        "logaddexp": special.logaddexp,
    }
)
add_methods(
    {
        "cummax": scan.cummax,
        "cummin": scan.cummin,
        "cumprod": scan.cumprod,
        "logcumsumexp": scan.logcumsumexp,
    }
)
add_methods({"inner": contract.inner, "kron": contract.kron, "vdot": contract.vdot})
add_methods(
    {
        "addbmm": matrix.addbmm,
        "addmv": matrix.addmv,
        "addr": matrix.addr,
        "baddbmm": matrix.baddbmm,
        "cross": matrix.cross,
        "matrix_power": matrix.matrix_power,
        "trace": matrix.trace,
    }
)
add_methods(
    {
        "argwhere": count.argwhere,
        "bincount": count.bincount,
        "histc": count.histc,
        "isin": count.isin,
        "unique": count.unique,
        "unique_consecutive": count.unique_consecutive,
    }
)
add_methods(
    {
        "diff": layout.diff,
        "fliplr": layout.fliplr,
        "flipud": layout.flipud,
        "hsplit": layout.hsplit,
        "moveaxis": layout.moveaxis,
        "ravel": layout.ravel,
        "rot90": layout.rot90,
        "tensor_split": layout.tensor_split,
        "vsplit": layout.vsplit,
    }
)
add_methods({"diagflat": grid.diagflat})
add_methods(
    {
        "bitwise_and": bits.bitwise_and,
        "bitwise_not": bits.bitwise_not,
        "bitwise_or": bits.bitwise_or,
        "bitwise_xor": bits.bitwise_xor,
        "clamp_max": number.clamp_max,
        "clamp_min": number.clamp_min,
        "deg2rad": number.deg2rad,
        "float_power": number.float_power,
        "fmax": number.fmax,
        "fmin": number.fmin,
        "heaviside": signs.heaviside,
        "isneginf": signs.isneginf,
        "isposinf": signs.isposinf,
        "ldexp": number.ldexp,
        "logaddexp2": number.logaddexp2,
        "logit": number.logit,
        "nan_to_num": number.nan_to_num,
        "positive": signs.positive,
        "rad2deg": number.rad2deg,
        "sgn": signs.sgn,
        "signbit": signs.signbit,
        "sinc": number.sinc,
        "xlogy": number.xlogy,
    }
)
add_methods(
    {
        "index_copy": put.index_copy,
        "index_fill": put.index_fill,
        "index_put": put.index_put,
        "masked_scatter": put.masked_scatter,
        "scatter_reduce": put.scatter_reduce,
        "take": put.take,
    }
)
add_methods(
    {
        "aminmax": rank.aminmax,
        "count_nonzero": count.count_nonzero,
        "kthvalue": rank.kthvalue,
        "median": rank.median,
        "mode": rank.mode,
        "msort": rank.msort,
        "nanmean": skipnan.nanmean,
        "nanmedian": rank.nanmedian,
        "nanquantile": quantiles.nanquantile,
        "nansum": skipnan.nansum,
        "quantile": quantiles.quantile,
    }
)
add_methods({"hardshrink": rectifier.hardshrink, "prelu": gate.prelu})
add_methods({"dist": distance.dist})
add_methods({"multinomial": noise.multinomial})
_IN_PLACE = (
    arc.acos, arc.acosh, arc.asin, arc.asinh, arc.atan, arc.atan2, arc.atanh, arc.copysign, arc.cosh,
    arc.hypot, arc.sinh, special.digamma, special.erfc, special.erfinv, special.exp2, special.lgamma,
    scan.cumprod, number.clamp_max, number.clamp_min, number.deg2rad, number.nan_to_num,
    number.rad2deg, signs.sgn, number.sinc, number.xlogy, number.logit, put.index_copy,
    put.index_fill, put.index_put, put.masked_scatter, put.scatter_reduce, matrix.addbmm,
    matrix.addmv, matrix.addr, matrix.baddbmm,
)  # fmt: skip
add_methods({f"{f.__name__}_": _in_place_form(f) for f in _IN_PLACE})
