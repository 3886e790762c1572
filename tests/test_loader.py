"""The loader beyond its basics: samplers, resuming within a pass, prefetching, augmentation."""

import json
import threading

import numpy as np
import pytest
from test_data import flat_labels, labels_of, xy

import fastnn
from fastnn import data, nn
from fastnn.training import Callback, ModelCheckpoint, Trainer


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": "stratified"}, {"prefetch": 2}])
def test_loader_goes_on_within_a_pass(options):
    x, y = xy(50)

    def loader(seed=3):
        given = dict(options)
        if "sampler" in given:
            given["sampler"] = data.StratifiedSampler(y % 3, seed=seed)
        noise = data.Augment(data.Noise(0.1), seed=seed)
        return data.DataLoader(data.TensorDataset(x, y), 7, transform=noise, seed=seed, **given)

    def bytes_of(batches):
        return [b"".join(t.numpy().tobytes() for t in batch) for batch in batches]

    whole = loader()
    passes = [bytes_of(whole) for _ in range(3)]
    assert whole.state_dict()["epoch"] == 3
    for epoch, position in ((0, 3), (1, 0), (1, 7), (2, 8)):
        first = loader()
        for _ in range(epoch):
            list(first)
        iterator = iter(first)
        for _ in range(position):
            next(iterator)
        state = json.loads(json.dumps(first.state_dict()))
        assert (state["epoch"], state["position"]) == (epoch, position)
        later = loader(seed=None)  # another key: the state brings the old one
        later.load_state_dict(state)
        assert bytes_of(later) == passes[epoch][position:]
        if epoch < 2:
            assert bytes_of(later) == passes[epoch + 1]
        iterator.close()
    with pytest.raises(ValueError, match="batch_size 7, this loader has 5"):
        data.DataLoader(data.TensorDataset(x, y), 5).load_state_dict(state)


def test_loader_abandoned_passes_are_passes():
    loader = data.DataLoader(data.TensorDataset(*xy(50)), 7, shuffle=True, seed=3)
    first = next(iter(loader))[1].tolist()
    second = next(iter(loader))[1].tolist()
    assert first != second
    assert loader.order(0)[:7].tolist() == first
    assert loader.order(1)[:7].tolist() == second
    loader.set_epoch(0, position=2)
    assert flat_labels(loader) == loader.order(0)[14:].tolist()


def test_prefetch_gives_the_same_batches_and_ends_its_thread():
    dataset = data.TensorDataset(*xy(100))
    plain = data.DataLoader(dataset, 8, shuffle=True, seed=1)
    ahead = data.DataLoader(dataset, 8, shuffle=True, seed=1, prefetch=3)
    for _ in range(2):
        assert labels_of(plain) == labels_of(ahead)
    before = threading.active_count()
    iterator = iter(ahead)
    next(iterator)
    assert threading.active_count() == before + 1
    del iterator  # forgotten in the middle of a pass
    assert threading.active_count() == before

    class Broken(data.Dataset):
        def __len__(self):
            return 10

        def __getitem__(self, i):
            if i == 5:
                raise OSError("no row 5")
            return float(i)

    got = []
    with pytest.raises(OSError, match="no row 5"):
        got.extend(data.DataLoader(Broken(), 2, prefetch=4))
    assert threading.active_count() == before
    with pytest.raises(ValueError, match="prefetch must be at least 0, got -1"):
        data.DataLoader(dataset, prefetch=-1)


