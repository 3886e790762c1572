"""What the Trainer's options do: windows of batches, class weights, schedules, averages."""

import numpy as np
import pytest
from trainers import blobs, weights_of

import fastnn
from fastnn import nn, optim
from fastnn.training import (
    EarlyStopping,
    Trainer,
)


def by_hand(trainer, x, y, windows, weights=None):
    """Steps with the gradient of the mean over all rows of a window of batches."""
    loss_of = nn.CrossEntropyLoss(weight=weights)
    for window in windows:
        trainer.optimizer.zero_grad()
        loss_of(trainer.model(fastnn.tensor(x[window])), fastnn.tensor(y[window])).backward()
        trainer.optimizer.step()


def plain(**options):
    """A classifier without dropout, so that windows may be cut in any way."""
    fastnn.manual_seed(2)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    sgd = optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    return Trainer(model, nn.CrossEntropyLoss(), sgd, progress=False, **options)


def test_accumulated_gradients_are_those_of_all_rows_of_the_window():
    x, y = blobs(50)
    trainer = plain(accumulate_grad_batches=3)
    trainer.fit((x, y), epochs=2, batch_size=8, shuffle=False)
    # 7 batches, the last of 2 rows: windows of 24, 24 and 2 rows
    assert trainer.global_step == 6
    other = plain()
    x = x.astype(np.float64)
    by_hand(other, x, y, [slice(0, 24), slice(24, 48), slice(48, 50)] * 2)
    for name, value in weights_of(other.model).items():
        np.testing.assert_allclose(weights_of(trainer.model)[name], value, rtol=1e-6)


def test_class_weights_act_on_training_alone():
    x, y = blobs(60)
    keep = (y != 2) | (np.arange(60) % 3 == 0)
    x, y = x[keep], y[keep]
    counts = np.bincount(y)
    balanced = len(y) / (3 * counts)
    trainers = [plain(class_weight=w) for w in ("balanced", balanced, dict(enumerate(balanced)))]
    for trainer in trainers:
        history = trainer.fit((x, y), (x, y), epochs=2, batch_size=len(y), shuffle=False)
    other = plain()
    by_hand(other, x.astype(np.float64), y, [slice(None)] * 2, fastnn.tensor(balanced))
    for trainer in trainers:
        for name, value in weights_of(other.model).items():
            np.testing.assert_allclose(weights_of(trainer.model)[name], value, rtol=1e-9)
    plain_loss = nn.CrossEntropyLoss()(
        other.model(fastnn.tensor(x.astype(np.float64))), fastnn.tensor(y)
    )
    np.testing.assert_allclose(history["val_loss"][-1], plain_loss.item(), rtol=1e-6)
    assert trainer.loss.weight is None  # the given loss is as it was


def test_class_weight_of_a_binary_loss():
    x, y = blobs(60)
    y = (y == 0).astype(np.float32)[:, None]
    model = nn.Linear(2, 1)
    trainer = Trainer(model, nn.BCEWithLogitsLoss(), class_weight=[1.0, 4.0], progress=False)
    trainer.fit((x, y), epochs=1)
    assert trainer.update.loss.pos_weight.item() == 4.0


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"class_weight": "even"}, ValueError, "'balanced'"),
        ({"class_weight": {0: 1.0, 2: 1.0}}, ValueError, r"labels \[0, 2\]"),
        ({"class_weight": [1.0, -1.0, 1.0]}, ValueError, "positive numbers"),
        ({"accumulate_grad_batches": 0}, ValueError, "integer from 1, got 0"),
        ({"clip_grad_norm": -1}, ValueError, "clip_grad_norm must be positive"),
        ({"clip_grad_value": 0}, ValueError, "clip_grad_value must be positive"),
        ({"ema": 1.5}, ValueError, "decay from 0 to below 1"),
        ({"scheduler_interval": "batch"}, ValueError, "'epoch' or 'step'"),
        ({"callbacks": [EarlyStopping]}, TypeError, "an object, not a class"),
    ],
)
def test_options_that_cannot_be_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        plain(**options).fit(blobs(), epochs=1)


def test_a_class_in_place_of_a_loss_and_a_schedule_of_another_optimizer():
    with pytest.raises(TypeError, match=r"the class CrossEntropyLoss; pass an object"):
        Trainer(nn.Linear(2, 3), nn.CrossEntropyLoss)
    other = plain()
    with pytest.raises(ValueError, match="another optimizer"):
        plain(scheduler=optim.lr_scheduler.StepLR(other.optimizer, 1))


def test_schedule_by_step():
    trainer = plain(scheduler_interval="step")
    trainer.scheduler = optim.lr_scheduler.ExponentialLR(trainer.optimizer, 0.9)
    history = trainer.fit(blobs(64), epochs=3, batch_size=16)
    np.testing.assert_allclose(history["lr"], [0.5, 0.5 * 0.9**4, 0.5 * 0.9**8])


def test_averaged_weights_are_those_that_predict():
    x, y = blobs()
    trainer = plain(ema=0.5, callbacks=[EarlyStopping("loss", patience=9)])
    other = plain()
    history = trainer.fit((x, y), (x, y), epochs=2, batch_size=90)
    average = None
    for _ in range(2):
        by_hand(other, x.astype(np.float64), y, [slice(None)])
        new = weights_of(other.model)
        average = new if average is None else {n: 0.5 * average[n] + 0.5 * new[n] for n in new}
    for name, value in average.items():
        np.testing.assert_allclose(weights_of(trainer.ema.module)[name], value, rtol=1e-5)
    averaged = trainer.ema.module.eval()(fastnn.tensor(x.astype(np.float64)))
    np.testing.assert_allclose(trainer.predict(x).numpy(), averaged.detach().numpy(), rtol=1e-9)
    loss = nn.CrossEntropyLoss()(averaged, fastnn.tensor(y)).item()
    np.testing.assert_allclose(history["val_loss"][-1], loss, rtol=1e-6)


def test_an_optimizer_that_asks_for_the_loss_again():
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.LBFGS(model.parameters()), progress=False)
    assert trainer.fit(blobs(), epochs=3, batch_size=90)["loss"][-1] < 0.1
