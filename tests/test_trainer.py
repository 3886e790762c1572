"""The Trainer's loop: what it takes, what it records, what it leaves."""

import numpy as np
import pytest
from trainers import Batches, assert_same_weights, blobs, classifier, weights_of

import fastnn
from fastnn import data, nn, optim
from fastnn.training import (
    Trainer,
)


def test_fit_learns_and_records_every_epoch():
    trainer = classifier()
    history = trainer.fit(blobs(), blobs(30, 1), epochs=15)
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    assert list(history) == columns
    assert history["epoch"] == list(range(1, 16))
    assert history["loss"][-1] < history["loss"][0] / 3
    assert history["val_accuracy"][-1] > 0.95
    assert history.stopped == "all 15 epochs done"
    assert history is trainer.history
    result = trainer.test(blobs(30, 2))
    assert result.keys() == {"test_loss", "test_accuracy"}
    assert result["test_accuracy"] > 0.95


def test_metrics_and_losses_are_those_of_all_rows_at_once():
    trainer = classifier(metrics=["accuracy", "f1", "roc_auc"])
    x, y = blobs(50)
    trainer.fit((x, y), epochs=2)
    result = trainer.validate((x, y), batch_size=7)  # batches of 7 and a last one of 1
    output = trainer.predict(x)
    np.testing.assert_allclose(
        result["val_loss"], nn.CrossEntropyLoss()(output, fastnn.tensor(y)).item(), rtol=1e-5
    )
    assert result["val_accuracy"] == np.mean(output.numpy().argmax(1) == y)
    assert result["val_f1"] == fastnn.metrics.f1(y, output.numpy())
    probabilities = np.exp(output.numpy().astype(float))
    probabilities /= probabilities.sum(1, keepdims=True)
    np.testing.assert_allclose(
        result["val_roc_auc"], fastnn.metrics.roc_auc(y, probabilities), rtol=1e-6
    )


@pytest.mark.parametrize("classes_last", [True, False])
def test_metrics_of_a_class_at_every_place(classes_last):
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 9, (30, 7)), generator.integers(0, 9, (30, 7))
    y[3, 2] = y[28, 0] = -100  # a place that does not count

    class Text(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(9, 9)

        def forward(self, x):
            z = self.embedding(x)
            return z if classes_last else z.transpose(1, 2)

    def loss(output, target):
        if classes_last:
            output, target = output.reshape(-1, 9), target.reshape(-1)
        return nn.functional.cross_entropy(output, target)

    names = ["perplexity", "accuracy"]
    trainer = Trainer(Text(), loss, metrics=names, progress=False, seed=0)
    result = trainer.validate((x, y), batch_size=7)
    logits = trainer.model.embedding(fastnn.tensor(x)).detach().numpy()
    expected = fastnn.metrics.perplexity(y, logits, ignore_index=-100)
    np.testing.assert_allclose(result["val_perplexity"], expected, rtol=1e-12)
    assert result["val_accuracy"] == np.mean((logits.argmax(2) == y)[y != -100])
    assert trainer.fit((x, y), epochs=2)["perplexity"][1] > 1


def test_training_equals_the_loop_by_hand():
    x, y = blobs(64)
    trainer = classifier(seed=4)
    history = trainer.fit((x, y), epochs=2, batch_size=16)

    other = classifier(seed=4)
    model, optimizer, loss_of = other.model, other.optimizer, nn.CrossEntropyLoss()
    loader = data.DataLoader(data.TensorDataset(x, y), 16, shuffle=True, seed=4)
    fastnn.manual_seed(4)
    losses = []
    for epoch in (1, 2):
        loader.set_epoch(epoch)
        for inputs, target in loader:
            loss = loss_of(model(inputs), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert_same_weights(weights_of(trainer.model), weights_of(model))
    np.testing.assert_allclose(history["loss"], np.reshape(losses, (2, 4)).mean(1), rtol=1e-6)


def test_same_seed_same_bits_for_any_number_of_threads():
    def run(threads):
        fastnn.set_num_threads(threads)
        trainer = classifier(seed=1)
        trainer.fit(blobs(), epochs=3)
        return weights_of(trainer.model)

    assert_same_weights(run(1), run(2))


def test_takes_arrays_datasets_and_loaders_alike():
    x, y = blobs(40)

    def loss(train):
        return classifier().fit(train, epochs=1, shuffle=False)["loss"]

    expected = loss((x, y))
    assert loss((x.tolist(), y.tolist())) == expected
    assert loss((x.astype(np.float64), y.astype(np.int32))) == expected
    assert loss(data.TensorDataset(x, y)) == expected
    assert loss(data.DataLoader(data.TensorDataset(x, y), batch_size=32)) == expected
    assert loss(Batches(x, y)) == expected


def test_models_with_several_inputs():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 1), nn.Linear(3, 1)

        def forward(self, a, b):
            return self.a(a) + self.b(b)

    a, b = np.ones((20, 2), np.float32), np.ones((20, 3), np.float32)
    a[:10] = b[5:15] = -1
    y = a.sum(1, keepdims=True) + b.sum(1, keepdims=True)
    model = Sum()
    trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), progress=False)
    assert trainer.fit((a, b, y), epochs=60, batch_size=20)["loss"][-1] < 1e-3
    assert trainer.predict((a, b)).shape == (20, 1)


