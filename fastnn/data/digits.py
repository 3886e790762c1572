"""The handwritten digits that come with the package, so that a first run needs no network."""

import importlib.resources

import numpy as np

from fastnn.data.split import split_rows


def load_digits(split=None, seed=0, test_size=0.2):
    """UCI's handwritten digits: 1,797 images of 8 x 8 pixels in 10 classes.

    Parameters
    ----------
    split : {"train", "test"}, optional
        One part of a stratified random split. Default: all rows, in the data set's own order.
    seed : int
        Fixes the split. Default 0.
    test_size : float or int
        Share or number of the test rows. Default 0.2: 1,437 rows for training, 360 for testing.

    Returns
    -------
    (images, labels) : tuple of arrays
        float32 (N, 64) from 0 to 1, int64 (N,) from 0 to 9.

    Raises
    ------
    ValueError
        An unknown `split`.

    Notes
    -----
    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998, doi 10.24432/C50P49, licence CC BY 4.0 (see digits.txt beside it).

    Examples
    --------
    >>> from fastnn.data import load_digits
    >>> images, labels = load_digits("train")
    >>> images.shape, labels.shape
    ((1437, 64), (1437,))
    """
    if split not in (None, "train", "test"):
        raise ValueError(f"load_digits: split must be 'train', 'test' or None, got {split!r}")
    path = importlib.resources.files("fastnn.data").joinpath("digits.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
        images, labels = data["images"], data["labels"]
    images = images.reshape(len(images), -1).astype(np.float32) / 16
    labels = labels.astype(np.int64)
    if split is None:
        return images, labels
    train, test = split_rows(len(labels), test_size, labels, seed)
    rows = train if split == "train" else test
    return images[rows], labels[rows]
