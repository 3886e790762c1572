"""fastnn: train neural networks on a CPU, fast, with the API that people already know."""

try:
    import fastnn._engine.engine as _engine
except ModuleNotFoundError as error:
    if error.name != "fastnn._engine.engine":
        raise
    raise ImportError(
        "fastnn's compiled core is missing: this is the source folder, not yet built.\n"
        "Run  pip install -e .  in it (or  pip install .  and start Python in another folder)."
    ) from error

from fastnn._engine.engine import (
    Generator,
    Tensor,
    bool_,
    compile,
    empty_cache,
    float32,
    float64,
    from_numpy,
    get_default_generator,
    get_num_threads,
    int32,
    int64,
    is_grad_enabled,
    memory_stats,
    reset_peak_memory,
    set_num_threads,
    tensor,
)
from fastnn._engine.engine import as_tensor_ as as_tensor
from fastnn import autograd, cuda
from fastnn.autograd import enable_grad, inference_mode, no_grad, set_grad_enabled
from fastnn.config import config_info, show_config
from fastnn.device import device
from fastnn.dlpack import from_dlpack
from fastnn.ops import *
from fastnn.typeinfo import *
from fastnn.version import __version__

float, double, long, int, bool = float32, float64, int64, int32, bool_


def __getattr__(name):
    # the upper floors, and what they are made of, are imported when they are first used:
    # `import fastnn` stays as quick as NumPy's
    import importlib

    if name in _ROOMS:
        return importlib.import_module(f"fastnn.{name}")
    if name == "compile_step":
        return importlib.import_module("fastnn.training.step").compile_step
    if name in ("save", "load"):
        return getattr(importlib.import_module("fastnn.serialization"), name)
    if not name.startswith("_"):
        networks = importlib.import_module("fastnn.ops.networks")
        if name in networks.__all__:
            return getattr(networks, name)
    raise AttributeError(f"module 'fastnn' has no attribute {name!r}")


def __dir__():
    from fastnn.ops import networks

    return sorted({*globals(), *networks.__all__, *_ROOMS, "compile_step", "save", "load"})


_ROOMS = ("nn", "optim", "data", "training", "metrics", "diagnostics", "tabular")
