"""The Trainer: its loop, callbacks, records, and every way to end a fit."""

import os
import re
import signal
import textwrap
import threading
import time

import numpy as np
import pytest
from interpreter import child

import fastnn
from fastnn import data, nn, optim
from fastnn.training import (
    Callback,
    EarlyStopping,
    History,
    ModelCheckpoint,
    NonFiniteError,
    Progress,
    Trainer,
    load_checkpoint,
)


def blobs(rows=90, seed=0):
    """Three classes of points in the plane that a small net tells apart."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 3, rows)
    centres = np.array([[0, 2], [2, -1], [-2, -1]])
    x = (centres[y] + 0.4 * generator.normal(size=(rows, 2))).astype(np.float32)
    return x, y


def classifier(seed=0, **options):
    fastnn.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
    optimizer = optim.Adam(model.parameters(), lr=options.pop("lr", 0.02))
    options = {"metrics": ["accuracy"], "seed": seed, "progress": False} | options
    return Trainer(model, nn.CrossEntropyLoss(), optimizer, **options)


def weights_of(model):
    return {name: t.numpy().copy() for name, t in model.state_dict().items()}


def assert_same_weights(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


# --- the loop ---


def test_fit_learns_and_records_every_epoch():
    trainer = classifier()
    history = trainer.fit(blobs(), blobs(30, 1), epochs=15)
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    assert list(history) == columns
    assert history["epoch"] == list(range(1, 16))
    assert history["loss"][-1] < history["loss"][0] / 3
    assert history["val_accuracy"][-1] > 0.95
    assert history.stopped == "all 15 epochs done"
    assert history is trainer.history
    result = trainer.test(blobs(30, 2))
    assert result.keys() == {"test_loss", "test_accuracy"}
    assert result["test_accuracy"] > 0.95


def test_metrics_and_losses_are_those_of_all_rows_at_once():
    trainer = classifier(metrics=["accuracy", "f1", "roc_auc"])
    x, y = blobs(50)
    trainer.fit((x, y), epochs=2)
    result = trainer.validate((x, y), batch_size=7)  # batches of 7 and a last one of 1
    output = trainer.predict(x)
    np.testing.assert_allclose(
        result["val_loss"], nn.CrossEntropyLoss()(output, fastnn.tensor(y)).item(), rtol=1e-5
    )
    assert result["val_accuracy"] == np.mean(output.numpy().argmax(1) == y)
    assert result["val_f1"] == fastnn.metrics.f1(y, output.numpy())
    probabilities = np.exp(output.numpy().astype(float))
    probabilities /= probabilities.sum(1, keepdims=True)
    np.testing.assert_allclose(
        result["val_roc_auc"], fastnn.metrics.roc_auc(y, probabilities), rtol=1e-6
    )


@pytest.mark.parametrize("classes_last", [True, False])
def test_metrics_of_a_class_at_every_place(classes_last):
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 9, (30, 7)), generator.integers(0, 9, (30, 7))
    y[3, 2] = y[28, 0] = -100  # a place that does not count

    class Text(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(9, 9)

        def forward(self, x):
            z = self.embedding(x)
            return z if classes_last else z.transpose(1, 2)

    def loss(output, target):
        if classes_last:
            output, target = output.reshape(-1, 9), target.reshape(-1)
        return nn.functional.cross_entropy(output, target)

    names = ["perplexity", "accuracy"]
    trainer = Trainer(Text(), loss, metrics=names, progress=False, seed=0)
    result = trainer.validate((x, y), batch_size=7)
    logits = trainer.model.embedding(fastnn.tensor(x)).detach().numpy()
    expected = fastnn.metrics.perplexity(y, logits, ignore_index=-100)
    np.testing.assert_allclose(result["val_perplexity"], expected, rtol=1e-12)
    assert result["val_accuracy"] == np.mean((logits.argmax(2) == y)[y != -100])
    assert trainer.fit((x, y), epochs=2)["perplexity"][1] > 1


def test_training_equals_the_loop_by_hand():
    x, y = blobs(64)
    trainer = classifier(seed=4)
    history = trainer.fit((x, y), epochs=2, batch_size=16)

    other = classifier(seed=4)
    model, optimizer, loss_of = other.model, other.optimizer, nn.CrossEntropyLoss()
    loader = data.DataLoader(data.TensorDataset(x, y), 16, shuffle=True, seed=4)
    fastnn.manual_seed(4)
    losses = []
    for epoch in (1, 2):
        loader.set_epoch(epoch)
        for inputs, target in loader:
            loss = loss_of(model(inputs), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert_same_weights(weights_of(trainer.model), weights_of(model))
    np.testing.assert_allclose(history["loss"], np.reshape(losses, (2, 4)).mean(1), rtol=1e-6)


def test_same_seed_same_bits_for_any_number_of_threads():
    def run(threads):
        fastnn.set_num_threads(threads)
        trainer = classifier(seed=1)
        trainer.fit(blobs(), epochs=3)
        return weights_of(trainer.model)

    assert_same_weights(run(1), run(2))


def test_takes_arrays_datasets_and_loaders_alike():
    x, y = blobs(40)

    def loss(train):
        return classifier().fit(train, epochs=1, shuffle=False)["loss"]

    expected = loss((x, y))
    assert loss((x.tolist(), y.tolist())) == expected
    assert loss((x.astype(np.float64), y.astype(np.int32))) == expected
    assert loss(data.TensorDataset(x, y)) == expected
    assert loss(data.DataLoader(data.TensorDataset(x, y), batch_size=32)) == expected
    assert loss(Batches(x, y)) == expected


class Batches:
    """A loader of the user's own: iterable, with a length."""

    def __init__(self, x, y):
        self.pieces = [(x[:32], y[:32]), (x[32:], y[32:])]

    def __len__(self):
        return 2

    def __iter__(self):
        return iter(self.pieces)


