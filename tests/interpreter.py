"""A Python of its own, which imports the same fastnn as this one, wherever the tests are run."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import fastnn


def python(code, timeout=300, **env):
    """Runs code with these environment variables; returns what subprocess.run does."""
    path = os.pathsep.join(
        [str(Path(fastnn.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=tempfile.gettempdir(),
        env={**os.environ, "PYTHONPATH": path, **env},
    )


def run(code, timeout=300, **env):
    """The same, for code that must end well; returns what it printed."""
    done = python(code, timeout, **env)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
