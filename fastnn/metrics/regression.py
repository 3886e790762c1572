"""Metrics of numbers: MAE, RMSE, R²."""

import numpy as np

from fastnn.metrics.checks import checked_numbers


def mae(target, prediction):
    """Mean absolute error: mean |target - prediction|.

    Parameters
    ----------
    target, prediction : array_like, shape (N,) or (N, D)
        Of the same shape.

    Returns
    -------
    float
        Equal to ``sklearn.metrics.mean_absolute_error``.

    Raises
    ------
    ValueError
        Shapes that differ ((N, 1) against (N,) too), no rows, NaN or infinity.

    Examples
    --------
    >>> from fastnn.metrics import mae
    >>> mae([1.0, 2.0], [1.5, 2.0])
    0.25
    """
    target, prediction = checked_numbers(target, prediction, "mae")
    return float(np.mean(np.abs(target - prediction)))


def rmse(target, prediction):
    """Root of the mean squared error, averaged over the columns where there are several.

    Parameters, result and errors as in `mae`; equals ``sklearn.metrics.root_mean_squared_error``.

    Examples
    --------
    >>> from fastnn.metrics import rmse
    >>> rmse([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    target, prediction = checked_numbers(target, prediction, "rmse")
    return float(np.mean(np.sqrt(np.mean(np.square(target - prediction), axis=0))))


def r2(target, prediction):
    """Share of the variance explained: 1 - sum (t - p)^2 / sum (t - mean t)^2.

    Averaged over the columns where there are several. A column that never varies counts 1 if it is
    predicted exactly, else 0. Parameters and errors as in `mae`; needs at least 2 rows; equals
    ``sklearn.metrics.r2_score``.

    Examples
    --------
    >>> from fastnn.metrics import r2
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    target, prediction = checked_numbers(target, prediction, "r2")
    if len(target) < 2:
        raise ValueError("r2: expected at least 2 rows, got 1")
    residual = np.square(target - prediction).sum(0)
    total = np.square(target - target.mean(0)).sum(0)
    varies = total != 0
    share = np.where(varies, 1 - residual / np.where(varies, total, 1), residual == 0)
    return float(np.mean(share))
