"""Optimizer: parameter groups, state and the step; subclasses name a kernel and its numbers."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from fastnn._engine.engine import Tensor, from_numpy, tensor, world_changed
from fastnn.optim import states
from fastnn.optim.arena import Arena, finite_gate, norm_of, overlap
from fastnn.optim.checks import at_least
from fastnn.optim.group import ParamGroup

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _open_gate():
    """As csrc/optim.h's gates: factor of all gradients, whether to skip the step, how many were."""
    return from_numpy(np.array([1.0, 0.0, 0.0]))


class Optimizer:
    """Base class of all optimizers: ``torch.optim.Optimizer``.

    At construction the parameters of each group and dtype move into one flat array (an arena) and
    become views of it; a step is then one pass of one kernel. Tensors that shared a parameter's
    memory before do not any more.

    A subclass has

    - ``kernel``: the stem of its kernels in ``csrc/kernels/optim.c`` or ``adaptive.c``;
    - ``state_names``: names of the state arrays, in the kernel's order; ``scalar_names``: of what
      else it counts;
    - ``cells(group)``: checks a group, returns the kernel's hyperparameter cells;
    - ``used(group)``: which state arrays the group needs; ``option(group)``: the kernel's switch.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs such as ``model.named_parameters()``, or dicts with ``params``
        and hyperparameters of their own. With names, state is saved and loaded by name.
    defaults : dict
        Hyperparameters of groups that do not set their own. ``l1_decay`` adds its multiple of the
        sign of each weight to the gradient, as ``weight_decay`` adds one of the weight itself.
    options : dict, optional
        ``foreach`` and ``fused`` may be None or True: a step is always one pass over all parameters.
        ``capturable`` and ``differentiable`` may be False.

    Attributes
    ----------
    param_groups : list of dict
        ``params`` and hyperparameters; assigning ``group["lr"]`` acts at once.

    Raises
    ------
    TypeError
        For parameters that are no Tensors of float32 or float64, or an unknown option.
    ValueError
        For no parameters, one that is no leaf or comes twice, or an option that is not supported.
    """

    kernel, state_names, scalar_names, initial_state = None, (), (), 0.0
    counts_steps = True  # whether state_dict has "step"

    def __init__(
        self, params: Any, defaults: dict[str, Any], options: dict[str, Any] | None = None
    ) -> None:
        self._check_options(options or {})
        self.defaults = defaults
        self._skip, self._clipped = False, False
        self._gate, self._finite_gate = _open_gate(), _open_gate()
        self.param_groups = []
        self._arenas = []  # all, in order
        self._homes = {}  # id of a parameter -> (arena, its index there)
        groups = [params] if isinstance(params, dict) else params
        if isinstance(groups, Tensor):
            raise TypeError(
                f"{self._name}: params must be an iterable of Tensors or dicts, got a single Tensor"
            )
        if not isinstance(groups, Iterable) or getattr(groups, "ndim", 1) == 0:
            raise TypeError(
                f"{self._name}: params must be an iterable of Tensors or dicts, got {groups!r:.80}"
            )
        groups = list(groups)
        if not groups:
            raise ValueError(
                f"{self._name} got an empty parameter list: does the model have parameters?"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    @property
    def _name(self):
        return type(self).__name__

    def _check_options(self, options):
        allowed = dict.fromkeys(("foreach", "fused"), (None, True))
        allowed.update(dict.fromkeys(("capturable", "differentiable"), (False,)))
        for name, value in options.items():
            if name not in allowed:
                raise TypeError(f"{self._name} got an unexpected keyword argument {name!r}")
            if value not in allowed[name]:
                reason = (
                    "every step is one pass" if None in allowed[name] else "there is no such mode"
                )
                raise ValueError(f"{self._name}: {name}={value} is not supported: {reason}")

    # --- what a subclass says ---

    def cells(self, group: dict[str, Any]) -> Any:
        """Hyperparameters of `group` in the kernel's order: lr, weight_decay, sign, then its own.

        TypeError in a class without one.
        """
        raise TypeError(f"{self._name} must define cells(group)")

    def used(self, group: dict[str, Any]) -> Any:
        """Which of the state arrays the group needs, a tuple of bools."""
        return (True,) * len(self.state_names)

    def option(self, group: dict[str, Any]) -> Any:
        """The kernel's switch for `group`, an int."""
        return 0

    # --- groups ---

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, with hyperparameters of their own or the defaults.

        Parameters
        ----------
        param_group : dict
            ``params`` (a Tensor, Tensors or (name, Tensor) pairs) and hyperparameters.

        Raises
        ------
        TypeError
            If a parameter is no float Tensor.
        ValueError
            If there is none, one is no leaf, appears twice, or shares another's memory.
        """
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(
                f"{self._name}: a parameter group is a dict with 'params', got {param_group!r:.80}"
            )
        unknown = set(param_group) - set(self.defaults) - {"params", "param_names", "initial_lr"}
        if unknown:
            raise ValueError(f"{self._name} has no hyperparameter {', '.join(sorted(unknown))}")
        params, names = self._checked_params(param_group["params"])
        values = {
            "params": params,
            **self.defaults,
            **{k: v for k, v in param_group.items() if k != "params"},
        }
        if names is not None:
            values["param_names"] = names
        self._settings(values)  # checked before anything moves
        arenas = []
        for dtype in dict.fromkeys(p.dtype for p in params):
            members = [p for p in params if p.dtype == dtype]
            arena = Arena(members, self.kernel, self.initial_state)
            arenas.append(arena)
            self._homes.update({id(p): (arena, i) for i, p in enumerate(members)})
        owner = weakref.proxy(self)  # a cycle would keep the arenas until the collector runs
        group = ParamGroup(values, lambda group: owner._configure(group, arenas))
        self._configure(group, arenas)
        self.param_groups.append(group)
        self._arenas += arenas

    def _checked_params(self, params):
        params = [params] if isinstance(params, Tensor) else list(params)
        if not params:
            raise ValueError(f"{self._name}: a parameter group is empty")
        names = None
        if all(isinstance(p, tuple) and len(p) == 2 for p in params):
            names = [name for name, _ in params]
            params = [p for _, p in params]
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"{self._name}: expected Tensors, got {type(p).__name__}")
            if not p.is_floating_point():
                raise TypeError(f"{self._name}: parameters are float32 or float64, got {p.dtype}")
            if not p.is_leaf:
                raise ValueError(
                    f"{self._name}: only leaf tensors can be optimized; this one is computed by {p.grad_fn}"
                )
        if len({id(p) for p in params}) < len(params) or any(id(p) in self._homes for p in params):
            raise ValueError(f"{self._name}: a parameter appears twice")
        shared = overlap([p for group in self.param_groups for p in group["params"]] + params)
        if shared is not None:
            raise ValueError(
                f"{self._name}: parameters {shared[0]} and {shared[1]} are different Tensors over the same memory; "
                "tie weights by assigning the same Parameter twice"
            )
        return params, names

    def _settings(self, group):
        cells = tuple(float(v) for v in self.cells(group))
        l1_decay = at_least(self._name, "l1_decay", group.get("l1_decay", 0))
        return (
            cells + (0.0,) * (7 - len(cells)) + (l1_decay,),  # csrc/optim.h
            tuple(map(bool, self.used(group))),
            int(self.option(group)),
        )

    def _configure(self, group, arenas):
        settings = self._settings(group)
        for arena in arenas:
            arena.configure(*settings)

    # --- the step ---

    def step(self, closure: Callable | None = None) -> Any:
        """Update every parameter that has a gradient.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients again; called once, before the update.

        Returns
        -------
        Whatever the closure returned, or None.
        """
        loss = None if closure is None else closure()
        if self._skip and not self._clipped:
            norm_of(self._arenas, self._gate, math.inf, True)
        gate = self._gate if self._skip or self._clipped else None
        self._clipped = False
        for arena in self._arenas:
            arena.step(gate)
        return loss

    @property
    def _can_look(self) -> bool:
        """Whether `_step_if_finite` does all that `step` does."""
        return type(self).step is Optimizer.step and not (self._skip or self._clipped)

    def _step_if_finite(self, *values: Tensor) -> None:
        """`step`, but nothing changes where one of the values, numbers in tensors, is NaN or infinite."""
        finite_gate(list(values), self._finite_gate)
        for arena in self._arenas:
            arena.step(self._finite_gate)

    def clip_norm(self, max_norm: float | None) -> None:
        """Have the next step scale all gradients down together to a norm of at most `max_norm`.

        As ``nn.utils.clip_grad_norm_`` over all parameters of this optimizer, but one pass cheaper:
        ``.grad`` stays as it is, and the step multiplies. Call it between ``backward()`` and `step`.

        Parameters
        ----------
        max_norm : float
            Not negative (else ValueError).

        Returns
        -------
        Tensor
            The Euclidean norm of all gradients, 0-d.

        Examples
        --------
        >>> import fastnn
        >>> p = fastnn.nn.Parameter(fastnn.zeros(2))
        >>> optimizer = fastnn.optim.SGD([p], lr=1.0)
        >>> p.grad = fastnn.tensor([3.0, 4.0])
        >>> optimizer.clip_norm(1.0)
        tensor(5.)
        >>> optimizer.step()
        >>> p
        Parameter(tensor([-0.6, -0.8], requires_grad=True))
        """
        limit = at_least("clip_norm", "max_norm", max_norm)
        self._clipped = True
        return norm_of(self._arenas, self._gate, limit, self._skip)

    @property
    def skip_nonfinite(self) -> bool:
        """Whether a step that meets an infinite or NaN gradient changes nothing. Default False.

        Costs one more pass over the gradients, none beside `clip_norm`; parameters, state and step
        counts stay as they were, and `skipped_steps` counts.
        """
        return self._skip

    @skip_nonfinite.setter
    def skip_nonfinite(self, value: Any) -> None:
        if bool(value) != self._skip:
            self._skip = bool(value)
            world_changed()

    @property
    def skipped_steps(self) -> int:
        """How many steps `skip_nonfinite` has left out."""
        return int(self._gate[2].item())

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or, with ``set_to_none=False``, fill them with zeros."""
        if set_to_none:
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad = None
        else:
            for arena in self._arenas:
                arena.zero()

    @property
    def first_nonfinite_step(self) -> int | None:
        """Number of the first step that met an infinite or NaN gradient, or None."""
        for arena in self._arenas:
            if arena.met_bad():
                return min(step for a in self._arenas if (step := a.first_bad_step()))
        return None

    # --- state ---

    @property
    def state(self) -> Any:
        """State by parameter, as in PyTorch: ``state[p]["exp_avg"]``; views, made anew at each look."""
        return {
            p: s for group in self.param_groups for p in group["params"] if (s := self._state_of(p))
        }

    def _state_of(self, p):
        arena, i = self._homes[id(p)]
        steps, views, scalars = arena.state(i)
        if steps == 0:
            return {}
        found = {"step": tensor(float(steps))} if self.counts_steps else {}
        found.update(
            {
                name: from_numpy(np.array(value))  # float64: a resumed run must not round
                for name, value in zip(self.scalar_names, scalars, strict=False)
            }
        )
        found.update(
            {name: v for name, v in zip(self.state_names, views, strict=False) if v is not None}
        )
        return found

    def state_dict(self) -> dict[str, Any]:
        """State and hyperparameters, in PyTorch's format.

        Returns
        -------
        dict
            ``state``: number of the parameter to its state tensors (copies); ``param_groups``: the
            groups, with numbers, and with names if names were given, for ``params``.
        """
        return states.save(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned, here or in PyTorch.

        Parameters are matched by name where both sides have names, else by position.

        Raises
        ------
        ValueError
            If groups, names or shapes do not fit: lists every mismatch; nothing is changed then.
        """
        states.load(self, state_dict)

    def __getstate__(self):
        groups = [dict(group) for group in self.param_groups]
        own = {"defaults": self.defaults, "initial_state": self.initial_state, "skip": self._skip}
        return {**own, "groups": groups, "saved": self.state_dict()}

    def __setstate__(self, state):
        self.defaults, self.initial_state = state["defaults"], state["initial_state"]
        self._skip, self._clipped = state["skip"], False
        self._gate, self._finite_gate = _open_gate(), _open_gate()
        self.param_groups, self._arenas, self._homes = [], [], {}
        for group in state["groups"]:
            self.add_param_group(group)
        self.load_state_dict(state["saved"])

    def __repr__(self):
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [
                f"    {k}: {group[k]}" for k in sorted(group) if k not in ("params", "param_names")
            ]
        return f"{self._name} (\n" + "\n".join(lines) + "\n)"
