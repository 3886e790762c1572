"""Checkpoint files: weights in one safetensors file, with a manifest and a checksum in its header.

The header begins with the checksum, so that a reader hashes the file before it believes any of it.
"""

import hashlib
import json
import math
import os
import stat

import numpy as np

from fastnn.data.atomic import replacing
from fastnn.training.pack import pack, unpack
from fastnn.version import __version__

_FORMAT = "fastnn-checkpoint-2"
OPENING = b'{"__metadata__":{"sha256":"'
_START = 8 + len(OPENING) + 64  # bytes up to the end of the checksum
_TRAINING = "training/"  # arrays that are no weights
_DTYPES = {
    **{"float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32", "bool": "BOOL"},
    **{"uint64": "U64", "uint32": "U32", "uint16": "U16", "int16": "I16", "uint8": "U8"},
}
_NUMPY = {name: np.dtype(dtype) for dtype, name in _DTYPES.items()}
# what a hostile header may cost: a file of 20,000 tensors needs a tenth of both
MOST_HEADER = 1 << 24  # bytes
_MOST_ITEMS = 500_000
_CHUNK = 1 << 20


class CheckpointError(Exception):
    """A checkpoint that cannot be used: missing, truncated, damaged, foreign, or not fitting."""


class Checkpoint:
    """What a checkpoint file holds; unpacks as ``state, manifest = load_checkpoint(path)``.

    Attributes
    ----------
    state : dict
        Name to array: the weights, as ``model.load_state_dict`` takes them.
    manifest : dict
        The facts that were saved with them.
    training : dict or None
        What `Trainer.fit` needs to go on from here, where it was saved.
    """

    def __init__(self, state, manifest, training=None):
        self.state, self.manifest, self.training = state, manifest, training

    def __iter__(self):
        return iter((self.state, self.manifest))

    def __repr__(self):
        return f"Checkpoint({len(self.state)} arrays, {self.manifest})"


def save_checkpoint(path, model, *, training=None, **facts):
    """Save a model's weights, whole or not at all.

    The file is a plain safetensors file, readable by every program that knows the format. Its
    header also carries a manifest in JSON and a SHA-256 of the whole file. It is written beside its
    final place, synced, and renamed; an older file of that name stays as it was until then.

    Parameters
    ----------
    path : str or path
    model : Module, or dict of Tensor or array
        A dict is taken as a state_dict.
    training : dict, optional
        State beside the weights: nested dicts, lists, numbers, text and arrays. `Trainer` puts
        there what it needs to go on.
    **facts
        What else the manifest is to hold: numbers, text, lists and dicts of these.

    Raises
    ------
    TypeError
        A fact that JSON cannot hold, or a dtype that safetensors cannot.
    ValueError
        A header of more than 16 MB, a weight whose name begins with "training/".
    OSError
        The file cannot be written; then the old one is intact and no temporary file is left.

    Examples
    --------
    >>> import os, tempfile, numpy as np
    >>> from fastnn.training import load_checkpoint, save_checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.safetensors")
    ...     save_checkpoint(path, {"weight": np.ones(2)}, epoch=3)
    ...     state, manifest = load_checkpoint(path)
    >>> state["weight"], manifest["epoch"]
    (array([1., 1.]), 3)
    """
    state = model if isinstance(model, dict) else model.state_dict()
    arrays = {name: np.asarray(t, order="C") for name, t in state.items()}
    for name in arrays:
        if name.startswith(_TRAINING):
            raise ValueError(f"save_checkpoint: no weight can be named {name!r}")
    manifest = {"format": _FORMAT, "fastnn": __version__}
    if not isinstance(model, dict):
        manifest["model"] = type(model).__name__
    if training is not None:
        facts = {**facts, "training": pack(training, "training", arrays)}
    text = json.dumps(_jsonable(manifest | facts), allow_nan=False)
    arrays = dict(sorted(arrays.items(), key=lambda item: -item[1].itemsize))  # keeps all aligned
    header = _header(arrays, text)
    pieces = [a.reshape(-1).view(np.uint8).data for a in arrays.values()]
    digest = hashlib.sha256(header[: _START - 64])
    digest.update(header[_START:])
    for piece in pieces:
        digest.update(piece)
    with replacing(path) as file:
        file.write(header[: _START - 64] + digest.hexdigest().encode() + header[_START:])
        for piece in pieces:
            file.write(piece)


