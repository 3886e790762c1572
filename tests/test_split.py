"""Splits and folds of data."""

import numpy as np
import pytest

import fastnn
from fastnn import data


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
