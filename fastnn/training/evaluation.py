"""The model applied without training it: evaluation mode, no graph, recorded where that is safe."""

import math

import fastnn
from fastnn._engine.engine import CompiledFunction, world_changed
from fastnn.training.nonfinite import NonFinite
from fastnn.training.recording import Watch
from fastnn.training.update import checked_loss


class Evaluator:
    """Context: evaluation mode and no graph; afterwards every module's mode is as before.

    Parameters
    ----------
    model : Module
    loss : callable
    record : bool
        Whether passes are recorded and replayed.
    """

    def __init__(self, model, loss, record):
        self.model, self._loss = model, loss
        self._record, self._watch, self._modes = record, Watch(model, loss), []
        self._recorded = [CompiledFunction(self._loss_and_output), CompiledFunction(self._output)]
        self._no_grad = fastnn.no_grad()
        self.quiet = False  # whether the steps around are replayed, so that no mode is looked at

    def __enter__(self):
        modules = list(self.model.modules())
        safe = self._watch.is_safe() and self._record
        eager = (self._loss_and_output, self._output)
        self._pass, self.output = self._recorded if safe else eager
        # where nothing runs eagerly, recordings of both modes stay good while modes go to and fro
        self._quiet = self.quiet and safe and not any(part.eager for part in self._recorded)
        self._modes.append([(module, module.training) for module in modules])
        self._switch((module, False) for module in modules)
        self._no_grad.__enter__()
        return self

    def __exit__(self, *exc):
        self._no_grad.__exit__(*exc)
        self._switch(self._modes.pop())

    def __call__(self, inputs, target):
        """Loss (a finite float) and output of a batch."""
        loss, output = self._pass(*inputs, target)
        value = loss.item()
        if self._quiet and self._recorded[0].eager:
            self._quiet = False
            world_changed()
        if not math.isfinite(value):
            raise NonFinite("loss", value)
        return value, output

    def _switch(self, modes):
        changed = False
        for module, training in modes:
            changed |= module.training != training
            module.__dict__["training"] = training
        if changed and not self._quiet:
            world_changed()

    def _loss_and_output(self, *fields):
        *inputs, target = fields
        output = self.model(*inputs)
        return checked_loss(self._loss(output, target)), output

    def _output(self, *inputs):
        return self.model(*inputs)