def test_stratified_batches():
    generator = np.random.default_rng(0)
    for seed in range(5):
        y = generator.choice(4, p=[0.6, 0.2, 0.15, 0.05], size=403)
        sampler = data.StratifiedSampler(y, seed=seed)
        orders = [sampler.order(epoch) for epoch in range(2)]
        assert (orders[0] != orders[1]).any()
        for order in orders:
            assert sorted(order) == list(range(403))
            for batch in np.split(order[:400], 10):
                expected = np.bincount(y, minlength=4) * 40 / 403
                assert abs(np.bincount(y[batch], minlength=4) - expected).max() < 2.5
    names = np.array(["a", "b"])[np.arange(20) % 2]
    loader = data.DataLoader(data.TensorDataset(*xy(20)), 10, sampler=data.StratifiedSampler(names))
    assert [sum(i % 2 for i in batch) for batch in labels_of(loader)] == [5, 5]
    with pytest.raises(ValueError, match=r"shape \(N,\)"):
        data.StratifiedSampler([])


def test_weighted_sampler():
    sampler = data.WeightedRandomSampler([0, 1, 2, 1], 4000, seed=0)
    counts = np.bincount(sampler.order(0), minlength=4)
    assert counts[0] == 0
    assert abs(counts - [0, 1000, 2000, 1000]).max() < 120
    assert list(sampler) == sampler.order(0).tolist()
    assert list(sampler) == sampler.order(1).tolist()
    without = data.WeightedRandomSampler([0, 1, 2, 1], 3, replacement=False, seed=0)
    assert sorted(without.order(5)) == [1, 2, 3]
    first = [without.order(epoch)[0] for epoch in range(4000)]
    assert abs(np.bincount(first, minlength=4) - [0, 1000, 2000, 1000]).max() < 120
    with pytest.raises(ValueError, match="cannot draw 4 rows from 3"):
        data.WeightedRandomSampler([0, 1, 2, 1], replacement=False)
    with pytest.raises(ValueError, match="weight 1 is nan"):
        data.WeightedRandomSampler([1, np.nan])


def test_own_samplers_are_told_the_epoch():
    class Told(list):
        def set_epoch(self, epoch):
            self[:] = [epoch, epoch + 1]

    loader = data.DataLoader(data.TensorDataset(*xy()), 2, sampler=Told([0, 0]))
    assert [flat_labels(loader) for _ in range(2)] == [[0, 1], [1, 2]]


# --- augmentation ---


def images(rows=12, channels=2, size=8):
    x = np.arange(rows * channels * size * size, dtype=np.float32) + 1
    return x.reshape(rows, channels, size, size), np.arange(rows) % 3


def test_augment_is_a_function_of_seed_epoch_and_step():
    x, y = images()
    augment = data.Augment(data.Crop(6, 1), data.Flip(), data.Noise(0.5), seed=4)
    same = data.Augment(data.Crop(6, 1), data.Flip(), data.Noise(0.5), seed=4)
    places = [(0, 0), (0, 1), (1, 0), (1, 1)]
    results = [augment((x, y), *place)[0].numpy() for place in places]
    for result, place in zip(results, reversed(places), strict=True):
        assert result.shape == (12, 2, 6, 6)
        np.testing.assert_array_equal(same((x, y), *place)[0].numpy(), results[places.index(place)])
    assert len({r.tobytes() for r in results}) == 4
    np.testing.assert_array_equal(x, images()[0])  # the data set is as it was
    fastnn.manual_seed(1)
    a = data.Augment(data.Noise(1.0))((x, y), 0, 0)[0].numpy()
    fastnn.manual_seed(1)
    np.testing.assert_array_equal(data.Augment(data.Noise(1.0))((x, y), 0, 0)[0].numpy(), a)


def test_shift_and_crop_cut_windows():
    x, y = images()
    random = np.random.default_rng(0)
    wide = np.pad(x, [(0, 0), (0, 0), (2, 2), (2, 2)])
    crops, unchanged = data.Crop((5, 6), padding=2)(x, y, random)
    assert unchanged is y
    seen = set()
    for image, source in zip(crops, wide, strict=True):
        places = [
            (i, j)
            for i in range(8)
            for j in range(7)
            if np.array_equal(source[:, i : i + 5, j : j + 6], image)
        ]
        assert len(places) == 1  # both channels from the same place
        seen.add(places[0])
    assert len(seen) > 5
    shifted = data.Shift(2, fill=-1.0)(x, y, random)[0]
    assert shifted.shape == x.shape
    assert (shifted == -1).any() and (shifted != x).any()
    np.testing.assert_array_equal(data.Shift(0)(x, y, random)[0], x)
    with pytest.raises(ValueError, match="does not fit"):
        data.Crop(9)(x, y, random)
    with pytest.raises(ValueError, match="reshape flat rows"):
        data.Shift(1)(x.reshape(12, -1), y, random)


