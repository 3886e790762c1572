"""The Trainer: the loop over epochs and batches."""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Any

import fastnn
from fastnn.training import feed, options
from fastnn.training.batch_size import scale_batch_size
from fastnn.training.callback import Callback, Calls
from fastnn.training.checkpoint import save_checkpoint
from fastnn.training.checks import check_data, check_progress, check_setup
from fastnn.training.evaluation import Evaluator
from fastnn.training.history import History
from fastnn.training.interrupt import Interrupted, Interruption, Undo
from fastnn.training.lr_find import lr_find
from fastnn.training.measures import EpochSums, named_metrics
from fastnn.training.nonfinite import LastGood, NonFinite, nonfinite_error
from fastnn.training.progress import Progress
from fastnn.training.resume import load_run, run_state
from fastnn.training.update import step_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastnn import Tensor


class Trainer:
    """Trains, validates, tests and applies a model; TypeError or ValueError for what does not fit.

    Parameters
    ----------
    model : Module
        Called with the inputs of a batch.
    loss : callable
        ``loss(output, target)`` gives a Tensor with one element, the mean over the batch.
    optimizer : Optimizer, optional
        Default: ``Adam(model.parameters())``.
    metrics : list or dict, optional
        Names ("accuracy", "precision", "recall", "f1", "top_k_accuracy", "roc_auc", "perplexity",
        "mae", "rmse", "r2") or functions of ``(target, output)``, two arrays with all rows of an epoch; a dict
        gives them other names.
    callbacks : list of Callback, optional
        Called in this order, `ModelCheckpoint` last.
    scheduler : learning-rate schedule, optional
        `ReduceLROnPlateau` gets the validation loss, or the training loss where there are no
        validation rows.
    scheduler_interval : {"epoch", "step"}
        When the schedule goes on: after every epoch (default) or after every step.
    clip_grad_norm, clip_grad_value : float, optional
        Gradients whose common norm is larger are scaled down to it before each step; elements
        outside [-value, value] are cut.
    accumulate_grad_batches : int
        Batches whose gradients make one step: the gradient of the mean over all their rows, also
        where an epoch's last step has fewer. Default 1.
    class_weight : "balanced", dict or array_like, optional
        Factors in the training loss alone. "balanced": rows / (classes * rows of the class).
    ema : float or AveragedModel, optional
        Keep an average of the weights, with this decay, such as 0.999: `validate`, `test` and
        `predict` use it, and checkpoints hold it as their weights.
    seed : int, optional
        Fixes the order of the rows and dropout. Default: by the default generator's state.
    compile : bool
        Whether steps are recorded and replayed where that is safe, with the same bits. Default True.
    progress : bool, optional
        Whether to show a progress bar. Default: in a terminal and in a notebook.

    Attributes
    ----------
    history : History
        The numbers of the last fit, epoch by epoch, complete even after an error.
    epoch, epochs, batch, num_batches, global_step : int
        Current epoch (from 1), epochs asked for, batches done in it and of each, steps so far.
    ema : AveragedModel or None

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, optim
    >>> from fastnn.training import Trainer
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> model = nn.Linear(1, 1)
    >>> trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.5), seed=0)
    >>> history = trainer.fit((x, 3 * x), epochs=30)
    >>> history["loss"][-1] < 1e-6
    True
    """

    def __init__(
        self,
        model: Any,
        loss: Callable,
        optimizer: Any = None,
        *,
        metrics: Any = (),
        callbacks: Iterable[Callback] = (),
        scheduler: Any = None,
        scheduler_interval: str = "epoch",
        clip_grad_norm: float | None = None,
        clip_grad_value: float | None = None,
        accumulate_grad_batches: int = 1,
        class_weight: Any = None,
        ema: Any = None,
        seed: int | None = None,
        compile: bool = True,
        progress: bool | None = None,
    ):
        self.model, self.loss = model, loss
        self.callbacks = options.ordered(callbacks)
        self.optimizer = options.default_adam(model) if optimizer is None else optimizer
        self.metrics = named_metrics(metrics)
        self.scheduler, self.scheduler_interval = scheduler, scheduler_interval
        self.clip_grad_norm, self.clip_grad_value = clip_grad_norm, clip_grad_value
        self.accumulate_grad_batches = accumulate_grad_batches
        self.class_weight, self.seed, self.compile = class_weight, seed, compile
        self.show_progress = progress
        options.check(self)
        self.ema = options.averaged(ema, model)
        self.history = History()
        self.epoch = self.epochs = self.batch = self.num_batches = 0
        self.has_val, self.loader, self.run = False, None, ""  # run: names it in checkpoints
        self.sums = EpochSums(options.measures(self))
        self.update = self._evaluator = self._stop = self._stop_now = None
        self._interrupt = Interruption()
        self.last_good = LastGood(model)

    @property
    def global_step(self) -> int:
        """Steps of the optimizer since the start of training."""
        return 0 if self.update is None else self.update.steps

    # --- the loop ---

    def fit(
        self,
        train: Any,
        val: Any = None,
        epochs: int = 10,
        *,
        batch_size: int | None = None,
        shuffle: bool = True,
        resume: Any = None,
        ckpt_path: Any = None,
        lr: float | None = None,
    ) -> History:
        """Train.

        Parameters
        ----------
        train : (x, y), Dataset or DataLoader
            Arrays with one row per sample, or something that gives ``(input, target)``; more inputs
            come before the target. Floating point inputs are converted to the model's dtype.
            ``fit(x, y)`` is taken as ``fit((x, y))``.
        val : the same, optional
            Rows on which loss and metrics are computed after every epoch.
        epochs : int
            Passes over the training rows, those before a `resume` included. Default 10.
        batch_size : int, optional
            Rows of a batch. Default: 32, or all where there are fewer. Loaders have their own.
        shuffle : bool
            Whether every epoch has a new order. Default True. Loaders have their own.
        resume : path or True, optional
            Go on from this checkpoint, or the newest in this folder, with the same bits as without
            the interruption, also within an epoch. True: the newest in the folder of the
            `ModelCheckpoint` among the callbacks, or from the start where there is none. A loader of
            your own begins its epoch anew; batches that were done are passed over.
        ckpt_path : path or "last", optional
            Lightning's name for `resume`.
        lr : float, optional
            Learning rate from here on, in place of the checkpoint's.

        Returns
        -------
        History
            Also after Ctrl-C, which ends training after the current batch, or undoes a long one.

        Raises
        ------
        ValueError, TypeError
            Data, model, loss and optimizer that do not fit each other, before the first step.
        CheckpointError
            Nothing to resume, or of another model or run; nothing has changed then.
        NonFiniteError
            A loss, gradient, statistic or rate that is NaN or infinite; names epoch, batch and the
            first place concerned. The last good weights are kept.
        """
        mode, self._interrupt = self.model.training, Interruption()
        with self._interrupt:
            try:
                with self._interrupt.leaving_at_once():
                    self._prepare(*feed.pair(train, val), epochs, batch_size, shuffle)
            except Interrupted:
                self.history = History(stopped="interrupted by Ctrl-C before the first step")
                return self.history
            load_run(self, resume, ckpt_path, lr)
            try:
                self._call("on_fit_start")
                while self._stop is None and self.epoch < epochs:
                    self.epoch += 1
                    self._call("on_epoch_start")
                    record = self._run_epoch()
                    if record is None:
                        break
                    self.history.append(record)
                    self.batch = 0
                    self._call("on_epoch_end", record)
                    if self._cut_short():
                        self._call("on_interrupt")
                self.history.stopped = self._stop or f"all {epochs} epochs done"
            except BaseException as error:
                self.history.stopped = f"{type(error).__name__} in epoch {self.epoch}: {error}"
                raise
            finally:
                self._call("on_fit_end")
                self.model.train(mode)
        return self.history

    def _run_epoch(self) -> dict[str, float] | None:
        """Train and validate once; the epoch's record, or None where something cut it short."""
        start = time.perf_counter() - self.sums.seconds
        if self.batch == 0:
            self.sums.lr = self.optimizer.param_groups[0]["lr"]
        self._train_epoch()
        if not self._cut_short():
            self.update.flush()
            numbers = self.sums.compute()
            if self.val is not None:
                with contextlib.suppress(Interrupted):
                    numbers |= self._evaluate(self.val, "val_")
        self.sums.seconds = time.perf_counter() - start
        if self._cut_short():
            self._call("on_interrupt")
            return None
        if self.epoch == 1:
            check_progress(self, self.sums.first, self.sums.last)
        if self.scheduler is not None and self.scheduler_interval == "epoch":
            self._step_schedule(numbers)
        rest = {"lr": self.sums.lr, "seconds": self.sums.seconds}
        self.sums.clear()
        return {"epoch": self.epoch, **numbers, **rest}

    def _train_epoch(self) -> None:
        """One pass of steps over the training rows, or what is left of it."""
        self.model.train()
        self._renew()
        update, sums, dtype = self.update, self.sums, feed.dtype_of(self.model)
        hooks, bar = self._call.methods("on_batch_end"), self._call.bar
        others = any(not hook.__module__.startswith("fastnn.") for hook in hooks)
        self.last_good.keep(self.epoch)
        interrupt, undo = self._interrupt, self._undo
        batches = feed.batches_from(self.loader, self.epoch, self.batch)
        try:
            interrupt.at_once = undo.keep(self)  # from here to its step a long batch can be undone
            for batch, fields in enumerate(batches, self.batch + 1):
                inputs, target = feed.split_batch(fields, dtype)
                try:
                    value, output = update(inputs, target)
                except NonFinite as found:
                    at = (self.model, update.loss, inputs, target, found, batch)
                    raise nonfinite_error(self, *at) from None
                sums.add(value, output, target)
                self.batch = batch
                for hook in hooks:
                    hook(self, batch, value)
                if batch >= bar.due:
                    bar.on_batch_end(self, batch, value)
                if interrupt.requested or self._stop_now:
                    break
                if others:
                    self._renew()
                    update = self.update
                interrupt.at_once = undo.keep(self)
            interrupt.at_once = False
        except Interrupted:
            undo.put_back()
        if sums.rows == 0 and not self._cut_short():
            raise ValueError("fit: the training loader gave no batch")

    def _evaluate(self, loader, prefix) -> dict[str, float]:
        """One pass without steps: mean loss and metrics, their names with a prefix."""
        sums, dtype = EpochSums(options.measures(self, loader)), feed.dtype_of(self.model)
        with self._evaluation() as evaluate, self._interrupt.leaving_at_once():
            for batch, fields in enumerate(feed.batches_from(loader, self.epoch, 0), 1):
                inputs, target = feed.split_batch(fields, dtype)
                try:
                    sums.add(*evaluate(inputs, target), target)
                except NonFinite as found:
                    where = f"{batch} of the {prefix.rstrip('_')} rows"
                    at = (evaluate.model, self.loss, inputs, target, found, where)
                    raise nonfinite_error(self, *at) from None
        if sums.rows == 0:
            raise ValueError(f"{prefix.rstrip('_')}: the loader gave no batch")
        return {prefix + name: number for name, number in sums.compute().items()}

    # --- without training ---

    def validate(self, data: Any, batch_size: int | None = None) -> dict[str, float]:
        """Loss and metrics on `data`, by `batch_size` rows: ``val_loss`` and so on. Raises as `fit`."""
        return self._measure(data, "val_", batch_size)

    def test(self, data: Any, batch_size: int | None = None) -> dict[str, float]:
        """Loss and metrics on `data`, by `batch_size` rows: ``test_loss`` and so on. Raises as `fit`."""
        return self._measure(data, "test_", batch_size)

    def predict(self, data: Any, batch_size: int = 1024) -> Tensor:
        """The model's outputs, in evaluation mode and without gradients. Raises as `fit`.

        Parameters
        ----------
        data : array_like, tuple of array_like, Dataset or DataLoader
            A tuple for several inputs; of a dataset's or loader's rows the target is left out.
        batch_size : int
            Rows at a time. Default 1024.

        Returns
        -------
        Tensor, shape (N, ...)
        """
        with self._evaluation() as evaluate:
            batches = feed.inputs_of(data, "predict", feed.dtype_of(self.model), batch_size)
            return fastnn.cat([evaluate.output(*inputs) for inputs in batches])

    def stop(self, reason: str, now: bool = False) -> None:
        """End the fit after the current epoch, or `now`: after the current batch.

        `reason` goes to ``history.stopped``. Where no fit runs it does nothing: each begins anew.
        """
        self._stop, self._stop_now = str(reason), self._stop_now or now

    def save_checkpoint(self, path: Any, **facts: Any) -> None:
        """Save the weights and all that `fit` needs to go on from here with ``resume=path``.

        In a callback, or after the fit (else RuntimeError); see `ModelCheckpoint`.
        """
        model = self.model if self.ema is None else self.ema.module
        save_checkpoint(path, model, training=run_state(self), epoch=self.epoch, **facts)

    lr_find, scale_batch_size = lr_find, scale_batch_size

    # --- parts ---

    def _prepare(self, train, val, epochs, batch_size, shuffle):
        """Loaders, checks, and everything as it is before the first epoch."""
        if not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f"fit: epochs must be an integer from 1, got {epochs!r}")
        check_setup(self.model, self.optimizer)
        self.loader = self._checked(train, "train", batch_size, shuffle=shuffle, seed=self.seed)
        self.val = None if val is None else self._checked(val, "val", batch_size)
        if self.seed is not None:
            fastnn.manual_seed(self.seed)
        self.history, self.run = History(), secrets.token_hex(8)
        self.epoch = self.batch = 0
        self.epochs, self.num_batches, self.has_val = epochs, len(self.loader), val is not None
        self.sums = EpochSums(options.measures(self, self.loader))
        self.update, self._undo, self._stop, self._stop_now = None, Undo(), None, False
        self._renew()
        self.last_good = LastGood(self.model)
        self._call = Calls(self, Progress(self.show_progress))

    def _renew(self):
        """Before an epoch, and after others' callbacks: they may have changed whatever they like."""
        update = options.renewed_update(self)
        if update is not self.update:
            self.update, self._evaluator = update, None
        update.prepare()

    def _measure(self, data, prefix, batch_size):
        loader = self._checked(data, prefix.rstrip("_"), batch_size or 1024)
        return self._evaluate(loader, prefix)

    def _checked(self, data, what, batch_size, **order):
        dtype = feed.dtype_of(self.model)
        loader = feed.as_loader(data, what, dtype=dtype, batch_size=batch_size, **order)
        check_data(self.model, self.loss, loader, what, dtype)
        return loader

    def _evaluation(self):
        model = self.model if self.ema is None else self.ema.module
        if self._evaluator is None or self._evaluator.model is not model:
            self._evaluator = Evaluator(model, self.loss, self.compile)
        self._evaluator.quiet = self.update is not None and self.update.replays
        return self._evaluator

    def _step_schedule(self, numbers):
        metric = [numbers.get("val_loss", numbers["loss"])]
        try:
            step_schedule(self.scheduler, *(metric if hasattr(self.scheduler, "patience") else []))
        except NonFinite as found:
            at = (self.model, self.loss, (), None, found, self.batch)
            raise nonfinite_error(self, *at) from None

    def _cut_short(self):
        """Whether this epoch ends here, unfinished."""
        if self._interrupt.requested and self._stop is None:
            self.stop(f"interrupted by Ctrl-C in epoch {self.epoch}", now=True)
        return self._stop_now or self._interrupt.requested
