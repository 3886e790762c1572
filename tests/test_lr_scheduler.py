"""Schedules: PyTorch's sequences over 100 epochs."""

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

torch = pytest.importorskip("torch", reason="sequences are compared with torch's")

MAKERS = {
    "StepLR": lambda s, o: s.StepLR(o, 7, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [10, 30, 30, 80], 0.3),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.97),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 30, 1e-3),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, 0.9, 20),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.25, 12),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 50, 2.0),
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (1 + e)]),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o,
        [s.LinearLR(o, 0.1, total_iters=10), s.CosineAnnealingLR(o, 40), s.StepLR(o, 5)],
        [10, 50],
    ),
}


def optimizers():
    mine = [nn.Parameter(fastnn.zeros(2)), nn.Parameter(fastnn.zeros(3))]
    theirs = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(3))]
    return [
        library.SGD([{"params": [p]}, {"params": [q], "lr": 0.7}], lr=0.1)
        for library, (p, q) in ((optim, mine), (torch.optim, theirs))
    ]


def rates(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_sequence(name):
    a, b = optimizers()
    mine, theirs = MAKERS[name](optim.lr_scheduler, a), MAKERS[name](torch.optim.lr_scheduler, b)
    for _ in range(100):
        np.testing.assert_allclose(rates(a), rates(b), rtol=1e-9, atol=1e-15)
        assert mine.get_last_lr() == rates(a)
        mine.step()
        theirs.step()


@pytest.mark.parametrize("name", MAKERS)
def test_resume(name):
    a, b = optimizers()[0], optimizers()[0]
    whole, start = MAKERS[name](optim.lr_scheduler, a), MAKERS[name](optim.lr_scheduler, b)
    for _ in range(13):
        whole.step()
        start.step()
    c = optimizers()[0]
    resumed = MAKERS[name](optim.lr_scheduler, c)
    c.load_state_dict(b.state_dict())
    resumed.load_state_dict(start.state_dict())
    for _ in range(60):
        whole.step()
        resumed.step()
        assert rates(a) == rates(c)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mode": "max", "factor": 0.5, "patience": 2, "cooldown": 3},
        {"threshold_mode": "abs", "threshold": 0.05, "patience": 1, "min_lr": [0.01, 0.02]},
        {"mode": "max", "threshold_mode": "abs", "threshold": 0.3, "patience": 0},
    ],
)
def test_plateau(settings):
    a, b = optimizers()
    mine = optim.lr_scheduler.ReduceLROnPlateau(a, **settings)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(b, **settings)
    rng = np.random.default_rng(0)
    for epoch in range(100):
        metric = 1 / (1 + 0.1 * epoch) + 0.2 * rng.random()
        mine.step(metric)
        theirs.step(metric)
        np.testing.assert_allclose(rates(a), rates(b), rtol=1e-12)


def test_the_kernel_sees_the_rate():
    p = nn.Parameter(fastnn.zeros(1))
    optimizer = optim.SGD([p], lr=1.0)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    for _ in range(3):
        p.grad = fastnn.ones(1)
        optimizer.step()
        schedule.step()
    assert p.item() == -1.75


def test_a_rate_changed_by_hand_goes_on_in_proportion():
    optimizer = optimizers()[0]
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    schedule.step()
    optimizer.param_groups[0]["lr"] = 4.0
    schedule.step()
    assert rates(optimizer) == [2.0, 0.175]
    schedule.step()
    assert rates(optimizer) == [1.0, 0.0875]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda s, o: s.StepLR(o, 0), "step_size must be at least 1"),
        (lambda s, o: s.CosineAnnealingLR(o, 0), "T_max must be positive"),
        (lambda s, o: s.LinearLR(o, 0.0), "start_factor"),
        (lambda s, o: s.ConstantLR(o, 2.0), "factor"),
        (lambda s, o: s.LambdaLR(o, [abs]), "expected 2 functions"),
        (lambda s, o: s.ReduceLROnPlateau(o, mode="low"), "'min' or 'max'"),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), "factor must be"),
        (lambda s, o: s.SequentialLR(o, [], [1]), "0 schedulers"),
    ],
)
def test_errors(make, match):
    with pytest.raises(ValueError, match=match):
        make(optim.lr_scheduler, optimizers()[0])
    with pytest.raises(TypeError, match="expected an Optimizer"):
        optim.lr_scheduler.StepLR(None, 1)
