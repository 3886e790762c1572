"""Checkpoints: weights in one safetensors file, with a manifest and a checksum in its header."""

import contextlib
import hashlib
import json
import math
import os
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from fastnn.data.atomic import replacing, sweep
from fastnn.training.callback import Callback, Monitor
from fastnn.version import __version__

_FORMAT = "fastnn-checkpoint-1"
_DTYPES = {"float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32", "bool": "BOOL"}


class CheckpointError(Exception):
    """A checkpoint that cannot be used: missing, truncated, damaged, foreign, or not fitting."""


class Checkpoint(NamedTuple):
    """What a checkpoint file holds: arrays by name, and the manifest's facts."""

    state: dict
    manifest: dict


def save_checkpoint(path, model, **facts):
    """Save a model's weights, whole or not at all.

    The file is a plain safetensors file, readable by every program that knows the format. Its
    header also carries a manifest in JSON and a SHA-256 over manifest, names, dtypes, shapes and
    values. It is written beside its final place, synced, and renamed; an older file of that name
    stays as it was until then.

    Parameters
    ----------
    path : str or path
    model : Module, or dict of Tensor or array
        A dict is taken as a state_dict.
    **facts
        What else the manifest is to hold: numbers, text, lists and dicts of these.

    Raises
    ------
    TypeError
        A fact that JSON cannot hold, or a dtype other than float32, float64, int64, int32, bool.
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
    manifest = {"format": _FORMAT, "fastnn": __version__}
    if not isinstance(model, dict):
        manifest["model"] = type(model).__name__
    text = json.dumps(_jsonable(manifest | facts), allow_nan=False, sort_keys=True)
    with replacing(path) as file:
        file.write(_header(arrays, {"fastnn": text, "sha256": _digest(arrays, text)}))
        for a in arrays.values():
            file.write(a.reshape(-1).view(np.uint8).data)


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
        A pair: ``state`` (name to array) and ``manifest`` (dict).

    Raises
    ------
    CheckpointError
        No such file, truncated, damaged, no checkpoint of fastnn, or names and shapes that are not
        the model's. Nothing in a file is ever executed.
    """
    path = os.fspath(path)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if not {"fastnn", "sha256"} <= metadata.keys():
                raise CheckpointError(
                    f"{path}: a safetensors file without fastnn's manifest; to use its weights: "
                    "model.load_state_dict(safetensors.numpy.load_file(path))"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise CheckpointError(f"{path}: no whole safetensors file ({error})") from None
    text = metadata["fastnn"]
    if metadata["sha256"] != _digest(arrays, text):
        raise CheckpointError(f"{path}: damaged (its checksum does not fit its contents)")
    manifest = json.loads(text)
    if manifest.get("format") != _FORMAT:
        raise CheckpointError(
            f"{path}: format {manifest.get('format')!r}; this version reads {_FORMAT!r}"
        )
    if model is not None:
        try:
            model.load_state_dict(arrays)
        except (RuntimeError, KeyError, ValueError) as error:
            raise CheckpointError(f"{path} does not fit the model: {error}") from None
    return Checkpoint(arrays, manifest)


class ModelCheckpoint(Callback):
    """Keep the weights of the best epochs, and of the last one, as files.

    Parameters
    ----------
    dirpath : str or path
        Folder; made if needed. Temporary files that killed processes left there are removed.
    monitor : str
        Column of the history that says which epoch is best. Default "val_loss".
    mode : {"min", "max"}, optional
        Default: "max" for names with accuracy, precision, recall, f1, auc or r2, else "min".
    save_top_k : int
        How many of the best to keep; -1 keeps all, 0 none. Default 1.
    save_last : bool
        Whether ``last.safetensors`` follows every epoch. Default False.

    Attributes
    ----------
    best_model_path : str
        File of the best epoch, or "" before the first.
    best_model_score : float or None
        Its number.

    Notes
    -----
    Names are like ``epoch=3-val_loss=0.1234.safetensors``; a name that exists already gets a
    number. Has the arguments of Lightning's ModelCheckpoint.
    """

    def __init__(self, dirpath, monitor="val_loss", mode=None, save_top_k=1, save_last=False):
        if save_top_k < -1:
            raise ValueError(f"ModelCheckpoint: save_top_k must be at least -1, got {save_top_k}")
        self.dirpath = os.fspath(dirpath)
        self._monitor = Monitor(monitor, mode, 0, "ModelCheckpoint")
        self.save_top_k, self.save_last = save_top_k, save_last
        self._kept = []  # (badness, epoch, path), best first

    @property
    def best_model_path(self):
        """File of the best epoch, or ""."""
        return self._kept[0][2] if self._kept else ""

    @property
    def best_model_score(self):
        """The best epoch's number, or None."""
        if not self._kept:
            return None
        return self._kept[0][0] * (1 if self._monitor.mode == "min" else -1)

    def on_fit_start(self, trainer):
        self._monitor.check(trainer)
        os.makedirs(self.dirpath, exist_ok=True)
        sweep(self.dirpath)
        self._kept = []

    def on_epoch_end(self, trainer, record):
        value = self._monitor.value(record)
        if math.isfinite(value) and self.save_top_k != 0:
            badness = value if self._monitor.mode == "min" else -value
            full = len(self._kept) == self.save_top_k
            if not full or badness < self._kept[-1][0]:
                path = self._free_path(f"epoch={trainer.epoch}-{self._monitor.name}={value:.4f}")
                self._save(path, trainer, record)
                self._kept.append((badness, trainer.epoch, path))
                self._kept.sort()
                if full:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(self._kept.pop()[2])
        if self.save_last:
            self._save(os.path.join(self.dirpath, "last.safetensors"), trainer, record)

    def _save(self, path, trainer, record):
        save_checkpoint(path, trainer.model, epoch=trainer.epoch, metrics=record)

    def _free_path(self, stem):
        name, number = stem, 1
        while os.path.exists(path := os.path.join(self.dirpath, name + ".safetensors")):
            number += 1
            name = f"{stem}-v{number}"
        return path


def _header(arrays, metadata):
    header, start = {"__metadata__": metadata}, 0
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
    return len(text).to_bytes(8, "little") + text


def _digest(arrays, manifest):
    """SHA-256 over all that counts, wherever it lies in the file."""
    digest = hashlib.sha256(manifest.encode())
    for name in sorted(arrays):
        a = arrays[name]
        digest.update(json.dumps([name, a.dtype.name, a.shape]).encode())
        digest.update(np.asarray(a, order="C").reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


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
