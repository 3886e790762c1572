"""What the numbers were measured on: CPU, its limits, build and versions."""

import ctypes
import importlib.metadata
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np


def cpu_name():
    """The processor's name as the system gives it."""
    try:
        with open("/proc/cpuinfo") as f:
            fields = [line.split(":", 1) for line in f if ":" in line]
        names = [v.strip() for k, v in fields if k.strip() == "model name"]
        if names:
            return f"{names[0]}, {len(names)} CPUs"
    except OSError:
        pass
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs"


def describe(threads, limits):
    """(name, value) pairs for the report's head."""
    import fastnn

    config = fastnn.config_info()
    rows = [("CPU", cpu_name()), ("system", f"{platform.system()} {platform.machine()}")]
    if limits:
        rows.append(("float32 multiply-add peak", f"{limits['flops'] / 1e9:.0f} GFLOP/s"))
        rows.append(("memory read bandwidth", f"{limits['bytes'] / 1e9:.1f} GB/s"))
        if threads > 1:  # some 100 ns where two CPUs share a cache, several times that elsewhere
            rows.append(("from CPU to CPU and back", f"{1e9 * limits['round_trip']:.0f} ns"))
    rows.append(("threads at most", str(threads)))
    rows += [(f"fastnn {key}", _words(value)) for key, value in config.items()]
    rows.append(("Python", platform.python_version()))
    if hasattr(os, "getloadavg"):
        rows.append(("other load at the start", f"{os.getloadavg()[0]:.1f} busy processes"))
    for package in ("numpy", "torch", "jax", "jaxlib"):
        try:
            rows.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            rows.append((package, "not installed"))
    return rows


def _words(value):
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def compiler():
    """The command that compiles C, a list of words; empty where there is none."""
    words = shlex.split(os.environ.get("CC", "")) or [
        next(filter(shutil.which, ("cc", "gcc", "clang")), "")
    ]
    return words if shutil.which(words[0]) else []


def limits(threads):
    """Measured peak FLOP/s (float32) and bytes/s of `threads` threads, and seconds that a cache line
    takes to another CPU and back; None without a C compiler."""
    if not compiler():
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "peak.so"
        width = 64 if "avx512f" in _cpu_flags() else 32 if "avx2" in _cpu_flags() else 16
        command = [*compiler(), "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
        command += [f"-DVBYTES={width}", "-Wno-psabi", str(Path(__file__).with_name("peak.c"))]
        if subprocess.run([*command, "-o", library], capture_output=True).returncode:
            return None
        lib = ctypes.CDLL(str(library))
        lib.fma_peak.argtypes = [ctypes.c_long]
        lib.fma_peak.restype = ctypes.c_float
        lib.play.argtypes = [ctypes.c_int, ctypes.c_long]
        lib.read_all.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        lib.read_all.restype = ctypes.c_float
        turns = 200_000
        flops = 24 * (width // 4) * turns
        big = [np.ones(8 << 20, np.float32) for _ in range(threads)]  # 32 MB each
        return {
            "flops": flops / _seconds(lambda i: lib.fma_peak(turns), threads) * threads,
            "bytes": big[0].nbytes
            / _seconds(lambda i: lib.read_all(big[i].ctypes.data & ~63, big[i].size - 128), threads)
            * threads,
            "round_trip": _seconds(lambda i: lib.play(i, 10_000), 2, times=10) / 10_000
            if threads > 1
            else None,
        }


def _cpu_flags():
    try:
        return Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    except (OSError, IndexError):
        return []


def _seconds(work, threads, times=100):
    """The best of so many: seconds that `threads` threads need to do `work` each at the same time."""
    found = []
    for _ in range(times):
        team = [threading.Thread(target=work, args=(i,)) for i in range(1, threads)]
        began = time.perf_counter()
        for t in team:
            t.start()
        work(0)
        for t in team:
            t.join()
        found.append(time.perf_counter() - began)
    return min(found)
