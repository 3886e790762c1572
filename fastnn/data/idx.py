"""The IDX format of MNIST and its kin, plain or gzipped."""

import gzip
import math
import os
import struct
import zlib

import numpy as np

from fastnn.data.atomic import path_of

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_GZIP_SHRINKS = 1032  # times; a limit of the DEFLATE format
_CHUNK = 1 << 20


def read_idx(path):
    """Read an IDX file.

    Parameters
    ----------
    path : str or path
        Gzipped or not: the content decides, not the name.

    Returns
    -------
    numpy.ndarray
        Shape and dtype as the header says, in the machine's byte order.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Not an IDX file, truncated, too long, or damaged. The header is checked against the file's
        size before memory is taken.

    Notes
    -----
    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "IDX file format".

    Examples
    --------
    >>> import os, tempfile
    >>> from fastnn.data import read_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "labels.idx")
    ...     with open(path, "wb") as file:
    ...         n = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    ...     read_idx(path)
    array([7, 8, 9], dtype=uint8)
    """
    path = path_of(path, "read_idx: path")
    nbytes = os.path.getsize(path)
    with open(path, "rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            file = gzip.GzipFile(fileobj=raw) if zipped else raw
            return _read(file, nbytes * _MOST_GZIP_SHRINKS if zipped else nbytes, path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path}: damaged gzip data ({error})") from None


def _read(file, most, path):
    """`most` is the largest number of bytes that the file can hold, header included."""
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _DTYPES or head[3] == 0:
        raise ValueError(f"{path}: not an IDX file (it starts with {head.hex() or 'nothing'})")
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise ValueError(f"{path}: truncated within the header")
    shape = struct.unpack(f">{head[3]}I", sizes)
    dtype = np.dtype(_DTYPES[head[2]])
    expected = math.prod(shape) * dtype.itemsize
    if expected > most - 4 - len(sizes):
        raise ValueError(f"{path}: truncated; the header announces shape {shape}, {expected} bytes")
    data = bytearray()
    while len(data) <= expected:
        chunk = file.read(min(_CHUNK, expected + 1 - len(data)))
        if not chunk:
            break
        data += chunk
    if len(data) != expected:
        kind = "truncated" if len(data) < expected else "longer than announced"
        raise ValueError(f"{path}: {kind}; the header announces shape {shape}, {expected} bytes")
    array = np.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
