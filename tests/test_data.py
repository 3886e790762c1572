"""Datasets and the order of the DataLoader's batches."""

import numpy as np
import pytest

import fastnn
from fastnn import data
from fastnn.data.order import permutation


def xy(rows=10):
    return np.arange(2 * rows, dtype=np.float32).reshape(rows, 2), np.arange(rows)


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
