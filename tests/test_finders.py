"""The learning-rate finder and the batch-size finder: what they find, and that they leave no trace."""

import os
import random

import numpy as np
import pytest

import fastnn
from fastnn import data, nn, optim
from fastnn.training import LRFind, Trainer


def rows(n=300):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, 8)).astype(np.float32)
    return x, (x.sum(1) > 0).astype(np.int64)


def make(**options):
    fastnn.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2)
    )
    adam = optim.Adam(
        [{"params": model[:1].parameters(), "lr": 0.02}, {"params": model[1:].parameters()}]
    )
    schedule = optim.lr_scheduler.StepLR(adam, 2, 0.5)
    options = {"scheduler": schedule, "ema": 0.9, "progress": False, **options}
    return Trainer(model, nn.CrossEntropyLoss(), adam, **options)


def everything(trainer):
    """All that a finder could change, as text."""
    optimizer, model = trainer.optimizer, trainer.model
    state = optimizer.state_dict()
    return repr(
        {
            "weights": {n: t.numpy().tobytes() for n, t in model.state_dict().items()},
            "averages": {n: t.numpy().tobytes() for n, t in trainer.ema.state_dict().items()},
            "gradients": [
                None if p.grad is None else p.grad.numpy().tobytes() for p in model.parameters()
            ],
            "optimizer": {
                n: {k: v.numpy().tobytes() for k, v in s.items()} for n, s in state["state"].items()
            },
            "groups": state["param_groups"],
            "schedule": trainer.scheduler.state_dict(),
            "modes": [module.training for module in model.modules()],
            "draws": fastnn.get_default_generator().get_state(),
            "numpy": np.random.get_state()[2:],
            "python": hash(random.getstate()),
            "trainer": (trainer.epoch, trainer.batch, trainer.run, dict(trainer.history)),
            "files": os.listdir("."),
        }
    )


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize(
    "find",
    [
        lambda t: t.lr_find(rows(), num_training=40),
        lambda t: t.lr_find(rows(), num_training=40, early_stop_threshold=None, max_lr=1e8),
        lambda t: t.scale_batch_size(rows(), memory=100_000),
    ],
)
def test_finders_leave_no_trace(find, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.random.random(3)
    trainer, other = make(), make()
    fastnn.manual_seed(1)
    if trained:
        trainer.fit(rows(), epochs=1)
        fastnn.manual_seed(1)
        other.fit(rows(), epochs=1)
        trainer.model[0].eval()
        other.model[0].eval()
        other.run = trainer.run
        for name in ("seconds",):
            other.history[name] = trainer.history[name]
    before = everything(trainer)
    fastnn.manual_seed(1)
    before = everything(trainer)
    find(trainer)
    assert everything(trainer) == before
    history = trainer.fit(rows(), epochs=2)
    fastnn.manual_seed(1)
    assert history["loss"] == other.fit(rows(), epochs=2)["loss"]


def test_a_finder_leaves_a_loader_as_it_was():
    trainer = make()
    loader = data.DataLoader(data.TensorDataset(*rows()), 32, shuffle=True, seed=5)
    first = [y.tolist() for _, y in loader]
    loader.set_epoch(0)
    trainer.lr_find(loader, num_training=15)
    assert [y.tolist() for _, y in loader] == first


def test_the_suggestion_trains_well():
    trainer = make(ema=None, scheduler=None)
    found = trainer.lr_find(rows(), num_training=80, batch_size=64)
    assert 10 < len(found.lr) <= 80
    rate = found.suggestion()
    assert 1e-4 < rate < 1
    assert 1e-5 < found.suggestion("valley") < 1
    for group in trainer.optimizer.param_groups:
        group["lr"] = rate
    assert trainer.fit(rows(), epochs=15)["loss"][-1] < 0.35


def test_the_sweep_ends_where_the_loss_runs_away():
    model = nn.Linear(8, 1)
    sgd = optim.SGD(model.parameters(), lr=0.1)
    trainer = Trainer(model, nn.MSELoss(), sgd, progress=False)
    x, _ = rows()
    found = trainer.lr_find((x, x[:, :1]), max_lr=1e6)
    assert found.diverged
    assert found.lr[-1] < 1e3
    assert np.isfinite(found.loss).all()
    assert 1e-3 < found.suggestion() < 1
    assert sgd.param_groups[0]["lr"] == 0.1


def test_a_curve_that_tells_nothing_gives_no_suggestion():
    generator = np.random.default_rng(0)
    noise = LRFind(np.geomspace(1e-6, 1, 100), 1 + generator.normal(size=100))
    with pytest.warns(UserWarning, match="too noisy for a suggestion.*batch_size"):
        assert noise.suggestion() is None
    with pytest.warns(UserWarning, match="3 points are too few"):
        assert LRFind([1e-3, 1e-2, 1e-1], [3, 2, 1]).suggestion() is None
    with pytest.raises(ValueError, match="'steep' or 'valley'"):
        noise.suggestion("best")


def test_finders_refuse_what_makes_no_sense():
    trainer = make()
    for wrong in ({"min_lr": 0}, {"min_lr": 1, "max_lr": 0.1}, {"max_lr": float("inf")}):
        with pytest.raises(ValueError, match="0 < min_lr < max_lr"):
            trainer.lr_find(rows(), **wrong)
    with pytest.raises(ValueError, match="num_training"):
        trainer.lr_find(rows(), num_training=1)
    with pytest.raises(MemoryError, match="the budget is 10"):
        trainer.scale_batch_size(rows(), memory=10)
    with pytest.raises(TypeError, match="array without targets|pair"):
        trainer.lr_find(rows()[0])


def test_the_batch_is_the_largest_within_the_budget():
    trainer = make()
    data_of = rows(4096)
    everything_fits = trainer.scale_batch_size(data_of, memory=1 << 30)
    assert everything_fits.batch_size == 4096
    sizes = everything_fits.trials
    budget = (sizes[512] + sizes[1024]) // 2
    found = trainer.scale_batch_size(data_of, memory=budget)
    assert found.batch_size == 512
    assert found.memory <= budget
    assert max(found.trials) <= 1024  # nothing far above the budget was tried
    assert found.lr == pytest.approx(0.02 * 512 / 32)
    assert trainer.scale_batch_size(data_of, memory=1 << 30, max_batch=100).batch_size == 64
    assert trainer.scale_batch_size(data_of).batch_size == 4096  # half of the free memory


def test_plot_returns_the_axes():
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib")
    ax = make().lr_find(rows(), num_training=40).plot()
    assert ax.get_xscale() == "log"
    assert any("suggestion" in text.get_text() for text in ax.get_legend().get_texts())