def test_models_with_several_inputs():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 1), nn.Linear(3, 1)

        def forward(self, a, b):
            return self.a(a) + self.b(b)

    a, b = np.ones((20, 2), np.float32), np.ones((20, 3), np.float32)
    a[:10] = b[5:15] = -1
    y = a.sum(1, keepdims=True) + b.sum(1, keepdims=True)
    model = Sum()
    trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), progress=False)
    assert trainer.fit((a, b, y), epochs=60, batch_size=20)["loss"][-1] < 1e-3
    assert trainer.predict((a, b)).shape == (20, 1)


def test_regression_with_its_metrics():
    x = np.linspace(-1, 1, 50)[:, None]
    model = nn.Linear(1, 1)
    trainer = Trainer(
        model,
        nn.MSELoss(),
        optim.SGD(model.parameters(), lr=0.3),
        metrics={"error": "mae", "explained": "r2", "worst": lambda t, p: np.abs(t - p).max()},
        progress=False,
    )
    history = trainer.fit((x, 2 * x + 1), epochs=40)
    assert history["error"][-1] < 1e-3
    assert history["explained"][-1] > 0.999
    assert history["worst"][-1] >= history["error"][-1]


def test_binary_classification_by_one_logit():
    x, y = blobs()
    y = (y == 0).astype(np.float32)[:, None]
    fastnn.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    metrics = ["accuracy", "roc_auc"]
    trainer = Trainer(model, nn.BCEWithLogitsLoss(), optimizer, metrics=metrics, progress=False)
    history = trainer.fit((x, y), epochs=20)
    assert history["accuracy"][-1] > 0.95
    assert history["roc_auc"][-1] > 0.99


def test_schedule_and_clipping():
    trainer = classifier(clip_grad_norm=1e-3)
    trainer.scheduler = optim.lr_scheduler.StepLR(trainer.optimizer, step_size=1, gamma=0.5)
    history = trainer.fit(blobs(), epochs=3)
    np.testing.assert_allclose(history["lr"], [0.02, 0.01, 0.005])
    norm = sum((p.grad.numpy() ** 2).sum() for p in trainer.model.parameters()) ** 0.5
    assert norm <= 1.001e-3

    trainer = classifier()
    trainer.scheduler = optim.lr_scheduler.ReduceLROnPlateau(
        trainer.optimizer, patience=0, threshold=100.0, threshold_mode="abs"
    )
    assert trainer.fit(blobs(), blobs(20, 1), epochs=3)["lr"][-1] < 0.02


