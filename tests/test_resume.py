"""Runs that are stopped or interrupted, and go on with the same bits."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from trainers import (
    MAKERS,
    StopAt,
    assert_same,
    convolutional,
    fit,
    outcome,
    perceptron,
    rows,
    whole,
)

import fastnn
from fastnn import nn, optim
from fastnn.training import (
    CheckpointError,
    EarlyStopping,
    LogFile,
    ModelCheckpoint,
    Target,
    TimeLimit,
    Trainer,
    load_checkpoint,
    save_checkpoint,
)


@pytest.mark.parametrize("maker", MAKERS)
def test_stopped_anywhere_and_resumed_the_bits_are_the_same(maker, tmp_path):
    expected = whole(maker)
    for step in (1, 3, 6, 7, 8, 14, 20, 29, 34):
        folder = tmp_path / str(step)
        fastnn.manual_seed(11)
        trainer = maker([StopAt(step), ModelCheckpoint(folder)])
        history = fit(trainer)
        assert history.stopped == "asked to"
        assert history.num_epochs == (step - 1) // 7
        fastnn.manual_seed(99)  # the new process is in another state
        trainer = maker([ModelCheckpoint(folder)])
        assert fit(trainer, resume=folder / "last.safetensors").stopped == "all 5 epochs done"
        assert_same(outcome(trainer), expected)


@pytest.mark.parametrize("maker", MAKERS)
def test_recorded_steps_and_eager_ones_give_the_same_bits(maker):
    assert_same(whole(maker), whole(maker, compile=False))


def test_a_finished_run_goes_on_for_more_epochs(tmp_path):
    expected = whole(convolutional)
    fastnn.manual_seed(11)
    trainer = convolutional([ModelCheckpoint(tmp_path, save_last=True)])
    fit(trainer, epochs=2)
    trainer = convolutional([ModelCheckpoint(tmp_path, save_last=True)])
    fit(trainer, ckpt_path="last")
    assert_same(outcome(trainer), expected)


def test_best_weights_counters_files_and_log_of_a_resumed_run(tmp_path):
    def run(folder, *, stop_at=None, **options):
        parts = [ModelCheckpoint(folder, save_top_k=2, save_last=True), LogFile(folder / "h.csv")]
        stopping = EarlyStopping("val_loss", patience=2)
        stop = [] if stop_at is None else [StopAt(stop_at)]
        fastnn.manual_seed(11)
        trainer = perceptron([*parts, *stop])
        trainer.callbacks.insert(0, stopping)
        trainer.optimizer.param_groups[0]["lr"] = 0.1  # overfits soon
        history = trainer.fit(rows(), rows(20, 1), 30, batch_size=8, **options)
        lines = [line.rsplit(",", 1)[0] for line in Path(parts[1].path).read_text().splitlines()]
        return trainer, stopping, sorted(os.listdir(folder)), lines, history.stopped

    one, stopping, files, lines, stopped = run(tmp_path / "a")
    assert "val_loss has not improved for 2 epochs" in stopped
    run(tmp_path / "b", stop_at=(stopping.best_epoch + 1) * 7 - 3)
    other, again, files_again, lines_again, stopped_again = run(tmp_path / "b", resume=True)
    assert (stopped_again, files_again, lines_again) == (stopped, files, lines)
    assert (again.best, again.best_epoch, again.wait) == (stopping.best, stopping.best_epoch, 2)
    assert_same(outcome(other), outcome(one))  # the best weights are back in both
    # and once more from the end: nothing is left to do
    assert run(tmp_path / "b", resume=True)[4].startswith("val_loss has not improved")


def test_the_rate_can_be_changed_on_resume(tmp_path):
    trainer = perceptron([StopAt(10), ModelCheckpoint(tmp_path)])
    fit(trainer)
    trainer = perceptron()
    history = fit(trainer, resume=tmp_path, lr=0.001)
    # an epoch's record has the rate that it began with; the schedule halves after epochs 2 and 4
    np.testing.assert_allclose(history["lr"], [0.01, 0.01, 0.0005, 0.0005, 0.00025])


def test_a_loader_of_the_users_own_passes_over_what_is_done(tmp_path):
    x, y = rows()
    batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 50, 8)]

    def run(callbacks, **options):
        fastnn.manual_seed(5)
        trainer = perceptron(callbacks)
        trainer.fit(Batches(batches), rows(20, 1), 3, **options)
        return outcome(trainer)

    expected = run([])
    run([StopAt(9), ModelCheckpoint(tmp_path)])
    assert_same(run([], resume=tmp_path), expected)


class Batches:
    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)


def test_time_limit_and_target_end_a_fit_that_can_go_on(tmp_path):
    trainer = perceptron([TimeLimit(1e-9), ModelCheckpoint(tmp_path)])
    assert fit(trainer).stopped == "the time limit of 1e-09 s in epoch 1"
    trainer = perceptron([Target("val_loss", 100.0)])
    assert fit(trainer, resume=tmp_path).stopped == (
        f"val_loss is {trainer.history['val_loss'][0]:.6g} in epoch 1, at most 100 was asked for"
    )
    assert fit(perceptron([Target("accuracy", 0.0)])).num_epochs == 1
    assert fit(perceptron([Target("accuracy", 1.1)])).num_epochs == 5
    with pytest.raises(ValueError, match="seconds must be positive"):
        TimeLimit(0)


class Press(StopAt):
    """Ctrl-C instead."""

    def on_batch_end(self, trainer, batch, loss):
        if (trainer.epoch - 1) * trainer.num_batches + batch == self.step:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_saves_where_it_stands(tmp_path, capfd):
    # as in a terminal: a background job ignores SIGINT, and so would this test
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        expected = whole(convolutional)
        for step in (4, 7, 18):
            folder = tmp_path / str(step)
            fastnn.manual_seed(11)
            history = fit(convolutional([Press(step), ModelCheckpoint(folder)]))
            assert history.stopped == f"interrupted by Ctrl-C in epoch {(step - 1) // 7 + 1}"
            assert history.num_epochs == (step - 1) // 7
            trainer = convolutional()
            fit(trainer, resume=folder)
            assert_same(outcome(trainer), expected)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "Ctrl-C again stops without saving" in capfd.readouterr().err


# --- what cannot be resumed ---


def saved(folder, maker=perceptron, **options):
    trainer = maker([StopAt(9), ModelCheckpoint(folder)], **options)
    fit(trainer)
    return folder / "last.safetensors"


def other_width():
    trainer = perceptron()
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    return Trainer(model, trainer.loss, optim.Adam(model.parameters()), progress=False)


def other_optimizer():
    trainer = perceptron()
    trainer.optimizer = optim.SGD(trainer.model.parameters(), lr=0.1)
    trainer.scheduler = None
    return trainer


def without_schedule():
    trainer = perceptron()
    trainer.scheduler = None
    return trainer


@pytest.mark.parametrize(
    ("maker", "words"),
    [
        (other_width, "does not fit this run.*wrong shape"),
        (other_optimizer, "the optimizer is SGD, the saved one is Adam"),
        (without_schedule, "the schedule is None, the saved one is StepLR"),
        (lambda: perceptron(ema=0.9), "saved without ema="),
    ],
)
def test_a_checkpoint_of_another_run_changes_nothing(maker, words, tmp_path):
    path = saved(tmp_path)
    trainer = maker()
    before = [np.array(p.detach().numpy()) for p in trainer.model.parameters()]
    rates = [group["lr"] for group in trainer.optimizer.param_groups]
    with pytest.raises(CheckpointError, match=f"(?s){words}"):
        fit(trainer, resume=path)
    for p, a in zip(trainer.model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.detach(), a)
    assert [group["lr"] for group in trainer.optimizer.param_groups] == rates
    assert not trainer.optimizer.state


def test_what_to_resume_is_said_clearly(tmp_path):
    path = saved(tmp_path / "a")
    with pytest.raises(CheckpointError, match="batch_size 8, this loader has 16"):
        perceptron().fit(rows(), rows(20, 1), 5, batch_size=16, resume=path)
    with pytest.raises(CheckpointError, match="no such file"):
        fit(perceptron(), resume=tmp_path / "absent")
    with pytest.raises(ValueError, match="resume and ckpt_path are the same"):
        fit(perceptron(), resume=path, ckpt_path=path)
    with pytest.raises(ValueError, match="ModelCheckpoint, but there is none"):
        fit(perceptron(), resume=True)
    save_checkpoint(tmp_path / "bare.safetensors", perceptron().model)
    with pytest.raises(CheckpointError, match="weights alone, not a run"):
        fit(perceptron(), resume=tmp_path / "bare.safetensors")
    os.makedirs(tmp_path / "empty")
    with pytest.raises(CheckpointError, match="no checkpoint of a run in this folder"):
        fit(perceptron(), resume=tmp_path / "empty")
    # nothing to go on from yet: the first start of a run that is started again and again
    assert fit(perceptron([ModelCheckpoint(tmp_path / "b")]), resume=True).num_epochs == 5


def test_a_damaged_last_checkpoint_is_passed_over(tmp_path):
    trainer = perceptron([ModelCheckpoint(tmp_path, save_last=True)])
    fit(trainer, epochs=2)
    last = tmp_path / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-5])
    trainer = perceptron([ModelCheckpoint(tmp_path, save_last=True)])
    assert fit(trainer, epochs=3, resume=True).num_epochs == 3
    assert load_checkpoint(last).manifest["epoch"] == 3 or "v2" in str(os.listdir(tmp_path))
