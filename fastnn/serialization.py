"""Values in files under PyTorch's names, without pickle: nothing in a file is ever executed."""

from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

import fastnn
from fastnn.data.atomic import path_of
from fastnn.training.checkpoint import (
    MOST_HEADER,
    OPENING,
    CheckpointError,
    check_regular,
    load_checkpoint,
    save_checkpoint,
)

_SAVED = "saved"  # the manifest's word for a file that holds more than a state_dict
_PICKLES = (b"PK\x03\x04", b"\x80")  # how files of torch.save begin, new and old


def save(obj, f):
    """Save values, whole or not at all.

    Parameters
    ----------
    obj : dict, Tensor, array, list, tuple, number or text
        Nested as deep as you like. A state_dict becomes a plain safetensors file, which
        ``safetensors.torch.load_file`` reads as well; anything else a safetensors file with its
        structure in the header.
    f : str or path
        An older file of that name stays as it was until the new one is on the disk.

    Raises
    ------
    TypeError
        A module, whose state_dict is what to save; another object; `f` is no path.
    ValueError
        The structure takes more than 16 MB without its arrays.
    OSError
        The file cannot be written; then the old one is intact.

    See Also
    --------
    fastnn.training.ModelCheckpoint : saves while the Trainer fits, and lets it go on from there.

    Notes
    -----
    Has the purpose of ``torch.save``, not its format. Tensors are saved without their graph.

    Examples
    --------
    >>> import os, tempfile, fastnn
    >>> from fastnn import nn
    >>> model, twin = nn.Linear(3, 1), nn.Linear(3, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     fastnn.save(model.state_dict(), path)
    ...     twin.load_state_dict(fastnn.load(path))
    <All keys matched successfully>
    >>> bool((model.weight == twin.weight).all())
    True
    """
    path = path_of(f, "save: f")
    if isinstance(obj, fastnn.nn.Module):
        raise TypeError(
            f"save: a {type(obj).__name__} is code as well, which no file of fastnn holds; "
            "save model.state_dict(), and load it into a new model by load_state_dict"
        )
    if isinstance(obj, dict) and all(
        isinstance(name, str) and isinstance(value, fastnn.Tensor) for name, value in obj.items()
    ):
        save_checkpoint(path, {name: t.detach() for name, t in obj.items()})
    else:
        save_checkpoint(path, {}, training=obj, kind=_SAVED)


def load(f, map_location=None, *, weights_only=True):
    """What `save` has saved.

    Parameters
    ----------
    f : str or path
        A file of `save`, of the Trainer's checkpoints (their weights are given), or any other
        safetensors file, such as one of ``safetensors.torch.save_file``.
    map_location : None or "cpu"
        Where tensors are to be: there is but one place.
    weights_only : bool
        True, for no file is ever executed.

    Returns
    -------
    object
        As it was saved: tensors as Tensors without gradient, arrays as arrays.

    Raises
    ------
    FileNotFoundError
        No such file.
    fastnn.training.CheckpointError
        Damaged, cut short, or another format, such as a pickle of ``torch.save``.
    ValueError
        Another `map_location`, or `weights_only` is False.
    TypeError
        `f` is no path.

    Notes
    -----
    Has the purpose of ``torch.load``.

    Examples
    --------
    >>> import os, tempfile, fastnn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.safetensors")
    ...     fastnn.save({"epoch": 3, "best": [0.5, None], "weight": fastnn.ones(2)}, path)
    ...     fastnn.load(path)
    {'epoch': 3, 'best': [0.5, None], 'weight': tensor([1., 1.])}
    """
    path = path_of(f, "load: f")
    if map_location is not None:
        fastnn.device(map_location)
    if not weights_only:
        raise ValueError(
            "load: weights_only must be True: fastnn executes nothing that a file says"
        )
    check_regular(path)
    with open(path, "rb") as file:
        start = file.read(64)
    if start[8:9] != b"{" and start.startswith(_PICKLES):  # a header's length may begin so, too
        raise CheckpointError(
            f"{path}: a pickle, as torch.save writes, which can run any code and is not read; save "
            "the weights there by safetensors.torch.save_file(model.state_dict(), path)"
        )
    if not start[8:].startswith(OPENING):
        return _foreign(path, int.from_bytes(start[:8], "little"))
    checkpoint = load_checkpoint(path)
    if checkpoint.manifest.get("kind") == _SAVED:
        return checkpoint.training
    return {name: fastnn.from_numpy(a) for name, a in checkpoint.state.items()}


def _foreign(path, length):
    try:
        if length > MOST_HEADER:
            raise ValueError(f"a header of {length} bytes; at most {MOST_HEADER} are read")
        with safe_open(path, "np") as file:
            if "fastnn" in (file.metadata() or {}):
                raise ValueError("a file of fastnn whose beginning is damaged")
        return {name: fastnn.tensor(a) for name, a in load_file(path).items()}
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: no safetensors file that can be read ({error})") from None