def test_modes_and_gradients_are_left_as_they_were():
    trainer = classifier()
    trainer.model.eval()
    trainer.fit(blobs(), blobs(20, 1), epochs=1)
    assert not trainer.model.training
    trainer.model.train()
    trainer.model[0].eval()  # frozen on purpose
    trainer.validate(blobs())
    assert trainer.model.training
    assert not trainer.model[0].training
    assert not trainer.predict(blobs()[0]).requires_grad


def test_predict_leaves_targets_out_and_keeps_order():
    trainer = classifier()
    x, y = blobs(50)
    expected = trainer.predict(x).numpy()
    for given in ((x,), data.TensorDataset(x, y), data.DataLoader(data.TensorDataset(x, y), 9)):
        np.testing.assert_allclose(trainer.predict(given).numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(trainer.predict(x, batch_size=1).numpy(), expected, atol=1e-5)


def by_hand(trainer, x, y, windows, weights=None):
    """Steps with the gradient of the mean over all rows of a window of batches."""
    loss_of = nn.CrossEntropyLoss(weight=weights)
    for window in windows:
        trainer.optimizer.zero_grad()
        loss_of(trainer.model(fastnn.tensor(x[window])), fastnn.tensor(y[window])).backward()
        trainer.optimizer.step()


def plain(**options):
    """A classifier without dropout, so that windows may be cut in any way."""
    fastnn.manual_seed(2)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    sgd = optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    return Trainer(model, nn.CrossEntropyLoss(), sgd, progress=False, **options)


def test_accumulated_gradients_are_those_of_all_rows_of_the_window():
    x, y = blobs(50)
    trainer = plain(accumulate_grad_batches=3)
    trainer.fit((x, y), epochs=2, batch_size=8, shuffle=False)
    # 7 batches, the last of 2 rows: windows of 24, 24 and 2 rows
    assert trainer.global_step == 6
    other = plain()
    x = x.astype(np.float64)
    by_hand(other, x, y, [slice(0, 24), slice(24, 48), slice(48, 50)] * 2)
    for name, value in weights_of(other.model).items():
        np.testing.assert_allclose(weights_of(trainer.model)[name], value, rtol=1e-6)


def test_class_weights_act_on_training_alone():
    x, y = blobs(60)
    keep = (y != 2) | (np.arange(60) % 3 == 0)
    x, y = x[keep], y[keep]
    counts = np.bincount(y)
    balanced = len(y) / (3 * counts)
    trainers = [plain(class_weight=w) for w in ("balanced", balanced, dict(enumerate(balanced)))]
    for trainer in trainers:
        history = trainer.fit((x, y), (x, y), epochs=2, batch_size=len(y), shuffle=False)
    other = plain()
    by_hand(other, x.astype(np.float64), y, [slice(None)] * 2, fastnn.tensor(balanced))
    for trainer in trainers:
        for name, value in weights_of(other.model).items():
            np.testing.assert_allclose(weights_of(trainer.model)[name], value, rtol=1e-9)
    plain_loss = nn.CrossEntropyLoss()(
        other.model(fastnn.tensor(x.astype(np.float64))), fastnn.tensor(y)
    )
    np.testing.assert_allclose(history["val_loss"][-1], plain_loss.item(), rtol=1e-6)
    assert trainer.loss.weight is None  # the given loss is as it was


def test_class_weight_of_a_binary_loss():
    x, y = blobs(60)
    y = (y == 0).astype(np.float32)[:, None]
    model = nn.Linear(2, 1)
    trainer = Trainer(model, nn.BCEWithLogitsLoss(), class_weight=[1.0, 4.0], progress=False)
    trainer.fit((x, y), epochs=1)
    assert trainer.update.loss.pos_weight.item() == 4.0


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"class_weight": "even"}, ValueError, "'balanced'"),
        ({"class_weight": {0: 1.0, 2: 1.0}}, ValueError, r"labels \[0, 2\]"),
        ({"class_weight": [1.0, -1.0, 1.0]}, ValueError, "positive numbers"),
        ({"accumulate_grad_batches": 0}, ValueError, "integer from 1, got 0"),
        ({"clip_grad_norm": -1}, ValueError, "clip_grad_norm must be positive"),
        ({"clip_grad_value": 0}, ValueError, "clip_grad_value must be positive"),
        ({"ema": 1.5}, ValueError, "decay from 0 to below 1"),
        ({"scheduler_interval": "batch"}, ValueError, "'epoch' or 'step'"),
        ({"callbacks": [EarlyStopping]}, TypeError, "an object, not a class"),
    ],
)
def test_options_that_cannot_be_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        plain(**options).fit(blobs(), epochs=1)


