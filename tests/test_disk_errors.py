"""Disks that fail: at every single write, sync and rename of a save, the old file stays as it was."""

import builtins
import errno
import io
import os

import numpy as np
import pytest

from fastnn import nn, optim
from fastnn.data import atomic
from fastnn.training import (
    CheckpointError,
    ModelCheckpoint,
    Trainer,
    load_checkpoint,
    save_checkpoint,
)

ARRAYS = {f"a{i}": np.full(5000, i, np.float32) for i in range(4)}


class Disk:
    """Counts what a save asks of the disk; the n-th time it gives this error, or writes short."""

    def __init__(self, monkeypatch, failing, error):
        self.asked, self.failing, self.error = 0, failing, error
        monkeypatch.setattr(atomic, "open", self.open, raising=False)
        for name in ("fsync", "replace", "open"):
            monkeypatch.setattr(os, name, self.call(getattr(os, name)))

    def due(self):
        self.asked += 1
        return self.asked == self.failing

    def fail(self, path=None):
        raise OSError(self.error, os.strerror(self.error), path)

    def call(self, function):
        def asked(*arguments, **options):
            if self.due() and self.error:
                self.fail()
            return function(*arguments, **options)

        return asked

    def open(self, path, mode):
        if self.due() and self.error:
            self.fail(path)
        disk = self

        class Raw(io.FileIO):
            def write(self, content):
                if not disk.due():
                    return super().write(content)
                if disk.error:
                    super().write(memoryview(content)[: len(content) // 2])  # half of it arrives
                    disk.fail()
                return super().write(memoryview(content)[: max(1, len(content) // 2)])

        return io.BufferedWriter(Raw(path, mode.replace("b", "")))


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, 0])
def test_whatever_fails_at_the_nth_time_the_old_file_is_whole(error, tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, {name: -a for name, a in ARRAYS.items()}, epoch=1)
    for failing in range(1, 100):
        with pytest.MonkeyPatch.context() as monkeypatch:
            disk = Disk(monkeypatch, failing, error)
            try:
                save_checkpoint(path, ARRAYS, epoch=2)
                raised = None
            except OSError as caught:
                raised = caught
        assert os.listdir(tmp_path) == ["a.safetensors"]
        state, manifest = load_checkpoint(path)  # its checksum fits
        sign = 1 if manifest["epoch"] == 2 else -1
        assert all((state[name] == sign * a).all() for name, a in ARRAYS.items())
        if disk.asked < failing:
            break  # nothing failed any more
        if error:
            assert raised is None or raised.errno == error
            assert (raised is None) <= (sign == 1)  # no error: the new one is there
        else:
            assert (raised, sign) == (None, 1)  # a short write is gone on with
        save_checkpoint(path, {name: -a for name, a in ARRAYS.items()}, epoch=1)
    assert failing > 6  # open, writes, sync, rename, the folder's open and sync
    assert raised is None


def test_a_fit_whose_disk_is_full_raises_and_keeps_history_and_files(tmp_path, monkeypatch):
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    model = nn.Linear(3, 1)
    saving = ModelCheckpoint(tmp_path, monitor=None, save_last=True)
    trainer = Trainer(
        model,
        nn.MSELoss(),
        optim.SGD(model.parameters(), lr=0.1),
        callbacks=[saving],
        progress=False,
    )
    real, saves = builtins.open, []

    def full(path, mode):
        saves.append(path)
        if len(saves) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        return real(path, mode)

    monkeypatch.setattr(atomic, "open", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        trainer.fit((x, x[:, :1]), epochs=9)
    assert trainer.history.num_epochs == 3
    assert trainer.history.stopped.startswith("OSError in epoch 3")
    assert os.listdir(tmp_path) == ["last.safetensors"]
    assert load_checkpoint(tmp_path / "last.safetensors").manifest["epoch"] == 2
    assert trainer.fit((x, x[:, :1]), epochs=4, resume=True).num_epochs == 4


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE])
def test_a_disk_that_fails_while_reading_is_named(error, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, ARRAYS)

    class Raw(io.FileIO):
        def readinto(self, buffer):
            raise OSError(error, os.strerror(error))

        read = readall = readinto

    from fastnn.training import checkpoint

    monkeypatch.setattr(checkpoint, "open", lambda path, mode: Raw(path, "r"), raising=False)
    model = nn.Linear(3, 1)
    before = model.weight.detach().numpy().copy()
    with pytest.raises(CheckpointError, match=r"a\.safetensors: cannot be read"):
        load_checkpoint(path, model)
    np.testing.assert_array_equal(model.weight.detach(), before)
