"""``fastnn info``: version, instruction set, threads, build."""

import os

from fastnn.cli.arguments import OK


def info(arguments):
    import numpy

    import fastnn

    info = fastnn.config_info()
    rows = {
        "fastnn": f"{info['version']} in {os.path.dirname(fastnn.__file__)}",
        "instruction set": f"{info['isa']} ({8 * info['vector_bytes']}-bit vectors); "
        f"usable: {', '.join(info['isas'])} (FASTNN_ISA chooses)",
        "threads": f"{info['threads']}, for {info['cpus']} usable CPUs "
        "(FASTNN_NUM_THREADS or OMP_NUM_THREADS limits)",
        "OpenMP": str(info["openmp"]) if info["openmp"] else "none: built for one thread",
        "compiler": info["compiler"],
        "build flags": info["flags"],
        "Python, NumPy": f"{info['python']}, {numpy.__version__}",
        "system": info["platform"],
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")
    return OK
