"""Checkpoints: written whole or not at all, read whole or refused."""

import hashlib
import json
import os
import random
import signal
import time

import interpreter
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import fastnn
from fastnn import nn
from fastnn.data.atomic import sweep
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


def damaged(whole, other, generator):
    """One of the ways in which files rot; never the file itself."""
    content, at = bytearray(whole), int(generator.integers(len(whole)))
    length = int(generator.integers(1, 200))
    kind = int(generator.integers(8))
    if kind < 3:
        content[at] ^= 1 << int(generator.integers(8))
    elif kind == 3:
        del content[at:]
    elif kind == 4:
        content[at : at + length] = bytes(len(content[at : at + length]))
    elif kind == 5:
        content[at : at + length] = generator.bytes(len(content[at : at + length]))
    elif kind == 6:
        content += generator.bytes(length)
    else:  # the beginning of one version, the end of the other
        content[at:] = other[at:]
    return bytes(content)


def test_10000_damaged_files_are_refused_and_change_nothing(tmp_path):
    path = tmp_path / "a.safetensors"
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    versions = []
    for epoch in (3, 4):
        training = {"best": 0.5, "order": np.arange(5), "names": ["a", ("b", None)]}
        save_checkpoint(path, model, training=training, epoch=epoch)
        versions.append(path.read_bytes())
        with fastnn.no_grad():
            model[0].weight.add_(1)
    before = {name: t.numpy().copy() for name, t in model.state_dict().items()}
    generator = np.random.default_rng(0)
    refused = 0
    with open(path, "r+b", buffering=0) as file:
        while refused < 10_000:
            content = damaged(*versions, generator)
            if content in versions:
                continue
            file.seek(0)
            file.write(content)
            file.truncate(len(content))
            try:
                load_checkpoint(path, model)
            except CheckpointError as error:
                assert "a.safetensors" in str(error)
                refused += 1
            else:
                raise AssertionError("a damaged file was loaded")
    for name, t in model.state_dict().items():
        np.testing.assert_array_equal(t.numpy(), before[name])


def signed(header, data=b"", manifest=None):
    """A file whose checksum fits, with whatever header: what an attacker can write."""
    if manifest is None:
        manifest = json.dumps({"format": "fastnn-checkpoint-2"})
    if isinstance(header, dict):
        top = {"__metadata__": {"sha256": "0" * 64, "fastnn": manifest}, **header}
        header = json.dumps(top, separators=(",", ":"))
    text = header.encode() if isinstance(header, str) else header
    length = len(text).to_bytes(8, "little")
    begin = len('{"__metadata__":{"sha256":"')
    digest = hashlib.sha256(length + text[:begin] + text[begin + 64 :] + data).hexdigest().encode()
    return length + text[:begin] + digest + text[begin + 64 :] + data


def entry(dtype="F32", shape=(1,), begin=0, end=4):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


OPENING = '{"__metadata__":{"sha256":"' + "0" * 64 + '","fastnn":"{}"}'
PACKED = {"format": "fastnn-checkpoint-2", "training": None}


def with_training(packed):
    return signed({"a": entry()}, b"1234", json.dumps({**PACKED, "training": packed}))


def hostile_files():
    """Name to content; every checksum fits, so that all lies with what comes after it."""
    nested = "[" * 400_000 + "]" * 400_000
    yield "huge shape", signed({"a": entry(shape=(2**32, 2**32))}, b"1234")
    yield "wrapping shape", signed({"a": entry(shape=(2**32, 2**32, 2**32 + 1))}, b"1234")
    yield "negative shape", signed({"a": entry(shape=(-1, -1))}, b"1234")
    yield "shape of floats", signed({"a": entry(shape=(1.0,))}, b"1234")
    yield "shape of booleans", signed({"a": entry(shape=(True,))}, b"1234")
    yield "shape is a number", signed({"a": {**entry(), "shape": 7}}, b"1234")
    yield "many dimensions", signed({"a": entry(shape=(1,) * 100)}, b"1234")
    yield "offsets swapped", signed({"a": entry(begin=4, end=0)}, b"1234")
    yield "offsets beyond", signed({"a": entry(shape=(2**30,), end=2**32)}, b"1234")
    yield "offsets of 2**64", signed({"a": entry(begin=2**64, end=2**64 + 4)}, b"1234")
    yield "offsets negative", signed({"a": entry(begin=-4, end=0)}, b"1234")
    yield "three offsets", signed({"a": {**entry(), "data_offsets": [0, 4, 4]}}, b"1234")
    yield "overlap", signed({"a": entry(), "b": entry()}, b"1234")
    yield "hole", signed({"a": entry(), "b": entry(begin=8, end=12)}, b"1234" * 3)
    yield "bytes left over", signed({"a": entry()}, b"12345678")
    yield "too few bytes", signed({"a": entry()}, b"12")
    yield "unknown dtype", signed({"a": entry("F16", (2,))}, b"1234")
    yield "dtype is a list", signed({"a": {**entry(), "dtype": []}}, b"1234")
    yield "no dtype", signed({"a": {"shape": [1], "data_offsets": [0, 4]}}, b"1234")
    yield "entry is text", signed({"a": "x"}, b"1234")
    yield "no manifest", signed('{"__metadata__":{"sha256":"' + "0" * 64 + '"}}')
    yield "manifest is a list", signed({}, manifest="[]")
    yield "manifest is cut", signed({}, manifest="{")
    yield "manifest is deep", signed({}, manifest=nested)
    yield "header is deep", signed(OPENING + ',"a":' + nested + "}")
    yield "header is cut", signed(OPENING)
    yield "header is long", signed(OPENING + " " * (1 << 24) + "}")
    yield "header of many things", signed(OPENING + ',"a":[' + "{}," * 5_000_000 + "{}]}")
    yield "no text", signed(OPENING.encode() + b',"\xff\xfe":1}')
    yield "other format", signed({"a": entry()}, b"1234", '{"format":"fastnn-checkpoint-9"}')
    yield "training names no array", with_training({"array": "training/b"})
    yield "training of another kind", with_training({"__reduce__": ["os.system", "false"]})
    deep = '{"format":"fastnn-checkpoint-2","training":' + '{"list":[' * 9_000 + "]}" * 9_000 + "}"
    yield "training is deep", signed({"a": entry()}, b"1234", deep)


