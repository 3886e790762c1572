"""IDX files, the digits in the package, MNIST from a folder or a mirror."""

import functools
import gzip
import hashlib
import http.server
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from fastnn import data
from fastnn.data import mnist

REPOSITORY = Path(__file__).resolve().parents[1]


def shared_data(name):
    """A folder of real data too large for the package, or a skip that says how to have it."""
    for base in (os.environ.get("FASTNN_DATA"), REPOSITORY.parent / "shared" / "data"):
        if base and (Path(base) / name).is_dir():
            return Path(base) / name
    pytest.skip(f"no {name} data: set FASTNN_DATA to a folder that holds {name}/")


def idx_bytes(array, code):
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("dtype", "code"),
    [("u1", 8), ("i1", 9), ("i2", 0x0B), ("i4", 0x0C), ("f4", 0x0D), ("f8", 0x0E)],
)
def test_idx_reads_every_dtype(tmp_path, dtype, code, zipped):
    array = (np.arange(24).reshape(2, 3, 4) * 3).astype(dtype)
    content = idx_bytes(array, code)
    (tmp_path / "a").write_bytes(gzip.compress(content) if zipped else content)
    result = data.read_idx(tmp_path / "a")
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array)


GOOD = idx_bytes(np.arange(6, dtype="u1"), 8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"hello, world", "not an IDX file"),
        (GOOD[:6], "truncated within the header"),
        (GOOD[:-1], "truncated"),
        (GOOD + b"x", "longer than announced"),
        (gzip.compress(GOOD, mtime=0)[:-9], "damaged gzip"),
        (gzip.compress(GOOD[:-1], mtime=0), "truncated"),
        (gzip.compress(GOOD + b"x", mtime=0), "longer than announced"),
        (bytes([0, 0, 8, 2]) + b"\xff" * 8 + b"tiny", "truncated"),  # 2**64 bytes announced
        (gzip.compress(bytes([0, 0, 8, 2]) + b"\xff" * 8 + b"tiny", mtime=0), "truncated"),
    ],
)
def test_idx_refuses_damaged_files(tmp_path, content, message):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        data.read_idx(tmp_path / "a")
    assert str(tmp_path / "a") in str(caught.value)


def test_digits_are_the_uci_digits():
    x, y = data.load_digits()
    assert x.shape == (1797, 64)
    assert x.dtype == np.float32
    assert y.dtype == np.int64
    assert (x.min(), x.max()) == (0, 1)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.load_digits()
    np.testing.assert_array_equal(x * 16, theirs.data)
    np.testing.assert_array_equal(y, theirs.target)


def test_digits_split_is_stratified_and_disjoint():
    x, y = data.load_digits("train")
    x_test, y_test = data.load_digits("test")
    assert (len(x), len(x_test)) == (1437, 360)
    assert np.bincount(y_test).min() >= 35
    assert len({r.tobytes() for r in x} | {r.tobytes() for r in x_test}) == 1797
    assert not np.array_equal(data.load_digits("test", seed=1)[1], y_test)
    assert not np.array_equal(y, y_test)
    with pytest.raises(ValueError, match="'train', 'test' or None"):
        data.load_digits("validation")


def test_mnist_from_a_folder():
    folder = shared_data("mnist")
    x, y = data.load_mnist(folder, "test")
    assert x.shape == (10_000, 784)
    assert x.dtype == np.float32
    assert np.bincount(y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert abs(x.mean() - 0.1325) < 1e-3


def write_small_mnist(folder, part="t10k", rows=3):
    images = np.arange(rows * 784).reshape(rows, 28, 28).astype("u1")
    for stem, content in (
        (f"{part}-images-idx3-ubyte", idx_bytes(images, 8)),
        (f"{part}-labels-idx1-ubyte", idx_bytes(np.arange(rows, dtype="u1"), 8)),
    ):
        (folder / f"{stem}.gz").write_bytes(gzip.compress(content))
        yield stem, hashlib.sha256(content).hexdigest()


def test_mnist_folder_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        data.load_mnist(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="has no train-images-idx3-ubyte"):
        data.load_mnist(tmp_path)
    with pytest.raises(ValueError, match="'train' or 'test'"):
        data.load_mnist(tmp_path, "val")


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror on this machine with three images, and an empty cache."""
    served = tmp_path / "served"
    served.mkdir()
    monkeypatch.setattr(mnist, "CHECKSUMS", dict(write_small_mnist(served)))
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(mnist, "MIRRORS", (url + "absent/", url))
        yield served
        server.shutdown()
        thread.join()


def test_mnist_downloads_once_and_checks(mirror, tmp_path):
    x, y = data.load_mnist(split="test")
    assert x.shape == (3, 784)
    assert y.tolist() == [0, 1, 2]
    kept = sorted(p.name for p in (tmp_path / "cache" / "mnist").iterdir())
    assert kept == ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    for file in mirror.iterdir():
        file.unlink()
    assert len(data.load_mnist(split="test")[0]) == 3  # from the cache


def test_mnist_refuses_a_forged_download(mirror, tmp_path):
    labels = mirror / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(idx_bytes(np.array([9, 9, 9], "u1"), 8)))
    with pytest.raises(ConnectionError, match="wrong SHA-256"):
        data.load_mnist(split="test")
    assert not (tmp_path / "cache" / "mnist" / labels.name).exists()


def test_mnist_without_a_network_says_what_to_do(mirror, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    with pytest.raises(ConnectionError, match="put MNIST's four IDX files into a folder"):
        data.load_mnist(split="test")
