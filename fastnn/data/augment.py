"""Augmentation of batches: noise, shift, flip, crop, mixup, as functions of (seed, epoch, step)."""

import math

import numpy as np

import fastnn
from fastnn.data.order import draw_key
from fastnn.ops.argument import _number as number
from fastnn.ops.argument import _whole as whole


class Augment:
    """Changes batches at random: give it to a `DataLoader` as ``transform=``.

    What happens to a batch is a function of (seed, epoch, step) alone, so that a run that was
    stopped goes on with the very batches it would have had, prefetched or not. Use it for the
    training rows, not for validation.

    Parameters
    ----------
    *steps : callable
        Applied in turn: `Noise`, `Shift`, `Flip`, `Crop`, `Mixup`, or a function of your own,
        ``step(x, y, random)``, that takes and returns two arrays, and draws from `random`, a
        ``numpy.random.Generator``. It must not change its arguments in place.
    seed : int, optional
        Default: a draw from the default generator, which `fastnn.manual_seed` sets.

    Raises
    ------
    TypeError
        A step that cannot be called.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Augment, DataLoader, Flip, Noise, TensorDataset
    >>> images = np.zeros((6, 1, 8, 8), np.float32)
    >>> augment = Augment(Flip(), Noise(0.1), seed=0)
    >>> loader = DataLoader(TensorDataset(images, np.arange(6)), 3, transform=augment)
    >>> [x.shape for x, y in loader]
    [(3, 1, 8, 8), (3, 1, 8, 8)]
    """

    def __init__(self, *steps, seed=None):
        for step in steps:
            if not callable(step):
                raise TypeError(
                    f"Augment: {step!r} cannot be called; give steps such as Noise(0.1)"
                )
        self.steps = steps
        self._key = draw_key(seed)

    def __call__(self, batch, epoch, step):
        """The batch ``(x, y)``, or ``(x,)``, changed as (epoch, step) determines."""
        if not isinstance(batch, (tuple, list)) or not 1 <= len(batch) <= 2:
            raise TypeError(f"Augment: expected batches (x, y), got {type(batch).__name__}")
        x = np.asarray(batch[0])
        y = np.asarray(batch[1]) if len(batch) == 2 else None
        random = np.random.Generator(np.random.Philox(key=self._key, counter=(0, 0, step, epoch)))
        for change in self.steps:
            x, y = change(x, y, random)
        results = (x,) if y is None else (x, y)
        return tuple(fastnn.from_numpy(np.ascontiguousarray(a)) for a in results)

    def state_dict(self):
        """What fixes the draws, as JSON can hold it."""
        return {"key": list(self._key)}

    def load_state_dict(self, state):
        """Take over `state`, what `state_dict` gave. KeyError: not such a state."""
        self._key = tuple(state["key"])


class Noise:
    """Adds normal noise: x + std * N(0, 1).

    Parameters
    ----------
    std : float
        Standard deviation, at least 0.

    Raises
    ------
    ValueError
        A negative std.
    TypeError
        When called, x that is not of floating point numbers.

    Notes
    -----
    Bishop (1995): training with noise is Tikhonov regularization.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Noise
    >>> x, y = Noise(0.1)(np.zeros((2, 3), np.float32), None, np.random.default_rng(0))
    >>> x.shape, bool(abs(x).max() < 1)
    ((2, 3), True)
    """

    def __init__(self, std):
        self.std = _number(std, "Noise: std")

    def __call__(self, x, y, random):
        x = _floats(x, "Noise")
        return x + x.dtype.type(self.std) * random.standard_normal(x.shape, dtype=x.dtype), y


class Shift:
    """Moves every image by whole pixels at random; what comes in from outside is `fill`.

    Parameters
    ----------
    pixels : int
        Farthest move in each direction, up and down, left and right.
    fill : float
        Default 0.

    Shapes
    ------
    x (B, ..., H, W).

    Raises
    ------
    ValueError
        Negative pixels, or, when called, x of fewer than 3 dimensions.
    TypeError
        Pixels that are no int.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Shift
    >>> x, y = Shift(1)(np.ones((1, 2, 2)), None, np.random.default_rng(3))
    >>> x[0]
    array([[0., 1.],
           [0., 0.]])
    """

    def __init__(self, pixels, fill=0.0):
        self.pixels, self.fill = whole(pixels, "Shift: pixels", 0), number(fill, "Shift: fill")

    def __call__(self, x, y, random):
        _images(x, "Shift")
        return _cut(x, x.shape[-2:], self.pixels, self.fill, random), y


class Crop:
    """Cuts a window out of every image at a random place, after a border was put around it.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of the window.
    padding : int
        Width of the border. Default 0.
    fill : float
        Value of the border. Default 0.

    Shapes
    ------
    x (B, ..., H, W) becomes (B, ..., size, size).

    Raises
    ------
    ValueError
        A window larger than image and border (when it is applied).

    Notes
    -----
    Has the arguments of ``torchvision.transforms.RandomCrop``; each image has its own place.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Crop
    >>> Crop(6)(np.ones((5, 3, 8, 8)), None, np.random.default_rng(0))[0].shape
    (5, 3, 6, 6)
    """

    def __init__(self, size, padding=0, fill=0.0):
        if not isinstance(size, (tuple, list)):
            size = size, size
        if len(size) != 2:
            raise ValueError(f"Crop: size must be an int or two, got {size!r:.40}")
        height, width = size
        self.size = whole(height, "Crop: size", 1), whole(width, "Crop: size", 1)
        self.padding, self.fill = whole(padding, "Crop: padding", 0), number(fill, "Crop: fill")

    def __call__(self, x, y, random):
        _images(x, "Crop")
        for size, own in zip(self.size, x.shape[-2:], strict=True):
            if size > own + 2 * self.padding:
                raise ValueError(
                    f"Crop: a window of {self.size} does not fit into images of {x.shape[-2:]} "
                    f"with a border of {self.padding}"
                )
        return _cut(x, self.size, self.padding, self.fill, random), y


