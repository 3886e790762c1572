"""Averaged weights (EMA, SWA), at PyTorch's path: ``torch.optim.swa_utils``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from fastnn._engine.engine import Tensor, world_changed
from fastnn.autograd import no_grad
from fastnn.nn.module import Module
from fastnn.nn.norm import _BatchNorm
from fastnn.ops import full
from fastnn.optim.average import Average
from fastnn.optim.swalr import SWALR

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


class _Mean:
    """A rule that `AveragedModel` knows: it then runs one kernel instead of calling it.

    `decay` below 0 weighs all models alike.
    """

    def __init__(self, decay: float):
        self.decay = decay

    def weight(self, num_averaged):
        return 1 / (num_averaged + 1) if self.decay < 0 else 1 - self.decay

    def __call__(self, averaged, current, num_averaged):
        return averaged.lerp(current, self.weight(int(num_averaged)))


class _MeanOfMany(_Mean):
    def __call__(self, averaged, current, num_averaged):
        with no_grad():
            for y, x in zip(averaged, current, strict=True):
                y.copy_(super().__call__(y, x, num_averaged))


def _checked_decay(decay):
    decay = float(decay)
    if not 0 <= decay <= 1:
        raise ValueError(f"the decay of an average must be from 0 to 1, got {decay}")
    return decay


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """The rule average = decay average + (1 - decay) model, for `AveragedModel`'s `multi_avg_fn`.

    Parameters
    ----------
    decay : float
        From 0 to 1. Default 0.999.

    Returns
    -------
    callable
        ``rule(averaged, current, num_averaged)`` changes the tensors of the list `averaged`.

    Raises
    ------
    ValueError
        For a decay out of range.

    Notes
    -----
    ``torch.optim.swa_utils.get_ema_multi_avg_fn``.

    Examples
    --------
    >>> import fastnn
    >>> average = [fastnn.tensor([0.0])]
    >>> rule = fastnn.optim.swa_utils.get_ema_multi_avg_fn(0.75)
    >>> rule(average, [fastnn.tensor([4.0])], 1)
    >>> average
    [tensor([1.])]
    """
    return _MeanOfMany(_checked_decay(decay))


def get_swa_multi_avg_fn() -> Callable:
    """The rule average += (model - average) / (number of models + 1), for `multi_avg_fn`.

    Returns
    -------
    callable
        ``rule(averaged, current, num_averaged)`` changes the tensors of the list `averaged`.

    Notes
    -----
    ``torch.optim.swa_utils.get_swa_multi_avg_fn``.
    """
    return _MeanOfMany(-1.0)


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """The rule decay average + (1 - decay) model for one tensor, for `AveragedModel`'s `avg_fn`.

    Parameters
    ----------
    decay : float
        From 0 to 1. Default 0.999.

    Returns
    -------
    callable
        ``rule(averaged, current, num_averaged)`` returns the new average.

    Raises
    ------
    ValueError
        For a decay out of range.

    Notes
    -----
    ``torch.optim.swa_utils.get_ema_avg_fn``.

    Examples
    --------
    >>> import fastnn
    >>> rule = fastnn.optim.swa_utils.get_ema_avg_fn(0.75)
    >>> rule(fastnn.tensor([4.0]), fastnn.tensor([8.0]), 1)
    tensor([5.])
    """
    return _Mean(_checked_decay(decay))


def get_swa_avg_fn() -> Callable:
    """The rule average + (model - average) / (number of models + 1) for one tensor, for `avg_fn`.

    Returns
    -------
    callable
        ``rule(averaged, current, num_averaged)`` returns the new average.

    Notes
    -----
    ``torch.optim.swa_utils.get_swa_avg_fn``.

    Examples
    --------
    >>> import fastnn
    >>> rule = fastnn.optim.swa_utils.get_swa_avg_fn()
    >>> rule(fastnn.tensor([4.0]), fastnn.tensor([8.0]), 1)
    tensor([6.])
    """
    return _Mean(-1.0)


class AveragedModel(Module):
    """A copy of a model whose parameters are running averages of the model's.

    The first `update_parameters` copies, the later ones average: all models alike (SWA) by default,
    or by an exponential moving average. Where an optimizer has moved the model's parameters into one
    array, an average is one pass over that array; it can be part of a recorded step.

    Parameters
    ----------
    model : Module
        Copied; best after its optimizer was made.
    device : None or "cpu"
        For PyTorch's signature.
    avg_fn : callable, optional
        ``avg_fn(averaged, current, num_averaged)`` returns the new average of one tensor.
    multi_avg_fn : callable, optional
        ``multi_avg_fn(averaged, current, num_averaged)`` changes the tensors of the list `averaged`.
        `get_ema_multi_avg_fn` and `get_swa_multi_avg_fn` run as one kernel.
    use_buffers : bool
        Average buffers too; by default they are copied. Default False.

    Attributes
    ----------
    module : Module
        The averaged model; its names in the state_dict begin with ``module.``
    n_averaged : Tensor
        How many models were averaged, int64.

    Raises
    ------
    ValueError
        For both functions at once, another device, or, in `update_parameters`, a model of another
        structure.
    TypeError
        If model is no Module.

    Notes
    -----
    Izmailov et al. (2018); Polyak, Juditsky (1992); ``torch.optim.swa_utils.AveragedModel``.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
    >>> model = fastnn.nn.Linear(1, 1, bias=False)
    >>> average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    >>> for value in (1.0, 2.0, 3.0):
    ...     _ = model.weight.data.fill_(value)
    ...     average.update_parameters(model)
    >>> average(fastnn.ones(1, 1)).item()
    2.25
    """

    def __init__(
        self,
        model: Module,
        device: str | None = None,
        avg_fn: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
        multi_avg_fn: Callable[[list, list, Tensor], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(model, Module):
            raise TypeError(f"AveragedModel: expected a Module, got {type(model).__name__}")
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        if device not in (None, "cpu"):
            raise ValueError(f"AveragedModel: device must be None or 'cpu', got {device!r}")
        self.module = copy.deepcopy(model)
        for p in self.module.parameters():
            p.grad = None
        self.register_buffer("n_averaged", full((), 0))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, bool(use_buffers)
        self._average = Average()
        with no_grad():
            self._average.arrange(*self._pairs(model))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    def _pairs(self, model):
        sides = []
        for side in (self.module, model):
            members = [side.parameters(), side.buffers() if self.use_buffers else ()]
            sides.append(list(chain(*members)))
        self._check(*sides)
        return sides

    def _check(self, averaged, current):
        if [(p.shape, p.dtype) for p in averaged] != [(p.shape, p.dtype) for p in current]:
            raise ValueError(
                "AveragedModel: the model's parameters or buffers do not have the number, shapes and "
                "dtypes of those that are averaged; make the AveragedModel again after changing the model"
            )

    def _rule(self):
        return self.multi_avg_fn or self.avg_fn or get_swa_multi_avg_fn()

    @property
    def has_own_rule(self) -> bool:
        """Whether the rule is one of this module's: an update is then kernel calls alone."""
        return isinstance(self._rule(), _Mean)

    def update_parameters(self, model: Module) -> None:
        """Take the model's present parameters into the average.

        Parameters
        ----------
        model : Module
            Of the structure of the one given at first.

        Raises
        ------
        ValueError
            If numbers, shapes or dtypes of the parameters differ.
        """
        rule = self._rule()
        with no_grad():
            averaged, current = self._pairs(model)
            if isinstance(rule, _Mean):
                self._average.update(averaged, current, self.n_averaged, rule.decay)
            else:
                self._by_rule([p.detach() for p in averaged], [p.detach() for p in current])
            if not self.use_buffers:
                buffers = list(self.module.buffers()), list(model.buffers())
                self._check(*buffers)
                for y, x in zip(*buffers, strict=True):
                    y.copy_(x)

    def _by_rule(self, averaged, current):
        if int(self.n_averaged) == 0:
            for y, x in zip(averaged, current, strict=True):
                y.copy_(x)
        elif self.multi_avg_fn is not None:
            for dtype in dict.fromkeys(p.dtype for p in averaged):
                members = [i for i, p in enumerate(averaged) if p.dtype == dtype]
                self.multi_avg_fn(
                    [averaged[i] for i in members], [current[i] for i in members], self.n_averaged
                )
        else:
            for y, x in zip(averaged, current, strict=True):
                y.copy_(self.avg_fn(y, x, self.n_averaged))
        self.n_averaged.fill_(int(self.n_averaged) + 1)


