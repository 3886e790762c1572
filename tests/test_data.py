"""Datasets, loaders, splits, files of data, preprocessing."""

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

import fastnn
from fastnn import data
from fastnn.data import mnist
from fastnn.data.atomic import replacing, sweep
from fastnn.data.order import permutation

REPOSITORY = Path(__file__).resolve().parents[1]


def shared_data(name):
    """A folder of real data too large for the package, or a skip that says how to have it."""
    for base in (os.environ.get("FASTNN_DATA"), REPOSITORY.parent / "shared" / "data"):
        if base and (Path(base) / name).is_dir():
            return Path(base) / name
    pytest.skip(f"no {name} data: set FASTNN_DATA to a folder that holds {name}/")


def xy(rows=10):
    return np.arange(2 * rows, dtype=np.float32).reshape(rows, 2), np.arange(rows)


# --- datasets ---


def test_tensor_dataset_shares_memory_and_gives_rows():
    x, y = xy()
    dataset = data.TensorDataset(x, y)
    assert len(dataset) == 10
    x[3, 0] = -7
    row, label = dataset[3]
    assert row.tolist() == [-7, 7]
    assert label.item() == 3
    rows, labels = dataset.batch(np.array([9, 0, 9]))
    assert rows.tolist() == [[18, 19], [0, 1], [18, 19]]
    assert labels.tolist() == [9, 0, 9]


def test_tensor_dataset_refuses_unequal_lengths_and_scalars():
    with pytest.raises(ValueError, match=r"same number of rows, got \[10, 9\]"):
        data.TensorDataset(xy()[0], np.arange(9))
    with pytest.raises(ValueError, match="0-d"):
        data.TensorDataset(np.float32(1))
    with pytest.raises(ValueError, match="at least one"):
        data.TensorDataset()


def test_subset_and_random_split():
    dataset = data.TensorDataset(*xy())
    part = data.Subset(dataset, [7, 2, 5])
    assert part[1][1].item() == 2
    assert part.batch(np.array([2, 0]))[1].tolist() == [5, 7]
    with pytest.raises(IndexError, match="index 10 at position 1"):
        data.Subset(dataset, [1, 10])
    parts = data.random_split(dataset, [0.5, 0.3, 0.2], fastnn.Generator(1))
    assert [len(p) for p in parts] == [5, 3, 2]
    assert sorted(np.concatenate([p.indices for p in parts])) == list(range(10))
    again = data.random_split(dataset, [5, 3, 2], fastnn.Generator(1))
    for a, b in zip(parts, again, strict=True):
        np.testing.assert_array_equal(a.indices, b.indices)
    with pytest.raises(ValueError, match="add up to the 10 rows"):
        data.random_split(dataset, [5, 4])


def test_collate_stacks_tuples_dicts_and_numbers():
    x, n = data.collate([(np.ones(2, np.float32), 1), (np.zeros(2, np.float32), 2)])
    assert x.tolist() == [[1, 1], [0, 0]]
    assert x.dtype == np.float32
    assert n.tolist() == [1, 2]
    assert data.collate([{"a": 1.5}, {"a": 2.5}])["a"].dtype == np.float32
    with pytest.raises(ValueError, match="shapes differ"):
        data.collate([np.ones(2), np.ones(3)])


# --- the loader ---


def labels_of(loader):
    return [y.tolist() for _, y in loader]


def flat_labels(loader):
    return [label for batch in labels_of(loader) for label in batch]


