"""Runs that are killed at any moment, and go on with the same bits.

FASTNN_KILLS changes the number of SIGKILLs per model.
"""

import json
import os
import random
import signal
import time

import pytest
from trainers import (
    MAKERS,
    fit,
    outcome,
)

import fastnn
from fastnn.training import (
    LogFile,
    ModelCheckpoint,
    load_checkpoint,
    save_checkpoint,
)
from fastnn.training.model_checkpoint import newest

KILLS = int(os.environ.get("FASTNN_KILLS", 50))


def child(maker, folder, report):
    """One process's life: train, or go on, to the end; tells of each step that is safely on disk."""

    class Safe(ModelCheckpoint):
        def _save(self, *args):
            super()._save(*args)
            os.write(report, args[1].global_step.to_bytes(4, "little"))

    fastnn.manual_seed(11)
    saving = Safe(folder, save_top_k=2, save_last=True, every_n_train_steps=2)
    trainer = maker([LogFile(folder / "log.jsonl"), saving])
    fit(trainer, resume=True)
    save_checkpoint(folder / "end.checkpoint", {}, training={"outcome": repr(outcome(trainer))})


def start(maker, folder):
    """A forked child, and the pipe through which it reports."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(read)
            child(maker, folder, write)
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    return pid, read


def steps_reported(read):
    content = b""
    while piece := os.read(read, 1 << 16):
        content += piece
    os.close(read)
    return [int.from_bytes(content[i : i + 4], "little") for i in range(0, len(content), 4)]


def files(folder):
    """But for logs: a run that is killed before its first checkpoint begins a new one."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("log"))


def log(folder):
    """Lines of the last run's log, without their times."""
    path = max(folder.glob("log*.jsonl"), key=os.path.getmtime)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line | {"seconds": 0} for line in lines]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="sends SIGKILL to forked processes")
@pytest.mark.parametrize("maker", MAKERS)
def test_killed_at_any_moment_and_resumed_the_bits_are_the_same(maker, tmp_path):
    begin = time.monotonic()
    pid, read = start(maker, tmp_path / "whole")
    steps_reported(read)
    assert os.waitpid(pid, 0)[1] == 0
    length = time.monotonic() - begin
    expected = load_checkpoint(tmp_path / "whole" / "end.checkpoint").training
    moments = random.Random(0)
    kills = run = 0
    while kills < KILLS:
        folder, run, safe = tmp_path / str(run), run + 1, 0
        while not (folder / "end.checkpoint").exists():
            pid, read = start(maker, folder)
            time.sleep(moments.uniform(0, 0.7 * length))
            os.kill(pid, signal.SIGKILL)
            kills += os.waitpid(pid, 0)[1] == signal.SIGKILL
            reported = steps_reported(read)
            safe = max([safe, *reported])
            if safe:
                state = load_checkpoint(newest(folder))
                assert state.training["gradients"]["steps"] >= safe  # nothing lost
        assert load_checkpoint(folder / "end.checkpoint").training == expected
        assert files(folder) == files(tmp_path / "whole")  # no more and no less, no temporary ones
        assert log(folder) == log(tmp_path / "whole")
    print(f"{kills} kills in {run} runs of {length:.2f} s")