def update_bn(loader: Iterable[Any], model: Module, device: str | None = None) -> None:
    """Compute the running statistics of all batch normalizations anew, from one pass over the data.

    Averaged weights need it: their activations are not the mean of the models' activations.

    Parameters
    ----------
    loader : iterable
        Batches: what the model takes, or tuples or lists whose first element that is.
    model : Module
        Its other state and its mode stay as they are.
    device : None or "cpu"
        For PyTorch's signature.

    Raises
    ------
    ValueError
        For another device.

    Notes
    -----
    Every batch counts alike (momentum None), as in ``torch.optim.swa_utils.update_bn``.

    Examples
    --------
    >>> import fastnn
    >>> model = fastnn.nn.BatchNorm1d(1)
    >>> batches = [fastnn.tensor([[1.0], [3.0]]), fastnn.tensor([[5.0], [7.0]])]
    >>> fastnn.optim.swa_utils.update_bn(batches, model)
    >>> model.running_mean
    tensor([4.])
    """
    if device not in (None, "cpu"):
        raise ValueError(f"update_bn: device must be None or 'cpu', got {device!r}")
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    if not norms:
        return
    momenta, modes = [m.momentum for m in norms], [(m, m.training) for m in model.modules()]
    try:
        model.train()
        for norm in norms:
            norm.running_mean.fill_(0)
            norm.running_var.fill_(1)
            norm.num_batches_tracked.fill_(0)
            norm.momentum = None
        world_changed()  # a recorded forward pass has the old momentum
        with no_grad():
            for batch in loader:
                model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, training in modes:
            module.training = training
        world_changed()
