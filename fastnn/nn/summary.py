"""summary: what a model is made of, as a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnn._engine.engine import Tensor, as_tensor_
from fastnn.autograd import no_grad
from fastnn.nn.module import Module

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class Summary:
    """The table that `summary` returns; printing it shows it.

    Attributes
    ----------
    rows : list of dict
        ``name``, ``kind``, ``shape`` (of the output), ``units`` (outputs per example) and
        ``params`` of every layer, in order of use.
    total_params, trainable_params : int
        Shared parameters count once.
    """

    def __init__(self, rows: list, total_params: int, trainable_params: int) -> None:
        self.rows = rows
        self.total_params, self.trainable_params = total_params, trainable_params

    def __str__(self):
        table = [("Layer", "Type", "Output shape", "Units", "Parameters")]
        table += [
            (r["name"], r["kind"], str(r["shape"]), f"{r['units']:,}", f"{r['params']:,}")
            for r in self.rows
        ]
        widths = [max(len(line[i]) for line in table) for i in range(5)]
        lines = [
            "  ".join(
                c.ljust(w) if i < 3 else c.rjust(w)
                for i, (c, w) in enumerate(zip(line, widths, strict=True))
            )
            for line in table
        ]
        rule = "-" * len(lines[0])
        frozen = self.total_params - self.trainable_params
        total = f"Parameters: {self.total_params:,}, of which frozen: {frozen:,}"
        return "\n".join([lines[0], rule, *lines[1:], rule, total])

    __repr__ = __str__


def summary(model: Module, input_shape: tuple, dtype: DTypeLike | None = None) -> Summary:
    """Run a model on zeros and list its layers with output shapes, units and parameters.

    Parameters
    ----------
    model : Module
    input_shape : tuple of int, or list of such tuples
        Shape of the input with its batch dimension, or of several inputs.
    dtype : dtype, optional
        Of the input. Default: that of the first parameter; int64 for models that begin with an
        Embedding must be given.

    Returns
    -------
    Summary
        Print it for the table; nothing of the model is changed.

    Raises
    ------
    TypeError
        If model is no Module.

    Notes
    -----
    As Keras' ``Model.summary``. What the model raises on such an input comes through.

    Examples
    --------
    >>> from fastnn import nn
    >>> print(nn.summary(nn.Sequential(nn.Flatten()), (1, 2, 3)))
    Layer  Type     Output shape  Units  Parameters
    -----------------------------------------------
    0      Flatten  (1, 6)            6           0
    -----------------------------------------------
    Parameters: 0, of which frozen: 0
    """
    import numpy as np

    if not isinstance(model, Module):
        raise TypeError(f"summary: expected a Module, got {type(model).__name__}")
    shapes = input_shape if isinstance(input_shape, list) else [input_shape]
    if dtype is None:
        dtype = next((p.dtype for p in model.parameters()), np.float32)
    rows, handles = [], []

    def note(name):
        def hook(module, args, output):
            tensors = output if isinstance(output, (tuple, list)) else [output]
            shape = next((t.shape for t in tensors if isinstance(t, Tensor)), ())
            params = sum(p.numel() for p in module.parameters(recurse=False))
            units = math.prod(shape[1:]) if shape else 0
            rows.append(
                {
                    "name": name,
                    "kind": type(module).__name__,
                    "shape": shape,
                    "units": units,
                    "params": params,
                }
            )

        return hook

    modes = [(module, module.training) for module in model.modules()]
    try:
        for name, module in model.named_modules():
            leaf = next(module.children(), None) is None
            if leaf or next(module.parameters(recurse=False), None) is not None:
                handles.append(module.register_forward_hook(note(name or type(module).__name__)))
        model.eval()
        with no_grad():
            model(*[as_tensor_(np.zeros(shape, dtype)) for shape in shapes])
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    parameters = list(model.parameters())
    return Summary(
        rows,
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
    )
