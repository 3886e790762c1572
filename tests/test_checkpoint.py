"""Checkpoints: written whole or not at all, read whole or refused."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import fastnn
from fastnn import nn
from fastnn.training import CheckpointError, load_checkpoint, save_checkpoint

STATE = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scale": np.array(2.5),
    "mask": np.array([True, False]),
    "count": np.array([1, 2**60]),
    "small": np.array([[7]], dtype=np.int32),
    "empty": np.empty((0, 4), np.float32),
    "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


def test_all_dtypes_and_facts_come_back(tmp_path):
    path = tmp_path / "a.safetensors"
    facts = {"epoch": 3, "metrics": {"loss": np.float32(0.5), "f1": float("nan")}, "names": ["a"]}
    save_checkpoint(path, STATE, **facts)
    state, manifest = load_checkpoint(path)
    assert state.keys() == STATE.keys()
    for name, a in STATE.items():
        assert state[name].dtype == a.dtype
        assert state[name].shape == a.shape
        np.testing.assert_array_equal(state[name], a)
    assert manifest["epoch"] == 3
    assert manifest["metrics"] == {"loss": 0.5, "f1": "nan"}
    assert manifest["fastnn"] == fastnn.__version__


def test_a_plain_reader_of_safetensors_can_read_it(tmp_path):
    fastnn.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    save_checkpoint(tmp_path / "a.safetensors", model)
    state = load_file(tmp_path / "a.safetensors")
    for name, t in model.state_dict().items():
        np.testing.assert_array_equal(state[name], t.numpy())
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    manifest = load_checkpoint(tmp_path / "a.safetensors", other).manifest
    assert manifest["model"] == "Sequential"
    x = fastnn.ones(2, 3)
    np.testing.assert_array_equal(model.eval()(x).detach(), other.eval()(x).detach())


def test_a_checkpoint_that_does_not_fit_leaves_the_model_as_it_was(tmp_path):
    save_checkpoint(tmp_path / "a.safetensors", nn.Linear(3, 4))
    model = nn.Linear(3, 5)
    before = model.weight.detach().numpy().copy()
    with pytest.raises(CheckpointError, match=r"does not fit the model(?s:.*)weight"):
        load_checkpoint(tmp_path / "a.safetensors", model)
    np.testing.assert_array_equal(model.weight.detach(), before)


def test_every_flipped_bit_and_every_cut_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, STATE, epoch=3)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    for bit in generator.choice(8 * len(whole), 400, replace=False):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        try:
            state, manifest = load_checkpoint(path)
        except CheckpointError:
            continue
        # only spaces between tokens may change without changing what the file says
        assert manifest["epoch"] == 3, f"bit {bit}"
        for name, a in STATE.items():
            np.testing.assert_array_equal(state[name], a, err_msg=f"bit {bit}")
    for length in (0, 1, 7, 8, 9, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            load_checkpoint(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


def header_of(text, data=b""):
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x95cos\nsystem\n(S'false'\ntR.",  # a pickle
        b"PK\x03\x04" + b"\0" * 100,
        (2**63).to_bytes(8, "little") + b"{}",
        header_of(b"[" * 100_000),
        header_of(
            b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}', b"1234"
        ),
        header_of(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', b"1234"),
        header_of(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4000000000]}}', b"1234"),
        header_of(b'{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}', b"1234"),
        header_of(b'{"__metadata__":{"fastnn":"{","sha256":"0"}}'),
        b"",
    ],
)
def test_hostile_and_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.safetensors"):
        load_checkpoint(path)


def test_missing_folder_and_bare_files(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        load_checkpoint(tmp_path / "absent")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path)
    save_file({"a": np.ones(2)}, tmp_path / "bare.safetensors")
    with pytest.raises(CheckpointError, match=r"load_state_dict\(safetensors"):
        load_checkpoint(tmp_path / "bare.safetensors")
    with pytest.raises(OSError, match="absent"):
        save_checkpoint(tmp_path / "absent" / "a.safetensors", STATE)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, {"a": np.zeros(3)}, epoch=1)
    with pytest.raises(TypeError, match="float16"):
        save_checkpoint(path, {"a": np.zeros(3, np.float16)})
    with pytest.raises(TypeError, match="JSON"):
        save_checkpoint(path, {"a": np.zeros(3)}, epoch=object())

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, {"a": np.ones(3)}, epoch=2)
    assert load_checkpoint(path).manifest["epoch"] == 1
    assert os.listdir(tmp_path) == ["a.safetensors"]


SAVING = textwrap.dedent(
    """
    import sys
    import numpy as np
    from fastnn.training import save_checkpoint
    for epoch in range(10**9):
        save_checkpoint(sys.argv[1], {"a": np.full(200_000, epoch, np.int64)}, epoch=epoch)
        if epoch == 0:
            print("started", flush=True)
    """
)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_killed_while_saving_there_is_always_a_whole_file(tmp_path):
    path = tmp_path / "a.safetensors"
    generator = np.random.default_rng(0)
    for _ in range(5):
        path.unlink(missing_ok=True)
        child = subprocess.Popen(
            [sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "started\n"
        time.sleep(generator.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        state, manifest = load_checkpoint(path)
        assert (state["a"] == manifest["epoch"]).all()


def test_the_manifest_is_json_in_the_header(tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, STATE, epoch=3)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    assert size % 8 == 0
    metadata = json.loads(content[8 : 8 + size])["__metadata__"]
    assert json.loads(metadata["fastnn"])["epoch"] == 3
    assert len(metadata["sha256"]) == 64
