"""Preprocessing that is fitted on the training rows alone: the base class, and two scales."""

from __future__ import annotations

import numpy as np

import fastnn
from fastnn.ops.argument import _number as number


class Transform:
    """Base class of preprocessing: fitted once, on the training rows; then applied to any rows.

    A second `fit` is refused, because fitting on validation rows is the usual mistake. A subclass
    defines ``_fit(x)``, ``_transform(x)``, if there is a way back ``_inverse(x)``, and lists the
    attributes that `fit` sets in ``_fitted``, those of its constructor in ``_settings``. All of
    these are arrays, numbers, text, or lists of text: a state never needs pickle.

    Notes
    -----
    ``fit``, ``transform`` and ``fit_transform`` as in scikit-learn,
    ``sklearn.base.TransformerMixin``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Transform
    >>> class Center(Transform):
    ...     _fitted = ("mean",)
    ...     def _fit(self, x):
    ...         self.mean = x.mean(0)
    ...     def _transform(self, x):
    ...         return x - self.mean
    >>> Center().fit(np.array([[1.0], [3.0]])).transform(np.array([[5.0]]))
    array([[3.]])
    """

    _fitted: tuple = ()
    _settings: tuple = ()
    _gaps = False  # whether NaN is welcome in the rows that are fitted

    @property
    def is_fitted(self) -> bool:
        """Whether `fit` or `load_state_dict` was called."""
        return all(getattr(self, name, None) is not None for name in self._fitted)

    def fit(self, x):
        """Fit to the training rows `x`, shape (N, D); returns itself.

        Raises
        ------
        RuntimeError
            It is fitted already.
        ValueError
            No rows, or a value that is NaN or infinite (named with row and column).
        """
        if self.is_fitted:
            raise RuntimeError(
                f"{self._name}.fit: it is fitted already; use transform() for validation and test "
                f"rows (for other training rows make a new {self._name})"
            )
        a = self._array(x, "fit")
        if len(a) == 0:
            raise ValueError(f"{self._name}.fit: x has no rows")
        self._check_values(a)
        self._fit(a)
        return self

    def transform(self, x):
        """Apply what was fitted to any rows `x`; array for array, tensor for tensor.

        RuntimeError before `fit`, ValueError for rows of another shape.
        """
        self._check_fitted("transform")
        a = self._array(x, "transform")
        self._check_width(a, "transform")
        return self._like(x, self._transform(a))

    def inverse_transform(self, x):
        """The rows `x` in the original units, where there is a way back.

        TypeError if there is none, RuntimeError before `fit`.
        """
        if not hasattr(self, "_inverse"):
            raise TypeError(f"{self._name} has no inverse_transform")
        self._check_fitted("inverse_transform")
        return self._like(x, self._inverse(self._array(x, "inverse_transform")))

    def fit_transform(self, x):
        """`fit`, then `transform`, of the training rows `x`. Raises as `fit`."""
        return self.fit(x).transform(x)

    def state_dict(self) -> dict:
        """What was fitted, by name: arrays, numbers, text and lists of text."""
        self._check_fitted("state_dict")
        return {name: getattr(self, name) for name in self._fitted}

    def load_state_dict(self, state: dict) -> None:
        """Take over `state`, what `state_dict` gave. ValueError if a name is missing."""
        missing = [name for name in self._fitted if name not in state]
        if missing:
            raise ValueError(f"{self._name}.load_state_dict: the state lacks {', '.join(missing)}")
        for name in self._fitted:
            value = state[name]
            setattr(self, name, np.array(value) if isinstance(value, np.ndarray) else value)

    def settings(self) -> dict:
        """Its constructor's arguments, by name."""
        return {name: getattr(self, name) for name in self._settings}

    def feature_names(self, names: list[str]) -> list[str]:
        """Names of the columns that it gives, from `names`, those that it takes."""
        return list(names)

    @property
    def _name(self):
        return type(self).__name__

    def _check_fitted(self, what):
        if not self.is_fitted:
            raise RuntimeError(f"{self._name}.{what}: call fit with the training rows first")

    def _check_width(self, a, what):
        width = np.shape(getattr(self, self._fitted[0]))
        if a.shape[1:] != width:
            raise ValueError(
                f"{self._name}.{what}: x has rows of shape {a.shape[1:]}, it was fitted on {width}"
            )

    def _check_values(self, a):
        wrong = np.argwhere(np.isinf(a) if self._gaps else ~np.isfinite(a))
        if len(wrong):
            at = tuple(int(i) for i in wrong[0])
            raise ValueError(
                f"{self._name}.fit: x holds {a[at]} at {at} (row, column); "
                "remove or fill in such rows first"
                + (" (Imputer fills in NaN)" if np.isnan(a[at]) else "")
            )

    def _array(self, x, what):
        a = np.asarray(x)
        if a.dtype.kind not in "fiub":
            raise TypeError(f"{self._name}.{what}: expected numbers, got {a.dtype}")
        return a if a.dtype.kind == "f" else a.astype(np.float32)

    def _like(self, x, a):
        return fastnn.from_numpy(a) if isinstance(x, fastnn.Tensor) else a

    def __repr__(self):
        given = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"{self._name}({given})"