def test_a_class_in_place_of_a_loss_and_a_schedule_of_another_optimizer():
    with pytest.raises(TypeError, match=r"the class CrossEntropyLoss; pass an object"):
        Trainer(nn.Linear(2, 3), nn.CrossEntropyLoss)
    other = plain()
    with pytest.raises(ValueError, match="another optimizer"):
        plain(scheduler=optim.lr_scheduler.StepLR(other.optimizer, 1))


def test_schedule_by_step():
    trainer = plain(scheduler_interval="step")
    trainer.scheduler = optim.lr_scheduler.ExponentialLR(trainer.optimizer, 0.9)
    history = trainer.fit(blobs(64), epochs=3, batch_size=16)
    np.testing.assert_allclose(history["lr"], [0.5, 0.5 * 0.9**4, 0.5 * 0.9**8])


def test_averaged_weights_are_those_that_predict():
    x, y = blobs()
    trainer = plain(ema=0.5, callbacks=[EarlyStopping("loss", patience=9)])
    other = plain()
    history = trainer.fit((x, y), (x, y), epochs=2, batch_size=90)
    average = None
    for _ in range(2):
        by_hand(other, x.astype(np.float64), y, [slice(None)])
        new = weights_of(other.model)
        average = new if average is None else {n: 0.5 * average[n] + 0.5 * new[n] for n in new}
    for name, value in average.items():
        np.testing.assert_allclose(weights_of(trainer.ema.module)[name], value, rtol=1e-5)
    averaged = trainer.ema.module.eval()(fastnn.tensor(x.astype(np.float64)))
    np.testing.assert_allclose(trainer.predict(x).numpy(), averaged.detach().numpy(), rtol=1e-9)
    loss = nn.CrossEntropyLoss()(averaged, fastnn.tensor(y)).item()
    np.testing.assert_allclose(history["val_loss"][-1], loss, rtol=1e-6)


def test_an_optimizer_that_asks_for_the_loss_again():
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.LBFGS(model.parameters()), progress=False)
    assert trainer.fit(blobs(), epochs=3, batch_size=90)["loss"][-1] < 0.1


# --- recorded ---


def test_steps_are_recorded_by_themselves_and_not_where_told():
    trainer, eager = classifier(), classifier(compile=False)
    trainer.fit(blobs(96), epochs=4)
    assert trainer.update.replays
    eager.fit(blobs(96), epochs=4)
    assert not eager.update.replays
    assert_same_weights(weights_of(trainer.model), weights_of(eager.model))


def test_hooks_of_modules_are_called_at_every_step():
    trainer, calls = classifier(), []
    trainer.model[0].register_forward_hook(lambda *args: calls.append(1))
    trainer.fit(blobs(96), epochs=4)
    assert len(calls) >= 12


def test_what_a_callback_changes_acts_on_the_next_step():
    class Change(Callback):
        def on_batch_end(self, trainer, batch, loss):
            if trainer.epoch == 3 and batch == 1:
                trainer.model[2].p = 0.9
                trainer.loss.label_smoothing = 0.3
            if trainer.epoch == 4 and batch == 1:
                trainer.clip_grad_norm = 1e-3
                trainer.loss = nn.CrossEntropyLoss(label_smoothing=0.1)

    one, other = classifier(callbacks=[Change()]), classifier(callbacks=[Change()], compile=False)
    history = one.fit(blobs(96), blobs(20, 1), epochs=5)
    assert other.fit(blobs(96), blobs(20, 1), epochs=5)["loss"] == history["loss"]
    assert other.history["val_loss"] == history["val_loss"]
    assert_same_weights(weights_of(one.model), weights_of(other.model))


