"""An optimizer's state_dict in PyTorch's format: saving, and loading with every mismatch listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Tensor, tensor

if TYPE_CHECKING:
    from typing import Any

    from fastnn.optim.optimizer import Optimizer


def save(optimizer: Optimizer) -> dict[str, Any]:
    """See Optimizer.state_dict."""
    state, groups, count = {}, [], 0
    for group in optimizer.param_groups:
        numbers = list(range(count, count + len(group["params"])))
        count += len(numbers)
        groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": numbers})
        for number, p in zip(numbers, group["params"], strict=True):
            found = optimizer._state_of(p)
            if found:
                state[number] = {name: tensor(value) for name, value in found.items()}
    return {"state": state, "param_groups": groups}


def load(optimizer: Optimizer, state_dict: dict[str, Any]) -> None:
    """See Optimizer.load_state_dict."""
    what = type(optimizer).__name__
    if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= set(state_dict):
        raise ValueError(f"{what}.load_state_dict: expected a dict with 'state' and 'param_groups'")
    saved_groups = state_dict["param_groups"]
    if len(saved_groups) != len(optimizer.param_groups):
        raise ValueError(
            f"{what}.load_state_dict: the state has {len(saved_groups)} parameter groups, "
            f"the optimizer {len(optimizer.param_groups)}"
        )
    problems, found = [], {}  # id of a parameter -> its saved state
    for i, (group, saved) in enumerate(zip(optimizer.param_groups, saved_groups, strict=True)):
        for p, label, number in _matched(i, group, saved, problems):
            entry = state_dict["state"].get(number, {})
            found[id(p)] = entry
            for name in optimizer.state_names:
                if entry.get(name) is not None and tuple(entry[name].shape) != p.shape:
                    problems.append(
                        f"{label}: {name} has shape {tuple(entry[name].shape)}, the parameter {p.shape}"
                    )
    if problems:
        lines = "\n  ".join(problems)
        raise ValueError(
            f"{what}.load_state_dict: the state does not fit; nothing loaded\n  {lines}"
        )
    for group, saved in zip(optimizer.param_groups, saved_groups, strict=True):
        known = {k: v for k, v in saved.items() if k in optimizer.defaults or k == "initial_lr"}
        optimizer._settings({**group, **known})
        group.update(known)
    for arena in optimizer._arenas:
        members = [
            p
            for group in optimizer.param_groups
            for p in group["params"]
            if optimizer._homes[id(p)][0] is arena
        ]
        entries = [found[id(p)] for p in members]
        arena.load(
            [_counts(entry, optimizer) for entry in entries],
            [[_array(entry.get(name)) for name in optimizer.state_names] for entry in entries],
        )


def _matched(i, group, saved, problems):
    """(parameter, its label, its number in the saved state)."""
    params, numbers = group["params"], saved["params"]
    names, saved_names = group.get("param_names"), saved.get("param_names")
    if names is not None and saved_names is not None:
        by_name = dict(zip(saved_names, numbers, strict=True))
        problems += [f"group {i}: {n} is not in the state" for n in names if n not in by_name]
        problems += [
            f"group {i}: {n} is not in the optimizer" for n in saved_names if n not in names
        ]
        return [(p, n, by_name[n]) for p, n in zip(params, names, strict=True) if n in by_name]
    if len(params) != len(numbers):
        problems.append(
            f"group {i}: the state has {len(numbers)} parameters, the optimizer {len(params)}"
        )
        return []
    return [
        (p, f"group {i}, parameter {j}", n)
        for j, (p, n) in enumerate(zip(params, numbers, strict=True))
    ]


def _counts(entry, optimizer):
    """(steps taken, two more numbers)."""
    has_state = any(entry.get(name) is not None for name in optimizer.state_names)
    steps = float(entry["step"]) if "step" in entry else float(has_state)
    scalars = [float(entry.get(name, 0.0)) for name in optimizer.scalar_names]
    return steps, *(scalars + [0.0, 0.0])[:2]


def _array(value):
    if value is None or isinstance(value, Tensor):
        return value
    if hasattr(value, "detach"):  # a PyTorch tensor
        value = value.detach().cpu().numpy()
    return np.asarray(value)
