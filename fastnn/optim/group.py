"""ParamGroup: a dict of hyperparameters that kernels see the moment it changes."""


class ParamGroup(dict):
    """What ``optimizer.param_groups`` holds: ``params`` and hyperparameters, as in PyTorch.

    Values are copied into float64 cells that the kernels read, so that a new learning rate acts on
    the next step, recorded or not.
    """

    def __init__(self, values, changed):
        super().__init__(values)
        self._changed = changed

    def __setitem__(self, name, value):
        if name == "params":
            raise ValueError(
                "param_groups: parameters are added by add_param_group, not by assignment"
            )
        before = dict(self)
        super().__setitem__(name, value)
        try:
            self._changed(self)
        except (TypeError, ValueError):
            super().clear()
            super().update(before)
            raise

    def update(self, *values, **named):
        """Set several; each is checked."""
        for name, value in dict(*values, **named).items():
            self[name] = value

    def setdefault(self, name, value=None):
        """The value, set first if missing."""
        if name not in self:
            self[name] = value
        return self[name]

    def __reduce__(self):
        return dict, (dict(self),)

    def __deepcopy__(self, memo):
        import copy

        return copy.deepcopy(dict(self), memo)