def test_predictions_see_what_has_changed_in_the_model():
    class Scaled(nn.Module):
        factor = 1.0

        def __init__(self):
            super().__init__()
            self.line = nn.Linear(2, 1)

        def forward(self, x):
            return self.line(x) * self.factor

    trainer = Trainer(Scaled(), nn.MSELoss(), progress=False)
    x = np.ones((8, 2), np.float32)
    before = [trainer.predict(x).numpy() for _ in range(4)][-1]
    trainer.model.factor = 2.0
    np.testing.assert_allclose(trainer.predict(x).numpy(), 2 * before)


def test_code_that_cannot_be_recorded_runs_eagerly_with_a_warning():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(2, 3)

        def forward(self, x):
            return self.line(x) * (2.0 if x.sum().item() > 0 else 1.0)

    def run(**options):
        fastnn.manual_seed(0)
        model = Odd()
        trainer = Trainer(model, nn.CrossEntropyLoss(), seed=0, progress=False, **options)
        trainer.fit(blobs(), blobs(20, 1), epochs=3)
        return weights_of(model)

    with pytest.warns(UserWarning, match=r"Trainer step of Odd.*item\(\).*test_trainer"):
        recorded = run()
    assert_same_weights(recorded, run(compile=False))


# --- callbacks and history ---


def test_callbacks_are_called_in_order():
    calls = []

    class Witness(Callback):
        def on_fit_start(self, trainer):
            calls.append(("fit start", trainer.epoch, trainer.epochs, trainer.num_batches))

        def on_epoch_start(self, trainer):
            calls.append(("epoch start", trainer.epoch))

        def on_batch_end(self, trainer, batch, loss):
            calls.append(("batch", batch, type(loss)))

        def on_epoch_end(self, trainer, record):
            calls.append(("epoch end", record["epoch"], trainer.history.num_epochs))
            if trainer.epoch == 2:
                trainer.stop("enough")

        def on_fit_end(self, trainer):
            calls.append(("fit end", trainer.history.stopped))

    history = classifier(callbacks=[Witness()]).fit(blobs(40), epochs=9, batch_size=20)
    epoch = [("batch", 1, float), ("batch", 2, float)]
    assert calls == [
        ("fit start", 0, 9, 2),
        ("epoch start", 1),
        *epoch,
        ("epoch end", 1, 1),
        ("epoch start", 2),
        *epoch,
        ("epoch end", 2, 2),
        ("fit end", "enough"),
    ]
    assert history.num_epochs == 2


def test_history_csv_comes_back(tmp_path):
    history = classifier().fit(blobs(), blobs(20, 1), epochs=3)
    history.to_csv(tmp_path / "history.csv")
    assert dict(History.from_csv(tmp_path / "history.csv")) == dict(history)
    assert (tmp_path / "history.csv").read_text().splitlines()[0].startswith("epoch,loss,accuracy")
    assert history.history["loss"] == history["loss"]
    epoch, value = history.best("val_loss")
    assert value == min(history["val_loss"]) == history["val_loss"][epoch - 1]
    with pytest.raises(KeyError, match="no column 'auc'"):
        history.best("auc")


def test_progress_bar_is_quiet_without_a_terminal(capfd, monkeypatch):
    classifier(progress=None).fit(blobs(), epochs=1)
    assert capfd.readouterr() == ("", "")
    classifier(progress=True).fit(blobs(), blobs(20, 1), epochs=2)
    shown = capfd.readouterr()
    assert shown.out == ""
    last = shown.err.split("\r")[-1]
    assert re.fullmatch(
        r"epoch 2/2, 00:00 left, \S+/s, loss [\d.]+, val_loss [\d.]+, val_accuracy [\d.]+\s*", last
    )
    monkeypatch.setattr("fastnn.training.progress._columns", lambda: 120)
    classifier(progress=True).fit(blobs(), epochs=2)
    last = capfd.readouterr().err.split("\r")[-1]
    assert "epoch 2/2 |██████████| 00:00 left, " in last
    assert " samples/s, loss " in last