def test_flip_noise_and_mixup():
    x, y = images(rows=200)
    random = np.random.default_rng(0)
    flipped = data.Flip()(x, y, random)[0]
    turned = (flipped == x[..., ::-1]).all((1, 2, 3))
    assert ((flipped == x).all((1, 2, 3)) ^ turned).all()
    assert 60 < turned.sum() < 140
    np.testing.assert_array_equal(data.Flip(1.0, -2)(x, y, random)[0], x[:, :, ::-1])
    noise = data.Noise(0.5)(x, y, random)[0] - x
    assert noise.dtype == np.float32
    assert abs(noise.std() - 0.5) < 0.02
    mixed, p = data.Mixup(1.0, num_classes=3)(x, y, random)
    assert p.shape == (200, 3)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)
    share = np.unique(np.round(p.max(1), 5))
    assert 0 < len(share) <= 2  # one share for the batch; 1 where both are of a class
    assert mixed.dtype == np.float32
    values = data.Mixup(1.0)(x, x[:, 0, 0, 0], np.random.default_rng(2))
    np.testing.assert_allclose(values[0][:, 0, 0, 0], values[1])
    with pytest.raises(ValueError, match="give num_classes="):
        data.Mixup()(x, y, random)
    with pytest.raises(ValueError, match="classes must be 0 to 1, got 2"):
        data.Mixup(num_classes=2)(x, y, random)
    for wrong in (lambda: data.Noise(-1), lambda: data.Flip(2), lambda: data.Mixup(0)):
        with pytest.raises(ValueError, match="must be"):
            wrong()
    with pytest.raises(TypeError, match="cannot be called"):
        data.Augment(3)


# --- with the Trainer ---


class StopAt(Callback):
    def __init__(self, epoch, batch):
        self.epoch, self.batch = epoch, batch

    def on_batch_end(self, trainer, batch, loss):
        if (trainer.epoch, batch) == (self.epoch, self.batch):
            raise KeyError("killed")


def test_a_run_resumed_within_a_pass_sees_the_same_augmented_batches(tmp_path):
    x, y = images(rows=40, channels=1)
    x /= x.max()

    def trainer(seed, *callbacks):
        fastnn.manual_seed(seed)  # the resumed process begins with another state
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Dropout(0.2), nn.Linear(8, 3))
        augment = data.Augment(data.Shift(1), data.Noise(0.1), data.Mixup(0.4, num_classes=3))
        sampler = data.StratifiedSampler(y)
        dataset = data.TensorDataset(x, y)
        loader = data.DataLoader(dataset, 8, sampler=sampler, transform=augment, prefetch=2)
        return loader, Trainer(model, nn.CrossEntropyLoss(), callbacks=callbacks, progress=False)

    def weights(trainer):
        return b"".join(t.numpy().tobytes() for t in trainer.model.state_dict().values())

    loader, whole = trainer(1)
    whole.fit(loader, epochs=3)
    loader, killed = trainer(
        1, ModelCheckpoint(tmp_path, "loss", save_last=True, every_n_train_steps=1), StopAt(2, 3)
    )
    with pytest.raises(KeyError, match="killed"):
        killed.fit(loader, epochs=3)
    loader, resumed = trainer(2)
    resumed.fit(loader, epochs=3, resume=tmp_path / "last.safetensors")
    assert weights(resumed) == weights(whole)
    assert resumed.history["loss"] == whole.history["loss"]
