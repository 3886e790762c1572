"""DLPack: arrays of other libraries, taken over without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._engine.engine import Tensor, from_numpy


def from_dlpack(x: Any) -> Tensor:
    """A tensor that shares the memory of another library's array or tensor.

    Parameters
    ----------
    x : object with ``__dlpack__``
        Such as an array of NumPy or JAX, or a tensor of PyTorch, in the machine's memory; of float32,
        float64, int64, int32 or bool. Its memory stays alive as long as the tensor. What may not be
        written there may not be written here.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        An object without ``__dlpack__``, or another dtype.
    BufferError, RuntimeError
        Memory that its library does not give away, such as that of a GPU or of a tensor that
        requires grad.

    Notes
    -----
    Has the behaviour of ``torch.from_dlpack``. The other way is any library's own ``from_dlpack``.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> a = np.arange(3.0)
    >>> t = fastnn.from_dlpack(a)
    >>> a[0] = 7
    >>> t
    tensor([7., 1., 2.], dtype=float64)
    """
    if not hasattr(x, "__dlpack__"):
        raise TypeError(
            f"from_dlpack: expected an object with __dlpack__, got {type(x).__name__}; "
            "for lists use fastnn.tensor"
        )
    array = np.from_dlpack(x)
    try:
        return from_numpy(array)
    except TypeError as error:
        raise TypeError(str(error).replace("from_numpy", "from_dlpack", 1)) from None
