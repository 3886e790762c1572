"""MNIST: 70,000 handwritten digits, from a folder or from a public mirror."""

import hashlib
import os
import urllib.error
import urllib.request
import zlib

import numpy as np

from fastnn.data.atomic import replacing
from fastnn.data.idx import read_idx

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# SHA-256 of the unzipped files: mirrors may compress them in their own way
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_TIMEOUT = 30  # seconds
_LARGEST = 1 << 24  # bytes of a download; the largest file has 10 MB


def load_mnist(data_dir=None, split="train"):
    """MNIST's handwritten digits: 60,000 training and 10,000 test images of 28 x 28 pixels.

    Parameters
    ----------
    data_dir : str or path, optional
        A folder with the four IDX files, gzipped or not. Default: the cache folder
        (``$FASTNN_CACHE/mnist``, else ``~/.cache/fastnn/mnist``); files that are missing there are
        downloaded, checked against their SHA-256 and kept.
    split : {"train", "test"}
        Default "train".

    Returns
    -------
    (images, labels) : tuple of arrays
        float32 (N, 784) from 0 to 1, int64 (N,) from 0 to 9. For images with a channel:
        ``images.reshape(-1, 1, 28, 28)``.

    Raises
    ------
    FileNotFoundError
        `data_dir` is given and lacks a file.
    ConnectionError
        A file must be downloaded and no mirror answers.
    ValueError
        A damaged file, or an unknown `split`.

    Notes
    -----
    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
    """
    parts = {"train": "train", "test": "t10k"}
    if split not in parts:
        raise ValueError(f"load_mnist: split must be 'train' or 'test', got {split!r}")
    find = _download if data_dir is None else _find
    folder = cache_folder("mnist") if data_dir is None else os.fspath(data_dir)
    images_path = find(folder, f"{parts[split]}-images-idx3-ubyte")
    labels_path = find(folder, f"{parts[split]}-labels-idx1-ubyte")
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"load_mnist: expected N images and N labels, got shapes {images.shape} and "
            f"{labels.shape} from {images_path} and {labels_path}"
        )
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels /= 255
    return pixels, labels.astype(np.int64)


def cache_folder(name):
    """The folder where downloads called `name` are kept."""
    base = os.environ.get("FASTNN_CACHE")
    if not base:
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        base = os.path.join(cache, "fastnn")
    return os.path.join(base, name)


def _find(folder, stem):
    # some copies spell the names with a dot: train-images.idx3-ubyte
    for name in (stem + ".gz", stem, stem.replace("-idx", ".idx")):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"load_mnist: no folder {folder}")
    raise FileNotFoundError(f"load_mnist: {folder} has no {stem}.gz and no {stem}")


def _download(folder, stem):
    path = os.path.join(folder, stem + ".gz")
    if os.path.isfile(path):
        return path
    os.makedirs(folder, exist_ok=True)
    failures = []
    for mirror in MIRRORS:
        url = f"{mirror}{stem}.gz"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
                data = answer.read(_LARGEST)
        except (urllib.error.URLError, OSError) as error:
            failures.append(f"  {url}: {getattr(error, 'reason', error)}")
            continue
        if _checksum(data) != CHECKSUMS[stem]:
            failures.append(f"  {url}: wrong SHA-256 (not the file that was asked for)")
            continue
        with replacing(path) as file:
            file.write(data)
        return path
    raise ConnectionError(
        f"load_mnist: could not download {stem}.gz:\n" + "\n".join(failures) + "\n"
        "Without a network, put MNIST's four IDX files into a folder and name it: "
        "load_mnist('FOLDER'), or  fastnn train mnist --data FOLDER"
    )


def _checksum(zipped):
    """SHA-256 of what gzip data unpacks to, in steps, so that a bomb cannot fill the memory."""
    digest, left = hashlib.sha256(), 1 << 26
    unzip = zlib.decompressobj(wbits=31)
    try:
        while zipped and left > 0:
            piece = unzip.decompress(zipped, 1 << 20)
            digest.update(piece)
            left -= len(piece)
            zipped = unzip.unconsumed_tail
    except zlib.error:
        return None
    return digest.hexdigest() if unzip.eof else None