def test_loader_in_order_and_its_length():
    dataset = data.TensorDataset(*xy())
    loader = data.DataLoader(dataset, batch_size=4)
    assert len(loader) == 3
    assert labels_of(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    dropping = data.DataLoader(dataset, batch_size=4, drop_last=True)
    assert len(dropping) == 2
    assert labels_of(dropping) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert labels_of(data.DataLoader(dataset, 3, sampler=[5, 1, 1, 0])) == [[5, 1, 1], [0]]


def test_order_is_a_function_of_seed_and_epoch():
    def orders(seed, epochs):
        loader = data.DataLoader(data.TensorDataset(*xy(50)), 7, shuffle=True, seed=seed)
        return [flat_labels(loader) for _ in range(epochs)]

    first = orders(3, 3)
    assert orders(3, 3) == first
    assert first[0] != first[1] != first[2]
    assert orders(4, 1)[0] != first[0]
    assert all(sorted(order) == list(range(50)) for order in first)
    later = data.DataLoader(data.TensorDataset(*xy(50)), 7, shuffle=True, seed=3)
    later.set_epoch(2)
    assert flat_labels(later) == first[2]


def test_order_follows_manual_seed_and_generator():
    def order(**options):
        loader = data.DataLoader(data.TensorDataset(*xy(40)), 40, shuffle=True, **options)
        return labels_of(loader)[0]

    fastnn.manual_seed(5)
    a, b = order(), order()
    assert a != b  # two loaders are two draws
    fastnn.manual_seed(5)
    assert (order(), order()) == (a, b)
    assert order(generator=fastnn.Generator(9)) == order(generator=fastnn.Generator(9))
    with pytest.raises(ValueError, match="exclude each other"):
        order(seed=1, generator=fastnn.Generator(1))
    with pytest.raises(TypeError, match="use seed="):
        order(generator=1)


def test_permutation_is_the_same_on_every_machine():
    assert permutation(8, (0, 0), 0).tolist() == [0, 2, 1, 5, 4, 3, 6, 7]
    counts = np.zeros((6, 6), int)
    for epoch in range(6000):
        counts[np.arange(6), permutation(6, (1, 0), epoch)] += 1
    assert abs(counts - 1000).max() < 150  # every place equally often: 5 standard deviations


def test_loader_takes_any_map_style_dataset():
    class Squares(data.Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return np.full(2, i, np.float32), i * i

    batches = list(data.DataLoader(Squares(), batch_size=2))
    assert [y.tolist() for _, y in batches] == [[0, 1], [4, 9], [16]]
    as_list = data.DataLoader(Squares(), 2, collate_fn=len)
    assert list(as_list) == [2, 2, 1]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "at least 1, got 0"),
        ({"batch_size": 2.5}, TypeError, "must be an integer, got 2.5"),
        ({"batch_size": 11, "drop_last": True}, ValueError, "larger than the dataset's 10 rows"),
        ({"shuffle": True, "sampler": [1]}, ValueError, "exclude each other"),
        ({"shuffle": True, "seed": -1}, ValueError, "0 to 2"),
        ({"shuffle": True, "seed": "a"}, TypeError, "integer"),
    ],
)
def test_loader_refuses(options, error, message):
    with pytest.raises(error, match=message):
        data.DataLoader(data.TensorDataset(*xy()), **options)


def test_loader_refuses_what_is_no_dataset():
    with pytest.raises(ValueError, match="empty"):
        data.DataLoader(data.TensorDataset(np.empty((0, 3))))
    with pytest.raises(TypeError, match="TensorDataset"):
        data.DataLoader(xy())
    with pytest.raises(TypeError, match="TensorDataset"):
        data.DataLoader(5)


# --- splits ---


def test_split_is_stratified_seeded_and_complete():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    x = np.arange(100)
    x_train, x_test, y_train, y_test = data.train_test_split(
        x, y, test_size=0.2, stratify=y, seed=1
    )
    assert np.bincount(y_test).tolist() == [10, 6, 4]
    assert sorted([*x_train, *x_test]) == list(range(100))
    np.testing.assert_array_equal(y[x_train], y_train)
    again = data.train_test_split(x, test_size=0.2, stratify=y, seed=1)
    np.testing.assert_array_equal(again[1], x_test)
    assert set(data.train_test_split(x, test_size=20, stratify=y, seed=2)[1]) != set(x_test)


def test_split_shares_of_classes_are_within_one_row():
    generator = np.random.default_rng(0)
    for seed in range(20):
        y = generator.choice(5, p=[0.5, 0.2, 0.15, 0.1, 0.05], size=203)
        _, test = data.train_test_split(y, test_size=0.3, stratify=y, seed=seed)
        assert len(test) == 61
        expected = np.bincount(y, minlength=5) * 61 / 203
        assert abs(np.bincount(test, minlength=5) - expected).max() < 1