class Flip:
    """Mirrors images at random.

    Parameters
    ----------
    probability : float
        Share of the images that are mirrored. Default 0.5.
    axis : int
        -1 (left and right, default) or -2 (up and down).

    Raises
    ------
    ValueError
        A probability outside 0 to 1, another axis, or, when called, x of fewer than 3 dimensions.

    Notes
    -----
    Like ``torchvision.transforms.RandomHorizontalFlip``, and its vertical kin; each image by
    itself.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Flip
    >>> Flip(1.0)(np.arange(3)[None, None], None, np.random.default_rng(0))[0]
    array([[[2, 1, 0]]])
    """

    def __init__(self, probability=0.5, axis=-1):
        self.probability = _number(probability, "Flip: probability")
        if self.probability > 1:
            raise ValueError(f"Flip: probability must be from 0 to 1, got {probability}")
        if axis not in (-1, -2):
            raise ValueError(f"Flip: axis must be -1 or -2, got {axis}")
        self.axis = axis

    def __call__(self, x, y, random):
        _images(x, "Flip")
        chosen = random.random(len(x)) < self.probability
        x = x.copy()
        x[chosen] = np.flip(x[chosen], self.axis)
        return x, y


class Mixup:
    """Blends every row with another row of the batch, and their targets likewise.

    x = l * x + (1 - l) * x', y = l * y + (1 - l) * y', with l drawn once per batch from
    Beta(alpha, alpha).

    Parameters
    ----------
    alpha : float
        Above 0; small values blend little. Default 0.2.
    num_classes : int, optional
        For integer targets, which become class probabilities of shape (B, num_classes), as
        CrossEntropyLoss takes them. Targets that are floating point numbers need it not.

    Raises
    ------
    ValueError
        `alpha` not above 0; integer targets without `num_classes`, or beyond it (when applied).

    Notes
    -----
    Source: H. Zhang, M. Cisse, Y. Dauphin, D. Lopez-Paz, "mixup: Beyond Empirical Risk
    Minimization", 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Mixup
    >>> mix = Mixup(1.0, num_classes=2)
    >>> x, y = mix(np.eye(2), np.array([0, 1]), np.random.default_rng(0))
    >>> bool(np.allclose(x, y)), bool(np.allclose(y.sum(1), 1))
    (True, True)
    """

    def __init__(self, alpha=0.2, num_classes=None):
        self.alpha = _number(alpha, "Mixup: alpha")
        if self.alpha == 0:
            raise ValueError("Mixup: alpha must be above 0")
        self.num_classes = (
            None if num_classes is None else whole(num_classes, "Mixup: num_classes", 2)
        )

    def __call__(self, x, y, random):
        if y is None:
            raise ValueError("Mixup: the batches have no targets to blend")
        x = _floats(x, "Mixup")
        if y.dtype.kind in "iu":
            if self.num_classes is None:
                raise ValueError("Mixup: targets are integers; give num_classes=")
            wrong = np.flatnonzero((y < 0) | (y >= self.num_classes))
            if wrong.size:
                raise ValueError(
                    f"Mixup: classes must be 0 to {self.num_classes - 1}, got {y[wrong[0]]}"
                )
            y = np.eye(self.num_classes, dtype=x.dtype)[y]
        share, other = random.beta(self.alpha, self.alpha), random.permutation(len(x))
        return _blend(x, other, share), _blend(_floats(y, "Mixup"), other, share)


def _blend(a, other, share):
    share = a.dtype.type(share)
    return share * a + (1 - share) * a[other]


def _cut(x, size, border, fill, random):
    """A window of `size` from every image, at a place of its own, with a border around it."""
    rows, height, width = len(x), *x.shape[-2:]
    padding = [(0, 0)] * (x.ndim - 2) + [(border, border)] * 2
    wide = np.pad(x, padding, constant_values=fill) if border else x
    top = random.integers(0, height + 2 * border - size[0] + 1, rows)
    left = random.integers(0, width + 2 * border - size[1] + 1, rows)
    flat = wide.reshape(rows, math.prod(x.shape[1:-2]), *wide.shape[-2:])
    down = (top[:, None] + np.arange(size[0]))[:, None, :, None]
    right = (left[:, None] + np.arange(size[1]))[:, None, None, :]
    channels = np.arange(flat.shape[1])[None, :, None, None]
    cut = flat[np.arange(rows)[:, None, None, None], channels, down, right]
    return cut.reshape(*x.shape[:-2], *size)


def _images(x, what):
    if x.ndim < 3:
        raise ValueError(
            f"{what}: expected images of shape (B, ..., H, W), got {x.shape}; "
            "reshape flat rows first: x.reshape(-1, 1, H, W)"
        )


def _floats(x, what):
    if x.dtype.kind != "f":
        raise TypeError(f"{what}: expected floating point numbers, got {x.dtype}")
    return x


def _number(value, what):
    value = float(number(value, what))
    if not 0 <= value < math.inf:
        raise ValueError(f"{what} must be at least 0, got {value}")
    return value
