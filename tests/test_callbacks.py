"""Callbacks: their order, the history, the progress line, early stopping, checkpoints of the best."""

import os
import re
import sys
import time
import types

import pytest
import tqdm
from trainers import assert_same_weights, blobs, classifier, weights_of

from fastnn.training import (
    Callback,
    EarlyStopping,
    History,
    ModelCheckpoint,
    Progress,
    load_checkpoint,
)


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


def test_in_a_notebook_the_bar_is_tqdms_own_choice(monkeypatch):
    made = []

    class Bar:
        def __init__(self, **options):
            made.append(options)
            self.rows = 0

        def update(self, rows):
            self.rows += rows

        def set_description_str(self, text, refresh):
            self.description = text

        def set_postfix_str(self, text, refresh):
            self.postfix = text

        def close(self):
            made.append(self)

    monkeypatch.setitem(sys.modules, "ipykernel", object())
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setattr(tqdm, "auto", sys.modules["tqdm.auto"], raising=False)
    classifier(progress=None).fit(blobs(), blobs(20, 1), epochs=2)
    options, bar = made
    assert options["total"] == bar.rows == 2 * len(blobs()[0])
    assert bar.description == "epoch 2/2"
    assert re.fullmatch(r"loss [\d.]+, val_loss [\d.]+, val_accuracy [\d.]+", bar.postfix)


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
    progress.on_epoch_start(trainer)
    for batch in range(1, 20_000):
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
