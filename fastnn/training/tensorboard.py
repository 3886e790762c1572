"""TensorBoard: the numbers of a fit as event files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn.ops.argument import _whole as whole
from fastnn.training.callback import Callback

if TYPE_CHECKING:
    from fastnn.training.trainer import Trainer


class TensorBoard(Callback):
    """Write loss, metrics and learning rate for TensorBoard (``tensorboard --logdir DIR``).

    Training and validation numbers of one kind share a chart: ``loss/train`` and ``loss/val``. The
    x-axis is epochs.

    Parameters
    ----------
    logdir : str or path
        Folder; every fit writes a file of its own in it.
    every_n_train_steps : int, optional
        Write the loss of every so many batches, too, as ``batch/loss`` over steps.

    Raises
    ------
    ImportError
        Without tensorboardX: ``pip install 'fastnn[tensorboard]'``.

    Notes
    -----
    Events are buffered and written once a second.

    Examples
    --------
    >>> from fastnn.training import TensorBoard, Trainer
    >>> trainer = Trainer(
    ...     fastnn.nn.Linear(1, 1), fastnn.nn.MSELoss(), callbacks=[TensorBoard("runs/a")]
    ... )
    """

    def __init__(self, logdir: Any, every_n_train_steps: int | None = None):
        if every_n_train_steps is not None:
            whole(every_n_train_steps, "TensorBoard: every_n_train_steps", 1)
        self.logdir, self.every_n_train_steps = logdir, every_n_train_steps
        self._writer = None

    def on_fit_start(self, trainer: Trainer) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise ImportError(
                "TensorBoard needs tensorboardX: pip install 'fastnn[tensorboard]'"
            ) from None
        done = trainer.history.num_epochs
        # what a killed run wrote after its checkpoint is hidden
        purge = {"purge_step": done + 1} if done else {}
        self._writer = SummaryWriter(str(self.logdir), flush_secs=1, **purge)

    def on_batch_end(self, trainer: Trainer, batch: int, loss: float) -> None:
        every = self.every_n_train_steps
        if every is not None and trainer.global_step % every == 0:
            self._writer.add_scalar("batch/loss", loss, trainer.global_step)

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        for name, value in record.items():
            if name == "epoch":
                continue
            tag = f"{name[4:]}/val" if name.startswith("val_") else f"{name}/train"
            self._writer.add_scalar(
                name if name in ("lr", "seconds") else tag, value, trainer.epoch
            )

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
