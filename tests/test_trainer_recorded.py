"""Steps that the Trainer records by itself, and when it does not."""

import numpy as np
import pytest
from trainers import assert_same_weights, blobs, classifier, weights_of

import fastnn
from fastnn import nn
from fastnn.training import (
    Callback,
    Trainer,
)


def test_steps_are_recorded_by_themselves_and_not_where_told():
    trainer, eager = classifier(), classifier(compile=False)
    trainer.fit(blobs(96), epochs=4)
    assert trainer.update.replays
    eager.fit(blobs(96), epochs=4)
    assert not eager.update.replays
    assert_same_weights(weights_of(trainer.model), weights_of(eager.model))


def test_hooks_of_modules_are_called_at_every_step():
    trainer, calls = classifier(), []
    trainer.model[0].register_forward_hook(lambda *args: calls.append(1))
    trainer.fit(blobs(96), epochs=4)
    assert len(calls) >= 12


def test_steps_are_recorded_again_after_hooks_were_removed():
    trainer = classifier()
    handles = [trainer.model[i].register_forward_hook(lambda *args: None) for i in (0, 2)]
    trainer.fit(blobs(96), epochs=2)
    assert not trainer.update.replays
    for handle in handles:
        handle.remove()
    trainer.fit(blobs(96), epochs=2)
    assert trainer.update.replays


def test_what_a_callback_changes_acts_on_the_next_step():
    class Change(Callback):
        def on_batch_end(self, trainer, batch, loss):
            if trainer.epoch == 3 and batch == 1:
                trainer.model[2].p = 0.9
                trainer.loss.label_smoothing = 0.3
            if trainer.epoch == 4 and batch == 1:
                trainer.clip_grad_norm = 1e-3
                trainer.loss = nn.CrossEntropyLoss(label_smoothing=0.1)

    one, other = classifier(callbacks=[Change()]), classifier(callbacks=[Change()], compile=False)
    history = one.fit(blobs(96), blobs(20, 1), epochs=5)
    assert other.fit(blobs(96), blobs(20, 1), epochs=5)["loss"] == history["loss"]
    assert other.history["val_loss"] == history["val_loss"]
    assert_same_weights(weights_of(one.model), weights_of(other.model))


def test_predictions_see_what_has_changed_in_the_model():
    class Scaled(nn.Module):
        factor = 1.0

        def __init__(self):
            super().__init__()
            self.line = nn.Linear(2, 1)

        def forward(self, x):
            return self.line(x) * self.factor

    trainer = Trainer(Scaled(), nn.MSELoss(), progress=False)
    x = np.ones((8, 2), np.float32)
    before = [trainer.predict(x).numpy() for _ in range(4)][-1]
    trainer.model.factor = 2.0
    np.testing.assert_allclose(trainer.predict(x).numpy(), 2 * before)


def test_code_that_cannot_be_recorded_runs_eagerly_with_a_warning():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(2, 3)

        def forward(self, x):
            return self.line(x) * (2.0 if x.sum().item() > 0 else 1.0)

    def run(**options):
        fastnn.manual_seed(0)
        model = Odd()
        trainer = Trainer(model, nn.CrossEntropyLoss(), seed=0, progress=False, **options)
        trainer.fit(blobs(), blobs(20, 1), epochs=3)
        return weights_of(model)

    with pytest.warns(UserWarning, match=r"Trainer step of Odd.*item\(\).*test_trainer"):
        recorded = run()
    assert_same_weights(recorded, run(compile=False))
