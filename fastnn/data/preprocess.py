"""Preprocessing that is fitted on the training rows alone."""

import numpy as np

import fastnn


class Standardizer:
    """Shift and scale every feature to mean 0 and variance 1: ``(x - mean) / std``.

    Mean and standard deviation are those of the rows given to `fit`, which are the training rows;
    validation and test rows go through `transform` alone. A second `fit` is refused, because
    fitting on validation rows is the usual mistake. A feature that never varies is only shifted.

    Attributes
    ----------
    mean, std : array, shape (D,), float64
        As fitted; None before.

    Notes
    -----
    Has the arithmetic of ``sklearn.preprocessing.StandardScaler``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Standardizer
    >>> train, test = np.array([[1.0], [3.0]]), np.array([[5.0]])
    >>> scale = Standardizer().fit(train)
    >>> scale.transform(train), scale.transform(test)
    (array([[-1.],
           [ 1.]]), array([[3.]]))
    """

    def __init__(self):
        self.mean = self.std = None

    def fit(self, x):
        """Take mean and standard deviation of the rows of `x`, shape (N, ...); returns itself.

        Raises
        ------
        RuntimeError
            It is fitted already.
        ValueError
            No rows, or a value that is NaN or infinite (named with row and column).
        """
        if self.mean is not None:
            raise RuntimeError(
                "Standardizer.fit: it is fitted already; use transform() for validation and test "
                "rows (for other training rows make a new Standardizer)"
            )
        x = self._array(x, "fit")
        if len(x) == 0:
            raise ValueError("Standardizer.fit: x has no rows")
        wrong = np.argwhere(~np.isfinite(x))
        if len(wrong):
            at = tuple(int(i) for i in wrong[0])
            raise ValueError(
                f"Standardizer.fit: x holds {x[at]} at {at} (row, column); "
                "remove or fill in such rows first"
            )
        mean = x.mean(0, dtype=np.float64)
        std = np.sqrt(np.square(x - mean).mean(0))
        # a constant column leaves rounding errors of the mean, not an exact zero
        constant = std <= 10 * np.finfo(x.dtype).eps * np.abs(mean)
        self.mean, self.std = mean, np.where(constant, 1.0, std)
        return self

    def transform(self, x):
        """``(x - mean) / std``; array for array, tensor for tensor, in the float dtype of `x`."""
        a = self._array(x, "transform")
        return self._like(x, (a - self.mean) / self.std, a.dtype)

    def inverse_transform(self, x):
        """``x * std + mean``: back to the original units."""
        a = self._array(x, "inverse_transform")
        return self._like(x, a * self.std + self.mean, a.dtype)

    def fit_transform(self, x):
        """`fit`, then `transform`, of the training rows."""
        return self.fit(x).transform(x)

    def state_dict(self):
        """Mean and standard deviation by name, for saving."""
        self._check_fitted("state_dict")
        return {"mean": self.mean, "std": self.std}

    def load_state_dict(self, state):
        """Take over what `state_dict` gave."""
        self.mean, self.std = (np.array(state[k], dtype=np.float64) for k in ("mean", "std"))

    def _array(self, x, what):
        a = np.asarray(x)
        if a.dtype.kind not in "fiub":
            raise TypeError(f"Standardizer.{what}: expected numbers, got {a.dtype}")
        if a.dtype.kind != "f":
            a = a.astype(np.float32)
        if what == "fit":
            return a
        self._check_fitted(what)
        if a.shape[1:] != self.mean.shape:
            raise ValueError(
                f"Standardizer.{what}: x has rows of shape {a.shape[1:]}, "
                f"it was fitted on {self.mean.shape}"
            )
        return a

    def _check_fitted(self, what):
        if self.mean is None:
            raise RuntimeError(f"Standardizer.{what}: call fit with the training rows first")

    @staticmethod
    def _like(x, a, dtype):
        a = a.astype(dtype, copy=False)
        return fastnn.from_numpy(a) if isinstance(x, fastnn.Tensor) else a