class Standardizer(Transform):
    """Shift and scale every feature to mean 0 and variance 1: ``(x - mean) / std``.

    Mean and standard deviation are those of the rows given to `fit`, which are the training rows;
    validation and test rows go through `transform` alone. A second `fit` is refused. A feature that
    never varies is only shifted. Results have the float dtype of what is given.

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

    _fitted = ("mean", "std")

    def __init__(self):
        self.mean = self.std = None

    def _fit(self, x):
        mean = x.mean(0, dtype=np.float64)
        std = np.sqrt(np.square(x - mean).mean(0))
        # a constant column leaves rounding errors of the mean, not an exact zero
        constant = std <= 10 * np.finfo(x.dtype).eps * np.abs(mean)
        self.mean, self.std = mean, np.where(constant, 1.0, std)

    def _transform(self, x):
        return ((x - self.mean) / self.std).astype(x.dtype, copy=False)

    def _inverse(self, x):
        return (x * self.std + self.mean).astype(x.dtype, copy=False)


class MinMax(Transform):
    """Shift and scale every feature so that the training rows fill a range, by default 0 to 1.

    ``(x - min) / (max - min) * (high - low) + low``, with min and max those of the training rows;
    other rows may come to lie outside. A feature that never varies becomes `low`. Results have the
    float dtype of what is given.

    Parameters
    ----------
    low, high : float
        Default 0 and 1.

    Attributes
    ----------
    minimum, maximum : array, shape (D,), float64
        As fitted; None before.

    Raises
    ------
    ValueError
        `low` not below `high`.

    Notes
    -----
    Has the arithmetic of ``sklearn.preprocessing.MinMaxScaler``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import MinMax
    >>> MinMax().fit(np.array([[1.0], [3.0]])).transform(np.array([[2.0], [5.0]]))
    array([[0.5],
           [2. ]])
    """

    _fitted = ("minimum", "maximum")
    _settings = ("low", "high")

    def __init__(self, low: float = 0.0, high: float = 1.0):
        if not number(low, "MinMax: low") < number(high, "MinMax: high"):
            raise ValueError(f"MinMax: low must be below high, got {low} and {high}")
        self.low, self.high = float(low), float(high)
        self.minimum = self.maximum = None

    def _fit(self, x):
        self.minimum, self.maximum = (np.asarray(m(0), np.float64) for m in (x.min, x.max))

    def _span(self):
        span = self.maximum - self.minimum
        return np.where(span > 0, span, 1.0) / (self.high - self.low)

    def _transform(self, x):
        return ((x - self.minimum) / self._span() + self.low).astype(x.dtype, copy=False)

    def _inverse(self, x):
        return ((x - self.low) * self._span() + self.minimum).astype(x.dtype, copy=False)
