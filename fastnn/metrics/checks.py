"""What metrics look at before they compute: dtypes, shapes, finite numbers."""

import numpy as np

from fastnn.ops.argument import _whole as whole


def checked_integers(labels, what):
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise TypeError(f"{what} must be integer classes, got {labels.dtype}")
    return labels.astype(np.int64, copy=False)


def whole_or_none(value, what, least=None):
    return None if value is None else whole(value, what, least)


def checked_classes(target, prediction, what):
    prediction = np.asarray(prediction)
    if prediction.ndim == 2 and prediction.dtype.kind == "f" and prediction.shape[1]:
        prediction = prediction.argmax(1)
    target = checked_integers(target, f"{what}: target")
    prediction = checked_integers(prediction, f"{what}: prediction")
    if target.ndim != 1 or target.shape != prediction.shape:
        given = f"{target.shape} and {prediction.shape}"
        raise ValueError(f"{what}: expected shapes (N,) and (N,), got {given}")
    if len(target) == 0:
        raise ValueError(f"{what}: no rows")
    return target, prediction


def checked_finite(values, what):
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{what} must be numbers, got {values.dtype}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{what} must be finite, got NaN or infinity")
    return values


def checked_numbers(target, prediction, what):
    target = checked_finite(target, f"{what}: target").astype(np.float64)
    prediction = checked_finite(prediction, f"{what}: prediction").astype(np.float64)
    if target.shape != prediction.shape:
        given = f"target has shape {target.shape}, prediction {prediction.shape}"
        raise ValueError(f"{what}: {given}; they must be equal")
    if target.ndim == 0 or len(target) == 0:
        raise ValueError(f"{what}: no rows")
    return target, prediction
