"""Padding layers: what stands around a sequence, an image or a volume."""

from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn.nn.module import Module
from fastnn.ops.border import pad


class _Pad(Module):
    _dims, _mode = 2, "constant"

    def __init__(self, padding):
        super().__init__()
        name, count = type(self).__name__, 2 * self._dims
        values = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * count
        if len(values) != count or not all(isinstance(v, int) for v in values):
            raise ValueError(f"{name}: padding must be an int or {count} ints, got {padding!r}")
        self.padding = values

    def _checked(self, x):
        x, dims = as_tensor(x), self._dims
        if self._mode != "constant" and x.ndim not in (dims + 1, dims + 2):
            raise ValueError(
                f"{type(self).__name__}: expected {dims + 1}-d or {dims + 2}-d input, got shape "
                f"{tuple(x.shape)}"
            )
        return x

    def forward(self, input):
        """input with its borders."""
        return pad(self._checked(input), self.padding, self._mode)

    def extra_repr(self):
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        """input with its borders."""
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad):
    """Zeros around a sequence: ``torch.nn.ZeroPad1d``.

    (..., L), enlarged by the padding, of any dtype. Raises as `functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right; negative ones crop.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ZeroPad1d(1)(fastnn.zeros(1, 2, 3)).shape
    (1, 2, 5)
    """

    _dims = 1


class ZeroPad2d(_ZeroPad):
    """Zeros around an image: ``torch.nn.ZeroPad2d``.

    (..., H, W), enlarged by the padding, of any dtype. Raises as `functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom; negative ones crop.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ZeroPad2d(1)(fastnn.zeros(1, 2, 3, 3)).shape
    (1, 2, 5, 5)
    """

    _dims = 2


class ZeroPad3d(_ZeroPad):
    """Zeros around a volume: ``torch.nn.ZeroPad3d``.

    (..., D, H, W), enlarged by the padding, of any dtype. Raises as `functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom, front, back; negative ones crop.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ZeroPad3d(1)(fastnn.zeros(1, 2, 3, 3, 3)).shape
    (1, 2, 5, 5, 5)
    """

    _dims = 3


class ConstantPad1d(_ConstantPad):
    """One value around a sequence: ``torch.nn.ConstantPad1d``.

    (..., L), enlarged by the padding, of any dtype. Raises as `functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right; negative ones crop.
    value : float
        What is added.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ConstantPad1d(1, 0.5)(fastnn.zeros(1, 2, 3)).shape
    (1, 2, 5)
    """

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """One value around an image: ``torch.nn.ConstantPad2d``.

    (..., H, W), enlarged by the padding, of any dtype. Raises as `functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom; negative ones crop.
    value : float
        What is added.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ConstantPad2d(1, 0.5)(fastnn.zeros(1, 2, 3, 3)).shape
    (1, 2, 5, 5)
    """

    _dims = 2


class ConstantPad3d(_ConstantPad):
    """One value around a volume: ``torch.nn.ConstantPad3d``.

    (..., D, H, W), enlarged by the padding, of any dtype. Raises as `functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom, front, back; negative ones crop.
    value : float
        What is added.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ConstantPad3d(1, 0.5)(fastnn.zeros(1, 2, 3, 3, 3)).shape
    (1, 2, 5, 5, 5)
    """

    _dims = 3


class ReflectionPad1d(_Pad):
    """A sequence mirrored at its borders, which are not repeated: ``torch.nn.ReflectionPad1d``.

    (N, C, L) or (C, L), enlarged by the padding, of any dtype.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right; negative ones crop.

    Raises
    ------
    ValueError
        If more is asked for than there is to mirror, or the input has other dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ReflectionPad1d(1)(fastnn.zeros(1, 2, 3)).shape
    (1, 2, 5)
    """

    _dims, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """An image mirrored at its borders, which are not repeated: ``torch.nn.ReflectionPad2d``.

    (N, C, H, W) or (C, H, W), enlarged by the padding, of any dtype.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom; negative ones crop.

    Raises
    ------
    ValueError
        If more is asked for than there is to mirror, or the input has other dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ReflectionPad2d(1)(fastnn.zeros(1, 2, 3, 3)).shape
    (1, 2, 5, 5)
    """

    _dims, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """A volume mirrored at its borders, which are not repeated: ``torch.nn.ReflectionPad3d``.

    (N, C, D, H, W) or (C, D, H, W), enlarged by the padding, of any dtype.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom, front, back; negative ones crop.

    Raises
    ------
    ValueError
        If more is asked for than there is to mirror, or the input has other dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ReflectionPad3d(1)(fastnn.zeros(1, 2, 3, 3, 3)).shape
    (1, 2, 5, 5, 5)
    """

    _dims, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """A sequence with its borders repeated: ``torch.nn.ReplicationPad1d``.

    (N, C, L) or (C, L), enlarged by the padding, of any dtype. Raises as `functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right; negative ones crop.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ReplicationPad1d(1)(fastnn.zeros(1, 2, 3)).shape
    (1, 2, 5)
    """

    _dims, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """An image with its borders repeated: ``torch.nn.ReplicationPad2d``.

    (N, C, H, W) or (C, H, W), enlarged by the padding, of any dtype. Raises as `functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom; negative ones crop.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ReplicationPad2d(1)(fastnn.zeros(1, 2, 3, 3)).shape
    (1, 2, 5, 5)
    """

    _dims, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """A volume with its borders repeated: ``torch.nn.ReplicationPad3d``.

    (N, C, D, H, W) or (C, D, H, W), enlarged by the padding; any dtype. Raises as `functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom, front, back; negative ones crop.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.ReplicationPad3d(1)(fastnn.zeros(1, 2, 3, 3, 3)).shape
    (1, 2, 5, 5, 5)
    """

    _dims, _mode = 3, "replicate"


class CircularPad1d(_Pad):
    """A sequence continued by its other end: ``torch.nn.CircularPad1d``.

    (N, C, L) or (C, L), enlarged by the padding, of any dtype.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right; negative ones crop.

    Raises
    ------
    ValueError
        If more is asked for than there is to wrap round, or the input has other dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.CircularPad1d(1)(fastnn.zeros(1, 2, 3)).shape
    (1, 2, 5)
    """

    _dims, _mode = 1, "circular"


class CircularPad2d(_Pad):
    """An image continued by its other end: ``torch.nn.CircularPad2d``.

    (N, C, H, W) or (C, H, W), enlarged by the padding, of any dtype.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom; negative ones crop.

    Raises
    ------
    ValueError
        If more is asked for than there is to wrap round, or the input has other dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.CircularPad2d(1)(fastnn.zeros(1, 2, 3, 3)).shape
    (1, 2, 5, 5)
    """

    _dims, _mode = 2, "circular"


class CircularPad3d(_Pad):
    """A volume continued by its other end: ``torch.nn.CircularPad3d``.

    (N, C, D, H, W) or (C, D, H, W), enlarged by the padding, of any dtype.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements: left, right, top, bottom, front, back; negative ones crop.

    Raises
    ------
    ValueError
        If more is asked for than there is to wrap round, or the input has other dimensions.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.CircularPad3d(1)(fastnn.zeros(1, 2, 3, 3, 3)).shape
    (1, 2, 5, 5, 5)
    """

    _dims, _mode = 3, "circular"
