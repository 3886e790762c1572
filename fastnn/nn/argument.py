"""Arguments of layers, checked when a layer is made."""

import operator


def number(value, what):
    """The value, a number that can be compared; TypeError names `what` else."""
    try:
        if not isinstance(value, (str, bytes)):
            float(value)
            return value
    except (TypeError, ValueError, OverflowError):
        pass
    raise TypeError(f"{what} must be a number, got {value!r:.40}")


def whole(value, what):
    """The value as an int; TypeError names `what` else."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an int, got {value!r:.40}") from None


def several(values, what):
    """The values, which can be iterated over; TypeError names `what` else."""
    if (
        not hasattr(values, "__iter__")
        or getattr(values, "ndim", 1) == 0
        or isinstance(values, type)
    ):
        raise TypeError(f"{what}: expected a sequence, got {values!r:.40}")
    return values
