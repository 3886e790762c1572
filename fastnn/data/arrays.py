"""NumPy's files: .npy and .npz, in memory or left on the disk."""

from __future__ import annotations

import math
import os
import zipfile
import zlib

import numpy as np

import fastnn
from fastnn.data.atomic import path_of
from fastnn.data.dataset import Dataset

_SHARED = ("float32", "float64", "int64", "int32", "bool")
_MOST_ZIP_SHRINKS = 1032  # times; a limit of the DEFLATE format


def read_npy(path: str | os.PathLike, mmap: bool = False) -> np.ndarray:
    """Read a .npy file, or leave its array on the disk.

    Parameters
    ----------
    path : str or path
    mmap : bool
        Whether the array stays on the disk and only what is asked for is read, so that it may be
        larger than the memory; it is read-only. Default False.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Not a .npy file, truncated, or one of pickled objects, which are never loaded. The header is
        checked against the file's size before memory is taken.

    Examples
    --------
    >>> import os, tempfile, numpy as np
    >>> from fastnn.data import read_npy
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.npy")
    ...     np.save(path, np.arange(3))
    ...     read_npy(path)
    array([0, 1, 2])
    """
    path = path_of(path, "read_npy: path")
    with open(path, "rb") as file:
        shape, _, dtype = _header(file, path)
        nbytes, left = math.prod(shape) * dtype.itemsize, os.path.getsize(path) - file.tell()
    if nbytes > left:
        raise ValueError(
            f"{path}: truncated; the header announces {nbytes} bytes, there are {left}"
        )
    if mmap and nbytes:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    return np.load(path, allow_pickle=False)


def read_npz(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read all arrays of a .npz file, compressed or not.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    dict of str to array

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Not a .npz file, truncated, damaged, or one of pickled objects, which are never loaded. Sizes
        are checked against the file before memory is taken.

    Examples
    --------
    >>> import os, tempfile, numpy as np
    >>> from fastnn.data import read_npz
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.npz")
    ...     np.savez_compressed(path, x=np.eye(2), y=[0, 1])
    ...     sorted(read_npz(path))
    ['x', 'y']
    """
    path, arrays = path_of(path, "read_npz: path"), {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                what = f"{path}: {info.filename}"
                with archive.open(info) as file:
                    shape, fortran, dtype = _header(file, what)
                    nbytes = math.prod(shape) * dtype.itemsize
                    possible = min(info.file_size, info.compress_size * _MOST_ZIP_SHRINKS + 1024)
                    if nbytes > possible:
                        raise ValueError(f"{what}: truncated; the header announces {nbytes} bytes")
                    data = bytearray(file.read(nbytes))
                    if len(data) < nbytes or file.read(1):
                        raise ValueError(
                            f"{what}: truncated; the header announces {nbytes} bytes"
                            if len(data) < nbytes
                            else f"{what}: longer than its header announces"
                        )
                flat = np.frombuffer(data, dtype)
                name = info.filename.removesuffix(".npy")
                arrays[name] = flat.reshape(shape, order="F" if fortran else "C")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # zipfile's words: NotImplementedError for a compression it does not know, RuntimeError for a password
        raise ValueError(f"{path}: no whole .npz file ({error})") from None
    return arrays


class MappedDataset(Dataset):
    """Arrays that may be larger than the memory: a batch reads its own rows alone.

    Parameters
    ----------
    *arrays : path of a .npy file, or array such as numpy.memmap, shape (N, ...)
        All of the same length, of any numeric dtype.
    dtypes : sequence of dtype or None, optional
        One per array: what a batch is converted to. Default: bool, int32, int64, float32 and
        float64 stay as they are; other integers become int64, float16 float32.

    Raises
    ------
    ValueError
        Lengths that differ, and what `read_npy` raises.
    TypeError
        An array that holds no numbers.

    Examples
    --------
    >>> import os, tempfile, numpy as np
    >>> from fastnn.data import DataLoader, MappedDataset
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "images.npy")
    ...     np.save(path, np.zeros((6, 8, 8), np.uint8))
    ...     dataset = MappedDataset(path, np.arange(6), dtypes=(np.float32, None))
    ...     for x, y in DataLoader(dataset, batch_size=4):
    ...         print(x.shape, x.dtype, y)
    (4, 8, 8) float32 tensor([0, 1, 2, 3])
    (2, 8, 8) float32 tensor([4, 5])
    """

    def __init__(self, *arrays, dtypes=None):
        if not arrays:
            raise ValueError("MappedDataset: expected at least one array, got none")
        self.arrays = tuple(
            read_npy(a, mmap=True) if isinstance(a, (str, os.PathLike)) else np.asanyarray(a)
            for a in arrays
        )
        for i, a in enumerate(self.arrays):
            if a.dtype.kind not in "fiub" or a.ndim == 0:
                raise TypeError(
                    f"MappedDataset: array {i}: expected rows of numbers, got {a.dtype} of shape {a.shape}"
                )
        lengths = [len(a) for a in self.arrays]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"MappedDataset: all arrays need the same number of rows, got {lengths}"
            )
        dtypes = [None] * len(arrays) if dtypes is None else list(dtypes)
        if len(dtypes) != len(arrays):
            raise ValueError(
                f"MappedDataset: expected {len(arrays)} dtypes, one per array, got {len(dtypes)}"
            )
        self._dtypes = [_dtype(a, d) for a, d in zip(self.arrays, dtypes, strict=True)]
        # where the engine knows the dtype and the layout, rows are gathered in C without the GIL
        self._mapped = [
            fastnn.from_numpy(a)
            if d == a.dtype and a.dtype.isnative and a.flags.c_contiguous and a.flags.aligned
            else None
            for a, d in zip(self.arrays, self._dtypes, strict=True)
        ]

    def __len__(self):
        return len(self.arrays[0])

    def __getitem__(self, index):
        return tuple(batch[0] for batch in self.batch(np.array([index])))

    def batch(self, indices) -> tuple:
        """The rows `indices` (int64 array, shape (B,)) of every array: a tuple of new tensors.

        IndexError: one is out of range.
        """
        indices = np.asarray(indices)
        return tuple(
            fastnn.index_select(t, 0, fastnn.as_tensor(indices))
            if t is not None
            else fastnn.from_numpy(np.ascontiguousarray(a[indices], dtype=d))
            for a, t, d in zip(self.arrays, self._mapped, self._dtypes, strict=True)
        )


def _dtype(a, wanted):
    if wanted is None:
        name = a.dtype.name
        wanted = name if name in _SHARED else "int64" if a.dtype.kind in "iu" else "float32"
    wanted = np.dtype(wanted)
    if wanted.name not in _SHARED:
        raise TypeError(f"MappedDataset: dtypes must be of {_SHARED}, got {wanted}")
    return wanted


def _header(file, what):
    """Shape, whether in Fortran order, dtype."""
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        read = np.lib.format.read_array_header_1_0
        read = read if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{what}: not a .npy file ({reason})") from None
    if dtype.hasobject:
        raise ValueError(f"{what}: holds pickled Python objects, which are never loaded")
    if any(n < 0 for n in shape):
        raise ValueError(f"{what}: not a .npy file (shape {shape})")
    return shape, fortran, dtype
