"""A Python of its own, which imports the same fastnn as this one, wherever the tests are run."""

import contextlib
import os
import signal
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


@contextlib.contextmanager
def child(*arguments, **options):
    """A Python with these arguments that a test talks to, ended at the end whatever the test found.

    Ctrl-C reaches it even where the tests run as a shell's background job, which ignores SIGINT
    and whose children would do so too.
    """
    posix = os.name == "posix"
    with subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) if posix else None,
        **options,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
