"""NaN and infinity, planted in every place: training ends within one step, and the place is named."""

import numpy as np
import pytest
from trainers import Batches, blobs, classifier, weights_of

import fastnn
from fastnn import data, nn, optim
from fastnn.training import Callback, EarlyStopping, NonFiniteError, Trainer

BAD_EPOCH, BAD_BATCH = 3, 2


def rows(n=48):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, 4)).astype(np.float32)
    return x, np.tanh(x[:, :2])


class Rows(data.Dataset):
    """Rows of the user's own, which nobody can look at beforehand; bad ones from some epoch on."""

    def __init__(self):
        self.x, self.y = (a.copy() for a in rows())

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Layer(nn.Linear):
    bad = 0.0

    def forward(self, x):
        return super().forward(x) + self.bad


class Loss(nn.Module):
    """A squared error with a constant that somebody may spoil."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scale", fastnn.ones(2))

    def forward(self, output, target):
        return ((output - target) ** 2 * self.scale).mean()


class Root(fastnn.autograd.Function):
    """A gradient that is NaN where everything else is in order."""

    factor = fastnn.ones(1)

    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, dy):
        return dy * Root.factor


class Rooted(nn.Module):
    def forward(self, x):
        return Root.apply(x)


def make(plant, **options):
    class Plant(Callback):
        def on_batch_end(self, trainer, batch, loss):
            if (trainer.epoch, batch) == (BAD_EPOCH, BAD_BATCH - 1):
                plant(trainer)

    fastnn.manual_seed(0)
    Root.factor.fill_(1.0)
    model = nn.Sequential(Layer(4, 8), nn.BatchNorm1d(8), nn.Tanh(), Rooted(), Layer(8, 2))
    adam = optim.Adam(model.parameters(), lr=0.01)
    options = {"scheduler_interval": "step", **options}
    if "scheduler" in options:
        options["scheduler"] = options["scheduler"](adam)
    return Trainer(model, Loss(), adam, callbacks=[Plant()], progress=False, **options)


def put(tensor, value=np.nan):
    tensor.detach().numpy()[(0,) * tensor.ndim] = value


def spoil(array, value=np.nan):
    array[:] = value


def state_of(trainer, name):
    return trainer.optimizer.state[trainer.model[4].weight][name]


def rate_of_nan(adam):
    return optim.lr_scheduler.LambdaLR(adam, lambda n: np.nan if n == 8 else 1.0)


def rate_of_infinity(adam):
    return optim.lr_scheduler.LambdaLR(adam, lambda n: np.inf if n == 8 else 1.0)


# what is planted during epoch 3, batch 1 (or by the schedule there), and how it is named
PLACES = {
    "data": (lambda t: spoil(t.loader.dataset.x), "the input holds nan at row 0"),
    "data, infinity": (lambda t: spoil(t.loader.dataset.x, np.inf), "the input holds inf"),
    "target": (lambda t: spoil(t.loader.dataset.y), "the target holds nan at row 0"),
    "weight": (lambda t: put(t.model[0].weight), "weight 0.weight holds nan"),
    "bias": (lambda t: put(t.model[4].bias, np.inf), "weight 4.bias holds inf"),
    "scale of batch norm": (lambda t: put(t.model[1].weight), "weight 1.weight holds nan"),
    "running mean": (lambda t: put(t.model[1].running_mean), "buffer 1.running_mean holds nan"),
    "running variance": (
        lambda t: put(t.model[1].running_var, np.inf),
        "buffer 1.running_var holds (inf|nan)",
    ),
    "layer": (lambda t: setattr(t.model[4], "bad", np.nan), r"layer 4 \(Layer\) gives nan"),
    "loss": (lambda t: put(t.loss.scale), "the loss's buffer scale holds nan"),
    "gradient": (lambda t: Root.factor.fill_(np.nan), r"the gradient of 1\.bias holds nan"),
    "optimizer, first moment": (
        lambda t: put(state_of(t, "exp_avg")),
        "the optimizer's exp_avg of 4.weight holds nan",
    ),
    "optimizer, second moment": (
        lambda t: put(state_of(t, "exp_avg_sq")),
        "the optimizer's exp_avg_sq of 4.weight holds nan",
    ),
    "schedule": (rate_of_nan, "schedule LambdaLR.*epoch 3.*nan"),
    "schedule, infinity": (rate_of_infinity, "schedule LambdaLR.*epoch 3.*inf"),
}


@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize("where", PLACES)
def test_nan_stops_training_within_one_step_and_its_place_is_named(where, compile):
    plant, words = PLACES[where]
    options = {"compile": compile}
    if where.startswith("schedule"):
        options["scheduler"], plant = plant, lambda trainer: None
    trainer = make(plant, **options)
    loader = data.DataLoader(Rows(), batch_size=16)
    with pytest.raises(NonFiniteError, match=f"(?s){words}") as caught:
        trainer.fit(loader, epochs=9)
    # a poisoned state of the optimizer shows in the weights of the step after
    last = BAD_BATCH + where.startswith("optimizer")
    assert trainer.epoch == BAD_EPOCH
    assert any(f"epoch 3, batch {n}" in str(caught.value) for n in range(BAD_BATCH, last + 1))
    assert trainer.history.num_epochs == 2
    assert trainer.history.stopped.startswith("NonFiniteError in epoch 3")
    for name, tensor in trainer.model.state_dict().items():
        assert np.isfinite(tensor.numpy()).all(), name  # the last good ones


def test_with_clipping_a_gradient_of_nan_never_reaches_the_weights():
    trainer = make(lambda t: Root.factor.fill_(np.nan), clip_grad_norm=1.0)
    with pytest.raises(NonFiniteError, match=r"batch 2: the gradient of 1.bias.*was not taken"):
        trainer.fit(data.DataLoader(Rows(), batch_size=16), epochs=9)


def test_averaged_weights_are_looked_at_where_they_are_used():
    trainer = make(lambda t: put(t.ema.module[0].weight), ema=0.5)
    with pytest.raises(NonFiniteError, match="averaged weight 0.weight holds nan"):
        trainer.fit(data.DataLoader(Rows(), batch_size=16), rows(), epochs=9)


def test_data_in_memory_is_looked_at_before_the_first_step():
    x, y = rows()
    x[17, 2] = np.nan
    with pytest.raises(ValueError, match="train: x holds nan in row 17, column 2"):
        make(lambda t: None).fit((x, y))


def test_validation_without_a_fit_names_the_place_too():
    trainer = make(lambda t: None)
    put(trainer.model[4].weight)
    with pytest.raises(NonFiniteError, match="batch 1 of the val rows: weight 4.weight holds nan"):
        trainer.validate(rows())


def test_an_optimizer_that_met_nan_before_can_be_used_again():
    trainer = make(lambda t: None)
    p = trainer.model[0].bias
    p.grad = fastnn.full((8,), float("nan"))
    kept = p.detach().clone()
    trainer.optimizer.step()
    with fastnn.no_grad():
        p.copy_(kept)
    trainer.optimizer.load_state_dict(optim.Adam(trainer.model.parameters()).state_dict())
    assert trainer.fit(rows(), epochs=2).num_epochs == 2


def test_a_loss_of_infinity_has_its_value_in_the_message():
    trainer = make(lambda t: put(t.loss.scale, np.inf))
    with pytest.raises(NonFiniteError, match=r"loss is inf in epoch 3, batch 2.*try 0.001"):
        trainer.fit(data.DataLoader(Rows(), batch_size=16), epochs=9)


def poisoned(trainer, name):
    with fastnn.no_grad():
        trainer.model.state_dict()[name].numpy()[0] = np.nan


@pytest.mark.parametrize(
    ("plant", "place"),
    [
        (lambda t: poisoned(t, "0.weight"), "weight 0.weight holds nan"),
        (lambda t: poisoned(t, "3.bias"), "weight 3.bias holds nan"),
        (lambda t: setattr(t.model[1], "forward", lambda x: x / 0), r"layer 1 \(ReLU\) gives"),
        (
            lambda t: setattr(t, "loss", lambda y, target: y.sum() * float("nan")),
            "every layer's output is finite",
        ),
    ],
)
def test_a_loss_that_is_not_finite_stops_with_the_place(plant, place):
    class Plant(Callback):
        def on_batch_end(self, trainer, batch, loss):
            if trainer.epoch == 2 and batch == 1:
                plant(trainer)

    stopping = EarlyStopping("loss")
    trainer = classifier(callbacks=[stopping, Plant()])
    with pytest.raises(NonFiniteError, match=place) as caught:
        trainer.fit(blobs(), epochs=5)
    assert "epoch 2, batch 2" in str(caught.value)
    assert "learning rate (0.02)" in str(caught.value)
    assert trainer.history.num_epochs == 1
    assert trainer.history.stopped.startswith("NonFiniteError in epoch 2")
    for name, value in weights_of(trainer.model).items():
        assert np.isfinite(value).all(), name  # the best weights are back


def test_nan_in_a_loader_of_the_users_own_is_named():
    x, y = blobs(40)
    x[35, 1] = np.inf
    trainer = classifier()
    with pytest.raises(NonFiniteError, match=r"batch 2: the input holds inf at row 3 .* \(1,\)"):
        trainer.fit(Batches(x, y), epochs=1)
