"""Optimizer: parameter groups, state and the step; subclasses name a kernel and its numbers."""

import weakref
from collections.abc import Iterable

from fastnn._engine.engine import Tensor, tensor
from fastnn.optim import states
from fastnn.optim.arena import Arena, overlap
from fastnn.optim.group import ParamGroup


class Optimizer:
    """Base class of all optimizers.

    At construction the parameters of each group and dtype move into one flat array (an arena) and
    become views of it; a step is then one pass of one kernel. Tensors that shared a parameter's
    memory before do not any more.

    A subclass has

    - ``kernel``: the stem of its kernels in ``csrc/kernels/optim.c``;
    - ``state_names``: names of the state arrays, in the kernel's order;
    - ``cells(group)``: checks a group, returns the kernel's hyperparameter cells;
    - ``used(group)``: which state arrays the group needs; ``option(group)``: the kernel's switch.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs such as ``model.named_parameters()``, or dicts with ``params``
        and hyperparameters of their own. With names, state is saved and loaded by name.
    defaults : dict
        Hyperparameters of groups that do not set their own.

    Attributes
    ----------
    param_groups : list of dict
        ``params`` and hyperparameters; assigning ``group["lr"]`` acts at once.
    """

    kernel, state_names, initial_state = None, (), 0.0
    counts_steps = True  # whether state_dict has "step"

    def __init__(self, params, defaults):
        self.defaults = defaults
        self.param_groups = []
        self._arenas = []  # all, in order
        self._homes = {}  # id of a parameter -> (arena, its index there)
        groups = [params] if isinstance(params, dict) else params
        if isinstance(groups, Tensor):
            raise TypeError(
                f"{self._name}: params must be an iterable of Tensors or dicts, got a single Tensor"
            )
        if not isinstance(groups, Iterable):
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

    # --- what a subclass says ---

    def cells(self, group):
        """Hyperparameters in the kernel's order: lr, weight_decay, sign, then its own."""
        raise TypeError(f"{self._name} must define cells(group)")

    def used(self, group):
        """Which of the state arrays the group needs, a tuple of bools."""
        return (True,) * len(self.state_names)

    def option(self, group):
        """The kernel's switch, an int."""
        return 0

    # --- groups ---

    def add_param_group(self, param_group):
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
        return (
            tuple(float(v) for v in self.cells(group)),
            tuple(map(bool, self.used(group))),
            int(self.option(group)),
        )

    def _configure(self, group, arenas):
        settings = self._settings(group)
        for arena in arenas:
            arena.configure(*settings)

    # --- the step ---

    def step(self, closure=None):
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
        for arena in self._arenas:
            arena.step()
        return loss

    def zero_grad(self, set_to_none=True):
        """Forget all gradients, or, with ``set_to_none=False``, fill them with zeros."""
        if set_to_none:
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad = None
        else:
            for arena in self._arenas:
                arena.zero()

    @property
    def first_nonfinite_step(self):
        """Number of the first step that met an infinite or NaN gradient, or None."""
        found = [step for arena in self._arenas if (step := arena.first_bad_step())]
        return min(found, default=None)

    # --- state ---

    @property
    def state(self):
        """State by parameter, as in PyTorch: ``state[p]["exp_avg"]``; views, made anew at each look."""
        return {
            p: s for group in self.param_groups for p in group["params"] if (s := self._state_of(p))
        }

    def _state_of(self, p):
        arena, i = self._homes[id(p)]
        steps, views = arena.state(i)
        if steps == 0:
            return {}
        found = {"step": tensor(float(steps))} if self.counts_steps else {}
        found.update(
            {name: v for name, v in zip(self.state_names, views, strict=False) if v is not None}
        )
        return found

    def state_dict(self):
        """State and hyperparameters, in PyTorch's format.

        Returns
        -------
        dict
            ``state``: number of the parameter to its state tensors (copies); ``param_groups``: the
            groups, with numbers, and with names if names were given, for ``params``.
        """
        return states.save(self)

    def load_state_dict(self, state_dict):
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
        own = {"defaults": self.defaults, "initial_state": self.initial_state}
        return {**own, "groups": groups, "saved": self.state_dict()}

    def __setstate__(self, state):
        self.defaults, self.initial_state = state["defaults"], state["initial_state"]
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


def at_least(what, name, value, low=0.0, below=None):
    """The value as a float, checked: low <= value, and value < below if given."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what}: {name} must be a number, got {value!r}") from None
    if not number >= low or (below is not None and not number < below):
        limits = f"at least {low:g}" + ("" if below is None else f" and below {below:g}")
        raise ValueError(f"{what}: {name} must be {limits}, got {value}")
    return number