def test_progress_bar_refreshes_by_time():
    class Bar:
        shows = 0

        def set_description_str(self, *args, **options):
            Bar.shows += 1

        update = set_postfix_str = set_description_str

    progress = Progress(enabled=True)
    trainer = classifier()
    progress.on_fit_start(trainer)
    progress._bar.close()
    progress._bar = Bar()
    start = time.perf_counter()
    for batch in range(20_000):
        progress.on_batch_end(trainer, batch, 0.5)
    seconds = time.perf_counter() - start
    assert 3 <= Bar.shows <= 3 * (1 + seconds / 0.1)


# --- ends ---


class Scripted(Callback):
    """Puts numbers of its own into the record, and remembers the weights of each epoch."""

    def __init__(self, numbers):
        self.numbers, self.weights = numbers, []

    def on_epoch_end(self, trainer, record):
        record["score"] = self.numbers[trainer.epoch - 1]
        self.weights.append(weights_of(trainer.model))


def test_early_stopping_restores_the_very_weights_that_gave_the_number():
    script = Scripted([5.0, 3.0, 4.0, float("nan"), 3.0, 1.0])
    stopping = EarlyStopping("score", patience=3)
    trainer = classifier(callbacks=[script, stopping])
    history = trainer.fit(blobs(), epochs=6)
    assert history.num_epochs == 5  # the best in epoch 2, then three without improvement
    assert stopping.best_epoch == 2
    assert stopping.best == 3.0
    assert "score has not improved for 3 epochs" in history.stopped
    assert_same_weights(weights_of(trainer.model), script.weights[1])


@pytest.mark.parametrize(
    ("options", "epochs", "best"),
    [
        ({"mode": "max", "patience": 2}, 5, 3),
        ({"mode": "min", "patience": 2}, 3, 1),
        ({"mode": "max", "patience": 2, "min_delta": 0.5}, 3, 1),
        ({"mode": "max", "patience": 9}, 6, 3),
    ],
)
def test_early_stopping_options(options, epochs, best):
    script = Scripted([0.5, 0.6, 0.9, 0.9, 0.8, 0.7])
    stopping = EarlyStopping("score", **options)
    trainer = classifier(callbacks=[script, stopping])
    assert trainer.fit(blobs(), epochs=6).num_epochs == epochs
    assert stopping.best_epoch == best
    assert_same_weights(weights_of(trainer.model), script.weights[best - 1])


def test_early_stopping_knows_what_is_better_by_the_name():
    assert "mode='max'" in repr(EarlyStopping("val_accuracy"))
    assert "mode='min'" in repr(EarlyStopping("val_loss"))
    for wrong in ({"patience": 0}, {"mode": "down"}, {"min_delta": -1}):
        with pytest.raises(ValueError, match=f"EarlyStopping: {next(iter(wrong))}"):
            EarlyStopping(**wrong)


def test_early_stopping_without_validation_rows_fails_before_training():
    trainer = classifier(callbacks=[EarlyStopping()])
    with pytest.raises(ValueError, match="needs validation data"):
        trainer.fit(blobs(), epochs=3)
    trainer = classifier(callbacks=[EarlyStopping("val_f1")])
    with pytest.raises(ValueError, match="'val_f1' is not recorded; there are"):
        trainer.fit(blobs(), blobs(20, 1), epochs=3)


