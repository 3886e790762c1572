"""Files that are written whole or not at all: a reader meets the old one or the new one."""

import contextlib
import os
import re
import secrets

_TEMPORARY = re.compile(r"^\..+\.(\d+)-[0-9a-f]{8}\.tmp$")


def path_of(path, what):
    """The path as text; TypeError for what is none."""
    try:
        return os.fspath(path)
    except TypeError:
        raise TypeError(f"{what} must be a path, got {path!r:.40}") from None


@contextlib.contextmanager
def replacing(path):
    """A binary file for writing that takes the place of `path` when the block ends without error.

    The bytes go to a temporary file in the same folder, reach the disk (fsync), and only then get
    the final name; then the folder reaches the disk. After an error `path` is as it was.

    Examples
    --------
    >>> import os, tempfile
    >>> from fastnn.data.atomic import replacing
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(os.path.join(folder, "a.bin")) as file:
    ...         n = file.write(b"whole")
    ...     os.listdir(folder)
    ['a.bin']
    """
    folder, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder, f".{name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(folder)


def sync_folder(folder):
    """Make renames in `folder` reach the disk, where the system has such a call."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems have no fsync for folders
        pass
    finally:
        os.close(handle)


def sweep(folder):
    """Remove temporary files that killed processes have left in `folder`; returns their names."""
    removed = []
    for name in os.listdir(folder):
        match = _TEMPORARY.match(name)
        if match and not _alive(int(match[1])):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))
                removed.append(name)
    return removed


def _alive(pid):
    if os.name != "posix":
        return True  # os.kill would end the process there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
