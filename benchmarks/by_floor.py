"""What a small operation costs at the least: floor.c, compiled when it is asked for."""

import importlib.util
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from . import machine

MODES = ("C",)


def _compiled():
    source = Path(__file__).with_name("floor.c")
    include = sysconfig.get_paths()["include"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "floor.so"
        command = [*machine.compiler(), "-O3", "-march=native", "-shared", "-fPIC", f"-I{include}"]
        subprocess.run([*command, source, "-o", path], check=True, capture_output=True)
        spec = importlib.util.spec_from_file_location("floor", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


FLOOR = _compiled()


def version():
    return ""


def small_op(name, mode):
    """One of relu, add, and relu forward only."""
    x, other, relu = FLOOR.Value(), FLOOR.Value(), FLOOR.relu

    def one_relu():
        x.grad = None
        relu(x).backward(other)

    def one_add():
        x.grad = None
        (x + other).backward(other)

    def forward():
        relu(x)

    return {"relu": one_relu, "add": one_add, "relu, forward only": forward}[name], None
