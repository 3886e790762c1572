"""Fitted preprocessing as JSON and arrays, for a model's file: nothing in it is ever executed."""

from __future__ import annotations

import numpy as np

from fastnn.data.columns import Columns, Pipeline
from fastnn.data.fill import Imputer, OneHot
from fastnn.data.pca import PCA
from fastnn.data.preprocess import MinMax, Standardizer, Transform

# only these are made from a file
_KINDS = {kind.__name__: kind for kind in (Standardizer, MinMax, PCA, Imputer, OneHot)}


def pack_transform(transform: Transform) -> tuple[dict, dict[str, np.ndarray]]:
    """A fitted transform as what a file can hold.

    Parameters
    ----------
    transform : Transform
        One of this package's own.

    Returns
    -------
    (dict, dict of str to array)
        A description for JSON, and arrays by name.

    Raises
    ------
    TypeError
        A transform of your own: save its ``state_dict`` beside the model.
    RuntimeError
        It is not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import Standardizer, pack_transform, unpack_transform
    >>> scale = Standardizer().fit(np.array([[1.0], [3.0]]))
    >>> description, arrays = pack_transform(scale)
    >>> description, arrays["mean"]
    ({'kind': 'Standardizer'}, array([2.]))
    >>> unpack_transform(description, arrays).transform(np.array([[5.0]]))
    array([[3.]])
    """
    description, facts, arrays = _describe(transform), {}, {}
    for name, value in transform.state_dict().items():
        (arrays if isinstance(value, np.ndarray) else facts)[name] = value
    return description | ({"facts": facts} if facts else {}), arrays


def unpack_transform(description: dict, arrays: dict[str, np.ndarray]) -> Transform:
    """The transform that `pack_transform` packed.

    Parameters
    ----------
    description : dict
    arrays : dict of str to array
        More of them do no harm.

    Returns
    -------
    Transform

    Raises
    ------
    ValueError
        A description of something else.
    """
    try:
        transform = _make(description)
        transform.load_state_dict(dict(arrays) | description.get("facts", {}))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"unpack_transform: no description of a transform ({error!r})") from None
    return transform


def _describe(transform):
    kind = type(transform)
    if kind is Pipeline:
        return {"kind": "Pipeline", "steps": [_describe(step) for step in transform.steps]}
    if kind is Columns:
        groups = [[names, _describe(t)] for names, t in transform.groups]
        return {"kind": "Columns", "groups": groups}
    if _KINDS.get(kind.__name__) is not kind:
        raise TypeError(
            f"pack_transform: {kind.__name__} is not one of {[*_KINDS, 'Pipeline', 'Columns']}; "
            "save its state_dict() beside the model"
        )
    settings = transform.settings()
    return {"kind": kind.__name__, **({"settings": settings} if settings else {})}


def _make(description):
    kind = description["kind"]
    if kind == "Pipeline":
        return Pipeline(*(_make(step) for step in description["steps"]))
    if kind == "Columns":
        return Columns(*((names, _make(t)) for names, t in description["groups"]))
    return _KINDS[kind](**description.get("settings", {}))