def load_checkpoint(path, model=None):
    """Read a checkpoint and check it; into a model, too, if one is given.

    Parameters
    ----------
    path : str or path
    model : Module, optional
        Gets the weights after all is checked; after an error it is as it was.

    Returns
    -------
    Checkpoint
        ``state`` (name to array), ``manifest`` (dict) and ``training``; takes no more memory than
        the file is long, and a bounded amount for its header.

    Raises
    ------
    CheckpointError
        No such file, truncated, damaged, no checkpoint of fastnn, or names and shapes that are not
        the model's. Nothing in a file is ever executed.

    Examples
    --------
    >>> import os, tempfile
    >>> from fastnn import nn
    >>> from fastnn.training import load_checkpoint, save_checkpoint
    >>> model, other = nn.Linear(1, 1), nn.Linear(1, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.safetensors")
    ...     save_checkpoint(path, model)
    ...     names = sorted(load_checkpoint(path, other).state)
    >>> names, bool((model.weight == other.weight).all())
    (['bias', 'weight'], True)
    """
    path = os.fspath(path)
    try:
        check_regular(path)
        with open(path, "rb") as file:
            arrays, manifest = _read(file, path)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError) as error:
        raise CheckpointError(f"{path}: no checkpoint of fastnn ({error})") from None
    state = {name: a for name, a in arrays.items() if not name.startswith(_TRAINING)}
    packed, training = manifest.pop("training", None), None
    if packed is not None:
        try:
            training = unpack(packed, arrays)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CheckpointError(
                f"{path}: its training state is no such thing ({error})"
            ) from None
    if model is not None:
        try:
            model.load_state_dict(state)
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise CheckpointError(f"{path} does not fit the model: {error}") from None
    return Checkpoint(state, manifest, training)


def check_regular(path):
    """CheckpointError for what is no file: a pipe would be waited for without end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise CheckpointError(f"{path}: a folder or device, not a checkpoint file")


def _read(file, path):
    """Arrays and manifest; the checksum is looked at before anything else."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(_START)
    length = int.from_bytes(start[:8], "little")
    if not (start[8:].startswith(OPENING) and _START <= 8 + length <= size):
        if start[8:9] == b"{" and 8 + length <= size:
            raise CheckpointError(
                f"{path}: a safetensors file without fastnn's manifest (or of an older version); to "
                "use its weights: model.load_state_dict(safetensors.numpy.load_file(path))"
            )
        raise ValueError("its beginning is another's, or it is cut short")
    if length > MOST_HEADER:
        raise ValueError(f"a header of {length} bytes; at most {MOST_HEADER} are read")
    rest = file.read(8 + length - _START)
    digest = hashlib.sha256(start[:-64])
    digest.update(rest)
    while piece := file.read(_CHUNK):
        digest.update(piece)
    if digest.hexdigest().encode() != start[-64:]:
        raise CheckpointError(f"{path}: damaged or cut short (its checksum does not fit)")
    header = _parsed((start + rest)[8:])
    text = header.pop("__metadata__")["fastnn"].encode()
    manifest = _parsed(text)
    if manifest.get("format") != _FORMAT:
        raise CheckpointError(
            f"{path}: format {manifest.get('format')!r}; this version reads {_FORMAT!r}"
        )
    file.seek(8 + length)
    return _arrays(file, header, size - 8 - length), manifest


def _parsed(text):
    """JSON whose size bounds the memory that it takes."""
    if sum(map(text.count, (b"{", b"[", b","))) > _MOST_ITEMS:
        raise ValueError(f"more than {_MOST_ITEMS} items in the header")
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("the header is no table")
    return value


def _arrays(file, header, size):
    """The arrays, which must fill the file from end to end."""
    entries, place = [], 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape, (begin, end) = _NUMPY[entry["dtype"]], entry["shape"], entry["data_offsets"]
        if not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
            raise ValueError(f"{name}: sizes are whole numbers from 0")
        if begin != place or end - begin != math.prod(shape) * dtype.itemsize or end > size:
            raise ValueError(f"{name}: shape {shape} and place {begin}:{end} do not fit the file")
        entries.append((name, dtype, shape))
        place = end
    if place != size:
        raise ValueError(f"{size - place} bytes too many")
    arrays = {}
    for name, dtype, shape in entries:
        a = arrays[name] = np.empty(shape, dtype)
        if file.readinto(a.reshape(-1).view(np.uint8).data) != a.nbytes:
            raise ValueError(f"{name}: the file ends within it")
    return arrays


def _header(arrays, text):
    """Length and header, with zeros in the place of the checksum."""
    header, start = {"__metadata__": {"sha256": "0" * 64, "fastnn": text}}, 0
    for name, a in arrays.items():
        if a.dtype.name not in _DTYPES:
            raise TypeError(f"save_checkpoint: {name} has dtype {a.dtype}; use {list(_DTYPES)}")
        header[name] = {
            "dtype": _DTYPES[a.dtype.name],
            "shape": list(a.shape),
            "data_offsets": [start, start + a.nbytes],
        }
        start += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MOST_HEADER:
        raise ValueError(
            f"save_checkpoint: names and facts take {len(text)} bytes, at most {MOST_HEADER} fit; "
            "give long lists as arrays in training={...}"
        )
    return len(text).to_bytes(8, "little") + text


def _jsonable(value):
    """NumPy's numbers as Python's; NaN and infinity, which JSON lacks, as text."""
    if isinstance(value, dict):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
