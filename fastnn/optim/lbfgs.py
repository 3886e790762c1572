"""LBFGS: a quasi-Newton method for full batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Tensor, tensor
from fastnn.autograd import enable_grad, no_grad
from fastnn.ops import cat, zeros
from fastnn.optim.checks import at_least
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.states import _array
from fastnn.optim.wolfe import Point, strong_wolfe

if TYPE_CHECKING:
    from typing import Any


_NUMBERS = ("func_evals", "n_iter", "t", "H_diag", "prev_loss")
_VECTORS = ("d", "prev_flat_grad")
_LISTS = ("old_dirs", "old_stps", "ro")


class LBFGS(Optimizer):
    """Steps along -H g, H an estimate of the inverse Hessian from the last steps and gradients.

    Each `step` makes up to `max_iter` iterations, and calls a closure that computes the loss and its
    gradients again, on the whole data: batches that change would spoil the estimate.

    Parameters
    ----------
    params : iterable
        Tensors or (name, Tensor) pairs: one group, of one dtype.
    lr : float
        Default 1.
    max_iter : int
        Most iterations of a step. Default 20.
    max_eval : int, optional
        Most calls of the closure in a step. Default 1.25 max_iter.
    tolerance_grad : float
        Stop where no gradient is larger. Default 1e-7.
    tolerance_change : float
        Stop where loss or parameters move less. Default 1e-9.
    history_size : int
        How many steps the estimate remembers. Default 100.
    line_search_fn : {None, "strong_wolfe"}
        By default every iteration has length `lr`.

    Raises
    ------
    ValueError
        For several groups or dtypes, or another line search.
    TypeError
        For parameters that are no Tensors, or a `step` without its closure.

    Notes
    -----
    Nocedal and Wright (2006), algorithm 7.4; ``torch.optim.LBFGS``, whose state_dict it takes. The
    number of evaluations depends on the losses: a step cannot be recorded.

    Examples
    --------
    >>> import fastnn
    >>> p = fastnn.nn.Parameter(fastnn.tensor([3.0, -4.0]))
    >>> optimizer = fastnn.optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((p - 1) ** 2 * fastnn.tensor([1.0, 10.0])).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    254.0
    >>> bool(closure() < 1e-9)
    True
    """

    kernel = "sgd"  # never run: the arena holds parameters and gradients

    def __init__(
        self,
        params: Iterable,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if max_eval is None:
            max_eval = int(at_least("LBFGS", "max_iter", max_iter, 1, math.inf)) * 5 // 4
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        self._memory = {}

    def add_param_group(self, param_group: dict) -> None:
        """See `Optimizer`; there can be but one."""
        if self.param_groups:
            raise ValueError("LBFGS has one parameter group")
        super().add_param_group(param_group)
        if len(self._arenas) > 1:
            raise ValueError("LBFGS: parameters must have one dtype, got float32 and float64")

    def cells(self, group: dict) -> Any:
        """See `Optimizer`."""
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(
                f"LBFGS: line_search_fn must be None or 'strong_wolfe', got {group['line_search_fn']!r}"
            )
        for name in ("max_iter", "max_eval", "history_size"):
            at_least("LBFGS", name, group[name], 1)
        for name in ("tolerance_grad", "tolerance_change"):
            at_least("LBFGS", name, group[name])
        return at_least("LBFGS", "lr", group["lr"]), 0, 1

    # --- the parameters as one vector ---

    @property
    def _params(self):
        return self.param_groups[0]["params"]

    def _gradient(self):
        parts = [
            zeros(p.numel(), dtype=p.dtype) if p.grad is None else p.grad.reshape((-1,))
            for p in self._params
        ]
        return cat(parts)

    def _move(self, start, t, direction):
        """Parameters = start + t direction."""
        done = 0
        for p, x in zip(self._params, start, strict=True):
            part = direction[done : done + p.numel()].reshape(p.shape)
            p.detach().copy_(x + t * part)
            done += p.numel()

    # --- the step ---

    def step(self, closure: Callable | None = None) -> Any:
        """Make up to `max_iter` iterations.

        Parameters
        ----------
        closure : callable
            Forgets the gradients, computes the loss and its gradients, returns the loss.

        Returns
        -------
        Tensor
            The loss before the step.
        """
        if closure is None:
            raise TypeError("LBFGS.step needs a closure that computes loss and gradients again")
        with enable_grad():
            first_loss = closure()
        with no_grad():
            self._iterate(closure, float(first_loss))
        return first_loss

    def _evaluate(self, closure):
        with enable_grad():
            loss = float(closure())
        self._memory["func_evals"] += 1
        return loss, self._gradient()

    def _iterate(self, closure, loss):
        group, memory = self.param_groups[0], self._memory
        memory.setdefault("n_iter", 0)
        memory["func_evals"] = memory.get("func_evals", 0) + 1
        evals = memory["func_evals"] - 1
        gradient = self._gradient()
        if _largest(gradient) <= group["tolerance_grad"]:
            return
        for iteration in range(1, group["max_iter"] + 1):
            memory["n_iter"] += 1
            self._turn(gradient, group["history_size"])
            first = memory["n_iter"] == 1
            t = group["lr"] * (min(1.0, 1.0 / float(gradient.abs().sum())) if first else 1)
            d, before = memory["d"], loss
            memory.update(t=t, prev_flat_grad=gradient, prev_loss=loss)
            slope = float(gradient @ d)
            if slope > -group["tolerance_change"]:
                return
            start = [p.detach().clone() for p in self._params]
            last = iteration == group["max_iter"]
            if group["line_search_fn"] is None:
                self._move(start, t, d)
                if not last:  # nobody would look at it
                    loss, gradient = self._evaluate(closure)
            else:
                left = group["max_eval"] - (memory["func_evals"] - evals)
                loss, gradient, t = self._search(closure, start, loss, gradient, slope, left)
            if (
                last
                or memory["func_evals"] - evals >= group["max_eval"]
                or _largest(gradient) <= group["tolerance_grad"]
                or t * _largest(d) <= group["tolerance_change"]
                or abs(loss - before) < group["tolerance_change"]
            ):
                return

    def _search(self, closure, start, loss, gradient, slope, max_evals):
        d = self._memory["d"]

        def at(t):
            self._move(start, t, d)
            value, g = self._evaluate(closure)
            return Point(t, value, g, float(g @ d))

        here = Point(0.0, loss, gradient, slope)
        best, _ = strong_wolfe(at, here, self._memory["t"], _largest(d), max_evals)
        self._move(start, best.t, d)
        self._memory["t"] = best.t
        return best.loss, best.gradient, best.t

    def _turn(self, gradient, history_size):
        """The next direction, from the memory with the last step in it (two loops over it)."""
        memory = self._memory
        if memory["n_iter"] == 1:
            memory.update(d=-gradient, old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return
        y, s = gradient - memory["prev_flat_grad"], memory["d"] * memory["t"]
        curvature = float(y @ s)
        if curvature > 1e-10:
            for name, value in (("old_dirs", y), ("old_stps", s), ("ro", 1 / curvature)):
                memory[name].append(value)
                del memory[name][:-history_size]
            memory["H_diag"] = curvature / float(y @ y)
        past = list(zip(memory["old_dirs"], memory["old_stps"], memory["ro"], strict=True))
        d, shares = -gradient, []
        for y, s, ro in reversed(past):
            shares.append(ro * float(s @ d))
            d = d - shares[-1] * y
        d = d * memory["H_diag"]
        for (y, s, ro), share in zip(past, reversed(shares), strict=True):
            d = d + (share - ro * float(y @ d)) * s
        memory["d"] = d

    # --- state ---

    def _state_of(self, p):
        return dict(self._memory) if p is self._params[0] and self._memory else {}

    def state_dict(self) -> dict:
        """State and hyperparameters, in PyTorch's format: all state is that of parameter 0."""
        group = {k: v for k, v in self.param_groups[0].items() if k != "params"}
        groups = [{**group, "params": list(range(len(self._params)))}]
        memory = {name: _copied(value) for name, value in self._memory.items()}
        return {"state": {0: memory} if memory else {}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict) -> None:
        """Continue from what `state_dict` returned, here or in PyTorch.

        Raises
        ------
        ValueError
            If the number of parameters or the vectors' length do not fit; nothing is changed then.
        """
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= set(state_dict):
            raise ValueError(
                "LBFGS.load_state_dict: expected a dict with 'state' and 'param_groups'"
            )
        (saved,), dtype = state_dict["param_groups"], self._params[0].dtype
        size, entry = sum(p.numel() for p in self._params), state_dict["state"].get(0, {})
        memory = {name: float(entry[name]) for name in _NUMBERS if entry.get(name) is not None}
        memory.update({k: int(memory[k]) for k in ("func_evals", "n_iter") if k in memory})
        vectors = {name: _vector(entry[name], dtype) for name in _VECTORS if name in entry}
        lists = {name: list(entry[name]) for name in _LISTS if entry.get(name) is not None}
        for name in ("old_dirs", "old_stps"):
            lists[name] = [_vector(v, dtype) for v in lists.get(name, [])]
        lists["ro"] = [float(v) for v in lists.get("ro", [])]
        lengths = {v.numel() for v in [*vectors.values(), *lists["old_dirs"], *lists["old_stps"]]}
        if len(saved["params"]) != len(self._params) or lengths - {size}:
            raise ValueError(
                f"LBFGS.load_state_dict: the state has {len(saved['params'])} parameters and vectors of "
                f"length {sorted(lengths)}, the optimizer {len(self._params)} and {size}"
            )
        group = self.param_groups[0]
        group.update({k: v for k, v in saved.items() if k in self.defaults or k == "initial_lr"})
        self._memory = {**memory, **vectors, **lists} if memory else {}

    def __setstate__(self, state):
        self._memory = {}
        super().__setstate__(state)


def _largest(x):
    return float(x.abs().max()) if x.numel() else 0.0


def _copied(value):
    if isinstance(value, list):
        return [_copied(v) for v in value]
    return tensor(value) if isinstance(value, Tensor) else value


def _vector(value, dtype):
    return tensor(np.asarray(_array(value), dtype=dtype).reshape(-1))