def test_model_checkpoint_keeps_the_best_k_and_the_last(tmp_path):
    script = Scripted([5.0, 3.0, 4.0, 2.0, 6.0])
    checkpoint = ModelCheckpoint(tmp_path, "score", save_top_k=2, save_last=True)
    trainer = classifier(callbacks=[script, checkpoint])
    trainer.fit(blobs(), epochs=5)
    assert sorted(os.listdir(tmp_path)) == [
        "epoch=2-score=3.0000.safetensors",
        "epoch=4-score=2.0000.safetensors",
        "last.safetensors",
    ]
    assert checkpoint.best_model_score == 2.0
    other = classifier(seed=7)
    _, manifest = load_checkpoint(checkpoint.best_model_path, other.model)
    assert manifest["epoch"] == 4
    assert manifest["metrics"]["score"] == 2.0
    assert_same_weights(weights_of(other.model), script.weights[3])
    load_checkpoint(tmp_path / "last.safetensors", other.model)
    assert_same_weights(weights_of(other.model), script.weights[4])
    trainer.fit(blobs(), epochs=4)  # a second run into the same folder overwrites no best
    assert "epoch=4-score=2.0000-v2.safetensors" in os.listdir(tmp_path)


def poisoned(trainer, name):
    with fastnn.no_grad():
        trainer.model.state_dict()[name].numpy()[0] = np.nan


@pytest.mark.parametrize(
    ("plant", "place"),
    [
        (lambda t: poisoned(t, "0.weight"), "weight 0.weight holds nan"),
        (lambda t: poisoned(t, "3.bias"), "weight 3.bias holds nan"),
        (lambda t: setattr(t.model[1], "forward", lambda x: x / 0), r"layer 1 \(ReLU\) gives"),
        (
            lambda t: setattr(t, "loss", lambda y, target: y.sum() * float("nan")),
            "every layer's output is finite",
        ),
    ],
)
def test_a_loss_that_is_not_finite_stops_with_the_place(plant, place):
    class Plant(Callback):
        def on_batch_end(self, trainer, batch, loss):
            if trainer.epoch == 2 and batch == 1:
                plant(trainer)

    stopping = EarlyStopping("loss")
    trainer = classifier(callbacks=[stopping, Plant()])
    with pytest.raises(NonFiniteError, match=place) as caught:
        trainer.fit(blobs(), epochs=5)
    assert "epoch 2, batch 2" in str(caught.value)
    assert "learning rate (0.02)" in str(caught.value)
    assert trainer.history.num_epochs == 1
    assert trainer.history.stopped.startswith("NonFiniteError in epoch 2")
    for name, value in weights_of(trainer.model).items():
        assert np.isfinite(value).all(), name  # the best weights are back


def test_nan_in_a_loader_of_the_users_own_is_named():
    x, y = blobs(40)
    x[35, 1] = np.inf
    trainer = classifier()
    with pytest.raises(NonFiniteError, match=r"batch 2: the input holds inf at row 3 .* \(1,\)"):
        trainer.fit(Batches(x, y), epochs=1)


INTERRUPTED = textwrap.dedent(
    """
    import os, signal, sys, threading, time
    import numpy as np
    import fastnn
    from fastnn import nn, optim
    from fastnn.training import Callback, EarlyStopping, Trainer

    class Ready(Callback):
        def on_batch_end(self, trainer, batch, loss):
            if trainer.epoch == 2 and batch == 3:
                print("ready", flush=True)

    x = np.random.default_rng(0).normal(size=(20_000, 64)).astype(np.float32)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.01),
                      callbacks=[Ready(), EarlyStopping("loss", patience=10**6)], progress=False)
    history = trainer.fit((x, x[:, :1]), epochs=10**6)
    print(history.num_epochs, history.stopped)
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    """
)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_returns_the_history_within_a_second():
    with child("-c", INTERRUPTED) as process:
        assert process.stdout.readline() == "ready\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        seconds = time.monotonic() - start
    assert process.returncode == 0, err
    epochs, rest = out.splitlines()[0].split(maxsplit=1)
    assert int(epochs) >= 1
    assert rest.startswith("interrupted by Ctrl-C in epoch")
    assert out.splitlines()[1] == "True"  # Ctrl-C is again what it was
    assert seconds < 5  # a second on a quiet machine; the end of the interpreter is included


def test_fit_in_another_thread_leaves_signals_alone():
    results = []
    thread = threading.Thread(target=lambda: results.append(classifier().fit(blobs(), epochs=1)))
    thread.start()
    thread.join()
    assert results[0].num_epochs == 1
