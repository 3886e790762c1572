"""The data, models and trainers that tests of training share."""

import numpy as np

import fastnn
from fastnn import nn, optim
from fastnn.training import Callback, EarlyStopping, Trainer
from fastnn.training.pack import pack
from fastnn.training.state import capture


def blobs(rows=90, seed=0):
    """Three classes of points in the plane that a small net tells apart."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 3, rows)
    centres = np.array([[0, 2], [2, -1], [-2, -1]])
    x = (centres[y] + 0.4 * generator.normal(size=(rows, 2))).astype(np.float32)
    return x, y


def classifier(seed=0, **options):
    fastnn.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
    optimizer = optim.Adam(model.parameters(), lr=options.pop("lr", 0.02))
    options = {"metrics": ["accuracy"], "seed": seed, "progress": False} | options
    return Trainer(model, nn.CrossEntropyLoss(), optimizer, **options)


def weights_of(model):
    return {name: t.numpy().copy() for name, t in model.state_dict().items()}


class Batches:
    """A loader of the user's own: iterable, with a length."""

    def __init__(self, x, y):
        self.pieces = [(x[:32], y[:32]), (x[32:], y[32:])]

    def __len__(self):
        return 2

    def __iter__(self):
        return iter(self.pieces)


def assert_same_weights(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def rows(n=50, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 1, 6, 6)).astype(np.float32)
    return x, (x.sum((1, 2, 3)) > 0).astype(np.int64) + (x[:, 0, 0, 0] > 1)


def perceptron(callbacks=(), **options):
    """Dropout, Adam, a schedule by epoch, early stopping's counters, metrics of all rows."""
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(36, 12), nn.ReLU(), nn.Dropout(0.3), nn.Linear(12, 3)
    )
    adam = optim.Adam(model.parameters(), lr=0.01)
    return Trainer(
        model,
        nn.CrossEntropyLoss(),
        adam,
        metrics={"accuracy": "accuracy", "spread": lambda target, output: output.std()},
        scheduler=optim.lr_scheduler.StepLR(adam, 2, 0.5),
        callbacks=[*callbacks, EarlyStopping("val_loss", patience=3)],
        **{"seed": 3, "progress": False, **options},
    )


def convolutional(callbacks=(), **options):
    """Running statistics, averaged weights, momentum, a rate that changes with every step."""
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 3)
    )
    sgd = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    return Trainer(
        model,
        nn.CrossEntropyLoss(),
        sgd,
        metrics=["accuracy"],
        scheduler=optim.lr_scheduler.CosineAnnealingLR(sgd, 60),
        scheduler_interval="step",
        clip_grad_norm=1.0,
        ema=0.9,
        callbacks=callbacks,
        **{"progress": False, **options},  # no seed: the order's key is in the checkpoint alone
    )


def accumulating(callbacks=(), **options):
    """Float64, gradients over windows of batches, two groups, a schedule that looks at the loss."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    groups = [
        {"params": model[1].parameters(), "lr": 0.002},
        {"params": model[3].parameters(), "weight_decay": 0.01},
    ]
    rms = optim.RMSprop(groups, lr=0.005, momentum=0.5, centered=True)
    return Trainer(
        model,
        nn.CrossEntropyLoss(),
        rms,
        scheduler=optim.lr_scheduler.ReduceLROnPlateau(rms, patience=0, factor=0.7),
        accumulate_grad_batches=3,
        clip_grad_value=0.5,
        class_weight="balanced",
        callbacks=callbacks,
        **{"seed": 1, "progress": False, **options},
    )


MAKERS = [perceptron, convolutional, accumulating]


def fit(trainer, epochs=5, **options):
    return trainer.fit(rows(), rows(20, 1), epochs, batch_size=8, **options)


def outcome(trainer):
    """All that a run's end consists of, as bytes by name; times and names of runs left out."""
    state = capture(trainer)
    del state["run"], state["sums"]["seconds"], state["callbacks"], state["random"]["python"]
    state["history"].pop("seconds", None)
    arrays = {}
    text = repr(pack(state, "", arrays))
    return {"text": text, **{name: a.tobytes() for name, a in arrays.items()}}


def assert_same(a, b):
    assert a.keys() == b.keys()
    different = [name for name in a if a[name] != b[name]]
    assert different == []


class StopAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_batch_end(self, trainer, batch, loss):
        if (trainer.epoch - 1) * trainer.num_batches + batch == self.step:
            trainer.stop("asked to", now=True)


def whole(maker, **options):
    fastnn.manual_seed(11)
    trainer = maker(**options)
    fit(trainer)
    return outcome(trainer)
