"""The Trainer: the loop over epochs and batches, and what is around it."""

import math
import time

import fastnn
from fastnn.training.callback import Callback
from fastnn.training.checks import check_data, check_progress, check_setup
from fastnn.training.feed import as_loader, cast, inputs_loader, split_batch
from fastnn.training.history import History
from fastnn.training.interrupt import Interruption
from fastnn.training.measures import Measures, named_metrics
from fastnn.training.nonfinite import nonfinite_error
from fastnn.training.progress import Progress


class Trainer:
    """Trains, validates, tests and applies a model.

    Parameters
    ----------
    model : Module
        Called with the inputs of a batch.
    loss : callable
        ``loss(output, target)`` gives a Tensor with one element, the mean over the batch.
    optimizer : Optimizer, optional
        Default: ``Adam(model.parameters())``.
    metrics : list or dict, optional
        Names ("accuracy", "precision", "recall", "f1", "top_k_accuracy", "roc_auc", "mae", "rmse",
        "r2") or functions of ``(target, output)``, two arrays with all rows of an epoch; a dict
        gives them other names.
    callbacks : list of Callback, optional
    scheduler : learning-rate schedule, optional
        Its ``step`` is called after every epoch; `ReduceLROnPlateau` gets the validation loss, or
        the training loss where there are no validation rows.
    clip_grad_norm : float, optional
        Gradients whose total norm is larger are scaled down to it before each step.
    seed : int, optional
        Fixes the order of the rows and, through the default generator, dropout. Default: both go on
        from the default generator's state.
    progress : bool, optional
        Whether to show a progress bar. Default: in a terminal and in a notebook.

    Attributes
    ----------
    history : History
        The numbers of the last fit, epoch by epoch, complete even after an error.
    epoch, epochs, num_batches : int
        Current epoch (from 1), how many were asked for, batches of each.

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
        model,
        loss,
        optimizer=None,
        *,
        metrics=(),
        callbacks=(),
        scheduler=None,
        clip_grad_norm=None,
        seed=None,
        progress=None,
    ):
        if not callable(loss):
            raise TypeError(f"Trainer: loss must be callable, got {type(loss).__name__}")
        if clip_grad_norm is not None and not clip_grad_norm > 0:
            raise ValueError(f"Trainer: clip_grad_norm must be positive, got {clip_grad_norm}")
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"Trainer: {callback!r} is no Callback (an object, not a class)")
        if optimizer is None:
            optimizer = fastnn.optim.Adam(model.parameters())
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.metrics = named_metrics(metrics)
        self.callbacks = [*callbacks, Progress(progress)]
        self.scheduler, self.clip_grad_norm, self.seed = scheduler, clip_grad_norm, seed
        self.history = History()
        self.epoch = self.epochs = self.num_batches = 0
        self.has_val = False

    def fit(self, train, val=None, epochs=10, *, batch_size=None, shuffle=True):
        """Train.

        Parameters
        ----------
        train : (x, y), Dataset or DataLoader
            Arrays with one row per sample, or something that gives ``(input, target)``; more inputs
            come before the target. Floating point inputs are converted to the model's dtype.
        val : the same, optional
            Rows on which loss and metrics are computed after every epoch.
        epochs : int
            Passes over the training rows. Default 10.
        batch_size : int, optional
            Rows of a step. Default: 32, or all where there are fewer. Loaders have their own.
        shuffle : bool
            Whether every epoch has a new order. Default True. Loaders have their own.

        Returns
        -------
        History
            Also after Ctrl-C, which ends training after the current batch.

        Raises
        ------
        ValueError, TypeError
            Data, model, loss and optimizer that do not fit each other, before the first step.
        NonFiniteError
            A loss that is NaN or infinite; names epoch, batch and the first layer concerned. The
            step is not taken.
        """
        if not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f"fit: epochs must be an integer from 1, got {epochs!r}")
        check_setup(self.model, self.optimizer)
        options = {"dtype": self._dtype(), "batch_size": batch_size}
        train = as_loader(train, "train", shuffle=shuffle, seed=self.seed, **options)
        check_data(self.model, self.loss, train, "train", self._dtype())
        if val is not None:
            val = as_loader(val, "val", **options)
            check_data(self.model, self.loss, val, "val", self._dtype())
        if self.seed is not None:
            fastnn.manual_seed(self.seed)
        self.history, self.epoch, self.epochs = History(), 0, epochs
        self.num_batches, self.has_val = len(train), val is not None
        self._stop = None
        mode = self.model.training
        with Interruption() as interrupt:
            try:
                self._call("on_fit_start")
                while self._stop is None and self.epoch < epochs:
                    self.epoch += 1
                    self._call("on_epoch_start")
                    record = self._run_epoch(train, val, interrupt)
                    if interrupt.requested:
                        self.stop(f"interrupted by Ctrl-C in epoch {self.epoch}")
                    if record is not None:
                        self.history.append(record)
                        self._call("on_epoch_end", record)
                self.history.stopped = self._stop or f"all {epochs} epochs done"
            except BaseException as error:
                self.history.stopped = f"{type(error).__name__} in epoch {self.epoch}: {error}"
                raise
            finally:
                self._call("on_fit_end")
                self.model.train(mode)
        return self.history

    def stop(self, reason):
        """End the fit after the current epoch; `reason` goes to ``history.stopped``."""
        self._stop = str(reason)

    def validate(self, data, batch_size=None):
        """Loss and metrics on rows that are not trained on: a dict with ``val_loss`` and so on."""
        return self._measure(data, "val_", batch_size)

    def test(self, data, batch_size=None):
        """Loss and metrics on the test rows: a dict with ``test_loss`` and so on."""
        return self._measure(data, "test_", batch_size)

    def predict(self, data, batch_size=1024):
        """The model's outputs, in evaluation mode and without gradients.

        Parameters
        ----------
        data : array_like, tuple of array_like, Dataset or DataLoader
            Inputs: an array, or a tuple for models with several. Of a dataset's or loader's
            ``(input, target)`` the target is left out.
        batch_size : int
            Rows at a time. Default 1024.

        Returns
        -------
        Tensor, shape (N, ...)
        """
        dtype = self._dtype()
        loader, has_target = inputs_loader(data, "predict", dtype=dtype, batch_size=batch_size)
        outputs = []
        with _Evaluation(self.model):
            for batch in loader:
                if has_target is False:
                    inputs = batch
                elif isinstance(batch, (tuple, list)):
                    inputs = batch[:-1] if len(batch) > 1 else batch
                else:
                    inputs = (batch,)
                outputs.append(self.model(*(cast(x, dtype) for x in inputs)))
        return fastnn.cat(outputs)

    def _run_epoch(self, train, val, interrupt):
        """Train and validate once; the epoch's record, or None where Ctrl-C cut it short."""
        start = time.perf_counter()
        lr = self.optimizer.param_groups[0]["lr"]
        numbers = self._train_epoch(train, interrupt)
        if val is not None and not interrupt.requested:
            numbers |= self._evaluate(val, "val_", interrupt)
        if interrupt.requested:
            return None
        if self.scheduler is not None:
            if hasattr(self.scheduler, "patience"):
                self.scheduler.step(numbers.get("val_loss", numbers["loss"]))
            else:
                self.scheduler.step()
        seconds = time.perf_counter() - start
        return {"epoch": self.epoch, **numbers, "lr": lr, "seconds": seconds}

    def _train_epoch(self, loader, interrupt):
        """One pass of steps over the training rows: mean loss and metrics."""
        self.model.train()
        dtype, measures = self._dtype(), self._measures()
        hooks = self._overriding("on_batch_end")
        if hasattr(loader, "set_epoch"):
            loader.set_epoch(self.epoch)
        total = rows = first = 0
        for batch, fields in enumerate(loader, 1):
            inputs, target = split_batch(fields, dtype)
            output, loss = self._step(inputs, target, batch)
            total += loss * len(target)
            rows += len(target)
            first = first if batch > 1 else loss
            measures.update(output, target)
            for hook in hooks:
                hook(self, batch, loss)
            if interrupt.requested:
                break
        if rows == 0:
            raise ValueError("fit: the training loader gave no batch")
        if self.epoch == 1:
            check_progress(self, first, loss)
        return {"loss": total / rows, **({} if interrupt.requested else measures.compute())}

    def _step(self, inputs, target, batch):
        """Forward, loss, backward, update: one step of gradient descent."""
        output = self.model(*inputs)
        loss = self.loss(output, target)
        value = self._value(loss, inputs, target, f"batch {batch}")
        self.optimizer.zero_grad()
        loss.backward()
        if self.clip_grad_norm is not None:
            fastnn.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_grad_norm)
        self.optimizer.step()
        return output, value

    def _evaluate(self, loader, prefix, interrupt=None):
        """One pass without steps: mean loss and metrics, their names with a prefix."""
        dtype, measures = self._dtype(), self._measures()
        total = rows = 0
        with _Evaluation(self.model):
            for batch, fields in enumerate(loader, 1):
                inputs, target = split_batch(fields, dtype)
                output = self.model(*inputs)
                loss = self.loss(output, target)
                where = f"batch {batch} of the {prefix.rstrip('_')} rows"
                total += self._value(loss, inputs, target, where) * len(target)
                rows += len(target)
                measures.update(output, target)
                if interrupt is not None and interrupt.requested:
                    return {}
        if rows == 0:
            raise ValueError(f"{prefix.rstrip('_')}: the loader gave no batch")
        numbers = {"loss": total / rows, **measures.compute()}
        return {prefix + name: number for name, number in numbers.items()}

    def _measure(self, data, prefix, batch_size):
        what, dtype = prefix.rstrip("_"), self._dtype()
        loader = as_loader(data, what, dtype=dtype, batch_size=batch_size or 1024)
        check_data(self.model, self.loss, loader, what, dtype)
        return self._evaluate(loader, prefix)

    def _value(self, loss, inputs, target, where):
        """The loss as a float, if it is a finite one."""
        if loss.numel() != 1:
            raise ValueError(
                f"Trainer: the loss has shape {tuple(loss.shape)}, expected one number; "
                "use reduction='mean'"
            )
        value = loss.item()
        if not math.isfinite(value):
            raise nonfinite_error(self, inputs, target, value, where)
        return value

    def _measures(self):
        return Measures(self.metrics, 0.5 if type(self.loss).__name__ == "BCELoss" else 0.0)

    def _dtype(self):
        for parameter in self.model.parameters():
            return parameter.dtype
        return fastnn.float32

    def _overriding(self, name):
        """The callbacks' own methods of that name: an empty one costs nothing per batch."""
        empty = getattr(Callback, name)
        return [getattr(c, name) for c in self.callbacks if getattr(type(c), name) is not empty]

    def _call(self, name, *args):
        for method in self._overriding(name):
            method(self, *args)


class _Evaluation:
    """Context: evaluation mode and no graph; afterwards every module's mode is as before."""

    def __init__(self, model):
        self._model = model
        self._no_grad = fastnn.no_grad()

    def __enter__(self):
        self._modes = [(module, module.training) for module in self._model.modules()]
        self._model.eval()
        self._no_grad.__enter__()

    def __exit__(self, *exc):
        self._no_grad.__exit__(*exc)
        for module, training in self._modes:
            module.training = training
