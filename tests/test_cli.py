"""The command line, run as a user would: in a process of its own, from another folder."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from interpreter import child
from test_idx import shared_data

import fastnn
from fastnn.training import History, load_checkpoint

ROOT = Path(fastnn.__file__).resolve().parents[1]


def start(*arguments, cwd, **environment):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | environment
    return child("-m", "fastnn.cli", *arguments, cwd=cwd, env=environment)


def run(*arguments, cwd, **environment):
    with start(*arguments, cwd=cwd, **environment) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_train_digits(tmp_path):
    code, out, err = run("train", "digits", cwd=tmp_path)
    assert code == 0, err
    assert err == ""
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("digits-")
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    names = ["history.csv", "model.safetensors", "report.png", "run.json"]
    assert sorted(p.name for p in folder.iterdir()) == names
    facts = json.loads((folder / "run.json").read_text())
    matrix = np.array(facts["confusion_matrix"])
    assert facts["test_accuracy"] >= 0.97
    assert matrix.sum() == 360
    assert matrix.trace() / 360 == facts["test_accuracy"]
    assert f"test accuracy {100 * facts['test_accuracy']:.2f}%" in out
    assert "true \\ predicted" in out
    assert "epoch  60/60: loss" in out
    history = History.from_csv(folder / "history.csv")
    assert history.num_epochs == 60
    state, manifest = load_checkpoint(folder / "model.safetensors")
    assert manifest["layers"] == "64-512-256-10"
    assert sum(a.size for a in state.values()) == 64 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10


def test_same_seed_same_weights_whatever_the_threads(tmp_path):
    states = []
    for name, threads, seed in (("a", 1, 3), ("b", 2, 3), ("c", 1, 4)):
        options = ("--epochs", 2, "--threads", threads, "--seed", seed, "--out", tmp_path / name)
        code, _, err = run("train", "digits", *options, cwd=tmp_path)
        assert code == 0, err
        states.append(load_checkpoint(tmp_path / name / "model.safetensors").state)
    for name in states[0]:
        np.testing.assert_array_equal(states[0][name], states[1][name])
    assert any((states[0][name] != states[2][name]).any() for name in states[0])


def test_train_mnist_for_an_epoch(tmp_path):
    folder = shared_data("mnist")
    options = ("--data", folder, "--epochs", 1, "--out", tmp_path / "m")
    code, out, err = run("train", "mnist", *options, cwd=tmp_path)
    assert code == 0, err
    assert json.loads((tmp_path / "m" / "run.json").read_text())["test_accuracy"] > 0.95
    assert "784-512-256-10" in out


def test_info_and_version(tmp_path):
    code, out, _ = run("info", cwd=tmp_path)
    assert code == 0
    rows = dict(line.split("  ", 1) for line in out.splitlines())
    assert rows["fastnn"].split()[0] == fastnn.__version__
    for name in ("instruction set", "threads", "OpenMP", "compiler", "build flags", "system"):
        assert rows[name].strip()
    smallest = fastnn.config_info()["isas"][0]
    code, out, _ = run("info", cwd=tmp_path, FASTNN_ISA=smallest)
    assert code == 0
    assert f"{smallest} (" in out
    assert run("--version", cwd=tmp_path)[:2] == (0, f"fastnn {fastnn.__version__}\n")


def test_help_teaches(tmp_path):
    code, out, _ = run("--help", cwd=tmp_path)
    assert code == 0
    assert "fastnn train digits" in out
    code, out, _ = run("train", "mnist", "--help", cwd=tmp_path)
    assert code == 0
    for text in ("--data DIR", "what is saved", "exit codes", "784-512-256-10", "60,000"):
        assert text in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "COMMAND"),
        (("train",), 2, "DATA"),
        (("train", "digit"), 2, "did you mean 'digits'?"),
        (("train", "digits", "--epochs", "0"), 2, "must be above 0"),
        (("train", "digits", "--epochs", "x"), 2, "invalid integer value: 'x'"),
        (("train", "digits", "--lr", "nan"), 2, "must be above 0"),
        (("train", "digits", "--hidden", "16,a"), 2, "such as 512,256"),
        (("train", "digits", "--dropout", "1"), 2, "below 1"),
        (("train", "digits", "--seed", "-1"), 2, "from 0"),
        (("train", "digits", "--batch-size", "5000"), 1, "larger than the 1293 rows"),
        (("train", "mnist", "--data", "absent"), 1, "no folder absent"),
        (("train", "mnist", "--data", "."), 1, "has no train-images-idx3-ubyte"),
        (("train", "digits", "--lr", "1e38", "--epochs", "2"), 1, "learning rate"),
    ],
)
def test_errors_are_one_clear_message(tmp_path, arguments, code, message):
    result, _, err = run(*arguments, cwd=tmp_path)
    assert result == code, err
    assert message in err
    assert "Traceback" not in err


def test_a_folder_with_a_model_is_not_overwritten(tmp_path):
    options = ("train", "digits", "--epochs", 1, "--out", tmp_path / "a")
    assert run(*options, cwd=tmp_path)[0] == 0
    before = (tmp_path / "a" / "model.safetensors").read_bytes()
    code, _, err = run(*options, cwd=tmp_path)
    assert code == 1
    assert "holds a trained model already" in err
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_saves_what_there_is(tmp_path):
    options = ("--epochs", 10**5, "--out", tmp_path / "a")
    with start("train", "digits", *options, cwd=tmp_path) as process:
        assert process.stdout.readline().startswith("digits:")
        while not (line := process.stdout.readline()).startswith("epoch   1/"):
            assert line
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "test accuracy" in out
    load_checkpoint(tmp_path / "a" / "model.safetensors")
    assert History.from_csv(tmp_path / "a" / "history.csv").num_epochs >= 1


def test_importing_fastnn_imports_none_of_this():
    code = (
        "import sys, fastnn; "
        "print([m for m in sys.modules if m.split('.')[0] in ('safetensors', 'tqdm', 'argparse') "
        "or m.startswith(('fastnn.training', 'fastnn.data', 'fastnn.metrics', 'fastnn.cli'))])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
