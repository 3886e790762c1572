"""What this installation is: version, instruction set, threads and how it was built."""

import platform
import sys

from fastnn._engine import engine
from fastnn.version import __version__


def config_info():
    """What this installation is and what it uses on this machine.

    Returns
    -------
    dict
        ``version`` (str); ``isa`` (str), the instruction set in use, and ``isas`` (list of str),
        those that this build and CPU have (the environment variable ``FASTNN_ISA`` forces one);
        ``vector_bytes`` (int); ``threads`` (int), the most that one operation uses now; ``cpus``
        (int), those that affinity and the cgroup quota allow; ``openmp`` (int), its version or 0
        without it; ``compiler`` and ``flags`` (str), how the kernels were built; ``python`` and
        ``platform`` (str).

    Examples
    --------
    >>> import fastnn
    >>> info = fastnn.config_info()
    >>> info["isa"] in info["isas"]
    True
    >>> 1 <= info["threads"]
    True
    """
    return {
        "version": __version__,
        **engine._config(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
    }


def show_config():
    """Print `config_info`, one line each: what to put into a bug report.

    Like ``numpy.show_config``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.show_config()  # doctest: +ELLIPSIS
    version       ...
    isa           ...
    """
    for name, value in config_info().items():
        text = " ".join(value) if isinstance(value, list) else value
        print(f"{name:<13} {text}")