@pytest.mark.skipif(os.name != "posix", reason="measures memory by resource")
def test_hostile_files_with_a_right_checksum_are_refused_in_little_memory(tmp_path):
    paths = []
    for name, content in hostile_files():
        paths.append(tmp_path / f"{name}.safetensors")
        paths[-1].write_bytes(content)
    assert len(paths) >= 30
    os.mkfifo(tmp_path / "fifo")  # would be waited for without end
    code = f"""if True:
        import resource, os, sys
        import fastnn
        from fastnn.training import CheckpointError, load_checkpoint
        begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for path in {[str(p) for p in paths] + [str(tmp_path / "fifo"), "/dev/zero"]!r}:
            for load in (load_checkpoint, fastnn.load):
                try:
                    load(path)
                    print("loaded", path)
                except CheckpointError as error:
                    assert os.path.basename(path) in str(error), error
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begin
        print("most MB:", peak // 1024 // (1024 if sys.platform == "darwin" else 1))
    """
    *loaded, peak = interpreter.run(code).splitlines()
    assert loaded == []
    assert int(peak.split()[-1]) <= 64


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
        header_of(b'{"a":{"dtype":"F8","shape":[4],"data_offsets":[0,4]}}', b"1234"),
        header_of(b'{"__metadata__":{"fastnn":"{","sha256":"0"}}'),
        b"",
    ],
)
def test_hostile_and_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    for load in (load_checkpoint, fastnn.load):
        with pytest.raises(CheckpointError, match=r"a\.safetensors"):
            load(path)


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


KILLS = int(os.environ.get("FASTNN_KILLS", 200))  # 1000 is the full test


@pytest.mark.skipif(not hasattr(os, "fork"), reason="sends SIGKILL to forked processes")
def test_killed_while_saving_there_is_always_a_whole_file(tmp_path):
    path = tmp_path / "a.safetensors"
    moments = random.Random(0)
    latest = 0
    for _ in range(KILLS):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                for epoch in range(latest, 10**9):
                    save_checkpoint(path, {"a": np.full(20_000, epoch)}, epoch=epoch)
                    os.write(write, b".")
            finally:
                os._exit(1)
        os.close(write)
        time.sleep(moments.uniform(0, 0.02))
        os.kill(pid, signal.SIGKILL)
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL
        completed = 0
        while piece := os.read(read, 4096):
            completed += len(piece)
        os.close(read)
        if latest or completed:
            state, manifest = load_checkpoint(path)
            assert (state["a"] == manifest["epoch"]).all()
            assert manifest["epoch"] >= latest + completed - 1  # what was completed is not lost
            latest = manifest["epoch"]
    assert sweep(tmp_path)  # some were killed half-way
    assert os.listdir(tmp_path) == ["a.safetensors"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits the size of files in a forked process")
def test_a_full_disk_at_any_byte_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, STATE, epoch=1)
    old, size = path.read_bytes(), path.stat().st_size
    for limit in range(0, size + 100, 31):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                import resource

                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                try:
                    save_checkpoint(path, STATE, epoch=1)
                    code = 0
                except OSError:
                    code = 2
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code == (2 if limit < size else 0)
        assert path.read_bytes() == old
        assert os.listdir(tmp_path) == ["a.safetensors"]


def test_the_manifest_is_json_in_the_header(tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, STATE, epoch=3)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    assert size % 8 == 0
    metadata = json.loads(content[8 : 8 + size])["__metadata__"]
    assert json.loads(metadata["fastnn"])["epoch"] == 3
    assert len(metadata["sha256"]) == 64
