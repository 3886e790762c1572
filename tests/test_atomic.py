"""Files that are written whole or not at all."""

import os

import pytest

from fastnn.data.atomic import replacing, sweep


def test_replacing_keeps_the_old_file_after_an_error(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail():
        with replacing(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="only POSIX can ask whether a process lives")
def test_sweep_removes_what_dead_processes_left(tmp_path):
    child = os.posix_spawnp("true", ["true"], os.environ)
    os.waitpid(child, 0)
    for name in (f".a.{child}-01234567.tmp", f".b.{os.getpid()}-01234567.tmp", "c.tmp"):
        (tmp_path / name).write_bytes(b"")
    assert sweep(tmp_path) == [f".a.{child}-01234567.tmp"]
    assert len(os.listdir(tmp_path)) == 2
