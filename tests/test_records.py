"""What a fit leaves behind: log files, TensorBoard's events, pictures."""

import csv
import json
import sys

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.training import (
    Callback,
    History,
    LogFile,
    TensorBoard,
    Trainer,
    plot_history,
    plot_loss,
    plot_lr,
    plot_metric,
)


def rows(n=40):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64)


def fit(*callbacks, epochs=3):
    fastnn.manual_seed(0)
    trainer = Trainer(
        nn.Linear(4, 2),
        nn.CrossEntropyLoss(),
        metrics=["accuracy"],
        callbacks=callbacks,
        progress=False,
    )
    return trainer.fit(rows(), rows(20), epochs=epochs)


class Reader(Callback):
    """Reads the log at every epoch's end, as somebody would who watches the run."""

    def __init__(self, log):
        self.log, self.lines = log, []

    def on_epoch_end(self, trainer, record):
        with open(self.log.path) as file:
            self.lines.append(len(file.readlines()))


def test_logs_are_written_while_training_goes_on(tmp_path):
    table, lines = LogFile(tmp_path / "deep" / "a.csv"), LogFile(tmp_path / "a.jsonl")
    reader = Reader(table)
    history = fit(table, lines, reader)
    assert reader.lines == [2, 3, 4]
    assert dict(History.from_csv(table.path)) == dict(history)
    with open(lines.path) as file:
        records = [json.loads(line) for line in file]
    assert [record["val_loss"] for record in records] == history["val_loss"]
    assert list(records[0]) == list(history)
    again = LogFile(tmp_path / "a.jsonl")
    fit(again, epochs=1)
    assert again.path == str(tmp_path / "a-v2.jsonl")  # no run overwrites another
    with pytest.raises(ValueError, match=r"\.csv or \.jsonl, got .*a\.txt"):
        LogFile("a.txt")


def test_history_as_json_lines(tmp_path):
    history = History()
    history.append({"epoch": 1, "loss": float("nan")})
    history.append({"epoch": 2, "loss": 0.1, "f1": float("inf")})
    history.to_jsonl(tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"epoch": 1, "loss": None, "f1": None},
        {"epoch": 2, "loss": 0.1, "f1": None},
    ]
    with open(tmp_path / "b.csv", "w") as file:
        csv.writer(file).writerow(["epoch"])
    assert History.from_csv(tmp_path / "b.csv") == {"epoch": []}


def test_tensorboard_gets_every_number(tmp_path):
    pytest.importorskip("tensorboardX", reason="events are written by tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    history = fit(TensorBoard(tmp_path, every_n_train_steps=1))
    (path,) = tmp_path.iterdir()
    content, found = path.read_bytes(), {}
    while content:  # length, its checksum, event, its checksum
        size = int.from_bytes(content[:8], "little")
        event, content = Event.FromString(content[12 : 12 + size]), content[16 + size :]
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    for tag, column in (
        ("loss/train", "loss"),
        ("loss/val", "val_loss"),
        ("accuracy/val", "val_accuracy"),
    ):
        steps, values = zip(*found[tag], strict=True)
        assert steps == (1, 2, 3)
        np.testing.assert_allclose(values, history[column], rtol=1e-6)
    assert len(found["batch/loss"]) == 6
    assert len(found["lr"]) == 3


def test_tensorboard_without_its_extra_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'fastnn\[tensorboard\]'"):
        fit(TensorBoard(tmp_path))


def test_pictures_are_saved_and_axes_returned(tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    history = fit()
    axes = history.plot(tmp_path / "a.png")
    assert len(axes) == 4
    assert [ax.get_yscale() for ax in axes] == ["linear", "log", "linear", "log"]
    assert "gap" in axes[2].get_title()
    plot_history(history, tmp_path / "a.svg")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
    train, val = plot_loss(history).get_lines()
    np.testing.assert_array_equal(train.get_ydata(), history["loss"])
    np.testing.assert_array_equal(val.get_ydata(), history["val_loss"])
    ax = plot_lr(history)
    assert plot_metric(history, ax=ax) is ax
    with pytest.raises(KeyError, match="no column 'f1'"):
        plot_metric(history, "f1")
    with pytest.raises(ValueError, match=r"\.png, \.svg or \.pdf, got .*a\.txt"):
        history.plot(tmp_path / "a.txt")
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()  # no figure is left open


def test_pictures_without_matplotlib_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'fastnn\[plot\]'"):
        plot_loss({"loss": [1.0]})