def test_split_of_tensors_and_its_errors():
    x = fastnn.tensor(np.arange(8.0))
    train, test = data.train_test_split(x, test_size=0.25, seed=0)
    assert isinstance(train, fastnn.Tensor)
    assert sorted(train.tolist() + test.tolist()) == list(range(8))
    with pytest.raises(ValueError, match="between 0 and 1"):
        data.train_test_split(x, test_size=1.5)
    with pytest.raises(ValueError, match="one part empty"):
        data.train_test_split(x, test_size=8)
    with pytest.raises(ValueError, match=r"same number of rows, got \[8, 3\]"):
        data.train_test_split(x, np.arange(3))
    with pytest.raises(ValueError, match="single row"):
        data.train_test_split(np.arange(4), stratify=["a", "a", "a", "b"])


def test_stratified_kfold_covers_every_row_once():
    y = np.repeat([0, 1, 2], [23, 11, 7])
    folds = data.stratified_kfold(y, 4, seed=0)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(41))
    for train, test in folds:
        assert not set(train) & set(test)
        assert len(train) + len(test) == 41
        share = np.bincount(y[test], minlength=3)
        assert (abs(share - np.array([23, 11, 7]) / 4) < 1).all()
    sizes = [len(test) for _, test in folds]
    assert max(sizes) - min(sizes) <= 1
    with pytest.raises(ValueError, match="from 2 to the 7 rows"):
        data.stratified_kfold(y, 8)


# --- files ---


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
        (gzip.compress(GOOD)[:-9], "damaged gzip"),
        (gzip.compress(GOOD[:-1]), "truncated"),
        (gzip.compress(GOOD + b"x"), "longer than announced"),
        (bytes([0, 0, 8, 2]) + b"\xff" * 8 + b"tiny", "truncated"),  # 2**64 bytes announced
        (gzip.compress(bytes([0, 0, 8, 2]) + b"\xff" * 8 + b"tiny"), "truncated"),
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


# --- writing files ---


def test_replacing_keeps_the_old_file_after_an_error(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail():
        with replacing(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="only POSIX can ask whether a process lives")
def test_sweep_removes_what_dead_processes_left(tmp_path):
    child = os.posix_spawnp("true", ["true"], os.environ)
    os.waitpid(child, 0)
    for name in (f".a.{child}-01234567.tmp", f".b.{os.getpid()}-01234567.tmp", "c.tmp"):
        (tmp_path / name).write_bytes(b"")
    assert sweep(tmp_path) == [f".a.{child}-01234567.tmp"]
    assert len(os.listdir(tmp_path)) == 2


# --- preprocessing ---


def test_standardizer_is_fitted_on_training_rows_alone():
    generator = np.random.default_rng(0)
    train = generator.normal(5, 3, (200, 4))
    val = generator.normal(5, 3, (50, 4))
    train[:, 2] = 0.1  # never varies
    scale = data.Standardizer()
    result = scale.fit_transform(train)
    np.testing.assert_allclose(result.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(result.std(0), [1, 1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(scale.transform(val), (val - scale.mean) / scale.std)
    np.testing.assert_allclose(scale.inverse_transform(scale.transform(val)), val)
    with pytest.raises(RuntimeError, match="use transform"):
        scale.fit_transform(val)


def test_standardizer_dtypes_tensors_and_state():
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    scale = data.Standardizer().fit(x)
    assert scale.transform(x).dtype == np.float32
    assert isinstance(scale.transform(fastnn.tensor(x)), fastnn.Tensor)
    other = data.Standardizer()
    other.load_state_dict(scale.state_dict())
    np.testing.assert_array_equal(other.transform(x), scale.transform(x))
    with pytest.raises(ValueError, match=r"rows of shape \(2,\), it was fitted on \(3,\)"):
        scale.transform(x[:, :2])
    with pytest.raises(RuntimeError, match="call fit"):
        data.Standardizer().transform(x)
    x[2, 1] = np.inf
    with pytest.raises(ValueError, match=r"holds inf at \(2, 1\)"):
        data.Standardizer().fit(x)
