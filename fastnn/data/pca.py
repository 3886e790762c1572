"""Principal components: rotation and whitening."""

from __future__ import annotations

import numpy as np

from fastnn.data.preprocess import Transform
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole


class PCA(Transform):
    """Rotate the features onto the directions of largest variance, and whiten them if asked.

    With the training rows' covariance E D E^T and the centred rows as columns of X, the rotation is
    Y = E^T X; whitening makes it Y = D^(-1/2) E^T X, whose features are uncorrelated and have
    variance 1. Results have the float dtype of what is given.

    Parameters
    ----------
    num_components : int or float, optional
        How many directions to keep; below 1: as many as hold this share of the variance. Default:
        all that the training rows determine.
    whiten : bool
        Default False. Directions without variance in the training rows are left out then.

    Attributes
    ----------
    mean : array, shape (D,), float64
    components : array, shape (K, D), float64
        Rows of E^T, the direction of largest variance first; the largest entry of each is positive.
    variance : array, shape (K,), float64
        The diagonal of D: variances along them, with N - 1 in the denominator.
    variance_share : array, shape (K,)
        The same as shares of the whole variance.

    Raises
    ------
    ValueError
        `num_components` not positive; fewer than 2 rows; more components than the rows determine.

    Notes
    -----
    Equals ``sklearn.decomposition.PCA`` up to the sign of the directions.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import PCA
    >>> x = np.random.default_rng(0).normal(size=(100, 3)) @ np.array([[2, 1, 0], [0, 1, 1], [0, 0, 3]])
    >>> y = PCA(whiten=True).fit_transform(x)
    >>> bool(np.allclose(np.cov(y.T), np.eye(3)))
    True
    """

    _fitted = ("mean", "components", "variance", "total_variance")
    _settings = ("num_components", "whiten")

    def __init__(self, num_components: int | float | None = None, whiten: bool = False):
        if num_components is not None and not number(num_components, "PCA: num_components") > 0:
            raise ValueError(f"PCA: num_components must be above 0, got {num_components}")
        if num_components is not None and num_components >= 1:
            num_components = whole(num_components, "PCA: num_components from 1")
        self.num_components, self.whiten = num_components, bool(whiten)
        self.mean = self.components = self.variance = self.total_variance = None

    @property
    def variance_share(self) -> np.ndarray:
        """Shares of the whole variance, largest first, shape (K,)."""
        self._check_fitted("variance_share")
        return self.variance / self.total_variance

    def _fit(self, x):
        rows, features = x.shape
        if rows < 2:
            raise ValueError("PCA.fit: expected at least 2 rows, got 1")
        mean = x.mean(0, dtype=np.float64)
        centred = x - mean
        variance, vectors = np.linalg.eigh(centred.T @ centred / (rows - 1))
        variance, components = np.maximum(variance[::-1], 0), vectors.T[::-1]
        total = float(variance.sum())
        possible = min(rows - 1, features)
        if self.whiten:  # what is left of rounding would be blown up to variance 1
            floor = variance[0] * features * np.finfo(x.dtype).eps
            possible = min(possible, int(np.count_nonzero(variance > floor)))
        count = self.num_components
        if count is None:
            count = possible if self.whiten else min(rows, features)
        elif count < 1:
            shares = np.cumsum(variance) / (total or 1.0)
            count = min(int(np.searchsorted(shares, count)) + 1, max(possible, 1))
        elif count > min(rows, features) or (self.whiten and count > possible):
            raise ValueError(
                f"PCA.fit: {count} components asked for, but the {rows} rows of {features} features "
                f"determine {possible}"
            )
        if self.whiten and not possible:
            raise ValueError("PCA.fit: no feature varies; there is nothing to whiten")
        components = components[:count]
        largest = np.abs(components).argmax(1)
        sign = np.where(components[np.arange(count), largest] < 0, -1.0, 1.0)
        self.mean, self.components = mean, components * sign[:, None]
        self.variance, self.total_variance = variance[:count], total

    def _check_values(self, a):
        if a.ndim != 2:
            raise ValueError(f"PCA.fit: expected x of shape (N, D), got {a.shape}")
        super()._check_values(a)

    def _transform(self, x):
        y = (x - self.mean) @ self.components.T
        if self.whiten:
            y /= np.sqrt(self.variance)
        return y.astype(x.dtype, copy=False)

    def _inverse(self, y):
        if y.shape[1:] != self.variance.shape:
            raise ValueError(
                f"PCA.inverse_transform: expected rows of {len(self.variance)}, got {y.shape[1:]}"
            )
        scaled = y * np.sqrt(self.variance) if self.whiten else y
        return (scaled @ self.components + self.mean).astype(y.dtype, copy=False)

    def feature_names(self, names: list[str]) -> list[str]:
        """component 0, component 1, ..."""
        return [f"component {i}" for i in range(len(self.variance))]
