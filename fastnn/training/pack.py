"""Nested state as JSON and arrays: what a checkpoint can hold of dicts, lists, numbers and tensors."""

import math

import numpy as np

import fastnn

_LONG = 16  # a list of that many floats is kept as an array


def pack(value, path, arrays):
    """A value as JSON can hold it; its tensors and arrays go to the dict `arrays`, under `path`.

    Takes None, bools, integers, floats, text, tuples, lists, dicts whose keys are text or numbers,
    Tensors and arrays. `unpack` gives back the same types and, to the last bit, the same values.

    Raises
    ------
    TypeError
        Anything else; names the place.
    """
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (float, int)):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (fastnn.Tensor, np.ndarray)):
        arrays[path] = np.array(_as_array(value))
        return {"tensor" if isinstance(value, fastnn.Tensor) else "array": path}
    if isinstance(value, (tuple, list)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        if len(value) >= _LONG and kind == "list" and all(type(v) is float for v in value):
            arrays[path] = np.array(value)
            return {"floats": path}
        return {kind: [pack(v, f"{path}/{i}", arrays) for i, v in enumerate(value)]}
    if isinstance(value, dict):
        if all(isinstance(k, str) for k in value):
            return {"dict": {k: pack(v, f"{path}/{k}", arrays) for k, v in value.items()}}
        return {
            "items": [[_key(k, path), pack(v, f"{path}/{k}", arrays)] for k, v in value.items()]
        }
    raise TypeError(
        f"{path}: {type(value).__name__} cannot be saved in a checkpoint; "
        "give numbers, text, arrays, and lists or dicts of these"
    )


def unpack(value, arrays):
    """What `pack` was given.

    Raises
    ------
    ValueError, KeyError
        No such thing was ever packed.
    """
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise ValueError(f"one key expected, got {list(value)[:5]}")
    ((kind, content),) = value.items()
    if kind == "float":
        return float(content)
    if kind in ("array", "tensor", "floats"):
        array = arrays[content]
        if kind == "array":
            return array
        return fastnn.tensor(array) if kind == "tensor" else array.tolist()
    if kind in ("tuple", "list"):
        made = [unpack(v, arrays) for v in content]
        return tuple(made) if kind == "tuple" else made
    if kind == "dict":
        return {k: unpack(v, arrays) for k, v in content.items()}
    if kind == "items":
        return {k: unpack(v, arrays) for k, v in content}
    raise ValueError(f"unknown kind {kind!r}")


def _as_array(value):
    return value.detach().numpy() if isinstance(value, fastnn.Tensor) else value


def _key(key, path):
    if key is None or isinstance(key, (bool, int, str)):
        return key
    raise TypeError(f"{path}: a key must be text or a whole number, got {key!r}")