def test_regression_with_its_metrics():
    x = np.linspace(-1, 1, 50)[:, None]
    model = nn.Linear(1, 1)
    trainer = Trainer(
        model,
        nn.MSELoss(),
        optim.SGD(model.parameters(), lr=0.3),
        metrics={"error": "mae", "explained": "r2", "worst": lambda t, p: np.abs(t - p).max()},
        progress=False,
    )
    history = trainer.fit((x, 2 * x + 1), epochs=40)
    assert history["error"][-1] < 1e-3
    assert history["explained"][-1] > 0.999
    assert history["worst"][-1] >= history["error"][-1]


def test_binary_classification_by_one_logit():
    x, y = blobs()
    y = (y == 0).astype(np.float32)[:, None]
    fastnn.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    metrics = ["accuracy", "roc_auc"]
    trainer = Trainer(model, nn.BCEWithLogitsLoss(), optimizer, metrics=metrics, progress=False)
    history = trainer.fit((x, y), epochs=20)
    assert history["accuracy"][-1] > 0.95
    assert history["roc_auc"][-1] > 0.99


def test_schedule_and_clipping():
    trainer = classifier(clip_grad_norm=1e-3)
    trainer.scheduler = optim.lr_scheduler.StepLR(trainer.optimizer, step_size=1, gamma=0.5)
    history = trainer.fit(blobs(), epochs=3)
    np.testing.assert_allclose(history["lr"], [0.02, 0.01, 0.005])
    norm = sum((p.grad.numpy() ** 2).sum() for p in trainer.model.parameters()) ** 0.5
    assert norm <= 1.001e-3

    trainer = classifier()
    trainer.scheduler = optim.lr_scheduler.ReduceLROnPlateau(
        trainer.optimizer, patience=0, threshold=100.0, threshold_mode="abs"
    )
    assert trainer.fit(blobs(), blobs(20, 1), epochs=3)["lr"][-1] < 0.02


def test_modes_and_gradients_are_left_as_they_were():
    trainer = classifier()
    trainer.model.eval()
    trainer.fit(blobs(), blobs(20, 1), epochs=1)
    assert not trainer.model.training
    trainer.model.train()
    trainer.model[0].eval()  # frozen on purpose
    trainer.validate(blobs())
    assert trainer.model.training
    assert not trainer.model[0].training
    assert not trainer.predict(blobs()[0]).requires_grad


def test_predict_leaves_targets_out_and_keeps_order():
    trainer = classifier()
    x, y = blobs(50)
    expected = trainer.predict(x).numpy()
    for given in ((x,), data.TensorDataset(x, y), data.DataLoader(data.TensorDataset(x, y), 9)):
        np.testing.assert_allclose(trainer.predict(given).numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(trainer.predict(x, batch_size=1).numpy(), expected, atol=1e-5)
